/**
 * The journal: one stream of blocks for everything that a node must not lose, in files of a bounded size.
 *
 *   reserve() ... reserve()   records are written into the open page
 *   commit()                  end of a turn: if no write is under way, seal what is there and write it
 *   the write is durable      meanwhile more records came in; they make the next write: batching without any delay
 *   onDurable                 confirms up to it go out
 *
 * `appended` and `durable` count bytes of records since the start: a confirm waits for `durable` to reach what `appended` was.
 *
 * A write that fails is repeated, whole, until it succeeds: the bytes are still in memory, and after a failed sync the kernel
 * may have dropped them. Until then nothing is confirmed and `onTrouble` keeps publishers blocked.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import type { Clock, Timer } from '../runtime/clock.ts';
import { DIRECT_ALIGNMENT, type Disk, openDurable, syncDirectory } from '../runtime/disk.ts';
import { BLOCK_HEADER_SIZE, sealBlock } from './block.ts';
import type { CompactedFile } from './file-compaction.ts';
import { FileUsage } from './file-usage.ts';
import { PAGE_SIZE, Page, type PageFile, type PagePool } from './page.ts';

const RETRY_MS = 250;
const MAX_PAGES_PER_WRITE = 64;
/** Files that are done with and wait to be written over: overwriting costs less than growing. */
const MAX_SPARE_FILES = 2;

export class JournalFile implements PageFile {
  readonly path: string;
  readonly name: string;
  fd: number;
  dirty = true;
  live = 0;
  size = 0;
  keepUntil = 0;
  needsCheckpoint = false;
  readonly pages: Page[] = [];
  readonly usage = new FileUsage();

  constructor(directory: string, name: string, fd: number) {
    this.path = join(directory, name);
    this.name = name;
    this.fd = fd;
  }

  /** No page of the file has this number or a higher one. */
  get nextPage(): number {
    const page = this.pages[this.pages.length - 1];
    return page.number + page.capacity / PAGE_SIZE;
  }

  /** Whether all that belongs into it is in it. */
  get isWritten(): boolean {
    return this.pages.every((page) => page.sealed && page.written >= page.end);
  }

  /** Whether most of it is holes: then it is no use as a spare. */
  get hasHoles(): boolean {
    return this.usage.allocatedBytes >= 0 && this.usage.allocatedBytes * 2 <= this.size;
  }

  get indexPath(): string {
    return this.path.replace(/\.journal$/, '.index');
  }

  /** What its index is called while it is being removed: a start that finds it ends what was begun. */
  get removedPath(): string {
    return this.path.replace(/\.journal$/, '.removed');
  }
}

export const journalFileName = (pageNumber: number): string => `${String(pageNumber).padStart(12, '0')}.journal`;

/** What one write makes durable. It is fixed when it is sealed: pages may grow meanwhile. */
interface Batch {
  readonly pages: readonly Page[];
  /** Where each page's last block ends. */
  readonly blockEnds: readonly number[];
  /** Up to where each page is written, with zeros behind its last block. */
  readonly ends: readonly number[];
  readonly endPosition: number;
  readonly target: number;
}

export interface JournalOptions {
  readonly directory: string;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly fileSizeBytes: number;
  /** False: confirm when the operating system has the bytes. A power failure may then lose confirmed messages. */
  readonly fdatasync: boolean;
}

/** Who waits for `durable` to reach `target`. */
interface Waiter {
  readonly target: number;
  done(): void;
  failed(error: Error): void;
}

/** What recovery tells of the journal before: all of it is durable. */
export interface RecoveredEnd {
  /** Where the last block ended, or CHAIN_START. */
  readonly endPosition: number;
  /** No page has this number or a higher one. */
  readonly nextPage: number;
}

export interface JournalEvents {
  /** `durable` has grown. */
  onDurable(): void;
  /** All of a page's sealed blocks are in the file. */
  onPageWritten(page: Page): void;
  onFileFull(): void;
  /** A write failed (and is being repeated), or null: it succeeded after all. */
  onTrouble(error: NodeJS.ErrnoException | null): void;
}

export class Journal {
  readonly #options: JournalOptions;
  readonly #events: JournalEvents;
  readonly #pool: PagePool;
  readonly files: JournalFile[] = [];
  readonly #spares: string[] = [];
  appended = 0;
  durable = 0;
  openPage: Page | null = null;
  #openFile: JournalFile | null = null;
  /** All that lies before this position is on the medium. */
  #syncedPosition = 0;
  /** True between the first and the last record of an atomic group: a block that is full meanwhile says so. */
  inGroup = false;
  /** Where the last sealed block ended. */
  #sealedEnd: number;
  /** True when a block in the journal says that all records in it are durable. */
  #isNoted = true;
  /** Pages with bytes that are not yet in a file, oldest first. */
  #unwritten: Page[] = [];
  #busy = false;
  #retry: Timer | null = null;
  #closed = false;
  #waiters: Waiter[] = [];
  #drained: ((error: NodeJS.ErrnoException | null) => void) | null = null;

  constructor(options: JournalOptions, pool: PagePool, events: JournalEvents, recovered: RecoveredEnd) {
    this.#options = options;
    this.#pool = pool;
    this.#events = events;
    this.#sealedEnd = recovered.endPosition;
    this.#syncedPosition = recovered.nextPage * PAGE_SIZE;
    // Blocks in the spares of an earlier process may bear page numbers that are still to come in this one.
    for (const name of fs.readdirSync(options.directory)) {
      if (name.endsWith('.spare')) fs.rmSync(join(options.directory, name));
    }
  }

  get unwrittenBytes(): number {
    return this.appended - this.durable;
  }

  /** @returns a page whose `end` is where `size` bytes may be written; the caller then advances `end`. */
  reserve(size: number, nextPageNumber: (span: number) => number): Page {
    let page = this.openPage;
    if (page === null || !fits(page, size)) page = this.#startPage(size, nextPageNumber);
    if (page.blockStart < 0) this.#startBlock(page);
    this.appended += size;
    return page;
  }

  #startBlock(page: Page): void {
    page.blockStart = page.end;
    page.end += BLOCK_HEADER_SIZE;
    this.#isNoted = false;
    if (this.#unwritten[this.#unwritten.length - 1] !== page) this.#unwritten.push(page);
  }

  /**
   * Adds an empty block that says that all before it is durable, unless a block says so already or will. Without it nobody could
   * tell, after a crash, whether what is broken at the end was written in part or has been damaged since.
   */
  noteDurable(): void {
    const page = this.openPage;
    if (this.#isNoted || this.#busy || this.#unwritten.length > 0 || page === null || !fits(page, 0)) return;
    this.#startBlock(page);
    this.#isNoted = true;
    this.commit();
  }

  #seal(page: Page): void {
    if (page.blockStart < 0) return;
    sealBlock(page, this.#syncedPosition, this.#sealedEnd, this.inGroup);
    this.#sealedEnd = page.number * PAGE_SIZE + page.end;
  }

  /** Closes the open page, so that the next record starts another. */
  sealPage(): void {
    const page = this.openPage;
    if (page === null) return;
    this.#seal(page);
    page.sealed = true;
    this.openPage = null;
  }

  #startPage(size: number, nextPageNumber: (span: number) => number): Page {
    this.sealPage();
    const span = Math.ceil((size + 2 * BLOCK_HEADER_SIZE) / PAGE_SIZE);
    const capacity = span * PAGE_SIZE;
    const page = new Page(nextPageNumber(span), true, this.#pool.take(capacity), capacity);
    page.blockStart = -1;
    const file = this.#fileFor(page, capacity);
    page.file = file;
    page.fileOffset = file.size;
    file.size += capacity;
    file.pages.push(page);
    this.openPage = page;
    return page;
  }

  #fileFor(page: Page, capacity: number): JournalFile {
    const full = this.#openFile;
    if (full !== null && full.size + capacity <= this.#options.fileSizeBytes) return full;
    const next = new JournalFile(this.#options.directory, journalFileName(page.number), -1);
    this.files.push(next);
    this.#openFile = next;
    if (full !== null) this.#events.onFileFull();
    return next;
  }

  isOpen(file: JournalFile): boolean {
    return file === this.#openFile;
  }

  commit(): void {
    if (this.#busy || this.#unwritten.length === 0) return;
    this.#busy = true;
    const pages = this.#unwritten;
    this.#unwritten = [];
    for (const page of pages) this.#seal(page);
    this.#write({
      pages,
      blockEnds: pages.map((page) => page.end),
      ends: pages.map(terminate),
      endPosition: this.#sealedEnd,
      target: this.appended,
    });
  }

  #write(batch: Batch): void {
    let index = 0;
    const step = (error: NodeJS.ErrnoException | null): void => {
      if (error !== null) return this.#failed(error, batch);
      if (index === batch.pages.length) return this.#written(batch);
      const first = batch.pages[index];
      const file = first.file as JournalFile;
      const openError = this.#open(file);
      if (openError !== null) return this.#failed(openError, batch);
      const buffers: Buffer[] = [];
      const from = alignDown(first.written);
      for (const stop = index + runLength(batch, index); index < stop; index++) {
        const page = batch.pages[index];
        buffers.push((page.bytes as Buffer).subarray(page === first ? from : 0, batch.ends[index]));
      }
      this.#options.disk.write(file.fd, buffers, first.fileOffset + from, step);
    };
    step(null);
  }

  #open(file: JournalFile): NodeJS.ErrnoException | null {
    if (file.fd >= 0) return null;
    try {
      const spare = this.#spares.pop();
      if (spare !== undefined) fs.renameSync(spare, file.path);
      file.fd = openDurable(file.path, { sync: this.#options.fdatasync, create: true });
      if (this.#options.fdatasync) syncDirectory(this.#options.directory);
      return null;
    } catch (error) {
      return error as NodeJS.ErrnoException;
    }
  }

  /** Resolves once `durable` has reached `target`; rejects when the journal is closed before. */
  untilDurable(target: number): Promise<void> {
    if (this.durable >= target) return Promise.resolve();
    if (this.#closed) return Promise.reject(new Error('the journal was closed'));
    return new Promise((done, failed) => this.#waiters.push({ target, done, failed }));
  }

  /** Resolves once all that was appended is durable, with null; or, when the disk refuses it, with the reason. */
  drain(): Promise<NodeJS.ErrnoException | null> {
    this.commit();
    if (this.durable === this.appended) return Promise.resolve(null);
    return new Promise((done) => {
      this.#drained = done;
    });
  }

  #written(batch: Batch): void {
    assert(batch.target >= this.durable);
    this.durable = batch.target;
    this.#syncedPosition = batch.endPosition;
    this.#busy = false;
    if (this.#waiters.length > 0) this.#tellWaiters();
    for (let i = 0; i < batch.pages.length; i++) {
      batch.pages[i].written = batch.blockEnds[i];
      this.#events.onPageWritten(batch.pages[i]);
    }
    if (this.#retry !== null) {
      this.#retry = null;
      this.#events.onTrouble(null);
    }
    this.#events.onDurable();
    if (this.durable === this.appended) this.#drained?.(null);
  }

  #tellWaiters(): void {
    const waiters = this.#waiters;
    this.#waiters = waiters.filter(({ target }) => target > this.durable);
    for (const waiter of waiters) if (waiter.target <= this.durable) waiter.done();
  }

  #failed(error: NodeJS.ErrnoException, batch: Batch): void {
    if (this.#closed) return;
    for (const spare of this.#spares.splice(0)) fs.rmSync(spare, { force: true });
    this.#retry = this.#options.clock.after(RETRY_MS, () => this.#write(batch));
    this.#events.onTrouble(error);
    this.#drained?.(error);
  }

  /**
   * What was written anew takes the file's place. Reads that are under way are of the old one, and come to their end there.
   * @returns the old descriptor, for the caller to close
   */
  replace(file: JournalFile, { path, fd, allocatedBytes }: CompactedFile): number {
    const old = file.fd;
    fs.renameSync(path, file.path);
    file.fd = fd;
    file.usage.allocatedBytes = allocatedBytes;
    return old;
  }

  /** Removes a file in which nothing is alive. */
  remove(file: JournalFile): void {
    assert(file.live === 0 && file !== this.#openFile);
    if (file.fd >= 0) fs.closeSync(file.fd);
    file.fd = -1;
    this.files.splice(this.files.indexOf(file), 1);
    // An index without its file would tell of a loss, a file without its index would be read again: nobody sees either.
    if (fs.existsSync(file.indexPath)) fs.renameSync(file.indexPath, file.removedPath);
    const fits = file.size <= this.#options.fileSizeBytes && !file.hasHoles;
    const reusable = this.#retry === null && fits && fs.existsSync(file.path);
    if (reusable) this.#keepSpare(file.path);
    else fs.rmSync(file.path, { force: true });
    fs.rmSync(file.removedPath, { force: true });
  }

  #keepSpare(path: string): void {
    if (this.#spares.length === MAX_SPARE_FILES) return fs.rmSync(path);
    const spare = `${path}.spare`;
    fs.renameSync(path, spare);
    this.#spares.push(spare);
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    for (const { failed } of this.#waiters) failed(new Error('the journal was closed'));
    for (const file of this.files) {
      if (file.fd >= 0) fs.closeSync(file.fd);
      file.fd = -1;
    }
  }
}

/** Whether a record, a header for it and the zeros behind it still fit. */
function fits(page: Page, size: number): boolean {
  return page.end + size + (page.blockStart >= 0 ? 1 : 2) * BLOCK_HEADER_SIZE <= page.capacity;
}

const alignDown = (offset: number): number => offset & ~(DIRECT_ALIGNMENT - 1);

/** A full page that has no more than this left is written to its very end: pages that touch go in one write. */
const SMALL_REST = 64 * 1024;

/** Puts zeros behind the last block, up to where the write has to end. @returns that end. */
function terminate(page: Page): number {
  const isFull = page.sealed && page.capacity - page.end <= SMALL_REST;
  const wanted = alignDown(page.end + BLOCK_HEADER_SIZE + DIRECT_ALIGNMENT - 1);
  const end = isFull ? page.capacity : Math.min(page.capacity, wanted);
  (page.bytes as Buffer).fill(0, page.end, end);
  return end;
}

/** How many pages from `index` on go in one write: those that lie end to end in one file. */
function runLength(batch: Batch, index: number): number {
  let count = 1;
  while (index + count < batch.pages.length && count < MAX_PAGES_PER_WRITE) {
    const before = batch.pages[index + count - 1];
    const next = batch.pages[index + count];
    const adjacent = next.file === before.file && next.fileOffset === before.fileOffset + before.capacity;
    if (!adjacent || batch.ends[index + count - 1] !== before.capacity) break;
    count++;
  }
  return count;
}
