/** Users who may not do everything, vhosts apart from each other, and limits. See `definitions.ts`. */

import { MESSAGE_SIZE_MAX } from '../definitions.ts';
import type { OpenOptions, RawChannel } from '../raw-client.ts';
import { group, type Session, type SessionContext } from '../session.ts';

export const permissionSessions: Session[] = [];
const session = group('permissions and limits', permissionSessions);

const LIMITED = { user: 'limited', password: 'limited' };
const OUTSIDER = { user: 'outsider', password: 'outsider' };

session('a vhost that the user may not enter', async (s) => {
  for (const virtualHost of ['/', 'other']) {
    const { client, offered } = await s.tune(OUTSIDER);
    client.tuneOk(offered);
    await client.channel(0).ask('connection.open', { virtualHost });
  }
});

session('the user-id of another user, from an impersonator', async (s) => {
  const channel = await s.open({ user: 'impersonator', password: 'impersonator' });
  channel.publish({ routingKey: s.name('none'), mandatory: true, properties: { userId: 'guest' }, body: 'm' });
  await channel.read();
});

session('two vhosts have two queues of one name', async (s) => {
  const here = await s.open();
  const there = await s.open({ virtualHost: 'other' });
  const queue = await s.queue(here);
  await there.ask('queue.declare', { queue, passive: true });
});

session('declare and delete need configure', async (s) => {
  await eachByLimited(s, [
    ['queue.declare', { queue: s.name('w') }],
    ['queue.declare', { queue: s.name('w'), passive: true }],
    ['queue.declare', { queue: s.name('c') }],
    ['queue.delete', { queue: s.name('c') }],
    ['queue.delete', { queue: s.name('w') }],
    ['exchange.declare', { exchange: s.name('w'), type: 'direct' }],
    ['exchange.declare', { exchange: s.name('w'), type: 'direct', passive: true }],
    ['exchange.declare', { exchange: s.name('c'), type: 'direct' }],
    ['exchange.delete', { exchange: s.name('c') }],
    ['exchange.delete', { exchange: s.name('w') }],
    ['queue.declare', { queue: '', exclusive: true }],
  ]);
});

session('bind needs write to the destination and read of the source', async (s) => {
  const channel = await s.open();
  for (const word of ['c', 'r', 'w', 'a']) {
    await s.queue(channel, { exclusive: false, autoDelete: true }, word);
    await channel.call('exchange.declare', { exchange: s.name(word), type: 'direct' });
  }
  await eachByLimited(s, [
    ['queue.bind', { queue: s.name('w'), exchange: s.name('r') }],
    ['queue.bind', { queue: s.name('r'), exchange: s.name('r') }],
    ['queue.bind', { queue: s.name('w'), exchange: s.name('w') }],
    ['queue.unbind', { queue: s.name('r'), exchange: s.name('r') }],
    ['queue.unbind', { queue: s.name('w'), exchange: s.name('w') }],
    ['exchange.bind', { destination: s.name('w'), source: s.name('r') }],
    ['exchange.bind', { destination: s.name('r'), source: s.name('r') }],
    ['exchange.bind', { destination: s.name('w'), source: s.name('w') }],
    ['exchange.unbind', { destination: s.name('r'), source: s.name('r') }],
  ]);
  for (const word of ['c', 'r', 'w', 'a']) {
    await channel.call('exchange.delete', { exchange: s.name(word) });
    await channel.call('queue.delete', { queue: s.name(word) });
  }
});

session('get, consume and purge need read', async (s) => {
  const channel = await s.open();
  await s.queue(channel, { exclusive: false }, 'w');
  await s.queue(channel, { exclusive: false }, 'r');
  const consumer = await s.open(LIMITED);
  await consumer.ask('basic.consume', { queue: s.name('r'), consumerTag: 'c' });
  await eachByLimited(s, [
    ['basic.get', { queue: s.name('w') }],
    ['basic.get', { queue: s.name('r') }],
    ['basic.consume', { queue: s.name('w') }],
    ['queue.purge', { queue: s.name('w') }],
    ['queue.purge', { queue: s.name('r') }],
    ['basic.get', { queue: s.name('w-none') }],
  ]);
  for (const word of ['w', 'r']) await channel.call('queue.delete', { queue: s.name(word) });
  await consumer.read();
});

session('publish needs write to the exchange', async (s) => {
  const channel = await s.open(LIMITED);
  channel.publish({ exchange: 'amq.direct', routingKey: 'k', mandatory: true, body: 'm' });
  await channel.read();
  const other = await channel.client.openChannel(2);
  other.publish({ exchange: '', routingKey: s.name('none'), mandatory: true, body: 'm' });
  await other.read();
  const third = await channel.client.openChannel(3);
  third.publish({ exchange: s.name('c-none'), routingKey: 'k', body: 'm' });
  await third.read();
});

session('a permission that is missing is told before an exchange that is missing', async (s) => {
  await eachByLimited(s, [
    ['queue.bind', { queue: s.name('c'), exchange: s.name('c') }],
    ['queue.delete', { queue: s.name('w') }],
    ['exchange.delete', { exchange: s.name('w') }],
  ]);
});

session('passive declarations need no permission', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { exclusive: false }, 'w');
  const exchange = await s.exchange(channel, 'direct', { autoDelete: false }, 'w');
  await eachByLimited(s, [
    ['queue.declare', { queue, passive: true }],
    ['exchange.declare', { exchange, type: 'direct', passive: true }],
    ['queue.declare', { queue: s.name('none'), passive: true }],
  ]);
  await channel.call('queue.delete', { queue });
  await channel.call('exchange.delete', { exchange });
});

session('dead letter and alternate exchanges need permissions of their own', async (s) => {
  const letters = (exchange: string) => ({ 'x-dead-letter-exchange': exchange });
  await eachByLimited(s, [
    ['queue.declare', { queue: s.name('c'), autoDelete: true, arguments: letters('wherever') }],
    ['queue.declare', { queue: s.name('c2'), autoDelete: true, arguments: letters('cannot') }],
    ['queue.declare', { queue: s.name('a'), autoDelete: true, arguments: letters('cannot') }],
    ['queue.declare', { queue: s.name('a2'), autoDelete: true, arguments: letters('wherever') }],
    ['exchange.declare', { exchange: s.name('c'), type: 'direct', arguments: { 'alternate-exchange': 'wherever' } }],
    ['exchange.declare', { exchange: s.name('a'), type: 'direct', arguments: { 'alternate-exchange': 'cannot' } }],
    ['exchange.declare', { exchange: s.name('a2'), type: 'direct', arguments: { 'alternate-exchange': 'wherever' } }],
    ['exchange.delete', { exchange: s.name('a2') }],
    ['queue.delete', { queue: s.name('a2') }],
    // The permission is looked at before the other arguments.
    ['queue.declare', { queue: s.name('c'), arguments: { ...letters('wherever'), 'x-message-ttl': -1 } }],
    ['queue.declare', { queue: s.name('a'), arguments: { ...letters('wherever'), 'x-message-ttl': -1 } }],
    ['queue.declare', { queue: s.name('w'), arguments: { 'x-message-ttl': -1 } }],
    ['queue.declare', { queue: s.name('w'), durable: true, arguments: { 'x-queue-type': 'quorum' } }],
    ['queue.declare', { durable: true, arguments: { 'x-queue-type': 'quorum' } }],
    ['queue.bind', { queue: s.name('r'), exchange: '' }],
    ['queue.bind', { queue: s.name('w'), exchange: '' }],
    ['exchange.bind', { destination: '', source: s.name('w') }],
    ['exchange.bind', { destination: s.name('r'), source: '' }],
  ]);
});

session('topic permissions look at the routing key', async (s) => {
  const owner = await s.open();
  const queue = await s.queue(owner, { exclusive: false }, 'a');
  await owner.call('exchange.declare', { exchange: 'a-topic', type: 'topic', autoDelete: true });
  await owner.call('queue.bind', { queue, exchange: 'a-topic', routingKey: '#' });
  await eachByLimited(s, [
    ['queue.bind', { queue, exchange: 'a-topic', routingKey: 'may.read' }],
    ['queue.bind', { queue, exchange: 'a-topic', routingKey: 'must.not' }],
    ['queue.unbind', { queue, exchange: 'a-topic', routingKey: 'must.not' }],
  ]);
  const channel = await s.open(LIMITED);
  channel.publish({ exchange: 'a-topic', routingKey: 'may.write', body: 'm' });
  await channel.ask('basic.get', { queue, noAck: true });
  channel.publish({ exchange: 'a-topic', routingKey: 'must.not', body: 'm' });
  await channel.read();
  await owner.call('queue.delete', { queue });
});

session('a message larger than max_message_size', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  channel.publish({ routingKey: queue, body: Buffer.alloc(MESSAGE_SIZE_MAX, 'x') });
  await channel.ask('basic.get', { queue, noAck: true });
  channel.publish({ routingKey: queue, body: Buffer.alloc(MESSAGE_SIZE_MAX + 1, 'x') });
  await channel.read();
});

session('a vhost with as many queues as it may have', async (s) => {
  const channel = await s.open({ virtualHost: 'small' });
  await channel.ask('queue.declare', { queue: s.name('one'), exclusive: true });
  await channel.ask('queue.declare', { queue: s.name('one'), exclusive: true });
  await channel.ask('queue.declare', { queue: s.name('two'), exclusive: true });
});

session('a user with as many channels as it may have', async (s) => {
  const few = { user: 'few-channels', password: 'few-channels' };
  const one = await s.open(few);
  // RabbitMQ counts a channel a little after it is open.
  await s.queue(one);
  const other = await s.open(few);
  await s.queue(other, {}, 'other');
  await other.client.channel(2).ask('channel.open');
});

session('a user with as many connections as it may have', async (s) => {
  const few = { user: 'few-connections', password: 'few-connections' };
  await s.queue(await s.open(few));
  await openVhost(s, '/', few);
});

session('a vhost with as many connections as it may have', async (s) => {
  await s.queue(await s.open({ virtualHost: 'narrow' }));
  await openVhost(s, 'narrow');
});

session('a vhost with a default queue type', async (s) => {
  const channel = await s.open({ virtualHost: 'modern' });
  const queue = await s.queue(channel, { durable: true }, 'durable');
  await s.fill(channel, queue, ['m']);
  // It is of type quorum, which a header tells; and a declaration that names the type is of the same queue.
  await channel.ask('basic.get', { queue, noAck: true });
  await channel.ask('queue.declare', { queue, durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.ask('queue.declare', { queue: s.name('exclusive'), exclusive: true });
  await channel.ask('queue.declare', { queue: s.name('transient') });
  await channel.ask('queue.delete', { queue: s.name('transient') });
  const classic = { queue: s.name('classic'), durable: true, arguments: { 'x-queue-type': 'classic' } };
  await channel.ask('queue.declare', classic);
  await channel.ask('queue.delete', { queue: classic.queue });
  await channel.call('queue.delete', { queue });
  await channel.ask('queue.declare', { durable: true });
});

async function openVhost(s: SessionContext, virtualHost: string, options?: OpenOptions): Promise<void> {
  const { client, offered } = await s.tune(options);
  client.tuneOk(offered);
  await client.channel(0).ask('connection.open', { virtualHost });
}

async function eachByLimited(
  s: SessionContext,
  attempts: readonly (readonly [string, Record<string, unknown>])[],
): Promise<void> {
  const channel: RawChannel = await s.open(LIMITED);
  let number = 10;
  for (const [method, args] of attempts) {
    const own = await channel.client.openChannel(number++);
    await own.ask(method, args);
  }
}
