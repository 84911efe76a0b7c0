/**
 * Reads journal files block by block, with one page in memory at a time.
 *
 * Nothing that a file says is believed before its checksum fits. Where a block is broken, reading goes on at the next sound
 * one of the page; where a page is, at the next page. What an older use of the same file left behind (see Journal.remove) has
 * positions below the file's own and is passed over.
 */
import { readFullySync } from '../runtime/disk.ts';
import { BLOCK_HEADER_SIZE, type Block, findBlock, readBlock } from './block.ts';
import type { JournalFile } from './journal.ts';
import { PAGE_SIZE } from './page.ts';

/** A sound block, and where it stands. The object and the bytes are the visitor's for the time of the call. */
export interface FoundBlock {
  readonly file: JournalFile;
  /** The whole page. */
  readonly bytes: Buffer;
  readonly block: Block;
  readonly pageNumber: number;
  /** In the file. */
  readonly pageOffset: number;
  readonly pageCapacity: number;
}

/** Bytes that should hold a block and do not. */
export interface BrokenRange {
  readonly file: JournalFile;
  readonly offset: number;
  readonly length: number;
  /** The position that belongs to `offset`, as far as it can be told. */
  readonly position: number;
}

export interface JournalVisitor {
  /** @returns false to end the reading. */
  block(found: FoundBlock): boolean;
  broken(range: BrokenRange): void;
}

export const firstPageOf = (fileName: string): number => Number.parseInt(fileName, 10);

export class JournalReader {
  readonly #page = Buffer.alloc(PAGE_SIZE);

  /** @returns false when the visitor ended it. @throws Error naming file and offset when the disk cannot be read. */
  read(file: JournalFile, visitor: JournalVisitor): boolean {
    let lowestNumber = firstPageOf(file.name);
    for (let offset = 0; offset < file.size; ) {
      const bytes = this.#readPage(file, offset, lowestNumber);
      const scan = new PageScan(file, bytes, offset, lowestNumber);
      if (!scan.run(visitor)) return false;
      if (scan.number >= 0) lowestNumber = scan.number + scan.capacity / PAGE_SIZE;
      offset += scan.capacity;
    }
    return true;
  }

  #readPage(file: JournalFile, offset: number, lowestNumber: number): Buffer {
    const head = this.#page.subarray(0, Math.min(PAGE_SIZE, file.size - offset));
    readAt(file, head, offset);
    const capacity = capacityOf(head, lowestNumber);
    if (capacity === PAGE_SIZE) return head;
    const whole = Buffer.alloc(Math.min(capacity, file.size - offset));
    readAt(file, whole, offset);
    // The length was taken on trust; if the checksum over it does not fit, the next page may begin anywhere behind.
    return typeof readBlock(whole, 0, -1) === 'string' ? head : whole;
  }
}

function readAt(file: JournalFile, target: Buffer, offset: number): void {
  try {
    target.fill(0, readFullySync(file.fd, target, offset));
  } catch (error) {
    throw new Error(`${file.path} cannot be read at offset ${offset}: ${(error as Error).message}`, { cause: error });
  }
}

/** No page is larger: a larger length in a header is damage. */
const LARGEST_PAGE = 1 << 30;

/** A page is larger than PAGE_SIZE when its first record is: then that record's block tells by how much. */
function capacityOf(head: Buffer, lowestNumber: number): number {
  if (head.length < BLOCK_HEADER_SIZE || !(head.readDoubleLE(16) >= lowestNumber * PAGE_SIZE)) return PAGE_SIZE;
  const size = head.readUInt32LE(8) + 2 * BLOCK_HEADER_SIZE;
  return size > LARGEST_PAGE ? PAGE_SIZE : Math.max(1, Math.ceil(size / PAGE_SIZE)) * PAGE_SIZE;
}

class PageScan {
  readonly #file: JournalFile;
  readonly #bytes: Buffer;
  readonly #offset: number;
  readonly #lowestNumber: number;
  readonly capacity: number;
  /** The page's number, or -1 before the first sound block. */
  number = -1;

  constructor(file: JournalFile, bytes: Buffer, offset: number, lowestNumber: number) {
    this.#file = file;
    this.#bytes = bytes;
    this.#offset = offset;
    this.#lowestNumber = lowestNumber;
    this.capacity = Math.ceil(bytes.length / PAGE_SIZE) * PAGE_SIZE;
  }

  run(visitor: JournalVisitor): boolean {
    const bytes = this.#bytes;
    for (let at = 0; at < bytes.length; ) {
      const block = readBlock(bytes, at, this.number < 0 ? -1 : this.number * PAGE_SIZE + at);
      if (block === 'end') return true;
      if (block === 'broken') {
        at = this.#passBroken(at, visitor);
        continue;
      }
      if (block.position < this.#lowestNumber * PAGE_SIZE) return true; // an older use of the file
      if (this.number < 0) this.number = Math.floor(block.position / PAGE_SIZE);
      if (!visitor.block(this.#found(block))) return false;
      at = block.next;
    }
    return true;
  }

  /** @returns where the next sound block stands, or the end of the page. */
  #passBroken(at: number, visitor: JournalVisitor): number {
    const found = findBlock(this.#bytes, at + 8, this.number, this.#lowestNumber);
    const next = found < 0 ? this.#bytes.length : found;
    if (this.number < 0 && found >= 0) this.number = Math.floor(this.#bytes.readDoubleLE(found + 16) / PAGE_SIZE);
    const position = (this.number < 0 ? this.#lowestNumber : this.number) * PAGE_SIZE + at;
    visitor.broken({ file: this.#file, offset: this.#offset + at, length: next - at, position });
    return next;
  }

  #found(block: Block): FoundBlock {
    return {
      file: this.#file,
      bytes: this.#bytes,
      block,
      pageNumber: this.number,
      pageOffset: this.#offset,
      pageCapacity: this.capacity,
    };
  }
}
