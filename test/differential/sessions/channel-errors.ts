/** Errors that close a channel, and refusals that look like them. Every session reads the close that comes. */

import type { RawChannel } from '../raw-client.ts';
import { group, type Session, type SessionContext } from '../session.ts';

export const channelErrorSessions: Session[] = [];
const session = group('channel errors', channelErrorSessions);

session('publish to an exchange that does not exist', async (s) => {
  const channel = await s.open();
  channel.publish({ exchange: s.name('x'), routingKey: 'k', body: 'm' });
  await channel.read();
});

session('after a channel error the channel takes nothing but close-ok, and can be opened again', async (s) => {
  const channel = await s.open();
  await channel.ask('queue.declare', { queue: s.name('q'), passive: true });
  channel.send('queue.declare', { queue: s.name('q') });
  channel.send('channel.close-ok');
  await channel.ask('channel.open');
  await channel.ask('queue.declare', { queue: s.name('q'), passive: true });
});

session('a channel opened again without close-ok', async (s) => {
  const channel = await s.open();
  await channel.ask('queue.declare', { queue: s.name('q'), passive: true });
  await channel.ask('channel.open');
});

session('passive declare of a queue that does not exist', async (s) => {
  const channel = await s.open();
  await channel.ask('queue.declare', { queue: s.name('q'), passive: true });
});

session('passive declare of an exchange that does not exist', async (s) => {
  const channel = await s.open();
  await channel.ask('exchange.declare', { exchange: s.name('x'), type: 'direct', passive: true });
});

session('passive declare of an exchange with another type is not an error', async (s) => {
  const channel = await s.open();
  await channel.call('exchange.declare', { exchange: s.name('x'), type: 'direct' });
  await channel.ask('exchange.declare', { exchange: s.name('x'), type: 'topic', passive: true, durable: true });
  await channel.call('exchange.delete', { exchange: s.name('x') });
});

session('queue.bind to a queue that does not exist', async (s) => {
  const channel = await s.open();
  await channel.ask('queue.bind', { queue: s.name('q'), exchange: 'amq.direct', routingKey: 'k' });
});

session('queue.bind from an exchange that does not exist', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  await channel.ask('queue.bind', { queue, exchange: s.name('x'), routingKey: 'k' });
});

session('queue.unbind of a binding that does not exist is not an error', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  await channel.ask('queue.unbind', { queue, exchange: 'amq.direct', routingKey: 'none' });
});

session('queue.unbind from an exchange that does not exist is not an error', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  await channel.ask('queue.unbind', { queue, exchange: s.name('x'), routingKey: 'none' });
});

session('queue.unbind of a queue that does not exist', async (s) => {
  const channel = await s.open();
  await channel.ask('queue.unbind', { queue: s.name('q'), exchange: 'amq.direct', routingKey: 'none' });
});

session('queue.delete of a queue that does not exist is not an error', async (s) => {
  const channel = await s.open();
  await channel.ask('queue.delete', { queue: s.name('q') });
});

session('exchange.delete of an exchange that does not exist is not an error', async (s) => {
  const channel = await s.open();
  await channel.ask('exchange.delete', { exchange: s.name('x') });
});

session('queue.purge of a queue that does not exist', async (s) => {
  const channel = await s.open();
  await channel.ask('queue.purge', { queue: s.name('q') });
});

session('basic.consume from a queue that does not exist', async (s) => {
  const channel = await s.open();
  await channel.ask('basic.consume', { queue: s.name('q') });
});

session('basic.get from a queue that does not exist', async (s) => {
  const channel = await s.open();
  await channel.ask('basic.get', { queue: s.name('q') });
});

session('the empty queue name before any queue was declared', async (s) => {
  const channel = await s.open();
  await channel.ask('basic.get', { queue: '' });
  const second = await channel.client.openChannel(2);
  await second.ask('queue.bind', { queue: '', exchange: 'amq.direct', routingKey: 'k' });
  const third = await channel.client.openChannel(3);
  await third.ask('queue.delete', { queue: '' });
});

session('a queue that another connection holds exclusively', async (s) => {
  const owner = await s.open();
  const queue = s.name('q');
  await owner.call('queue.declare', { queue, exclusive: true });
  const other = await s.open();
  const attempts: readonly [string, Record<string, unknown>][] = [
    ['queue.declare', { queue }],
    ['queue.declare', { queue, exclusive: true }],
    ['queue.declare', { queue, passive: true }],
    ['queue.bind', { queue, exchange: 'amq.direct', routingKey: 'k' }],
    ['queue.unbind', { queue, exchange: 'amq.direct', routingKey: 'k' }],
    ['queue.purge', { queue }],
    ['queue.delete', { queue }],
    ['basic.consume', { queue }],
    ['basic.get', { queue }],
  ];
  await eachOnItsChannel(other, attempts);
});

session('names that begin with amq. are reserved', async (s) => {
  const channel = await s.open();
  await eachOnItsChannel(channel, [
    ['queue.declare', { queue: 'amq.mine' }],
    ['queue.declare', { queue: 'amq.mine', passive: true }],
    ['exchange.declare', { exchange: 'amq.mine', type: 'direct' }],
    ['exchange.declare', { exchange: 'amq.mine', type: 'direct', passive: true }],
    ['exchange.delete', { exchange: 'amq.direct' }],
    ['exchange.delete', { exchange: 'amq.mine' }],
    ['exchange.declare', { exchange: 'amq.direct', type: 'direct', durable: true }],
    ['exchange.declare', { exchange: 'amq.direct', type: 'direct' }],
    ['exchange.declare', { exchange: 'amq.direct', type: 'topic', durable: true }],
    ['queue.delete', { queue: 'amq.mine' }],
  ]);
});

session('the default exchange can be neither declared nor deleted nor bound', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  await eachOnItsChannel(channel, [
    ['exchange.declare', { exchange: '', type: 'direct', durable: true }],
    ['exchange.declare', { exchange: '', type: 'direct', passive: true }],
    ['exchange.delete', { exchange: '' }],
    ['queue.bind', { queue, exchange: '', routingKey: 'k' }],
    ['queue.unbind', { queue, exchange: '', routingKey: queue }],
    ['exchange.bind', { destination: 'amq.fanout', source: '', routingKey: 'k' }],
    ['exchange.bind', { destination: '', source: 'amq.fanout', routingKey: 'k' }],
    ['exchange.unbind', { destination: 'amq.fanout', source: '', routingKey: 'k' }],
    ['exchange.unbind', { destination: '', source: 'amq.fanout', routingKey: 'k' }],
  ]);
});

session('exchange.bind with an end that does not exist', async (s) => {
  const channel = await s.open();
  await eachOnItsChannel(channel, [
    ['exchange.bind', { destination: s.name('x'), source: 'amq.fanout' }],
    ['exchange.bind', { destination: 'amq.fanout', source: s.name('x') }],
    ['exchange.bind', { destination: s.name('x'), source: s.name('y') }],
    ['exchange.unbind', { destination: s.name('x'), source: 'amq.fanout' }],
    ['exchange.unbind', { destination: 'amq.fanout', source: s.name('x') }],
    ['exchange.unbind', { destination: 'amq.fanout', source: 'amq.direct', routingKey: 'none' }],
  ]);
});

session('queue.delete if-unused of a queue with a consumer', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  await channel.call('basic.consume', { queue, consumerTag: 'c' });
  await channel.ask('queue.delete', { queue, ifUnused: true });
});

session('queue.delete if-empty of a queue with a message', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  channel.publish({ routingKey: queue, body: 'm' });
  await channel.ask('queue.delete', { queue, ifEmpty: true });
});

session('queue.delete if-empty of a queue whose only message is unacked', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  channel.publish({ routingKey: queue, body: 'm' });
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  await channel.ask('queue.delete', { queue, ifEmpty: true });
});

session('exchange.delete if-unused of an exchange with a binding', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  const exchange = s.name('x');
  await channel.call('queue.declare', { queue, exclusive: true });
  await channel.call('exchange.declare', { exchange, type: 'direct', autoDelete: true });
  await channel.call('queue.bind', { queue, exchange, routingKey: 'k' });
  await channel.ask('exchange.delete', { exchange, ifUnused: true });
});

session('basic.ack of a delivery tag that was never given', async (s) => {
  const channel = await s.open();
  await channel.ask('basic.ack', { deliveryTag: 1 });
});

session('basic.ack of the same delivery twice', async (s) => {
  const channel = await withOneUnacked(s);
  channel.send('basic.ack', { deliveryTag: 1 });
  await channel.ask('basic.ack', { deliveryTag: 1 });
});

session('basic.nack, basic.reject and multiple acks of unknown delivery tags', async (s) => {
  const channel = await s.open();
  await eachOnItsChannel(channel, [
    ['basic.nack', { deliveryTag: 7 }],
    ['basic.reject', { deliveryTag: 7 }],
    ['basic.ack', { deliveryTag: 7, multiple: true }],
    ['basic.nack', { deliveryTag: 7, multiple: true }],
    ['basic.ack', { deliveryTag: 0 }],
    ['basic.reject', { deliveryTag: 0 }],
    ['basic.nack', { deliveryTag: 0 }],
  ]);
});

session('basic.ack multiple of a tag above the last one given', async (s) => {
  const channel = await withOneUnacked(s);
  await channel.ask('basic.ack', { deliveryTag: 2, multiple: true });
});

session('basic.ack multiple with tag 0 acks all, and none is an error', async (s) => {
  const channel = await withOneUnacked(s);
  channel.send('basic.ack', { deliveryTag: 0, multiple: true });
  channel.send('basic.ack', { deliveryTag: 0, multiple: true });
  channel.send('basic.nack', { deliveryTag: 0, multiple: true });
  await channel.ask('basic.ack', { deliveryTag: 1 });
});

session('a consumer tag used twice on one channel', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  await channel.call('basic.consume', { queue, consumerTag: 'same' });
  await channel.ask('basic.consume', { queue, consumerTag: 'same' });
});

session('a consumer tag may be used again on another channel and after cancel', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  await channel.call('basic.consume', { queue, consumerTag: 'same' });
  const other = await channel.client.openChannel(2);
  await other.ask('basic.consume', { queue, consumerTag: 'same' });
  await channel.call('basic.cancel', { consumerTag: 'same' });
  await channel.ask('basic.consume', { queue, consumerTag: 'same' });
});

session('an exclusive consumer beside another one', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  await channel.call('basic.consume', { queue, consumerTag: 'first' });
  await channel.ask('basic.consume', { queue, consumerTag: 'second', exclusive: true });
});

session('a consumer beside an exclusive one', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  await channel.call('basic.consume', { queue, consumerTag: 'first', exclusive: true });
  await channel.ask('basic.consume', { queue, consumerTag: 'second' });
});

session('basic.cancel of a consumer tag that does not exist is not an error', async (s) => {
  const channel = await s.open();
  await channel.ask('basic.cancel', { consumerTag: 'nobody' });
});

session('basic.qos with a prefetch-size', async (s) => {
  const channel = await s.open();
  await channel.ask('basic.qos', { prefetchSize: 1, prefetchCount: 1 });
});

session('basic.publish with immediate', async (s) => {
  const channel = await s.open();
  channel.publish({ routingKey: s.name('q'), immediate: true, body: 'm' });
  await channel.read();
});

session('basic.consume with no-local is ignored', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  await channel.call('basic.consume', { queue, consumerTag: 'c', noLocal: true, noAck: true });
  channel.publish({ routingKey: queue, body: 'my own' });
  await channel.read();
});

session('exchange.declare with an unknown type', async (s) => {
  const channel = await s.open();
  await channel.ask('exchange.declare', { exchange: s.name('x'), type: 'x-none' });
});

session('exchange.declare with an empty type', async (s) => {
  const channel = await s.open();
  await channel.ask('exchange.declare', { exchange: s.name('x'), type: '' });
});

session('publish to an internal exchange', async (s) => {
  const channel = await s.open();
  const exchange = s.name('x');
  await channel.call('exchange.declare', { exchange, type: 'fanout', internal: true, autoDelete: true });
  channel.publish({ exchange, body: 'm' });
  await channel.read();
});

session("user-id must be the name of the connection's user", async (s) => {
  const channel = await s.open();
  channel.publish({ routingKey: s.name('q'), properties: { userId: 'guest' }, body: 'm' });
  channel.publish({ routingKey: s.name('q'), properties: { userId: 'someone' }, body: 'm' });
  await channel.read();
});

for (const expiration of ['', 'abc', '-1', '1.5', '10s', '315360000000', '315360000001', '+60000', ' 10']) {
  session(`an expiration of ${JSON.stringify(expiration)}`, async (s) => {
    const channel = await s.open();
    const queue = s.name('q');
    await channel.call('queue.declare', { queue, exclusive: true });
    channel.publish({ routingKey: queue, properties: { expiration }, body: 'm' });
    await channel.ask('basic.get', { queue, noAck: true });
  });
}

session('tx.select on a channel in confirm mode', async (s) => {
  const channel = await s.open();
  await channel.call('confirm.select');
  await channel.ask('tx.select');
});

session('confirm.select on a transactional channel', async (s) => {
  const channel = await s.open();
  await channel.call('tx.select');
  await channel.ask('confirm.select');
});

session('tx.commit and tx.rollback on a channel that is not transactional', async (s) => {
  const channel = await s.open();
  await eachOnItsChannel(channel, [
    ['tx.commit', {}],
    ['tx.rollback', {}],
  ]);
});

session('confirm.select and tx.select may be repeated', async (s) => {
  const channel = await s.open();
  await channel.ask('confirm.select');
  await channel.ask('confirm.select');
  const other = await channel.client.openChannel(2);
  await other.ask('tx.select');
  await other.ask('tx.select');
});

session('channel.flow', async (s) => {
  const channel = await s.open();
  await channel.ask('channel.flow', { active: true });
  await channel.ask('channel.flow', { active: false });
});

session('a publish with a content header of another class', async (s) => {
  const channel = await s.open();
  channel.send('basic.publish', { routingKey: 'q' });
  channel.sendContentHeader(1, {}, 50);
  await channel.read();
});

session('a CC header that is not an array', async (s) => {
  const channel = await s.open();
  channel.publish({ routingKey: s.name('q'), properties: { headers: { CC: 'one' } }, body: 'm' });
  await channel.read();
});

session('a BCC header that is not an array', async (s) => {
  const channel = await s.open();
  channel.publish({ routingKey: s.name('q'), properties: { headers: { BCC: 5 } }, body: 'm' });
  await channel.read();
});

session('a CC array that holds something other than strings', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  channel.publish({ routingKey: 'none', properties: { headers: { CC: [5, queue] } }, body: 'm' });
  await channel.ask('basic.get', { queue, noAck: true });
});

session('headers with the wrong x-match', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  const bind = (match: unknown): [string, Record<string, unknown>] => [
    'queue.bind',
    { queue, exchange: 'amq.headers', arguments: { 'x-match': match, a: 1 } },
  ];
  await eachOnItsChannel(channel, [bind('some'), bind(5), bind('all'), bind('any-with-x')]);
});

session('x-consistent-hash bindings need a number as routing key', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  const exchange = s.name('x');
  await channel.call('queue.declare', { queue, exclusive: true });
  await channel.call('exchange.declare', { exchange, type: 'x-consistent-hash', autoDelete: true });
  await eachOnItsChannel(channel, [
    ['queue.bind', { queue, exchange, routingKey: 'a' }],
    ['queue.bind', { queue, exchange, routingKey: '0' }],
    ['queue.bind', { queue, exchange, routingKey: '-1' }],
    ['queue.bind', { queue, exchange, routingKey: '' }],
    ['queue.bind', { queue, exchange, routingKey: '1' }],
  ]);
});

/** Each method on a channel of its own, because most of them close theirs. */
async function eachOnItsChannel(
  channel: RawChannel,
  attempts: readonly (readonly [string, Record<string, unknown>])[],
): Promise<void> {
  let number = 10;
  for (const [method, args] of attempts) {
    const own = await channel.client.openChannel(number++);
    await own.ask(method, args);
  }
}

async function withOneUnacked(s: SessionContext): Promise<RawChannel> {
  const channel = await s.open();
  const queue = s.name('q');
  await channel.call('queue.declare', { queue, exclusive: true });
  channel.publish({ routingKey: queue, body: 'm' });
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  return channel;
}
