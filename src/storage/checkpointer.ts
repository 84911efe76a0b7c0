/**
 * Takes checkpoints (see checkpoint.ts) beside the running broker, and removes journal files in which nothing is alive.
 *
 * A file may go when no queue refers to a message in it and it will not be replayed: either it lies before the checkpoint, or
 * it is the oldest of all, because what it settles lies in itself or in files that are gone already.
 */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { syncDirectory } from '../runtime/disk.ts';
import type { Log } from '../runtime/log.ts';
import { encodeCheckpoint, encodeFileIndex, IndexedMessages } from './checkpoint.ts';
import type { Journal, JournalFile } from './journal.ts';
import type { LiveMessages } from './message-store.ts';
import { PAGE_SIZE } from './page.ts';

export class Checkpointer {
  readonly #directory: string;
  readonly #journal: Journal;
  readonly #live: LiveMessages;
  readonly #log: Log;
  readonly #nextPage: () => number;
  #running: Promise<void> | null = null;
  #wanted = false;
  /** Files whose first page is below are not replayed. */
  #replayFromPage = 0;

  constructor(directory: string, journal: Journal, live: LiveMessages, log: Log, nextPage: () => number) {
    this.#directory = directory;
    this.#journal = journal;
    this.#live = live;
    this.#log = log;
    this.#nextPage = nextPage;
  }

  /** Takes a checkpoint soon; another one follows if this is asked for meanwhile. */
  schedule(): void {
    this.#wanted = true;
    if (this.#running !== null) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
    });
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
        this.#log.warning('journal', `a checkpoint failed and will be tried again: ${(error as Error).message}`);
      }
    }
  }

  async #take(candidates: readonly JournalFile[]): Promise<void> {
    const files = candidates.filter((file) => file.pages.length > 0);
    if (files.length === 0) return;
    const replayFromPage = lastPageOf(files[files.length - 1]) + 1;
    const dirty = files.filter((file) => file.dirty);
    const indexes = this.#indexesOf(dirty);
    const text = encodeCheckpoint({ replayFromPage, nextPage: this.#nextPage(), marks: this.#live.marks() });
    for (const file of dirty) file.dirty = false;
    await Promise.all(dirty.map((file, i) => replaceFile(file.indexPath, encodeFileIndex({ queues: indexes[i] }))));
    await replaceFile(join(this.#directory, 'checkpoint'), Buffer.from(text));
    syncDirectory(this.#directory);
    this.#replayFromPage = replayFromPage;
    this.removeDeadFiles();
  }

  /** What queues hold of each of the files, in the files' order. */
  #indexesOf(files: readonly JournalFile[]): Map<number, IndexedMessages>[] {
    const indexes = files.map(() => new Map<number, IndexedMessages>());
    const indexOfPage = new Map<number, Map<number, IndexedMessages>>();
    files.forEach((file, i) => {
      for (const page of file.pages) {
        for (let n = page.number; n < page.number + page.capacity / PAGE_SIZE; n++) indexOfPage.set(n, indexes[i]);
      }
    });
    const wanted = (lowest: number, highest: number): boolean =>
      files.some((file) => highest >= file.pages[0].number * PAGE_SIZE && lowest < (lastPageOf(file) + 1) * PAGE_SIZE);
    this.#live.visitLive(wanted, (queueId, position, size, priority) => {
      const index = indexOfPage.get(Math.floor(position / PAGE_SIZE));
      if (index === undefined) return;
      let messages = index.get(queueId);
      if (messages === undefined) {
        messages = new IndexedMessages();
        index.set(queueId, messages);
      }
      messages.push(position, size, priority);
    });
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
    if (file.live > 0 || this.#journal.isOpen(file)) return false;
    if (file.pages.some((page) => !page.sealed || page.written < page.end || page.loading)) return false;
    return oldest || (file.pages.length > 0 && lastPageOf(file) < this.#replayFromPage);
  }
}

function lastPageOf(file: JournalFile): number {
  const page = file.pages[file.pages.length - 1];
  return page.number + page.capacity / PAGE_SIZE - 1;
}

/** Replaces a file as a whole; after a crash either the old or the new content is there. */
async function replaceFile(path: string, content: Buffer): Promise<void> {
  const temporary = `${path}.new`;
  const handle = await fs.open(temporary, 'w');
  try {
    await handle.writeFile(content);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await fs.rename(temporary, path);
}
