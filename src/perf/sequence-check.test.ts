import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SequenceCheck } from './sequence-check.ts';

function check(...sequences: number[]): { gaps: number; duplicates: number } {
  const order = new SequenceCheck();
  for (const sequence of sequences) order.take(0, sequence);
  return { gaps: order.gaps, duplicates: order.duplicates };
}

test('messages in order are no fault, from wherever they begin', () => {
  assert.deepEqual(check(1, 2, 3, 4), { gaps: 0, duplicates: 0 });
  assert.deepEqual(check(500, 501), { gaps: 0, duplicates: 0 });
});

test('lost messages show as a gap of as many', () => {
  assert.deepEqual(check(1, 2, 6, 7, 9), { gaps: 4, duplicates: 0 });
});

test('a message that comes again shows, at once or later', () => {
  assert.deepEqual(check(1, 2, 2, 3), { gaps: 0, duplicates: 1 });
  assert.deepEqual(check(1, 2, 3, 1), { gaps: 0, duplicates: 1 });
});

test('two messages that changed places show as a gap and as one that came late', () => {
  assert.deepEqual(check(1, 3, 2, 4), { gaps: 1, duplicates: 1 });
});

test('a sequence goes on behind 2^32', () => {
  assert.deepEqual(check(0xffff_fffe, 0xffff_ffff, 0, 1), { gaps: 0, duplicates: 0 });
});

test('each publisher has a sequence of its own', () => {
  const order = new SequenceCheck();
  for (const [publisher, sequence] of [
    [0, 1],
    [1, 1],
    [1, 2],
    [0, 2],
    [9_999, 3],
    [10_000, 1],
    [10_000, 1],
  ] as const) {
    order.take(publisher, sequence);
  }
  assert.deepEqual([order.gaps, order.duplicates], [0, 0], 'and those without a place in the list are not judged');
});
