/**
 * Recovery: from the files of the data directory to what each queue holds.
 *
 *   index files of the journal files before the checkpoint   which messages are alive there
 *   journal files from the checkpoint on                     replayed block by block
 *
 * Every block names the end of the one before it. A gap in that chain is one of two things (see block.ts): the torn tail of the
 * last write, which nobody was promised, and is cut off with all behind it; or damage, which is reported with file and offset
 * and copied to `damaged/`, while the rest is recovered.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { readFullySync } from '../runtime/disk.ts';
import type { Log } from '../runtime/log.ts';
import { BLOCK_HEADER_SIZE, type Block, findBlock, readBlock } from './block.ts';
import { type Checkpoint, decodeCheckpoint, decodeFileIndex, IndexedMessages, type QueueMarks } from './checkpoint.ts';
import { JournalFile } from './journal.ts';
import { PAGE_SIZE, Page } from './page.ts';
import { MESSAGE_HEADER_SIZE, RecordType } from './record.ts';

export interface RecoveredQueue extends QueueMarks {
  readonly messages: IndexedMessages;
}

export interface Recovered {
  readonly files: JournalFile[];
  readonly queues: Map<number, RecoveredQueue>;
  readonly nextPage: number;
  /** Where the last sound block ended: the next one continues there. */
  readonly endPosition: number;
  /** What was set aside, one sentence each. */
  readonly damage: string[];
}

/** @throws Error naming file and offset when the journal holds what this version cannot read. */
export function recover(directory: string, log: Log): Recovered {
  const replay = new Replay(directory, log);
  return replay.run();
}

class Replay {
  readonly #directory: string;
  readonly #log: Log;
  readonly #queues = new Map<number, RecoveredQueue>();
  readonly #settled = new Map<number, Set<number>>();
  readonly #damage: string[] = [];
  #nextPage = 0;
  /** Where the last block that was replayed ended, or -1 before the first. */
  #endPosition = -1;

  constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#log = log;
  }

  run(): Recovered {
    const names = fs
      .readdirSync(this.#directory)
      .filter((name) => name.endsWith('.journal'))
      .sort();
    const checkpoint = this.#readCheckpoint();
    const files: JournalFile[] = [];
    // Once one file has to be replayed, all after it are: what they settle may lie in it.
    let replaying = checkpoint === null;
    const toReplay: JournalFile[] = [];
    for (const name of names) {
      const file = this.#open(name);
      if (file === null) continue;
      files.push(file);
      const firstPage = Number.parseInt(name, 10);
      if (checkpoint !== null && firstPage >= checkpoint.replayFromPage) replaying = true;
      if (!replaying && !this.#loadIndex(file)) replaying = true;
      if (replaying) toReplay.push(file);
    }
    this.#replayFiles(toReplay);
    this.#settle();
    for (const file of files) for (const page of file.pages) this.#sawPage(page.number + page.capacity / PAGE_SIZE);
    const [nextPage, endPosition] = [this.#nextPage, Math.max(0, this.#endPosition)];
    return {
      files: files.filter((file) => file.fd >= 0),
      queues: this.#queues,
      nextPage,
      endPosition,
      damage: this.#damage,
    };
  }

  #readCheckpoint(): Checkpoint | null {
    const path = join(this.#directory, 'checkpoint');
    if (!fs.existsSync(path)) return null;
    const checkpoint = decodeCheckpoint(fs.readFileSync(path, 'utf8'));
    if (checkpoint === null) {
      this.#report(`${path} is damaged; the whole journal is read instead, and messages may be delivered twice`);
      return null;
    }
    this.#sawPage(checkpoint.nextPage);
    for (const [queueId, marks] of checkpoint.marks) {
      const queue = this.#queue(queueId);
      queue.deliveredPosition = marks.deliveredPosition;
      for (const [position, count] of marks.deliveryCounts) queue.deliveryCounts.set(position, count);
    }
    return checkpoint;
  }

  #open(name: string): JournalFile | null {
    const path = join(this.#directory, name);
    const size = fs.statSync(path).size;
    if (size === 0) {
      fs.rmSync(path);
      return null;
    }
    const file = new JournalFile(this.#directory, name, fs.openSync(path, 'r+'));
    file.size = size;
    return file;
  }

  #loadIndex(file: JournalFile): boolean {
    const path = file.indexPath;
    const index = fs.existsSync(path) ? decodeFileIndex(fs.readFileSync(path)) : null;
    if (index === null) {
      this.#report(`${path} is missing or damaged; ${file.name} and all after it are read instead`);
      return false;
    }
    for (const [queueId, messages] of index.queues) {
      const target = this.#queue(queueId).messages;
      for (let i = 0; i < messages.count; i++) {
        target.push(messages.positions[i], messages.sizes[i], messages.priorities[i]);
      }
    }
    addPages(file);
    file.dirty = false;
    return true;
  }

  #replayFiles(files: readonly JournalFile[]): void {
    const synced = syncedPositionOf(files);
    for (let i = 0; i < files.length; i++) {
      const scan = scanFile(files[i]);
      for (const found of scan.blocks) {
        const { block } = found;
        const gap = this.#endPosition >= 0 && block.previousEnd !== this.#endPosition;
        if (gap && this.#endPosition >= synced) return this.#cutTail(scan, found, files.slice(i + 1));
        if (gap) this.#reportGap(scan, block);
        this.#replayBlock(found);
        this.#endPosition = found.pagePosition + block.to;
      }
      for (const { number, capacity, offset } of scan.pages) addPage(files[i], number, capacity, offset);
      if (i === files.length - 1 && scan.broken.length > 0) this.#noteTornTail(scan);
    }
  }

  #noteTornTail({ file, broken }: FileScan): void {
    const { fileOffset } = broken[broken.length - 1];
    this.#log.info(
      'journal',
      `${file.path} at offset ${fileOffset}: an unfinished write is ignored (it was not confirmed)`,
    );
  }

  /** Blocks of the last write that reached the disk although one before them did not: none of them was confirmed. */
  #cutTail({ file, pages }: FileScan, first: FoundBlock, later: readonly JournalFile[]): void {
    const page = pages.find(({ number }) => number * PAGE_SIZE === first.pagePosition);
    const offset = (page?.offset ?? 0) + first.block.from - BLOCK_HEADER_SIZE;
    this.#log.info(
      'journal',
      `${file.path}: an unfinished write was cut off at offset ${offset} (it was not confirmed)`,
    );
    fs.ftruncateSync(file.fd, offset);
    fs.fdatasyncSync(file.fd);
    file.size = offset;
    for (const { number, capacity, offset: at } of pages) if (at < offset) addPage(file, number, capacity, at);
    for (const dropped of later) {
      fs.closeSync(dropped.fd);
      dropped.fd = -1;
      fs.rmSync(dropped.path);
    }
  }

  #reportGap(scan: FileScan, next: Block): void {
    const { file } = scan;
    const broken = scan.broken.filter(({ position }) => position < next.position && position >= this.#endPosition);
    if (broken.length === 0) {
      this.#report(`${file.path}: messages between positions ${this.#endPosition} and ${next.position} are missing`);
    }
    for (const { fileOffset, length } of broken) {
      const copy = setAside(this.#directory, file, fileOffset, length);
      this.#report(
        `${file.path} is damaged at offset ${fileOffset} (${length} bytes): what stood there is lost; the bytes were set aside in ${copy}`,
      );
    }
  }

  #replayBlock({ bytes, block, pagePosition }: FoundBlock): void {
    for (let at = block.from; at < block.to; ) {
      const length = bytes.readUInt32LE(at);
      if (length === 0) break; // a void block
      this.#replayRecord(bytes, at, length, pagePosition + at);
      at += length;
    }
  }

  #replayRecord(bytes: Buffer, at: number, length: number, position: number): void {
    const type = bytes[at + 4];
    const queueId = bytes.readUInt32LE(at + 8);
    switch (type) {
      case RecordType.message:
        return this.#replayMessage(bytes, at, position);
      case RecordType.settled:
        for (let i = at + 16; i < at + length; i += 8) this.#settledOf(queueId).add(bytes.readDoubleLE(i));
        return;
      case RecordType.delivered: {
        const queue = this.#queue(queueId);
        queue.deliveredPosition = Math.max(queue.deliveredPosition, bytes.readDoubleLE(at + 16));
        return;
      }
      case RecordType.returned:
        this.#queue(queueId).deliveryCounts.set(bytes.readDoubleLE(at + 16), bytes.readUInt32LE(at + 12));
        return;
      default:
        throw new Error(`the journal holds a record of unknown type ${type}: it was written by a newer leveret`);
    }
  }

  #replayMessage(bytes: Buffer, at: number, position: number): void {
    const count = bytes.readUInt16LE(at + 6);
    const size = bytes.readUInt32LE(at + 20);
    const priority = bytes[at + 30];
    for (let i = 0; i < count; i++) {
      const queueId = bytes.readUInt32LE(at + MESSAGE_HEADER_SIZE + 4 * i);
      this.#queue(queueId).messages.push(position, size, priority);
    }
  }

  #settle(): void {
    for (const [queueId, positions] of this.#settled) {
      const queue = this.#queue(queueId);
      queue.messages.filter((position) => !positions.has(position));
      for (const position of positions) queue.deliveryCounts.delete(position);
    }
  }

  #settledOf(queueId: number): Set<number> {
    let set = this.#settled.get(queueId);
    if (set === undefined) {
      set = new Set();
      this.#settled.set(queueId, set);
    }
    return set;
  }

  #queue(queueId: number): RecoveredQueue {
    let queue = this.#queues.get(queueId);
    if (queue === undefined) {
      queue = { messages: new IndexedMessages(), deliveredPosition: -1, deliveryCounts: new Map() };
      this.#queues.set(queueId, queue);
    }
    return queue;
  }

  #sawPage(next: number): void {
    this.#nextPage = Math.max(this.#nextPage, next);
  }

  #report(text: string): void {
    this.#damage.push(text);
    this.#log.error('journal', text);
  }
}

/** Copies damaged bytes to where they can be looked at. @returns the copy's path. */
function setAside(directory: string, file: JournalFile, offset: number, length: number): string {
  const folder = join(directory, 'damaged');
  fs.mkdirSync(folder, { recursive: true });
  const bytes = Buffer.alloc(length);
  readFullySync(file.fd, bytes, offset);
  const path = join(folder, `${file.name}.${offset}`);
  fs.writeFileSync(path, bytes);
  return path;
}

interface BrokenRange {
  readonly fileOffset: number;
  readonly length: number;
  readonly position: number;
}

interface FoundBlock {
  /** The whole page. */
  readonly bytes: Buffer;
  readonly block: Block;
  readonly pagePosition: number;
}

interface FileScan {
  readonly file: JournalFile;
  readonly blocks: FoundBlock[];
  readonly broken: BrokenRange[];
  readonly pages: { number: number; capacity: number; offset: number }[];
}

/** How far the journal was durable, as the last sound block tells. */
function syncedPositionOf(files: readonly JournalFile[]): number {
  for (let i = files.length - 1; i >= 0; i--) {
    const { blocks } = scanFile(files[i]);
    if (blocks.length > 0) return blocks.reduce((most, { block }) => Math.max(most, block.synced), 0);
  }
  return 0;
}

/** Reads a journal file page by page, up to where an older use of the same file begins. */
function scanFile(file: JournalFile): FileScan {
  const scan: FileScan = { file, blocks: [], broken: [], pages: [] };
  let lowestNumber = Number.parseInt(file.name, 10);
  for (let offset = 0; offset < file.size; ) {
    const head = Buffer.alloc(Math.min(PAGE_SIZE, file.size - offset));
    readFullySync(file.fd, head, offset);
    const span = spanOf(head, lowestNumber);
    let bytes = head;
    if (span > 1) {
      bytes = Buffer.alloc(Math.min(span * PAGE_SIZE, file.size - offset));
      readFullySync(file.fd, bytes, offset);
    }
    const number = scanPage(scan, bytes, offset, lowestNumber);
    if (number >= 0) lowestNumber = number + span;
    offset += span * PAGE_SIZE;
  }
  return scan;
}

/** How many pages the page that starts with `head` takes: more than one when its first block is larger. */
function spanOf(head: Buffer, lowestNumber: number): number {
  if (head.length < BLOCK_HEADER_SIZE || head.readDoubleLE(16) < lowestNumber * PAGE_SIZE) return 1;
  const size = head.readUInt32LE(8) + 2 * BLOCK_HEADER_SIZE;
  return size > LARGEST_PAGE ? 1 : Math.max(1, Math.ceil(size / PAGE_SIZE));
}

/** No page is larger: a larger length in a header is damage. */
const LARGEST_PAGE = 1 << 30;

/** @returns the page's number, or -1 when no block of it is sound. */
function scanPage(scan: FileScan, bytes: Buffer, fileOffset: number, lowestNumber: number): number {
  let number = -1;
  for (let at = 0; at < bytes.length; ) {
    const block = readBlock(bytes, at, number < 0 ? -1 : number * PAGE_SIZE + at);
    if (block === 'end') break;
    const stale = typeof block !== 'string' && block.position < lowestNumber * PAGE_SIZE;
    if (stale && at === 0) break;
    if (block === 'broken' || stale) {
      const found = findBlock(bytes, at + 8, number, lowestNumber);
      const next = found < 0 ? bytes.length : found;
      if (number < 0 && found >= 0) number = Math.floor(bytes.readDoubleLE(found + 16) / PAGE_SIZE);
      const position = (number < 0 ? lowestNumber : number) * PAGE_SIZE + at;
      scan.broken.push({ fileOffset: fileOffset + at, length: next - at, position });
      at = next;
      continue;
    }
    if (number < 0) number = Math.floor(block.position / PAGE_SIZE);
    scan.blocks.push({ bytes, block, pagePosition: number * PAGE_SIZE });
    at = block.to;
  }
  const capacity = Math.ceil(bytes.length / PAGE_SIZE) * PAGE_SIZE;
  if (number >= 0) scan.pages.push({ number, capacity, offset: fileOffset });
  return number;
}

/** The pages of a file that is not replayed: only the first block header of each is read. */
function addPages(file: JournalFile): void {
  const head = Buffer.alloc(BLOCK_HEADER_SIZE);
  let lowestNumber = Number.parseInt(file.name, 10);
  for (let offset = 0; offset < file.size; ) {
    head.fill(0);
    readFullySync(file.fd, head, offset);
    const span = spanOf(head, lowestNumber);
    const number = Math.floor(head.readDoubleLE(16) / PAGE_SIZE);
    if (number >= lowestNumber) {
      addPage(file, number, span * PAGE_SIZE, offset);
      lowestNumber = number + span;
    }
    offset += span * PAGE_SIZE;
  }
}

function addPage(file: JournalFile, number: number, capacity: number, offset: number): void {
  const page = new Page(number, true, null, capacity);
  page.file = file;
  page.fileOffset = offset;
  page.end = capacity;
  page.written = capacity;
  page.sealed = true;
  page.blockStart = -1;
  file.pages.push(page);
}
