/**
 * What a channel has been given and not yet settled: delivery tags count up by one, so a ring indexed by tag holds it all in
 * typed arrays. A settled entry is a hole until those before it are settled too; where holes make up most of a full ring, the
 * few that are old are set aside, so that one delivery nobody settles does not let the ring grow with all that come after it.
 */
import type { Queue } from '../queues/queue.ts';
import type { DeliveryCounts } from './channel-counts.ts';

/** Who a delivery was made to: a consumer, or a basic.get. */
export interface Holder {
  readonly queue: Queue;
  /** Deliveries that it holds. */
  unacked: number;
  /** What its channel counts of the queue; null where nobody does. */
  readonly counts: DeliveryCounts | null;
}

interface Straggler {
  readonly position: number;
  readonly sequence: number;
  readonly size: number;
  readonly lane: number;
  readonly holder: Holder;
  readonly deliveredAt: number;
}

/** Told of an entry: what it was. */
export type OnEntry = (holder: Holder, position: number, sequence: number, size: number, lane: number) => void;

const FIRST_CAPACITY = 16;
/** A ring of this size is worth setting entries aside for. */
const LARGE_CAPACITY = 1024;
const SETTLED = -1;

/** Of a channel that was given nothing yet: most are never given anything. */
const NO_DOUBLES = new Float64Array(0);
const NO_WORDS = new Uint32Array(0);
const NO_OCTETS = new Uint8Array(0);

export class UnackedLedger {
  #capacity = 0;
  #positions = NO_DOUBLES;
  #sequences = NO_DOUBLES;
  #deliveredAt = NO_DOUBLES;
  #sizes = NO_WORDS;
  #lanes = NO_OCTETS;
  #holders: (Holder | null)[] = [];
  /** The lowest tag of the ring, and the next tag to be given. */
  #first = 1;
  next = 1;
  count = 0;
  /** Unsettled entries below `#first`, by tag, in its order. */
  readonly #stragglers = new Map<number, Straggler>();

  /** Slots of the ring: entries, and holes between them. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Takes the next delivery tag without keeping anything: no-ack deliveries. */
  skip(): number {
    if (this.count > this.#stragglers.size) this.#put(SETTLED, 0, 0, 0, null, 0);
    const tag = this.next++;
    // Asked again: making room may have set all entries aside.
    if (this.count === this.#stragglers.size) this.#first = this.next;
    return tag;
  }

  add(position: number, sequence: number, size: number, lane: number, holder: Holder, nowMs: number): number {
    this.#put(position, sequence, size, lane, holder, nowMs);
    this.count++;
    holder.unacked++;
    return this.next++;
  }

  #put(position: number, sequence: number, size: number, lane: number, holder: Holder | null, nowMs: number): void {
    if (this.next - this.#first >= this.#capacity) this.#makeRoom();
    const at = this.next & (this.#capacity - 1);
    this.#positions[at] = position;
    this.#sequences[at] = sequence;
    this.#sizes[at] = size;
    this.#lanes[at] = lane;
    this.#holders[at] = holder;
    this.#deliveredAt[at] = nowMs;
  }

  has(tag: number): boolean {
    if (tag < this.#first) return this.#stragglers.has(tag);
    return tag < this.next && this.#positions[tag & (this.#capacity - 1)] !== SETTLED;
  }

  /** Visits the tags of all entries up to `last` (0 means all), lowest first. The visit may take the entry. */
  visitTags(last: number, each: (tag: number) => void): void {
    const end = last === 0 ? this.next - 1 : Math.min(last, this.next - 1);
    for (const tag of this.#stragglers.keys()) if (tag <= end) each(tag);
    for (let tag = this.#first; tag <= end; tag++) if (this.has(tag)) each(tag);
  }

  /** Takes all entries out, the oldest first. */
  takeAll(each: OnEntry): void {
    this.visitTags(0, (tag) => this.take(tag, each));
  }

  /**
   * Takes one delivery out; it must be there.
   * @param each is told what it was; an exception in it must not leave the entry behind, so the entry goes first.
   */
  take(tag: number, each: OnEntry): void {
    if (tag < this.#first) return this.#takeStraggler(tag, each);
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

  #takeStraggler(tag: number, each: OnEntry): void {
    const { holder, position, sequence, size, lane } = this.#stragglers.get(tag) as Straggler;
    this.#stragglers.delete(tag);
    this.count--;
    holder.unacked--;
    each(holder, position, sequence, size, lane);
  }

  #advance(): void {
    if (this.count === this.#stragglers.size) {
      this.#first = this.next;
      return;
    }
    const mask = this.#capacity - 1;
    while (this.#first < this.next && this.#positions[this.#first & mask] === SETTLED) this.#first++;
  }

  /** When the oldest delivery was made, in ms, or Infinity. */
  oldestDeliveryMs(): number {
    for (const { deliveredAt } of this.#stragglers.values()) return deliveredAt;
    return this.count === 0 ? Number.POSITIVE_INFINITY : this.#deliveredAt[this.#first & (this.#capacity - 1)];
  }

  visit(each: (holder: Holder, position: number, size: number, lane: number) => void): void {
    for (const { holder, position, size, lane } of this.#stragglers.values()) each(holder, position, size, lane);
    const mask = this.#capacity - 1;
    for (let tag = this.#first; tag < this.next; tag++) {
      const at = tag & mask;
      if (this.#positions[at] !== SETTLED)
        each(this.#holders[at] as Holder, this.#positions[at], this.#sizes[at], this.#lanes[at]);
    }
  }

  /** The ring is full: of entries, then it grows; or of holes. */
  #makeRoom(): void {
    const entries = this.count - this.#stragglers.size;
    if (this.#capacity >= LARGE_CAPACITY && entries <= this.#capacity / 4) this.#setAside(this.#capacity / 2);
    else this.#grow();
  }

  /** Empties the oldest `slots` of the ring. */
  #setAside(slots: number): void {
    const mask = this.#capacity - 1;
    const end = this.#first + slots;
    for (let tag = this.#first; tag < end; tag++) {
      const at = tag & mask;
      const position = this.#positions[at];
      if (position === SETTLED) continue;
      this.#stragglers.set(tag, {
        position,
        sequence: this.#sequences[at],
        size: this.#sizes[at],
        lane: this.#lanes[at],
        holder: this.#holders[at] as Holder,
        deliveredAt: this.#deliveredAt[at],
      });
      this.#positions[at] = SETTLED;
      this.#holders[at] = null;
    }
    this.#first = end;
    this.#advance();
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
