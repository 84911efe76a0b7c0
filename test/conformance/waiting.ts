/**
 * How a conformance test waits: for the condition itself, never for an amount of time. The deadline only turns a broker that
 * never answers into a failure that says what was missing.
 */
import { setTimeout as after } from 'node:timers/promises';

/** How long any single condition may take before the test fails. */
export const DEADLINE_MS = 10_000;

const POLL_MS = 5;

/**
 * Asks `probe` again and again until it gives something other than `undefined` or `false`, and returns that.
 * For conditions that the protocol cannot announce, such as a message count.
 * @throws Error naming `what` after `DEADLINE_MS`.
 */
export async function eventually<T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> {
  const giveUpAtMs = performance.now() + DEADLINE_MS;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > giveUpAtMs) throw new Error(`still waiting for ${what} after ${DEADLINE_MS} ms`);
    await after(POLL_MS);
  }
}

/** Settles as `promise` does, or fails after `deadlineMs` with an Error naming `what`. */
export async function withDeadline<T>(what: string, promise: Promise<T>, deadlineMs = DEADLINE_MS): Promise<T> {
  const over = new AbortController();
  const deadline = after(deadlineMs, undefined, { signal: over.signal }).then(() => {
    throw new Error(`still waiting for ${what} after ${deadlineMs} ms`);
  });
  deadline.catch(() => undefined); // Aborted below once `promise` has won; nobody else looks at it.
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    over.abort();
  }
}

/** What a callback was given, in order, to be awaited by a test: deliveries, returns, events. */
export class Inbox<T> {
  readonly #what: string;
  readonly #items: T[] = [];
  #arrived = Promise.withResolvers<void>();

  constructor(what: string) {
    this.#what = what;
  }

  /** Items put and not taken yet. */
  get count(): number {
    return this.#items.length;
  }

  /** Takes any value; bound, so that it can be handed over as a callback. */
  readonly put = (item: T): void => {
    this.#items.push(item);
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  };

  /** Removes and returns the oldest item, waiting for it. @throws Error after `DEADLINE_MS`. */
  async next(): Promise<T> {
    const [item] = await this.take(1);
    return item as T;
  }

  /** Removes and returns the oldest `count` items once there are as many. @throws Error after `DEADLINE_MS`. */
  async take(count: number): Promise<T[]> {
    while (this.#items.length < count) {
      await withDeadline(`${this.#what} (${this.#items.length} of ${count})`, this.#arrived.promise);
    }
    return this.#items.splice(0, count);
  }
}
