/**
 * The message store: pages in memory, the journal for what must last, the spill for what need not, and what goes when.
 *
 *   append        a message into the open page (persistent or transient), referenced by one or more queues
 *   settle        a queue is done with a message; at the last reference of a page its memory goes
 *   commit        end of a turn: what was appended and settled goes to the journal in one write
 *   load          a page that was moved to disk comes back
 *
 * Memory is bounded by `memoryLimitBytes`: past it, pages leave it (see page-residence.ts).
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import type { CompactionOptions } from '../config/compaction-options.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Disk } from '../runtime/disk.ts';
import type { Log } from '../runtime/log.ts';
import type { QueueMarks } from './checkpoint.ts';
import { Checkpointer } from './checkpointer.ts';
import { Compactor } from './compactor.ts';
import { DamageReport } from './damage.ts';
import { Journal } from './journal.ts';
import { PAGE_SIZE, Page, type PageFile, PagePool } from './page.ts';
import { PageReader } from './page-reader.ts';
import { PageResidence } from './page-residence.ts';
import { type IncomingMessage, messageRecordSize, RecordType, writeMessageRecord } from './record.ts';
import { type Recovered, type RecoveredQueue, recover } from './recovery.ts';
import { SettledBatch } from './settled-batch.ts';
import { Spill } from './spill.ts';
import { verifyPage } from './verify-page.ts';

export interface MessageStoreOptions {
  /** Null: everything stays in memory, nothing survives a stop. */
  readonly directory: string | null;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  readonly fdatasync: boolean;
  readonly journalFileBytes: number;
  /** Bytes of pages kept in memory. */
  readonly memoryLimitBytes: number;
  /** Publishers pause while more than this waits to be written. */
  readonly unwrittenLimitBytes: number;
  /** Without it no journal file is written anew. */
  readonly compaction?: CompactionOptions;
}

export interface MessageStoreEvents {
  /** Confirms that wait for `durable` may go out. */
  onDurable(): void;
  /** The disk refuses writes (with the reason), or takes them again (null). */
  onTrouble(error: NodeJS.ErrnoException | null): void;
  /** `congested` has become false. */
  onRelief(): void;
}

/** Names the references that durable queues hold, for the index files. */
export interface LiveMessages {
  /** @param wanted false: nothing between these two positions is asked for. */
  visitLive(
    wanted: (lowest: number, highest: number) => boolean,
    visit: (queueId: number, position: number, size: number, priority: number) => void,
  ): void;
  /** What queues remember beside their messages. */
  marks(): Map<number, QueueMarks>;
}

/** In the data directory. */
export const JOURNAL_DIRECTORY = 'journal';
export const SPILL_FILE = 'transient.spill';

export class MessageStore {
  readonly #options: MessageStoreOptions;
  readonly #events: MessageStoreEvents;
  readonly #pool = new PagePool();
  readonly #pages = new Map<number, Page>();
  readonly #journal: Journal | null;
  readonly #spill: Spill | null;
  readonly #settled: SettledBatch;
  readonly #checkpointer: Checkpointer | null;
  readonly #compactor: Compactor | null;
  #openTransient: Page | null = null;
  #nextPage = 0;
  readonly #residence: PageResidence;
  readonly #reader: PageReader;
  #congested = false;
  #holds = 0;
  #inGroup = false;
  #lastPage: Page | null = null;
  /** What recovery found, until the queues have taken it over. */
  readonly recovered: Map<number, RecoveredQueue>;
  readonly #damage: DamageReport | null;

  constructor(options: MessageStoreOptions, events: MessageStoreEvents, live: LiveMessages) {
    this.#options = options;
    this.#events = events;
    const { directory } = options;
    this.recovered = new Map();
    this.#damage = null;
    this.#journal = null;
    this.#spill = null;
    this.#checkpointer = null;
    this.#compactor = null;
    if (directory !== null) {
      const journalDirectory = join(directory, JOURNAL_DIRECTORY);
      fs.mkdirSync(journalDirectory, { recursive: true });
      this.#damage = new DamageReport(journalDirectory, options.log);
      const found = recover(journalDirectory, this.#damage, options.log);
      this.recovered = found.queues;
      this.#nextPage = found.nextPage;
      this.#journal = this.#openJournal(journalDirectory, found);
      this.#spill = new Spill(options.disk, join(directory, SPILL_FILE));
      this.#checkpointer = new Checkpointer({
        directory: journalDirectory,
        journal: this.#journal,
        live,
        log: options.log,
        nextPage: () => this.#nextPage,
        appendSettled: () => this.#settled.flush(),
      });
      this.#compactor = this.#openCompactor(this.#journal, this.#checkpointer);
    }
    this.#settled = new SettledBatch((size) => this.#reserve(true, size));
    this.#residence = this.#pageResidence(this.#spill);
    this.#reader = this.#pageReader();
  }

  #pageResidence(spill: Spill | null): PageResidence {
    const { clock, log, memoryLimitBytes } = this.#options;
    return new PageResidence({
      pool: this.#pool,
      memoryLimitBytes,
      clock,
      log,
      spill,
      free: (page) => this.#free(page),
      onRoom: () => this.#checkRelief(),
      onRetry: () => this.#seekRelief(),
    });
  }

  #pageReader(): PageReader {
    const { disk, clock, log, memoryLimitBytes } = this.#options;
    return new PageReader({
      disk,
      clock,
      log,
      pool: this.#pool,
      loadedPages: this.#residence.loadedPages,
      page: (number) => this.#pages.get(number),
      hasRoom: () => this.#pool.usedBytes <= memoryLimitBytes * 1.25,
      fileOf: (page) => this.#fileOf(page),
      placeOf,
      attach: (page, bytes, error) => this.#attachLoaded(page, bytes, error),
      free: (page) => this.#free(page),
    });
  }

  #fileOf(page: Page): number {
    return page.file?.fd ?? this.#spill?.fd ?? -1;
  }

  #openJournal(directory: string, recovered: Recovered): Journal {
    const { disk, clock, journalFileBytes, fdatasync } = this.#options;
    const options = { directory, disk, clock, fileSizeBytes: journalFileBytes, fdatasync };
    const journal = new Journal(
      options,
      this.#pool,
      {
        onDurable: () => {
          this.#events.onDurable();
          this.#seekRelief();
          this.#checkpointer?.fileMayBeDead();
          journal.commit();
        },
        onPageWritten: (page) => {
          if (isDone(page)) this.#free(page);
        },
        onFileFull: () => this.#checkpointer?.schedule(),
        onTrouble: (error) => {
          if (error !== null) this.#checkpointer?.removeDeadFiles();
          this.#events.onTrouble(error);
        },
      },
      recovered,
    );
    journal.files.push(...recovered.files);
    for (const file of recovered.files) for (const page of file.pages) this.#register(page);
    return journal;
  }

  #openCompactor(journal: Journal, checkpointer: Checkpointer): Compactor | null {
    const { disk, clock, log, compaction } = this.#options;
    if (compaction === undefined || compaction.ratio >= 1) return null;
    return new Compactor({ journal, checkpointer, disk, clock, log, ...compaction });
  }

  /** What was found to be damaged, at the start and since, one sentence each. */
  get damage(): readonly string[] {
    return this.#damage?.sentences ?? [];
  }

  /** Where others report what they find damaged; null for a store in memory. */
  get damageReport(): DamageReport | null {
    return this.#damage;
  }

  /** Bytes of records appended to the journal so far. A confirm may go once `durable` has reached it. */
  get appended(): number {
    return this.#journal?.appended ?? 0;
  }

  get durable(): number {
    return this.#journal?.durable ?? 0;
  }

  /** Resolves once all that was appended so far is durable; rejects when the store is closed before. */
  async untilDurable(): Promise<void> {
    this.commit();
    await this.#journal?.untilDurable(this.appended);
  }

  /** True while more waits to be written than may: publishers are to pause. */
  get congested(): boolean {
    return this.#congested;
  }

  get memoryBytes(): number {
    return this.#pool.usedBytes;
  }

  /** Gives back memory that is kept for messages to come: there is a shortage. */
  releaseMemory(): void {
    this.#pool.trim();
  }

  /**
   * Appends a message that `references` queues will hold; the first `durableIds` of them survive a restart.
   * @returns its position.
   */
  append(message: IncomingMessage, durableIds: readonly number[], durableCount: number, references: number): number {
    const persistent = durableCount > 0 && this.#journal !== null;
    const idCount = persistent ? durableCount : 0;
    const size = messageRecordSize(message, idCount);
    const page = this.#reserve(persistent, size);
    const offset = page.end;
    writeMessageRecord(page, offset, size, message, idCount);
    for (let i = 0, word = (offset >> 2) + 8; i < idCount; i++) page.u32[word + i] = durableIds[i];
    page.end = offset + size;
    page.live += references;
    if (page.file !== null) page.file.live += references;
    return page.number * PAGE_SIZE + offset;
  }

  /** The queues have taken over what recovery found: the next start need not read it again. */
  recoveryTaken(): void {
    this.recovered.clear();
    if ((this.#journal?.files.length ?? 0) > 0) this.#checkpointer?.schedule();
  }

  /** A queue is done with the message for good. @param recorded whether the queue's reference is in the journal. */
  settle(queueId: number, position: number, recorded: boolean): void {
    const page = this.pageAt(position);
    if (recorded && page.persistent) this.#settled.add(queueId, position);
    this.#dereference(page);
  }

  /**
   * As `settle`, for a message that gives way to one that was appended before: its copy in another queue, or the one that it is
   * dropped for. The journal file that holds it stays until that one is durable.
   */
  replace(queueId: number, position: number, recorded: boolean): void {
    const { file } = this.pageAt(position);
    if (file !== null) file.keepUntil = this.appended;
    this.settle(queueId, position, recorded);
  }

  #dereference(page: Page): void {
    const { file } = page;
    page.live--;
    if (file !== null) {
      file.live--;
      file.dirty = true;
      // Whatever makes one more byte durable makes the group so.
      if (this.#inGroup) file.keepUntil = this.appended + 1;
    }
    if (page.live > 0) return;
    assert(page.live === 0);
    if (page === this.#openTransient) page.end = 0;
    else if (isDone(page)) this.#free(page);
  }

  /** The page that holds the position. Its bytes may be null: then `load` it. */
  pageAt(position: number): Page {
    const number = Math.floor(position / PAGE_SIZE);
    const last = this.#lastPage;
    if (last !== null && last.number === number) return last;
    const page = this.#pages.get(number);
    if (page === undefined) throw new Error(`position ${position} is in no page`);
    this.#lastPage = page;
    return page;
  }

  /** All positions that were given out are below. */
  get nextPosition(): number {
    return this.#nextPage * PAGE_SIZE;
  }

  /** Publishers pause until as many calls of `relieve` have come: somebody cannot keep up with what they send. */
  hold(): void {
    this.#holds++;
  }

  relieve(): void {
    this.#holds--;
    this.#checkRelief();
  }

  /** Counts a reference that recovery found. @returns false when the message's page is lost. */
  adopt(position: number): boolean {
    const page = this.#pages.get(Math.floor(position / PAGE_SIZE));
    if (page === undefined || page.file === null) return false;
    page.live++;
    page.file.live++;
    return true;
  }

  /** Gives up a reference of a queue that is being deleted: its id never comes back, so no record needs to say so. */
  release(position: number): void {
    this.#dereference(this.pageAt(position));
  }

  /** Messages of the queue up to `position` were delivered: after a restart they are marked as redelivered. */
  delivered(queueId: number, position: number): void {
    this.#mark(RecordType.delivered, queueId, 0, position);
  }

  /** The message was returned to its queue for the `count`th time. */
  returned(queueId: number, position: number, count: number): void {
    this.#mark(RecordType.returned, queueId, count, position);
  }

  /** As `returned`, of what a delay line has outside of the journal. */
  progressed(lineId: number, key: number, count: number): void {
    this.#mark(RecordType.returned, lineId, count, key);
    this.#keepMarks();
  }

  /** What is due up to then may be released from now on, as soon as this is durable. */
  releasing(lineId: number, atMs: number): void {
    this.#mark(RecordType.delivered, lineId, 0, atMs);
    this.#keepMarks();
  }

  #keepMarks(): void {
    const file = this.#journal?.openPage?.file;
    if (file !== null && file !== undefined) file.needsCheckpoint = true;
  }

  #mark(type: number, queueId: number, count: number, position: number): void {
    if (this.#journal === null) return;
    const page = this.#reserve(true, 24);
    page.f64[(page.end >> 3) + 2] = position;
    writeHead(page, 24, type, queueId, count);
  }

  /** What is appended and settled until `endAtomic`, in the same turn, is kept by a crash as a whole or not at all. */
  beginAtomic(): void {
    this.#settled.flush();
    this.#setInGroup(true);
  }

  endAtomic(): void {
    this.#settled.flush();
    this.#setInGroup(false);
  }

  #setInGroup(inGroup: boolean): void {
    this.#inGroup = inGroup;
    if (this.#journal !== null) this.#journal.inGroup = inGroup;
  }

  /** End of a turn: hands what was appended and settled to the journal. */
  commit(): void {
    if (this.#journal === null) return;
    this.#settled.flush();
    this.#sealLargePages(this.#journal);
    this.#journal.commit();
    // Now, behind the turn's deliveries: a page that was loaded for them has had its use.
    if (this.#residence.isOver) this.#residence.dropLoaded();
    if (!this.#congested && this.#overLimits()) this.#congested = true;
  }

  /** A page for one large message is full with it: left open, it could neither be moved nor freed. */
  #sealLargePages(journal: Journal): void {
    const { openPage } = journal;
    if (openPage !== null && openPage.capacity > PAGE_SIZE) {
      journal.sealPage();
      this.#sealed(openPage);
    }
    if (this.#openTransient !== null && this.#openTransient.capacity > PAGE_SIZE) this.#sealTransient();
  }

  /** Looks for journal files of which little is needed, as is done now and then. Resolves when those are compacted. */
  async compact(): Promise<void> {
    await this.#compactor?.look();
  }

  /** Now and then, when there is nothing else to do. */
  tick(): void {
    this.#journal?.noteDurable();
  }

  #overLimits(): boolean {
    const { memoryLimitBytes, unwrittenLimitBytes } = this.#options;
    if (this.#holds > 0 || (this.#journal?.unwrittenBytes ?? 0) > unwrittenLimitBytes) return true;
    return this.#spill !== null && this.#pool.usedBytes > memoryLimitBytes + memoryLimitBytes / 2;
  }

  /** Moves what it can to disk while memory is short, and lets publishers go on if that was enough. */
  #seekRelief(): void {
    if (this.#residence.isOver) this.#residence.makeRoom();
    this.#checkRelief();
  }

  #checkRelief(): void {
    if (!this.#congested || this.#overLimits()) return;
    this.#congested = false;
    this.#events.onRelief();
  }

  #reserve(persistent: boolean, size: number): Page {
    if (persistent && this.#journal !== null) return this.#reserveIn(this.#journal, size);
    let page = this.#openTransient;
    if (page === null || page.end + size > page.capacity) page = this.#startTransient(size);
    return page;
  }

  #reserveIn(journal: Journal, size: number): Page {
    const before = journal.openPage;
    const page = journal.reserve(size, (span) => this.#takeNumbers(span));
    if (page !== before) {
      this.#register(page);
      if (before !== null) this.#sealed(before);
    }
    return page;
  }

  #startTransient(size: number): Page {
    const span = Math.ceil(size / PAGE_SIZE);
    const capacity = span * PAGE_SIZE;
    const page = new Page(this.#takeNumbers(span), false, this.#pool.take(capacity), capacity);
    this.#register(page);
    if (this.#openTransient !== null) this.#sealTransient();
    this.#openTransient = page;
    return page;
  }

  #sealTransient(): void {
    const page = this.#openTransient as Page;
    this.#openTransient = null;
    page.sealed = true;
    this.#sealed(page);
  }

  #takeNumbers(span: number): number {
    const number = this.#nextPage;
    this.#nextPage += span;
    return number;
  }

  #register(page: Page): void {
    for (let i = 0; i < page.capacity / PAGE_SIZE; i++) this.#pages.set(page.number + i, page);
  }

  /** A page has got its last record: now it may be moved out of memory. */
  #sealed(page: Page): void {
    if (isDone(page)) this.#free(page);
    else this.#residence.addSealed(page);
  }

  /** Nothing refers to the page any more. */
  #free(page: Page): void {
    if (page.loading) return; // its read or write ends first, and calls here again
    if (page.bytes !== null) this.#residence.drop(page);
    for (let i = 0; i < page.capacity / PAGE_SIZE; i++) this.#pages.delete(page.number + i);
    if (this.#lastPage === page) this.#lastPage = null;
    if (!page.persistent && page.fileOffset >= 0) this.#spill?.free(page);
    if (page.file?.live === 0) this.#checkpointer?.fileMayBeDead();
    this.#checkRelief();
  }

  /** Brings the page's bytes back, and those of the pages behind it; calls back once they are there. */
  load(page: Page, loaded: () => void): void {
    this.#reader.load(page, loaded);
  }

  #attachLoaded(page: Page, bytes: Buffer, error: Error | null): void {
    page.attach(bytes);
    if (error !== null) {
      const reason = `${placeOf(page)} cannot be read: ${error.message}; messages that stood there are lost`;
      if (page.persistent) this.#damage?.tell(reason);
      else this.#options.log.error('store', reason);
    } else if (page.persistent) this.#verify(page);
    this.#residence.addLoaded(page);
  }

  #verify(page: Page): void {
    const { path } = page.file as PageFile;
    for (const { offset, length } of verifyPage(page)) {
      this.#damage?.tellBroken(path, page.fileOffset + offset, length);
    }
  }

  /** The page's bytes at once, blocking: for what is rare (basic.get, dead-lettering) and cannot wait. */
  loadSync(page: Page): void {
    if (page.bytes !== null) return;
    const bytes = this.#pool.take(page.capacity);
    let count = 0;
    let failure: Error | null = null;
    try {
      count = fs.readSync(this.#fileOf(page), bytes, 0, bytes.length, page.fileOffset);
    } catch (error) {
      failure = error as Error;
    }
    bytes.fill(0, failure === null ? count : 0);
    // A read that is under way has memory of its own, and finds the bytes in place when it ends.
    this.#attachLoaded(page, bytes, failure);
  }

  /** Writes what is left, and closes the files. On a disk that refuses it, what was not confirmed is given up. */
  async close(): Promise<void> {
    this.#reader.close();
    this.#residence.close();
    const compactionEnded = this.#compactor?.close();
    const journal = this.#journal;
    if (journal !== null) {
      this.#settled.flush();
      const error = await journal.drain();
      if (error === null) await this.#checkpointer?.finish();
      else this.#options.log.error('store', `what was not yet confirmed is not kept: ${error.message}`);
      journal.close();
    }
    this.#spill?.close();
    await compactionEnded;
  }
}

/** Nothing refers to the page, nothing will be added to it, and its records (settled ones, say) are in the journal. */
function isDone(page: Page): boolean {
  return page.live === 0 && page.sealed && (!page.persistent || page.written >= page.end);
}

function placeOf({ file, fileOffset }: Page): string {
  return `${file?.path ?? 'transient.spill'} at offset ${fileOffset}`;
}

function writeHead(page: Page, size: number, type: number, queueId: number, extra: number): void {
  const word = page.end >> 2;
  page.u32[word] = size;
  page.u32[word + 1] = type;
  page.u32[word + 2] = queueId;
  page.u32[word + 3] = extra;
  page.end += size;
}
