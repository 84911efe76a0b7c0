/** Queues themselves: names, counts, lives and limits. */

import type { RawChannel, Received } from '../raw-client.ts';
import { group, type Session } from '../session.ts';
import { drainQueue } from './publishing.ts';

export const queueSessions: Session[] = [];
const session = group('queues', queueSessions);

session('a queue without a name gets one, and the empty name means the last one declared', async (s) => {
  const channel = await s.open();
  await channel.call('queue.declare', { queue: '', exclusive: true });
  await channel.ask('queue.bind', { queue: '', exchange: 'amq.direct', routingKey: s.name('k') });
  channel.publish({ exchange: 'amq.direct', routingKey: s.name('k'), body: 'm' });
  await channel.ask('basic.get', { queue: '', noAck: true });
  await channel.ask('queue.purge', { queue: '' });
  await channel.ask('queue.delete', { queue: '' });
});

session('a server-named queue cannot be declared again by its name, except passively', async (s) => {
  const channel = await s.open();
  const { args } = await channel.call('queue.declare', { queue: '', exclusive: true });
  await channel.ask('queue.declare', { queue: args.queue, passive: true });
  await channel.ask('queue.declare', { queue: args.queue, exclusive: true });
});

session('two queues without names have two names', async (s) => {
  const channel = await s.open();
  await channel.ask('queue.declare', { queue: '', exclusive: true });
  await channel.ask('queue.declare', { queue: '', exclusive: true });
});

session('queue.bind with neither queue nor routing key binds the last queue by its name', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await channel.ask('queue.bind', { queue: '', exchange: 'amq.direct', routingKey: '' });
  channel.publish({ exchange: 'amq.direct', routingKey: queue, body: 'by its name' });
  await channel.ask('basic.get', { queue, noAck: true });
  await channel.ask('queue.bind', { queue, exchange: 'amq.direct', routingKey: '' });
  channel.publish({ exchange: 'amq.direct', routingKey: '', mandatory: true, body: 'by the empty key' });
  await channel.ask('basic.get', { queue, noAck: true });
});

session('the last declared queue is remembered per channel', async (s) => {
  const channel = await s.open();
  await s.queue(channel);
  const other = await channel.client.openChannel(2);
  await other.ask('queue.purge', { queue: '' });
});

session('counts in declare-ok, get-ok, purge-ok and delete-ok', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['one', 'two', 'three', 'four', 'five']);
  await channel.ask('queue.declare', { queue, passive: true });
  await channel.ask('basic.get', { queue });
  await channel.ask('basic.get', { queue });
  await channel.ask('queue.declare', { queue, passive: true });
  await channel.ask('queue.purge', { queue });
  await channel.ask('queue.purge', { queue });
  await channel.ask('basic.get', { queue });
  channel.publish({ routingKey: queue, body: 'six' });
  await channel.ask('queue.delete', { queue });
});

session('queue.declare-ok counts consumers', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await channel.call('basic.consume', { queue, consumerTag: 'one' });
  await channel.call('basic.consume', { queue, consumerTag: 'two' });
  await channel.ask('queue.declare', { queue, passive: true });
  await channel.call('basic.cancel', { consumerTag: 'one' });
  await channel.ask('queue.declare', { queue, passive: true });
});

session('nowait declares, binds, purges and deletes are not answered', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  const exchange = s.name('x');
  channel.send('queue.declare', { queue, exclusive: true, nowait: true });
  channel.send('exchange.declare', { exchange, type: 'direct', nowait: true });
  channel.send('queue.bind', { queue, exchange, routingKey: 'k', nowait: true });
  for (const body of ['one', 'two']) channel.publish({ exchange, routingKey: 'k', body });
  await channel.ask('basic.get', { queue, noAck: true });
  channel.send('queue.purge', { queue, nowait: true });
  await channel.ask('basic.get', { queue, noAck: true });
  channel.send('exchange.delete', { exchange, nowait: true });
  channel.send('queue.delete', { queue, nowait: true });
  channel.send('confirm.select', { nowait: true });
  await channel.ask('queue.declare', { queue, passive: true });
});

session('nowait does not hide an error', async (s) => {
  const channel = await s.open();
  channel.send('queue.declare', { queue: 'amq.mine', nowait: true });
  await channel.read();
});

session('an exclusive queue goes with its connection', async (s) => {
  const owner = await s.open();
  const queue = await s.queue(owner);
  owner.client.channel(0).send('connection.close', { replyCode: 200 });
  await owner.client.read(0);
  const other = await s.open();
  await s.until(other.client, 'queue.declare', { queue, passive: true }, notFound);
});

session('an exclusive queue goes when its connection is cut', async (s) => {
  const owner = await s.open();
  const queue = await s.queue(owner);
  const other = await s.open();
  owner.client.abort();
  await s.until(other.client, 'queue.declare', { queue, passive: true }, notFound);
});

session('an exclusive queue may be used on another channel of its connection', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const other = await channel.client.openChannel(2);
  await other.ask('queue.declare', { queue, exclusive: true });
  await channel.call('channel.close', { replyCode: 200 });
  await other.ask('queue.declare', { queue, passive: true });
});

session('an auto-delete queue goes with its last consumer, not before it had one', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { exclusive: false, autoDelete: true });
  await channel.call('basic.consume', { queue, consumerTag: 'one' });
  await channel.call('basic.consume', { queue, consumerTag: 'two' });
  await channel.call('basic.cancel', { consumerTag: 'one' });
  await channel.ask('queue.declare', { queue, passive: true });
  await channel.call('basic.cancel', { consumerTag: 'two' });
  await s.until(channel.client, 'queue.declare', { queue, passive: true }, notFound);
});

session('an auto-delete queue goes when the channel of its consumer is closed', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { exclusive: false, autoDelete: true });
  await channel.call('basic.consume', { queue, consumerTag: 'one' });
  await channel.call('channel.close', { replyCode: 200 });
  await s.until(channel.client, 'queue.declare', { queue, passive: true }, notFound);
});

session('basic.get does not make an auto-delete queue go', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { exclusive: false, autoDelete: true });
  channel.publish({ routingKey: queue, body: 'm' });
  await channel.ask('basic.get', { queue, noAck: true });
  await channel.ask('queue.declare', { queue, passive: true });
  await channel.call('queue.delete', { queue });
});

session('x-expires deletes an unused queue, even with messages, and spares one with a consumer', async (s) => {
  const channel = await s.open();
  const args = { exclusive: false, arguments: { 'x-expires': 150 } };
  const kept = await s.queue(channel, args, 'kept');
  await channel.call('basic.consume', { queue: kept, consumerTag: 'c' });
  const queue = await s.queue(channel, args);
  // A look at the queue would be a use of it; the exchange that goes with its only binding tells as well.
  const exchange = await s.exchange(channel, 'fanout');
  await channel.call('queue.bind', { queue, exchange });
  channel.publish({ exchange, body: 'm' });
  await s.until(channel.client, 'exchange.declare', { exchange, type: 'fanout', passive: true }, notFound);
  await channel.ask('queue.declare', { queue: kept, passive: true });
  await channel.ask('queue.declare', { queue, passive: true });
  const other = await channel.client.openChannel(2);
  await other.call('queue.delete', { queue: kept });
});

session('max-length drops the oldest', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-max-length': 2 } });
  await channel.call('confirm.select');
  await publishOneByOne(channel, queue, ['one', 'two', 'three', 'four']);
  await drainQueue(channel, queue);
});

session('max-length counts ready messages, not unacked ones', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-max-length': 2 } });
  await channel.call('confirm.select');
  await publishOneByOne(channel, queue, ['one', 'two']);
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  await publishOneByOne(channel, queue, ['three', 'four']);
  channel.send('basic.nack', { deliveryTag: 1, requeue: true });
  await drainQueue(channel, queue);
});

session('max-length 0 keeps nothing without a consumer, and delivers to one', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-max-length': 0 } });
  await channel.call('confirm.select');
  await publishOneByOne(channel, queue, ['lost']);
  await channel.ask('queue.declare', { queue, passive: true });
  const other = await channel.client.openChannel(2);
  await other.call('basic.consume', { queue, consumerTag: 'c', noAck: true });
  channel.publish({ routingKey: queue, body: 'taken' });
  await other.read();
  await channel.read();
});

session('reject-publish nacks what is too much', async (s) => {
  const channel = await s.open();
  const args = { 'x-max-length': 2, 'x-overflow': 'reject-publish' };
  const queue = await s.queue(channel, { arguments: args });
  await channel.call('confirm.select');
  await publishOneByOne(channel, queue, ['one', 'two', 'three', 'four']);
  await drainQueue(channel, queue);
});

session('reject-publish without confirms drops what is too much in silence', async (s) => {
  const channel = await s.open();
  const args = { 'x-max-length': 1, 'x-overflow': 'reject-publish' };
  const queue = await s.queue(channel, { arguments: args });
  for (const body of ['one', 'two']) channel.publish({ routingKey: queue, mandatory: true, body });
  await drainQueue(channel, queue);
});

session('reject-publish of one of two queues nacks, and the other keeps the message', async (s) => {
  const channel = await s.open();
  const args = { 'x-max-length': 0, 'x-overflow': 'reject-publish' };
  const full = await s.queue(channel, { arguments: args }, 'full');
  const free = await s.queue(channel, {}, 'free');
  await channel.call('confirm.select');
  channel.publish({ routingKey: full, properties: { headers: { CC: [free] } }, body: 'm' });
  await channel.read();
  for (const queue of [full, free]) await channel.ask('basic.get', { queue, noAck: true });
});

session('reject-publish-dlx nacks and dead-letters what is too much', async (s) => {
  const channel = await s.open();
  const dead = await s.queue(channel, {}, 'dead');
  const args = {
    'x-max-length': 1,
    'x-overflow': 'reject-publish-dlx',
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': dead,
  };
  const queue = await s.queue(channel, { arguments: args });
  await channel.call('confirm.select');
  await publishOneByOne(channel, queue, ['one', 'two']);
  await channel.ask('basic.get', { queue, noAck: true });
  await channel.ask('basic.get', { queue: dead, noAck: true });
});

session('max-length-bytes counts bodies', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-max-length-bytes': 10 } });
  await channel.call('confirm.select');
  await publishOneByOne(channel, queue, ['12345', '67890', 'x', '1234567890', '12345678901']);
  await drainQueue(channel, queue);
});

session('max-length-bytes with reject-publish', async (s) => {
  const channel = await s.open();
  const args = { 'x-max-length-bytes': 10, 'x-overflow': 'reject-publish' };
  const queue = await s.queue(channel, { arguments: args });
  await channel.call('confirm.select');
  await publishOneByOne(channel, queue, ['12345', '678901', 'x']);
  await drainQueue(channel, queue);
});

session('priorities: highest first, in order within one, and above the maximum is the maximum', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-max-priority': 3 } });
  for (const priority of [0, 1, 9, 3, undefined, 2, 3, 1]) {
    const properties = priority === undefined ? {} : { priority };
    channel.publish({ routingKey: queue, properties, body: `priority ${priority}` });
  }
  await drainQueue(channel, queue);
});

session('a requeued message goes back to its place within its priority', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-max-priority': 3 } });
  for (const body of ['a1', 'b1', 'c3', 'd3']) {
    channel.publish({ routingKey: queue, properties: { priority: Number(body[1]) }, body });
  }
  for (let number = 0; number < 3; number++) await channel.call('basic.get', { queue }, 'basic.get-ok');
  channel.send('basic.nack', { deliveryTag: 3, multiple: true, requeue: true });
  await drainQueue(channel, queue);
});

session('a queue with message ttl 0 gives a message only to a waiting consumer', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-message-ttl': 0 } });
  await channel.call('confirm.select');
  await publishOneByOne(channel, queue, ['lost']);
  await channel.ask('basic.get', { queue });
  const other = await channel.client.openChannel(2);
  await other.call('basic.consume', { queue, consumerTag: 'c', noAck: true });
  channel.publish({ routingKey: queue, body: 'taken' });
  await other.read();
  await channel.read();
});

session('an expiration of 0 is gone at once without a consumer', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await channel.call('confirm.select');
  channel.publish({ routingKey: queue, properties: { expiration: '0' }, body: 'lost' });
  await channel.read();
  await channel.ask('basic.get', { queue });
});

session('an unacked message that is requeued after its time is gone', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-message-ttl': 60 } });
  const marker = await s.queue(channel, { arguments: dlxTo(s.name('after')) }, 'marker');
  const after = await s.queue(channel, {}, 'after');
  channel.publish({ routingKey: queue, body: 'old' });
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  const other = await channel.client.openChannel(2);
  await other.call('basic.consume', { queue: after, consumerTag: 'c', noAck: true });
  channel.publish({ routingKey: marker, properties: { expiration: '120' }, body: 'time passes' });
  await other.read();
  channel.send('basic.reject', { deliveryTag: 1, requeue: true });
  await channel.ask('basic.get', { queue });
});

session('lazy queues and version 2 queues behave as others do', async (s) => {
  const channel = await s.open();
  for (const args of [{ 'x-queue-mode': 'lazy' }, { 'x-queue-version': 2 }]) {
    const queue = await s.queue(channel, { arguments: args }, Object.keys(args)[0]);
    for (const body of ['one', 'two']) channel.publish({ routingKey: queue, body });
    await drainQueue(channel, queue);
  }
});

/** Not just closed: an exclusive queue whose owner is going is locked first. */
function notFound(answer: Received): boolean {
  return answer.args.replyCode === 404;
}

function dlxTo(queue: string): Record<string, unknown> {
  return { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': queue };
}

/** Each is confirmed before the next is published, so that the order of confirms is one that is promised. */
async function publishOneByOne(channel: RawChannel, queue: string, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) {
    channel.publish({ routingKey: queue, body });
    await channel.read();
  }
}
