/**
 * Publishes of one channel that wait for their confirm, by exchange, the oldest turn first: confirms go out in that order, so
 * that a number of them says which exchanges they are of.
 */
import type { ExchangePublishes } from './channel-counts.ts';

export class UnconfirmedByExchange {
  readonly #publishes: ExchangePublishes[] = [];
  readonly #counts: number[] = [];

  /** @param count of those that were not refused */
  add(publishes: ExchangePublishes, count: number): void {
    // A channel whose publishes are all refused would gather these without end.
    if (count === 0) return;
    const last = this.#publishes.length - 1;
    if (last >= 0 && this.#publishes[last] === publishes) {
      this.#counts[last]! += count;
      return;
    }
    this.#publishes.push(publishes);
    this.#counts.push(count);
  }

  /** The next `count` are confirmed: of whole turns, within which their order is not known. */
  confirm(count: number): void {
    let left = count;
    let done = 0;
    while (left > 0) {
      const waiting = this.#counts[done]!;
      const taken = Math.min(waiting, left);
      this.#publishes[done]!.confirmed += taken;
      left -= taken;
      if (taken === waiting) done++;
      else this.#counts[done] = waiting - taken;
    }
    this.#publishes.splice(0, done);
    this.#counts.splice(0, done);
  }
}
