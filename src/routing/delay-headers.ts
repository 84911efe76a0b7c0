/**
 * What a message says of when it is to be released from an x-delayed-message exchange.
 *
 *   x-delay        milliseconds from publishing: an integer of any width, a float (truncated) or a string of digits
 *   x-deliver-at   a moment: a timestamp in seconds (type T), or milliseconds since 1970 in the forms of x-delay
 *
 * x-delay counts where both are there. Nothing, or nothing above 0: at once. On release x-delay is there and negative, so that
 * a delayed exchange behind the first does not delay the message again; the value is how long it was meant to wait.
 */
import { decodeFieldValue, type FieldTable, type FieldValue, fieldValueSize } from '../protocol/field-table.ts';
import { PROPERTY_FLAGS } from '../protocol/properties.ts';

/** The last millisecond of the year 9999. */
export const LATEST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const DELAY = 'x-delay';
const DELIVER_AT = 'x-deliver-at';
/** Set to true on a message that may have been released before: see docs/delayed-messages.md. */
const REPEATED = 'x-delay-repeated';
const INT32_MOST = 0x7fffffff;
const INT32 = 0x49;
const INT64 = 0x6c;

/** @returns milliseconds to wait from `nowMs` on; 0 or less: none; NaN where a header is a string and no number. */
export function delayOf(headers: FieldTable | undefined, nowMs: number): number {
  return delayBy(headers?.get(DELAY), headers?.get(DELIVER_AT), nowMs);
}

/** The same of encoded properties, which fill offset to end and are well-formed: only what counts is decoded. */
export function delayIn(bytes: Buffer, offset: number, end: number, nowMs: number): number {
  const table = headersOffset(bytes, offset);
  if (table < 0) return 0;
  const to = table + 4 + bytes.readUInt32BE(table);
  let moment = -1;
  for (let at = table + 4; at < to; ) {
    const size = bytes[at];
    const valueAt = at + 1 + size;
    // The first of a name counts, as where the table is decoded.
    if (isName(bytes, at + 1, size, DELAY)) return delayAt(bytes, valueAt, end, nowMs);
    if (moment < 0 && isName(bytes, at + 1, size, DELIVER_AT)) moment = valueAt;
    at = valueAt + fieldValueSize(bytes, valueAt);
  }
  return moment < 0 ? 0 : delayBy(undefined, decodeFieldValue(bytes, moment, end), nowMs);
}

/** What clients send most is read without an object for it. */
function delayAt(bytes: Buffer, at: number, end: number, nowMs: number): number {
  const type = bytes[at];
  if (type === INT32) return bytes.readInt32BE(at + 1);
  if (type === INT64) return bytes.readInt32BE(at + 1) * 0x100000000 + bytes.readUInt32BE(at + 5);
  return delayBy(decodeFieldValue(bytes, at, end), undefined, nowMs);
}

function isName(bytes: Buffer, at: number, size: number, name: string): boolean {
  if (size !== name.length) return false;
  for (let i = 0; i < size; i++) if (bytes[at + i] !== name.charCodeAt(i)) return false;
  return true;
}

/** Where the table of headers begins in encoded properties, or -1. */
function headersOffset(bytes: Buffer, offset: number): number {
  const flags = (bytes[offset] << 8) | bytes[offset + 1];
  if ((flags & PROPERTY_FLAGS.headers) === 0) return -1;
  let at = offset + 2;
  if ((flags & PROPERTY_FLAGS.contentType) !== 0) at += 1 + bytes[at];
  if ((flags & PROPERTY_FLAGS.contentEncoding) !== 0) at += 1 + bytes[at];
  return at;
}

function delayBy(delay: FieldValue | undefined, at: FieldValue | undefined, nowMs: number): number {
  if (delay !== undefined) return numberIn(delay);
  if (at === undefined) return 0;
  if (at.type === 'T') return Number(at.value) * 1000 - nowMs;
  const moment = numberIn(at);
  return moment === 0 ? 0 : moment - nowMs;
}

/** When a message that was published at `publishedAtMs` is due, by its encoded properties. */
export function dueAtIn(bytes: Buffer, offset: number, end: number, publishedAtMs: number): number {
  const delay = delayIn(bytes, offset, end, publishedAtMs);
  return Number.isNaN(delay) ? publishedAtMs : Math.min(publishedAtMs + delay, LATEST_MS);
}

/** The headers of a message that waits for as long as it is told, whatever its own headers say. */
export function delayedHeaders(headers: FieldTable | undefined, delayMs: number): FieldTable {
  return new Map(headers).set(DELAY, integer(delayMs));
}

/** The headers that the message has from its release on. */
export function releasedHeaders(
  headers: FieldTable | undefined,
  publishedAtMs: number,
  isRepeated: boolean,
): FieldTable {
  const released = new Map(headers);
  released.set(DELAY, integer(-delayOf(headers, publishedAtMs)));
  if (isRepeated) released.set(REPEATED, { type: 't', value: true });
  return released;
}

/** 0 for what is no number by its type: the plugin does not delay then. */
function numberIn(value: FieldValue): number {
  switch (value.type) {
    case 'b':
    case 'B':
    case 's':
    case 'u':
    case 'I':
    case 'i':
    case 'l':
    case 'L':
      return Number(value.value);
    case 'f':
    case 'd':
      return Math.trunc(value.value);
    case 'S':
    case 'x':
      return digitsIn(value.value.toString());
    default:
      return 0;
  }
}

function digitsIn(text: string): number {
  return /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
}

function integer(value: number): FieldValue {
  // -0 is none that the wire knows.
  return { type: Math.abs(value) <= INT32_MOST ? 'I' : 'l', value: value === 0 ? 0 : value };
}
