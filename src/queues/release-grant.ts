/**
 * Up to when a line may release: the journal says so before it does, so that a start after a kill knows what may have been handed
 * out already. It is asked for in advance, once a second at most, and costs nothing then.
 *
 *   asked ----durable----> granted          what is due later than that waits, and no kill makes it look as if it had gone
 */
import type { MessageStore } from '../storage/message-store.ts';

/** How far ahead is asked for, and how much of that has to be left. */
const GRANT_MS = 2000;
const LEAST_MS = 1000;

export class ReleaseGrant {
  readonly #store: MessageStore;
  readonly #lineId: number;
  #askedMs = -1;
  #askedAppended = 0;
  #grantedMs = -1;

  constructor(store: MessageStore, lineId: number) {
    this.#store = store;
    this.#lineId = lineId;
  }

  /** What a start finds in the journal: it is durable. */
  restore(askedMs: number): void {
    this.#askedMs = askedMs;
    this.#grantedMs = askedMs;
  }

  /** What may have been released up to now, or until the next is asked for. */
  get askedMs(): number {
    return this.#askedMs;
  }

  /** Something is due soon. @returns whether the journal has to be written */
  ask(nowMs: number): boolean {
    if (this.#askedMs >= nowMs + LEAST_MS) return false;
    this.#askedMs = nowMs + GRANT_MS;
    this.#store.releasing(this.#lineId, this.#askedMs);
    this.#askedAppended = this.#store.appended;
    return true;
  }

  /** Whether what is due at `nowMs` may go. */
  covers(nowMs: number): boolean {
    if (this.#store.durable >= this.#askedAppended) this.#grantedMs = this.#askedMs;
    return this.#grantedMs >= nowMs;
  }
}
