/** Random numbers from a seed: the same seed gives the same case on every machine (xorshift of 32 bits). */
export class Random {
  #state: number;

  constructor(seed: number) {
    // Neighbouring seeds must not begin alike, and zero must not stay zero.
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 1;
    for (let i = 0; i < 8; i++) this.#next();
  }

  #next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return limit <= 1 ? 0 : this.#next() % limit;
  }

  /** True in one of `count` cases. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  bytes(size: number): Buffer {
    const bytes = Buffer.alloc(size);
    for (let i = 0; i < size; i++) bytes[i] = this.#next();
    return bytes;
  }
}
