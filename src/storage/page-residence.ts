/**
 * Which pages are in memory. Past the limit those go that will not be needed soon: persistent ones are dropped, their bytes are in
 * the journal; transient ones are spilled first. The newest stay, since queues that keep up need them, and so do the oldest, which
 * are next; of those that were loaded back the oldest goes.
 */
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import { PAGE_SIZE, type Page, type PagePool } from './page.ts';
import type { Spill } from './spill.ts';

/** The youngest pages, up to this much, are never moved to disk: a queue that keeps up reads them next. */
const RECENT_BYTES = 8 * PAGE_SIZE;
/** Pages that were loaded back and may stay while memory is short. */
const LOADED_PAGES = 32;
/** The share of a small memory that recent pages may have, and that loaded ones may: the rest must be enough to go on with. */
const SHARE_OF_MEMORY = 1 / 4;
/** How long until the spill is tried again after a write to it failed. */
const SPILL_RETRY_MS = 1000;

export interface ResidenceOptions {
  readonly pool: PagePool;
  readonly memoryLimitBytes: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Null: nothing is ever moved to disk. */
  readonly spill: Spill | null;
  /** Nobody refers any more to a page that was being spilled. */
  free(page: Page): void;
  /** There may be room again. */
  onRoom(): void;
  /** The spill may be tried again. */
  onRetry(): void;
}

export class PageResidence {
  readonly #options: ResidenceOptions;
  /** Sealed pages in memory, oldest first. */
  readonly #resident: Page[] = [];
  /** Pages that were loaded back, in that order. */
  readonly #loaded: Page[] = [];
  readonly #recentBytes: number;
  /** How many that were loaded back may stay while memory is short. */
  readonly loadedPages: number;
  /** Bytes of pages on their way to the spill. */
  #spilling = 0;
  #spillRetry: Timer | null = null;
  #closed = false;

  constructor(options: ResidenceOptions) {
    this.#options = options;
    const share = options.memoryLimitBytes * SHARE_OF_MEMORY;
    this.#recentBytes = Math.min(RECENT_BYTES, share);
    this.loadedPages = Math.max(2, Math.min(LOADED_PAGES, Math.floor(share / PAGE_SIZE)));
  }

  /** Whether pages take more memory than they may. */
  get isOver(): boolean {
    return this.#options.pool.usedBytes > this.#options.memoryLimitBytes;
  }

  /** A page has got its last record: now it may be moved out of memory. */
  addSealed(page: Page): void {
    this.#resident.push(page);
    if (this.isOver) this.makeRoom();
  }

  /** A page was read back. */
  addLoaded(page: Page): void {
    this.#loaded.push(page);
    const oldest = this.#loaded[0];
    const crowded = this.isOver && this.#loaded.length > LOADED_PAGES;
    if (crowded && !oldest.loading && oldest !== page) this.drop(oldest);
  }

  makeRoom(): void {
    const { pool, memoryLimitBytes } = this.#options;
    let i = this.#resident.length - 1;
    let recentBytes = i < 0 ? 0 : this.#resident[i].capacity;
    while (i >= 0 && recentBytes <= this.#recentBytes) recentBytes += this.#resident[--i]?.capacity ?? 0;
    for (; i >= 0; i--) {
      if (pool.usedBytes - this.#spilling <= memoryLimitBytes) return;
      this.#evict(this.#resident[i]);
    }
  }

  #evict(page: Page): void {
    const { spill, free, onRoom } = this.#options;
    if (page.loading || page.bytes === null) return;
    if (page.persistent) {
      if (page.written >= page.end) this.drop(page);
      return;
    }
    if (spill === null) return;
    page.loading = true;
    this.#spilling += page.capacity;
    spill.write(page, (error) => {
      page.loading = false;
      this.#spilling -= page.capacity;
      if (error !== null) this.#retrySpill(error);
      if (page.live === 0) free(page);
      else if (error === null) this.drop(page);
      onRoom();
    });
  }

  #retrySpill(error: Error): void {
    if (this.#spillRetry !== null || this.#closed) return;
    const { log, clock, onRetry } = this.#options;
    log.warning('store', `messages cannot be moved to disk, trying again: ${error.message}`);
    this.#spillRetry = clock.after(SPILL_RETRY_MS, () => {
      this.#spillRetry = null;
      onRetry();
    });
  }

  /** Gives up the oldest of the pages that were loaded back, where there are many. */
  dropLoaded(): void {
    while (this.#loaded.length > this.loadedPages && !this.#loaded[0].loading) this.drop(this.#loaded[0]);
  }

  /** The page's bytes leave memory. */
  drop(page: Page): void {
    remove(this.#resident, page);
    remove(this.#loaded, page);
    this.#options.pool.give(page.detach());
  }

  close(): void {
    this.#closed = true;
    this.#spillRetry?.cancel();
  }
}

function remove(pages: Page[], page: Page): void {
  const index = pages.lastIndexOf(page);
  if (index >= 0) pages.splice(index, 1);
}
