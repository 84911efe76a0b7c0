/**
 * Reads of a message's properties only what the broker must know, without making objects, and checks that the rest is well
 * formed: malformed properties close the connection here, at the publisher, and never reach a consumer.
 */
import { internalError } from '../protocol/errors.ts';
import { MAX_TABLE_DEPTH } from '../protocol/field-table.ts';
import { PROPERTY_FLAGS } from '../protocol/properties.ts';

const ABSENT = -1;

export class PropertyScan {
  /** Or -1. */
  deliveryMode = ABSENT;
  priority = 0;
  /** Offsets of the shortstrs' length octets, or -1. */
  expirationAt = ABSENT;
  userIdAt = ABSENT;
  replyToAt = ABSENT;
  /** Whether a header named CC or BCC is there. */
  hasCopies = false;

  /** @throws AmqpError 541 for anything malformed, as RabbitMQ does. */
  scan(bytes: Buffer, offset: number, end: number): void {
    this.deliveryMode = ABSENT;
    this.priority = 0;
    this.expirationAt = ABSENT;
    this.userIdAt = ABSENT;
    this.replyToAt = ABSENT;
    this.hasCopies = false;
    if (offset + 2 > end) throw internalError('');
    const flags = (bytes[offset] << 8) | bytes[offset + 1];
    if ((flags & 1) !== 0) throw internalError('');
    let at = offset + 2;
    if ((flags & ~PROPERTY_FLAGS.deliveryMode & ~PROPERTY_FLAGS.priority) === 0) {
      // The usual message of a benchmark and of many a program: nothing but delivery mode and priority.
      if ((flags & PROPERTY_FLAGS.deliveryMode) !== 0) this.deliveryMode = bytes[at++];
      if ((flags & PROPERTY_FLAGS.priority) !== 0) this.priority = bytes[at++];
      if (at !== end) throw internalError('');
      return;
    }
    if ((flags & PROPERTY_FLAGS.contentType) !== 0) at = skipShortstr(bytes, at, end);
    if ((flags & PROPERTY_FLAGS.contentEncoding) !== 0) at = skipShortstr(bytes, at, end);
    if ((flags & PROPERTY_FLAGS.headers) !== 0) at = this.#scanTable(bytes, at, end, 1);
    if ((flags & PROPERTY_FLAGS.deliveryMode) !== 0) this.deliveryMode = bytes[take(at, at++, end)];
    if ((flags & PROPERTY_FLAGS.priority) !== 0) this.priority = bytes[take(at, at++, end)];
    if ((flags & PROPERTY_FLAGS.correlationId) !== 0) at = skipShortstr(bytes, at, end);
    if ((flags & PROPERTY_FLAGS.replyTo) !== 0) {
      this.replyToAt = at;
      at = skipShortstr(bytes, at, end);
    }
    if ((flags & PROPERTY_FLAGS.expiration) !== 0) {
      this.expirationAt = at;
      at = skipShortstr(bytes, at, end);
    }
    if ((flags & PROPERTY_FLAGS.messageId) !== 0) at = skipShortstr(bytes, at, end);
    if ((flags & PROPERTY_FLAGS.timestamp) !== 0) at += 8;
    if ((flags & PROPERTY_FLAGS.type) !== 0) at = skipShortstr(bytes, at, end);
    if ((flags & PROPERTY_FLAGS.userId) !== 0) {
      this.userIdAt = at;
      at = skipShortstr(bytes, at, end);
    }
    if ((flags & PROPERTY_FLAGS.appId) !== 0) at = skipShortstr(bytes, at, end);
    if ((flags & PROPERTY_FLAGS.clusterId) !== 0) at = skipShortstr(bytes, at, end);
    if (at !== end) throw internalError('');
  }

  #scanTable(bytes: Buffer, offset: number, end: number, depth: number): number {
    const to = insideEnd(bytes, offset, end, depth);
    let at = offset + 4;
    while (at < to) {
      const size = bytes[at];
      if (depth === 1 && isCopyHeader(bytes, at + 1, size)) this.hasCopies = true;
      at = this.#skipValue(bytes, at + 1 + size, to, depth);
    }
    if (at !== to) throw internalError('');
    return to;
  }

  #skipArray(bytes: Buffer, offset: number, end: number, depth: number): number {
    const to = insideEnd(bytes, offset, end, depth);
    let at = offset + 4;
    while (at < to) at = this.#skipValue(bytes, at, to, depth);
    if (at !== to) throw internalError('');
    return to;
  }

  #skipValue(bytes: Buffer, offset: number, end: number, depth: number): number {
    if (offset >= end) throw internalError('');
    const at = offset + 1;
    switch (bytes[offset]) {
      case 0x74: // t
      case 0x62: // b
      case 0x42: // B
        return take(at + 1, at + 1, end + 1);
      case 0x73: // s
      case 0x75: // u
        return take(at + 2, at + 2, end + 1);
      case 0x49: // I
      case 0x69: // i
        return take(at + 4, at + 4, end + 1);
      case 0x66: // f
        take(at + 4, at + 4, end + 1);
        if (!Number.isFinite(bytes.readFloatBE(at))) throw internalError('');
        return at + 4;
      case 0x44: // D
        return take(at + 5, at + 5, end + 1);
      case 0x6c: // l
      case 0x4c: // L
      case 0x54: // T
        return take(at + 8, at + 8, end + 1);
      case 0x64: // d
        take(at + 8, at + 8, end + 1);
        if (!Number.isFinite(bytes.readDoubleBE(at))) throw internalError('');
        return at + 8;
      case 0x53: // S
      case 0x78: // x
        return insideEnd(bytes, at, end, 0);
      case 0x41: // A
        return this.#skipArray(bytes, at, end, depth + 1);
      case 0x46: // F
        return this.#scanTable(bytes, at, end, depth + 1);
      case 0x56: // V
        return at;
      default:
        throw internalError('');
    }
  }
}

/** @returns `value` when `at` lies before `end`. */
function take(value: number, at: number, end: number): number {
  if (at >= end) throw internalError('');
  return value;
}

function skipShortstr(bytes: Buffer, at: number, end: number): number {
  if (at >= end) throw internalError('');
  const next = at + 1 + bytes[at];
  if (next > end) throw internalError('');
  return next;
}

/** Where what is prefixed by a length of four octets ends. */
function insideEnd(bytes: Buffer, offset: number, end: number, depth: number): number {
  if (offset + 4 > end || depth > MAX_TABLE_DEPTH) throw internalError('');
  const to = offset + 4 + bytes.readUInt32BE(offset);
  if (to > end) throw internalError('');
  return to;
}

/** CC or BCC. */
function isCopyHeader(bytes: Buffer, at: number, size: number): boolean {
  if (size === 2) return bytes[at] === 0x43 && bytes[at + 1] === 0x43;
  return size === 3 && bytes[at] === 0x42 && bytes[at + 1] === 0x43 && bytes[at + 2] === 0x43;
}
