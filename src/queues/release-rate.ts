/** How many messages may go at a time, where no more than so many may go in a second. */

/** What was not used may be made up for, up to this much of a second. */
const BURST_SECONDS = 0.1;

export class ReleaseRate {
  /** Undefined: as many as there are. */
  perSecond: number | undefined;
  #credit = 1;
  #countedAtMs: number;

  /** @param nowMs here and below of a clock that never jumps */
  constructor(perSecond: number | undefined, nowMs: number) {
    this.perSecond = perSecond;
    this.#countedAtMs = nowMs;
  }

  /** How many may go now. */
  allowed(nowMs: number): number {
    const { perSecond } = this;
    if (perSecond === undefined) return Number.POSITIVE_INFINITY;
    const earned = ((nowMs - this.#countedAtMs) / 1000) * perSecond;
    this.#countedAtMs = nowMs;
    this.#credit = Math.min(this.#credit + earned, Math.max(1, perSecond * BURST_SECONDS));
    return Math.floor(this.#credit);
  }

  spend(count: number): void {
    if (this.perSecond !== undefined) this.#credit -= count;
  }

  /** Milliseconds until the next one may go. */
  get waitMs(): number {
    if (this.perSecond === undefined || this.#credit >= 1) return 0;
    return ((1 - this.#credit) / this.perSecond) * 1000;
  }
}
