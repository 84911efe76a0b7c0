/** Which consumer gets the next message: priorities, single active and exclusive consumers, prefetch of both kinds. */

import type { RawChannel } from '../raw-client.ts';
import { group, type Session } from '../session.ts';
import type { MethodArguments } from '../wire-format.ts';

export const consumerChoiceSessions: Session[] = [];
const session = group('consumer choice', consumerChoiceSessions);

const SINGLE = { arguments: { 'x-single-active-consumer': true } };

session('of those that wait for a single active consumer the one of the highest priority follows', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, SINGLE);
  const first = await consumer(channel, 2, queue);
  await consumer(channel, 3, queue, { arguments: { 'x-priority': 1 } });
  const highest = await consumer(channel, 4, queue, { arguments: { 'x-priority': 5 } });
  await first.call('basic.cancel', { consumerTag: 'c2' });
  await s.fill(channel, queue, ['m1']);
  await highest.read();
});

session('a single active consumer that is cancelled keeps what it holds, and the next one gets the rest', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, SINGLE);
  const one = await consumer(channel, 2, queue);
  const two = await consumer(channel, 3, queue);
  // All of them: with a message left in the queue, RabbitMQ's queue process falls over at the next publish.
  await s.fill(channel, queue, ['m1', 'm2']);
  await one.readMany(2);
  await one.call('basic.cancel', { consumerTag: 'c2' });
  await s.fill(channel, queue, ['m3']);
  await two.read();
  one.send('basic.nack', { deliveryTag: 2, multiple: true, requeue: true });
  await two.readMany(2);
});

session('a single active consumer without credit is not passed over', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, SINGLE);
  const one = await consumer(channel, 2, queue, { prefetchCount: 1 });
  const two = await consumer(channel, 3, queue);
  await s.fill(channel, queue, ['m1', 'm2']);
  await one.read();
  await channel.ask('queue.declare', { queue, passive: true });
  one.send('basic.ack', { deliveryTag: 1 });
  await one.read();
  await two.call('basic.cancel', { consumerTag: 'c3' });
});

session('the channel of a single active consumer is closed', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, SINGLE);
  const one = await consumer(channel, 2, queue);
  const two = await consumer(channel, 3, queue);
  await s.fill(channel, queue, ['m1', 'm2']);
  await one.readMany(2);
  one.send('basic.ack', { deliveryTag: 1 });
  await one.call('channel.close', { replyCode: 200 });
  await two.read();
  await s.fill(channel, queue, ['m3']);
  await two.read();
});

session('basic.get from a queue with a single active consumer', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, SINGLE);
  const one = await consumer(channel, 2, queue, { prefetchCount: 1 });
  await s.fill(channel, queue, ['m1', 'm2']);
  await one.read();
  await channel.ask('basic.get', { queue });
});

session('consumers of three priorities are served from the highest down, as far as they have credit', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const low = await consumer(channel, 2, queue, { arguments: { 'x-priority': -2_000_000_000 }, prefetchCount: 1 });
  const middle = await consumer(channel, 3, queue, { prefetchCount: 1 });
  const high = await consumer(channel, 4, queue, { arguments: { 'x-priority': 2_000_000_000 }, prefetchCount: 1 });
  await s.fill(channel, queue, ['m1', 'm2', 'm3', 'm4']);
  await high.read();
  await middle.read();
  await low.read();
  middle.send('basic.ack', { deliveryTag: 1 });
  await middle.read();
});

session('a consumer of the same priority that comes later takes its turn', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const one = await consumer(channel, 2, queue);
  await s.fill(channel, queue, ['m1']);
  await one.read();
  const two = await consumer(channel, 3, queue);
  await s.fill(channel, queue, ['m2', 'm3', 'm4']);
  await one.readMany(2);
  await two.read();
});

session('a consumer without credit is left out of the turns until it acks', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const one = await consumer(channel, 2, queue, { prefetchCount: 1 });
  const two = await consumer(channel, 3, queue);
  await s.fill(channel, queue, ['m1', 'm2', 'm3', 'm4']);
  await one.read();
  await two.readMany(3);
  one.send('basic.ack', { deliveryTag: 1 });
  await one.call('basic.qos', { prefetchCount: 1 });
  await s.fill(channel, queue, ['m5', 'm6']);
  await one.read();
  await two.read();
});

session('others may consume again when an exclusive consumer has gone', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const one = await channel.client.openChannel(2);
  await one.call('basic.consume', { queue, consumerTag: 'c2', exclusive: true });
  const two = await channel.client.openChannel(3);
  await two.ask('basic.consume', { queue, consumerTag: 'c3' });
  await one.call('basic.cancel', { consumerTag: 'c2' });
  const three = await channel.client.openChannel(4);
  await three.ask('basic.consume', { queue, consumerTag: 'c4' });
  await s.fill(channel, queue, ['m']);
  await three.read();
});

session('an exclusive consumer goes with its channel', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const one = await channel.client.openChannel(2);
  await one.call('basic.consume', { queue, consumerTag: 'c2', exclusive: true });
  await one.call('channel.close', { replyCode: 200 });
  await s.until(channel.client, 'queue.declare', { queue, passive: true }, (answer) => answer.args.consumerCount === 0);
  await channel.ask('basic.consume', { queue, consumerTag: 'c1' });
});

session('a prefetch for each consumer and one for all count both', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const own = await channel.client.openChannel(2);
  await own.call('basic.qos', { prefetchCount: 2 });
  await own.call('basic.qos', { prefetchCount: 3, global: true });
  await own.call('basic.consume', { queue, consumerTag: 'a' });
  await s.fill(channel, queue, ['m1', 'm2', 'm3', 'm4', 'm5']);
  await own.readMany(2);
  await own.ask('basic.consume', { queue, consumerTag: 'b' });
  await own.read();
  await channel.ask('queue.declare', { queue, passive: true });
  own.send('basic.ack', { deliveryTag: 2, multiple: true });
  await own.readMany(2);
});

session('a prefetch for each consumer lifts the one for all', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['m1', 'm2', 'm3']);
  const own = await channel.client.openChannel(2);
  await own.call('basic.qos', { prefetchCount: 1, global: true });
  await own.call('basic.consume', { queue, consumerTag: 'a' });
  await own.read();
  own.send('basic.qos', { prefetchCount: 5 });
  await own.readMany(3);
});

session('a larger prefetch for all lets more through', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['m1', 'm2', 'm3']);
  const own = await channel.client.openChannel(2);
  await own.call('basic.qos', { prefetchCount: 1, global: true });
  await own.call('basic.consume', { queue, consumerTag: 'a' });
  await own.read();
  own.send('basic.qos', { prefetchCount: 2, global: true });
  await own.readMany(2);
  await channel.ask('queue.declare', { queue, passive: true });
});

session('a prefetch for each consumer does not change for one that is there', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['m1', 'm2', 'm3']);
  const own = await channel.client.openChannel(2);
  await own.call('basic.qos', { prefetchCount: 1 });
  await own.call('basic.consume', { queue, consumerTag: 'a' });
  await own.read();
  await own.call('basic.qos', { prefetchCount: 3 });
  own.send('basic.ack', { deliveryTag: 1 });
  await own.read();
  await channel.ask('queue.declare', { queue, passive: true });
});

session('what basic.get holds does not count for the prefetch of all consumers', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['m1', 'm2', 'm3']);
  const own = await channel.client.openChannel(2);
  await own.call('basic.qos', { prefetchCount: 1, global: true });
  await own.call('basic.get', { queue }, 'basic.get-ok');
  await own.call('basic.consume', { queue, consumerTag: 'a' });
  await own.read();
  await channel.ask('queue.declare', { queue, passive: true });
});

session('what a cancelled consumer holds counts for the prefetch of all consumers until it is acked', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['m1', 'm2']);
  const own = await channel.client.openChannel(2);
  await own.call('basic.qos', { prefetchCount: 1, global: true });
  await own.call('basic.consume', { queue, consumerTag: 'a' });
  await own.read();
  await own.call('basic.cancel', { consumerTag: 'a' });
  await own.call('basic.consume', { queue, consumerTag: 'b' });
  await channel.ask('queue.declare', { queue, passive: true });
  own.send('basic.ack', { deliveryTag: 1 });
  await own.read();
});

session('a prefetch for all that is below what is held already waits for enough acks', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['m1', 'm2', 'm3', 'm4']);
  const own = await channel.client.openChannel(2);
  await own.call('basic.qos', { prefetchCount: 3, global: true });
  await own.call('basic.consume', { queue, consumerTag: 'a' });
  await own.readMany(3);
  await own.call('basic.qos', { prefetchCount: 1, global: true });
  own.send('basic.ack', { deliveryTag: 1 });
  own.send('basic.ack', { deliveryTag: 2 });
  await own.call('basic.qos', { prefetchCount: 1, global: true });
  await channel.ask('queue.declare', { queue, passive: true });
  own.send('basic.ack', { deliveryTag: 3 });
  await own.read();
});

session('a consumer without acks takes nothing from the prefetch of all consumers', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const other = await s.queue(channel, {}, 'other');
  await s.fill(channel, queue, ['m1', 'm2']);
  await s.fill(channel, other, ['n1', 'n2']);
  const own = await channel.client.openChannel(2);
  await own.call('basic.qos', { prefetchCount: 1, global: true });
  await own.call('basic.consume', { queue, consumerTag: 'a', noAck: true });
  await own.readMany(2);
  await own.call('basic.consume', { queue: other, consumerTag: 'b' });
  await own.read();
  await channel.ask('queue.declare', { queue: other, passive: true });
});

session('an exclusive consumer beside another one of the same channel', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await channel.call('basic.consume', { queue, consumerTag: 'a' });
  await channel.ask('basic.consume', { queue, consumerTag: 'b', exclusive: true });
});

session('basic.recover with nothing to recover', async (s) => {
  const channel = await s.open();
  await channel.ask('basic.recover', { requeue: true });
});

session('a delivery that is not acked in time costs the channel, and comes back', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const own = await consumer(channel, 2, queue);
  await s.fill(channel, queue, ['m1', 'm2']);
  await own.readMany(2);
  own.send('basic.ack', { deliveryTag: 2 });
  await own.read();
  await channel.ask('basic.get', { queue });
});

interface Wishes {
  readonly arguments?: MethodArguments;
  readonly prefetchCount?: number;
}

async function consumer(channel: RawChannel, number: number, queue: string, wishes: Wishes = {}): Promise<RawChannel> {
  const own = await channel.client.openChannel(number);
  if (wishes.prefetchCount !== undefined) await own.call('basic.qos', { prefetchCount: wishes.prefetchCount });
  await own.call('basic.consume', { queue, consumerTag: `c${number}`, arguments: wishes.arguments ?? {} });
  return own;
}
