/**
 * Delayed messages whose bytes are in the journal: what is known of each, in the order of publishing, and a heap that tells
 * which is due next. A block that is full takes no more; it becomes a segment (delay-mover.ts), or empties by itself before.
 */
import { DueHeap } from '../collections/due-heap.ts';
import { dueAtIn } from '../routing/delay-headers.ts';
import { SEGMENT_MESSAGES } from '../storage/delay-draft.ts';
import type { Page } from '../storage/page.ts';
import { propertiesSizeOf, publishedAtOf, routeOffsetOf, routeSizeOf } from '../storage/record.ts';

/** A block is full with so many bytes of messages unless another size is set, or with so many as a segment takes. */
export const SEGMENT_BYTES = 16 * 1024 * 1024;

const LEAST_ROOM = 16;

export class DelayBlock {
  count = 0;
  /** Bytes of all records that were taken in. */
  bytes = 0;
  /** Messages that are neither released nor cancelled. */
  waiting = 0;
  positions = new Float64Array(LEAST_ROOM);
  dues = new Float64Array(LEAST_ROOM);
  /** Bytes of the record, which is what a segment copies. */
  sizes = new Uint32Array(LEAST_ROOM);
  /** 1 for what is released or cancelled. */
  gone = new Uint8Array(LEAST_ROOM);
  readonly heap = new DueHeap(this.dues);
  /** It is to be made a segment, and takes no more. */
  isMoving = false;
  /** The number of that segment, once it is being made: releases are noted for it, too. 0 while none is. */
  segmentNumber = 0;
  /** Resolves when it is one, or could not be made one. */
  made: PromiseWithResolvers<void> | null = null;
  /** How many were released since that was begun: the first ones of the segment. */
  releasedMeanwhile = 0;
  /** The messages in slots below are settled in the journal: they are in a segment. */
  settledSlots = 0;
  loading = false;
  readonly #sizeBytes: number;

  /** @param sizeBytes it is full with so many */
  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  get isFull(): boolean {
    return this.count >= SEGMENT_MESSAGES || this.bytes >= this.#sizeBytes;
  }

  push(position: number, dueAtMs: number, size: number): void {
    if (this.count === this.positions.length) this.#grow();
    const slot = this.count++;
    this.positions[slot] = position;
    this.dues[slot] = dueAtMs;
    this.sizes[slot] = size;
    this.bytes += size;
    this.waiting++;
    this.heap.push(slot);
  }

  /** Infinite when nothing waits. */
  get nextDueMs(): number {
    const { heap } = this;
    while (heap.count > 0 && this.gone[heap.head] === 1) heap.shift();
    return heap.count === 0 ? Number.POSITIVE_INFINITY : this.dues[heap.head];
  }

  /** Takes out what is due first: `nextDueMs` has said that there is one. */
  shift(): void {
    this.gone[this.heap.head] = 1;
    this.heap.shift();
    this.waiting--;
  }

  cancel(slot: number): void {
    this.gone[slot] = 1;
    this.waiting--;
  }

  /** @returns the slot of a message that waits, or -1 */
  find(position: number): number {
    let from = 0;
    let to = this.count;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.positions[middle] < position) from = middle + 1;
      else to = middle;
    }
    return from < this.count && this.positions[from] === position && this.gone[from] === 0 ? from : -1;
  }

  /** How many of those that wait are due later than `atMs`. */
  countAfter(atMs: number): number {
    let count = 0;
    for (let i = 0; i < this.count; i++) if (this.gone[i] === 0 && this.dues[i] > atMs) count++;
    return count;
  }

  #grow(): void {
    const length = 2 * this.positions.length;
    const { positions, dues, sizes, gone } = this;
    this.positions = new Float64Array(length);
    this.positions.set(positions);
    this.dues = new Float64Array(length);
    this.dues.set(dues);
    this.sizes = new Uint32Array(length);
    this.sizes.set(sizes);
    this.gone = new Uint8Array(length);
    this.gone.set(gone);
    this.heap.dues = this.dues;
  }
}

/** When the message of a record is due. */
export function dueAt(page: Page, offset: number): number {
  const at = routeOffsetOf(page, offset) + routeSizeOf(page, offset);
  return dueAtIn(page.bytes as Buffer, at, at + propertiesSizeOf(page, offset), publishedAtOf(page, offset));
}
