/** Limits of length and time: what is dropped or refused, in which order, and what the limits count. */

import type { RawChannel } from '../raw-client.ts';
import { group, type Session, type SessionContext } from '../session.ts';
import { drainQueue } from './publishing.ts';

export const lengthAndTimeSessions: Session[] = [];
const session = group('length and time', lengthAndTimeSessions);

session('a message of short life behind one without an end is not missed before it is at the head', async (s) => {
  const { channel, queue, letters } = await withLetters(s, {});
  channel.publish({ routingKey: queue, body: 'stays' });
  channel.publish({ routingKey: queue, properties: { expiration: '1' }, body: 'short' });
  await passTime(s, channel);
  await channel.ask('queue.declare', { queue, passive: true });
  await channel.ask('basic.get', { queue, noAck: true });
  await channel.ask('basic.get', { queue, noAck: true });
  await letters.read();
});

session('a consumer that comes late gets nothing that has expired', async (s) => {
  const { channel, queue, letters } = await withLetters(s, {});
  channel.publish({ routingKey: queue, properties: { expiration: '1' }, body: 'short' });
  channel.publish({ routingKey: queue, properties: { expiration: '60000' }, body: 'long' });
  await letters.read();
  const own = await channel.client.openChannel(3);
  await own.call('basic.consume', { queue, consumerTag: 'late', noAck: true });
  await own.read();
});

session('a queue whose messages live for no time dead-letters what no consumer takes', async (s) => {
  const { channel, queue, letters } = await withLetters(s, { 'x-message-ttl': 0 });
  channel.publish({ routingKey: queue, body: 'm' });
  await letters.read();
});

session('messages of several priorities expire each in its own order', async (s) => {
  const { channel, queue, letters } = await withLetters(s, { 'x-max-priority': 2 });
  channel.publish({ routingKey: queue, properties: { priority: 2 }, body: 'high stays' });
  channel.publish({ routingKey: queue, properties: { priority: 1, expiration: '1' }, body: 'low goes' });
  await passTime(s, channel);
  await channel.ask('queue.declare', { queue, passive: true });
  await channel.ask('basic.get', { queue, noAck: true });
  await letters.read();
});

session('max-length of a queue with priorities drops the head, which is of the highest', async (s) => {
  const { channel, queue, letters } = await withLetters(s, { 'x-max-priority': 2, 'x-max-length': 2 });
  for (const [body, priority] of [
    ['high', 2],
    ['low1', 1],
    ['low2', 1],
  ] as const) {
    channel.publish({ routingKey: queue, properties: { priority }, body });
  }
  await letters.read();
  await drainQueue(channel, queue);
});

session('max-length-bytes drops as many as a large message needs', async (s) => {
  const { channel, queue, letters } = await withLetters(s, { 'x-max-length-bytes': 10 });
  for (const body of ['aaa', 'bbb', 'ccc', 'ddddddd']) channel.publish({ routingKey: queue, body });
  await letters.readMany(2);
  await drainQueue(channel, queue);
});

session('max-length-bytes drops a message that is too large for the queue', async (s) => {
  const { channel, queue, letters } = await withLetters(s, { 'x-max-length-bytes': 5 });
  for (const body of ['a', 'too large']) channel.publish({ routingKey: queue, body });
  await letters.readMany(2);
  await channel.ask('basic.get', { queue, noAck: true });
});

session('max-length and max-length-bytes count both', async (s) => {
  const { channel, queue, letters } = await withLetters(s, { 'x-max-length': 3, 'x-max-length-bytes': 6 });
  for (const body of ['a', 'b', 'c', 'd', 'eeee']) channel.publish({ routingKey: queue, body });
  await letters.readMany(2);
  await drainQueue(channel, queue);
});

session('reject-publish takes what a consumer makes room for', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } });
  const own = await channel.client.openChannel(2);
  await own.call('basic.qos', { prefetchCount: 1 });
  await own.call('basic.consume', { queue, consumerTag: 'c' });
  await channel.call('confirm.select');
  for (const body of ['m1', 'm2', 'm3']) {
    channel.publish({ routingKey: queue, body });
    await channel.read();
  }
  await own.read();
  own.send('basic.ack', { deliveryTag: 1 });
  await own.read();
  channel.publish({ routingKey: queue, body: 'm4' });
  await channel.read();
});

session('reject-publish does not refuse what is requeued', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } });
  await s.fill(channel, queue, ['m1']);
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  await s.fill(channel, queue, ['m2']);
  channel.send('basic.nack', { deliveryTag: 1, requeue: true });
  await drainQueue(channel, queue);
});

session('reject-publish with max-length 0 refuses everything', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-max-length': 0, 'x-overflow': 'reject-publish' } });
  await channel.call('confirm.select');
  channel.publish({ routingKey: queue, body: 'm' });
  await channel.read();
});

session('a refused message that is mandatory was routed and is not returned', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-max-length': 0, 'x-overflow': 'reject-publish' } });
  await channel.call('confirm.select');
  channel.publish({ routingKey: queue, mandatory: true, body: 'm' });
  await channel.read();
});

session('reject-publish-dlx without a dead letter exchange only nacks', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish-dlx' } });
  await channel.call('confirm.select');
  for (const body of ['m1', 'm2']) {
    channel.publish({ routingKey: queue, body });
    await channel.read();
  }
  await drainQueue(channel, queue);
});

session('max-length counts nothing that a consumer was given', async (s) => {
  const { channel, queue, letters } = await withLetters(s, { 'x-max-length': 1 });
  const own = await channel.client.openChannel(3);
  await own.call('basic.qos', { prefetchCount: 1 });
  await own.call('basic.consume', { queue, consumerTag: 'c' });
  await s.fill(channel, queue, ['m1', 'm2', 'm3']);
  await own.read();
  await letters.read();
  own.send('basic.ack', { deliveryTag: 1 });
  await own.read();
});

session('x-expires takes a queue whose message is unacked, and the ack is no error', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { exclusive: false, arguments: { 'x-expires': 1500 } });
  await s.fill(channel, queue, ['m']);
  await channel.ask('basic.get', { queue });
  // A bind is no use of a queue.
  const bind = { queue, exchange: 'amq.direct' };
  await s.until(channel.client, 'queue.bind', bind, ({ name }) => name === 'channel.close');
  channel.send('basic.ack', { deliveryTag: 1 });
  await channel.ask('basic.qos', { prefetchCount: 1 });
});

/** A queue with these arguments whose dead letters go to a consumer on channel 2. */
async function withLetters(
  s: SessionContext,
  args: Record<string, unknown>,
): Promise<{ channel: RawChannel; queue: string; letters: RawChannel }> {
  const channel = await s.open();
  const dead = await s.queue(channel, {}, 'dead');
  const letters = await channel.client.openChannel(2);
  await letters.call('basic.consume', { queue: dead, consumerTag: 'letters', noAck: true });
  const all = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead, ...args };
  return { channel, queue: await s.queue(channel, { arguments: all }), letters };
}

/** Waits until a message of 20 ms has expired: as long as the broker's own clock says. */
async function passTime(s: SessionContext, channel: RawChannel): Promise<void> {
  const trace = s.quiet(channel.client);
  const done = await s.queue(channel, {}, 'done');
  const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': done };
  const clock = await s.queue(channel, { arguments: args }, 'clock');
  const own = await channel.client.openChannel(20);
  await own.call('basic.consume', { queue: done, consumerTag: 'time', noAck: true });
  channel.publish({ routingKey: clock, properties: { expiration: '20' } });
  await own.expect('basic.deliver');
  trace.on = true;
  s.note('20 ms pass');
}
