/** Memory and disk run out: publishers are blocked and told, consumers and acks go on, and so does all the rest when there is room. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'amqplib';
import type { BrokerOptions, ResourceLimit } from '../../src/broker.ts';
import { eventually, withDeadline } from '../conformance/waiting.ts';
import type { RawClient } from '../differential/raw-client.ts';
import { FillableDisk } from '../integration/fillable-disk.ts';
import { LimitedBroker, readyCount } from '../integration/limited-broker.ts';
import { PikaPublisher } from './pika-publisher.ts';
import { SmallDisk } from './small-disk.ts';

/** Whatever a process takes is more than this, and less than that. */
const NO_MEMORY: ResourceLimit = { absolute: 1 };
const ALL_MEMORY: ResourceLimit = { relative: 1 };
/** Whatever is free is less than this. */
const MORE_THAN_ANY_DISK: ResourceLimit = { absolute: 2 ** 60 };
const NO_LIMIT: ResourceLimit = { absolute: 0 };
const QUICK_CHECKS = {
  shortestMemoryCheckMs: 5,
  longestMemoryCheckMs: 20,
  shortestDiskCheckMs: 5,
  longestDiskCheckMs: 20,
};

async function onDisk(t: TestContext, options: BrokerOptions = {}): Promise<LimitedBroker> {
  const dataDir = await mkdtemp(join(tmpdir(), 'leveret-alarms-'));
  const started = await LimitedBroker.start(t, { memory: false, dataDir, ...options });
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  return started;
}

/** What has come on a channel and nobody has taken. */
function told(client: RawClient): string[] {
  const texts: string[] = [];
  while (client.channelsWithFrames().includes(0)) {
    const { name, args } = client.takeQueued(0)!;
    texts.push(args.reason === undefined ? name : `${name}: ${args.reason}`);
  }
  return texts;
}

async function expectTold(client: RawClient, name: string, reason?: string): Promise<void> {
  const { args } = await client.channel(0).expect(name);
  if (reason !== undefined) assert.equal(args.reason, reason);
}

test('who publishes while memory is short is told so once, and again when it is not; who does not is told nothing', async (t) => {
  const started = await LimitedBroker.start(t, {});
  const { broker } = started;
  const [publisher, consumer, before] = [await started.open(), await started.open(), await started.open()];
  await publisher.call('queue.declare', { queue: 'q' });
  before.publish({ routingKey: 'q', body: '0' });
  await eventually('the first message', async () => (await readyCount(publisher, 'q')) === 1);
  await consumer.call('basic.consume', { queue: 'q' });
  await consumer.expect('basic.deliver');
  broker.setMemoryHighWatermark(NO_MEMORY);
  for (let number = 1; number < 4; number++) publisher.publish({ routingKey: 'q', body: String(number) });
  await expectTold(publisher, 'connection.blocked', 'low on memory');
  const late = await started.open();
  late.publish({ routingKey: 'q', body: '4' });
  await expectTold(late, 'connection.blocked', 'low on memory');
  for (const client of [consumer, before]) await client.call('basic.qos', { prefetchCount: 0 });
  assert.deepEqual([publisher, consumer, before, late].map(told), [[], [], [], []]);
  assert.deepEqual(consumer.channelsWithFrames(), [], 'nothing is published meanwhile');

  broker.setMemoryHighWatermark(ALL_MEMORY);
  for (const client of [publisher, late]) await expectTold(client, 'connection.unblocked');
  const bodies = [];
  for (let number = 1; number <= 4; number++) {
    bodies.push((await consumer.expect('basic.deliver')).body?.toString());
  }
  assert.deepEqual(bodies.sort(), ['1', '2', '3', '4']);
  assert.deepEqual([publisher, consumer, before, late].map(told), [[], [], [], []]);
});

test('a client that does not understand connection.blocked is not told, and its publishes are there in the end', async (t) => {
  const started = await LimitedBroker.start(t, { alarms: { memoryHighWatermark: NO_MEMORY } });
  const client = await started.open({ clientProperties: {} });
  await client.call('queue.declare', { queue: 'q' });
  client.publish({ routingKey: 'q', body: 'x' });
  await (await started.open()).call('basic.qos', { prefetchCount: 1 });
  started.broker.setMemoryHighWatermark(ALL_MEMORY);
  await eventually('the message', async () => (await readyCount(client, 'q')) === 1);
  assert.deepEqual(told(client), []);
});

test('while memory is short, a connection that publishes on one channel goes on to consume and to ack on another', async (t) => {
  const started = await LimitedBroker.start(t, {});
  const client = await started.open();
  await client.call('queue.declare', { queue: 'work' });
  for (let number = 0; number < 500; number++) client.publish({ routingKey: 'work', body: String(number) });
  await eventually('the work', async () => (await readyCount(client, 'work')) === 500);
  await client.openChannel(2);
  await client.channel(2).call('basic.qos', { prefetchCount: 10 });
  await client.channel(2).call('basic.consume', { queue: 'work' });
  started.broker.setMemoryHighWatermark(NO_MEMORY);
  client.publish({ routingKey: 'results', body: 'x' });
  await expectTold(client, 'connection.blocked', 'low on memory');
  for (let number = 0; number < 500; number++) {
    const { args, body } = await client.channel(2).expect('basic.deliver');
    assert.equal(body?.toString(), String(number));
    client.channel(2).send('basic.ack', { deliveryTag: Number(args.deliveryTag) });
  }
  const witness = await started.open();
  await eventually('every ack', async () => (await readyCount(witness, 'work')) === 0);
});

test('alarms add up: the reason names what is low when a publish meets it, and publishers go on when none is left', async (t) => {
  const disk = new FillableDisk();
  const started = await onDisk(t, { disk });
  t.after(() => {
    disk.isFull = false;
  });
  const { broker } = started;
  const [first, second, third] = [await started.open(), await started.open(), await started.open()];
  await first.call('queue.declare', { queue: 'q', durable: true });
  broker.setMemoryHighWatermark(NO_MEMORY);
  first.publish({ routingKey: 'q' });
  await expectTold(first, 'connection.blocked', 'low on memory');
  await broker.setDiskFreeLimit(MORE_THAN_ANY_DISK);
  second.publish({ routingKey: 'q' });
  await expectTold(second, 'connection.blocked', 'low on disk & memory');
  broker.setMemoryHighWatermark(ALL_MEMORY);
  third.publish({ routingKey: 'q' });
  await expectTold(third, 'connection.blocked', 'low on disk');
  assert.deepEqual([first, second, third].map(told), [[], [], []]);

  await broker.setDiskFreeLimit(NO_LIMIT);
  for (const client of [first, second, third]) await expectTold(client, 'connection.unblocked');
  disk.isFull = true;
  first.publish({ routingKey: 'q', properties: { deliveryMode: 2 } });
  await expectTold(first, 'connection.blocked', 'low on disk');
  await broker.setDiskFreeLimit(MORE_THAN_ANY_DISK);
  assert.deepEqual(
    broker.resources().alarms.map(({ cause, resource }) => [cause, resource]),
    [
      ['journal', 'disk'],
      ['disk', 'disk'],
    ],
  );
  disk.isFull = false;
  await eventually('the journal to be written', async () => broker.resources().alarms.length === 1);
  await first.call('basic.qos', { prefetchCount: 1 });
  assert.deepEqual(told(first), [], 'there is an alarm left');
  await broker.setDiskFreeLimit(NO_LIMIT);
  await expectTold(first, 'connection.unblocked');
});

test('what is low, what the limits are and since when there is an alarm can be read at any time', async (t) => {
  const started = await onDisk(t, { alarms: QUICK_CHECKS });
  const { broker } = started;
  const calm = broker.resources();
  assert.deepEqual([calm.memoryAlarm, calm.diskFreeAlarm, calm.alarms], [false, false, []]);
  assert.equal(calm.diskFreeLimitBytes, 50_000_000);
  assert.ok(calm.memoryUsedBytes > 0 && calm.memoryUsedBytes < calm.memoryLimitBytes);
  assert.ok(calm.diskFreeBytes !== null && calm.diskFreeBytes > 0);
  const raisedAtMs = Date.now();
  broker.setMemoryHighWatermark({ absolute: 4096 });
  const { memoryAlarm, diskFreeAlarm, memoryLimitBytes, alarms } = broker.resources();
  assert.deepEqual([memoryAlarm, diskFreeAlarm, memoryLimitBytes], [true, false, 4096]);
  assert.deepEqual(
    alarms.map(({ cause }) => cause),
    ['memory'],
  );
  assert.ok(alarms[0]!.sinceMs >= raisedAtMs && alarms[0]!.sinceMs <= Date.now());
  assert.throws(() => broker.setMemoryHighWatermark({ relative: -0.1 }), RangeError);
  await assert.rejects(broker.setDiskFreeLimit({ absolute: Number.NaN }), RangeError);
  assert.equal(broker.resources().memoryLimitBytes, 4096);
});

test('the HTTP API shows a node with its limits and alarms', async (t) => {
  const { broker } = await onDisk(t, { management: { port: 0 } });
  const node = async () => {
    const authorization = `Basic ${Buffer.from('guest:guest').toString('base64')}`;
    const answer = await fetch(`${broker.managementUrl}/api/nodes`, { headers: { authorization } });
    const [{ mem_limit, mem_alarm, disk_free_limit, disk_free_alarm }] = (await answer.json()) as [NodeView];
    return { mem_limit, mem_alarm, disk_free_limit, disk_free_alarm };
  };
  broker.setMemoryHighWatermark({ absolute: 4096 });
  const shown = { mem_limit: 4096, mem_alarm: true, disk_free_limit: 50_000_000, disk_free_alarm: false };
  assert.deepEqual(await node(), shown);
  await broker.setDiskFreeLimit({ absolute: 2e15 });
  assert.deepEqual(await node(), { ...shown, disk_free_limit: 2e15, disk_free_alarm: true });
});

interface NodeView {
  readonly mem_limit: number;
  readonly mem_alarm: boolean;
  readonly disk_free_limit: number;
  readonly disk_free_alarm: boolean;
}

test('a broker in memory has no disk to watch, whatever the limit', async (t) => {
  const { broker } = await LimitedBroker.start(t, { alarms: { diskFreeLimit: MORE_THAN_ANY_DISK } });
  await broker.setDiskFreeLimit({ absolute: 2 ** 61 });
  assert.deepEqual([broker.resources().diskFreeBytes, broker.resources().alarms], [null, []]);
});

test('a broker that starts with little room has the alarm before anybody is let in', async (t) => {
  const { broker } = await onDisk(t, { alarms: { diskFreeLimit: MORE_THAN_ANY_DISK } });
  assert.deepEqual(
    broker.resources().alarms.map(({ cause }) => cause),
    ['disk'],
  );
});

test('a disk that fills up below the limit blocks publishers, with what is confirmed intact, until there is room', async (t) => {
  await SmallDisk.with(t, '64m', async (disk) => {
    const dataDir = join(disk.path, 'data');
    mkdirSync(dataDir);
    const alarms = { ...QUICK_CHECKS, diskFreeLimit: { absolute: 20_000_000 } };
    const started = await LimitedBroker.start(t, { memory: false, dataDir, alarms });
    const client = await started.open();
    await client.call('queue.declare', { queue: 'q', durable: true });
    await client.call('confirm.select');
    client.publish({ routingKey: 'q', properties: { deliveryMode: 2 }, body: 'before' });
    await client.expect('basic.ack');
    disk.addBallast(50_000_000);
    await eventually('the alarm', async () => started.broker.resources().diskFreeAlarm);
    client.publish({ routingKey: 'q', properties: { deliveryMode: 2 }, body: 'while' });
    await expectTold(client, 'connection.blocked', 'low on disk');
    const consumer = await started.open();
    await consumer.call('basic.consume', { queue: 'q' });
    const { args, body } = await consumer.expect('basic.deliver');
    assert.equal(body?.toString(), 'before');
    consumer.send('basic.ack', { deliveryTag: Number(args.deliveryTag) });
    await consumer.call('basic.qos', { prefetchCount: 0 });
    assert.deepEqual(client.channelsWithFrames(), [], 'nothing is confirmed meanwhile');
    disk.dropBallast();
    await expectTold(client, 'connection.unblocked');
    await client.expect('basic.ack');
    assert.equal((await consumer.expect('basic.deliver')).body?.toString(), 'while');
    // Before the disk is unmounted. A raw client answers no close.
    for (const each of [client, consumer]) each.abort();
    await started.broker.stop();
  });
});

test('amqplib is told that it is blocked, and unblocked, and what it published is there', async (t) => {
  const { broker } = await LimitedBroker.start(t, {});
  const connection = await connect(broker.url);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('q');
  broker.setMemoryHighWatermark(NO_MEMORY);
  const [blocked, unblocked] = [once(connection, 'blocked'), once(connection, 'unblocked')];
  channel.sendToQueue('q', Buffer.from('x'));
  assert.deepEqual(await withDeadline('connection.blocked', blocked), ['low on memory']);
  broker.setMemoryHighWatermark(ALL_MEMORY);
  await withDeadline('connection.unblocked', unblocked);
  await channel.waitForConfirms();
  assert.equal((await channel.checkQueue('q')).messageCount, 1);
  await connection.close();
});

test('pika is told that it is blocked, and unblocked, and what it published is there', async (t) => {
  const started = await LimitedBroker.start(t, {});
  const { broker } = started;
  const client = await started.open();
  await client.call('queue.declare', { queue: 'q' });
  const pika = await PikaPublisher.start(t, broker.url);
  if (pika === null) return;
  broker.setMemoryHighWatermark(NO_MEMORY);
  pika.publish('q', 'x');
  assert.equal(await pika.next(), 'blocked: low on memory');
  broker.setMemoryHighWatermark(ALL_MEMORY);
  assert.equal(await pika.next(), 'unblocked');
  await eventually('the message', async () => (await readyCount(client, 'q')) === 1);
  await pika.end();
});
