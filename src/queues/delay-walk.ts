/**
 * Goes through what waits in a delay line in the order of (due, position), from any place on: what is in blocks out of copies of
 * their heaps, what is in segments out of their indexes, a chunk at a time.
 *
 * The line goes on meanwhile. What comes to it after the walk began is not met; what leaves it is not met any more.
 */
import { crc32 } from 'node:zlib';
import { DueHeap } from '../collections/due-heap.ts';
import type { Slices } from '../runtime/slices.ts';
import { CHUNK_ENTRIES, chunksOf, type SegmentEntry } from '../storage/delay-format.ts';
import type { DelaySegment } from '../storage/delay-segment.ts';
import { Page } from '../storage/page.ts';
import { RecordType, recordType } from '../storage/record.ts';
import { DelayBlock } from './delay-block.ts';
import type { DelayLine } from './delay-line.ts';

/** A message's id for as long as it waits. Of two messages the one with the lower (due, position) is released first. */
export interface WaitingId {
  readonly dueAtMs: number;
  readonly position: number;
}

/** Where a message stands that waits: by its slot in a block, by its place in the order in a segment. */
export interface WaitingPlace extends WaitingId {
  readonly source: DelayBlock | DelaySegment;
  readonly index: number;
  /** Of a segment. */
  readonly entry?: SegmentEntry;
}

/** A record, with its bytes in memory until the end of this turn. */
export interface WaitingRecord {
  readonly place: WaitingPlace;
  readonly page: Page;
  readonly offset: number;
}

export interface WalkBounds {
  /** Messages behind this one. */
  readonly after?: WaitingId | undefined;
  /** Due before that. */
  readonly untilMs?: number | undefined;
}

const FIRST: WaitingId = { dueAtMs: Number.NEGATIVE_INFINITY, position: 0 };

export function isBehind(one: WaitingId, other: WaitingId): boolean {
  return one.dueAtMs > other.dueAtMs || (one.dueAtMs === other.dueAtMs && one.position > other.position);
}

/** Records of a segment that are read at once: they stand one behind the other in its order. */
const WINDOW_BYTES = 32 * 1024;

interface Reader {
  readonly head: WaitingPlace | null;
  /** There may be a head once it is filled. */
  readonly isDry: boolean;
  fill(): Promise<void>;
  shift(): void;
}

export class DelayWalk {
  readonly #readers: Reader[];
  readonly #line: DelayLine;
  readonly #blocks: readonly DelayBlock[];
  readonly #untilMs: number;
  readonly #slices: Slices;
  #isBegun = false;
  #last: Reader | null = null;

  constructor(line: DelayLine, { after = FIRST, untilMs = Number.POSITIVE_INFINITY }: WalkBounds, slices: Slices) {
    this.#line = line;
    this.#untilMs = untilMs;
    this.#slices = slices;
    const isMet = ({ header }: DelaySegment) => header.firstDueMs < untilMs && header.lastDueMs >= after.dueAtMs;
    this.#blocks = line.blocks.slice();
    this.#readers = [
      ...line.segments.filter(isMet).map((segment) => new SegmentReader(segment, after)),
      ...this.#blocks.map((block) => new BlockReader(block, after, slices)),
    ];
  }

  /** What it goes through is being moved: it can be found, but slowly. A new walk is better, once it has been. */
  get isStale(): boolean {
    return this.#blocks.some((block) => block.segmentNumber !== 0);
  }

  /** Resolves when what is being moved has been. */
  async settled(): Promise<void> {
    for (const block of this.#blocks) if (block.segmentNumber !== 0) await beingMade(this.#line, block);
  }

  /**
   * The record of the last one, for who looks at one after the other. Null when it has to be read by itself: it is in a block,
   * large, or damaged.
   */
  async record(place: WaitingPlace): Promise<WaitingRecord | null> {
    const reader = this.#last;
    return reader instanceof SegmentReader ? reader.record(place) : null;
  }

  /** The next one, or null behind the last. @throws Error of the disk */
  async next(): Promise<WaitingPlace | null> {
    if (!this.#isBegun) for (const reader of this.#readers) await fill(reader);
    this.#isBegun = true;
    if (this.#slices.isOver) await this.#slices.next();
    if (this.#last?.isDry === true) await fill(this.#last);
    let first: Reader | null = null;
    let place: WaitingPlace | null = null;
    for (const reader of this.#readers) {
      const { head } = reader;
      if (head === null || (place !== null && !isBehind(place, head))) continue;
      first = reader;
      place = head;
    }
    if (place === null || place.dueAtMs >= this.#untilMs) return null;
    first?.shift();
    this.#last = first;
    return place;
  }
}

/** Resolves when the block is a segment, or stays a block, or the line is no more. */
async function beingMade({ halted }: DelayLine, source: DelayBlock | DelaySegment): Promise<void> {
  await Promise.race([source instanceof DelayBlock ? source.made?.promise : undefined, halted]);
}

async function fill(reader: Reader): Promise<void> {
  while (reader.isDry) await reader.fill();
}

class BlockReader implements Reader {
  readonly #block: DelayBlock;
  readonly #after: WaitingId;
  readonly #slices: Slices;
  #heap: DueHeap | null = null;
  head: WaitingPlace | null = null;

  constructor(block: DelayBlock, after: WaitingId, slices: Slices) {
    this.#block = block;
    this.#after = after;
    this.#slices = slices;
  }

  get isDry(): boolean {
    return this.#heap === null;
  }

  async fill(): Promise<void> {
    const { dues, positions, gone, count } = this.#block;
    if (this.#after === FIRST) {
      this.#heap = this.#block.heap.copy();
      return this.#seek();
    }
    const heap = new DueHeap(dues);
    for (let slot = 0; slot < count; slot++) {
      if (slot % 256 === 0 && this.#slices.isOver) await this.#slices.next();
      const isMet = gone[slot] === 0 && isBehind({ dueAtMs: dues[slot], position: positions[slot] }, this.#after);
      if (isMet) heap.push(slot);
    }
    this.#heap = heap;
    this.#seek();
  }

  shift(): void {
    this.#heap?.shift();
    this.#seek();
  }

  #seek(): void {
    const block = this.#block;
    const heap = this.#heap as DueHeap;
    while (heap.count > 0 && block.gone[heap.head] === 1) heap.shift();
    this.head = null;
    if (heap.count === 0) return;
    const index = heap.head;
    this.head = { source: block, index, position: block.positions[index], dueAtMs: block.dues[index] };
  }
}

class SegmentReader implements Reader {
  head: WaitingPlace | null = null;
  readonly #segment: DelaySegment;
  readonly #after: WaitingId;
  /** A part of the index, and the place of the first one of it; -1 while that is not known. */
  #entries: readonly SegmentEntry[] = [];
  #from = -1;
  #next = 0;
  /** Read into again and again: what is given out of it is looked at within a turn. */
  #window: Page | null = null;
  #windowFrom = Number.NEGATIVE_INFINITY;

  constructor(segment: DelaySegment, after: WaitingId) {
    this.#segment = segment;
    this.#after = after;
  }

  get isDry(): boolean {
    return this.#next >= this.#entries.length && !this.#isAtEnd;
  }

  get #isAtEnd(): boolean {
    const { isClosed, isEnded, header } = this.#segment;
    return isClosed || isEnded || (this.#from >= 0 && this.#from + this.#entries.length >= header.count);
  }

  async fill(): Promise<void> {
    const segment = this.#segment;
    const isFirst = this.#from < 0;
    const ordinal = isFirst
      ? Math.max(segment.cursor, await chunkBefore(segment, this.#after))
      : this.#from + this.#entries.length;
    if (segment.isClosed || ordinal >= segment.header.count) return this.#end();
    const entries = await segment.entriesFrom(ordinal);
    this.#from = ordinal;
    this.#entries = entries;
    this.#next = 0;
    // The damaged part is passed over; it is reported when its time comes.
    if (entries.length === 0) this.#from = (Math.floor(ordinal / CHUNK_ENTRIES) + 1) * CHUNK_ENTRIES;
    this.#skip();
  }

  #end(): void {
    this.head = null;
    this.#entries = [];
    this.#from = this.#segment.header.count;
  }

  async record(place: WaitingPlace): Promise<WaitingRecord | null> {
    const { entry } = place;
    if (entry === undefined || entry.size > WINDOW_BYTES || this.#segment.isClosed) return null;
    this.#window ??= new Page(0, false, Buffer.allocUnsafeSlow(WINDOW_BYTES), WINDOW_BYTES);
    const page = this.#window;
    if (entry.offset + entry.size > this.#windowFrom + WINDOW_BYTES) {
      await this.#segment.readInto(page, entry.offset);
      this.#windowFrom = entry.offset;
    }
    const offset = entry.offset - this.#windowFrom;
    const isSound = crc32((page.bytes as Buffer).subarray(offset, offset + entry.size)) === entry.checksum;
    return isSound && recordType(page, offset) === RecordType.message ? { place, page, offset } : null;
  }

  shift(): void {
    this.#next++;
    this.#skip();
  }

  #skip(): void {
    for (; this.#next < this.#entries.length; this.#next++) {
      const entry = this.#entries[this.#next];
      const index = this.#from + this.#next;
      if (!isBehind(entry, this.#after) || !this.#segment.isWaitingAt(index)) continue;
      this.head = { source: this.#segment, index, dueAtMs: entry.dueAtMs, position: entry.position, entry };
      return;
    }
    this.head = null;
  }
}

/** The place of the first entry of a chunk that does not lie behind an id, and has no chunk like that behind it. */
async function chunkBefore(segment: DelaySegment, id: WaitingId): Promise<number> {
  let from = 0;
  let to = chunksOf(segment.header.count) - 1;
  while (from < to && !segment.isClosed) {
    const middle = (from + to + 1) >> 1;
    const [first] = await segment.entriesFrom(middle * CHUNK_ENTRIES);
    if (first !== undefined && !isBehind(first, id)) from = middle;
    else to = middle - 1;
  }
  return from * CHUNK_ENTRIES;
}

/** Where a message stands now, or null when it waits no more. @throws Error of the disk */
export async function findWaiting(line: DelayLine, { dueAtMs, position }: WaitingId): Promise<WaitingPlace | null> {
  while (!line.deleted) {
    const place = inBlocks(line, position);
    if (place === null) break;
    if (line.mayTakeOut(place)) return place.dueAtMs === dueAtMs ? place : null;
    await beingMade(line, place.source);
  }
  for (const segment of line.segments.slice()) {
    const { lowestPosition, highestPosition, firstDueMs, lastDueMs } = segment.header;
    if (position < lowestPosition || position > highestPosition || dueAtMs < firstDueMs || dueAtMs > lastDueMs)
      continue;
    const place = await inSegment(segment, { dueAtMs, position });
    if (place !== null) return line.mayTakeOut(place) ? place : null;
  }
  return null;
}

function inBlocks({ blocks }: DelayLine, position: number): WaitingPlace | null {
  for (const source of blocks) {
    const index = source.find(position);
    if (index >= 0) return { source, index, position, dueAtMs: source.dues[index] };
  }
  return null;
}

async function inSegment(source: DelaySegment, id: WaitingId): Promise<WaitingPlace | null> {
  const from = await chunkBefore(source, id);
  if (source.isClosed) return null;
  const entries = await source.entriesFrom(from);
  const at = entries.findIndex(({ dueAtMs, position }) => dueAtMs === id.dueAtMs && position === id.position);
  return at < 0 ? null : { ...id, source, index: from + at, entry: entries[at] };
}
