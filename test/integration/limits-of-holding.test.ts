/** What a client may let the broker hold for it: deliveries without acks, bytes it does not read, transactions it does not end. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { Limits } from '../../src/broker.ts';
import { eventually } from '../conformance/waiting.ts';
import type { RawClient, Received } from '../differential/raw-client.ts';
import { LimitedBroker, readyCount } from './limited-broker.ts';

const start = (t: TestContext, limits: Partial<Limits>) => LimitedBroker.start(t, { limits });
const KIB = 1024;
const MIB = KIB * KIB;

async function declareWith(
  client: RawClient,
  queue: string,
  count: number,
  body: string | Buffer = 'x',
): Promise<void> {
  await client.call('queue.declare', { queue });
  for (let i = 0; i < count; i++) client.publish({ routingKey: queue, body });
  await eventually(`${count} messages in ${queue}`, async () => (await readyCount(client, queue)) === count);
}

/** Asks until the answer stays the same for as many round trips as anything the broker does takes. */
async function steadyCount(client: RawClient, queue: string): Promise<number> {
  let last = -1;
  for (let same = 0; same < 30; same++) {
    const count = await readyCount(client, queue);
    if (count !== last) same = 0;
    last = count;
  }
  return last;
}

function assertClose({ name, args }: Received, replyCode: number, replyText: string | RegExp): void {
  assert.ok(name === 'channel.close' || name === 'connection.close', name);
  assert.equal(args.replyCode, replyCode);
  if (typeof replyText === 'string') assert.equal(args.replyText, replyText);
  else assert.match(String(args.replyText), replyText);
}

describe('deliveries without acks', { concurrency: true }, () => {
  test('channel_unacked_max: consumers of a channel get no more together, and go on with the next ack', async (t) => {
    const broker = await start(t, { maxUnackedPerChannel: 5 });
    const client = await broker.open();
    await client.call('queue.declare', { queue: 'q' });
    await client.openChannel(2);
    for (const consumerTag of ['a', 'b']) await client.channel(2).call('basic.consume', { queue: 'q', consumerTag });
    for (let i = 0; i < 20; i++) client.publish({ routingKey: 'q' });
    const first = await client.channel(2).readMany(5);
    assert.equal(await steadyCount(client, 'q'), 15);
    client.channel(2).send('basic.ack', { deliveryTag: Number(first[2]!.args.deliveryTag) });
    await client.channel(2).expect('basic.deliver');
    assert.equal(await steadyCount(client, 'q'), 14);
    client.channel(2).send('basic.ack', { deliveryTag: 0, multiple: true });
    await client.channel(2).readMany(5);
    assert.equal(await steadyCount(client, 'q'), 9);
  });

  test('channel_unacked_max: a prefetch over all consumers cannot lift it', async (t) => {
    const broker = await start(t, { maxUnackedPerChannel: 5 });
    const client = await broker.open();
    await declareWith(client, 'q', 20);
    await client.openChannel(2);
    await client.channel(2).call('basic.qos', { prefetchCount: 50, global: true });
    await client.channel(2).call('basic.consume', { queue: 'q' });
    await client.channel(2).readMany(5);
    assert.equal(await steadyCount(client, 'q'), 15);
  });

  test('channel_unacked_max: basic.get beyond it closes the channel with 406, and nothing is lost', async (t) => {
    const broker = await start(t, { maxUnackedPerChannel: 5 });
    const client = await broker.open();
    await declareWith(client, 'q', 20);
    await client.openChannel(2);
    for (let i = 0; i < 5; i++) {
      client.channel(2).send('basic.get', { queue: 'q' });
      await client.channel(2).expect('basic.get-ok');
    }
    client.channel(2).send('basic.get', { queue: 'q', noAck: true });
    await client.channel(2).expect('basic.get-ok');
    client.channel(2).send('basic.get', { queue: 'q' });
    const text = 'PRECONDITION_FAILED - channel 2 holds 5 unacknowledged deliveries, as many as it may';
    assertClose(await client.read(2), 406, text);
    assert.equal(await readyCount(client, 'q'), 19);
  });

  test('consumer_timeout: a delivery that waits too long closes its channel with 406 and comes back', async (t) => {
    const broker = await start(t, { consumerTimeoutMs: 200 });
    const client = await broker.open();
    await declareWith(client, 'q', 1);
    await client.openChannel(2);
    await client.channel(2).call('basic.consume', { queue: 'q' });
    await client.channel(2).expect('basic.deliver');
    const text =
      /^PRECONDITION_FAILED - delivery acknowledgement on channel 2 timed out\. Timeout value used: 200 ms\./;
    assertClose(await client.read(2), 406, text);
    assert.equal(await readyCount(client, 'q'), 1);
  });
});

describe('readers that do not read', { concurrency: true }, () => {
  const BODY = Buffer.alloc(64 * KIB, 'b');
  const COUNT = 300;

  /** A consumer without acks that has stopped reading, and a queue with far more than the kernel takes for it. */
  async function startStuck(t: TestContext, limits: Partial<Limits>) {
    const broker = await start(t, limits);
    const client = await broker.open();
    const stuck = await broker.open();
    await client.call('queue.declare', { queue: 'q' });
    await stuck.call('basic.consume', { queue: 'q', noAck: true });
    stuck.stopReading();
    for (let i = 0; i < COUNT; i++) client.publish({ routingKey: 'q', body: BODY });
    await eventually('the stuck reader to be given nothing more', async () => (await steadyCount(client, 'q')) > 0);
    return { broker, client, stuck };
  }

  test('send_buffer_max: deliveries stop, others are served, and it gets the rest when it reads on', async (t) => {
    const { broker, client, stuck } = await startStuck(t, { maxSendBufferBytes: 256 * KIB });
    const left = await steadyCount(client, 'q');
    assert.ok(left > COUNT / 2, `${COUNT - left} of ${COUNT} messages are in buffers`);
    await declareWith(client, 'other', 10);
    const other = await broker.open();
    await other.call('basic.consume', { queue: 'other', noAck: true });
    await other.channel(1).readMany(10);
    stuck.readOn();
    const all = await stuck.channel(1).readMany(COUNT);
    assert.ok(all.every(({ body }) => body?.length === BODY.length));
    assert.equal(await readyCount(client, 'q'), 0);
  });

  test('send_buffer_max: what a stuck reader does not get goes to another consumer of the same queue', async (t) => {
    const { broker, client } = await startStuck(t, { maxSendBufferBytes: 256 * KIB });
    const left = await steadyCount(client, 'q');
    const other = await broker.open();
    await other.call('basic.consume', { queue: 'q', noAck: true });
    await other.channel(1).readMany(left);
    assert.equal(await readyCount(client, 'q'), 0);
  });

  test('send_timeout: a reader that takes nothing for so long is cut off, and its messages come back', async (t) => {
    const broker = await start(t, { maxSendBufferBytes: 64 * KIB, sendTimeoutMs: 300 });
    const client = await broker.open();
    const stuck = await broker.open();
    await client.call('queue.declare', { queue: 'q' });
    await stuck.call('basic.consume', { queue: 'q' });
    stuck.stopReading();
    for (let i = 0; i < COUNT; i++) client.publish({ routingKey: 'q', body: BODY });
    await eventually('all messages to be ready again', async () => {
      const { args } = await client.call('queue.declare', { queue: 'q', passive: true });
      return Number(args.consumerCount) === 0 && Number(args.messageCount) === COUNT;
    });
  });

  test('send_buffer_max: who asks and does not read is not listened to until it has read', async (t) => {
    const broker = await start(t, { maxSendBufferBytes: 128 * KIB });
    const client = await broker.open();
    await declareWith(client, 'large', 1, Buffer.alloc(128 * KIB));
    const asking = await broker.open();
    await asking.openChannel(2);
    asking.stopReading();
    const count = 200;
    for (let i = 0; i < count; i++) {
      asking.send('basic.get', { queue: 'large' });
      asking.send('basic.nack', { deliveryTag: i + 1, requeue: true });
    }
    asking.channel(2).send('queue.declare', { queue: 'asked for last' });
    await client.openChannel(2);
    for (let i = 0; i < 100; i++) await readyCount(client, 'large');
    const answer = await client.channel(2).ask('queue.declare', { queue: 'asked for last', passive: true });
    assert.equal(answer.name, 'channel.close', 'it has been listened to, up to its last request');
    asking.readOn();
    for (let i = 0; i < count; i++) await asking.channel(1).expect('basic.get-ok');
    await asking.channel(2).expect('queue.declare-ok');
  });

  test('reply_buffer_max: replies to a requester that does not read are dropped, and nobody who answers waits', async (t) => {
    const broker = await start(t, { maxReplyBufferBytes: MIB });
    const requester = await broker.open();
    await requester.call('basic.consume', { queue: 'amq.rabbitmq.reply-to', noAck: true });
    const responder = await broker.open();
    await responder.call('queue.declare', { queue: 'requests' });
    await responder.call('confirm.select');
    requester.publish({ routingKey: 'requests', properties: { replyTo: 'amq.rabbitmq.reply-to' }, body: 'ask' });
    let request: Received | undefined;
    await eventually('the request', async () => {
      request = await responder.channel(1).ask('basic.get', { queue: 'requests', noAck: true });
      return request.name === 'basic.get-ok';
    });
    requester.stopReading();
    const routingKey = String(request?.properties?.replyTo);
    const count = 300;
    for (let i = 0; i < count; i++) responder.publish({ routingKey, body: BODY });
    for (let confirmed = 0; confirmed < count; ) {
      confirmed = Number((await responder.channel(1).expect('basic.ack')).args.deliveryTag);
    }
    responder.publish({ routingKey, body: 'lost as well' });
    await responder.channel(1).expect('basic.ack');
    requester.readOn();
    await requester.openChannel(2);
    await requester.channel(2).call('basic.qos');
    let replies = 0;
    while (requester.takeQueued(1) !== undefined) replies++;
    assert.ok(replies > 10 && replies < count, `${replies} of ${count} replies came`);
  });
});

describe('open transactions', { concurrency: true }, () => {
  const TOO_LARGE = 'RESOURCE_ERROR - the open transaction holds more than 100000 bytes; commit more often';

  test('transaction_size_max: one that grows beyond it closes the connection with 506, and nothing of it is kept', async (t) => {
    const broker = await start(t, { maxTransactionBytes: 100_000 });
    const client = await broker.open();
    const other = await broker.open();
    await other.call('queue.declare', { queue: 'q' });
    await client.call('tx.select');
    for (let i = 0; i < 3; i++) client.publish({ routingKey: 'q', body: Buffer.alloc(30_000) });
    await client.call('tx.commit');
    for (let i = 0; i < 4; i++) client.publish({ routingKey: 'q', body: Buffer.alloc(30_000) });
    assertClose(await client.channel(0).read(), 506, TOO_LARGE);
    assert.equal(await readyCount(other, 'q'), 3);
  });

  test('transaction_size_max: empty messages count too', async (t) => {
    const broker = await start(t, { maxTransactionBytes: 100_000 });
    const client = await broker.open();
    await client.call('tx.select');
    for (let i = 0; i < 1000; i++) client.publish({ routingKey: 'q' });
    assertClose(await client.channel(0).read(), 506, TOO_LARGE);
  });
});
