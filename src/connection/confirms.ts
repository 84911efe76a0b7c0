/**
 * Publisher confirms of one channel. They go out in the order of publishing, in runs: all that was published in a turn waits
 * for one journal position, so a run is three numbers and costs nothing per message. A refused message is nacked at once, by itself.
 */
export class Confirms {
  /** Publishes on this channel since confirm.select. */
  published = 0;
  /** Of those, the ones that were acked. */
  confirmed = 0;
  /** The last one that was not refused: what an ack may name. */
  #lastAccepted = 0;
  #needsDurable = false;
  readonly #runEnds: number[] = [];
  readonly #runNeeds: number[] = [];
  readonly #runCounts: number[] = [];
  #refusedCount = 0;
  /** Accepted publishes in all runs so far. */
  #runsCount = 0;
  #acked = 0;

  /** Accepted publishes that were not acked yet. */
  get waitingCount(): number {
    return this.published - this.#refusedCount - this.confirmed;
  }

  /** @param durable whether the confirm has to wait for the disk. */
  accepted(durable: boolean): void {
    this.#lastAccepted = ++this.published;
    if (durable) this.#needsDurable = true;
  }

  /** @returns the delivery tag to nack, and whether none before it waits: RabbitMQ says `multiple` then. */
  refused(): { tag: number; multiple: boolean } {
    this.#refusedCount++;
    return { tag: ++this.published, multiple: this.#acked >= this.#lastAccepted };
  }

  /**
   * Closes the run of this turn, and sends what may go.
   * @param ack told once at most: the delivery tag, and whether it stands for earlier ones too
   * @returns true while something waits.
   */
  settle(appended: number, durable: number, ack: (tag: number, multiple: boolean) => void): boolean {
    const acceptedCount = this.published - this.#refusedCount;
    if (acceptedCount > this.#runsCount) {
      this.#runEnds.push(this.#lastAccepted);
      this.#runNeeds.push(this.#needsDurable ? appended : 0);
      this.#runCounts.push(acceptedCount - this.#runsCount);
      this.#runsCount = acceptedCount;
      this.#needsDurable = false;
    }
    let tag = 0;
    let count = 0;
    let done = 0;
    while (done < this.#runEnds.length && this.#runNeeds[done] <= durable) {
      count += this.#runCounts[done];
      tag = this.#runEnds[done++];
    }
    if (tag > 0) {
      this.#runEnds.splice(0, done);
      this.#runNeeds.splice(0, done);
      this.#runCounts.splice(0, done);
      this.confirmed += count;
      ack(tag, count > 1);
      this.#acked = tag;
    }
    return this.#runEnds.length > 0;
  }
}
