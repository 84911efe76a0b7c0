/**
 * A page of the journal with nothing in it but what is needed. Every record stays where it was, so that positions hold; a record
 * that is needed, or several in a row, has a block of its own, whose header takes the place of something that is not needed:
 *
 *   before   | header | dead | dead | LIVE | dead | header | LIVE | dead | dead | LIVE | LIVE | dead | zeros
 *   after    | header |      hole   header | LIVE |  hole  header | LIVE |  hole  header | LIVE | LIVE |  zeros
 *
 * Each header says where its hole ends, under a checksum: what is missing anywhere else is damage, as ever. The page's first
 * block stays, empty or not, so that the chain has its beginning. Sectors that lie in a hole altogether are not written.
 */
import { DIRECT_ALIGNMENT } from '../runtime/disk.ts';
import { BLOCK_HEADER_SIZE, readBlock, writeHeader } from './block.ts';
import type { LiveSlots } from './live-slots.ts';
import { PAGE_SIZE } from './page.ts';
import { forgetQueues, RecordType } from './record.ts';

/** A part of a page, to sectors. */
export interface Extent {
  readonly from: number;
  readonly to: number;
}

export interface CompactedPage {
  /** What has to be written; all else is a hole. In ascending order, with a gap between each two. */
  readonly extents: readonly Extent[];
  /** Where the block ended that stands before the page. */
  readonly previousEnd: number;
}

export interface PageCompaction {
  /** The page as it is, up to where its last block ends; for an empty page its first sector. */
  readonly source: Buffer;
  /** As much memory, for what becomes of it. */
  readonly target: Buffer;
  readonly number: number;
  /** Null: nothing is needed. */
  readonly live: LiveSlots | null;
  /** Where the journal goes on behind this page, in what is kept; -1: where this page says. */
  readonly following: number;
  /** All before this position is durable. */
  readonly synced: number;
}

/** @returns null when a block is broken, or not all that is needed is there: such a page is to be left as it is */
export function compactPage(compaction: PageCompaction): CompactedPage | null {
  const { source, number, live, following } = compaction;
  const base = number * PAGE_SIZE;
  const first = readBlock(source, 0, base);
  if (typeof first === 'string' || live === null) return null;
  const writer = new PageWriter(compaction, first.previousEnd);
  let found = 0;
  let lastEnd = first.end;
  for (let at = 0; at < source.length; ) {
    const block = readBlock(source, at, base + at);
    if (typeof block === 'string') return null;
    for (let record = block.from; record < block.to; record += source.readUInt32LE(record)) {
      if (!live.has(record)) continue;
      if (source[record + 4] !== RecordType.message) return null;
      writer.keep(record, source.readUInt32LE(record));
      found++;
    }
    lastEnd = block.end;
    at = block.next;
  }
  if (found !== live.count) return null;
  writer.end(Math.max(following < 0 ? lastEnd : following, base + source.length));
  return { extents: writer.extents, previousEnd: first.previousEnd };
}

/** The page's first block alone, empty: nothing in the page is needed but its place in the chain. */
export function emptyPage(compaction: PageCompaction): CompactedPage {
  const { source, number, following } = compaction;
  const previousEnd = rawPreviousEnd(source, number);
  const writer = new PageWriter(compaction, previousEnd);
  writer.end(following);
  return { extents: writer.extents, previousEnd };
}

/** What the page's first header says, whether or not its block is sound; -1 where it says nothing. */
export function rawPreviousEnd(source: Buffer, number: number): number {
  const isHere = source.readDoubleLE(16) === number * PAGE_SIZE;
  return isHere ? source.readDoubleLE(32) : -1;
}

class PageWriter {
  readonly #compaction: PageCompaction;
  readonly #base: number;
  readonly extents: { from: number; to: number }[] = [];
  /** The block that is open: where its header goes, and where its records end. */
  #start = 0;
  #to = BLOCK_HEADER_SIZE;
  #previousEnd: number;

  constructor(compaction: PageCompaction, previousEnd: number) {
    this.#compaction = compaction;
    this.#base = compaction.number * PAGE_SIZE;
    this.#previousEnd = previousEnd;
    compaction.target.fill(0);
  }

  keep(record: number, length: number): void {
    const { source, target } = this.#compaction;
    const header = record - BLOCK_HEADER_SIZE;
    if (header >= this.#to) this.#startBlock(header);
    else this.#keepBetween(record);
    source.copy(target, record, record, record + length);
    this.#to = record + length;
  }

  #startBlock(header: number): void {
    this.#close(header === this.#to ? 0 : this.#base + header);
    this.#start = header;
    this.#to = header + BLOCK_HEADER_SIZE;
    this.#previousEnd = this.#base + header;
  }

  /** There is no room for a header: the records in between stay, but a message among them belongs to nobody. */
  #keepBetween(end: number): void {
    const { source, target } = this.#compaction;
    source.copy(target, this.#to, this.#to, end);
    for (let at = this.#to; at < end; at += source.readUInt32LE(at)) {
      if (source[at + 4] === RecordType.message) forgetQueues(target, at);
    }
  }

  /** @param following where the journal goes on */
  end(following: number): void {
    this.#close(following > this.#base + this.#to ? following : 0);
  }

  #close(holeEnd: number): void {
    const { target, synced } = this.#compaction;
    const [start, to] = [this.#start, this.#to];
    const position = this.#base + start;
    writeHeader(target, start, to, { position, synced, previousEnd: this.#previousEnd, continues: false, holeEnd });
    const from = start & -DIRECT_ALIGNMENT;
    const end = (to + DIRECT_ALIGNMENT - 1) & -DIRECT_ALIGNMENT;
    const last = this.extents.at(-1);
    if (last !== undefined && last.to >= from) last.to = end;
    else this.extents.push({ from, to: end });
  }
}
