/** Messages that were returned to a queue, smallest sequence number first: a binary heap over parallel arrays. */
export class ReturnedHeap {
  #sequences = new Float64Array(16);
  #positions = new Float64Array(16);
  #sizes = new Uint32Array(16);
  count = 0;

  push(sequence: number, position: number, size: number): void {
    if (this.count === this.#sequences.length) this.#grow();
    let at = this.count++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#sequences[parent] <= sequence) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, sequence, position, size);
  }

  headSequence(): number {
    return this.#sequences[0];
  }

  headPosition(): number {
    return this.#positions[0];
  }

  headSize(): number {
    return this.#sizes[0];
  }

  shift(): void {
    const last = --this.count;
    const sequence = this.#sequences[last];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= last) break;
      if (child + 1 < last && this.#sequences[child + 1] < this.#sequences[child]) child++;
      if (this.#sequences[child] >= sequence) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, sequence, this.#positions[last], this.#sizes[last]);
  }

  clear(): void {
    this.count = 0;
  }

  visit(each: (position: number, size: number) => void): void {
    for (let i = 0; i < this.count; i++) each(this.#positions[i], this.#sizes[i]);
  }

  #put(at: number, sequence: number, position: number, size: number): void {
    this.#sequences[at] = sequence;
    this.#positions[at] = position;
    this.#sizes[at] = size;
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#sequences[from], this.#positions[from], this.#sizes[from]);
  }

  #grow(): void {
    const { length } = this.#sequences;
    const [sequences, positions, sizes] = [this.#sequences, this.#positions, this.#sizes];
    this.#sequences = new Float64Array(2 * length);
    this.#sequences.set(sequences);
    this.#positions = new Float64Array(2 * length);
    this.#positions.set(positions);
    this.#sizes = new Uint32Array(2 * length);
    this.#sizes.set(sizes);
  }
}
