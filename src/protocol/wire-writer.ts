/** Writes AMQP's elementary types into a buffer of its own that grows. Not for the hot path. */
import { syntaxError } from './errors.ts';
import { textByteLength, writeText } from './text.ts';

const INITIAL_SIZE = 128;
const SHORTSTR_MAX_BYTES = 255;
const TWO_TO_32 = 2 ** 32;

export class WireWriter {
  private bytes = Buffer.allocUnsafe(INITIAL_SIZE);
  private size = 0;

  /** Octets written so far. */
  get length(): number {
    return this.size;
  }

  octet(value: number): void {
    this.bytes.writeUInt8(value, this.grow(1));
  }

  signedOctet(value: number): void {
    this.bytes.writeInt8(value, this.grow(1));
  }

  short(value: number): void {
    this.bytes.writeUInt16BE(value, this.grow(2));
  }

  signedShort(value: number): void {
    this.bytes.writeInt16BE(value, this.grow(2));
  }

  long(value: number): void {
    this.bytes.writeUInt32BE(value, this.grow(4));
  }

  signedLong(value: number): void {
    this.bytes.writeInt32BE(value, this.grow(4));
  }

  longlong(value: number | bigint): void {
    if (typeof value === 'bigint') this.bytes.writeBigUInt64BE(value, this.grow(8));
    else this.halves(value, (high, at) => this.bytes.writeUInt32BE(high, at));
  }

  signedLonglong(value: number | bigint): void {
    if (typeof value === 'bigint') this.bytes.writeBigInt64BE(value, this.grow(8));
    else this.halves(value, (high, at) => this.bytes.writeInt32BE(high, at));
  }

  float(value: number): void {
    this.bytes.writeFloatBE(value, this.grow(4));
  }

  double(value: number): void {
    this.bytes.writeDoubleBE(value, this.grow(8));
  }

  /** @throws AmqpError 502 for more than 255 octets. */
  shortstr(value: string): void {
    const size = textByteLength(value);
    if (size > SHORTSTR_MAX_BYTES) throw syntaxError(`a short string of ${size} octets is longer than 255`);
    this.octet(size);
    writeText(this.bytes, this.grow(size), value);
  }

  longstr(value: string): void {
    const size = textByteLength(value);
    this.long(size);
    const at = this.grow(size);
    writeText(this.bytes, at, value);
  }

  longBytes(value: Buffer): void {
    this.long(value.length);
    const at = this.grow(value.length);
    value.copy(this.bytes, at);
  }

  /** Leaves room for a length that setLong() fills in. @returns where. */
  reserveLong(): number {
    return this.grow(4);
  }

  setLong(at: number, value: number): void {
    this.bytes.writeUInt32BE(value, at);
  }

  /** What was written, as a view that the caller owns; the writer is spent. */
  finish(): Buffer {
    return this.bytes.subarray(0, this.size);
  }

  private halves(value: number, writeHigh: (high: number, at: number) => void): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not an exact 64-bit integer`);
    const at = this.grow(8);
    const high = Math.floor(value / TWO_TO_32);
    writeHigh(high, at);
    this.bytes.writeUInt32BE(value - high * TWO_TO_32, at + 4);
  }

  private grow(size: number): number {
    const at = this.size;
    this.size = at + size;
    if (this.size > this.bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.size, this.bytes.length * 2));
      this.bytes.copy(grown, 0, 0, at);
      this.bytes = grown;
    }
    return at;
  }
}
