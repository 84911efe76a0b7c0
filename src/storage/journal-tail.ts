/**
 * Where the journal ends. Behind that lies, if anything, what the last write left unfinished when the process or the machine
 * stopped: nobody was promised it, and it must not count, because a later part of it may be there where an earlier one is not.
 *
 *   ... | durable, as the last sound block tells (`synced`) | the last write: block, block, (gap), block
 *                                                                                 ^ the end
 *
 * An atomic group that is not whole at the end does not count either.
 */
import { CHAIN_START } from './block.ts';
import type { JournalFile } from './journal.ts';
import type { FoundBlock, JournalReader } from './journal-reader.ts';

interface Link {
  readonly position: number;
  readonly end: number;
  readonly previousEnd: number;
  readonly continues: boolean;
}

/** @returns the position behind the last block that counts, or -1 when there is no sound block at all. */
export function findJournalEnd(files: readonly JournalFile[], reader: JournalReader): number {
  const tail = new Tail();
  for (let i = files.length - 1; i >= 0; i--) {
    tail.prepend(files[i], reader);
    if (tail.reachesBack) break;
  }
  return tail.end();
}

class Tail {
  /** Up to where the journal was durable for certain. */
  #synced = 0;
  /** Where the last block that is durable for certain ended, or -1 when none was read. */
  #durableEnd = -1;
  /** The blocks behind it. */
  #links: Link[] = [];

  /** True when what was read begins no later than what is durable for certain ends. */
  get reachesBack(): boolean {
    return this.#durableEnd >= 0;
  }

  /** Adds a file before those that were added already. */
  prepend(file: JournalFile, reader: JournalReader): void {
    const later = this.#links;
    this.#links = [];
    reader.read(file, {
      block: ({ block }: FoundBlock) => {
        const { position, end, previousEnd, continues } = block;
        this.#links.push({ position, end, previousEnd, continues });
        this.#synced = Math.max(this.#synced, block.synced);
        if (this.#links.length % FORGET_EVERY === 0) this.#forgetDurable();
        return true;
      },
      broken: () => {},
    });
    this.#forgetDurable();
    this.#links.push(...later);
  }

  #forgetDurable(): void {
    let count = 0;
    while (count < this.#links.length && this.#links[count].end <= this.#synced) count++;
    if (count > 0) this.#durableEnd = this.#links[count - 1].end;
    this.#links.splice(0, count);
  }

  end(): number {
    const first = this.reachesBack ? this.#durableEnd : (this.#links[0]?.previousEnd ?? CHAIN_START);
    let end = first;
    let wholeEnd = first;
    for (const link of this.#links) {
      const isGap = link.previousEnd !== end && link.previousEnd !== CHAIN_START;
      if (isGap && end >= this.#synced) break;
      end = link.end;
      if (!link.continues) wholeEnd = end;
    }
    return wholeEnd;
  }
}

/** Blocks in memory until the durable ones are dropped. */
const FORGET_EVERY = 4096;
