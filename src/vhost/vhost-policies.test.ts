import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bootstrap } from '../metadata/bootstrap.ts';
import { openMemoryStore } from '../metadata/memory-store.ts';
import type { Change, JsonObject, MetadataStore, PolicyRecord } from '../metadata/port.ts';
import { makeMany, putExchange, putQueue, userRecord, vhostRecord } from '../metadata/test-records.ts';
import { Churn } from '../metrics/churn.ts';
import { fromPlain, type PlainObject } from '../protocol/field-table.ts';
import { DelayMover } from '../queues/delay-mover.ts';
import type { Queue } from '../queues/queue.ts';
import { systemDisk } from '../runtime/disk.ts';
import { createLog } from '../runtime/log.ts';
import { TestClock } from '../runtime/test-clock.ts';
import { MessageStore } from '../storage/message-store.ts';
import { PlainSegmentWriter } from '../storage/segment-writer.ts';
import { newMessage } from '../storage/test-store.ts';
import type { Vhost } from './vhost.ts';
import { Vhosts } from './vhosts.ts';

/** Vhosts over a store of metadata, without connections. */
class Bench {
  readonly metadata: MetadataStore;
  readonly clock = new TestClock();
  readonly logged: string[] = [];
  readonly gone: string[] = [];
  readonly vhosts: Vhosts;
  readonly #awake = new Set<Queue>();

  constructor(metadata: MetadataStore) {
    this.metadata = metadata;
    const log = createLog('warning', (line) => this.logged.push(line.replace(/^.*\] </, '').trimEnd()));
    const memory = { journalFileBytes: 0, memoryLimitBytes: Infinity, unwrittenLimitBytes: Infinity };
    const store = new MessageStore(
      { directory: null, disk: systemDisk, clock: this.clock, log, fdatasync: false, ...memory },
      { onDurable: () => undefined, onTrouble: () => undefined, onRelief: () => undefined },
      { visitLive: () => undefined, marks: () => new Map() },
    );
    this.vhosts = new Vhosts({
      nodeName: 'node',
      store,
      clock: this.clock,
      log,
      churn: new Churn(),
      counting: 'fine',
      giveBack: () => undefined,
      wake: (queue) => {
        queue.awake = true;
        this.#awake.add(queue);
      },
      delays: {
        disk: systemDisk,
        damage: null,
        files: null,
        mover: new DelayMover(new PlainSegmentWriter(systemDisk)),
        segmentBytes: Infinity,
        turn: { schedule: () => undefined, awaitTime: () => undefined },
      },
      turnMs: () => this.clock.nowMs(),
      unused: ({ name }) => this.gone.push(name),
      exchangeUnused: () => undefined,
    });
    this.vhosts.restore(metadata.snapshot());
    metadata.follow((change) => this.vhosts.apply(change));
  }

  static async start(): Promise<Bench> {
    const metadata = openMemoryStore({ clusterName: 'c' });
    const permissions = { configure: '', write: '', read: '' };
    await bootstrap(metadata, { vhost: '/', user: userRecord(), permissions });
    return new Bench(metadata);
  }

  get vhost(): Vhost {
    return this.vhosts.get('/')!;
  }

  propose(...changes: Change[]): void {
    this.metadata.propose(changes, (error) => assert.equal(error, null));
  }

  queue(name: string, args: PlainObject = {}): Queue {
    const id = this.metadata.allocateQueueId();
    this.propose(putQueue({ name, id, durable: false, arguments: fromPlain(args) }));
    return this.vhost.queues.get(name)!;
  }

  /** By default for everything, so that what it says shows. */
  put(name: string, definition: JsonObject, values: Partial<PolicyRecord> = {}): void {
    this.propose({ kind: 'put-policy', policy: policyRecord(name, definition, values) });
  }

  publish(routingKey: string, exchange = ''): string {
    const message = newMessage('body', {});
    message.publishedAtMs = this.clock.nowMs();
    const from = exchange === '' ? null : this.vhost.exchanges.get(exchange)!;
    const { route } = this.vhost.route(from, { routingKey, otherKeys: [], properties: () => ({}) });
    return this.vhost.publish(message, route);
  }

  turn(): void {
    while (this.#awake.size > 0) {
      const awake = [...this.#awake];
      this.#awake.clear();
      for (const queue of awake) {
        queue.awake = false;
        queue.dispatch();
      }
    }
  }
}

function policyRecord(name: string, definition: JsonObject, values: Partial<PolicyRecord> = {}): PolicyRecord {
  return { vhost: '/', name, pattern: '', applyTo: 'all', priority: 0, definition, ...values };
}

describe('policies of a vhost', () => {
  test('change queues and exchanges that are there, follow every change, and let go of what they no longer match', async () => {
    const bench = await Bench.start();
    const queue = bench.queue('q');
    const exchange = bench.vhost.exchanges.get('amq.topic')!;
    bench.put('p', { 'max-length': 3, 'alternate-exchange': 'amq.fanout' });
    assert.deepEqual([queue.settings.maxLength, exchange.alternateExchange], [3, 'amq.fanout']);
    bench.put('p', { 'max-length': 2 });
    assert.deepEqual([queue.settings.maxLength, exchange.alternateExchange], [2, undefined]);
    bench.propose({ kind: 'put-operator-policy', policy: policyRecord('o', { 'max-length': 1 }) });
    assert.equal(queue.settings.maxLength, 1);
    bench.put('p', { 'max-length': 2 }, { pattern: '^other$' });
    bench.propose({ kind: 'delete-operator-policy', vhost: '/', name: 'o' });
    assert.equal(queue.settings.maxLength, undefined);
    bench.put('p', { 'max-length': 2 });
    bench.propose({ kind: 'delete-policy', vhost: '/', name: 'p' });
    assert.deepEqual(queue.settings, { overflow: 'drop-head', singleActiveConsumer: false });
  });

  test('hold for what is declared later', async () => {
    const bench = await Bench.start();
    bench.put('p', { 'max-length': 3, 'alternate-exchange': 'amq.fanout' });
    bench.propose(putExchange({ name: 'x' }));
    assert.equal(bench.queue('q').settings.maxLength, 3);
    assert.equal(bench.queue('r', { 'x-max-length': 2 }).settings.maxLength, 2);
    assert.equal(bench.vhost.exchanges.get('x')!.alternateExchange, 'amq.fanout');
    const declared = fromPlain({ 'alternate-exchange': 'amq.direct' });
    bench.propose(putExchange({ name: 'y', arguments: declared }));
    assert.equal(bench.vhost.exchanges.get('y')!.alternateExchange, 'amq.direct');
  });

  test('hold after a restart', async () => {
    const bench = await Bench.start();
    bench.propose(putQueue({ name: 'q', id: bench.metadata.allocateQueueId(), durable: true }));
    bench.put('p', { 'max-length': 3 });
    bench.propose({ kind: 'put-operator-policy', policy: policyRecord('o', { expires: 1000 }) });
    const { settings } = new Bench(bench.metadata).vhost.queues.get('q')!;
    assert.deepEqual([settings.maxLength, settings.expiresMs], [3, 1000]);
  });

  test('are those of their own vhost', async () => {
    const bench = await Bench.start();
    bench.propose({ kind: 'put-vhost', vhost: vhostRecord('other') });
    const queue = bench.queue('q');
    bench.put('p', { 'max-length': 3 }, { vhost: 'other' });
    assert.equal(queue.settings.maxLength, undefined);
  });

  test('can be read with what they say together, for the default exchange too', async () => {
    const bench = await Bench.start();
    bench.queue('q');
    const none = { policy: undefined, operatorPolicy: undefined, definition: null };
    assert.deepEqual(bench.vhost.policies.of('queue', 'q'), none);
    assert.deepEqual(bench.vhost.policies.of('exchange', ''), none);
    bench.put('p', { 'max-length': 3, overflow: 'reject-publish' });
    bench.propose({ kind: 'put-operator-policy', policy: policyRecord('o', { 'max-length': 2 }) });
    const { policy, operatorPolicy, definition } = bench.vhost.policies.of('queue', 'q');
    assert.deepEqual([policy?.name, operatorPolicy?.name], ['p', 'o']);
    assert.deepEqual(definition, { 'max-length': 2, overflow: 'reject-publish' });
    for (const name of ['', 'amq.topic']) {
      assert.equal(bench.vhost.policies.of('exchange', name).policy?.name, 'p');
    }
    assert.deepEqual(bench.vhost.policies.of('queue', 'nobody'), none);
  });

  test('make routes that were worked out before be worked out anew', async () => {
    const bench = await Bench.start();
    bench.queue('rest');
    const before = bench.vhost.topologyVersion;
    bench.put('p', { 'max-length': 1 }, { pattern: '^nobody$' });
    assert.equal(bench.vhost.topologyVersion, before, 'a policy for nobody costs nothing');
    bench.put('p', { 'alternate-exchange': 'amq.fanout' });
    assert.notEqual(bench.vhost.topologyVersion, before);
  });

  test('that are taken for later are named in the log, each key once', async () => {
    const bench = await Bench.start();
    bench.put('a', { 'ha-mode': 'all', 'ha-sync-mode': 'automatic', 'max-length': 3 });
    bench.put('b', { 'ha-mode': 'all', 'queue-mode': 'lazy' });
    bench.put('c', { 'federation-upstream-set': 'all' });
    assert.deepEqual(bench.logged, [
      "policy> policy 'a' in vhost '/': ha-mode, ha-sync-mode are kept, but this version does not act upon them",
      "policy> policy 'c' in vhost '/': federation-upstream-set is kept, but this version does not act upon it",
    ]);
  });
});

test('a policy with a pattern that this version cannot read applies to nothing, and the log says so', async () => {
  const bench = await Bench.start();
  const queue = bench.queue('q');
  bench.put('p', { 'max-length': 3 }, { pattern: '\\p{L}' });
  assert.equal(queue.settings.maxLength, undefined);
  assert.deepEqual(bench.logged, [
    "policy> policy 'p' in vhost '/' applies to nothing: \\p is not supported in its pattern",
  ]);
});

describe('what a policy does to messages that are ready', () => {
  test('a shorter max-length drops from the head, into the dead letters that the same policy names', async () => {
    const bench = await Bench.start();
    const dead = bench.queue('dead', { 'x-max-length': 10 });
    const queue = bench.queue('q');
    for (let i = 0; i < 3; i++) bench.publish('q');
    const letters = { 'dead-letter-exchange': '', 'dead-letter-routing-key': 'dead' };
    bench.put('p', { 'max-length': 1, ...letters }, { pattern: '^q$' });
    assert.deepEqual([queue.readyCount, dead.readyCount], [1, 2]);
  });

  test('a time to live expires what is due, and one that is taken away lets the rest be', async () => {
    const bench = await Bench.start();
    const queue = bench.queue('q');
    bench.publish('q');
    bench.clock.advance(600);
    bench.publish('q');
    bench.put('p', { 'message-ttl': 500 });
    bench.turn();
    assert.equal(queue.readyCount, 1);
    bench.propose({ kind: 'delete-policy', vhost: '/', name: 'p' });
    bench.turn();
    bench.clock.advance(10_000);
    bench.turn();
    assert.equal(queue.readyCount, 1);
    bench.put('p', { 'message-ttl': 500 });
    bench.turn();
    assert.equal(queue.readyCount, 0);
  });

  test('expires counts from the policy on', async () => {
    const bench = await Bench.start();
    bench.queue('q');
    bench.clock.advance(5000);
    bench.put('p', { expires: 1000 });
    bench.clock.advance(999);
    assert.deepEqual(bench.gone, []);
    bench.clock.advance(1);
    assert.deepEqual(bench.gone, ['q']);
  });

  test('a queue that shall reject publishes rejects them from then on, and drops nothing', async () => {
    const bench = await Bench.start();
    const queue = bench.queue('q');
    for (let i = 0; i < 3; i++) assert.equal(bench.publish('q'), 'routed');
    const { route } = bench.vhost.route(null, { routingKey: 'q', otherKeys: [], properties: () => ({}) });
    bench.put('p', { 'max-length': 2, overflow: 'reject-publish' });
    assert.equal(bench.publish('q'), 'rejected');
    assert.equal(bench.vhost.publish(newMessage('held by a transaction', {}), route.withoutDeleted()), 'rejected');
    assert.equal(queue.readyCount, 3);
  });
});

test('a policy over 10,000 queues is applied well within a second', async () => {
  const bench = await Bench.start();
  await makeMany(
    bench.metadata,
    ...Array.from({ length: 10_000 }, (_, index) => {
      return putQueue({ name: `q${index}`, id: bench.metadata.allocateQueueId(), durable: false });
    }),
  );
  const startMs = performance.now();
  bench.put('p', { 'max-length': 3, overflow: 'reject-publish', expires: 1_000_000 });
  const tookMs = performance.now() - startMs;
  assert.equal(bench.vhost.queues.get('q9999')!.settings.maxLength, 3);
  assert.ok(tookMs < 5000, `${tookMs} ms: a busy machine may take ten times what an idle one does`);
});
