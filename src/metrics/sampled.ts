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

/** Samples back to `reachSeconds` ago, one every `intervalSeconds`. */
export interface SampleSpan {
  readonly reachSeconds: number;
  readonly intervalSeconds: number;
}

interface Past {
  readonly last: Float64Array;
  /** One a span. */
  readonly rings: (SampleRing | null)[];
  unchangedCount: number;
}

/** A span, and where it is in time. */
interface Level {
  readonly intervalSeconds: number;
  readonly reachSeconds: number;
  readonly capacity: number;
  /** Samples without a change after which the ring of this span is all the same. */
  readonly unchangedMax: number;
  /** Of its last sample. */
  atMs: number;
  /** Whether what is sampled now is a sample of this span. */
  isDue: boolean;
}

export interface SampledOptions<T> {
  readonly width: number;
  readonly read: ReadFigures<T>;
  /** Between two calls of sample(). */
  readonly intervalSeconds: number;
  /** The closest samples first, which rates are made of. */
  readonly spans: readonly SampleSpan[];
  /** True: a thing that is seen for the first time had zeros before. */
  readonly startsAtZero: boolean;
}

export class Sampled<T extends object> {
  readonly #options: SampledOptions<T>;
  readonly #levels: readonly Level[];
  #pasts = new WeakMap<T, Past>();
  readonly #now: Float64Array;
  #lastAtMs = -1;

  constructor(options: SampledOptions<T>) {
    this.#options = options;
    this.#levels = options.spans.map((span) => levelOf(span, options.intervalSeconds));
    this.#now = new Float64Array(options.width);
  }

  /** What has no sample yet counts as it is from this time on. */
  begin(atMs: number): void {
    if (atMs === this.#lastAtMs) return;
    for (const level of this.#levels) {
      const intervalMs = level.intervalSeconds * 1000;
      const alignedMs = Math.floor(atMs / intervalMs) * intervalMs;
      level.isDue = alignedMs !== level.atMs;
      level.atMs = alignedMs;
    }
    this.#lastAtMs = atMs;
  }

  /** @param atMs when these samples count as taken, the same for all */
  sample(items: Iterable<T>, atMs: number): void {
    for (const item of items) this.sampleOne(item, atMs);
  }

  sampleOne(item: T, atMs: number): void {
    this.begin(atMs);
    const { width, read } = this.#options;
    const now = this.#now;
    read(item, now);
    let past = this.#pasts.get(item);
    if (past === undefined) {
      const before = this.#options.startsAtZero ? new Float64Array(width) : now.slice();
      past = { last: before, rings: this.#levels.map(() => null), unchangedCount: 0 };
      this.#pasts.set(item, past);
    }
    past.unchangedCount = isSame(past.last, now) ? past.unchangedCount + 1 : 0;
    for (let index = 0; index < this.#levels.length; index++) this.#keep(past, index);
    past.last.set(now);
  }

  #keep(past: Past, index: number): void {
    const level = this.#levels[index]!;
    let ring = past.rings[index]!;
    if (ring === null && past.unchangedCount === 0) {
      ring = new SampleRing(this.#options.width, level.capacity);
      ring.push(past.last);
      past.rings[index] = ring;
    } else if (past.unchangedCount >= level.unchangedMax) {
      past.rings[index] = null;
      return;
    }
    if (level.isDue) ring?.push(this.#now);
  }

  /** The past of all of them is gone; the next sample is the first. */
  forget(): void {
    this.#pasts = new WeakMap();
  }

  /** One column of a thing, as RabbitMQ shows it beside the figure itself. */
  details(item: T, column: number, window?: Window): Details {
    const past = this.#pasts.get(item);
    const rate = this.#rate(past, column);
    if (window === undefined) return rate === 0 ? UNCHANGED : { rate };
    const index = this.#indexFor(window);
    const { intervalSeconds, capacity, atMs } = this.#levels[index]!;
    const ring = past?.rings[index] ?? null;
    const at = (back: number): number => ring?.at(back, column) ?? past?.last[column] ?? 0;
    const step = Math.max(1, Math.round(window.incrementSeconds / intervalSeconds));
    const count = Math.min(Math.floor(window.ageSeconds / (step * intervalSeconds)), capacity - 1) + 1;
    const samples = Array.from({ length: count }, (_, back) => ({
      sample: at(back * step),
      timestamp: atMs - back * step * intervalSeconds * 1000,
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

  #rate(past: Past | undefined, column: number): number {
    const ring = past?.rings[0] ?? null;
    return ring === null ? 0 : (ring.at(0, column) - ring.at(1, column)) / this.#levels[0]!.intervalSeconds;
  }

  /** The closest samples that reach back far enough, or else those that reach furthest. */
  #indexFor({ ageSeconds }: Window): number {
    const found = this.#levels.findIndex(({ reachSeconds }) => reachSeconds >= ageSeconds);
    return found < 0 ? this.#levels.length - 1 : found;
  }
}

/** A span cannot have samples that are closer together than they are taken. */
function levelOf(span: SampleSpan, leastSeconds: number): Level {
  const intervalSeconds = Math.max(span.intervalSeconds, leastSeconds);
  const capacity = Math.floor(span.reachSeconds / intervalSeconds) + 1;
  const unchangedMax = capacity * Math.ceil(intervalSeconds / leastSeconds);
  return { intervalSeconds, reachSeconds: span.reachSeconds, capacity, unchangedMax, atMs: -1, isDue: false };
}

function isSame(one: Float64Array, other: Float64Array): boolean {
  for (let column = 0; column < one.length; column++) if (one[column] !== other[column]) return false;
  return true;
}
