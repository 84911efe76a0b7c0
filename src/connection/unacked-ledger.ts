/**
 * What a channel has been given and not yet settled: delivery tags count up by one, so a ring indexed by tag holds it all in
 * typed arrays. A settled entry is a hole until those before it are settled too.
 */
import type { Queue } from '../queues/queue.ts';

/** Who a delivery was made to: a consumer, or a basic.get. */
export interface Holder {
  readonly queue: Queue;
  /** Deliveries that it holds. */
  unacked: number;
}

const FIRST_CAPACITY = 16;
const SETTLED = -1;

export class UnackedLedger {
  #capacity = 0;
  #positions = new Float64Array(0);
  #sequences = new Float64Array(0);
  #deliveredAt = new Float64Array(0);
  #sizes = new Uint32Array(0);
  #lanes = new Uint8Array(0);
  #holders: (Holder | null)[] = [];
  /** The lowest tag that may be unsettled, and the next tag to be given. */
  #first = 1;
  next = 1;
  count = 0;

  /** Takes the next delivery tag without keeping anything: no-ack deliveries. */
  skip(): number {
    if (this.count === 0) this.#first = this.next + 1;
    else this.#put(SETTLED, 0, 0, 0, null, 0);
    return this.next++;
  }

  add(position: number, sequence: number, size: number, lane: number, holder: Holder, nowMs: number): number {
    this.#put(position, sequence, size, lane, holder, nowMs);
    this.count++;
    holder.unacked++;
    return this.next++;
  }

  #put(position: number, sequence: number, size: number, lane: number, holder: Holder | null, nowMs: number): void {
    if (this.next - this.#first >= this.#capacity) this.#grow();
    const at = this.next & (this.#capacity - 1);
    this.#positions[at] = position;
    this.#sequences[at] = sequence;
    this.#sizes[at] = size;
    this.#lanes[at] = lane;
    this.#holders[at] = holder;
    this.#deliveredAt[at] = nowMs;
  }

  has(tag: number): boolean {
    return tag >= this.#first && tag < this.next && this.#positions[tag & (this.#capacity - 1)] !== SETTLED;
  }

  /** Up to which tag `multiple` reaches: 0 means all. */
  upTo(tag: number): number {
    return tag === 0 ? this.next - 1 : tag;
  }

  get first(): number {
    return this.#first;
  }

  /**
   * Takes one delivery out; it must be there.
   * @param each is told what it was; an exception in it must not leave the entry behind, so the entry goes first.
   */
  take(
    tag: number,
    each: (holder: Holder, position: number, sequence: number, size: number, lane: number) => void,
  ): void {
    const at = tag & (this.#capacity - 1);
    const position = this.#positions[at];
    const holder = this.#holders[at] as Holder;
    this.#positions[at] = SETTLED;
    this.#holders[at] = null;
    this.count--;
    holder.unacked--;
    if (tag === this.#first) this.#advance();
    each(holder, position, this.#sequences[at], this.#sizes[at], this.#lanes[at]);
  }

  #advance(): void {
    if (this.count === 0) {
      this.#first = this.next;
      return;
    }
    const mask = this.#capacity - 1;
    while (this.#first < this.next && this.#positions[this.#first & mask] === SETTLED) this.#first++;
  }

  /** When the oldest delivery was made, in ms, or Infinity. */
  oldestDeliveryMs(): number {
    return this.count === 0 ? Number.POSITIVE_INFINITY : this.#deliveredAt[this.#first & (this.#capacity - 1)];
  }

  holderOfOldest(): Holder | null {
    return this.count === 0 ? null : this.#holders[this.#first & (this.#capacity - 1)];
  }

  visit(each: (holder: Holder, position: number, size: number, lane: number) => void): void {
    const mask = this.#capacity - 1;
    for (let tag = this.#first; tag < this.next; tag++) {
      const at = tag & mask;
      if (this.#positions[at] !== SETTLED)
        each(this.#holders[at] as Holder, this.#positions[at], this.#sizes[at], this.#lanes[at]);
    }
  }

  #grow(): void {
    const capacity = Math.max(FIRST_CAPACITY, this.#capacity * 2);
    const old = this.#capacity - 1;
    const [positions, sequences, deliveredAt] = [this.#positions, this.#sequences, this.#deliveredAt];
    const [sizes, lanes, holders] = [this.#sizes, this.#lanes, this.#holders];
    this.#positions = new Float64Array(capacity).fill(SETTLED);
    this.#sequences = new Float64Array(capacity);
    this.#deliveredAt = new Float64Array(capacity);
    this.#sizes = new Uint32Array(capacity);
    this.#lanes = new Uint8Array(capacity);
    this.#holders = new Array(capacity).fill(null);
    for (let tag = this.#first; tag < this.next; tag++) {
      const [from, to] = [tag & old, tag & (capacity - 1)];
      this.#positions[to] = positions[from];
      this.#sequences[to] = sequences[from];
      this.#deliveredAt[to] = deliveredAt[from];
      this.#sizes[to] = sizes[from];
      this.#lanes[to] = lanes[from];
      this.#holders[to] = holders[from];
    }
    this.#capacity = capacity;
  }
}
