import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { LatencyHistogram } from './latency-histogram.ts';

function histogramOf(values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.add(value);
  return histogram;
}

const latencies = fc.array(fc.oneof(fc.nat(300), fc.nat(0x7fff_ffff)), { minLength: 1, maxLength: 200 });

test('a quantile is at most a 64th below the latency that has that place in the sorted list', () => {
  fc.assert(
    fc.property(latencies, fc.double({ min: 0, max: 0.999, noNaN: true }), (values, q) => {
      const sorted = [...values].sort((a, b) => a - b);
      const exact = sorted[Math.floor(q * sorted.length)]!;
      const found = histogramOf(values).quantileUs(q);
      assert.ok(found <= exact && found >= exact - exact / 64, `${found} for ${exact}`);
    }),
  );
});

test('below 128 us quantiles are exact', () => {
  const histogram = histogramOf(Array.from({ length: 128 }, (_, value) => value));
  assert.deepEqual(
    [0, 0.5, 0.99].map((q) => histogram.quantileUs(q)),
    [0, 64, 126],
  );
});

test('two histograms merge into what one would have counted', () => {
  fc.assert(
    fc.property(latencies, latencies, (some, others) => {
      const merged = histogramOf(some);
      merged.merge(histogramOf(others));
      assert.deepEqual(merged, histogramOf([...some, ...others]));
    }),
  );
});

test('what cannot be counts as the nearest that can: below zero as zero, above 35 minutes as that', () => {
  const histogram = histogramOf([-5, 2 ** 40]);
  assert.deepEqual([histogram.count, histogram.quantileUs(0), histogram.maxUs], [2, 0, 0x7fff_ffff]);
});

test('nothing counted has no latency', () => {
  const histogram = new LatencyHistogram();
  assert.deepEqual([histogram.count, histogram.quantileUs(0.5), histogram.maxUs], [0, 0, 0]);
});
