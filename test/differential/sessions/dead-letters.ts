/** Dead-lettering: why, where to, and the whole x-death table. */

import type { RawChannel } from '../raw-client.ts';
import { group, type Session, type SessionContext } from '../session.ts';
import { drainQueue } from './publishing.ts';

export const deadLetterSessions: Session[] = [];
const session = group('dead letters', deadLetterSessions);

session('rejected: x-death, x-first-death and the original key', async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s);
  channel.publish({ routingKey: queue, properties: { headers: { mine: 1 }, deliveryMode: 2 }, body: 'm' });
  await rejectOne(channel, queue);
  await letters.read();
});

session('rejected without headers of its own', async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s);
  channel.publish({ routingKey: queue, body: 'm' });
  await rejectOne(channel, queue);
  await letters.read();
});

session('nacked in bulk: dead letters keep their order', async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s);
  for (const body of ['one', 'two', 'three']) channel.publish({ routingKey: queue, body });
  for (let number = 0; number < 3; number++) await channel.call('basic.get', { queue }, 'basic.get-ok');
  channel.send('basic.nack', { deliveryTag: 3, multiple: true });
  for (let number = 0; number < 3; number++) await letters.read();
});

session("expired by the queue's ttl", async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s, { 'x-message-ttl': 30 });
  channel.publish({ routingKey: queue, body: 'm' });
  await letters.read();
});

session('expired by its own expiration, which is kept as original-expiration and taken off', async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s);
  channel.publish({ routingKey: queue, properties: { expiration: '30' }, body: 'm' });
  await letters.read();
});

session('expired in order: a long expiration in front holds back a short one', async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s);
  channel.publish({ routingKey: queue, properties: { expiration: '120' }, body: 'long' });
  channel.publish({ routingKey: queue, properties: { expiration: '10' }, body: 'short' });
  await letters.read();
  await letters.read();
});

session('the shorter of ttl and expiration counts', async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s, { 'x-message-ttl': 30 });
  channel.publish({ routingKey: queue, properties: { expiration: '60000' }, body: 'm' });
  await letters.read();
});

session('maxlen: what max-length drops', async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s, { 'x-max-length': 1 });
  for (const body of ['one', 'two']) channel.publish({ routingKey: queue, body });
  await letters.read();
  await drainQueue(channel, queue);
});

session('maxlen: what reject-publish-dlx refuses', async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s, {
    'x-max-length': 1,
    'x-overflow': 'reject-publish-dlx',
  });
  for (const body of ['one', 'two']) channel.publish({ routingKey: queue, body });
  await letters.read();
});

session('twice the same queue and reason: the count goes up', async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s);
  channel.publish({ routingKey: queue, body: 'm' });
  for (let round = 0; round < 3; round++) {
    await rejectOne(channel, queue);
    const letter = await letters.read();
    channel.publish({ routingKey: queue, properties: letter.properties!, body: letter.body! });
  }
});

session('two queues one after the other: the last death comes first', async (s) => {
  const channel = await s.open();
  const last = await s.queue(channel, {}, 'last');
  const second = await s.queue(channel, { arguments: { 'x-message-ttl': 20, ...to(last) } }, 'second');
  const first = await s.queue(channel, { arguments: to(second) }, 'first');
  const other = await channel.client.openChannel(2);
  await other.call('basic.consume', { queue: last, consumerTag: 'c', noAck: true });
  channel.publish({ routingKey: first, body: 'm' });
  await rejectOne(channel, first);
  await other.read();
});

session('the same queue for two reasons makes two entries', async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s);
  channel.publish({ routingKey: queue, properties: { expiration: '20' }, body: 'm' });
  const letter = await letters.read();
  channel.publish({ routingKey: queue, properties: letter.properties!, body: letter.body! });
  await rejectOne(channel, queue);
  await letters.read();
});

session('a message that circles by expiry alone is dropped', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  const args = { 'x-message-ttl': 20, 'x-dead-letter-exchange': s.name('x') };
  await channel.call('exchange.declare', { exchange: s.name('x'), type: 'fanout' });
  await s.queue(channel, { arguments: args });
  await channel.call('queue.bind', { queue, exchange: s.name('x') });
  const seen = await s.queue(channel, {}, 'seen');
  await channel.call('queue.bind', { queue: seen, exchange: s.name('x') });
  channel.publish({ routingKey: queue, body: 'm' });
  const other = await channel.client.openChannel(2);
  await other.call('basic.consume', { queue: seen, consumerTag: 'c', noAck: true });
  await other.read();
  await s.until(channel.client, 'queue.declare', { queue, passive: true }, (answer) => answer.args.messageCount === 0);
  await channel.call('exchange.delete', { exchange: s.name('x') });
});

session('a message that circles with a rejection goes on', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  await s.queue(channel, { arguments: to(queue) });
  const letters = await consume(channel, queue, false);
  channel.publish({ routingKey: queue, body: 'm' });
  for (let round = 1; round <= 3; round++) {
    await letters.read();
    letters.send('basic.reject', { deliveryTag: round });
  }
  await letters.read();
});

session('the dead letter routing key replaces the key, and CC with it', async (s) => {
  const channel = await s.open();
  const dead = await s.queue(channel, {}, 'dead');
  const cc = await s.queue(channel, {}, 'cc');
  const exchange = await s.exchange(channel, 'direct');
  await channel.call('queue.bind', { queue: dead, exchange, routingKey: 'dead' });
  await channel.call('queue.bind', { queue: dead, exchange, routingKey: cc });
  const args = { 'x-dead-letter-exchange': exchange, 'x-dead-letter-routing-key': 'dead' };
  const queue = await s.queue(channel, { arguments: args });
  channel.publish({ routingKey: queue, properties: { headers: { CC: [cc] } }, body: 'm' });
  await channel.ask('basic.get', { queue: cc, noAck: true });
  const letters = await consume(channel, dead);
  await rejectOne(channel, queue);
  await letters.read();
  await letters.ask('queue.declare', { queue: dead, passive: true });
});

session('without a dead letter routing key the message keeps its own keys, CC included', async (s) => {
  const channel = await s.open();
  const exchange = await s.exchange(channel, 'direct');
  const dead = await s.queue(channel, {}, 'dead');
  const queue = await s.queue(channel, { arguments: { 'x-dead-letter-exchange': exchange } });
  await channel.call('queue.bind', { queue: dead, exchange, routingKey: 'copy' });
  channel.publish({ routingKey: queue, properties: { headers: { CC: ['copy'], BCC: ['blind'] } }, body: 'm' });
  const letters = await consume(channel, dead);
  await rejectOne(channel, queue);
  await letters.read();
});

session('a dead letter exchange that does not exist loses the message', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-dead-letter-exchange': s.name('none') } });
  channel.publish({ routingKey: queue, body: 'm' });
  await rejectOne(channel, queue);
  await channel.ask('basic.get', { queue });
});

session('a dead letter that finds no queue is lost', async (s) => {
  const channel = await s.open();
  const exchange = await s.exchange(channel, 'direct', { autoDelete: false });
  const queue = await s.queue(channel, { arguments: { 'x-dead-letter-exchange': exchange } });
  channel.publish({ routingKey: queue, body: 'm' });
  await rejectOne(channel, queue);
  await channel.ask('basic.get', { queue });
  await channel.call('exchange.delete', { exchange });
});

session('dead letters go through a topic exchange by their first key', async (s) => {
  const channel = await s.open();
  const exchange = await s.exchange(channel, 'topic');
  const dead = await s.queue(channel, {}, 'dead');
  await channel.call('queue.bind', { queue: dead, exchange, routingKey: 'orders.#' });
  const queue = await s.queue(channel, { arguments: { 'x-dead-letter-exchange': exchange } });
  await channel.call('queue.bind', { queue, exchange: 'amq.topic', routingKey: `orders.${queue}` });
  const letters = await consume(channel, dead);
  channel.publish({ exchange: 'amq.topic', routingKey: `orders.${queue}`, body: 'm' });
  await rejectOne(channel, queue);
  await letters.read();
});

session('purged and deleted messages are not dead-lettered', async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s);
  for (const body of ['one', 'two']) channel.publish({ routingKey: queue, body });
  await channel.ask('queue.purge', { queue });
  channel.publish({ routingKey: queue, body: 'three' });
  await channel.ask('queue.delete', { queue });
  await letters.ask('queue.declare', { queue: s.name('dead'), passive: true });
});

session('a forged x-death header of a wrong type', async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s);
  channel.publish({ routingKey: queue, properties: { headers: { 'x-death': 'forged' } }, body: 'm' });
  await rejectOne(channel, queue);
  await letters.read();
});

session('a dead letter with user-id and expiration set by its publisher keeps the user-id', async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s);
  const properties = { userId: 'guest', expiration: '60000', priority: 3, timestamp: 1_700_000_000 };
  channel.publish({ routingKey: queue, properties, body: 'm' });
  await rejectOne(channel, queue);
  await letters.read();
});

/** A queue that dead-letters to another, and a channel on which that one is consumed. */
async function withDeadLetters(
  s: SessionContext,
  args: Record<string, unknown> = {},
): Promise<{ channel: RawChannel; queue: string; letters: RawChannel }> {
  const channel = await s.open();
  const dead = await s.queue(channel, {}, 'dead');
  const queue = await s.queue(channel, { arguments: { ...args, ...to(dead) } });
  return { channel, queue, letters: await consume(channel, dead) };
}

/** Consumes on channel 2, because a dead letter comes in its own time. */
async function consume(channel: RawChannel, queue: string, noAck = true): Promise<RawChannel> {
  const letters = await channel.client.openChannel(2);
  await letters.call('basic.consume', { queue, consumerTag: 'letters', noAck });
  return letters;
}

/** Dead letters to a queue by the default exchange. */
function to(queue: string): Record<string, unknown> {
  return { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': queue };
}

async function rejectOne(channel: RawChannel, queue: string): Promise<void> {
  const { args } = await channel.call('basic.get', { queue }, 'basic.get-ok');
  channel.send('basic.reject', { deliveryTag: args.deliveryTag });
}
