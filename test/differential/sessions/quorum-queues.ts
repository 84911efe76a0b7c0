/** Quorum queues as a client sees them on one node. */

import type { RawChannel } from '../raw-client.ts';
import { group, type Session, type SessionContext } from '../session.ts';
import { drainQueue } from './publishing.ts';

export const quorumQueueSessions: Session[] = [];
const session = group('quorum queues', quorumQueueSessions);

session('publish, confirm, get, ack', async (s) => {
  const { channel, queue } = await withQuorumQueue(s);
  await channel.call('confirm.select');
  channel.publish({ routingKey: queue, body: 'm' });
  await channel.read();
  await channel.ask('basic.get', { queue });
  channel.send('basic.ack', { deliveryTag: 1 });
  await channel.ask('basic.get', { queue });
  await channel.ask('queue.delete', { queue });
});

session('a redelivery carries x-delivery-count', async (s) => {
  const { channel, queue } = await withQuorumQueue(s);
  await s.fill(channel, queue, ['m']);
  const consumer = await consume(channel, queue);
  for (let round = 1; round <= 3; round++) {
    await consumer.read();
    consumer.send('basic.reject', { deliveryTag: round, requeue: true });
  }
  await consumer.read();
  await channel.call('queue.delete', { queue });
  await consumer.read();
});

session('the header x-delivery-count joins the headers of the message', async (s) => {
  const { channel, queue } = await withQuorumQueue(s);
  await channel.call('confirm.select');
  channel.publish({ routingKey: queue, properties: { headers: { mine: 1 } }, body: 'm' });
  await channel.read();
  const consumer = await consume(channel, queue);
  await consumer.read();
  consumer.send('basic.nack', { deliveryTag: 1, requeue: true });
  await consumer.read();
  await channel.call('queue.delete', { queue });
  await consumer.read();
});

session('x-delivery-limit dead-letters with the reason delivery_limit', async (s) => {
  const channel = await s.open();
  const dead = await s.queue(channel, {}, 'dead');
  const args = {
    'x-queue-type': 'quorum',
    'x-delivery-limit': 2,
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': dead,
  };
  const queue = await s.queue(channel, { durable: true, arguments: args });
  const letters = await channel.client.openChannel(3);
  await letters.call('basic.consume', { queue: dead, consumerTag: 'letters', noAck: true });
  await s.fill(channel, queue, ['m']);
  const consumer = await consume(channel, queue);
  for (let round = 1; round <= 3; round++) {
    await consumer.read();
    consumer.send('basic.reject', { deliveryTag: round, requeue: true });
  }
  await letters.read();
  await channel.call('queue.delete', { queue });
  await consumer.read();
});

session('x-delivery-limit without a dead letter exchange drops', async (s) => {
  const channel = await s.open();
  const args = { 'x-queue-type': 'quorum', 'x-delivery-limit': 1 };
  const queue = await s.queue(channel, { durable: true, arguments: args });
  await s.fill(channel, queue, ['m']);
  const consumer = await consume(channel, queue);
  for (let round = 1; round <= 2; round++) {
    await consumer.read();
    consumer.send('basic.reject', { deliveryTag: round, requeue: true });
  }
  await s.until(channel.client, 'basic.get', { queue }, (answer) => answer.name === 'basic.get-empty');
  await channel.call('queue.delete', { queue });
  await consumer.read();
});

session('a rejected message is dead-lettered', async (s) => {
  const channel = await s.open();
  const dead = await s.queue(channel, {}, 'dead');
  const args = { 'x-queue-type': 'quorum', 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead };
  const queue = await s.queue(channel, { durable: true, arguments: args });
  const letters = await channel.client.openChannel(3);
  await letters.call('basic.consume', { queue: dead, consumerTag: 'letters', noAck: true });
  await s.fill(channel, queue, ['m']);
  const consumer = await consume(channel, queue);
  await consumer.read();
  consumer.send('basic.reject', { deliveryTag: 1 });
  await letters.read();
  await channel.call('queue.delete', { queue });
  await consumer.read();
});

session('max-length with drop-head', async (s) => {
  const channel = await s.open();
  const args = { 'x-queue-type': 'quorum', 'x-max-length': 2 };
  const queue = await s.queue(channel, { durable: true, arguments: args });
  await s.fill(channel, queue, ['one', 'two', 'three']);
  await drainQueue(channel, queue);
  await channel.call('queue.delete', { queue });
});

session('messages that are requeued without a delivery limit', async (s) => {
  const { channel, queue } = await withQuorumQueue(s);
  await s.fill(channel, queue, ['one', 'two', 'three']);
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  channel.send('basic.nack', { deliveryTag: 2, requeue: true, multiple: true });
  await drainQueue(channel, queue);
  await channel.call('queue.delete', { queue });
});

session('messages that are requeued with a delivery limit', async (s) => {
  const { channel, queue } = await withQuorumQueue(s, { 'x-delivery-limit': 5 });
  await s.fill(channel, queue, ['one', 'two', 'three']);
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  channel.send('basic.nack', { deliveryTag: 2, requeue: true, multiple: true });
  await drainQueue(channel, queue);
  await channel.call('queue.delete', { queue });
});

session('a consumer priority', async (s) => {
  const { channel, queue } = await withQuorumQueue(s);
  const low = await consume(channel, queue, 2, { 'x-priority': 1 });
  const high = await consume(channel, queue, 3, { 'x-priority': 5 });
  await s.fill(channel, queue, ['m']);
  await high.read();
  await low.call('basic.cancel', { consumerTag: 'c2' });
  await channel.call('queue.delete', { queue });
  await high.read();
});

session('global prefetch is refused', async (s) => {
  const { channel, queue } = await withQuorumQueue(s);
  const consumer = await channel.client.openChannel(2);
  await consumer.call('basic.qos', { prefetchCount: 1, global: true });
  await consumer.ask('basic.consume', { queue, consumerTag: 'c' });
  await (await s.open()).call('queue.delete', { queue });
});

session('an exclusive consumer', async (s) => {
  const { channel, queue } = await withQuorumQueue(s);
  const consumer = await channel.client.openChannel(2);
  await consumer.ask('basic.consume', { queue, consumerTag: 'c', exclusive: true });
  const other = await channel.client.openChannel(3);
  await other.ask('basic.consume', { queue, consumerTag: 'd' });
  await channel.call('queue.delete', { queue });
  await consumer.read();
  await other.read();
});

session('delete if-unused and if-empty', async (s) => {
  const { channel, queue } = await withQuorumQueue(s);
  for (const [number, condition] of ['ifUnused', 'ifEmpty'].entries()) {
    const own = await channel.client.openChannel(10 + number);
    await own.ask('queue.delete', { queue, [condition]: true });
    if (channel.client.isClosed || !channel.client.isOpen) return;
  }
  await channel.ask('queue.delete', { queue });
});

session('max-length with reject-publish', async (s) => {
  const { channel, queue } = await withQuorumQueue(s, { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
  await channel.call('confirm.select');
  for (const body of ['m1', 'm2', 'm3']) {
    channel.publish({ routingKey: queue, body });
    await channel.read();
  }
  s.quiet(channel.client);
  await channel.call('queue.delete', { queue });
});

session('max-length-bytes with drop-head', async (s) => {
  const { channel, queue } = await withQuorumQueue(s, { 'x-max-length-bytes': 10 });
  await s.fill(channel, queue, ['aaaa', 'bbbb', 'cccc', 'd']);
  await drainQueue(channel, queue);
  await channel.call('queue.delete', { queue });
});

session('a priority of a message says nothing to a quorum queue', async (s) => {
  const { channel, queue } = await withQuorumQueue(s);
  await channel.call('confirm.select');
  for (const [body, priority] of [
    ['low', 1],
    ['high', 9],
  ] as const) {
    channel.publish({ routingKey: queue, properties: { priority }, body });
    await channel.read();
  }
  await drainQueue(channel, queue);
  await channel.call('queue.delete', { queue });
});

session('consumers with and without a prefetch take turns', async (s) => {
  const { channel, queue } = await withQuorumQueue(s);
  const one = await consume(channel, queue, 2);
  const two = await channel.client.openChannel(3);
  await two.call('basic.consume', { queue, consumerTag: 'c3' });
  await s.fill(channel, queue, ['m1', 'm2', 'm3']);
  await one.read();
  await two.readMany(2);
  await channel.call('queue.delete', { queue });
  await one.read();
  await two.read();
});

session('a dead letter of a quorum queue that is too long', async (s) => {
  const channel = await s.open();
  const dead = await s.queue(channel, {}, 'dead');
  const letters = await channel.client.openChannel(3);
  await letters.call('basic.consume', { queue: dead, consumerTag: 'letters', noAck: true });
  const args = { 'x-max-length': 1, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead };
  const queue = await s.queue(channel, { durable: true, arguments: { 'x-queue-type': 'quorum', ...args } });
  await s.fill(channel, queue, ['m1', 'm2', 'm3']);
  await letters.readMany(2);
  await channel.call('queue.delete', { queue });
});

session('basic.recover of a quorum queue', async (s) => {
  const { channel, queue } = await withQuorumQueue(s, { 'x-delivery-limit': 5 });
  await s.fill(channel, queue, ['m1']);
  const own = await consume(channel, queue);
  await own.read();
  own.send('basic.recover', { requeue: true });
  await own.readMany(2);
  await channel.call('queue.delete', { queue });
  await own.read();
});

session('an exclusive consumer beside others of a quorum queue', async (s) => {
  const { channel, queue } = await withQuorumQueue(s);
  const one = await consume(channel, queue, 2);
  const own = await channel.client.openChannel(3);
  await own.ask('basic.consume', { queue, consumerTag: 'c3', exclusive: true });
  await channel.call('queue.delete', { queue });
  await one.read();
  await own.read();
});

session('queue.declare-ok of a quorum queue counts messages and consumers', async (s) => {
  const { channel, queue } = await withQuorumQueue(s);
  await s.fill(channel, queue, ['m1', 'm2']);
  const own = await consume(channel, queue);
  await own.read();
  await channel.ask('queue.declare', { queue, passive: true });
  await channel.call('queue.delete', { queue });
  await own.read();
});

session('basic.get with a single active consumer', async (s) => {
  const { channel, queue } = await withQuorumQueue(s, { 'x-single-active-consumer': true });
  const own = await channel.client.openChannel(2);
  await own.ask('basic.get', { queue });
  await channel.call('queue.delete', { queue });
});

session('single active consumers one after the other', async (s) => {
  const { channel, queue } = await withQuorumQueue(s, { 'x-single-active-consumer': true });
  const one = await consume(channel, queue, 2);
  const two = await consume(channel, queue, 3);
  await s.fill(channel, queue, ['m1', 'm2']);
  await one.read();
  one.send('basic.ack', { deliveryTag: 1 });
  await one.read();
  await one.call('channel.close', { replyCode: 200 });
  await two.read();
  await channel.call('queue.delete', { queue });
  await two.read();
});

session('a closed channel counts as a delivery that failed', async (s) => {
  const { channel, queue } = await withQuorumQueue(s, { 'x-delivery-limit': 3 });
  await s.fill(channel, queue, ['m']);
  const own = await consume(channel, queue, 2);
  await own.read();
  await own.call('channel.close', { replyCode: 200 });
  await s.until(channel.client, 'queue.declare', { queue, passive: true }, (answer) => answer.args.messageCount === 1);
  await channel.ask('basic.get', { queue, noAck: true });
  await channel.call('queue.delete', { queue });
});

session('a message ttl expires with a dead letter', async (s) => {
  const channel = await s.open();
  const dead = await s.queue(channel, {}, 'dead');
  const letters = await channel.client.openChannel(3);
  await letters.call('basic.consume', { queue: dead, consumerTag: 'letters', noAck: true });
  const ttl = { 'x-message-ttl': 20, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead };
  const queue = await s.queue(channel, { durable: true, arguments: { 'x-queue-type': 'quorum', ...ttl } });
  channel.publish({ routingKey: queue, body: 'm' });
  await letters.read();
  await channel.call('queue.delete', { queue });
});

session('purge and delete count what is ready', async (s) => {
  const { channel, queue } = await withQuorumQueue(s);
  await s.fill(channel, queue, ['m1', 'm2', 'm3']);
  await channel.ask('basic.get', { queue });
  await channel.ask('queue.purge', { queue });
  channel.send('basic.nack', { deliveryTag: 1, requeue: true });
  await channel.ask('basic.get', { queue, noAck: true });
  await s.fill(channel, queue, ['m4']);
  await channel.ask('queue.delete', { queue });
});

session('a transient message to a quorum queue comes as it was', async (s) => {
  const { channel, queue } = await withQuorumQueue(s);
  await channel.call('confirm.select');
  channel.publish({ routingKey: queue, properties: { deliveryMode: 1, priority: 3 }, body: 'm' });
  await channel.read();
  await channel.ask('basic.get', { queue, noAck: true });
  await channel.call('queue.delete', { queue });
});

async function withQuorumQueue(s: SessionContext, args = {}): Promise<{ channel: RawChannel; queue: string }> {
  const channel = await s.open();
  const queue = await s.queue(channel, { durable: true, arguments: { 'x-queue-type': 'quorum', ...args } });
  return { channel, queue };
}

async function consume(channel: RawChannel, queue: string, number = 2, args = {}): Promise<RawChannel> {
  const own = await channel.client.openChannel(number);
  await own.call('basic.qos', { prefetchCount: 1 });
  await own.call('basic.consume', { queue, consumerTag: `c${number}`, arguments: args });
  return own;
}
