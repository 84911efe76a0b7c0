/**
 * Publisher confirms of one channel. They go out in the order of publishing, in runs: all that was published in a turn waits
 * for one journal position, so a run is two numbers and costs nothing per message. A refused message is nacked at once, by itself.
 */
export class Confirms {
  /** Publishes on this channel since confirm.select. */
  published = 0;
  /** The last one that was not refused: what an ack may name. */
  #lastAccepted = 0;
  #needsDurable = false;
  readonly #runEnds: number[] = [];
  readonly #runNeeds: number[] = [];
  #acked = 0;
  #runsUpTo = 0;

  /** @param durable whether the confirm has to wait for the disk. */
  accepted(durable: boolean): void {
    this.#lastAccepted = ++this.published;
    if (durable) this.#needsDurable = true;
  }

  /** @returns the delivery tag to nack. */
  refused(): number {
    return ++this.published;
  }

  /**
   * Closes the run of this turn, and sends what may go.
   * @param ack told once at most: the delivery tag, and whether it stands for earlier ones too
   * @returns true while something waits.
   */
  settle(appended: number, durable: number, ack: (tag: number, multiple: boolean) => void): boolean {
    if (this.#lastAccepted > this.#runsUpTo) {
      this.#runsUpTo = this.#lastAccepted;
      this.#runEnds.push(this.#lastAccepted);
      this.#runNeeds.push(this.#needsDurable ? appended : 0);
      this.#needsDurable = false;
    }
    let tag = 0;
    let done = 0;
    while (done < this.#runEnds.length && this.#runNeeds[done] <= durable) tag = this.#runEnds[done++];
    if (tag > 0) {
      this.#runEnds.splice(0, done);
      this.#runNeeds.splice(0, done);
      ack(tag, tag - this.#acked > 1);
      this.#acked = tag;
    }
    return this.#runEnds.length > 0;
  }
}
