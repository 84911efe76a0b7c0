/**
 * Samples of many things of one kind. A thing whose figures do not change costs one comparison a sample and no memory for its
 * past: it is given a ring when it first changes, and loses it when nothing has changed for as long as the ring reaches back.
 */
import { SampleRing } from './sample-ring.ts';

/** What of the past is asked for: a sample every `incrementSeconds`, back to `ageSeconds` ago. */
export interface Window {
  readonly ageSeconds: number;
  readonly incrementSeconds: number;
}

/** The shape of RabbitMQ's `*_details`. */
export interface Details {
  /** Change a second between the last two samples. */
  readonly rate: number;
  /** Newest first; times in ms since 1970. */
  readonly samples?: readonly { readonly sample: number; readonly timestamp: number }[];
  readonly avg_rate?: number;
  readonly avg?: number;
}

/** Of what stands still, as most of thousands do. */
const UNCHANGED: Details = { rate: 0 };

/** Puts the figures of a thing as they are now into an array, one for each column. */
export type ReadFigures<T> = (item: T, into: Float64Array) => void;

interface Past {
  readonly last: Float64Array;
  ring: SampleRing | null;
  unchangedCount: number;
}

export interface SampledOptions<T> {
  readonly width: number;
  readonly read: ReadFigures<T>;
  readonly intervalSeconds: number;
  readonly reachSeconds: number;
  /** True: a thing that is seen for the first time had zeros before. */
  readonly startsAtZero: boolean;
}

export class Sampled<T extends object> {
  readonly #options: SampledOptions<T>;
  readonly #capacity: number;
  #pasts = new WeakMap<T, Past>();
  readonly #now: Float64Array;
  #lastAtMs = 0;

  constructor(options: SampledOptions<T>) {
    this.#options = options;
    this.#capacity = Math.floor(options.reachSeconds / options.intervalSeconds) + 1;
    this.#now = new Float64Array(options.width);
  }

  /** What has no sample yet counts as it is from this time on. */
  begin(atMs: number): void {
    this.#lastAtMs = atMs;
  }

  /** @param atMs when these samples count as taken, the same for all */
  sample(items: Iterable<T>, atMs: number): void {
    for (const item of items) this.sampleOne(item, atMs);
  }

  sampleOne(item: T, atMs: number): void {
    this.#lastAtMs = atMs;
    const { width, read } = this.#options;
    const now = this.#now;
    read(item, now);
    let past = this.#pasts.get(item);
    if (past === undefined) {
      const before = this.#options.startsAtZero ? new Float64Array(width) : now.slice();
      past = { last: before, ring: null, unchangedCount: 0 };
      this.#pasts.set(item, past);
    }
    past.unchangedCount = isSame(past.last, now) ? past.unchangedCount + 1 : 0;
    if (past.ring === null && past.unchangedCount === 0) {
      past.ring = new SampleRing(width, this.#capacity);
      past.ring.push(past.last);
    } else if (past.unchangedCount >= this.#capacity) past.ring = null;
    past.last.set(now);
    past.ring?.push(now);
  }

  /** The past of all of them is gone; the next sample is the first. */
  forget(): void {
    this.#pasts = new WeakMap();
  }

  /** One column of a thing, as RabbitMQ shows it beside the figure itself. */
  details(item: T, column: number, window?: Window): Details {
    const past = this.#pasts.get(item);
    if (window === undefined && (past?.ring ?? null) === null) return UNCHANGED;
    const { intervalSeconds } = this.#options;
    const at = (back: number): number => past?.ring?.at(back, column) ?? past?.last[column] ?? 0;
    const rate = (at(0) - at(1)) / intervalSeconds;
    if (window === undefined) return { rate };
    const step = Math.max(1, Math.round(window.incrementSeconds / intervalSeconds));
    const count = Math.min(Math.floor(window.ageSeconds / (step * intervalSeconds)), this.#capacity) + 1;
    const samples = Array.from({ length: count }, (_, index) => ({
      sample: at(index * step),
      timestamp: this.#lastAtMs - index * step * intervalSeconds * 1000,
    }));
    const first = samples[0]!;
    const last = samples[count - 1]!;
    const spanSeconds = (first.timestamp - last.timestamp) / 1000;
    return {
      rate,
      samples,
      avg_rate: spanSeconds === 0 ? 0 : (first.sample - last.sample) / spanSeconds,
      avg: samples.reduce((sum, { sample }) => sum + sample, 0) / count,
    };
  }
}

function isSame(one: Float64Array, other: Float64Array): boolean {
  for (let column = 0; column < one.length; column++) if (one[column] !== other[column]) return false;
  return true;
}
