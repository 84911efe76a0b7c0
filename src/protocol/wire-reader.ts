/**
 * Reads AMQP's elementary types from a range of octets, never beyond its end.
 *
 * What a fault is answered with depends on what is being read, so the reader is given a `FaultMaker`. Invariant: whatever the
 * octets are, nothing but an AmqpError is thrown. Not for the hot path: publishes and acks are parsed in src/connection.
 */
import type { AmqpError, MethodId } from './errors.ts';
import { frameError } from './errors.ts';
import { decodeText, isEscaped } from './text.ts';

/** Makes the error for octets that cannot be read; `reason` says what is wrong with them. */
export type FaultMaker = (reader: WireReader, reason: string) => AmqpError;

export interface ReaderFaults {
  /** For data that end too soon, or are followed by more. */
  readonly short: FaultMaker;
  /** For the inside of a field table. */
  readonly table: FaultMaker;
}

export class WireReader {
  /** Borrowed: strings are copied out, so nothing of it is kept. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly faults: ReaderFaults;
  readonly method: MethodId | undefined;
  offset: number;

  constructor(bytes: Buffer, offset: number, end: number, faults: ReaderFaults, method?: MethodId) {
    this.bytes = bytes;
    this.start = offset;
    this.end = end;
    this.faults = faults;
    this.method = method;
    this.offset = offset;
  }

  octet(): number {
    return this.bytes[this.take(1)]!;
  }

  short(): number {
    return this.bytes.readUInt16BE(this.take(2));
  }

  long(): number {
    return this.bytes.readUInt32BE(this.take(4));
  }

  /** An unsigned 64-bit integer: a number where that is exact. */
  longlong(): number | bigint {
    const at = this.take(8);
    const value = this.bytes.readUInt32BE(at) * 2 ** 32 + this.bytes.readUInt32BE(at + 4);
    return Number.isSafeInteger(value) ? value : this.bytes.readBigUInt64BE(at);
  }

  /** A signed 64-bit integer: a number where that is exact. */
  signedLonglong(): number | bigint {
    const at = this.take(8);
    const value = this.bytes.readInt32BE(at) * 2 ** 32 + this.bytes.readUInt32BE(at + 4);
    return Number.isSafeInteger(value) ? value : this.bytes.readBigInt64BE(at);
  }

  /** A shortstr of any octets: see decodeText(). */
  shortstr(): string {
    return this.text(this.octet());
  }

  /** A shortstr that has to be UTF-8. @throws AmqpError 501 with RabbitMQ's text. */
  utf8Shortstr(): string {
    const text = this.shortstr();
    if (isEscaped(text)) throw frameError('Malformed UTF-8 in shortstr');
    return text;
  }

  /** A longstr of any octets: see decodeText(). */
  longstr(): string {
    return this.text(this.long());
  }

  /** Steps over octets and gives where they began. */
  take(size: number): number {
    const at = this.offset;
    if (size > this.end - at) throw this.faults.short(this, `the data end ${size - (this.end - at)} octets too soon`);
    this.offset = at + size;
    return at;
  }

  /** Checks that nothing is left. */
  finish(): void {
    if (this.offset !== this.end) throw this.faults.short(this, `${this.end - this.offset} octets too many`);
  }

  private text(size: number): string {
    const at = this.take(size);
    return decodeText(this.bytes, at, at + size);
  }
}
