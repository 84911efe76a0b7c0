import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bindingKey,
  completeLoadOptions,
  drainUsMax,
  exchangeName,
  exchangeType,
  fanOut,
  LoadOptionError,
  publisherShare,
  queueName,
  routingKey,
} from './load-options.ts';

for (const [given, message] of [
  [{ port: 0 }, 'port 0: expected a whole number from 1 to 65535'],
  [{ publishers: 1.5 }, 'publishers 1.5: expected a whole number from 0 to 10000'],
  [{ bodySizeBytes: -1 }, 'bodySizeBytes -1: expected a whole number from 0 to 536870912'],
  [{ confirmWindow: 32_769 }, 'confirmWindow 32769: expected a whole number from 0 to 32768'],
  [{ seconds: Number.NaN }, 'seconds NaN: expected a number from 0 to 2678400'],
  [{ ratePerSecond: -1 }, 'ratePerSecond -1: expected a number from 0 to 100000000'],
  [{ publishers: 0 }, 'publishers 0: nobody publishes'],
  [{ mode: 'consume', consumers: 0 }, 'consumers 0: nobody consumes'],
  [{ ackEvery: 11, prefetch: 10 }, 'ackEvery 11 is above prefetch 10: no ack would ever be sent'],
  [
    { delay: { leastMs: 3000, mostMs: 1000 } },
    'delay 3000-1000: expected whole numbers from 1 to 3153600000000, the smaller one first',
  ],
  [
    { delay: { leastMs: 0, mostMs: 1 } },
    'delay 0-1: expected whole numbers from 1 to 3153600000000, the smaller one first',
  ],
  [{ delay: { leastMs: 1, mostMs: 1 }, routing: 'topic-one' }, 'delay and routing topic-one exclude each other'],
  [
    { delay: { leastMs: 1, mostMs: 2 }, delayBy: 'ladder' },
    'delay 1-2: delayBy ladder takes one delay, a ladder has a queue for each',
  ],
  [{ delay: { leastMs: 1, mostMs: 86_400_001 } }, 'delay 1-86400001: with consumers above 0 expected at most 86400000'],
  [{ seconds: 0 }, 'seconds 0: a run needs a time or a count'],
] as const) {
  test(`${JSON.stringify(given)} is refused: ${message}`, () => {
    assert.throws(() => completeLoadOptions(given), { name: 'LoadOptionError', message });
  });
}

test('a message can be had in the words of a command line', () => {
  const error = new LoadOptionError('{ackEvery} 11 is above {prefetch} 10');
  assert.equal(
    error.messageWith((option) => `--${option.toUpperCase()}`),
    '--ACKEVERY 11 is above --PREFETCH 10',
  );
});

test('a backlog has no consumers, its taking away no publishers, a counted run no warm-up', () => {
  assert.equal(completeLoadOptions({ mode: 'publish' }).consumers, 0);
  const consuming = completeLoadOptions({ mode: 'consume', count: 5, seconds: 0 });
  assert.deepEqual([consuming.publishers, consuming.warmUpSeconds], [0, 0]);
});

test('persistent messages want durable queues', () => {
  assert.equal(completeLoadOptions({ persistent: true }).durable, true);
});

test('publishers share a count to the last message', () => {
  const options = completeLoadOptions({ publishers: 3, count: 11 });
  assert.deepEqual(
    [0, 1, 2].map((id) => publisherShare(options, id)),
    [4, 4, 3],
  );
});

test('names and keys of queues fit together', () => {
  const one = completeLoadOptions({ queue: 'q' });
  assert.deepEqual([queueName(one, 0), routingKey(one, 0), fanOut(one)], ['q', 'q', 1]);
  const all = completeLoadOptions({ queue: 'q', queues: 3, routing: 'topic-all' });
  assert.deepEqual(
    [queueName(all, 2), routingKey(all, 2), bindingKey(all, 2), fanOut(all)],
    ['q-2', 'lg.2.m', 'lg.#', 3],
  );
});

test('delayed messages go to an exchange of their own, or to a rung of the ladder', () => {
  const delay = { leastMs: 500, mostMs: 500 };
  const exchange = completeLoadOptions({ queue: 'q', delay });
  assert.deepEqual([exchangeName(exchange), exchangeType(exchange)], ['q-x', 'x-delayed-message']);
  assert.deepEqual([routingKey(exchange, 0), bindingKey(exchange, 0)], ['q', 'q']);
  const ladder = completeLoadOptions({ queue: 'q', delay, delayBy: 'ladder' });
  assert.deepEqual([exchangeName(ladder), routingKey(ladder, 0), queueName(ladder, 0)], ['', 'q-500ms', 'q']);
});

test('what is delayed is waited for until its time is over, where anybody waits', () => {
  const delay = { leastMs: 1000, mostMs: 3000 };
  assert.equal(drainUsMax(completeLoadOptions({ drainSeconds: 10, delay })), 13e6);
  assert.equal(drainUsMax(completeLoadOptions({ drainSeconds: 10, delay, mode: 'publish' })), 10e6);
});
