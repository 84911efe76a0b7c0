/** What comes back, and in which order: nack, recover, closed channels, with one consumer and with several. */

import type { RawChannel } from '../raw-client.ts';
import { group, type Session, type SessionContext } from '../session.ts';
import { drainQueue } from './publishing.ts';

export const redeliverySessions: Session[] = [];
const session = group('redelivery', redeliverySessions);

session('basic.nack multiple puts what two consumers held back into its order', async (s) => {
  const { channel, queue, own } = await withTwoConsumers(s);
  for (const consumerTag of ['a', 'b']) await own.call('basic.cancel', { consumerTag });
  own.send('basic.nack', { deliveryTag: 4, multiple: true, requeue: true });
  await own.call('basic.qos', { prefetchCount: 1 });
  await drainQueue(channel, queue);
});

session('basic.nack multiple of some puts them before those that were never delivered', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['m1', 'm2', 'm3', 'm4', 'm5']);
  for (let number = 0; number < 3; number++) await channel.call('basic.get', { queue }, 'basic.get-ok');
  channel.send('basic.ack', { deliveryTag: 2 });
  channel.send('basic.nack', { deliveryTag: 3, multiple: true, requeue: true });
  await drainQueue(channel, queue);
});

session('a closed channel puts what two consumers held back into its order', async (s) => {
  const { channel, queue, own } = await withTwoConsumers(s);
  await own.call('channel.close', { replyCode: 200 });
  await s.until(channel.client, 'queue.declare', { queue, passive: true }, (answer) => answer.args.messageCount === 4);
  await drainQueue(channel, queue);
});

session('two closed channels put what they held back into its order', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const one = await consumer(channel, 2, queue);
  const two = await consumer(channel, 3, queue);
  await s.fill(channel, queue, ['m1', 'm2', 'm3', 'm4']);
  await one.readMany(2);
  await two.readMany(2);
  await two.call('channel.close', { replyCode: 200 });
  await one.readMany(2);
  await one.call('channel.close', { replyCode: 200 });
  await s.until(channel.client, 'queue.declare', { queue, passive: true }, (answer) => answer.args.messageCount === 4);
  await drainQueue(channel, queue);
});

session('a channel closed by an error gives back what it held', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const own = await consumer(channel, 2, queue);
  await s.fill(channel, queue, ['m1', 'm2']);
  await own.readMany(2);
  await own.ask('basic.ack', { deliveryTag: 9 });
  await s.until(channel.client, 'queue.declare', { queue, passive: true }, (answer) => answer.args.messageCount === 2);
  await drainQueue(channel, queue);
});

session('basic.recover gives a consumer everything again in its order, gets included', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['m1', 'm2', 'm3', 'm4']);
  const own = await channel.client.openChannel(2);
  await own.call('basic.get', { queue }, 'basic.get-ok');
  await own.call('basic.consume', { queue, consumerTag: 'c' });
  await own.readMany(3);
  own.send('basic.ack', { deliveryTag: 3 });
  await own.call('basic.cancel', { consumerTag: 'c' });
  await own.ask('basic.recover', { requeue: true });
  await drainQueue(channel, queue);
});

session('with a prefetch of 1 a requeued message comes again before the next one', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['m1', 'm2']);
  const own = await consumer(channel, 2, queue, 1);
  await own.read();
  own.send('basic.reject', { deliveryTag: 1, requeue: true });
  await own.read();
  own.send('basic.ack', { deliveryTag: 2 });
  await own.read();
});

session('with a prefetch of 2 a nack of both brings both again', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['m1', 'm2', 'm3', 'm4']);
  const own = await consumer(channel, 2, queue, 2);
  await own.readMany(2);
  own.send('basic.nack', { deliveryTag: 2, multiple: true, requeue: true });
  await own.readMany(2);
  own.send('basic.nack', { deliveryTag: 3, requeue: true });
  await own.read();
  own.send('basic.ack', { deliveryTag: 0, multiple: true });
  await own.readMany(2);
});

session('a requeued message goes to a consumer that waits', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['m1']);
  const one = await consumer(channel, 2, queue, 1);
  await one.read();
  const two = await consumer(channel, 3, queue, 1);
  await one.call('basic.cancel', { consumerTag: 'c2' });
  one.send('basic.nack', { deliveryTag: 1, requeue: true });
  await two.read();
});

session('a redelivered message stays marked, however often it comes', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['m1', 'm2']);
  for (let round = 1; round <= 3; round++) {
    await channel.ask('basic.get', { queue });
    channel.send('basic.nack', { deliveryTag: round, requeue: true });
  }
  await drainQueue(channel, queue);
});

session('requeued messages of several priorities go back to their places', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-max-priority': 3 } });
  for (const [body, priority] of [
    ['low1', 1],
    ['high1', 3],
    ['low2', 1],
    ['high2', 3],
  ] as const) {
    channel.publish({ routingKey: queue, properties: { priority }, body });
  }
  for (let number = 0; number < 4; number++) await channel.ask('basic.get', { queue });
  channel.send('basic.nack', { deliveryTag: 3, requeue: true });
  channel.send('basic.nack', { deliveryTag: 1, requeue: true });
  channel.send('basic.nack', { deliveryTag: 4, multiple: true, requeue: true });
  await drainQueue(channel, queue);
});

session('what comes back to a queue that is full is dropped from its head, the oldest first', async (s) => {
  const channel = await s.open();
  const letters = await s.queue(channel, {}, 'letters');
  const args = { 'x-max-length': 2, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': letters };
  const queue = await s.queue(channel, { arguments: args });
  await s.fill(channel, queue, ['m1', 'm2']);
  for (let number = 0; number < 2; number++) await channel.call('basic.get', { queue }, 'basic.get-ok');
  await s.fill(channel, queue, ['m3', 'm4']);
  channel.send('basic.nack', { deliveryTag: 2, multiple: true, requeue: true });
  await drainQueue(channel, queue);
  await s.until(
    channel.client,
    'queue.declare',
    { queue: letters, passive: true },
    (answer) => answer.args.messageCount === 2,
  );
  await drainQueue(channel, letters);
});

session('what a closed channel brings back to a queue that is full is dropped in its order', async (s) => {
  const channel = await s.open();
  const letters = await s.queue(channel, {}, 'letters');
  const args = { 'x-max-length': 2, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': letters };
  const queue = await s.queue(channel, { arguments: args });
  await s.fill(channel, queue, ['m1', 'm2']);
  const own = await channel.client.openChannel(2);
  for (let number = 0; number < 2; number++) await own.call('basic.get', { queue }, 'basic.get-ok');
  await s.fill(channel, queue, ['m3', 'm4']);
  await own.call('channel.close', { replyCode: 200 });
  await s.until(
    channel.client,
    'queue.declare',
    { queue: letters, passive: true },
    (answer) => answer.args.messageCount === 2,
  );
  await drainQueue(channel, letters);
  await drainQueue(channel, queue);
});

/** Two consumers of one channel hold four messages, each every other one. */
async function withTwoConsumers(s: SessionContext): Promise<{ channel: RawChannel; queue: string; own: RawChannel }> {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const own = await channel.client.openChannel(2);
  for (const consumerTag of ['a', 'b']) await own.call('basic.consume', { queue, consumerTag });
  await s.fill(channel, queue, ['m1', 'm2', 'm3', 'm4']);
  await own.readMany(4);
  return { channel, queue, own };
}

async function consumer(channel: RawChannel, number: number, queue: string, prefetchCount = 0): Promise<RawChannel> {
  const own = await channel.client.openChannel(number);
  await own.call('basic.qos', { prefetchCount });
  await own.call('basic.consume', { queue, consumerTag: `c${number}` });
  return own;
}
