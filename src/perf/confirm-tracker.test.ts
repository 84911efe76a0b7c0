import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { allocateSendTimes, ConfirmTracker, SendTimes, sequenceSpanMax } from './confirm-tracker.ts';
import { LatencyHistogram } from './latency-histogram.ts';

const trackerOf = (sendTimes = new SendTimes(allocateSendTimes())) => new ConfirmTracker(sendTimes);

test('any order of single and multiple confirms settles each message once', () => {
  const acks = fc.array(fc.record({ tag: fc.integer({ min: 1, max: 60 }), multiple: fc.boolean() }));
  fc.assert(
    fc.property(acks, (list) => {
      const tracker = trackerOf();
      const settled = new Set<number>();
      for (const { tag, multiple } of list) {
        const before = settled.size;
        for (let sequence = multiple ? 1 : tag; sequence <= tag; sequence++) settled.add(sequence);
        assert.equal(tracker.settle(tag, multiple, 0, null), settled.size - before);
        assert.equal(tracker.settled, settled.size);
        let oldest = 1;
        while (settled.has(oldest)) oldest++;
        assert.equal(tracker.oldest, oldest);
      }
    }),
  );
});

test('a latency counts from when that very message was sent', () => {
  const sendTimes = new SendTimes(allocateSendTimes());
  const tracker = trackerOf(sendTimes);
  for (const sequence of [1, 2, 3]) sendTimes.set(sequence, 100 * sequence);
  const latencies = new LatencyHistogram();
  tracker.settle(2, false, 210, latencies);
  assert.deepEqual([latencies.count, latencies.maxUs], [1, 10]);
  tracker.settle(3, true, 350, latencies);
  assert.deepEqual([latencies.count, latencies.maxUs], [3, 250], 'messages 1 and 3, and 2 not again');
});

test('there is room for a window of unconfirmed messages, and no more', () => {
  const tracker = trackerOf();
  assert.equal(tracker.room(0, 10), 10);
  assert.equal(tracker.room(10, 10), 0);
  tracker.settle(4, true, 0, null);
  assert.equal(tracker.room(10, 10), 4);
});

test('one message that stays unconfirmed ends the room before its place would be used again', () => {
  const tracker = trackerOf();
  for (let sequence = 2; sequence <= sequenceSpanMax; sequence++) tracker.settle(sequence, false, 0, null);
  assert.deepEqual([tracker.oldest, tracker.settled], [1, sequenceSpanMax - 1]);
  assert.equal(tracker.room(sequenceSpanMax, 10), 0);
  tracker.settle(1, false, 0, null);
  assert.equal(tracker.oldest, sequenceSpanMax + 1);
  assert.equal(tracker.room(sequenceSpanMax, 10), 10);
});

test('places are used again, round after round', () => {
  const tracker = trackerOf();
  for (let tag = 1000; tag <= 5 * sequenceSpanMax; tag += 1000) assert.equal(tracker.settle(tag, true, 0, null), 1000);
  assert.equal(tracker.settle(1000, true, 0, null), 0, 'a tag of an earlier round settles nothing');
});
