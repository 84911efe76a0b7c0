import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReturnedHeap } from './returned-heap.ts';

interface Entry {
  readonly sequence: number;
  readonly position: number;
  readonly size: number;
}

const command = fc.oneof(
  { weight: 5, arbitrary: fc.nat({ max: 1000 }).map((sequence) => ({ kind: 'push' as const, sequence })) },
  { weight: 4, arbitrary: fc.constant({ kind: 'shift' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'clear' as const }) },
);

test('a heap gives back what a sorted array would', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 300, size: 'max' }), (commands) => {
      const heap = new ReturnedHeap();
      let model: Entry[] = [];
      for (const each of commands) {
        if (each.kind === 'push') {
          // A queue numbers its messages: no two have the same one.
          if (model.some(({ sequence }) => sequence === each.sequence)) continue;
          const entry = { sequence: each.sequence, position: each.sequence * 8 + 2 ** 40, size: each.sequence % 7 };
          model = [...model, entry].sort((a, b) => a.sequence - b.sequence);
          heap.push(entry.sequence, entry.position, entry.size);
        } else if (each.kind === 'clear') {
          model = [];
          heap.clear();
        } else if (model.length > 0) {
          model.shift();
          heap.shift();
        }
        assert.equal(heap.count, model.length);
        const [first] = model;
        if (first !== undefined) {
          const head = { sequence: heap.headSequence(), position: heap.headPosition(), size: heap.headSize() };
          assert.deepEqual(head, first);
        }
        const visited: number[] = [];
        heap.visit((position) => visited.push(position));
        assert.deepEqual(
          visited.sort((a, b) => a - b),
          model.map(({ position }) => position),
        );
      }
    }),
  );
});

test('a heap grows', () => {
  const heap = new ReturnedHeap();
  for (let i = 999; i >= 0; i--) heap.push(i, i * 8, i);
  for (let i = 0; i < 1000; i++) {
    assert.equal(heap.headSequence(), i);
    assert.equal(heap.headSize(), i);
    heap.shift();
  }
  assert.equal(heap.count, 0);
});
