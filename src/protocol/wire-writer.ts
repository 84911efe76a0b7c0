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
    const at = this.grow(1);
    this.bytes.writeUInt8(value, at);
  }

  signedOctet(value: number): void {
    const at = this.grow(1);
    this.bytes.writeInt8(value, at);
  }

  short(value: number): void {
    const at = this.grow(2);
    this.bytes.writeUInt16BE(value, at);
  }

  signedShort(value: number): void {
    const at = this.grow(2);
    this.bytes.writeInt16BE(value, at);
  }

  long(value: number): void {
    const at = this.grow(4);
    this.bytes.writeUInt32BE(value, at);
  }

  signedLong(value: number): void {
    const at = this.grow(4);
    this.bytes.writeInt32BE(value, at);
  }

  longlong(value: number | bigint): void {
    const at = this.grow(8);
    if (typeof value === 'bigint') this.bytes.writeBigUInt64BE(value, at);
    else this.bytes.writeUInt32BE(this.lowHalf(value, at), at);
  }

  signedLonglong(value: number | bigint): void {
    const at = this.grow(8);
    if (typeof value === 'bigint') this.bytes.writeBigInt64BE(value, at);
    else this.bytes.writeInt32BE(this.lowHalf(value, at), at);
  }

  float(value: number): void {
    const at = this.grow(4);
    this.bytes.writeFloatBE(value, at);
  }

  double(value: number): void {
    const at = this.grow(8);
    this.bytes.writeDoubleBE(value, at);
  }

  /** @throws AmqpError 502 for more than 255 octets. */
  shortstr(value: string): void {
    const size = textByteLength(value);
    if (size > SHORTSTR_MAX_BYTES) throw syntaxError(`a short string of ${size} octets is longer than 255`);
    this.octet(size);
    const at = this.grow(size);
    writeText(this.bytes, at, value);
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

  /** Writes the low half of a 64-bit integer that begins at `at`. @returns the high half. */
  private lowHalf(value: number, at: number): number {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not an exact 64-bit integer`);
    const high = Math.floor(value / TWO_TO_32);
    this.bytes.writeUInt32BE(value - high * TWO_TO_32, at + 4);
    return high;
  }

  /** Makes room, perhaps in a new buffer: `this.bytes` is to be read after it. @returns where the room begins. */
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
