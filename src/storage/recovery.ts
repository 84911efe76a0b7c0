/**
 * Recovery: from the files of the data directory to what each queue holds.
 *
 *   a file that has an index     its messages come from there
 *   any other file               its messages come from its own blocks
 *   files from the checkpoint on, or from the first that has no index: they are replayed, which tells what was settled since
 *
 * Every block names the end of the one before it. A gap in that chain is one of two things (see block.ts): the torn end of the
 * last write, which is cut off with all behind it (see journal-tail.ts); or damage, which is reported with file and offset and
 * copied to `damaged/`, while the rest is recovered.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../runtime/log.ts';
import { BLOCK_HEADER_SIZE, CHAIN_START } from './block.ts';
import {
  type Checkpoint,
  decodeCheckpoint,
  decodeFileIndex,
  type FileIndex,
  type HeadTimes,
  IndexedMessages,
  type IndexedPage,
  type QueueMarks,
} from './checkpoint.ts';
import type { DamageReport } from './damage.ts';
import { JournalFile } from './journal.ts';
import { type BrokenRange, type FoundBlock, firstPageOf, JournalReader } from './journal-reader.ts';
import { findJournalEnd } from './journal-tail.ts';
import { PAGE_SIZE, Page } from './page.ts';
import { PositionList } from './position-list.ts';
import { MESSAGE_HEADER_SIZE, NO_TTL, RecordType, ttlIn } from './record.ts';

export interface RecoveredQueue extends QueueMarks {
  heads: readonly HeadTimes[];
  readonly messages: IndexedMessages;
}

export interface Recovered {
  readonly files: JournalFile[];
  readonly queues: Map<number, RecoveredQueue>;
  readonly nextPage: number;
  /** Where the last block that counts ended: the next one continues there. CHAIN_START when none was read. */
  readonly endPosition: number;
}

/** @throws Error naming file and offset when the journal holds what this version cannot read. */
export function recover(directory: string, report: DamageReport, log: Log): Recovered {
  return new Replay(directory, report, log).run();
}

class Replay {
  readonly #directory: string;
  readonly #log: Log;
  readonly #report: DamageReport;
  readonly #reader = new JournalReader();
  readonly #queues = new Map<number, RecoveredQueue>();
  readonly #settled = new Map<number, PositionList>();
  /** Files whose messages came from their index. */
  readonly #indexed = new Map<JournalFile, FileIndex>();
  #checkpoint: Checkpoint | null = null;
  /** Messages of an index do not tell whether they expire. */
  #allMayExpire = false;
  #nextPage = 0;
  /** Where the last block that was replayed ended. */
  #endPosition = CHAIN_START;
  /** Broken bytes since then: they matter if the next sound block does not continue there. */
  #broken: BrokenRange[] = [];

  constructor(directory: string, report: DamageReport, log: Log) {
    this.#directory = directory;
    this.#log = log;
    this.#report = report;
  }

  run(): Recovered {
    this.#tidy();
    this.#checkpoint = this.#readCheckpoint();
    const files = this.#openFiles();
    const lost = this.#readLostIndexes(files);
    const replayed = this.#filesToReplay(files);
    this.#replayFiles(replayed);
    this.#settle(files);
    for (const { path, index } of lost) this.#reportLostFile(path, index);
    for (const file of files) this.#take(file);
    return {
      files: files.filter((file) => file.fd >= 0),
      queues: this.#queues,
      nextPage: this.#nextPage,
      endPosition: this.#endPosition,
    };
  }

  /** Numbers that a file has used are not given again. A file in which nothing counts goes. */
  #take(file: JournalFile): void {
    this.#sawPage(firstPageOf(file.name) + 1);
    for (const page of file.pages) this.#sawPage(page.number + page.capacity / PAGE_SIZE);
    if (file.pages.length > 0 || file.fd < 0) return;
    fs.closeSync(file.fd);
    file.fd = -1;
    fs.rmSync(file.path);
  }

  // --- files ---

  #readCheckpoint(): Checkpoint | null {
    const path = join(this.#directory, 'checkpoint');
    if (!fs.existsSync(path)) return null;
    const checkpoint = readCheckpointFile(path);
    if (checkpoint === null) {
      const effect = 'the whole journal is read instead, and redelivered messages may come back unmarked';
      this.#report.tell(`${path} is damaged; ${effect}; ${this.#report.move(path)}`);
      return null;
    }
    this.#sawPage(checkpoint.nextPage);
    this.#allMayExpire = !checkpoint.tellsExpiry;
    for (const [queueId, marks] of checkpoint.marks) {
      const queue = this.#queue(queueId);
      queue.deliveredPosition = marks.deliveredPosition;
      queue.mayExpire = marks.mayExpire;
      queue.heads = marks.heads ?? [];
      for (const [position, count] of marks.deliveryCounts) queue.deliveryCounts.set(position, count);
    }
    return checkpoint;
  }

  /** Ends what was begun when the process did: files that were being removed, and those that were being written anew. */
  #tidy(): void {
    for (const name of fs.readdirSync(this.#directory)) {
      const path = join(this.#directory, name);
      if (name.endsWith('.removed')) fs.rmSync(path.replace(/\.removed$/, '.journal'), { force: true });
      if (name.endsWith('.removed') || name.endsWith('.new')) fs.rmSync(path);
    }
  }

  /** Opens the journal's files, oldest first. */
  #openFiles(): JournalFile[] {
    const files: JournalFile[] = [];
    for (const name of fs.readdirSync(this.#directory).sort()) {
      if (!name.endsWith('.journal')) continue;
      const file = new JournalFile(this.#directory, name, fs.openSync(join(this.#directory, name), 'r+'));
      const { size, blocks } = fs.fstatSync(file.fd);
      file.size = size;
      file.usage.allocatedBytes = blocks * 512;
      files.push(file);
    }
    return files;
  }

  /**
   * The files to replay: those from the checkpoint on, or all from the first that has no index, since what settles its messages
   * stands in any of them. Loads the indexes that there are.
   */
  #filesToReplay(files: readonly JournalFile[]): JournalFile[] {
    const replayFromPage = this.#checkpoint?.replayFromPage ?? 0;
    const replayed: JournalFile[] = [];
    for (const file of files) {
      const isBefore = firstPageOf(file.name) < replayFromPage;
      const hasIndex = this.#loadIndex(file, isBefore);
      if (!isBefore || !hasIndex || replayed.length > 0) replayed.push(file);
    }
    return replayed;
  }

  /** @param expected whether it is damage when there is none. @returns whether there is one. */
  #loadIndex(file: JournalFile, expected: boolean): boolean {
    const path = file.indexPath;
    const exists = fs.existsSync(path);
    const index = exists ? decodeFileIndex(fs.readFileSync(path)) : null;
    if (index === null) {
      if (!expected && !exists) return false;
      const effect = `${file.name} and all after it are read instead`;
      const what = exists ? `is damaged; ${effect}; ${this.#report.move(path)}` : `is missing; ${effect}`;
      this.#report.tell(`${path} ${what}`);
      return false;
    }
    this.#indexed.set(file, index);
    for (const [queueId, messages] of index.queues) this.#queue(queueId).messages.append(messages);
    for (const page of index.pages) addPage(file, page);
    file.dirty = false;
    file.usage.takeIndex(index);
    this.#checkSize(file, index);
    return true;
  }

  #checkSize(file: JournalFile, { pages }: FileIndex): void {
    const wanted = pages.reduce((most, { offset, end }) => Math.max(most, offset + end), 0);
    if (file.size >= wanted) return;
    const missing = `the ${wanted - file.size} bytes behind offset ${file.size} are missing`;
    this.#report.tell(`${file.path} is damaged: ${missing}; messages that stood there are lost`);
  }

  /** An index without its journal file: the file was removed, in which case all in it was settled, or it is lost. */
  #readLostIndexes(files: readonly JournalFile[]): { path: string; index: FileIndex }[] {
    const known = new Set(files.map((file) => file.indexPath));
    const lost: { path: string; index: FileIndex }[] = [];
    for (const name of fs.readdirSync(this.#directory)) {
      const path = join(this.#directory, name);
      if (!name.endsWith('.index') || known.has(path)) continue;
      const index = decodeFileIndex(fs.readFileSync(path));
      if (index === null) {
        this.#report.tell(`${path} is damaged, and there is no journal file beside it; ${this.#report.move(path)}`);
        continue;
      }
      for (const [queueId, messages] of index.queues) this.#queue(queueId).messages.append(messages);
      lost.push({ path, index });
    }
    return lost;
  }

  #reportLostFile(path: string, { pages }: FileIndex): void {
    const lost = new Set<number>();
    for (const page of pages) for (const number of numbersOf(page)) lost.add(number);
    let count = 0;
    for (const { messages } of this.#queues.values()) {
      count += messages.keep((position) => !lost.has(Math.floor(position / PAGE_SIZE)));
    }
    if (count === 0) return fs.rmSync(path);
    const file = path.replace(/\.index$/, '.journal');
    this.#report.tell(`${file} is missing: ${count} messages are lost; of its index, ${this.#report.move(path)}`);
  }

  // --- blocks ---

  #replayFiles(files: readonly JournalFile[]): void {
    const end = findJournalEnd(files, this.#reader);
    for (let i = 0; i < files.length; i++) {
      const visitor = {
        block: (found: FoundBlock) => {
          if (found.block.position >= end) {
            this.#cutTail(found, files.slice(i + 1));
            return false;
          }
          this.#replayBlock(found);
          return true;
        },
        broken: (range: BrokenRange) => {
          this.#broken.push(range);
        },
      };
      if (!this.#reader.read(files[i], visitor)) break;
    }
    this.#noteTornTail();
    // What was read counts from now on: it has to be on the medium, and not only in the kernel's memory.
    for (const { fd } of files) if (fd >= 0) fs.fdatasyncSync(fd);
  }

  /** The last write did not come to its end, and nothing of it can be read. */
  #noteTornTail(): void {
    const [first] = this.#broken;
    if (first === undefined || first.position !== this.#endPosition) return;
    this.#log.info('journal', `${first.file.path}: an unfinished write at offset ${first.offset} is ignored`);
  }

  /** Blocks of the last write that do not count: one before them is missing, or the atomic group that they begin is not whole. */
  #cutTail({ file, block, pageOffset }: FoundBlock, later: readonly JournalFile[]): void {
    const offset = pageOffset + block.from - BLOCK_HEADER_SIZE;
    const isUnfinishedGroup = block.previousEnd === this.#endPosition;
    if (isUnfinishedGroup)
      this.#log.info('journal', `${file.path}: a transaction at offset ${offset} was not finished`);
    else {
      const copy = this.#report.copy(file.path, offset, file.size - offset);
      this.#log.warning('journal', `${file.path}: an unfinished write was cut off at offset ${offset}; ${copy}`);
    }
    fs.ftruncateSync(file.fd, offset);
    file.size = offset;
    for (const dropped of later) this.#dropFile(dropped, isUnfinishedGroup);
  }

  #dropFile(file: JournalFile, isUnfinishedGroup: boolean): void {
    fs.closeSync(file.fd);
    file.fd = -1;
    fs.rmSync(file.indexPath, { force: true });
    if (isUnfinishedGroup) return fs.rmSync(file.path);
    this.#log.warning('journal', `${file.path} belongs to an unfinished write; ${this.#report.move(file.path)}`);
  }

  #replayBlock(found: FoundBlock): void {
    const { file, block, pageNumber, pageOffset, pageCapacity } = found;
    this.#checkChain(found);
    this.#broken = [];
    const isIndexed = this.#indexed.has(file);
    if (!isIndexed) {
      let page = file.pages.at(-1);
      if (page?.number !== pageNumber) {
        page = addPage(file, { number: pageNumber, capacity: pageCapacity, offset: pageOffset, end: 0 });
      }
      page.end = block.to;
      page.written = block.to;
    }
    this.#replayRecords(found, isIndexed);
    this.#endPosition = block.end;
  }

  /** Reports what is missing between the block before and this one, if anything is. */
  #checkChain(found: FoundBlock): void {
    const { file, block } = found;
    const isFirst = block.position === firstPageOf(file.name) * PAGE_SIZE;
    if (block.previousEnd === this.#endPosition && this.#endPosition !== CHAIN_START) return;
    for (const { file, offset, length } of this.#broken) this.#report.tellBroken(file.path, offset, length);
    if (this.#broken.length > 0) return;
    if (!isFirst) this.#reportMissing(found);
    else if (this.#endPosition !== CHAIN_START && block.previousEnd !== CHAIN_START) this.#checkMissingFile(found);
  }

  #reportMissing({ file, block, pageOffset }: FoundBlock): void {
    const offset = pageOffset + block.from - BLOCK_HEADER_SIZE;
    const range = `positions ${Math.max(0, this.#endPosition)} to ${block.previousEnd}`;
    this.#report.tell(`${file.path}: what belongs before offset ${offset} is missing (${range})`);
  }

  /** Before the checkpoint files are missing because nothing in them was alive. Without a checkpoint nobody can tell. */
  #checkMissingFile(found: FoundBlock): void {
    const { file, block } = found;
    if (this.#checkpoint === null) {
      this.#log.warning('journal', `what stood before ${file.path} is not there: all of it was settled, or it is lost`);
    } else if (block.previousEnd > this.#checkpoint.replayFromPage * PAGE_SIZE) {
      this.#reportMissing(found);
    }
  }

  #replayRecords({ file, bytes, block, pageNumber, pageOffset }: FoundBlock, isIndexed: boolean): void {
    for (let at = block.from; at < block.to; ) {
      const length = bytes.readUInt32LE(at);
      if (isMark(bytes[at + 4])) file.needsCheckpoint = true;
      if (length < 8 || at + length > block.to || !this.#replayRecord(bytes, at, pageNumber, isIndexed)) {
        const what = `holds a record of type ${bytes[at + 4]} and ${length} bytes`;
        throw new Error(`${file.path} ${what} at offset ${pageOffset + at}: a newer leveret wrote it`);
      }
      at += length;
    }
  }

  /** @returns false when this version does not know the record. */
  #replayRecord(bytes: Buffer, at: number, pageNumber: number, isIndexed: boolean): boolean {
    switch (bytes[at + 4]) {
      case RecordType.message:
        if (!isIndexed) this.#replayMessage(bytes, at, pageNumber * PAGE_SIZE + at);
        return true;
      case RecordType.settled:
        this.#replaySettled(bytes, at);
        return true;
      case RecordType.delivered: {
        const queue = this.#queue(bytes.readUInt32LE(at + 8));
        queue.deliveredPosition = Math.max(queue.deliveredPosition, bytes.readDoubleLE(at + 16));
        return true;
      }
      case RecordType.returned: {
        const { deliveryCounts } = this.#queue(bytes.readUInt32LE(at + 8));
        const position = bytes.readDoubleLE(at + 16);
        // The checkpoint may know better than a record that is read again.
        deliveryCounts.set(position, Math.max(deliveryCounts.get(position) ?? 0, bytes.readUInt32LE(at + 12)));
        return true;
      }
      default:
        return false;
    }
  }

  #replayMessage(bytes: Buffer, at: number, position: number): void {
    const count = bytes.readUInt16LE(at + 6);
    const size = bytes.readUInt32LE(at + 20);
    const priority = bytes[at + 30];
    const expires = ttlIn(bytes, at) !== NO_TTL;
    for (let i = 0; i < count; i++) {
      const queue = this.#queue(bytes.readUInt32LE(at + MESSAGE_HEADER_SIZE + 4 * i));
      queue.messages.push(position, size, priority);
      if (expires) queue.mayExpire = true;
    }
  }

  #replaySettled(bytes: Buffer, at: number): void {
    const queueId = bytes.readUInt32LE(at + 8);
    const end = at + bytes.readUInt32LE(at);
    let list = this.#settled.get(queueId);
    if (list === undefined) {
      list = new PositionList();
      this.#settled.set(queueId, list);
    }
    for (let i = at + 16; i < end; i += 8) list.push(bytes.readDoubleLE(i));
  }

  // --- queues ---

  /** Puts each queue's messages in order, and takes out what was settled. */
  #settle(files: readonly JournalFile[]): void {
    const fileOfPage = new Map<number, JournalFile>();
    for (const file of files) for (const page of file.pages) for (const n of numbersOf(page)) fileOfPage.set(n, file);
    for (const queue of this.#queues.values()) queue.messages.sort();
    for (const [queueId, list] of this.#settled) {
      const queue = this.#queue(queueId);
      const positions = list.sorted();
      queue.messages.remove(positions, (position) => {
        // The file's index, if it has one, still names the message.
        const file = fileOfPage.get(Math.floor(position / PAGE_SIZE));
        if (file !== undefined) file.dirty = true;
      });
      if (queue.deliveryCounts.size > 0) for (const position of positions) queue.deliveryCounts.delete(position);
    }
  }

  #queue(queueId: number): RecoveredQueue {
    let queue = this.#queues.get(queueId);
    if (queue === undefined) {
      const marks = { deliveredPosition: -1, deliveryCounts: new Map(), mayExpire: this.#allMayExpire, heads: [] };
      queue = { messages: new IndexedMessages(), ...marks };
      this.#queues.set(queueId, queue);
    }
    return queue;
  }

  #sawPage(next: number): void {
    this.#nextPage = Math.max(this.#nextPage, next);
  }
}

function isMark(type: number): boolean {
  return type === RecordType.delivered || type === RecordType.returned;
}

function readCheckpointFile(path: string): Checkpoint | null {
  try {
    return decodeCheckpoint(fs.readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** A page that is larger than others has several numbers. */
function numbersOf({ number, capacity }: { readonly number: number; readonly capacity: number }): number[] {
  return Array.from({ length: capacity / PAGE_SIZE }, (_, span) => number + span);
}

function addPage(file: JournalFile, { number, capacity, offset, end }: IndexedPage): Page {
  const page = new Page(number, true, null, capacity);
  page.file = file;
  page.fileOffset = offset;
  page.end = end;
  page.written = end;
  page.sealed = true;
  page.blockStart = -1;
  file.pages.push(page);
  return page;
}
