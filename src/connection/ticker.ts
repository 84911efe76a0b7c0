/** When connections look at their time limits, and for how long the broker itself had no time to hear them. */
import type { Limits } from '../config/limits.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { LONGEST_TICK_MS } from './heartbeats.ts';

/** More often than connections need it for heartbeats, where a limit is shorter than a few ticks. */
const TICKS_PER_LIMIT = 4;
const SHORTEST_TICK_MS = 20;

/**
 * @param nowMs monotonic
 * @param unheardMs for how long nobody could be heard
 */
export type Tick = (nowMs: number, unheardMs: number) => Promise<void>;

export class Ticker {
  readonly #clock: Clock;
  readonly #tick: Tick;
  readonly #periodMs: number;
  readonly #timer: Timer;
  #tickedAtMs: number;
  #isTicking = false;

  /** Ticks from now on. @param tick may take longer than it is to the next one, which is then left out */
  constructor(clock: Clock, limits: Limits, tick: Tick) {
    this.#clock = clock;
    this.#tick = tick;
    this.#periodMs = periodMs(limits);
    this.#tickedAtMs = clock.monotonicMs();
    this.#timer = clock.every(this.#periodMs, () => this.#next());
  }

  async #next(): Promise<void> {
    if (this.#isTicking) return;
    this.#isTicking = true;
    const now = this.#clock.monotonicMs();
    // A process that was stopped, or kept busy by the program around the broker, has not heard what waits in its sockets.
    const lateMs = now - this.#tickedAtMs - this.#periodMs;
    const unheardMs = lateMs > this.#periodMs ? lateMs : 0;
    this.#tickedAtMs = now;
    await this.#tick(now, unheardMs);
    this.#isTicking = false;
  }

  cancel(): void {
    this.#timer.cancel();
  }
}

function periodMs({ handshakeTimeoutMs, sendTimeoutMs, consumerTimeoutMs }: Limits): number {
  const shortest = Math.min(handshakeTimeoutMs, sendTimeoutMs, consumerTimeoutMs);
  return Math.max(SHORTEST_TICK_MS, Math.min(LONGEST_TICK_MS, shortest / TICKS_PER_LIMIT));
}
