/** A growing list of positions: 8 bytes each, so that millions of them cost megabytes and not gigabytes. */
export class PositionList {
  #positions = new Float64Array(64);
  #count = 0;
  #ascending = true;

  push(position: number): void {
    if (this.#count === this.#positions.length) this.#grow();
    if (this.#count > 0 && this.#positions[this.#count - 1] > position) this.#ascending = false;
    this.#positions[this.#count++] = position;
  }

  /** All of them in ascending order, in memory that is the list's own. */
  sorted(): Float64Array {
    const all = this.#positions.subarray(0, this.#count);
    if (!this.#ascending) all.sort();
    this.#ascending = true;
    return all;
  }

  #grow(): void {
    const grown = new Float64Array(2 * this.#positions.length);
    grown.set(this.#positions);
    this.#positions = grown;
  }
}
