/**
 * A delay segment on its way to the disk: from messages in the order of their positions to a file in the order in which they
 * are due (see delay-format.ts). Nothing here knows of the broker: it runs in a thread of its own (delay-thread.ts).
 */
import * as fs from 'node:fs';
import { crc32 } from 'node:zlib';
import { type Disk, openDurable } from '../runtime/disk.ts';
import {
  CHUNK_ENTRIES,
  CHUNK_SIZE,
  ENTRY_SIZE,
  encodeHeader,
  recordsOffset,
  type SegmentHeader,
  sealChunk,
  segmentFileSize,
  writeEntry,
} from './delay-format.ts';
import { alignedMemory } from './page.ts';

/** What goes to the disk in one write: the journal has its turn in between. */
const PIECE_BYTES = 512 * 1024;
/** Messages of one segment, at most: their numbers and the times that they are due at are sorted together. */
export const SEGMENT_MESSAGES = 65_536;

/** What a segment is made of: messages in the order of their positions. */
export interface SegmentSource {
  readonly lineId: number;
  readonly number: number;
  /** Whole milliseconds, not negative. */
  readonly dues: Float64Array<ArrayBuffer>;
  readonly positions: Float64Array<ArrayBuffer>;
  readonly sizes: Uint32Array<ArrayBuffer>;
  /** 1 where the record is not there: the message was released meanwhile, or is damaged. */
  readonly missing: Uint8Array<ArrayBuffer>;
  /** The records, one behind the other; bytes behind them count for nothing. */
  readonly records: Uint8Array;
}

/** Memory that `writeSegment` puts a file together in, as direct writes need it: while one piece is written the next one is made. */
export const newPieceMemory = (): Buffer => alignedMemory(2 * PIECE_BYTES);

/** The name that a segment is written under. */
export const unfinishedPath = (path: string): string => `${path}.new`;

/**
 * Writes the segment, under another name than its own, and syncs it.
 * @param path its own name: whoever called renames it @param memory from newPieceMemory(), this call's alone
 * @throws Error of the disk; then nothing is left of it
 */
export async function writeSegment(
  source: SegmentSource,
  path: string,
  disk: Disk,
  memory: Buffer,
): Promise<SegmentHeader> {
  const order = orderOf(source.dues);
  const header = headerOf(source, order);
  const unfinished = unfinishedPath(path);
  const fd = openDurable(unfinished, { sync: false, create: true });
  try {
    await writePieces(piecesOf(source, order, header, memory), fd, disk);
    await new Promise<void>((done, failed) => {
      fs.fdatasync(fd, (error) => (error === null ? done() : failed(error)));
    });
    return header;
  } catch (error) {
    fs.rmSync(unfinished, { force: true });
    throw error;
  } finally {
    fs.closeSync(fd);
  }
}

/** Each is written while the next one is made. */
async function writePieces(pieces: Iterable<Buffer>, fd: number, disk: Disk): Promise<void> {
  let offset = 0;
  let written: Promise<NodeJS.ErrnoException | null> = Promise.resolve(null);
  for (const piece of pieces) {
    throwIfAny(await written);
    const at = offset;
    offset += piece.length;
    written = new Promise((done) => disk.write(fd, [piece], at, done));
  }
  throwIfAny(await written);
}

function throwIfAny(error: Error | null): void {
  if (error !== null) throw error;
}

/** Places of the messages in the order of (due, place): due times have 48 bits until the year 10889, places 16. */
function orderOf(dues: Float64Array): Uint16Array {
  const { length } = dues;
  const keys = new BigUint64Array(length);
  const halves = new Uint32Array(keys.buffer);
  for (let place = 0; place < length; place++) {
    halves[2 * place] = ((dues[place] % 65_536) << 16) | place;
    halves[2 * place + 1] = dues[place] / 65_536;
  }
  keys.sort();
  return Uint16Array.from({ length }, (_, i) => halves[2 * i] & 0xffff);
}

function headerOf({ lineId, number, dues, positions, sizes }: SegmentSource, order: Uint16Array): SegmentHeader {
  const count = order.length;
  return {
    count,
    number,
    lineId,
    firstDueMs: dues[order[0]],
    lastDueMs: dues[order[count - 1]],
    lowestPosition: positions[0],
    highestPosition: positions[count - 1],
    recordBytes: sizes.reduce((sum, size) => sum + size, 0),
  };
}

/** The file in large pieces, all in one memory: each counts until the next but one is asked for. */
function* piecesOf(
  source: SegmentSource,
  order: Uint16Array,
  header: SegmentHeader,
  memory: Buffer,
): Generator<Buffer> {
  const { sizes, missing, records } = source;
  const starts = startsOf(sizes);
  const bytes = Buffer.from(records.buffer, records.byteOffset, records.length);
  const pieces = new Pieces(memory);
  const ends = encodeHeader(header);
  yield* pieces.add(ends);
  for (const chunk of indexOf(source, order, starts)) yield* pieces.add(chunk);
  for (const place of order) {
    const end = starts[place] + sizes[place];
    // Without anything made for each message: there are many.
    for (let at = starts[place]; at < end; ) {
      at = missing[place] === 1 ? pieces.skip(at, end) : pieces.put(bytes, at, end);
      if (pieces.isFull) yield pieces.take();
    }
  }
  const size = recordsOffset(header.count) + header.recordBytes + ends.length;
  yield* pieces.add(Buffer.alloc(segmentFileSize(header) - size));
  yield* pieces.add(ends);
  yield pieces.take();
}

/** The chunks of the index. Each counts until the next one. */
function* indexOf(source: SegmentSource, order: Uint16Array, starts: Float64Array): Generator<Buffer> {
  const { dues, positions, sizes } = source;
  const checksums = checksumsOf(source, starts);
  const chunk = Buffer.alloc(CHUNK_SIZE);
  let offset = recordsOffset(order.length);
  for (let from = 0; from < order.length; from += CHUNK_ENTRIES) {
    const entries = Math.min(CHUNK_ENTRIES, order.length - from);
    chunk.fill(0);
    for (let i = 0; i < entries; i++) {
      const place = order[from + i];
      const [position, size, checksum] = [positions[place], sizes[place], checksums[place]];
      const entry = { dueAtMs: dues[place], position, offset, size, checksum };
      writeEntry(chunk, 8 + i * ENTRY_SIZE, entry);
      offset += size;
    }
    sealChunk(chunk, entries);
    yield chunk;
  }
}

/** By place: memory is read from its begin to its end, which takes a third less time than in any other order. */
function checksumsOf({ sizes, missing, records }: SegmentSource, starts: Float64Array): Uint32Array {
  const checksums = new Uint32Array(sizes.length);
  for (let place = 0; place < sizes.length; place++) {
    // Nothing will read what is missing; should something, this is not its checksum.
    if (missing[place] === 1) continue;
    checksums[place] = crc32(records.subarray(starts[place], starts[place] + sizes[place]));
  }
  return checksums;
}

function startsOf(sizes: Uint32Array): Float64Array {
  const starts = new Float64Array(sizes.length);
  for (let place = 1; place < sizes.length; place++) starts[place] = starts[place - 1] + sizes[place - 1];
  return starts;
}

/** Puts bytes one behind the other into a half of a memory, which is handed out when it is full: then they go into the other half. */
class Pieces {
  #memory: Buffer;
  #other: Buffer;
  #used = 0;

  constructor(memory: Buffer) {
    this.#memory = memory.subarray(0, memory.length / 2);
    this.#other = memory.subarray(memory.length / 2);
  }

  get isFull(): boolean {
    return this.#used === this.#memory.length;
  }

  /** Takes as much as there is room for. @returns where it stopped */
  put(bytes: Buffer, from: number, end: number): number {
    const to = Math.min(end, from + this.#memory.length - this.#used);
    bytes.copy(this.#memory, this.#used, from, to);
    this.#used += to - from;
    return to;
  }

  /** As `put`, of zeros. */
  skip(from: number, end: number): number {
    const to = Math.min(end, from + this.#memory.length - this.#used);
    this.#memory.fill(0, this.#used, this.#used + to - from);
    this.#used += to - from;
    return to;
  }

  *add(bytes: Buffer): Generator<Buffer> {
    for (let at = 0; at < bytes.length; ) {
      at = this.put(bytes, at, bytes.length);
      if (this.isFull) yield this.take();
    }
  }

  /** What is there; it counts until the next but one is begun. */
  take(): Buffer {
    const piece = this.#memory.subarray(0, this.#used);
    [this.#memory, this.#other] = [this.#other, this.#memory];
    this.#used = 0;
    return piece;
  }
}
