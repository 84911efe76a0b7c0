/**
 * What a message says of when it is to be released from an x-delayed-message exchange.
 *
 *   x-delay        milliseconds from publishing: an integer of any width, a float (truncated) or a string of digits
 *   x-deliver-at   a moment: a timestamp in seconds (type T), or milliseconds since 1970 in the forms of x-delay
 *
 * x-delay counts where both are there. Nothing, or nothing above 0: at once. On release x-delay is there and negative, so that
 * a delayed exchange behind the first does not delay the message again; the value is how long it was meant to wait.
 */
import type { FieldTable, FieldValue } from '../protocol/field-table.ts';

/** The last millisecond of the year 9999. */
export const LATEST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** Set to true on a message that may have been released before: see docs/delayed-messages.md. */
const REPEATED = 'x-delay-repeated';
const INT32_MOST = 0x7fffffff;

/** @returns milliseconds to wait from `nowMs` on; 0 or less: none; NaN where a header is a string and no number. */
export function delayOf(headers: FieldTable | undefined, nowMs: number): number {
  const delay = headers?.get('x-delay');
  if (delay !== undefined) return numberIn(delay);
  const at = headers?.get('x-deliver-at');
  if (at === undefined) return 0;
  if (at.type === 'T') return Number(at.value) * 1000 - nowMs;
  const moment = numberIn(at);
  return moment === 0 ? 0 : moment - nowMs;
}

/** When a message that was published at `publishedAtMs` is due. */
export function dueAtOf(headers: FieldTable | undefined, publishedAtMs: number): number {
  const delay = delayOf(headers, publishedAtMs);
  return Number.isNaN(delay) ? publishedAtMs : Math.min(publishedAtMs + delay, LATEST_MS);
}

/** The headers that the message has from its release on. */
export function releasedHeaders(
  headers: FieldTable | undefined,
  publishedAtMs: number,
  isRepeated: boolean,
): FieldTable {
  const released = new Map(headers);
  released.set('x-delay', integer(-delayOf(headers, publishedAtMs)));
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
