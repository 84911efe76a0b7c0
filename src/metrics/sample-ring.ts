/**
 * The last samples of a few figures of one thing, taken at a fixed interval: what rates and graphs are made of. Typed arrays of
 * a fixed size, so that the past of a thing never grows.
 */

export class SampleRing {
  readonly width: number;
  readonly #capacity: number;
  readonly #values: Float64Array;
  #next = 0;
  /** How many samples there are, at most the capacity. */
  count = 0;

  constructor(width: number, capacity: number) {
    this.width = width;
    this.#capacity = capacity;
    this.#values = new Float64Array(width * capacity);
  }

  /** Takes over `width` figures. */
  push(figures: Float64Array): void {
    this.#values.set(figures, this.#next * this.width);
    this.#next = (this.#next + 1) % this.#capacity;
    if (this.count < this.#capacity) this.count++;
  }

  /** @param back 0 is the last sample; beyond the oldest one, the oldest */
  at(back: number, column: number): number {
    const behind = Math.min(back, this.count - 1);
    const index = (this.#next - 1 - behind + 2 * this.#capacity) % this.#capacity;
    return this.#values[index * this.width + column]!;
  }
}
