/** Slots of a table, the one that is due first at the head; of those due at the same time the lower slot comes first. */
export class DueHeap {
  /** When each slot is due; the table's, which replaces it when it grows. */
  dues: Float64Array;
  #slots: Uint32Array;
  count = 0;

  constructor(dues: Float64Array) {
    this.dues = dues;
    this.#slots = new Uint32Array(16);
  }

  push(slot: number): void {
    if (this.count === this.#slots.length) this.#grow();
    const slots = this.#slots;
    let at = this.count++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#isBefore(slots[parent], slot)) break;
      slots[at] = slots[parent];
      at = parent;
    }
    slots[at] = slot;
  }

  get head(): number {
    return this.#slots[0];
  }

  shift(): void {
    const slots = this.#slots;
    const last = --this.count;
    const slot = slots[last];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= last) break;
      if (child + 1 < last && this.#isBefore(slots[child + 1], slots[child])) child++;
      if (this.#isBefore(slot, slots[child])) break;
      slots[at] = slots[child];
      at = child;
    }
    slots[at] = slot;
  }

  /** Some of those that are due soon, the head first: the first levels of the heap. */
  visitFirst(most: number, each: (slot: number) => void): void {
    for (let i = 0; i < Math.min(most, this.count); i++) each(this.#slots[i]);
  }

  /** One with the same slots, to be emptied without a change to this one. */
  copy(): DueHeap {
    const copy = new DueHeap(this.dues);
    copy.#slots = this.#slots.slice();
    copy.count = this.count;
    return copy;
  }

  #isBefore(one: number, other: number): boolean {
    const { dues } = this;
    return dues[one] < dues[other] || (dues[one] === dues[other] && one < other);
  }

  #grow(): void {
    const grown = new Uint32Array(2 * this.#slots.length);
    grown.set(this.#slots);
    this.#slots = grown;
  }
}
