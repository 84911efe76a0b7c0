/** How long things took, counted in buckets: enough to say what was usual and what was rare, at the cost of an addition each. */

/** What each bucket ends at, itself among it. What took longer is in one more bucket. */
export const BUCKET_ENDS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000] as const;

const LONGEST_MS = 10_000;
/** Which bucket each whole number of milliseconds is in. */
const BUCKET_OF = new Uint8Array(LONGEST_MS + 1);
for (const [bucket, end] of BUCKET_ENDS_MS.entries())
  BUCKET_OF.fill(bucket, (BUCKET_ENDS_MS[bucket - 1] ?? -1) + 1, end + 1);

export class DurationHistogram {
  /** How many are in each bucket, and behind all of them how many took longer. */
  readonly counts = new Float64Array(BUCKET_ENDS_MS.length + 1);
  sumMs = 0;

  /** @param ms from 0 up */
  count(ms: number): void {
    this.counts[ms > LONGEST_MS ? BUCKET_ENDS_MS.length : BUCKET_OF[Math.ceil(ms)]]++;
    this.sumMs += ms;
  }

  add({ counts, sumMs }: Pick<DurationHistogram, 'counts' | 'sumMs'>): void {
    for (const [bucket, count] of counts.entries()) this.counts[bucket] += count;
    this.sumMs += sumMs;
  }

  get total(): number {
    return this.upTo(BUCKET_ENDS_MS.length);
  }

  /** How many took no longer than the end of a bucket. @param bucket its place in BUCKET_ENDS_MS; one more: all */
  upTo(bucket: number): number {
    let sum = 0;
    for (let i = 0; i <= bucket; i++) sum += this.counts[i];
    return sum;
  }

  /** Null where there was none. */
  get meanMs(): number | null {
    const { total } = this;
    return total === 0 ? null : this.sumMs / total;
  }

  /**
   * What a share of them did not exceed, as even as they may lie within a bucket; the largest end where it was more than that.
   * @param share above 0, up to 1
   * @returns null where there was none
   */
  quantileMs(share: number): number | null {
    const { total } = this;
    if (total === 0) return null;
    const wanted = share * total;
    let below = 0;
    for (const [bucket, end] of BUCKET_ENDS_MS.entries()) {
      const count = this.counts[bucket];
      const start = BUCKET_ENDS_MS[bucket - 1] ?? 0;
      if (below + count >= wanted) return start + ((end - start) * (wanted - below)) / count;
      below += count;
    }
    return LONGEST_MS;
  }
}
