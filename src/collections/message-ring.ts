/**
 * A first-in, first-out ring of (position, size) pairs in typed chunks: 12 bytes a message, no object each, and no copying of
 * what is already in when it grows. Every entry has a sequence number: that of the first one, plus its place.
 */
const FIRST_CHUNK = 64;
const LARGEST_CHUNK = 8192;

class Chunk {
  readonly positions: Float64Array;
  readonly sizes: Uint32Array;
  next: Chunk | null = null;
  /** Bounds of the positions in a chunk that is full, or NaN until somebody asked. */
  lowest = Number.NaN;
  highest = Number.NaN;

  constructor(capacity: number) {
    this.positions = new Float64Array(capacity);
    this.sizes = new Uint32Array(capacity);
  }

  measure(from: number): void {
    if (!Number.isNaN(this.lowest)) return;
    let lowest = Number.POSITIVE_INFINITY;
    let highest = Number.NEGATIVE_INFINITY;
    for (let i = from; i < this.positions.length; i++) {
      lowest = Math.min(lowest, this.positions[i]);
      highest = Math.max(highest, this.positions[i]);
    }
    this.lowest = lowest;
    this.highest = highest;
  }
}

export class MessageRing {
  #first: Chunk | null = null;
  #last: Chunk | null = null;
  #head = 0;
  #tail = 0;
  count = 0;
  /** Sequence number of the entry at the head. */
  headSequence = 0;

  push(position: number, size: number): void {
    let last = this.#last;
    if (last === null || this.#tail === last.positions.length) last = this.#grow();
    last.positions[this.#tail] = position;
    last.sizes[this.#tail++] = size;
    this.count++;
  }

  #grow(): Chunk {
    const before = this.#last;
    const chunk = new Chunk(before === null ? FIRST_CHUNK : Math.min(LARGEST_CHUNK, before.positions.length * 4));
    if (before === null) this.#first = chunk;
    else before.next = chunk;
    this.#last = chunk;
    this.#tail = 0;
    if (before === null) this.#head = 0;
    return chunk;
  }

  /** Position at the head; the ring must not be empty. */
  headPosition(): number {
    return (this.#first as Chunk).positions[this.#head];
  }

  headSize(): number {
    return (this.#first as Chunk).sizes[this.#head];
  }

  shift(): void {
    const first = this.#first as Chunk;
    this.#head++;
    this.count--;
    this.headSequence++;
    if (this.count === 0) {
      this.#rewind();
    } else if (this.#head === first.positions.length) {
      this.#first = first.next;
      this.#head = 0;
    }
  }

  /** An empty ring keeps one chunk and starts over in it. */
  #rewind(): void {
    const last = this.#last as Chunk;
    this.#first = last;
    this.#head = 0;
    this.#tail = 0;
    last.lowest = Number.NaN;
    last.highest = Number.NaN;
  }

  clear(): void {
    this.headSequence += this.count;
    this.count = 0;
    this.#first = null;
    this.#last = null;
    this.#head = 0;
    this.#tail = 0;
  }

  /** Visits the entries in order; full chunks whose positions lie outside what is `wanted` are passed over. */
  visit(wanted: (lowest: number, highest: number) => boolean, each: (position: number, size: number) => void): void {
    for (let chunk = this.#first; chunk !== null; chunk = chunk.next) {
      const from = chunk === this.#first ? this.#head : 0;
      const isLast = chunk === this.#last;
      if (!isLast) {
        chunk.measure(from);
        if (!wanted(chunk.lowest, chunk.highest)) continue;
      }
      const to = isLast ? this.#tail : chunk.positions.length;
      for (let i = from; i < to; i++) each(chunk.positions[i], chunk.sizes[i]);
    }
  }
}
