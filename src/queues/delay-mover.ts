/**
 * Makes segments of blocks, one after the other for the whole broker, in slices that do not hold up the event loop:
 *
 *   sort      the order in which the block's messages are due
 *   copy      their records, page by page, into one piece of memory
 *   write     all of it, synced, renamed
 *   settle    the journal is told that it need not keep them
 *
 * A crash before the rename leaves the messages in the journal alone, and one before the last settle leaves some in both: then
 * the segment counts (DelayLine.adopt). Meanwhile the block goes on releasing, and says in the journal how far it is.
 */
import * as fs from 'node:fs';
import { DueHeap } from '../collections/due-heap.ts';
import type { Clock } from '../runtime/clock.ts';
import { DelayDraft, type DraftEntries, DraftMemory } from '../storage/delay-draft.ts';
import type { DelayFiles } from '../storage/delay-files.ts';
import { DelaySegment } from '../storage/delay-segment.ts';
import { PAGE_SIZE, type Page } from '../storage/page.ts';
import { RecordType, recordType } from '../storage/record.ts';
import type { DelayBlock } from './delay-block.ts';
import type { DelayLine } from './delay-line.ts';

/** Others have their turn after so long. */
const SLICE_MS = 2;
/** Messages that are sorted, or settled, between two looks at the clock. */
const LOOK_EVERY = 256;

export class DelayMover {
  /** The end of the writing of the last block, and of the one before it. */
  #written: Promise<void> = Promise.resolve();
  #writtenBefore: Promise<void> = Promise.resolve();
  #prepared: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #moves = 0;
  readonly #memory = [new DraftMemory(), new DraftMemory()];

  /** The block is made a segment once those before it are: while one is written the next one is put together. */
  move(line: DelayLine, block: DelayBlock): void {
    this.#waiting++;
    const memory = this.#memory[this.#moves++ % 2];
    const prepared = Promise.all([this.#prepared, this.#writtenBefore]).then(() => prepare(line, block, memory));
    const written = Promise.all([prepared, this.#written]).then(async ([draft]) => {
      if (draft !== null) await write(line, block, draft);
      if (--this.#waiting === 0) for (const each of this.#memory) each.release();
    });
    this.#prepared = prepared;
    this.#writtenBefore = this.#written;
    this.#written = written;
  }

  /** Resolves once nothing is being moved. */
  idle(): Promise<void> {
    return this.#written;
  }
}

/** @returns null when the line is gone, or the block stays as it is. */
async function prepare(line: DelayLine, block: DelayBlock, memory: DraftMemory): Promise<DelayDraft | null> {
  if (line.deleted) return null;
  if (block.waiting === 0) {
    line.notMoved(block);
    return null;
  }
  const pace = new Pace(line.env.clock);
  line.beginMove(block);
  const slots = await sortedSlots(block, pace);
  if (line.deleted) return null;
  const draft = new DelayDraft(entriesOf(line, block, slots), memory);
  await copyRecords(line, block, slots, draft, pace);
  return line.deleted ? null : draft;
}

async function write(line: DelayLine, block: DelayBlock, draft: DelayDraft): Promise<void> {
  const { env, id } = line;
  const files = env.files as DelayFiles;
  const path = files.pathOf(id, block.segmentNumber);
  try {
    // What was released meanwhile is not in the draft: that it was must not be forgotten where the draft counts.
    await Promise.race([env.store.untilDurable(), line.halted]);
    if (line.deleted) return;
    files.makeFolder(id);
    await draft.write(path, env.disk);
    if (line.deleted) return;
    line.moved(block, new DelaySegment(path, fs.openSync(path, 'r'), draft.header, env.disk, env.damage));
  } catch (error) {
    if (line.deleted) return;
    env.log.warning('store', `delayed messages cannot be moved to disk, trying again: ${(error as Error).message}`);
    return line.notMoved(block);
  }
  await settle(line, block);
}

function entriesOf({ id }: DelayLine, block: DelayBlock, slots: Uint32Array): DraftEntries {
  const { length } = slots;
  const [dues, positions, sizes] = [new Float64Array(length), new Float64Array(length), new Uint32Array(length)];
  for (let i = 0; i < length; i++) {
    dues[i] = block.dues[slots[i]];
    positions[i] = block.positions[slots[i]];
    sizes[i] = block.sizes[slots[i]];
  }
  return { lineId: id, number: block.segmentNumber, dues, positions, sizes };
}

/** The slots of what waits now, in the order of (due, position): that of positions is that of slots. */
async function sortedSlots(block: DelayBlock, pace: Pace): Promise<Uint32Array> {
  const heap = new DueHeap(block.dues);
  const slots = new Uint32Array(block.waiting);
  // What comes to be released meanwhile stays in: it is the first.
  const gone = block.gone.slice();
  const total = block.count;
  for (let slot = 0; slot < total; slot++) {
    if (gone[slot] === 0) heap.push(slot);
    if (slot % LOOK_EVERY === 0 && pace.isOver) await pace.nextTurn();
  }
  for (let i = 0; i < slots.length; i++) {
    slots[i] = heap.head;
    heap.shift();
    if (i % LOOK_EVERY === 0 && pace.isOver) await pace.nextTurn();
  }
  return slots;
}

/** In the order of positions, so that each page is in memory once. */
async function copyRecords(
  line: DelayLine,
  block: DelayBlock,
  slots: Uint32Array,
  draft: DelayDraft,
  pace: Pace,
): Promise<void> {
  const ordinals = new Uint32Array(block.count);
  for (let i = 0; i < slots.length; i++) ordinals[slots[i]] = i;
  let page: Page | null = null;
  for (const slot of slots.slice().sort()) {
    const ordinal = ordinals[slot];
    const number = Math.floor(block.positions[slot] / PAGE_SIZE);
    if (page === null || page.number !== number) {
      if (pace.isOver) await pace.nextTurn();
      if (line.deleted) return;
      page = block.gone[slot] === 1 ? null : await loaded(line, block.positions[slot]);
      if (line.deleted) return;
    }
    copyRecord(block, slot, page, ordinal, draft);
  }
}

function copyRecord(block: DelayBlock, slot: number, page: Page | null, ordinal: number, draft: DelayDraft): void {
  if (block.gone[slot] === 1) return draft.putGone(ordinal);
  const { bytes } = page as Page;
  const offset = block.positions[slot] - (page as Page).number * PAGE_SIZE;
  // What is damaged was reported by the store; in the segment its checksum is none.
  if (recordType(page as Page, offset) !== RecordType.message) draft.putGone(ordinal);
  else draft.put(ordinal, bytes as Buffer, offset);
}

/** The page, with its bytes in memory until the end of this turn. */
async function loaded({ env: { store } }: DelayLine, position: number): Promise<Page> {
  const page = store.pageAt(position);
  while (page.bytes === null) await new Promise<void>((done) => store.load(page, done));
  return page;
}

async function settle(line: DelayLine, block: DelayBlock): Promise<void> {
  const { store, clock } = line.env;
  const pace = new Pace(clock);
  while (block.settledSlots < block.count) {
    const end = Math.min(block.settledSlots + LOOK_EVERY, block.count);
    for (let slot = block.settledSlots; slot < end; slot++) {
      if (block.gone[slot] === 0) store.settle(line.id, block.positions[slot], line.durable);
    }
    block.settledSlots = end;
    line.env.schedule();
    if (pace.isOver) await pace.nextTurn();
    if (line.deleted) return;
  }
  line.settling.delete(block);
}

/** Long work in pieces of a time that others can wait. */
class Pace {
  readonly #clock: Clock;
  #endMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#endMs = clock.monotonicMs() + SLICE_MS;
  }

  get isOver(): boolean {
    return this.#clock.monotonicMs() >= this.#endMs;
  }

  async nextTurn(): Promise<void> {
    await new Promise((done) => setImmediate(done));
    this.#endMs = this.#clock.monotonicMs() + SLICE_MS;
  }
}
