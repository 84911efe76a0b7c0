/**
 * Blocks: what one write to the journal adds to one page. A block is sealed when it is handed to the file:
 *
 *   u32 magic | u32 crc32 of all that follows | u32 length of the records | u32 flags
 *   f64 position | f64 synced | f64 previous end | f64 hole end | records ...
 *
 * `position` is the block's own place: bytes of an older use of the same disk space never pass for a block. `previous end` is
 * where the block before it ended, or CHAIN_START: a gap shows, even if it reads as zeros. `synced` is the position up to which
 * the journal was durable when the block was sealed: a gap behind every later block's `synced` is a torn write, which nobody was
 * promised; any other gap is damage. The flag CONTINUES says that an atomic group goes on in the next block: without that one
 * this one does not count either. Behind the last block of a page stand zeros, at least one header of them.
 *
 * `hole end` is 0, or, in a file that was compacted (see compacted-page.ts), a position: what stood between the end of this block
 * and there was not needed any more and reads as zeros now. The journal goes on at that position, in this page or another.
 */
import { crc32 } from 'node:zlib';
import { PAGE_SIZE, type Page } from './page.ts';

export const BLOCK_HEADER_SIZE = 48;
const MAGIC = 0x6c76724a;
const CHECKED_FROM = 8;
const CONTINUES = 1;

/** In place of a previous end: what the journal held before this block is known from elsewhere, or was nothing. */
export const CHAIN_START = -1;

/** What a block's header says beside its length. */
export interface BlockHeader {
  readonly position: number;
  readonly synced: number;
  readonly previousEnd: number;
  readonly continues: boolean;
  /** A position, or 0. */
  readonly holeEnd: number;
}

export function sealBlock(page: Page, synced: number, previousEnd: number, continues: boolean): void {
  const start = page.blockStart;
  const position = page.number * PAGE_SIZE + start;
  writeHeader(page.bytes as Buffer, start, page.end, { position, synced, previousEnd, continues, holeEnd: 0 });
  page.blockStart = -1;
}

/** Writes the header at `start`, for the records between it and `end`. */
export function writeHeader(bytes: Buffer, start: number, end: number, header: BlockHeader): void {
  bytes.writeUInt32LE(MAGIC, start);
  bytes.writeUInt32LE(end - start - BLOCK_HEADER_SIZE, start + 8);
  bytes.writeUInt32LE(header.continues ? CONTINUES : 0, start + 12);
  bytes.writeDoubleLE(header.position, start + 16);
  bytes.writeDoubleLE(header.synced, start + 24);
  bytes.writeDoubleLE(header.previousEnd, start + 32);
  bytes.writeDoubleLE(header.holeEnd, start + 40);
  bytes.writeUInt32LE(crc32(bytes.subarray(start + CHECKED_FROM, end)), start + 4);
}

export interface Block {
  /** Offsets in the page: where the first record stands, and where the last one ends. */
  readonly from: number;
  readonly to: number;
  readonly position: number;
  readonly synced: number;
  readonly previousEnd: number;
  /** The atomic group that its last records belong to goes on in the next block. */
  readonly continues: boolean;
  /** Where reading the page goes on: `to`, or behind the hole, which may reach to the end of the bytes. */
  readonly next: number;
  /** The position at which the journal goes on: behind the records, or behind the hole. */
  readonly end: number;
}

export type BlockReading = Block | 'end' | 'broken';

/** Reads the block at `offset` of a page. @param expected its position, or -1 to take it from the block. */
export function readBlock(bytes: Buffer, offset: number, expected: number): BlockReading {
  const from = offset + BLOCK_HEADER_SIZE;
  if (from > bytes.length) return 'end';
  if (bytes.readUInt32LE(offset) !== MAGIC) return isZero(bytes, offset, from) ? 'end' : 'broken';
  const length = bytes.readUInt32LE(offset + 8);
  const position = bytes.readDoubleLE(offset + 16);
  const to = from + length;
  if (to > bytes.length || length % 8 !== 0 || (expected >= 0 && position !== expected)) return 'broken';
  if (crc32(bytes.subarray(offset + CHECKED_FROM, to)) !== bytes.readUInt32LE(offset + 4)) return 'broken';
  const base = position - offset;
  const end = Math.max(base + to, bytes.readDoubleLE(offset + 40));
  return {
    from,
    to,
    position,
    synced: bytes.readDoubleLE(offset + 24),
    previousEnd: bytes.readDoubleLE(offset + 32),
    continues: (bytes.readUInt32LE(offset + 12) & CONTINUES) !== 0,
    next: Math.min(bytes.length, end - base),
    end,
  };
}

function isZero(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** The next offset at which a sound block of the page stands, or -1. @param number the page's number, or -1 if unknown. */
export function findBlock(bytes: Buffer, from: number, number: number, lowestNumber: number): number {
  for (let at = from; at + BLOCK_HEADER_SIZE <= bytes.length; at += 8) {
    if (bytes.readUInt32LE(at) !== MAGIC) continue;
    const block = readBlock(bytes, at, number < 0 ? -1 : number * PAGE_SIZE + at);
    if (typeof block === 'string') continue;
    if (block.position % PAGE_SIZE === at % PAGE_SIZE && block.position >= lowestNumber * PAGE_SIZE) return at;
  }
  return -1;
}
