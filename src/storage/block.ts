/**
 * Blocks: what one write to the journal adds to one page. A block is sealed when it is handed to the file:
 *
 *   u32 magic | u32 crc32 of all that follows | u32 length of the records | u32 flags
 *   f64 position | f64 synced | f64 previous end | f64 0 | records ...
 *
 * `position` is the block's own place: bytes of an older use of the same disk space never pass for a block. `previous end` is
 * where the block before it ended, or CHAIN_START: a gap shows, even if it reads as zeros. `synced` is the position up to which
 * the journal was durable when the block was sealed: a gap behind every later block's `synced` is a torn write, which nobody was
 * promised; any other gap is damage. The flag CONTINUES says that an atomic group goes on in the next block: without that one
 * this one does not count either. Behind the last block of a page stand zeros, at least one header of them.
 */
import { crc32 } from 'node:zlib';
import { PAGE_SIZE, type Page } from './page.ts';

export const BLOCK_HEADER_SIZE = 48;
const MAGIC = 0x6c76724a;
const CHECKED_FROM = 8;
const CONTINUES = 1;

/** In place of a previous end: what the journal held before this block is known from elsewhere, or was nothing. */
export const CHAIN_START = -1;

export function sealBlock(page: Page, synced: number, previousEnd: number, continues: boolean): void {
  const start = page.blockStart;
  const bytes = page.bytes as Buffer;
  const word = start >> 2;
  const double = start >> 3;
  page.u32[word] = MAGIC;
  page.u32[word + 2] = page.end - start - BLOCK_HEADER_SIZE;
  page.u32[word + 3] = continues ? CONTINUES : 0;
  page.f64[double + 2] = page.number * PAGE_SIZE + start;
  page.f64[double + 3] = synced;
  page.f64[double + 4] = previousEnd;
  page.f64[double + 5] = 0;
  page.u32[word + 1] = crc32(bytes.subarray(start + CHECKED_FROM, page.end));
  page.blockStart = -1;
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
  return {
    from,
    to,
    position,
    synced: bytes.readDoubleLE(offset + 24),
    previousEnd: bytes.readDoubleLE(offset + 32),
    continues: (bytes.readUInt32LE(offset + 12) & CONTINUES) !== 0,
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
