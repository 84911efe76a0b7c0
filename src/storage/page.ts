/**
 * Pages: where messages live. A message is written once, into the open page, and stays there until every queue is done with it.
 *
 *   position = page number * PAGE_SIZE + offset in the page
 *
 * is the message's identity for the whole broker and, for persistent messages, across restarts. Page numbers only grow, over
 * persistent and transient pages together. A record that is larger than a page gets a page of its own that spans several page
 * numbers. `live` counts the references that queues hold; at zero the page's memory is reused.
 */
import assert from 'node:assert/strict';

export const PAGE_SIZE = 1 << 20;

export class Page {
  readonly number: number;
  readonly persistent: boolean;
  /** Length in bytes: PAGE_SIZE, or a multiple of it for a record that is larger. */
  readonly capacity: number;
  /** The bytes, or null while they are only on disk. */
  bytes: Buffer | null;
  u32: Uint32Array;
  f64: Float64Array;
  /** Where the next record goes. */
  end = 0;
  live = 0;
  sealed = false;
  /** Up to where the bytes have been handed to the file (persistent pages). */
  written = 0;
  /** Start of the block that is being filled (persistent pages): its header is written when it is sealed. */
  blockStart = 0;
  /** The journal file that holds the page (persistent pages), and the page's offset in it; for spilled pages the spill's offset. */
  file: PageFile | null = null;
  fileOffset = -1;
  /** Set while a read is under way or the page is not to be evicted again. */
  loading = false;

  constructor(number: number, persistent: boolean, bytes: Buffer | null, capacity: number) {
    this.number = number;
    this.persistent = persistent;
    this.capacity = capacity;
    this.bytes = null;
    this.u32 = NO_WORDS;
    this.f64 = NO_DOUBLES;
    if (bytes !== null) this.attach(bytes);
    else this.bytes = null;
  }

  attach(bytes: Buffer): void {
    assert(bytes.byteOffset % 8 === 0);
    this.bytes = bytes;
    this.u32 = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    this.f64 = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length >> 3);
  }

  detach(): Buffer {
    const bytes = this.bytes;
    assert(bytes !== null);
    this.bytes = null;
    this.u32 = NO_WORDS;
    this.f64 = NO_DOUBLES;
    return bytes;
  }
}

/** What a page needs to know of the file that holds it. */
export interface PageFile {
  readonly path: string;
  fd: number;
  /** True when a message of the file was settled since the file's index was last written. */
  dirty: boolean;
  /** References from queues to messages in the file. */
  live: number;
  /** The file stays, dead or not, until this many bytes of the journal are durable: what took its messages' place is in them. */
  keepUntil: number;
  /** It tells of what lies outside of the journal: dead or not, the file stays until a checkpoint tells it, too. */
  needsCheckpoint: boolean;
}

const NO_WORDS = new Uint32Array(0);
const NO_DOUBLES = new Float64Array(0);

/** Memory is asked for in pieces of this many pages: WebAssembly memory is aligned to the machine's pages, as direct writes need. */
const ARENA_PAGES = 8;
const WASM_PAGE_SIZE = 65536;

declare const WebAssembly: {
  readonly Memory: new (pages: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
};

/** Memory of larger pages that is kept for the next ones. */
const KEPT_LARGE_BYTES = 64 * 1024 * 1024;

/** Memory of pages that are done with is kept for the next ones: a fresh mebibyte costs 256 page faults. */
export class PagePool {
  readonly #free: Buffer[] = [];
  /** Oversized ones, by length: powers of two, so that they fit again. */
  readonly #freeLarge = new Map<number, Buffer[]>();
  #keptLargeBytes = 0;
  /** Bytes in use by pages, the oversized ones too. */
  usedBytes = 0;

  /** @returns memory that is aligned for direct writes, with whatever it held before. */
  take(capacity: number): Buffer {
    this.usedBytes += capacity;
    if (capacity !== PAGE_SIZE) return this.#takeLarge(capacity);
    if (this.#free.length === 0) {
      const arena = alignedMemory(ARENA_PAGES * PAGE_SIZE);
      for (let i = ARENA_PAGES - 1; i >= 0; i--) this.#free.push(arena.subarray(i * PAGE_SIZE, (i + 1) * PAGE_SIZE));
    }
    return this.#free.pop() as Buffer;
  }

  #takeLarge(capacity: number): Buffer {
    const size = 2 ** Math.ceil(Math.log2(capacity));
    const kept = this.#freeLarge.get(size)?.pop();
    if (kept === undefined) return alignedMemory(size).subarray(0, capacity);
    this.#keptLargeBytes -= size;
    return kept.subarray(0, capacity);
  }

  give(bytes: Buffer): void {
    this.usedBytes -= bytes.length;
    if (bytes.length === PAGE_SIZE) this.#free.push(bytes);
    else this.#giveLarge(Buffer.from(bytes.buffer));
  }

  /** Gives up what is kept for the next pages, where the whole piece that it belongs to is free. */
  trim(): void {
    const freePages = new Map<ArrayBufferLike, number>();
    for (const { buffer } of this.#free) freePages.set(buffer, (freePages.get(buffer) ?? 0) + 1);
    const kept = this.#free.filter(({ buffer }) => freePages.get(buffer) !== ARENA_PAGES);
    this.#free.length = 0;
    for (const bytes of kept) this.#free.push(bytes);
    this.#freeLarge.clear();
    this.#keptLargeBytes = 0;
  }

  #giveLarge(memory: Buffer): void {
    if (this.#keptLargeBytes + memory.length > KEPT_LARGE_BYTES) return;
    this.#keptLargeBytes += memory.length;
    const kept = this.#freeLarge.get(memory.length);
    if (kept === undefined) this.#freeLarge.set(memory.length, [memory]);
    else kept.push(memory);
  }
}

/** Memory as direct writes need it. */
export function alignedMemory(size: number): Buffer {
  const pages = Math.ceil(size / WASM_PAGE_SIZE);
  return Buffer.from(new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer, 0, size);
}
