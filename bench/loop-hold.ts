/**
 * Loaded into a broker that is measured, before it starts: how long its event loop is held at a time. A timer that is due each
 * millisecond notices how late it is; the time that the process waited for a processor is not the broker's, and is taken off
 * where Linux tells it. Asked by a message, it tells of what was since the last one.
 */
import { openSync, readSync } from 'node:fs';

export interface LoopHolds {
  /** The longest time in which nothing else could be done. */
  readonly longestMs: number;
  /** How many there were of over 2 ms. */
  readonly longCount: number;
}

const PERIOD_MS = 1;
const LONG_MS = 2;
const NS_PER_MS = 1e6;

const waited = waitedForProcessor();
let longestMs = 0;
let longCount = 0;
let lastMs = performance.now();
let lastWaitedMs = waited();

setInterval(() => {
  const nowMs = performance.now();
  const waitedMs = waited();
  const holdMs = nowMs - lastMs - (waitedMs - lastWaitedMs) - PERIOD_MS;
  lastMs = nowMs;
  lastWaitedMs = waitedMs;
  longestMs = Math.max(longestMs, holdMs);
  if (holdMs > LONG_MS) longCount++;
}, PERIOD_MS).unref();

process.on('message', () => {
  process.send?.({ longestMs, longCount } satisfies LoopHolds);
  longestMs = 0;
  longCount = 0;
});
process.channel?.unref();

/** Milliseconds that the main thread was ready to run and did not; always 0 where the system does not tell. */
function waitedForProcessor(): () => number {
  const text = Buffer.alloc(64);
  let file: number;
  try {
    file = openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
  } catch {
    return () => 0;
  }
  return () => Number(text.toString('latin1', 0, readSync(file, text, 0, text.length, 0)).split(' ')[1]) / NS_PER_MS;
}
