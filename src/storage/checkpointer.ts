/**
 * Takes checkpoints (see checkpoint.ts) beside the running broker, and removes journal files in which nothing is alive.
 *
 * A file may go when no queue refers to a message in it and it will not be replayed: either it lies before the checkpoint, or
 * it is the oldest of all, because what it settles lies in itself or in files that are gone already. That goes for what it tells of
 * messages as well, but not for what it tells of delay segments: then it waits for the checkpoint.
 */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { syncFolder } from '../runtime/disk.ts';
import type { Log } from '../runtime/log.ts';
import { encodeCheckpoint, encodeFileIndex, type FileIndex, IndexedMessages } from './checkpoint.ts';
import type { Journal, JournalFile } from './journal.ts';
import type { LiveMessages } from './message-store.ts';
import { PAGE_SIZE, type Page } from './page.ts';

export interface CheckpointerOptions {
  readonly directory: string;
  readonly journal: Journal;
  readonly live: LiveMessages;
  readonly log: Log;
  /** No page number at or above was used so far. */
  nextPage(): number;
  /** Appends what was settled and is not yet in the journal. */
  appendSettled(): void;
}

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  readonly #journal: Journal;
  readonly #log: Log;
  #running: Promise<void> | null = null;
  #wanted = false;
  /** Files whose first page is below are not replayed. */
  #replayFromPage = 0;
  /** The file whose index is being written: it may not be removed meanwhile, or the index would be left behind. */
  #indexing: JournalFile | null = null;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#journal = options.journal;
    this.#log = options.log;
  }

  /** Takes a checkpoint soon; another one follows if this is asked for meanwhile. */
  schedule(): void {
    this.#wanted = true;
    if (this.#running !== null) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
    });
  }

  /** As `schedule`. Resolves when it was taken, or has failed. */
  async renew(): Promise<void> {
    this.schedule();
    await this.#running;
  }

  /** Resolves when none is being taken. */
  async ended(): Promise<void> {
    await this.#running;
  }

  /** Files whose pages are all below are not replayed by a start. */
  get replayFromPage(): number {
    return this.#replayFromPage;
  }

  /** A last checkpoint over all files, so that the next start replays nothing. */
  async finish(): Promise<void> {
    await this.#running;
    try {
      await this.#take(this.#journal.files);
    } catch (error) {
      this.#log.warning('journal', `no checkpoint at the stop, the next start reads more: ${(error as Error).message}`);
    }
  }

  async #run(): Promise<void> {
    while (this.#wanted) {
      this.#wanted = false;
      // The turn that filled the file comes to its end first: its queues then agree with what was appended.
      await new Promise((resolve) => setImmediate(resolve));
      try {
        await this.#take(this.#journal.files.filter((file) => !this.#journal.isOpen(file)));
      } catch (error) {
        this.#log.warning('journal', `a checkpoint failed, the next one will do its work: ${(error as Error).message}`);
      }
    }
  }

  async #take(candidates: readonly JournalFile[]): Promise<void> {
    const { journal, live, nextPage, appendSettled } = this.#options;
    const files = candidates.filter((file) => file.pages.length > 0);
    if (files.length === 0) return;
    const replayFromPage = files[files.length - 1].nextPage;
    const dirty = files.filter((file) => file.dirty);
    const indexes = this.#indexesOf(dirty);
    const text = encodeCheckpoint({ replayFromPage, nextPage: nextPage(), marks: live.marks() });
    for (const file of dirty) file.dirty = false;
    appendSettled();
    try {
      // An index may not outlive a crash that the records do not outlive by which it says that a message is gone.
      await journal.untilDurable(journal.appended);
      await this.#write(dirty, indexes, text);
    } catch (error) {
      for (const file of dirty) file.dirty = true;
      this.#indexing = null;
      throw error;
    }
    this.#replayFromPage = replayFromPage;
    this.removeDeadFiles();
  }

  /** The indexes are durable before the checkpoint that relies on them. */
  async #write(files: readonly JournalFile[], indexes: readonly FileIndex[], checkpoint: string): Promise<void> {
    const { directory } = this.#options;
    for (let i = 0; i < files.length; i++) {
      if (!this.#journal.files.includes(files[i])) continue;
      this.#indexing = files[i];
      await replaceFile(files[i].indexPath, encodeFileIndex(indexes[i]));
    }
    this.#indexing = null;
    if (files.length > 0) await syncFolder(directory);
    await replaceFile(join(directory, 'checkpoint'), Buffer.from(checkpoint));
    await syncFolder(directory);
  }

  /** What queues hold of each of the files, in the files' order. */
  #indexesOf(files: readonly JournalFile[]): FileIndex[] {
    const tallies = files.map(({ pages }) => pages.map((page) => new PageTally(page)));
    const indexes = tallies.map((ofFile) => indexOf(ofFile));
    const tallyOfPage = new Map<number, PageTally>();
    for (const tally of tallies.flat()) {
      const { number, capacity } = tally.page;
      for (let span = 0; span < capacity / PAGE_SIZE; span++) tallyOfPage.set(number + span, tally);
    }
    const wanted = (lowest: number, highest: number): boolean =>
      files.some((file) => highest >= file.pages[0].number * PAGE_SIZE && lowest < file.nextPage * PAGE_SIZE);
    this.#options.live.visitLive(wanted, (queueId, position, size, priority) => {
      tallyOfPage.get(Math.floor(position / PAGE_SIZE))?.add(queueId, position, size, priority);
    });
    for (let i = 0; i < files.length; i++) noteUsage(files[i], tallies[i]);
    return indexes;
  }

  fileMayBeDead(): void {
    const oldest = this.#journal.files[0];
    if (oldest !== undefined && oldest.live === 0 && this.#isRemovable(oldest, true)) this.removeDeadFiles();
  }

  removeDeadFiles(): void {
    let oldest = true;
    for (const file of [...this.#journal.files]) {
      if (this.#isRemovable(file, oldest)) this.#journal.remove(file);
      else oldest = false;
    }
  }

  #isRemovable(file: JournalFile, oldest: boolean): boolean {
    if (file.live > 0 || this.#journal.isOpen(file) || file === this.#indexing) return false;
    if (file.keepUntil > this.#journal.durable) return false;
    if (!file.isWritten || file.pages.some((page) => page.loading)) return false;
    if (oldest && !file.needsCheckpoint) return true;
    return file.pages.length > 0 && file.nextPage <= this.#replayFromPage;
  }
}

/** What durable queues hold of one page. */
class PageTally {
  readonly page: Page;
  /** Of the whole file. */
  queues: Map<number, IndexedMessages> = NO_QUEUES;
  references = 0;
  bodyBytes = 0;

  constructor(page: Page) {
    this.page = page;
  }

  add(queueId: number, position: number, size: number, priority: number): void {
    let messages = this.queues.get(queueId);
    if (messages === undefined) {
      messages = new IndexedMessages();
      this.queues.set(queueId, messages);
    }
    messages.push(position, size, priority);
    this.references++;
    this.bodyBytes += size;
  }
}

const NO_QUEUES = new Map<number, IndexedMessages>();

/** The index of the file that the pages are of, to be filled. */
function indexOf(tallies: readonly PageTally[]): FileIndex {
  const queues = new Map<number, IndexedMessages>();
  for (const tally of tallies) tally.queues = queues;
  const pages = tallies.map(({ page }) => {
    const { number, fileOffset, capacity, end } = page;
    return { number, offset: fileOffset, capacity, end };
  });
  return { pages, queues };
}

/** Where a page has more references than the index tells, or other ones, nobody may rely on the index for what is needed of it. */
function noteUsage({ usage }: JournalFile, tallies: readonly PageTally[]): void {
  usage.references = tallies.reduce((sum, { references }) => sum + references, 0);
  usage.bodyBytes = tallies.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
  usage.wholePages = new Set(
    tallies.filter(({ page, references }) => page.live !== references).map(({ page }) => page),
  );
}

/** Replaces a file as a whole; after a crash either the old or the new content is there. */
async function replaceFile(path: string, content: Buffer): Promise<void> {
  const temporary = `${path}.new`;
  try {
    const handle = await fs.open(temporary, 'w');
    try {
      await handle.writeFile(content);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, path);
  } catch (error) {
    // A disk that is full needs the room.
    await fs.rm(temporary, { force: true });
    throw error;
  }
}
