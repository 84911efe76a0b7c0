/** From queue to consumer: deliveries, acknowledgements, prefetch, and who comes first. */

import type { RawChannel } from '../raw-client.ts';
import { group, type Session } from '../session.ts';
import { drainQueue } from './publishing.ts';

export const consumerSessions: Session[] = [];
const session = group('consumers', consumerSessions);

session('a consumer without a tag gets one', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const { args } = await channel.call('basic.consume', { queue, noAck: true });
  channel.publish({ routingKey: queue, body: 'm' });
  await channel.read();
  await channel.ask('basic.cancel', { consumerTag: args.consumerTag });
});

session('basic.consume with the empty queue name consumes from the last one declared', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await channel.ask('basic.consume', { queue: '', consumerTag: 'c', noAck: true });
  channel.publish({ routingKey: queue, body: 'm' });
  await channel.read();
});

session('basic.consume with nowait delivers without consume-ok', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  channel.publish({ routingKey: queue, body: 'm' });
  channel.send('basic.consume', { queue, consumerTag: 'c', noAck: true, nowait: true });
  await channel.read();
  channel.send('basic.cancel', { consumerTag: 'c', nowait: true });
  await channel.ask('queue.declare', { queue, passive: true });
});

session('delivery tags count per channel, over all its consumers and gets', async (s) => {
  const channel = await s.open();
  const one = await s.queue(channel, {}, 'one');
  const two = await s.queue(channel, {}, 'two');
  await channel.call('basic.consume', { queue: one, consumerTag: 'c1' });
  channel.publish({ routingKey: one, body: 'm1' });
  await channel.read();
  channel.publish({ routingKey: two, body: 'm2' });
  await channel.ask('basic.get', { queue: two });
  channel.publish({ routingKey: two, body: 'm3' });
  await channel.ask('basic.get', { queue: two, noAck: true });
  channel.publish({ routingKey: one, body: 'm4' });
  await channel.read();
  const other = await channel.client.openChannel(2);
  other.publish({ routingKey: two, body: 'm5' });
  await other.ask('basic.get', { queue: two });
});

session('basic.reject with requeue redelivers at once, marked', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['one', 'two']);
  await channel.ask('basic.get', { queue });
  channel.send('basic.reject', { deliveryTag: 1, requeue: true });
  await drainQueue(channel, queue);
});

session('basic.reject without requeue and without a dead letter exchange drops', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['one', 'two']);
  await channel.ask('basic.get', { queue });
  channel.send('basic.reject', { deliveryTag: 1 });
  await drainQueue(channel, queue);
});

session('messages that are requeued take their old places', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['one', 'two', 'three', 'four', 'five']);
  for (let number = 0; number < 4; number++) await channel.call('basic.get', { queue }, 'basic.get-ok');
  channel.send('basic.nack', { deliveryTag: 3, requeue: true });
  channel.send('basic.nack', { deliveryTag: 1, requeue: true });
  await channel.ask('basic.get', { queue, noAck: true });
  channel.send('basic.nack', { deliveryTag: 4, multiple: true, requeue: true });
  await drainQueue(channel, queue);
});

session('basic.nack multiple with tag 0 requeues everything', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['one', 'two', 'three']);
  for (let number = 0; number < 3; number++) await channel.call('basic.get', { queue }, 'basic.get-ok');
  channel.send('basic.nack', { multiple: true, requeue: true });
  await drainQueue(channel, queue);
});

session('a closed channel gives back what it had not acked, marked and in order', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['one', 'two', 'three']);
  const other = await channel.client.openChannel(2);
  await other.call('basic.consume', { queue, consumerTag: 'c' });
  await other.readMany(3);
  other.send('basic.ack', { deliveryTag: 2 });
  await other.call('channel.close', { replyCode: 200 });
  await s.until(channel.client, 'queue.declare', { queue, passive: true }, (answer) => answer.args.messageCount === 2);
  await drainQueue(channel, queue);
});

session('a cut connection gives back what it had not acked', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { exclusive: false });
  await s.fill(channel, queue, ['one', 'two']);
  const other = await s.open();
  await other.call('basic.consume', { queue, consumerTag: 'c' });
  await other.readMany(2);
  other.client.abort();
  await s.until(channel.client, 'queue.declare', { queue, passive: true }, (answer) => answer.args.messageCount === 2);
  await drainQueue(channel, queue);
  await channel.call('queue.delete', { queue });
});

session('basic.cancel leaves deliveries to be acked', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['one', 'two']);
  await channel.call('basic.consume', { queue, consumerTag: 'c' });
  await channel.readMany(2);
  await channel.call('basic.cancel', { consumerTag: 'c' });
  channel.send('basic.ack', { deliveryTag: 1 });
  channel.send('basic.nack', { deliveryTag: 2, requeue: true });
  await drainQueue(channel, queue);
});

session('basic.recover with requeue gives back everything, marked', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['one', 'two']);
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  await channel.ask('basic.recover', { requeue: true });
  await drainQueue(channel, queue);
});

session('basic.recover with requeue redelivers to the same consumer', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['one', 'two']);
  const other = await channel.client.openChannel(2);
  await other.call('basic.consume', { queue, consumerTag: 'c' });
  await other.readMany(2);
  await other.ask('basic.recover', { requeue: true });
  await other.readMany(2);
});

session('basic.recover without requeue is not implemented', async (s) => {
  const channel = await s.open();
  await channel.ask('basic.recover', { requeue: false });
});

session('basic.recover-async with requeue is not answered', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['one']);
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  channel.send('basic.recover-async', { requeue: true });
  await drainQueue(channel, queue);
});

session('prefetch holds back deliveries until there are acks', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await channel.call('basic.qos', { prefetchCount: 2 });
  await s.fill(channel, queue, ['one', 'two', 'three', 'four']);
  await channel.call('basic.consume', { queue, consumerTag: 'c' });
  await channel.readMany(2);
  await readyCount(channel, queue);
  channel.send('basic.ack', { deliveryTag: 1 });
  await channel.read();
  channel.send('basic.ack', { deliveryTag: 3, multiple: true });
  await channel.read();
});

session('prefetch that is not global counts per consumer, and for consumers that come later', async (s) => {
  const channel = await s.open();
  const one = await s.queue(channel, {}, 'one');
  const two = await s.queue(channel, {}, 'two');
  await s.fill(channel, one, ['a1', 'a2', 'a3']);
  await s.fill(channel, two, ['b1', 'b2', 'b3']);
  const consumer = await channel.client.openChannel(2);
  await consumer.call('basic.qos', { prefetchCount: 1 });
  await consumer.call('basic.consume', { queue: one, consumerTag: 'c1' });
  await consumer.read();
  await consumer.call('basic.qos', { prefetchCount: 2 });
  await consumer.call('basic.consume', { queue: two, consumerTag: 'c2' });
  await consumer.readMany(2);
  await readyCount(channel, one);
  await readyCount(channel, two);
});

session('global prefetch counts over all consumers of the channel', async (s) => {
  const channel = await s.open();
  const one = await s.queue(channel, {}, 'one');
  const two = await s.queue(channel, {}, 'two');
  await s.fill(channel, one, ['a1', 'a2']);
  await s.fill(channel, two, ['b1', 'b2', 'b3']);
  const consumer = await channel.client.openChannel(2);
  await consumer.call('basic.qos', { prefetchCount: 2, global: true });
  await consumer.call('basic.consume', { queue: one, consumerTag: 'c1' });
  await consumer.readMany(2);
  await consumer.call('basic.consume', { queue: two, consumerTag: 'c2' });
  await readyCount(channel, two);
  consumer.send('basic.ack', { deliveryTag: 2, multiple: true });
  await consumer.readMany(2);
});

session('a global prefetch of 0 lifts the limit', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['one', 'two', 'three']);
  const consumer = await channel.client.openChannel(2);
  await consumer.call('basic.qos', { prefetchCount: 1, global: true });
  await consumer.call('basic.consume', { queue, consumerTag: 'c' });
  await consumer.read();
  consumer.send('basic.qos', { prefetchCount: 0, global: true });
  await consumer.readMany(3);
});

session('prefetch does not hold back basic.get or no-ack consumers', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await channel.call('basic.qos', { prefetchCount: 1, global: true });
  await s.fill(channel, queue, ['one', 'two', 'three', 'four']);
  await channel.ask('basic.get', { queue });
  await channel.ask('basic.get', { queue });
  await channel.call('basic.consume', { queue, consumerTag: 'c', noAck: true });
  await channel.readMany(2);
});

session('two consumers of a queue take turns', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const one = await consumer(channel, 2, queue, 'one');
  const two = await consumer(channel, 3, queue, 'two');
  for (const body of ['m1', 'm2', 'm3', 'm4']) channel.publish({ routingKey: queue, body });
  await one.readMany(2);
  await two.readMany(2);
});

session('a consumer of higher priority is served while it has credit', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const low = await consumer(channel, 2, queue, 'low', { 'x-priority': -1 });
  const high = await consumer(channel, 3, queue, 'high', { 'x-priority': 10 }, 2);
  await s.fill(channel, queue, ['m1', 'm2', 'm3']);
  await high.readMany(2);
  await low.readMany(1);
});

session('a single active consumer is followed by the next one', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-single-active-consumer': true } });
  const one = await consumer(channel, 2, queue, 'one');
  const two = await consumer(channel, 3, queue, 'two');
  await s.fill(channel, queue, ['m1', 'm2']);
  await one.readMany(2);
  await one.call('basic.cancel', { consumerTag: 'one' });
  await s.fill(channel, queue, ['m3']);
  await two.read();
  await one.call('channel.close', { replyCode: 200 });
  await two.readMany(2);
});

session('an exclusive consumer of a single active consumer queue', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-single-active-consumer': true } });
  await channel.ask('basic.consume', { queue, consumerTag: 'c', exclusive: true });
});

session('consumer priority of a single active consumer queue does not preempt', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-single-active-consumer': true } });
  const one = await consumer(channel, 2, queue, 'one');
  await consumer(channel, 3, queue, 'two', { 'x-priority': 10 });
  await s.fill(channel, queue, ['m1']);
  await one.read();
});

session('a consumer is told when its queue is deleted', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const one = await consumer(channel, 2, queue, 'one');
  await s.fill(channel, queue, ['m1']);
  await one.read();
  await channel.ask('queue.delete', { queue });
  await one.read();
  one.send('basic.ack', { deliveryTag: 1 });
  await one.ask('basic.qos', { prefetchCount: 1 });
});

session('a consumer without the capability is told nothing when its queue is deleted', async (s) => {
  const channel = await s.open({ clientProperties: { product: 'raw-client' } });
  const queue = await s.queue(channel);
  const one = await consumer(channel, 2, queue, 'one');
  await channel.ask('queue.delete', { queue });
  await one.ask('basic.qos', { prefetchCount: 1 });
});

session('a consumer tag is free again after its queue was deleted', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await channel.call('basic.consume', { queue, consumerTag: 'c' });
  const other = await channel.client.openChannel(2);
  await other.call('queue.delete', { queue });
  await channel.read();
  const next = await s.queue(channel, {}, 'next');
  await channel.ask('basic.consume', { queue: next, consumerTag: 'c' });
});

session('a message is marked redelivered for another consumer too', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['m1']);
  const one = await consumer(channel, 2, queue, 'one');
  await one.read();
  const two = await consumer(channel, 3, queue, 'two');
  await one.call('basic.cancel', { consumerTag: 'one' });
  one.send('basic.nack', { deliveryTag: 1, requeue: true });
  await two.read();
});

session('no-ack deliveries cannot be acked', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await channel.call('basic.consume', { queue, consumerTag: 'c', noAck: true });
  channel.publish({ routingKey: queue, body: 'm' });
  await channel.read();
  await channel.ask('basic.ack', { deliveryTag: 1 });
});

session('a delivery cannot be acked on another channel', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  channel.publish({ routingKey: queue, body: 'm' });
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  const other = await channel.client.openChannel(2);
  await other.ask('basic.ack', { deliveryTag: 1 });
});

session('a delivery of several frames arrives whole between others', async (s) => {
  const channel = await s.open({ tune: { frameMax: 4096 } });
  const queue = await s.queue(channel);
  await channel.call('basic.consume', { queue, consumerTag: 'c', noAck: true });
  for (const size of [4_087, 4_088, 4_089, 8_176, 8_177, 0]) {
    channel.publish({ routingKey: queue, body: Buffer.alloc(size, 'x') });
    await channel.read();
  }
});

async function consumer(
  channel: RawChannel,
  number: number,
  queue: string,
  consumerTag: string,
  args: Record<string, unknown> = {},
  prefetchCount = 0,
): Promise<RawChannel> {
  const own = await channel.client.openChannel(number);
  if (prefetchCount > 0) await own.call('basic.qos', { prefetchCount });
  await own.call('basic.consume', { queue, consumerTag, arguments: args });
  return own;
}

/** What is ready is what no consumer was given. */
async function readyCount(channel: RawChannel, queue: string): Promise<void> {
  await channel.call('queue.declare', { queue, passive: true });
}
