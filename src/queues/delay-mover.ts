/**
 * Makes segments of blocks, one after the other for the whole broker:
 *
 *   copy      the block's records, page by page, into one piece of memory: in slices, others have their turn
 *   write     in the order in which they are due, by another thread (segment-writer.ts), synced; then it gets its name
 *   settle    the journal is told that it need not keep them
 *
 * A crash before the name leaves the messages in the journal alone, and one before the last settle leaves some in both: then
 * the segment counts (DelayLine.adopt). Meanwhile the block goes on releasing, and says in the journal how far it is.
 */
import type { Clock } from '../runtime/clock.ts';
import type { SegmentSource } from '../storage/delay-draft.ts';
import type { DelayFiles } from '../storage/delay-files.ts';
import { DelaySegment } from '../storage/delay-segment.ts';
import { PAGE_SIZE, type Page } from '../storage/page.ts';
import { RecordType, recordType } from '../storage/record.ts';
import { RestingFile } from '../storage/resting-file.ts';
import type { SegmentWriter } from '../storage/segment-writer.ts';
import type { DelayBlock } from './delay-block.ts';
import type { DelayLine } from './delay-line.ts';

/** Others have their turn after so long. */
const SLICE_MS = 2;
/** Messages that are copied, or settled, between two looks at the clock. */
const LOOK_EVERY = 256;
/** Memory for the records of a block is asked for in such pieces: that of one block is enough for the next. */
const MEMORY_STEP = 1024 * 1024;
/** Memory beyond this is not kept for the next block. */
const KEPT_BYTES = 32 * 1024 * 1024;
/** What is kept for blocks to come is given up after so long without one. */
const IDLE_MS = 10_000;

export class DelayMover {
  readonly #writer: SegmentWriter;
  /** The end of the writing of the last block, and of the one before it. */
  #written: Promise<void> = Promise.resolve();
  #writtenBefore: Promise<void> = Promise.resolve();
  #prepared: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #moves = 0;
  #idle: NodeJS.Timeout | null = null;
  readonly #memory = [new RecordMemory(), new RecordMemory()];

  constructor(writer: SegmentWriter) {
    this.#writer = writer;
  }

  /** The block is made a segment once those before it are: while one is written the next one is copied. */
  move(line: DelayLine, block: DelayBlock): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#waiting++;
    const memory = this.#memory[this.#moves++ % 2];
    const prepared = Promise.all([this.#prepared, this.#writtenBefore]).then(() => prepare(line, block, memory));
    const written = Promise.all([prepared, this.#written]).then(async ([source]) => {
      if (source !== null) await write(line, block, source, this.#writer);
      if (--this.#waiting === 0) this.#idle = setTimeout(() => this.#rest(), IDLE_MS).unref();
    });
    this.#prepared = prepared;
    this.#writtenBefore = this.#written;
    this.#written = written;
  }

  /** Resolves once nothing is being moved. */
  idle(): Promise<void> {
    return this.#written;
  }

  /** Nothing is moved any more. */
  async close(): Promise<void> {
    await this.idle();
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#rest();
  }

  #rest(): void {
    for (const each of this.#memory) each.release();
    this.#writer.rest();
  }
}

/** Memory for the records of one block after the other, which the thread that writes them sees, too. */
class RecordMemory {
  #kept: Uint8Array | null = null;

  /** @returns at least so many bytes, with whatever they held before; they are the caller's until the next call */
  take(size: number): Uint8Array {
    if (this.#kept !== null && this.#kept.length >= size) return this.#kept;
    const bytes = new Uint8Array(new SharedArrayBuffer(Math.ceil(size / MEMORY_STEP) * MEMORY_STEP));
    this.#kept = bytes.length <= KEPT_BYTES ? bytes : null;
    return bytes;
  }

  /** Nothing is moved for a while. */
  release(): void {
    this.#kept = null;
  }
}

/** @returns null when the line is gone, or the block stays as it is. */
async function prepare(line: DelayLine, block: DelayBlock, memory: RecordMemory): Promise<SegmentSource | null> {
  if (line.deleted) return null;
  if (block.waiting === 0) {
    line.notMoved(block);
    return null;
  }
  line.beginMove(block);
  const slots = waitingSlots(block);
  const source = sourceOf(line, block, slots, memory);
  await copyRecords(line, block, slots, source);
  return line.deleted ? null : source;
}

/** In the order of their positions. */
function waitingSlots({ gone, count, waiting }: DelayBlock): Uint32Array {
  const slots = new Uint32Array(waiting);
  for (let slot = 0, i = 0; slot < count; slot++) if (gone[slot] === 0) slots[i++] = slot;
  return slots;
}

function sourceOf({ id }: DelayLine, block: DelayBlock, slots: Uint32Array, memory: RecordMemory): SegmentSource {
  const { length } = slots;
  const [dues, positions] = [new Float64Array(length), new Float64Array(length)];
  const [sizes, missing] = [new Uint32Array(length), new Uint8Array(length)];
  let recordBytes = 0;
  for (let i = 0; i < length; i++) {
    const slot = slots[i];
    dues[i] = block.dues[slot];
    positions[i] = block.positions[slot];
    sizes[i] = block.sizes[slot];
    recordBytes += sizes[i];
  }
  const records = memory.take(recordBytes);
  return { lineId: id, number: block.segmentNumber, dues, positions, sizes, missing, records };
}

/** Page by page, so that each is in memory once. */
async function copyRecords(
  line: DelayLine,
  block: DelayBlock,
  slots: Uint32Array,
  source: SegmentSource,
): Promise<void> {
  const pace = new Pace(line.env.clock);
  const { positions, sizes, missing, records } = source;
  let page: Page | null = null;
  let at = 0;
  for (let i = 0; i < slots.length; i++) {
    const number = Math.floor(positions[i] / PAGE_SIZE);
    if (page?.number !== number || i % LOOK_EVERY === 0) {
      if (pace.isOver) await pace.nextTurn();
      // What was released meanwhile may have been the last of its page.
      page = await loaded(line, block, slots[i]);
      if (line.deleted) return;
    }
    if (block.gone[slots[i]] === 1 || !copyRecord(page as Page, positions[i], sizes[i], records, at)) missing[i] = 1;
    at += sizes[i];
  }
}

/** @returns false where it is damaged, which the store has reported */
function copyRecord(page: Page, position: number, size: number, target: Uint8Array, at: number): boolean {
  const offset = position - page.number * PAGE_SIZE;
  if (recordType(page, offset) !== RecordType.message) return false;
  (page.bytes as Buffer).copy(target, at, offset, offset + size);
  return true;
}

/** The page of a message, with its bytes in memory until the end of this turn; null when the message is gone, or is meanwhile. */
async function loaded(line: DelayLine, block: DelayBlock, slot: number): Promise<Page | null> {
  const { store } = line.env;
  const isThere = () => !line.deleted && block.gone[slot] === 0;
  while (isThere()) {
    const page = store.pageAt(block.positions[slot]);
    if (page.bytes !== null) return page;
    // A page to which nobody refers any more would never come.
    await new Promise<void>((done) => store.load(page, done));
  }
  return null;
}

async function write(line: DelayLine, block: DelayBlock, source: SegmentSource, writer: SegmentWriter): Promise<void> {
  const { env, id } = line;
  const files = env.files as DelayFiles;
  const path = files.pathOf(id, block.segmentNumber);
  if (line.deleted) return;
  try {
    files.makeFolder(id);
    const header = await writer.write(source, path);
    // What was released meanwhile is in the file as if it waited: that it does not must not be forgotten where the file counts.
    await Promise.race([env.store.untilDurable(), line.halted]);
    if (line.deleted) return;
    await files.finish(path);
    if (line.deleted) return;
    line.moved(block, new DelaySegment(new RestingFile(path, env.disk), header, env.damage));
  } catch (error) {
    if (line.deleted) return;
    env.log.warning('store', `delayed messages cannot be moved to disk, trying again: ${(error as Error).message}`);
    return line.notMoved(block);
  }
  await settle(line, block);
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
    line.env.turn.schedule();
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
