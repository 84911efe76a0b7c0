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

/** The references that durable queues hold to persistent messages of one journal file. */
export interface FileIndex {
  readonly queues: Map<number, IndexedMessages>;
}

/** Messages of one queue, in the queue's order. The three arrays run in parallel. */
export class IndexedMessages {
  positions = new Float64Array(64);
  /** Body sizes in bytes. */
  sizes = new Uint32Array(64);
  priorities = new Uint8Array(64);
  count = 0;

  push(position: number, size: number, priority: number): void {
    if (this.count === this.positions.length) this.#grow();
    this.positions[this.count] = position;
    this.sizes[this.count] = size;
    this.priorities[this.count++] = priority;
  }

  /** Keeps the messages for which `keep` is true, in their order. */
  filter(keep: (position: number) => boolean): void {
    let kept = 0;
    for (let i = 0; i < this.count; i++) {
      if (!keep(this.positions[i])) continue;
      this.positions[kept] = this.positions[i];
      this.sizes[kept] = this.sizes[i];
      this.priorities[kept++] = this.priorities[i];
    }
    this.count = kept;
  }

  #grow(): void {
    const length = this.positions.length * 2;
    const { positions, sizes, priorities } = this;
    this.positions = new Float64Array(length);
    this.positions.set(positions);
    this.sizes = new Uint32Array(length);
    this.sizes.set(sizes);
    this.priorities = new Uint8Array(length);
    this.priorities.set(priorities);
  }
}

/** What a queue remembers over a restart beside its messages. */
export interface QueueMarks {
  /** Messages up to this position were delivered at least once: they come back marked as redelivered. */
  deliveredPosition: number;
  /** x-delivery-count of messages that were returned. */
  readonly deliveryCounts: Map<number, number>;
}

export interface Checkpoint {
  /** Journal files whose first page is below have an index; those from it on are replayed. */
  readonly replayFromPage: number;
  /** No page number at or above was ever used when the checkpoint was taken. */
  readonly nextPage: number;
  readonly marks: ReadonlyMap<number, QueueMarks>;
}

const INDEX_MAGIC = 0x6c767269;
const CHECKPOINT_VERSION = 1;

export function encodeFileIndex(index: FileIndex): Buffer {
  let size = 16;
  for (const messages of index.queues.values()) size += 8 + messages.count * 13;
  const bytes = Buffer.alloc(size);
  let at = bytes.writeUInt32LE(INDEX_MAGIC, 0);
  at = bytes.writeUInt32LE(0, at);
  at = bytes.writeUInt32LE(index.queues.size, at);
  at = bytes.writeUInt32LE(0, at);
  for (const [queueId, { positions, sizes, priorities, count }] of index.queues) {
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
  if (bytes.length < 16 || bytes.readUInt32LE(0) !== INDEX_MAGIC) return null;
  if (crc32(bytes.subarray(8)) !== bytes.readUInt32LE(4)) return null;
  const queues = new Map<number, IndexedMessages>();
  let at = 16;
  for (let left = bytes.readUInt32LE(8); left > 0; left--) {
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
  return { queues };
}

function copy(bytes: Buffer, from: number, size: number): ArrayBuffer {
  const start = bytes.byteOffset + from;
  return bytes.buffer.slice(start, start + size) as ArrayBuffer;
}

export function encodeCheckpoint(checkpoint: Checkpoint): string {
  const marks = [...checkpoint.marks].map(([queueId, { deliveredPosition, deliveryCounts }]) => [
    queueId,
    deliveredPosition,
    [...deliveryCounts],
  ]);
  const { replayFromPage, nextPage } = checkpoint;
  const text = JSON.stringify({ version: CHECKPOINT_VERSION, replayFromPage, nextPage, marks });
  return `${text}\n${crc32(text)}\n`;
}

/** @returns null when the text is not a whole, unharmed checkpoint of this version. */
export function decodeCheckpoint(text: string): Checkpoint | null {
  const [json, checksum] = text.split('\n');
  if (checksum === undefined || String(crc32(json)) !== checksum) return null;
  const parsed = JSON.parse(json);
  if (parsed.version !== CHECKPOINT_VERSION) return null;
  const marks = new Map<number, QueueMarks>();
  for (const [queueId, deliveredPosition, counts] of parsed.marks) {
    marks.set(queueId, { deliveredPosition, deliveryCounts: new Map(counts) });
  }
  return { replayFromPage: parsed.replayFromPage, nextPage: parsed.nextPage, marks };
}
