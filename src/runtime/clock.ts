/**
 * Time, as one object that tests replace. Nothing outside runtime/ asks the operating system for it.
 * `nowMs` is the wall clock (message timestamps, expiry that survives a restart), `monotonicMs` never jumps (timeouts).
 */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  nowMs(): number;
  monotonicMs(): number;
  /** Calls back once, `delayMs` from now; long delays (over 24 days) are kept whole. */
  after(delayMs: number, callback: () => void): Timer;
  every(periodMs: number, callback: () => void): Timer;
}

/** The longest delay that setTimeout keeps; a longer one would fire at once. */
const LONGEST_DELAY_MS = 0x7fffffff;

class LongTimer implements Timer {
  #handle: NodeJS.Timeout;

  constructor(delayMs: number, callback: () => void) {
    this.#handle = this.#arm(delayMs, callback);
  }

  #arm(delayMs: number, callback: () => void): NodeJS.Timeout {
    if (delayMs <= LONGEST_DELAY_MS) return setTimeout(callback, Math.max(0, delayMs));
    return setTimeout(() => {
      this.#handle = this.#arm(delayMs - LONGEST_DELAY_MS, callback);
    }, LONGEST_DELAY_MS);
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, callback) => new LongTimer(delayMs, callback),
  every(periodMs, callback) {
    const handle = setInterval(callback, periodMs);
    return { cancel: () => clearInterval(handle) };
  },
};
