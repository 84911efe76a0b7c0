/** The queue held against a model in plain arrays, over random histories; and what a restart leaves of it. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { createLog } from '../runtime/log.ts';
import { TestClock } from '../runtime/test-clock.ts';
import { MessageStore } from '../storage/message-store.ts';
import { PAGE_SIZE, type Page } from '../storage/page.ts';
import { NO_TTL } from '../storage/record.ts';
import { TestDisk } from '../storage/test-disk.ts';
import { bodyAt, newMemoryDirectory, newMessage } from '../storage/test-store.ts';
import type { Consumer } from './consumer.ts';
import { Queue } from './queue.ts';
import type { QueueSettings } from './queue-settings.ts';
import { QueueModel } from './test-queue-model.ts';

interface Unacked {
  readonly number: number;
  readonly position: number;
  readonly sequence: number;
  readonly size: number;
  readonly lane: number;
  readonly holder: TestConsumer | null;
}

class TestConsumer implements Consumer {
  readonly tag = 'consumer';
  readonly priority = 0;
  readonly exclusive = false;
  readonly noAck: boolean;
  readonly prefetch: number;
  readonly queue: Queue;
  readonly #receive: (consumer: TestConsumer, ...delivery: Parameters<Consumer['deliver']>) => void;
  parked = false;
  blocked = false;
  held = 0;

  constructor(queue: Queue, noAck: boolean, prefetch: number, receive: TestConsumer['receive']) {
    this.queue = queue;
    this.noAck = noAck;
    this.prefetch = prefetch;
    this.#receive = receive;
  }

  get receive(): (consumer: TestConsumer, ...delivery: Parameters<Consumer['deliver']>) => void {
    return this.#receive;
  }

  hasCredit(): boolean {
    return !this.blocked && (this.noAck || this.prefetch === 0 || this.held < this.prefetch);
  }

  deliver(...delivery: Parameters<Consumer['deliver']>): void {
    this.#receive(this, ...delivery);
  }

  cancelledByQueue(): void {}
}

interface BenchOptions {
  readonly settings: QueueSettings;
  readonly countsDeliveries?: boolean;
  readonly directory?: string;
  readonly memoryLimitBytes?: number;
}

/** A queue over a real store, and everything that happens to it as one list of events. */
class QueueBench {
  readonly clock = new TestClock();
  readonly events: string[] = [];
  readonly unacked: Unacked[] = [];
  readonly queue: Queue;
  readonly store: MessageStore;
  #isAwake = false;
  #published = 0;

  constructor({ settings, countsDeliveries = false, directory, memoryLimitBytes = 64 * PAGE_SIZE }: BenchOptions) {
    const log = createLog('none');
    this.store = new MessageStore(
      {
        directory: directory ?? null,
        disk: new TestDisk(),
        clock: this.clock,
        log,
        fdatasync: true,
        journalFileBytes: 4 * PAGE_SIZE,
        memoryLimitBytes,
        unwrittenLimitBytes: 32 * PAGE_SIZE,
      },
      { onDurable: () => {}, onTrouble: () => {}, onRelief: () => {} },
      {
        visitLive: (wanted, visit) => {
          this.queue.visitLive(wanted, (position, size, priority) => visit(1, position, size, priority));
          for (const { position, size, lane } of this.unacked) {
            visit(1, position, size, this.queue.priorityOfLane(lane));
          }
        },
        marks: () => new Map([[1, this.queue]]),
      },
    );
    this.queue = new Queue(
      { vhost: '/', name: 'q', id: 1, durable: directory !== undefined, autoDelete: false, countsDeliveries },
      settings,
      {
        store: this.store,
        clock: this.clock,
        log,
        turnMs: () => this.clock.nowMs(),
        wake: (queue) => {
          queue.awake = true;
          this.#isAwake = true;
        },
        died: () => undefined,
        deadLetter: (_queue, page, offset, reason) => this.events.push(`dead ${numberAt(page, offset)} ${reason}`),
        unused: () => this.events.push('unused'),
      },
    );
    const found = this.store.recovered.get(1);
    if (found !== undefined) assert.equal(this.queue.adopt(found), 0);
    this.store.recoveryTaken();
  }

  /** @returns whether the queue took it. */
  publish(size: number, priority = 0, ttlMs = NO_TTL, persistent = false): boolean {
    const number = this.#published++;
    if (this.queue.refuses(size)) {
      this.events.push('refused');
      return false;
    }
    const message = newMessage(`${number}`.padEnd(size, ' '), { persistent });
    message.bodySize = size;
    message.bodyBytes = Buffer.from(`${number} `.padEnd(size, ' ')).subarray(0, size);
    Object.assign(message, { priority, ttlMs, publishedAtMs: this.clock.nowMs() });
    const durableCount = persistent && this.queue.durable ? 1 : 0;
    const position = this.store.append(message, [1], durableCount, 1);
    this.queue.publish(position, size, priority, ttlMs);
    return true;
  }

  /** The end of a turn: the queue is dispatched only if it has asked for it. */
  turn(): void {
    while (this.#isAwake) {
      this.#isAwake = false;
      this.queue.awake = false;
      this.queue.dispatch();
    }
    this.store.commit();
  }

  /** Turns until so much has happened: pages may have to come from the disk. */
  async turnUntil(eventCount: number): Promise<void> {
    for (let turn = 0; this.events.length < eventCount; turn++) {
      assert(turn < 10_000, `only ${this.events}`);
      this.turn();
      await new Promise((next) => setImmediate(next));
    }
  }

  consume(noAck: boolean, prefetch: number): TestConsumer {
    const consumer = new TestConsumer(this.queue, noAck, prefetch, (...args) => this.#receive('deliver', ...args));
    this.queue.addConsumer(consumer);
    return consumer;
  }

  get(noAck: boolean): void {
    const taker = { noAck } as TestConsumer;
    const taken = this.queue.get(noAck, (...delivery) => this.#receive('get', taker, ...delivery));
    if (!taken) this.events.push('empty');
  }

  #receive(word: string, consumer: TestConsumer, ...delivery: Parameters<Consumer['deliver']>): void {
    const [page, offset, position, sequence, size, redelivered] = delivery;
    const number = numberAt(page, offset);
    this.events.push(`${word} ${number}${redelivered ? ' again' : ''}`);
    if (consumer.noAck) return;
    const holder = word === 'deliver' ? consumer : null;
    if (holder !== null) holder.held++;
    this.unacked.push({ number, position, sequence, size, lane: this.queue.currentLane, holder });
  }

  settle(index: number, how: 'ack' | 'reject' | 'requeue'): void {
    const [{ position, sequence, size, lane, holder }] = this.unacked.splice(index, 1) as [Unacked];
    if (holder !== null) holder.held--;
    if (how === 'ack') this.queue.acknowledge(position);
    else if (how === 'reject') this.queue.reject(position);
    else this.queue.giveBack(position, sequence, size, lane);
    if (holder?.parked === true) this.queue.consumerReady(holder);
  }

  /** The rest of a real life: the store, which may be asked to forget. */
  async close(): Promise<void> {
    this.queue.stop();
    await this.store.close();
  }
}

/** Bodies begin with the message's number. Their length is part of what is tested, so numbers of short ones are found by place. */
function numberAt(page: Page, offset: number): number {
  return Number.parseInt(bodyAt(page, offset).toString(), 10);
}

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
