import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUCKET_ENDS_MS, DurationHistogram } from './duration-histogram.ts';

function histogramOf(...durationsMs: readonly number[]): DurationHistogram {
  const histogram = new DurationHistogram();
  for (const ms of durationsMs) histogram.count(ms);
  return histogram;
}

test('a bucket has what took as long as its end, and no longer', () => {
  for (const [bucket, end] of BUCKET_ENDS_MS.entries()) {
    const histogram = histogramOf(end - 0.5, end, end + 0.001);
    const start = BUCKET_ENDS_MS[bucket - 1] ?? -1;
    assert.equal(histogram.upTo(bucket), 2, `up to ${end} ms`);
    assert.equal(histogramOf(start + 0.001).upTo(bucket), 1, `above ${start} ms`);
    assert.equal(histogram.total, 3);
  }
  const histogram = histogramOf(0, 10_001, 1e9);
  assert.equal(histogram.upTo(0), 1);
  assert.equal(histogram.upTo(BUCKET_ENDS_MS.length - 1), 1);
  assert.equal(histogram.total, 3);
});

test('mean and quantiles are about right, and there are none of nothing', () => {
  const even = histogramOf(...Array.from({ length: 1000 }, (_, i) => i + 1));
  assert.equal(even.meanMs, 500.5);
  assert.equal(even.quantileMs(0.5), 500);
  assert.equal(even.quantileMs(0.99), 990);
  assert.equal(even.quantileMs(1), 1000);
  assert.equal(histogramOf(1, 1, 1, 20_000).quantileMs(0.99), 10_000, 'as much as is known of it');
  assert.equal(histogramOf(7).quantileMs(0.5), 7.5, 'between 5 and 10');
  const none = new DurationHistogram();
  assert.deepEqual([none.meanMs, none.quantileMs(0.5), none.total], [null, null, 0]);
});

test('sums have what all of them have', () => {
  const sum = histogramOf(1, 2);
  sum.add(histogramOf(2, 30, 20_000));
  assert.equal(sum.sumMs, 20_035);
  assert.deepEqual([sum.upTo(0), sum.upTo(1), sum.upTo(5), sum.total], [1, 3, 4, 5]);
});
