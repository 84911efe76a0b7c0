/**
 * Latencies in microseconds, log-linear: exact below 128, above in steps of 1/64 of the power of two they fall in. Adding one
 * is a shift and an increment, and two histograms merge by adding their buckets.
 */

const subBuckets = 64;
const exactLimit = 2 * subBuckets;
const bucketCount = exactLimit + 25 * subBuckets;

/** The numbers of a histogram, which is what is left of it when it comes from another thread. */
export interface HistogramCounts {
  readonly buckets: Float64Array;
  readonly count: number;
  readonly maxUs: number;
}

export class LatencyHistogram implements HistogramCounts {
  readonly buckets: Float64Array;
  count: number;
  maxUs: number;

  constructor() {
    this.buckets = new Float64Array(bucketCount);
    this.count = 0;
    this.maxUs = 0;
  }

  /** Counts one latency; below zero counts as zero, above 2^31 us (35 minutes) as that. */
  add(latencyUs: number): void {
    const value = latencyUs > 0 ? (latencyUs < 0x7fff_ffff ? latencyUs | 0 : 0x7fff_ffff) : 0;
    this.count++;
    if (value > this.maxUs) this.maxUs = value;
    this.buckets[bucketOf(value)]!++;
  }

  merge(other: HistogramCounts): void {
    for (let index = 0; index < bucketCount; index++) this.buckets[index]! += other.buckets[index]!;
    this.count += other.count;
    if (other.maxUs > this.maxUs) this.maxUs = other.maxUs;
  }

  /** The latency that a share of `q` (0 to 1) stays below: the lower edge of its bucket, 0 when nothing was counted. */
  quantileUs(q: number): number {
    const wanted = q * this.count;
    let seen = 0;
    for (let index = 0; index < bucketCount; index++) {
      seen += this.buckets[index]!;
      if (seen > wanted) return Math.min(lowerEdgeUs(index), this.maxUs);
    }
    return this.maxUs;
  }
}

function bucketOf(value: number): number {
  if (value < exactLimit) return value;
  const shift = 25 - Math.clz32(value);
  return exactLimit + (shift - 1) * subBuckets + ((value >>> shift) & (subBuckets - 1));
}

function lowerEdgeUs(bucket: number): number {
  if (bucket < exactLimit) return bucket;
  const shift = Math.floor((bucket - exactLimit) / subBuckets) + 1;
  return (subBuckets + ((bucket - exactLimit) % subBuckets)) * 2 ** shift;
}
