import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MessageRing } from './message-ring.ts';

interface Entry {
  readonly position: number;
  readonly size: number;
}

/** Bursts, so that chunks fill and empty: the first holds 64, the next four times as many. */
const command = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 400 }).map((count) => ({ kind: 'push' as const, count })) },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 400 }).map((count) => ({ kind: 'shift' as const, count })) },
  { weight: 1, arbitrary: fc.constant({ kind: 'clear' as const, count: 0 }) },
);

const EVERYTHING = (): boolean => true;

function entriesOf(ring: MessageRing, wanted: (lowest: number, highest: number) => boolean = EVERYTHING): Entry[] {
  const entries: Entry[] = [];
  ring.visit(wanted, (position, size) => entries.push({ position, size }));
  return entries;
}

test('a ring gives back what an array would, and numbers it', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40, size: 'max' }), (commands) => {
      const ring = new MessageRing();
      const model: Entry[] = [];
      let pushed = 0;
      let headSequence = 0;
      for (const { kind, count } of commands) {
        if (kind === 'clear') {
          headSequence += model.length;
          model.length = 0;
          ring.clear();
        }
        for (let i = 0; i < count; i++) {
          if (kind === 'push') {
            const entry = { position: 2 ** 45 + 8 * pushed, size: pushed % 1000 };
            model.push(entry);
            ring.push(entry.position, entry.size);
            pushed++;
          } else if (model.length > 0) {
            assert.equal(ring.headPosition(), model[0]!.position);
            assert.equal(ring.headSize(), model[0]!.size);
            model.shift();
            ring.shift();
            headSequence++;
          }
        }
        assert.equal(ring.count, model.length);
        assert.equal(ring.headSequence, headSequence);
        assert.deepEqual(entriesOf(ring), model);
      }
    }),
    { numRuns: 60 },
  );
});

test('a visit passes over full chunks without what is wanted, and misses nothing that is', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3000 }),
      fc.integer({ min: 0, max: 2999 }),
      fc.nat({ max: 3000 }),
      fc.nat({ max: 3000 }),
      (count, shifts, from, length) => {
        const ring = new MessageRing();
        for (let i = 0; i < count; i++) ring.push(i, i);
        for (let i = 0; i < Math.min(shifts, count - 1); i++) ring.shift();
        const inRange = (position: number): boolean => position >= from && position < from + length;
        const asked = entriesOf(ring, (lowest, highest) => highest >= from && lowest < from + length);
        const all = entriesOf(ring);
        assert.deepEqual(
          asked.filter(({ position }) => inRange(position)),
          all.filter(({ position }) => inRange(position)),
        );
        // The bounds that were found for a chunk hold when it is asked again, from further on.
        for (let i = 0; i < 10 && ring.count > 1; i++) ring.shift();
        const again = entriesOf(ring, (lowest, highest) => highest >= from && lowest < from + length);
        assert.deepEqual(
          again.filter(({ position }) => inRange(position)),
          entriesOf(ring).filter(({ position }) => inRange(position)),
        );
      },
    ),
  );
});

test('a ring that was empty measures its chunk anew', () => {
  const ring = new MessageRing();
  for (let i = 0; i < 100; i++) ring.push(i, 0);
  entriesOf(ring, () => false);
  while (ring.count > 0) ring.shift();
  for (let i = 1000; i < 1400; i++) ring.push(i, 0);
  assert.equal(entriesOf(ring, (lowest, highest) => lowest >= 1000 && highest < 1400).length, 400);
});
