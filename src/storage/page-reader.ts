/**
 * Brings pages back whose bytes are on disk alone: those that somebody waits for, and those behind them. However many queues
 * wait for theirs, so many are read at a time, so that memory stays bounded. A read that fails is repeated before it is given up.
 */
import assert from 'node:assert/strict';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Disk } from '../runtime/disk.ts';
import type { Log } from '../runtime/log.ts';
import { PAGE_SIZE, type Page, type PagePool } from './page.ts';

/** How many pages behind the one asked for are read along with it. */
const READ_AHEAD_PAGES = 6;
/** Pages that are read at a time. */
const MAX_READS = 16;
/** A page that cannot be read this many times, so far apart, is given up. */
const READ_ATTEMPTS = 5;
const READ_RETRY_MS = 1000;

/** What the reader is to know of the store. */
export interface PageReaderOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  readonly pool: PagePool;
  /** Pages that were read and may stay while memory is short. */
  readonly loadedPages: number;
  page(number: number): Page | undefined;
  /** Whether there is memory for pages that nobody waits for yet. */
  hasRoom(): boolean;
  /** The file that holds the page's bytes. */
  fileOf(page: Page): number;
  /** For messages. */
  placeOf(page: Page): string;
  /** Takes over what was read. @param error what was given up for, or null */
  attach(page: Page, bytes: Buffer, error: Error | null): void;
  /** Nobody refers to the page any more. */
  free(page: Page): void;
}

export class PageReader {
  readonly #options: PageReaderOptions;
  readonly #waiting = new Map<Page, (() => void)[]>();
  /** Pages whose read has not begun yet. */
  readonly #toRead: Page[] = [];
  #reads = 0;
  #closed = false;
  /** Of reads that are to be repeated. */
  readonly #timers = new Set<Timer>();

  constructor(options: PageReaderOptions) {
    this.#options = options;
  }

  /** Calls back once the page's bytes are there; those behind it are read, too. */
  load(page: Page, loaded: () => void): void {
    const waiting = this.#waiting.get(page);
    if (waiting !== undefined) waiting.push(loaded);
    else this.#read(page, [loaded]);
    this.#readAhead(page.number + page.capacity / PAGE_SIZE);
  }

  #readAhead(number: number): void {
    if (this.#toRead.length > 0 || !this.#options.hasRoom()) return;
    for (let i = 0; i < Math.min(READ_AHEAD_PAGES, this.#options.loadedPages - 1); i++) {
      const page = this.#options.page(number + i);
      if (page !== undefined && page.bytes === null && !page.loading && page.live > 0) this.#read(page, []);
    }
  }

  #read(page: Page, waiting: (() => void)[]): void {
    assert(page.bytes === null && !page.loading);
    page.loading = true;
    this.#waiting.set(page, waiting);
    this.#toRead.push(page);
    this.#readNext();
  }

  #readNext(): void {
    while (this.#reads < MAX_READS) {
      const page = this.#toRead.shift();
      if (page === undefined) return;
      if (page.bytes !== null || page.live === 0) {
        this.#ended(page); // it was read at once, or is not needed any more
        continue;
      }
      this.#reads++;
      this.#readInto(page, this.#options.pool.take(page.capacity), 1);
    }
  }

  #readInto(page: Page, bytes: Buffer, attempt: number): void {
    const { disk, clock, log, fileOf, placeOf } = this.#options;
    disk.read(fileOf(page), bytes, page.fileOffset, (error, count) => {
      if (this.#closed) return;
      if (error === null || attempt === READ_ATTEMPTS) {
        bytes.fill(0, error === null ? count : 0);
        return this.#arrived(page, bytes, error);
      }
      log.warning('store', `${placeOf(page)} could not be read, trying again: ${error.message}`);
      const timer = clock.after(READ_RETRY_MS, () => {
        this.#timers.delete(timer);
        this.#readInto(page, bytes, attempt + 1);
      });
      this.#timers.add(timer);
    });
  }

  #arrived(page: Page, bytes: Buffer, error: Error | null): void {
    this.#reads--;
    if (page.bytes !== null) this.#options.pool.give(bytes);
    else this.#options.attach(page, bytes, error);
    this.#ended(page);
    this.#readNext();
  }

  #ended(page: Page): void {
    page.loading = false;
    const waiting = this.#waiting.get(page) ?? [];
    this.#waiting.delete(page);
    if (page.live === 0) this.#options.free(page);
    for (const callback of waiting) callback();
  }

  /** What is being read is not wanted any more. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
  }
}
