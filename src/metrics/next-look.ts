/** When to look again at what fills up: seldom while there is room for long, often close to the limit. The numbers are RabbitMQ's. */

/** What fills it fast: 250 MB/s. */
const FAST_BYTES_PER_MS = 250_000;

/** Twice the time in which the room that is left would be gone, within bounds. */
export function nextLookMs(roomBytes: number, shortestMs: number, longestMs: number): number {
  return Math.trunc(Math.max(shortestMs, Math.min(longestMs, (2 * roomBytes) / FAST_BYTES_PER_MS)));
}
