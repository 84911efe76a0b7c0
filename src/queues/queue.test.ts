/** The queue held against a model in plain arrays, over random histories; and what a restart leaves of it. */
import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { PAGE_SIZE } from '../storage/page.ts';
import { NO_TTL } from '../storage/record.ts';
import { newMemoryDirectory } from '../storage/test-store.ts';
import type { QueueSettings } from './queue-settings.ts';
import { QueueBench, type TestConsumer } from './test-queue-bench.ts';
import { QueueModel } from './test-queue-model.ts';

const MS = [0, 1, 5, 20];

const limits = {
  maxLength: fc.integer({ min: 0, max: 6 }),
  maxLengthBytes: fc.integer({ min: 0, max: 60 }),
  messageTtlMs: fc.constantFrom(...MS),
  deadLetterExchange: fc.constant('dlx'),
  maxPriority: fc.integer({ min: 1, max: 3 }),
  deliveryLimit: fc.integer({ min: 0, max: 2 }),
};

/** A few at a time: a queue with all limits holds hardly anything. */
const settings = fc
  .tuple(
    fc.subarray(Object.keys(limits) as (keyof typeof limits)[], { maxLength: 3 }),
    fc.record(limits),
    fc.constantFrom('drop-head' as const, 'reject-publish' as const),
  )
  .map(([chosen, values, overflow]): QueueSettings => {
    const set = Object.fromEntries(chosen.map((name) => [name, values[name]]));
    return { ...set, overflow, singleActiveConsumer: false };
  });

const command = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      size: fc.integer({ min: 4, max: 20 }),
      priority: fc.integer({ min: 0, max: 4 }),
      ttlMs: fc.oneof({ weight: 3, arbitrary: fc.constant(NO_TTL) }, fc.constantFrom(...MS)),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      index: fc.nat({ max: 20 }),
      how: fc.constantFrom('ack' as const, 'reject' as const, 'requeue' as const, 'requeue' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('get' as const), noAck: fc.constantFrom(true, false, false) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(...MS) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('consume' as const),
      noAck: fc.boolean(),
      prefetch: fc.nat({ max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('block' as const), blocked: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('purge' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('policy' as const), given: settings }) },
);

type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

class Comparison {
  readonly bench: QueueBench;
  readonly model: QueueModel;
  #consumer: TestConsumer | null = null;

  constructor(given: QueueSettings, countsDeliveries: boolean) {
    this.bench = new QueueBench({ settings: given, countsDeliveries });
    this.model = new QueueModel(given, countsDeliveries, this.bench.clock.nowMs());
  }

  perform(each: Command): void {
    const { bench, model } = this;
    switch (each.kind) {
      case 'publish':
        bench.publish(each.size, each.priority, each.ttlMs);
        return model.publish(each.size, each.priority, each.ttlMs === NO_TTL ? Number.POSITIVE_INFINITY : each.ttlMs);
      case 'turn':
        return this.#turn();
      case 'settle':
        return this.#settle(each.index, each.how);
      case 'get':
        bench.get(each.noAck);
        return model.get(each.noAck);
      case 'wait':
        this.#turn();
        bench.clock.advance(each.ms);
        model.nowMs += each.ms;
        return this.#turn();
      case 'consume':
        if (this.#consumer !== null) return;
        this.#consumer = bench.consume(each.noAck, each.prefetch);
        model.consumer = { noAck: each.noAck, prefetch: each.prefetch, blocked: false };
        return;
      case 'cancel':
        if (this.#consumer === null) return;
        bench.queue.removeConsumer(this.#consumer);
        this.#consumer = null;
        model.consumer = null;
        model.held.clear();
        return;
      case 'block':
        return this.#block(each.blocked);
      case 'purge':
        assert.equal(bench.queue.purge(), model.purge());
        return;
      case 'policy':
        return this.#applySettings(each.given);
    }
  }

  #turn(): void {
    this.bench.turn();
    this.model.dispatch();
  }

  /** The priorities are not a policy's to change. */
  #applySettings({ maxPriority: _, ...given }: QueueSettings): void {
    const { maxPriority } = this.model.settings;
    const settings = maxPriority === undefined ? given : { ...given, maxPriority };
    this.bench.queue.applySettings(settings);
    this.model.applySettings(settings);
  }

  #settle(place: number, how: 'ack' | 'reject' | 'requeue'): void {
    const { bench, model } = this;
    if (model.unacked.length === 0) return;
    const message = model.unacked[place % model.unacked.length]!;
    const index = bench.unacked.findIndex(({ number }) => number === message.number);
    assert(index >= 0, `message ${message.number} should be unacked`);
    bench.settle(index, how);
    if (how === 'ack') model.acknowledge(message);
    else if (how === 'reject') model.reject(message);
    else model.giveBack(message);
  }

  #block(blocked: boolean): void {
    if (this.#consumer === null || this.model.consumer === null) return;
    this.#consumer.blocked = blocked;
    this.model.consumer.blocked = blocked;
    if (!blocked && this.#consumer.parked) this.bench.queue.consumerReady(this.#consumer);
  }

  check(): void {
    const { bench, model } = this;
    assert.deepEqual(bench.events, model.events);
    assert.equal(bench.queue.readyCount, model.ready.length);
    assert.equal(bench.queue.readyBytes, model.readyBytes);
    assert.equal(bench.queue.unackedCount, model.unacked.length);
    assert.deepEqual(
      bench.unacked.map(({ number }) => number),
      model.unacked.map(({ number }) => number),
    );
    const counted = [...model.ready, ...model.unacked].filter(({ returns }) => returns > 0);
    assert.deepEqual([...bench.queue.deliveryCounts.values()].sort(), counted.map(({ returns }) => returns).sort());
  }

  async end(): Promise<void> {
    await this.bench.close();
    assert.equal(this.bench.clock.waiting, 0, 'a queue that stops leaves no timer');
  }
}

test('a queue does what a model in plain arrays does', async () => {
  await fc.assert(
    fc.asyncProperty(
      settings,
      fc.boolean(),
      fc.array(command, { maxLength: 100, size: 'max' }),
      async (given, countsDeliveries, commands) => {
        const comparison = new Comparison(given, countsDeliveries);
        for (const each of commands) {
          comparison.perform(each);
          comparison.check();
        }
        await comparison.end();
      },
    ),
    { numRuns: 400 },
  );
});

test('what is settled, expired, dropped or purged leaves no memory behind', async () => {
  const bench = new QueueBench({ settings: { overflow: 'drop-head', singleActiveConsumer: false, maxLength: 50 } });
  bench.consume(false, 10);
  for (let i = 0; i < 3000; i++) {
    bench.publish(2000);
    if (i % 7 === 0) bench.turn();
    if (bench.unacked.length > 0 && i % 3 === 0) bench.settle(0, i % 2 === 0 ? 'ack' : 'reject');
  }
  while (bench.unacked.length > 0) bench.settle(0, 'ack');
  bench.queue.purge();
  assert(bench.store.memoryBytes <= 2 * PAGE_SIZE, `${bench.store.memoryBytes} bytes`);
  await bench.close();
});

const directories: string[] = [];
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true });
});

function newDirectory(): string {
  const directory = newMemoryDirectory();
  directories.push(directory);
  return directory;
}

const PRIORITIES: QueueSettings = { overflow: 'drop-head', singleActiveConsumer: false, maxPriority: 3 };

test('a restart brings messages back in order, by priority, and marks what was delivered', async () => {
  const directory = newDirectory();
  const before = new QueueBench({ settings: PRIORITIES, directory });
  for (let i = 0; i < 12; i++) before.publish(4, i % 4, NO_TTL, true);
  before.consume(false, 2);
  before.turn();
  assert.deepEqual(before.events, ['deliver 3', 'deliver 7']);
  before.settle(1, 'requeue');
  before.turn();
  await before.store.close();
  const behind = new QueueBench({ settings: PRIORITIES, directory });
  behind.consume(true, 0);
  await behind.turnUntil(12);
  assert.deepEqual(
    behind.events.map((event) => event.replace(' again', '')),
    [3, 7, 11, 2, 6, 10, 1, 5, 9, 0, 4, 8].map((number) => `deliver ${number}`),
  );
  // Up to the last one that was delivered: more may be marked than were, and none that was is not.
  for (const number of [3, 7]) assert(behind.events.includes(`deliver ${number} again`));
  for (const number of [8, 9, 10, 11]) assert(behind.events.includes(`deliver ${number}`));
  await behind.close();
});

test('a restart keeps how often a message was returned, and the limit holds across it', async () => {
  const limited: QueueSettings = {
    overflow: 'drop-head',
    singleActiveConsumer: false,
    deliveryLimit: 2,
    deadLetterExchange: 'dlx',
  };
  const directory = newDirectory();
  for (const events of [['deliver 0'], ['deliver 0 again'], ['deliver 0 again', 'dead 0 delivery_limit']]) {
    const bench = new QueueBench({ settings: limited, countsDeliveries: true, directory });
    if (events[0] === 'deliver 0') bench.publish(4, 0, NO_TTL, true);
    const consumer = bench.consume(false, 1);
    await bench.turnUntil(1);
    bench.queue.removeConsumer(consumer);
    bench.settle(0, 'requeue');
    bench.turn();
    assert.deepEqual(bench.events, events);
    await bench.close();
  }
  const last = new QueueBench({ settings: limited, countsDeliveries: true, directory });
  assert.equal(last.queue.readyCount, 0);
  await last.close();
});

const DEAD_LETTERING: QueueSettings = { ...PRIORITIES, deadLetterExchange: 'dlx' };

test('after a restart a queue whose messages do not expire is not looked into, and nobody waits while one is whose messages may', async () => {
  for (const ttlMs of [NO_TTL, 1000]) {
    const directory = newDirectory();
    const before = new QueueBench({ settings: DEAD_LETTERING, directory });
    for (const priority of [2, 0]) before.publish(1000, priority, ttlMs, true);
    before.turn();
    await before.close();
    const behind = new QueueBench({ settings: DEAD_LETTERING, directory });
    behind.disk.holdingReads = true;
    behind.turn();
    assert.equal(behind.disk.readCount, 0, 'the checkpoint has the times of what is at the head');
    behind.clock.advance(1000);
    behind.turn();
    assert.equal(behind.disk.readCount, ttlMs === NO_TTL ? 0 : 1);
    assert.equal(behind.queue.readyCount, 2, 'the messages are still to be read');
    behind.disk.releaseReads();
    if (ttlMs === NO_TTL) behind.get(true);
    else await behind.turnUntil(2);
    assert.deepEqual(behind.events, ttlMs === NO_TTL ? ['get 0'] : ['dead 0 expired', 'dead 1 expired']);
    await behind.close();
  }
});

test('a checkpoint keeps that messages expire: from an index alone it cannot be told', async () => {
  const directory = newDirectory();
  const before = new QueueBench({ settings: DEAD_LETTERING, directory });
  before.publish(10, 0, 1000, true);
  for (let i = 0; i < 10; i++) before.publish(PAGE_SIZE / 2, 0, NO_TTL, true);
  before.turn();
  await before.close();
  assert.ok(existsSync(join(directory, 'journal', 'checkpoint')));
  const behind = new QueueBench({ settings: DEAD_LETTERING, directory });
  behind.clock.advance(1000);
  await behind.turnUntil(1);
  assert.deepEqual([behind.events, behind.queue.readyCount], [['dead 0 expired'], 10]);
  await behind.close();
});

test('a message that takes the place of another at the head has a time of its own', () => {
  const bench = new QueueBench({ settings: PLAIN });
  bench.publish(10, 0, 100);
  bench.turn();
  bench.get(true);
  bench.turn();
  bench.publish(10, 0, 300);
  bench.turn();
  bench.clock.advance(200);
  bench.turn();
  assert.equal(bench.queue.readyCount, 1);
  bench.clock.advance(100);
  bench.turn();
  assert.equal(bench.queue.readyCount, 0);
});

test('a backlog that was moved to disk is delivered in order, while publishing goes on', async () => {
  const directory = newDirectory();
  const bench = new QueueBench({ settings: PRIORITIES, directory, memoryLimitBytes: 4 * PAGE_SIZE });
  for (let i = 0; i < 300; i++) {
    bench.publish(100_000, 0, NO_TTL, true);
    bench.turn();
    if (i % 10 === 0)
      while (bench.store.durable < bench.store.appended) await new Promise((next) => setImmediate(next));
  }
  assert(bench.store.memoryBytes <= 8 * PAGE_SIZE, `${bench.store.memoryBytes} bytes in memory`);
  bench.consume(true, 0);
  bench.queue.dispatch();
  for (let i = 300; bench.events.length < 320; ) {
    if (i < 320) bench.publish(100_000, 0, NO_TTL, i++ % 2 === 0);
    bench.turn();
    await new Promise((next) => setImmediate(next));
  }
  assert.deepEqual(
    bench.events,
    Array.from({ length: 320 }, (_, i) => `deliver ${i}`),
  );
  await bench.close();
});

test('a queue that is deleted gives everything back, and so do those who hold its messages', async () => {
  const directory = newDirectory();
  const bench = new QueueBench({ settings: PRIORITIES, directory });
  for (let i = 0; i < 40; i++) bench.publish(200_000, i % 4, NO_TTL, true);
  bench.consume(false, 5);
  bench.turn();
  assert.equal(bench.unacked.length, 5);
  bench.queue.destroy();
  for (const { position } of bench.unacked.splice(0)) bench.queue.releaseUnacked(position);
  bench.turn();
  while (bench.store.durable < bench.store.appended) await new Promise((next) => setImmediate(next));
  assert(bench.store.memoryBytes <= 2 * PAGE_SIZE);
  await bench.close();
});

test('what a policy left no room for is dropped after a restart, if it could not be dropped before', async () => {
  const directory = newDirectory();
  const before = new QueueBench({ settings: PLAIN, directory });
  for (let i = 0; i < 5; i++) before.publish(4, 0, NO_TTL, true);
  before.turn();
  await before.store.close();
  const limited = { ...PLAIN, maxLength: 2, deadLetterExchange: 'dlx' };
  const behind = new QueueBench({ settings: limited, directory });
  behind.clock.advance(0);
  assert.deepEqual(behind.events, ['dead 0 maxlen', 'dead 1 maxlen', 'dead 2 maxlen']);
  await behind.close();
});

const PLAIN: QueueSettings = { overflow: 'drop-head', singleActiveConsumer: false };

test('a queue that is told to expire by policy starts to count then, anew with each policy, and stops without one', async () => {
  const bench = new QueueBench({ settings: PLAIN });
  bench.clock.advance(5000);
  bench.queue.applySettings({ ...PLAIN, expiresMs: 1000 });
  bench.clock.advance(900);
  bench.queue.applySettings({ ...PLAIN, expiresMs: 1000, maxLength: 1 });
  bench.clock.advance(900);
  bench.queue.applySettings(PLAIN);
  bench.clock.advance(5000);
  assert.deepEqual(bench.events, []);
  bench.queue.applySettings({ ...PLAIN, expiresMs: 1000 });
  bench.clock.advance(1000);
  assert.deepEqual(bench.events, ['unused']);
  await bench.close();
});

test('a limit that comes when a queue rejects publishes drops nothing that it has', async () => {
  const bench = new QueueBench({ settings: { ...PLAIN, deadLetterExchange: 'dlx' } });
  for (let i = 0; i < 3; i++) bench.publish(4);
  const limited = { ...PLAIN, deadLetterExchange: 'dlx', maxLength: 1 };
  bench.queue.applySettings({ ...limited, overflow: 'reject-publish' });
  bench.publish(4);
  bench.turn();
  assert.deepEqual([bench.queue.readyCount, bench.events], [3, ['refused']]);
  bench.queue.applySettings(limited);
  assert.deepEqual([bench.queue.readyCount, bench.events], [1, ['refused', 'dead 0 maxlen', 'dead 1 maxlen']]);
  await bench.close();
});

test('a policy that lets very many messages go at once gives others their turn in between, and ends with none too many', async () => {
  for (const limit of [{ maxLength: 10 }, { messageTtlMs: 5 }]) {
    const bench = new QueueBench({ settings: PLAIN });
    for (let i = 0; i < 5000; i++) bench.publish(4);
    bench.clock.advance(5);
    for (let i = 0; i < 10; i++) bench.publish(4);
    bench.queue.applySettings({ ...PLAIN, ...limit });
    bench.turn();
    assert(bench.queue.readyCount > 2500, `${bench.queue.readyCount} are left after one turn`);
    for (let turn = 0; bench.queue.readyCount > 10; turn++) {
      assert(turn < 10);
      bench.clock.advance(0);
      bench.turn();
    }
    const consumer = bench.consume(true, 0);
    bench.turn();
    assert.deepEqual(
      bench.events,
      Array.from({ length: 10 }, (_, i) => `deliver ${5000 + i}`),
    );
    bench.queue.removeConsumer(consumer);
    await bench.close();
    assert.equal(bench.clock.waiting, 0);
  }
});

test('x-expires tells when nobody has used the queue for so long, and not while it has a consumer', async () => {
  const bench = new QueueBench({
    settings: { overflow: 'drop-head', singleActiveConsumer: false, expiresMs: 1000 },
  });
  bench.clock.advance(900);
  bench.get(false);
  bench.clock.advance(900);
  const consumer = bench.consume(false, 0);
  bench.clock.advance(5000);
  assert.deepEqual(bench.events, ['empty']);
  bench.queue.removeConsumer(consumer);
  bench.clock.advance(999);
  assert.deepEqual(bench.events, ['empty']);
  bench.clock.advance(1);
  assert.deepEqual(bench.events, ['empty', 'unused']);
  await bench.close();
});
