import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compactionOptions, DEFAULT_COMPACTION } from './compaction-options.ts';

test('what is not given is as ever, and what would never come to an end is refused', () => {
  assert.deepEqual(compactionOptions(), DEFAULT_COMPACTION);
  assert.deepEqual(compactionOptions({ ratio: 1 }), { ...DEFAULT_COMPACTION, ratio: 1 });
  assert.throws(
    () => compactionOptions({ bytesPerSecond: 0 }),
    /compaction.bytesPerSecond is a number from 65536 up, not 0/,
  );
  assert.throws(
    () => compactionOptions({ intervalMs: Number.NaN }),
    /compaction.intervalMs is a number from 10 up, not NaN/,
  );
  assert.throws(() => compactionOptions({ ratio: -1 }), RangeError);
});
