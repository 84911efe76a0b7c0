/** tx.select, commit and rollback. AMQP 0-9-1 1.9 */

import { group, type Session } from '../session.ts';
import { drainQueue } from './publishing.ts';

export const transactionSessions: Session[] = [];
const session = group('transactions', transactionSessions);

session('publishes are seen after commit, not before', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await channel.call('tx.select');
  channel.publish({ routingKey: queue, body: 'one' });
  channel.publish({ routingKey: queue, body: 'two' });
  await channel.ask('queue.declare', { queue, passive: true });
  await channel.ask('tx.commit');
  await drainQueue(channel, queue);
});

session('a rollback forgets publishes', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await channel.call('tx.select');
  channel.publish({ routingKey: queue, body: 'never' });
  await channel.ask('tx.rollback');
  channel.publish({ routingKey: queue, body: 'kept' });
  await channel.ask('tx.commit');
  await drainQueue(channel, queue);
});

session('a rollback takes back acks, without redelivering', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['m']);
  const consumer = await channel.client.openChannel(2);
  await consumer.call('tx.select');
  await consumer.call('basic.get', { queue }, 'basic.get-ok');
  consumer.send('basic.ack', { deliveryTag: 1 });
  await consumer.ask('tx.rollback');
  consumer.send('basic.ack', { deliveryTag: 1 });
  await consumer.ask('tx.commit');
  await consumer.ask('basic.recover', { requeue: true });
  await consumer.ask('basic.get', { queue });
});

session('acks that were not committed come back when the channel closes', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['one', 'two']);
  const consumer = await channel.client.openChannel(2);
  await consumer.call('tx.select');
  await consumer.call('basic.get', { queue }, 'basic.get-ok');
  await consumer.call('basic.get', { queue }, 'basic.get-ok');
  consumer.send('basic.ack', { deliveryTag: 1 });
  await consumer.call('tx.commit');
  consumer.send('basic.ack', { deliveryTag: 2 });
  await consumer.call('channel.close', { replyCode: 200 });
  await s.until(channel.client, 'queue.declare', { queue, passive: true }, (answer) => answer.args.messageCount === 1);
  await drainQueue(channel, queue);
});

session('rejects wait for the commit', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['m']);
  const consumer = await channel.client.openChannel(2);
  await consumer.call('tx.select');
  await consumer.call('basic.get', { queue }, 'basic.get-ok');
  consumer.send('basic.reject', { deliveryTag: 1, requeue: true });
  await consumer.ask('basic.get', { queue });
  await consumer.ask('tx.commit');
  await consumer.ask('basic.get', { queue, noAck: true });
});

session('a mandatory message without a queue is returned at commit', async (s) => {
  const channel = await s.open();
  await channel.call('tx.select');
  channel.publish({ routingKey: s.name('none'), mandatory: true, body: 'back' });
  await channel.call('basic.qos', { prefetchCount: 1 });
  channel.send('tx.commit');
  await channel.readMany(2);
});

session('a publish to a missing exchange costs the channel at once, before any commit', async (s) => {
  const channel = await s.open();
  await channel.call('tx.select');
  channel.publish({ exchange: s.name('x'), routingKey: 'k', body: 'm' });
  await channel.read();
});

session('a wrong ack costs the channel at once, before any commit', async (s) => {
  const channel = await s.open();
  await channel.call('tx.select');
  await channel.ask('basic.ack', { deliveryTag: 5 });
});

session('the same delivery acked twice in one transaction', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  channel.publish({ routingKey: queue, body: 'm' });
  await channel.call('tx.select');
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  channel.send('basic.ack', { deliveryTag: 1 });
  await channel.ask('basic.ack', { deliveryTag: 1 });
});

session('commit and rollback of nothing', async (s) => {
  const channel = await s.open();
  await channel.call('tx.select');
  await channel.ask('tx.commit');
  await channel.ask('tx.rollback');
});

session('a full queue with reject-publish fails the commit', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-max-length': 0, 'x-overflow': 'reject-publish' } });
  await channel.call('tx.select');
  channel.publish({ routingKey: queue, body: 'm' });
  await channel.ask('tx.commit');
});

session('where a message goes is settled when it is published, not at the commit', async (s) => {
  const channel = await s.open();
  const early = await s.queue(channel, {}, 'early');
  const late = await s.queue(channel, {}, 'late');
  const exchange = await s.exchange(channel, 'fanout', { autoDelete: false });
  await channel.call('queue.bind', { queue: early, exchange });
  const own = await channel.client.openChannel(2);
  await own.call('tx.select');
  own.publish({ exchange, body: 'm' });
  await own.call('basic.qos', { prefetchCount: 1 });
  await channel.call('queue.bind', { queue: late, exchange });
  await channel.call('queue.unbind', { queue: early, exchange });
  await own.call('tx.commit');
  await drainQueue(channel, early);
  await drainQueue(channel, late);
  await channel.call('exchange.delete', { exchange });
});

session('a queue that was deleted before the commit', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const own = await channel.client.openChannel(2);
  await own.call('tx.select');
  own.publish({ routingKey: queue, mandatory: true, body: 'm' });
  await own.call('basic.qos', { prefetchCount: 1 });
  await channel.call('queue.delete', { queue });
  own.send('tx.commit');
  await own.readMany(2);
});

session('an exchange that was deleted before the commit', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const exchange = await s.exchange(channel, 'fanout', { autoDelete: false });
  await channel.call('queue.bind', { queue, exchange });
  const own = await channel.client.openChannel(2);
  await own.call('tx.select');
  own.publish({ exchange, body: 'm' });
  await own.call('basic.qos', { prefetchCount: 1 });
  await channel.call('exchange.delete', { exchange });
  await own.ask('tx.commit');
  await drainQueue(channel, queue);
});

session('publishes and acks of several queues are done by one commit', async (s) => {
  const channel = await s.open();
  const [one, two] = [await s.queue(channel, {}, 'one'), await s.queue(channel, {}, 'two')];
  await s.fill(channel, one, ['m1', 'm2', 'm3']);
  const own = await channel.client.openChannel(2);
  await own.call('tx.select');
  for (let number = 0; number < 3; number++) await own.call('basic.get', { queue: one }, 'basic.get-ok');
  own.send('basic.ack', { deliveryTag: 1 });
  own.send('basic.nack', { deliveryTag: 3, multiple: true, requeue: true });
  own.publish({ routingKey: two, body: 'n1' });
  own.publish({ routingKey: one, body: 'n2' });
  await own.call('basic.qos', { prefetchCount: 1 });
  await channel.ask('queue.declare', { queue: one, passive: true });
  await channel.ask('queue.declare', { queue: two, passive: true });
  await own.ask('tx.commit');
  await drainQueue(channel, one);
  await drainQueue(channel, two);
});

session('a prefetch is free again at the commit of an ack, not before', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['m1', 'm2']);
  const own = await channel.client.openChannel(2);
  await own.call('tx.select');
  await own.call('basic.qos', { prefetchCount: 1 });
  await own.call('basic.consume', { queue, consumerTag: 'c' });
  await own.read();
  own.send('basic.ack', { deliveryTag: 1 });
  await own.call('basic.qos', { prefetchCount: 1 });
  await channel.ask('queue.declare', { queue, passive: true });
  own.send('tx.commit');
  await own.readMany(2);
});

session('one commit after another', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await channel.call('tx.select');
  for (const body of ['m1', 'm2']) {
    channel.publish({ routingKey: queue, body });
    await channel.ask('tx.commit');
  }
  await channel.ask('tx.select');
  await drainQueue(channel, queue);
});
