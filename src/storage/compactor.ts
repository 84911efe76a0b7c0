/**
 * Gives back the disk that journal files take without need, beside the running broker. A file in which only a part is needed any
 * more, because one forgotten queue has a message in it, is written anew with holes in place of the rest (see file-compaction.ts).
 * Every message keeps its position, so that nothing else changes.
 *
 *   a look now and then ──> files that are mostly dead, and do not go by themselves right now
 *                              │  one at a time, so many bytes a second
 *                              v
 *   index, synced ──> the new file under another name, synced ──> renamed ──> the folder synced
 *
 * What is needed of a file is what its index on the disk names: whatever a start after a crash can ask for is named there, since
 * references only go. Only files that no start replays are touched, so that nothing but messages is needed of them.
 */
import { close, promises as fs } from 'node:fs';
import { dirname } from 'node:path';
import type { CompactionOptions } from '../config/compaction-options.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { type Disk, syncFolder } from '../runtime/disk.ts';
import type { Log } from '../runtime/log.ts';
import { decodeFileIndex, type FileIndex } from './checkpoint.ts';
import type { Checkpointer } from './checkpointer.ts';
import { type CompactedFile, compactFile, discard } from './file-compaction.ts';
import type { Journal, JournalFile } from './journal.ts';
import { LiveSlots } from './live-slots.ts';
import { PAGE_SIZE, type Page } from './page.ts';

export interface CompactorOptions extends CompactionOptions {
  readonly journal: Journal;
  readonly checkpointer: Checkpointer;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
}

/** A file of which more than this share goes between two looks will be gone soon without any work. */
const LARGEST_LOSS = 1 / 8;
/** What a record takes beside its body, about. */
const USUAL_OVERHEAD = 128;
/** Pauses shorter than that are added up. */
const SHORTEST_PAUSE_MS = 10;
/** Less than a millisecond of work. */
const MESSAGES_AT_ONCE = 8192;
/** How long until it is looked again whether a page is still being read. */
const READ_PAUSE_MS = 50;

export class Compactor {
  readonly #options: CompactorOptions;
  readonly #journal: Journal;
  readonly #timer: Timer;
  #running: Promise<void> | null = null;
  #closed = false;
  /** The file system knows no holes. */
  #isInVain = false;
  #owedMs = 0;
  /** Ends the pause that is under way. */
  #wake: () => void = () => {};

  constructor(options: CompactorOptions) {
    this.#options = options;
    this.#journal = options.journal;
    this.#timer = options.clock.every(options.intervalMs, () => void this.look());
  }

  /** Compacts what is worth while, if anything is. Resolves when that is done. */
  async look(): Promise<void> {
    if (this.#isInVain || this.#closed) return;
    if (this.#running !== null) return this.#running;
    const files = this.#journal.files.filter((file) => this.#isWorthWhile(file));
    for (const file of this.#journal.files) file.usage.lookedAtLive = file.live;
    if (files.length === 0) return;
    files.sort((a, b) => neededBytesOf(a) - neededBytesOf(b));
    this.#running = this.#run(files)
      .catch(({ message }: Error) => this.#options.log.warning('journal', `nothing can be compacted now: ${message}`))
      .finally(() => {
        this.#running = null;
      });
    return this.#running;
  }

  #isWorthWhile(file: JournalFile): boolean {
    const { live, usage } = file;
    const { triedAtLive, lookedAtLive } = usage;
    if (live === 0 || live > triedAtLive / 2 || live < lookedAtLive * (1 - LARGEST_LOSS) || lookedAtLive < 0)
      return false;
    return this.#isSettled(file) && this.#isMostlyDead(file, neededBytesOf(file));
  }

  /** Whether a start reads only the index of it. */
  #isSettled(file: JournalFile): boolean {
    if (this.#journal.isOpen(file) || !file.isWritten) return false;
    return file.nextPage <= this.#options.checkpointer.replayFromPage;
  }

  #isMostlyDead(file: JournalFile, neededBytes: number): boolean {
    return neededBytes <= (1 - this.#options.ratio) * allocatedBytesOf(file);
  }

  async #run(files: readonly JournalFile[]): Promise<void> {
    const { checkpointer, log } = this.#options;
    // A checkpoint needs some room, too.
    if (!(await this.#hasRoom(files[0], neededBytesOf(files[0])))) return;
    if (files.some((file) => file.dirty)) await checkpointer.renew();
    else await checkpointer.ended();
    const before = { count: 0, bytes: 0 };
    for (const file of files) {
      if (!this.#mayGoOn(file) || this.#isInVain) continue;
      try {
        before.bytes += await this.#compact(file);
        before.count++;
      } catch (error) {
        const { message, code } = error as NodeJS.ErrnoException;
        // There may be room later; what else went wrong will go wrong again.
        if (code === 'ENOSPC') file.usage.triedAtLive = Number.POSITIVE_INFINITY;
        log.warning(
          'journal',
          `${file.path} takes more of the disk than it needs, and could not be compacted: ${message}`,
        );
      }
    }
    if (before.bytes > 0) log.info('journal', `compaction has given back ${before.bytes} bytes of disk`);
  }

  #mayGoOn(file: JournalFile): boolean {
    return !this.#closed && this.#journal.files.includes(file);
  }

  /** @returns how many bytes of disk it gave back */
  async #compact(file: JournalFile): Promise<number> {
    file.usage.triedAtLive = file.live;
    const index = decodeFileIndex(await fs.readFile(file.indexPath));
    const { blocks } = await fs.stat(file.path);
    const before = blocks * 512;
    file.usage.allocatedBytes = before;
    // Without its index nobody knows what is needed; the next start will tell of it.
    if (index === null) return 0;
    // It may be older than what is known here; then it will be worth another try.
    file.usage.triedAtLive = referencesIn(index);
    const needed = await neededIn(file, index);
    const foreseen = foreseenBytes(file, needed);
    if (!this.#isMostlyDead(file, foreseen)) return 0;
    if (!(await this.#hasRoom(file, foreseen))) {
      file.usage.triedAtLive = Number.POSITIVE_INFINITY;
      return 0;
    }
    const { disk } = this.#options;
    const { wholePages } = file.usage;
    const goOn = async (bytes: number) => {
      await this.#pause(bytes);
      return this.#mayGoOn(file);
    };
    const compacted = await compactFile(file, { disk, needed, wholePages, goOn });
    if (compacted === null) return 0;
    return this.#replace(file, compacted, before);
  }

  async #replace(file: JournalFile, compacted: CompactedFile, before: number): Promise<number> {
    const folder = dirname(file.path);
    let old = -1;
    try {
      // An older index may ask for more: the one that was read has to be there for good first.
      await syncFolder(folder);
      if (this.#mayGoOn(file) && this.#isGain(compacted, before)) old = this.#journal.replace(file, compacted);
    } finally {
      if (old < 0) discard(compacted);
    }
    if (old < 0) return 0;
    const reading = file.pages.filter(({ loading }) => loading);
    this.#options.log.debug('journal', `${file.name} takes ${compacted.allocatedBytes} bytes in place of ${before}`);
    try {
      await syncFolder(folder);
    } finally {
      while (reading.some(({ loading }) => loading) && !this.#closed) await this.#sleep(READ_PAUSE_MS);
      // In a thread of its own: it is then that the old file's disk is given back.
      await new Promise<void>((done, failed) => close(old, (error) => (error === null ? done() : failed(error))));
    }
    return before - compacted.allocatedBytes;
  }

  #isGain({ allocatedBytes, writtenBytes }: CompactedFile, before: number): boolean {
    if (allocatedBytes >= before && writtenBytes < before / 2) {
      this.#isInVain = true;
      this.#options.log.info('journal', 'this file system keeps no holes in files: the journal is not compacted');
    }
    return before - allocatedBytes >= (this.#options.ratio * before) / 2;
  }

  /** For a time there are both. */
  async #hasRoom({ path }: JournalFile, bytes: number): Promise<boolean> {
    const { bavail, bsize } = await fs.statfs(dirname(path));
    return bavail * bsize >= 2 * bytes;
  }

  async #pause(bytes: number): Promise<void> {
    this.#owedMs += (bytes / this.#options.bytesPerSecond) * 1000;
    if (this.#owedMs < SHORTEST_PAUSE_MS) return;
    const pauseMs = this.#owedMs;
    this.#owedMs = 0;
    await this.#sleep(pauseMs);
  }

  #sleep(pauseMs: number): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(pauseMs, resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /** Gives up what is under way. Resolves once nothing of it is left. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer.cancel();
    this.#wake();
    await this.#running;
  }
}

function allocatedBytesOf({ usage, size }: JournalFile): number {
  return usage.allocatedBytes < 0 ? size : usage.allocatedBytes;
}

/** What is needed of a file, about: from what the last index told, and what has gone since. */
function neededBytesOf({ live, usage, pages }: JournalFile): number {
  const { references, bodyBytes } = usage;
  const byMessages = references === 0 ? Number.POSITIVE_INFINITY : live * (bodyBytes / references + USUAL_OVERHEAD);
  const byPages = pages.reduce((sum, page) => sum + (page.live > 0 ? page.capacity : 0), 0);
  return Math.min(byMessages, byPages);
}

function referencesIn({ queues }: FileIndex): number {
  let references = 0;
  for (const { count } of queues.values()) references += count;
  return references;
}

/** Which records of each page the index names. */
async function neededIn(file: JournalFile, { queues }: FileIndex): Promise<Map<Page, LiveSlots>> {
  const pageOf = new Map<number, Page>();
  for (const page of file.pages) {
    for (let span = 0; span < page.capacity / PAGE_SIZE; span++) pageOf.set(page.number + span, page);
  }
  const needed = new Map<Page, LiveSlots>();
  let left = MESSAGES_AT_ONCE;
  for (const { positions, sizes, count } of queues.values()) {
    for (let i = 0; i < count; i++) {
      addNeeded(needed, pageOf, positions[i], sizes[i]);
      if (--left > 0) continue;
      left = MESSAGES_AT_ONCE;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return needed;
}

function addNeeded(needed: Map<Page, LiveSlots>, pageOf: Map<number, Page>, position: number, size: number): void {
  const page = pageOf.get(Math.floor(position / PAGE_SIZE));
  if (page === undefined) return;
  let slots = needed.get(page);
  if (slots === undefined) {
    slots = new LiveSlots();
    needed.set(page, slots);
  }
  // A larger page is needed as a whole, or not at all.
  if (page.capacity === PAGE_SIZE) slots.add(position - page.number * PAGE_SIZE, size);
}

function foreseenBytes({ pages, usage }: JournalFile, needed: ReadonlyMap<Page, LiveSlots>): number {
  let bytes = 0;
  for (const page of pages) {
    const slots = needed.get(page);
    const isWhole = usage.wholePages.has(page) || (slots !== undefined && page.capacity > PAGE_SIZE);
    bytes += isWhole ? page.capacity : (slots?.bytesToKeep ?? 0);
  }
  return bytes;
}
