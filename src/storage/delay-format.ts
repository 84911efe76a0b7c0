/**
 * A delay segment: messages of one delay line that were moved out of the journal, little-endian.
 *
 *   header    128 bytes, again at the end of the file, whose size is a multiple of 4096: u32 magic | u32 crc32 of the rest | u32 version | u32 messages |
 *             f64 number | f64 line | f64 first due | f64 last due | f64 lowest position | f64 highest position |
 *             f64 bytes of records
 *   index     chunks of 4096 bytes: u32 crc32 of the rest | u32 entries | entries, in the order of (due, position)
 *     entry   f64 due at (ms) | f64 position it had in the journal | f64 offset in the file | u32 size | u32 crc32 of the record
 *   records   as they stood in the journal (see record.ts), in the order of the index
 *
 * A file is written whole under another name, synced, and then renamed: one that has its name was whole once.
 */
import { crc32 } from 'node:zlib';
import { DIRECT_ALIGNMENT } from '../runtime/disk.ts';

export const HEADER_SIZE = 128;
export const CHUNK_SIZE = 4096;
export const ENTRY_SIZE = 32;
export const CHUNK_ENTRIES = Math.floor((CHUNK_SIZE - 8) / ENTRY_SIZE);

const MAGIC = 0x6479766c;
const VERSION = 1;

export interface SegmentHeader {
  readonly count: number;
  readonly number: number;
  readonly lineId: number;
  readonly firstDueMs: number;
  readonly lastDueMs: number;
  readonly lowestPosition: number;
  readonly highestPosition: number;
  readonly recordBytes: number;
}

export interface SegmentEntry {
  readonly dueAtMs: number;
  readonly position: number;
  readonly offset: number;
  readonly size: number;
  readonly checksum: number;
}

export const chunksOf = (count: number): number => Math.ceil(count / CHUNK_ENTRIES);
export const recordsOffset = (count: number): number => HEADER_SIZE + chunksOf(count) * CHUNK_SIZE;
export const segmentFileSize = ({ count, recordBytes }: SegmentHeader): number =>
  Math.ceil((recordsOffset(count) + recordBytes + HEADER_SIZE) / DIRECT_ALIGNMENT) * DIRECT_ALIGNMENT;

export function encodeHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_SIZE);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt32LE(VERSION, 8);
  bytes.writeUInt32LE(header.count, 12);
  const { number, lineId, firstDueMs, lastDueMs, lowestPosition, highestPosition, recordBytes } = header;
  const values = [number, lineId, firstDueMs, lastDueMs, lowestPosition, highestPosition, recordBytes];
  values.forEach((value, i) => {
    bytes.writeDoubleLE(value, 16 + 8 * i);
  });
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

/**
 * @returns null when the bytes are not a whole, unharmed header.
 * @throws Error when a newer leveret wrote it.
 */
export function decodeHeader(bytes: Buffer): SegmentHeader | null {
  if (bytes.length < HEADER_SIZE || bytes.readUInt32LE(0) !== MAGIC) return null;
  if (crc32(bytes.subarray(8, HEADER_SIZE)) !== bytes.readUInt32LE(4)) return null;
  const version = bytes.readUInt32LE(8);
  if (version !== VERSION) throw new Error(`it has version ${version}, and this leveret reads version ${VERSION}`);
  const value = (i: number) => bytes.readDoubleLE(16 + 8 * i);
  return {
    count: bytes.readUInt32LE(12),
    number: value(0),
    lineId: value(1),
    firstDueMs: value(2),
    lastDueMs: value(3),
    lowestPosition: value(4),
    highestPosition: value(5),
    recordBytes: value(6),
  };
}

/** @param at where the entry starts in the chunk's bytes */
export function writeEntry(bytes: Buffer, at: number, entry: SegmentEntry): void {
  bytes.writeDoubleLE(entry.dueAtMs, at);
  bytes.writeDoubleLE(entry.position, at + 8);
  bytes.writeDoubleLE(entry.offset, at + 16);
  bytes.writeUInt32LE(entry.size, at + 24);
  bytes.writeUInt32LE(entry.checksum, at + 28);
}

export function readEntry(bytes: Buffer, at: number): SegmentEntry {
  return {
    dueAtMs: bytes.readDoubleLE(at),
    position: bytes.readDoubleLE(at + 8),
    offset: bytes.readDoubleLE(at + 16),
    size: bytes.readUInt32LE(at + 24),
    checksum: bytes.readUInt32LE(at + 28),
  };
}

/** Where the entry with this place in the order stands in the file. */
export const entryOffset = (ordinal: number): number =>
  HEADER_SIZE + Math.floor(ordinal / CHUNK_ENTRIES) * CHUNK_SIZE + 8 + (ordinal % CHUNK_ENTRIES) * ENTRY_SIZE;

/** Puts the checksum over a chunk whose entries are written. */
export function sealChunk(chunk: Buffer, entries: number): void {
  chunk.writeUInt32LE(entries, 4);
  chunk.writeUInt32LE(crc32(chunk.subarray(4, CHUNK_SIZE)), 0);
}

export function isSoundChunk(chunk: Buffer): boolean {
  return chunk.length >= CHUNK_SIZE && crc32(chunk.subarray(4, CHUNK_SIZE)) === chunk.readUInt32LE(0);
}
