/**
 * Makes segments of blocks, one at a time for the whole broker, in slices that do not hold up the event loop:
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
import { DelayDraft, type DraftEntries, DraftMemory } from '../storage/delay-draft.ts';
import type { DelayFiles } from '../storage/delay-files.ts';
import { DelaySegment } from '../storage/delay-segment.ts';
import { PAGE_SIZE, type Page } from '../storage/page.ts';
import { RecordType, recordType } from '../storage/record.ts';
import type { DelayBlock } from './delay-block.ts';
import type { DelayLine } from './delay-line.ts';

/** Messages that are sorted, or settled, in one go: a millisecond or so. */
const SLICE = 4096;

export class DelayMover {
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;
  readonly #memory = new DraftMemory();

  /** The block is made a segment once those before it are. */
  move(line: DelayLine, block: DelayBlock): void {
    this.#waiting++;
    this.#last = this.#last.then(async () => {
      await moveBlock(line, block, this.#memory);
      if (--this.#waiting === 0) this.#memory.release();
    });
  }

  /** Resolves once nothing is being moved. */
  idle(): Promise<void> {
    return this.#last;
  }
}

async function moveBlock(line: DelayLine, block: DelayBlock, memory: DraftMemory): Promise<void> {
  try {
    const segment = await makeSegment(line, block, memory);
    if (segment === null) return;
    line.moved(block, segment);
  } catch (error) {
    if (line.deleted) return;
    line.env.log.warning(
      'store',
      `delayed messages cannot be moved to disk, trying again: ${(error as Error).message}`,
    );
    return line.notMoved(block);
  }
  await settle(line, block);
}

/** @returns null when the line is gone meanwhile. */
async function makeSegment(line: DelayLine, block: DelayBlock, memory: DraftMemory): Promise<DelaySegment | null> {
  if (line.deleted) return null;
  const { env, id } = line;
  const files = env.files as DelayFiles;
  line.beginMove(block);
  const slots = await sortedSlots(block);
  if (line.deleted) return null;
  files.makeFolder(id);
  const path = files.pathOf(id, block.segmentNumber);
  const draft = new DelayDraft(entriesOf(line, block, slots), memory);
  await copyRecords(line, block, slots, draft);
  // What was released meanwhile is not in the draft: that it was must not be forgotten where the draft counts.
  await Promise.race([env.store.untilDurable(), line.halted]);
  if (line.deleted) return null;
  await draft.write(path, env.disk);
  if (!line.deleted) return new DelaySegment(path, fs.openSync(path, 'r'), draft.header, env.disk, env.damage);
  return null;
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
async function sortedSlots(block: DelayBlock): Promise<Uint32Array> {
  const heap = new DueHeap(block.dues);
  const slots = new Uint32Array(block.waiting);
  // What comes to be released meanwhile stays in: it is the first.
  const gone = block.gone.slice();
  const total = block.count;
  for (let slot = 0; slot < total; slot++) {
    if (gone[slot] === 0) heap.push(slot);
    if (slot % SLICE === SLICE - 1) await nextTurn();
  }
  for (let i = 0; i < slots.length; i++) {
    slots[i] = heap.head;
    heap.shift();
    if (i % SLICE === SLICE - 1) await nextTurn();
  }
  return slots;
}

/** In the order of positions, so that each page is in memory once. */
async function copyRecords(line: DelayLine, block: DelayBlock, slots: Uint32Array, draft: DelayDraft): Promise<void> {
  const ordinals = new Uint32Array(block.count);
  for (let i = 0; i < slots.length; i++) ordinals[slots[i]] = i;
  let page: Page | null = null;
  for (const slot of slots.slice().sort()) {
    const ordinal = ordinals[slot];
    const number = Math.floor(block.positions[slot] / PAGE_SIZE);
    if (page === null || page.number !== number) {
      await nextTurn();
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
  const { store } = line.env;
  while (block.settledSlots < block.count) {
    if (line.deleted) return;
    const end = Math.min(block.settledSlots + SLICE, block.count);
    for (let slot = block.settledSlots; slot < end; slot++) {
      if (block.gone[slot] === 0) store.settle(line.id, block.positions[slot], line.durable);
    }
    block.settledSlots = end;
    line.env.schedule();
    await nextTurn();
  }
  line.settling.delete(block);
}

function nextTurn(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}
