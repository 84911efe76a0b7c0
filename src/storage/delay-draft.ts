/**
 * A delay segment on its way to the disk: put together in memory, written in one go. The order is known before the first byte
 * is copied, so records may come in any order, page by page.
 */
import * as fs from 'node:fs';
import { promises } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Disk, openDurable, syncFolder } from '../runtime/disk.ts';
import {
  CHUNK_ENTRIES,
  CHUNK_SIZE,
  encodeHeader,
  entryOffset,
  HEADER_SIZE,
  recordsOffset,
  type SegmentHeader,
  sealChunk,
  segmentFileSize,
  writeEntry,
} from './delay-format.ts';
import { alignedMemory } from './page.ts';

/** What goes to the disk in one write. */
const PIECE_BYTES = 8 * 1024 * 1024;
/** Memory beyond this is not kept for the next draft. */
const KEPT_BYTES = 48 * 1024 * 1024;

/** Memory for one draft after the other. */
export class DraftMemory {
  #kept: Buffer | null = null;

  /** @returns so many bytes, with whatever they held before; they are the caller's until the next call */
  take(size: number): Buffer {
    if (this.#kept !== null && this.#kept.length >= size) return this.#kept.subarray(0, size);
    const bytes = alignedMemory(size);
    this.#kept = size <= KEPT_BYTES ? bytes : null;
    return bytes;
  }

  /** Nothing is written for a while. */
  release(): void {
    this.#kept = null;
  }
}

/** What the segment is to hold, in the order of (due, position). */
export interface DraftEntries {
  readonly lineId: number;
  readonly number: number;
  readonly dues: Float64Array;
  readonly positions: Float64Array;
  readonly sizes: Uint32Array;
}

export class DelayDraft {
  readonly header: SegmentHeader;
  readonly #entries: DraftEntries;
  readonly #bytes: Buffer;
  readonly #offsets: Float64Array;

  constructor(entries: DraftEntries, memory: DraftMemory) {
    const { lineId, number, dues, positions, sizes } = entries;
    const count = dues.length;
    this.#entries = entries;
    this.#offsets = new Float64Array(count);
    let lowest = Number.POSITIVE_INFINITY;
    let highest = 0;
    let recordBytes = 0;
    for (let i = 0; i < count; i++) {
      this.#offsets[i] = recordsOffset(count) + recordBytes;
      recordBytes += sizes[i];
      lowest = Math.min(lowest, positions[i]);
      highest = Math.max(highest, positions[i]);
    }
    this.header = {
      count,
      number,
      lineId,
      firstDueMs: dues[0],
      lastDueMs: dues[count - 1],
      lowestPosition: lowest,
      highestPosition: highest,
      recordBytes,
    };
    this.#bytes = memory.take(segmentFileSize(this.header));
    this.#bytes.fill(0, 0, recordsOffset(count));
    this.#bytes.fill(0, recordsOffset(count) + recordBytes);
  }

  /** Takes in the record that is to stand at a place of the order. */
  put(ordinal: number, source: Buffer, from: number): void {
    const { dues, positions, sizes } = this.#entries;
    const size = sizes[ordinal];
    const offset = this.#offsets[ordinal];
    source.copy(this.#bytes, offset, from, from + size);
    const checksum = crc32(this.#bytes.subarray(offset, offset + size));
    const entry = { dueAtMs: dues[ordinal], position: positions[ordinal], offset, size, checksum };
    writeEntry(this.#bytes, entryOffset(ordinal), entry);
  }

  /** A message that was released or cancelled meanwhile: nothing will read its record. */
  putGone(ordinal: number): void {
    const { dues, positions, sizes } = this.#entries;
    const offset = this.#offsets[ordinal];
    this.#bytes.fill(0, offset, offset + sizes[ordinal]);
    const entry = { dueAtMs: dues[ordinal], position: positions[ordinal], offset, size: sizes[ordinal], checksum: 0 };
    writeEntry(this.#bytes, entryOffset(ordinal), entry);
  }

  /** Resolves once the file is on the disk under its name. @throws Error of the disk; then nothing is left of it */
  async write(path: string, disk: Disk): Promise<void> {
    this.#seal();
    const temporary = `${path}.new`;
    try {
      await this.#writeFile(temporary, disk);
      await promises.rename(temporary, path);
      await syncFolder(dirname(path));
    } catch (error) {
      for (const left of [temporary, path]) fs.rmSync(left, { force: true });
      throw error;
    }
  }

  /** In pieces: the journal has its turn in between. */
  async #writeFile(path: string, disk: Disk): Promise<void> {
    const fd = openDurable(path, { sync: false, create: true });
    try {
      for (let from = 0; from < this.#bytes.length; from += PIECE_BYTES) {
        const piece = this.#bytes.subarray(from, from + PIECE_BYTES);
        await new Promise<void>((done, failed) => {
          disk.write(fd, [piece], from, (error) => (error === null ? done() : failed(error)));
        });
      }
      await new Promise<void>((done, failed) => {
        fs.fdatasync(fd, (error) => (error === null ? done() : failed(error)));
      });
    } finally {
      fs.closeSync(fd);
    }
  }

  #seal(): void {
    const { count } = this.header;
    const bytes = this.#bytes;
    for (let from = 0, at = HEADER_SIZE; from < count; from += CHUNK_ENTRIES, at += CHUNK_SIZE) {
      sealChunk(bytes.subarray(at, at + CHUNK_SIZE), Math.min(CHUNK_ENTRIES, count - from));
    }
    const header = encodeHeader(this.header);
    header.copy(bytes, 0);
    header.copy(bytes, bytes.length - HEADER_SIZE);
  }
}
