/**
 * What makes a start quick: of the journal only what came after the last checkpoint is read.
 *
 *   checkpoint           JSON: where the replay starts, and what each queue must remember beside its messages
 *   NNN.index            for each journal file before that: which queue still holds which message of it
 *
 * A checkpoint is taken when a journal file is full. Only files in which something was settled since get a new index, so a
 * long backlog is not written again and again. An index may be newer than the checkpoint that stands beside it: replaying a
 * record a second time changes nothing.
 */
import { crc32 } from 'node:zlib';

/** Where a page lies in its journal file, so that a start need not look for it. */
export interface IndexedPage {
  readonly number: number;
  /** Bytes: where it starts in the file, how many it may take there, and how many are in use. */
  readonly offset: number;
  readonly capacity: number;
  readonly end: number;
}

/** What is known of one journal file: its pages, and the references that durable queues hold to its messages. */
export interface FileIndex {
  readonly pages: readonly IndexedPage[];
  readonly queues: ReadonlyMap<number, IndexedMessages>;
}

/** Messages of one queue. The three arrays run in parallel. */
export class IndexedMessages {
  positions = NO_POSITIONS;
  /** Body sizes in bytes. */
  sizes = NO_SIZES;
  priorities = NO_PRIORITIES;
  count = 0;

  push(position: number, size: number, priority: number): void {
    if (this.count === this.positions.length) this.#resize(Math.max(LEAST_ROOM, this.count * 2));
    this.positions[this.count] = position;
    this.sizes[this.count] = size;
    this.priorities[this.count++] = priority;
  }

  append(other: IndexedMessages): void {
    const count = this.count + other.count;
    if (count > this.positions.length) this.#resize(Math.max(count, Math.min(2 * this.count, count + LARGEST_SLACK)));
    this.positions.set(other.positions.subarray(0, other.count), this.count);
    this.sizes.set(other.sizes.subarray(0, other.count), this.count);
    this.priorities.set(other.priorities.subarray(0, other.count), this.count);
    this.count = count;
  }

  /** Puts the messages in the order of their positions, which is the order in which they were published. */
  sort(): void {
    const { positions, sizes, priorities, count } = this;
    if (isAscending(positions, count)) return;
    const order = Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => positions[a] - positions[b]);
    this.positions = Float64Array.from(order, (i) => positions[i]);
    this.sizes = Uint32Array.from(order, (i) => sizes[i]);
    this.priorities = Uint8Array.from(order, (i) => priorities[i]);
  }

  /**
   * Takes out the messages that stand at `gone`; both sides are in ascending order.
   * @param removed told each position that was there.
   */
  remove(gone: Float64Array, removed: (position: number) => void): void {
    let kept = 0;
    let next = 0;
    for (let i = 0; i < this.count; i++) {
      const position = this.positions[i];
      while (next < gone.length && gone[next] < position) next++;
      if (gone[next] === position) {
        removed(position);
        continue;
      }
      this.positions[kept] = position;
      this.sizes[kept] = this.sizes[i];
      this.priorities[kept++] = this.priorities[i];
    }
    this.count = kept;
  }

  /** Keeps the messages for which `wanted` is true, in their order. @returns how many went. */
  keep(wanted: (position: number) => boolean): number {
    const before = this.count;
    let kept = 0;
    for (let i = 0; i < before; i++) {
      if (!wanted(this.positions[i])) continue;
      this.positions[kept] = this.positions[i];
      this.sizes[kept] = this.sizes[i];
      this.priorities[kept++] = this.priorities[i];
    }
    this.count = kept;
    return before - kept;
  }

  #resize(length: number): void {
    const { positions, sizes, priorities, count } = this;
    this.positions = new Float64Array(length);
    this.positions.set(positions.subarray(0, count));
    this.sizes = new Uint32Array(length);
    this.sizes.set(sizes.subarray(0, count));
    this.priorities = new Uint8Array(length);
    this.priorities.set(priorities.subarray(0, count));
  }
}

/** There may be tens of thousands of queues with a message or two. */
const LEAST_ROOM = 8;
const NO_POSITIONS = new Float64Array(0);
const NO_SIZES = new Uint32Array(0);
const NO_PRIORITIES = new Uint8Array(0);
/** Messages that a growing list has room for beyond what was asked for: 13 bytes each. */
const LARGEST_SLACK = 1 << 20;

function isAscending(positions: Float64Array, count: number): boolean {
  for (let i = 1; i < count; i++) if (positions[i - 1] > positions[i]) return false;
  return true;
}

/** What a queue remembers over a restart beside its messages. */
export interface QueueMarks {
  /** Messages up to this position were delivered at least once: they come back marked as redelivered. */
  deliveredPosition: number;
  /** x-delivery-count of messages that were returned. */
  readonly deliveryCounts: Map<number, number>;
  /** Whether messages may have a time to live: then those at the head have to be looked into. */
  mayExpire: boolean;
  /** When messages at the head were published, and their time to live, so that they need not be read for it. */
  readonly heads?: readonly HeadTimes[];
}

export interface HeadTimes {
  readonly position: number;
  readonly publishedAtMs: number;
  /** Of its own, or NO_TTL. */
  readonly ttlMs: number;
}

export interface Checkpoint {
  /** Journal files whose first page is below have an index; those from it on are replayed. */
  readonly replayFromPage: number;
  /** No page number at or above was ever used when the checkpoint was taken. */
  readonly nextPage: number;
  readonly marks: ReadonlyMap<number, QueueMarks>;
  /** False in one that was written before there was `mayExpire`: then any queue's messages may. */
  readonly tellsExpiry: boolean;
}

const INDEX_MAGIC = 0x6c767269;
const INDEX_HEADER_SIZE = 16;
const INDEX_PAGE_SIZE = 24;
/** 2: journal files may have holes, and dead letters may wait. What reads version 1 alone would take the one for damage, and drop the other. */
const CHECKPOINT_VERSION = 2;

/**
 * An index file, little-endian:
 *
 *   u32 magic | u32 crc32 of all that follows | u32 pages | u32 queues
 *   a page     f64 number | f64 offset | u32 capacity | u32 end
 *   a queue    u32 id | u32 count | f64 position * count | u32 body size * count | u8 priority * count
 */
export function encodeFileIndex({ pages, queues }: FileIndex): Buffer {
  let size = INDEX_HEADER_SIZE + INDEX_PAGE_SIZE * pages.length;
  for (const messages of queues.values()) size += 8 + messages.count * 13;
  const bytes = Buffer.alloc(size);
  let at = bytes.writeUInt32LE(INDEX_MAGIC, 0);
  at = bytes.writeUInt32LE(0, at);
  at = bytes.writeUInt32LE(pages.length, at);
  at = bytes.writeUInt32LE(queues.size, at);
  for (const { number, offset, capacity, end } of pages) {
    at = bytes.writeDoubleLE(number, at);
    at = bytes.writeDoubleLE(offset, at);
    at = bytes.writeUInt32LE(capacity, at);
    at = bytes.writeUInt32LE(end, at);
  }
  for (const [queueId, { positions, sizes, priorities, count }] of queues) {
    at = bytes.writeUInt32LE(queueId, at);
    at = bytes.writeUInt32LE(count, at);
    for (const part of [positions.subarray(0, count), sizes.subarray(0, count), priorities.subarray(0, count)]) {
      bytes.set(Buffer.from(part.buffer, part.byteOffset, part.byteLength), at);
      at += part.byteLength;
    }
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

/** @returns null when the bytes are not a whole, unharmed index. */
export function decodeFileIndex(bytes: Buffer): FileIndex | null {
  if (bytes.length < INDEX_HEADER_SIZE || bytes.readUInt32LE(0) !== INDEX_MAGIC) return null;
  if (crc32(bytes.subarray(8)) !== bytes.readUInt32LE(4)) return null;
  const pages: IndexedPage[] = [];
  const queues = new Map<number, IndexedMessages>();
  let at = INDEX_HEADER_SIZE;
  for (let left = bytes.readUInt32LE(8); left > 0; left--, at += INDEX_PAGE_SIZE) {
    pages.push({
      number: bytes.readDoubleLE(at),
      offset: bytes.readDoubleLE(at + 8),
      capacity: bytes.readUInt32LE(at + 16),
      end: bytes.readUInt32LE(at + 20),
    });
  }
  for (let left = bytes.readUInt32LE(12); left > 0; left--) {
    const messages = new IndexedMessages();
    const count = bytes.readUInt32LE(at + 4);
    queues.set(bytes.readUInt32LE(at), messages);
    at += 8;
    // Copies: the parts do not start at multiples of their element size.
    messages.positions = new Float64Array(copy(bytes, at, count * 8));
    messages.sizes = new Uint32Array(copy(bytes, at + count * 8, count * 4));
    messages.priorities = new Uint8Array(copy(bytes, at + count * 12, count));
    messages.count = count;
    at += count * 13;
  }
  return { pages, queues };
}

function copy(bytes: Buffer, from: number, size: number): ArrayBuffer {
  const start = bytes.byteOffset + from;
  return bytes.buffer.slice(start, start + size) as ArrayBuffer;
}

export function encodeCheckpoint(checkpoint: Omit<Checkpoint, 'tellsExpiry'>): string {
  const marks = [...checkpoint.marks].map(([queueId, { deliveredPosition, deliveryCounts, mayExpire, heads = [] }]) => [
    queueId,
    deliveredPosition,
    [...deliveryCounts],
    mayExpire,
    ...heads.map(({ position, publishedAtMs, ttlMs }) => [position, publishedAtMs, ttlMs]),
  ]);
  const { replayFromPage, nextPage } = checkpoint;
  const text = JSON.stringify({ version: CHECKPOINT_VERSION, replayFromPage, nextPage, tellsExpiry: true, marks });
  return `${text}\n${crc32(text)}\n`;
}

/**
 * @returns null when the text is not a whole, unharmed checkpoint.
 * @throws Error when a newer leveret wrote it.
 */
export function decodeCheckpoint(text: string): Checkpoint | null {
  const [json, checksum] = text.split('\n');
  if (checksum === undefined || String(crc32(json)) !== checksum) return null;
  const parsed = JSON.parse(json);
  if (!(parsed.version >= 1 && parsed.version <= CHECKPOINT_VERSION)) {
    throw new Error(`it has version ${parsed.version}, and this leveret reads versions 1 to ${CHECKPOINT_VERSION}`);
  }
  const marks = new Map<number, QueueMarks>();
  for (const [queueId, deliveredPosition, counts, mayExpire = true, ...times] of parsed.marks) {
    const heads = times.map(([position, publishedAtMs, ttlMs]: number[]) => ({ position, publishedAtMs, ttlMs }));
    marks.set(queueId, { deliveredPosition, deliveryCounts: new Map(counts), mayExpire, heads });
  }
  const { replayFromPage, nextPage, tellsExpiry = false } = parsed;
  return { replayFromPage, nextPage, tellsExpiry, marks };
}
