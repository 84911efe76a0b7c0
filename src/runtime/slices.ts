/**
 * Long work in short slices, because the same thread serves messages. In each pass of the event loop one of all who have long
 * work does a slice of it, so that they do not add up:
 *
 *     if (slices.isOver) await slices.next();
 *
 * While messages come in, there is a pause between two slices: a process that never rests is made to wait by the system, and its
 * messages with it.
 */

/** How long a slice may be: what a message waits for in the worst case, beside garbage collection. */
const SLICE_MS = 0.5;
/** The pause. */
const PAUSE_MS = 4;
/** What is sorted at once, to be merged in slices. */
const RUN_COUNT = 64;

/** Work that may be long: it yields wherever something else may come in between. */
export type Steps<T = void> = Generator<void, T>;

/** All of it at once. */
export function whole<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** What is made of each, one a step. */
export function* eachStep<T, R>(items: Iterable<T>, work: (item: T, index: number) => R): Steps<R[]> {
  const made: R[] = [];
  for (const item of items) {
    made.push(work(item, made.length));
    yield;
  }
  return made;
}

export class Slices {
  readonly #goesFirst: () => void;
  readonly #isBusy: () => boolean;
  readonly #waiting: (() => void)[] = [];
  #beganMs = Number.NEGATIVE_INFINITY;
  readonly #goOn = (): void => {
    const next = this.#waiting.shift();
    if (this.#waiting.length > 0) this.#goOnSoon();
    this.#goesFirst();
    this.#beganMs = performance.now();
    next?.();
  };

  /**
   * @param goesFirst does what else is due in this pass of the event loop
   * @param isBusy whether messages come in at this time
   */
  constructor(goesFirst: () => void = () => {}, isBusy: () => boolean = () => false) {
    this.#goesFirst = goesFirst;
    this.#isBusy = isBusy;
  }

  #goOnSoon(): void {
    if (this.#isBusy()) setTimeout(this.#goOn, PAUSE_MS);
    else setImmediate(this.#goOn);
  }

  /** Whether there was enough for this pass of the event loop; true for whoever was not in one. */
  get isOver(): boolean {
    return performance.now() - this.#beganMs >= SLICE_MS;
  }

  /** Resolves when a new slice begins. */
  next(): Promise<void> {
    return new Promise((begin) => {
      this.#waiting.push(begin);
      if (this.#waiting.length === 1) this.#goOnSoon();
    });
  }

  /** All steps, as many in a slice as fit. */
  async run<T>(steps: Steps<T>): Promise<T> {
    for (;;) {
      if (this.isOver) await this.next();
      const { done, value } = steps.next();
      if (done === true) return value;
    }
  }

  async each<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
    for (const item of items) {
      if (this.isOver) await this.next();
      work(item);
    }
  }

  /** An array is taken as it is. What is added or taken away meanwhile may be in it or not. */
  async collected<T>(items: Iterable<T>): Promise<readonly T[]> {
    if (Array.isArray(items)) return items;
    const all: T[] = [];
    await this.each(items, (item) => all.push(item));
    return all;
  }

  async filtered<T>(items: readonly T[], isWanted: (item: T) => boolean): Promise<T[]> {
    const wanted: T[] = [];
    await this.each(items, (item) => {
      if (isWanted(item)) wanted.push(item);
    });
    return wanted;
  }

  /** A stable sort, by merging: the runs grow, from one array into the other and back. */
  async sorted<T>(items: readonly T[], order: (one: T, other: T) => number): Promise<T[]> {
    let from = [...items];
    let into = [...items];
    for (let start = 0; start < from.length; start += RUN_COUNT) {
      if (this.isOver) await this.next();
      const run = from.slice(start, start + RUN_COUNT).sort(order);
      for (let i = 0; i < run.length; i++) from[start + i] = run[i]!;
    }
    for (let width = RUN_COUNT; width < from.length; width *= 2) {
      for (let start = 0; start < from.length; start += 2 * width) await this.#merge(from, into, start, width, order);
      [from, into] = [into, from];
    }
    return from;
  }

  async #merge<T>(
    from: readonly T[],
    into: T[],
    start: number,
    width: number,
    order: (one: T, other: T) => number,
  ): Promise<void> {
    const middle = Math.min(start + width, from.length);
    const end = Math.min(middle + width, from.length);
    let left = start;
    let right = middle;
    for (let at = start; at < end; at++) {
      if (at % RUN_COUNT === 0 && this.isOver) await this.next();
      const takesLeft = left < middle && (right === end || order(from[left]!, from[right]!) <= 0);
      into[at] = takesLeft ? from[left++]! : from[right++]!;
    }
  }
}
