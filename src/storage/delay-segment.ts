/**
 * Reads a delay segment in the order in which its messages are due: chunks of its index and a window of its records are in
 * memory, and only while something of it is due soon. Reading never blocks: a head that is not there yet is `prepare`d.
 */
import { crc32 } from 'node:zlib';
import type { Disk } from '../runtime/disk.ts';
import type { DamageReport } from './damage.ts';
import {
  CHUNK_ENTRIES,
  CHUNK_SIZE,
  chunksOf,
  decodeHeader,
  ENTRY_SIZE,
  HEADER_SIZE,
  isSoundChunk,
  readEntry,
  type SegmentEntry,
  type SegmentHeader,
} from './delay-format.ts';
import { Page } from './page.ts';
import { RestingFile } from './resting-file.ts';

/** How much of the records is read at a time, usually; one that is larger comes alone. */
export const WINDOW_BYTES = 64 * 1024;
/** Reads that fail are repeated; after so many what stands there is given up. */
const READ_ATTEMPTS = 5;

export interface HeadRecord {
  readonly page: Page;
  readonly offset: number;
  /** Where it stood in the journal. */
  readonly position: number;
}

export class DelaySegment {
  readonly header: SegmentHeader;
  readonly #file: RestingFile;
  readonly #damage: DamageReport | null;
  /** The place of the next message in the order; all before it are gone. */
  cursor = 0;
  /** When the head is due, or what is at or before that while its part of the index is being read; infinite at the end. */
  nextDueMs: number;
  /** Messages behind the cursor that are not gone. */
  waiting: number;
  /** A bit for each message, in the order: set for what is gone out of its turn. Null while nothing is. */
  #gone: Uint8Array | null = null;
  #head: SegmentEntry | null = null;
  /** Some chunks of the index. */
  #index: Buffer | null = null;
  #firstChunk = -1;
  #window: Page | null = null;
  #windowFrom = 0;
  #reading = false;
  #failures = 0;
  #lost = 0;

  constructor(file: RestingFile, header: SegmentHeader, damage: DamageReport | null) {
    this.header = header;
    this.#file = file;
    this.#damage = damage;
    this.waiting = header.count;
    this.nextDueMs = header.firstDueMs;
  }

  get path(): string {
    return this.#file.path;
  }

  get isEnded(): boolean {
    return this.cursor >= this.header.count;
  }

  /** Whether it is being read, or could not be: whoever waits for its head looks again in a while. */
  get isWaiting(): boolean {
    return this.#reading || this.#failures > 0;
  }

  /** False while its part of the index is not in memory. */
  get isHeadKnown(): boolean {
    return this.#head !== null;
  }

  /** Whether the head's record is in memory. */
  get isReady(): boolean {
    return this.#head !== null && this.#isInWindow(this.#head);
  }

  #isInWindow({ offset, size }: SegmentEntry): boolean {
    const window = this.#window;
    return window !== null && offset >= this.#windowFrom && offset + size <= this.#windowFrom + window.end;
  }

  /**
   * Reads what the head needs, and calls back once more of it is there, or is known not to be.
   * @param bytes how much of the records is read; of the index, what goes with it
   */
  prepare(ready: () => void, bytes: number): void {
    if (this.#reading || this.isClosed || this.isEnded || this.isReady) return;
    this.#reading = true;
    if (this.#head === null) this.#readIndex(ready, Math.ceil(bytes / WINDOW_BYTES));
    else this.#readWindow(this.#head, ready, bytes);
  }

  #readIndex(ready: () => void, mostChunks: number): void {
    const number = Math.floor(this.cursor / CHUNK_ENTRIES);
    const chunks = Buffer.alloc(Math.min(mostChunks, chunksOf(this.header.count) - number) * CHUNK_SIZE);
    this.#read(chunks, HEADER_SIZE + number * CHUNK_SIZE, () => {
      this.#takeIndex(chunks, number);
      ready();
    });
  }

  /** Takes chunks as far as they are sound; what stood in the first one is lost if that is not. */
  #takeIndex(chunks: Buffer, number: number): void {
    if (this.isEnded) return;
    let end = 0;
    while (end < chunks.length && isSoundChunk(chunks.subarray(end, end + CHUNK_SIZE))) end += CHUNK_SIZE;
    this.#index = chunks.subarray(0, end);
    this.#firstChunk = number;
    if (end > 0) return this.#seekHead();
    const offset = HEADER_SIZE + number * CHUNK_SIZE;
    this.#damage?.tellBroken(this.path, offset, CHUNK_SIZE);
    const next = Math.min((number + 1) * CHUNK_ENTRIES, this.header.count);
    let lost = 0;
    for (; this.cursor < next; this.cursor++) if (this.isWaitingAt(this.cursor)) lost++;
    this.waiting -= lost;
    this.#lost += lost;
    this.#seekHead();
  }

  #readWindow({ offset, size }: SegmentEntry, ready: () => void, wantedBytes: number): void {
    const bytes = Buffer.allocUnsafeSlow(Math.max(wantedBytes, size));
    this.#read(bytes, offset, (count) => {
      this.#window = new Page(0, false, bytes, bytes.length);
      // What could not be read must not look like what was there before.
      bytes.fill(0, count);
      this.#window.end = bytes.length;
      this.#windowFrom = offset;
      ready();
    });
  }

  #read(target: Buffer, offset: number, done: (count: number) => void): void {
    this.#file.read(target, offset, (error, count) => {
      this.#reading = false;
      if (this.isClosed) return;
      if (error === null) {
        this.#failures = 0;
        done(count);
      } else if (isShortage(error)) {
        if (this.#failures === 0) this.#damage?.warn(`${this.path} cannot be read for now: ${error.message}`);
        this.#failures = 1;
      } else if (++this.#failures >= READ_ATTEMPTS) {
        this.#failures = 0;
        this.#damage?.tell(`${this.path} cannot be read: ${error.message}; messages that stood there are lost`);
        done(0);
      }
    });
  }

  /** Looks for the first message from the cursor on that is not gone, as far as the index is in memory. */
  #seekHead(): void {
    this.#head = null;
    for (; !this.isEnded; this.cursor++) {
      const chunkAt = (Math.floor(this.cursor / CHUNK_ENTRIES) - this.#firstChunk) * CHUNK_SIZE;
      if (this.#index === null || chunkAt < 0 || chunkAt >= this.#index.length) {
        this.#index = null;
        return;
      }
      if (!this.isWaitingAt(this.cursor)) continue;
      const head = readEntry(this.#index, chunkAt + 8 + (this.cursor % CHUNK_ENTRIES) * ENTRY_SIZE);
      this.#head = head;
      this.nextDueMs = head.dueAtMs;
      return;
    }
    this.nextDueMs = Number.POSITIVE_INFINITY;
    this.#window = null;
    this.#index = null;
  }

  /** The head's record, or null when it is damaged: that is reported, and the head may be shifted. Only while `isReady`. */
  headRecord(): HeadRecord | null {
    const { offset, size, checksum, position } = this.#head as SegmentEntry;
    const page = this.#window as Page;
    const from = offset - this.#windowFrom;
    if (crc32((page.bytes as Buffer).subarray(from, from + size)) === checksum) {
      return { page, offset: from, position };
    }
    this.#damage?.tellBroken(this.path, offset, size);
    return null;
  }

  /** The head is gone. */
  shift(): void {
    this.cursor++;
    this.waiting--;
    this.#seekHead();
  }

  /** Whether the message at this place of the order waits. */
  isWaitingAt(ordinal: number): boolean {
    if (ordinal < this.cursor || ordinal >= this.header.count) return false;
    return this.#gone === null || (this.#gone[ordinal >> 3] & (1 << (ordinal & 7))) === 0;
  }

  /** A message that waits is gone out of its turn. */
  takeOut(ordinal: number): void {
    this.#setGone(ordinal);
    this.waiting--;
    if (ordinal === this.cursor) this.#seekHead();
  }

  #setGone(ordinal: number): void {
    this.#gone ??= new Uint8Array(Math.ceil(this.header.count / 8));
    this.#gone[ordinal >> 3] |= 1 << (ordinal & 7);
  }

  /** How many messages went with damaged parts of the index since the last call. */
  takeLost(): number {
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  /** A copy of what is gone out of its turn: a bit for each message, in the order. */
  get gone(): Uint8Array {
    return this.#gone?.slice() ?? new Uint8Array(Math.ceil(this.header.count / 8));
  }

  /** All that waits is gone. @returns how many messages */
  skipToEnd(): number {
    const { waiting } = this;
    this.cursor = this.header.count;
    this.waiting = 0;
    this.#seekHead();
    return waiting;
  }

  /** Gives up what was read: nothing is due soon. @param isLong nor for a while: the file, too */
  rest(isLong: boolean): void {
    this.#window = null;
    if (!isLong || this.#reading) return;
    this.#head = this.#index = null;
    this.#file.rest();
  }

  /** Gives up the file, and nothing of what was read. */
  restFile(): void {
    if (!this.#reading) this.#file.rest();
  }

  /** It was made a moment ago: the first ones are gone, and the next one is due then. Without reading, which may fail. */
  begin(cursor: number, nextDueMs: number): void {
    this.cursor = cursor;
    this.waiting = this.header.count - cursor;
    if (this.isEnded) this.#seekHead();
    else this.nextDueMs = nextDueMs;
  }

  /** What is known of it at a start: the first ones are gone, and so are those behind them at these positions, or with their bit. */
  resume(cursor: number, positions: ReadonlySet<number>, gone: Uint8Array | null = null): void {
    const { count } = this.header;
    this.cursor = Math.min(cursor, count);
    this.#gone = gone;
    const all = positions.size > 0 ? this.positions() : NO_POSITIONS;
    for (let i = this.cursor; i < all.length; i++) if (positions.has(all[i])) this.#setGone(i);
    this.waiting = 0;
    for (let i = this.cursor; i < count; i++) if (this.isWaitingAt(i)) this.waiting++;
    if (this.waiting === 0) this.cursor = count;
    if (this.isEnded) return this.#seekHead();
    const number = Math.floor(this.cursor / CHUNK_ENTRIES);
    const chunk = Buffer.alloc(CHUNK_SIZE);
    this.#file.readSync(chunk, HEADER_SIZE + number * CHUNK_SIZE);
    this.#takeIndex(chunk, number);
  }

  /** The positions of all messages that the segment was made with, in its order. Blocks: for starts alone. */
  positions(): Float64Array {
    const { count } = this.header;
    const positions = new Float64Array(count);
    const index = Buffer.alloc(chunksOf(count) * CHUNK_SIZE);
    this.#file.readSync(index, HEADER_SIZE);
    for (let i = 0; i < count; i++) positions[i] = positionIn(index, i);
    return positions;
  }

  /** Entries of the order from a place on, at most those of one chunk. Empty where they are damaged. @throws Error of the disk */
  async entriesFrom(ordinal: number): Promise<SegmentEntry[]> {
    const number = Math.floor(ordinal / CHUNK_ENTRIES);
    const chunk = Buffer.alloc(CHUNK_SIZE);
    await this.#readAll(chunk, HEADER_SIZE + number * CHUNK_SIZE);
    if (!isSoundChunk(chunk)) return [];
    const entries: SegmentEntry[] = [];
    for (let i = ordinal % CHUNK_ENTRIES; i < chunk.readUInt32LE(4); i++)
      entries.push(readEntry(chunk, 8 + i * ENTRY_SIZE));
    return entries;
  }

  /** The record of an entry, or null when it is damaged. @throws Error of the disk */
  async record({ offset, size, checksum }: SegmentEntry): Promise<Page | null> {
    const page = await this.read(offset, size);
    return crc32(page.bytes as Buffer) === checksum ? page : null;
  }

  /** Bytes of the file as they stand there, from the start of a record on. @throws Error of the disk */
  async read(offset: number, size: number): Promise<Page> {
    const page = new Page(0, false, Buffer.allocUnsafeSlow(size), size);
    await this.readInto(page, offset);
    return page;
  }

  /** The same into a page that is there; what lies behind the file's end is 0. */
  readInto(page: Page, offset: number): Promise<void> {
    return this.#readAll(page.bytes as Buffer, offset);
  }

  /** Of a file that is closed, or is meanwhile, nothing is there: all is 0. */
  #readAll(target: Buffer, offset: number): Promise<void> {
    return new Promise((done, failed) => {
      if (this.isClosed) {
        target.fill(0);
        return done();
      }
      this.#file.read(target, offset, (error, count) => {
        // What could not be read must not look like what was there before.
        target.fill(0, error === null ? count : 0);
        if (error === null || this.isClosed) done();
        else failed(error);
      });
    });
  }

  get isClosed(): boolean {
    return this.#file.isClosed;
  }

  close(): void {
    this.#file.close();
    this.#window = null;
  }
}

const NO_POSITIONS = new Float64Array(0);

/** Whether the process, or the machine, lacks something that says nothing of the file. */
function isShortage({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM' || code === 'EAGAIN';
}

function positionIn(index: Buffer, ordinal: number): number {
  const at = Math.floor(ordinal / CHUNK_ENTRIES) * CHUNK_SIZE + 8 + (ordinal % CHUNK_ENTRIES) * ENTRY_SIZE;
  return index.readDoubleLE(at + 8);
}

/**
 * Opens a segment at a start. @returns null when it is beyond use: it was set aside, and reported.
 * @throws Error when a newer leveret wrote it
 */
export function openSegment(path: string, disk: Disk, damage: DamageReport): DelaySegment | null {
  const file = new RestingFile(path, disk);
  const { size } = file;
  const bytes = Buffer.alloc(HEADER_SIZE);
  file.readSync(bytes, 0);
  let header = headerIn(bytes, path);
  if (header === null && size >= 2 * HEADER_SIZE) {
    file.readSync(bytes, size - HEADER_SIZE);
    header = headerIn(bytes, path);
    if (header !== null) damage.tell(`${path} is damaged at offset 0; the copy at its end was used, nothing is lost`);
  }
  if (header !== null) return new DelaySegment(file, header, damage);
  file.close();
  damage.tell(`${path} is damaged: delayed messages that stood there are lost; ${damage.move(path)}`);
  return null;
}

function headerIn(bytes: Buffer, path: string): SegmentHeader | null {
  try {
    return decodeHeader(bytes);
  } catch (error) {
    throw new Error(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
