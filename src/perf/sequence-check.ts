/**
 * Whether messages come as they were published: each publisher numbers its own from 1, by one, wrapping at 2^32. The first
 * number that is seen of a publisher is taken as it is, since a backlog may have been begun by another consumer.
 */

const publishersMax = 10_000;

export class SequenceCheck {
  /** Messages that came again, or after one that was published later. */
  duplicates = 0;
  /** Numbers that were left out; one that comes late after all stays counted here, and counts as a duplicate as well. */
  gaps = 0;
  readonly #last = new Uint32Array(publishersMax);

  take(publisher: number, sequence: number): void {
    if (publisher >= publishersMax) return;
    const last = this.#last[publisher]!;
    const step = (sequence - last) | 0;
    if (last === 0 || step > 0) this.#last[publisher] = sequence;
    if (last === 0) return;
    if (step <= 0) this.duplicates++;
    else this.gaps += step - 1;
  }
}
