import assert from 'node:assert/strict';
import { test } from 'node:test';
import { delayMsOf } from './message-delay.ts';

test('delays are spread evenly over the whole range, and neighbours have nothing to do with each other', () => {
  const range = { leastMs: 1000, mostMs: 1009 };
  const counts = new Map<number, number>();
  let ascents = 0;
  for (let sequence = 1; sequence <= 10_000; sequence++) {
    const delayMs = delayMsOf(range, 0, sequence);
    counts.set(delayMs, (counts.get(delayMs) ?? 0) + 1);
    if (delayMs < delayMsOf(range, 0, sequence + 1)) ascents++;
  }
  assert.deepEqual(
    [...counts.keys()].sort((a, b) => a - b),
    Array.from({ length: 10 }, (_, index) => 1000 + index),
  );
  for (const count of counts.values())
    assert.ok(count > 850 && count < 1150, `${count} of 10000 have one of 10 delays`);
  assert.ok(ascents > 4200 && ascents < 4800, `${ascents} of 10000 are followed by a longer one`);
});

test('publishers do not have the same delays one after the other', () => {
  const range = { leastMs: 0, mostMs: 1_000_000_000 };
  const first = Array.from({ length: 100 }, (_, sequence) => delayMsOf(range, 0, sequence));
  const second = Array.from({ length: 100 }, (_, sequence) => delayMsOf(range, 1, sequence));
  assert.equal(first.filter((delayMs) => second.includes(delayMs)).length, 0);
});

test('a range of one delay has that one; one of centuries keeps whole milliseconds', () => {
  assert.equal(delayMsOf({ leastMs: 5, mostMs: 5 }, 3, 99), 5);
  const delayMs = delayMsOf({ leastMs: 1, mostMs: 3_000_000_000_000 }, 0, 1);
  assert.ok(Number.isSafeInteger(delayMs) && delayMs > 1000);
});
