import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Queue } from '../queues/queue.ts';
import { type Holder, UnackedLedger } from './unacked-ledger.ts';

const newHolder = (): Holder => ({ queue: {} as Queue, unacked: 0, counts: null });

function deliver(ledger: UnackedLedger, holder: Holder): number {
  const tag = ledger.next;
  assert.equal(ledger.add(10 * tag, tag, tag % 100, tag % 3, holder, 1000 + tag), tag);
  return tag;
}

function tagsOf(ledger: UnackedLedger, last = 0): number[] {
  const tags: number[] = [];
  ledger.visitTags(last, (tag) => tags.push(tag));
  return tags;
}

/** Takes an entry and checks that it is the one that was put in. */
function settle(ledger: UnackedLedger, tag: number): void {
  let taken = 0;
  ledger.take(tag, (_, position, sequence, size, lane) => {
    taken++;
    assert.deepEqual([position, sequence, size, lane], [10 * tag, tag, tag % 100, tag % 3]);
  });
  assert.equal(taken, 1);
}

type Step = { readonly kind: 'deliver' | 'skip' | 'settle' | 'settle-up-to'; readonly count: number };

function anyStep(kind: Step['kind'], max: number): fc.Arbitrary<Step> {
  return fc.record({ kind: fc.constant(kind), count: fc.integer({ min: 1, max }) });
}

/** Does it to the ledger, and to a set of the tags that are unsettled. */
function take(step: Step, ledger: UnackedLedger, holder: Holder, unsettled: Set<number>): void {
  const { kind, count } = step;
  if (kind === 'deliver') for (let i = 0; i < count; i++) unsettled.add(deliver(ledger, holder));
  if (kind === 'skip') for (let i = 0; i < count; i++) ledger.skip();
  if (!kind.startsWith('settle')) return;
  // Every `count`th one is left, or all that come after the first `count`.
  const chosen = [...unsettled].filter((_, i) => (kind === 'settle' ? i % count !== 0 : i < count));
  for (const tag of chosen) {
    settle(ledger, tag);
    unsettled.delete(tag);
  }
}

test('the ledger holds what was delivered and not settled, in whatever order it is settled', () => {
  const step = fc.oneof(
    anyStep('deliver', 1500),
    anyStep('skip', 5),
    anyStep('settle', 500),
    anyStep('settle-up-to', 3000),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 16 }), (steps) => {
      const ledger = new UnackedLedger();
      const holder = newHolder();
      const unsettled = new Set<number>();
      for (const each of steps) {
        take(each, ledger, holder, unsettled);
        assert.deepEqual(tagsOf(ledger), [...unsettled]);
        assert.equal(ledger.count, unsettled.size);
        assert.equal(holder.unacked, unsettled.size);
        const [oldest] = unsettled;
        assert.equal(ledger.oldestDeliveryMs(), oldest === undefined ? Number.POSITIVE_INFINITY : 1000 + oldest);
        for (let tag = 0; tag < ledger.next + 2; tag++) assert.equal(ledger.has(tag), unsettled.has(tag));
      }
      const taken: number[] = [];
      ledger.takeAll((_holder, _position, sequence) => taken.push(sequence));
      assert.deepEqual(taken, [...unsettled]);
      assert.equal(ledger.count, 0);
    }),
    { numRuns: 150 },
  );
});

test('one delivery that is never settled does not let the ledger grow with what passes by', () => {
  const ledger = new UnackedLedger();
  const holder = newHolder();
  const stuck = [deliver(ledger, holder), deliver(ledger, holder)];
  for (let i = 0; i < 200_000; i++) settle(ledger, deliver(ledger, holder));
  assert.ok(ledger.capacity <= 2048, `${ledger.capacity} slots for two entries`);
  assert.deepEqual(tagsOf(ledger), stuck);
  assert.deepEqual(tagsOf(ledger, 1), [1]);
  assert.equal(ledger.oldestDeliveryMs(), 1001);
  const visited: number[] = [];
  ledger.visit((_, position) => visited.push(position));
  assert.deepEqual(visited, [10, 20]);
  settle(ledger, 1);
  assert.equal(ledger.has(1), false);
  assert.equal(ledger.has(2), true);
});

test('a no-ack delivery that sets all others aside is not taken for the oldest one', () => {
  const ledger = new UnackedLedger();
  const holder = newHolder();
  const first = deliver(ledger, holder);
  for (let i = 1; i < 1024; i++) settle(ledger, deliver(ledger, holder));
  ledger.skip();
  settle(ledger, first);
  const last = deliver(ledger, holder);
  assert.equal(ledger.oldestDeliveryMs(), 1000 + last);
});

test('no-ack deliveries beside an unsettled one do not let the ledger grow either', () => {
  const ledger = new UnackedLedger();
  deliver(ledger, newHolder());
  for (let i = 0; i < 200_000; i++) ledger.skip();
  assert.ok(ledger.capacity <= 2048, `${ledger.capacity} slots for one entry`);
  assert.deepEqual(tagsOf(ledger), [1]);
  assert.equal(ledger.next, 200_002);
});
