import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PositionList } from './position-list.ts';

test('a list gives what it was given, in ascending order, and takes more after that', () => {
  const positions = fc.array(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), { maxLength: 300, size: 'max' });
  fc.assert(
    fc.property(positions, positions, (first, second) => {
      const list = new PositionList();
      for (const position of first) list.push(position);
      assert.deepEqual(
        [...list.sorted()],
        [...first].sort((a, b) => a - b),
      );
      for (const position of second) list.push(position);
      assert.deepEqual(
        [...list.sorted()],
        [...first, ...second].sort((a, b) => a - b),
      );
    }),
  );
});
