/**
 * A list that is filled, read and cleared once a message without allocating: `array.length = 0` gives the backing store
 * away, so the next push would allocate it again. Invariant: the places at and after `count` hold nothing, so a cleared
 * list keeps no queue alive that has been deleted since.
 */
export class ScratchList<T> {
  /** How many items there are. Read only: `add`, `pop`, `retain` and `clear` change it. */
  count = 0;
  readonly #items: (T | undefined)[] = [];

  add(item: T): void {
    this.#items[this.count++] = item;
  }

  /** The item at `index`, which must be below `count`. */
  at(index: number): T {
    return this.#items[index] as T;
  }

  /** Takes the last item off. The list must not be empty. */
  pop(): T {
    const last = this.#items[--this.count] as T;
    this.#items[this.count] = undefined;
    return last;
  }

  /** Asks of each item, of those too that are added meanwhile, whether it stays. */
  retain(stays: (item: T) => boolean): void {
    let kept = 0;
    for (let index = 0; index < this.count; index++) {
      const item = this.at(index);
      if (stays(item)) this.#items[kept++] = item;
    }
    while (this.count > kept) this.pop();
  }

  clear(): void {
    for (let index = 0; index < this.count; index++) this.#items[index] = undefined;
    this.count = 0;
  }

  /** A copy, for callers off the hot path. */
  toArray(): T[] {
    return this.#items.slice(0, this.count) as T[];
  }
}
