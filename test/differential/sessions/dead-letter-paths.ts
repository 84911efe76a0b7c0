/** Ways that dead letters go: through several queues and exchanges, in circles, and what x-death tells of it. */

import type { RawChannel } from '../raw-client.ts';
import { group, type Session } from '../session.ts';
import type { MethodArguments } from '../wire-format.ts';
import { drainQueue } from './publishing.ts';

export const deadLetterPathSessions: Session[] = [];
const session = group('dead letter paths', deadLetterPathSessions);

session('a message that is retried three times by way of a waiting queue', async (s) => {
  const channel = await s.open();
  const work = s.name('work');
  const wait = await deadLettering(channel, s.name('wait'), { to: work, args: { 'x-message-ttl': 10 } });
  await deadLettering(channel, work, { to: wait });
  channel.publish({ routingKey: work, body: 'm' });
  const own = await channel.client.openChannel(2);
  await own.call('basic.consume', { queue: work, consumerTag: 'c' });
  for (let round = 1; round <= 3; round++) {
    await own.read();
    own.send('basic.reject', { deliveryTag: round });
  }
  await own.read();
});

session('a message that dies in three queues', async (s) => {
  const channel = await s.open();
  const letters = await s.queue(channel, {}, 'letters');
  const third = await deadLettering(channel, s.name('third'), { to: letters, args: { 'x-max-length': 0 } });
  const second = await deadLettering(channel, s.name('second'), { to: third, args: { 'x-message-ttl': 1 } });
  const first = await deadLettering(channel, s.name('first'), { to: second });
  const own = await channel.client.openChannel(2);
  await own.call('basic.consume', { queue: letters, consumerTag: 'letters', noAck: true });
  channel.publish({ routingKey: first, body: 'm' });
  await rejectOne(channel, first);
  await own.read();
});

session('a rejected message that comes back to its own queue, again and again', async (s) => {
  const channel = await s.open();
  const queue = await deadLettering(channel, s.name('q'), { to: s.name('q') });
  channel.publish({ routingKey: queue, body: 'm' });
  const own = await channel.client.openChannel(2);
  await own.call('basic.consume', { queue, consumerTag: 'c' });
  for (let round = 1; round <= 3; round++) {
    await own.read();
    own.send('basic.reject', { deliveryTag: round });
  }
  await own.read();
});

session('an expired message that comes back to its own queue is dropped', async (s) => {
  const channel = await s.open();
  const queue = await deadLettering(channel, s.name('q'), { to: s.name('q') });
  channel.publish({ routingKey: queue, properties: { expiration: '1' }, body: 'm' });
  await s.until(channel.client, 'queue.declare', { queue, passive: true }, (answer) => answer.args.messageCount === 0);
});

session('a message over the length that comes back to its own queue is dropped', async (s) => {
  const channel = await s.open();
  const queue = await deadLettering(channel, s.name('q'), { to: s.name('q'), args: { 'x-max-length': 1 } });
  await s.fill(channel, queue, ['m1', 'm2']);
  await drainQueue(channel, queue);
});

session('a circle of expiry with a rejection behind it', async (s) => {
  const channel = await s.open();
  const [one, two] = [s.name('one'), s.name('two')];
  await deadLettering(channel, one, { to: two });
  await deadLettering(channel, two, { to: one, args: { 'x-message-ttl': 1 } });
  channel.publish({ routingKey: one, body: 'm' });
  await rejectOne(channel, one);
  const own = await channel.client.openChannel(2);
  await own.call('basic.consume', { queue: one, consumerTag: 'c' });
  await own.read();
});

session('the default exchange without a key brings dead letters back to their queue', async (s) => {
  const channel = await s.open();
  const queue = await deadLettering(channel, s.name('q'), {});
  channel.publish({ routingKey: queue, body: 'm' });
  await rejectOne(channel, queue);
  await nextLetter(channel, queue);
});

session('a message that came by a topic exchange dies with its own key', async (s) => {
  const channel = await s.open();
  const letters = await s.queue(channel, {}, 'letters');
  const exchange = await s.exchange(channel, 'topic', {}, 'dead');
  await channel.call('queue.bind', { queue: letters, exchange, routingKey: 'a.#' });
  const queue = await deadLettering(channel, s.name('q'), { exchange });
  await channel.call('queue.bind', { queue, exchange: 'amq.topic', routingKey: `a.*.${queue}` });
  channel.publish({ exchange: 'amq.topic', routingKey: `a.b.${queue}`, body: 'm' });
  await rejectOne(channel, queue);
  await nextLetter(channel, letters);
});

session('a dead letter exchange that is declared later', async (s) => {
  const channel = await s.open();
  const letters = await s.queue(channel, {}, 'letters');
  const queue = await deadLettering(channel, s.name('q'), { exchange: s.name('dead') });
  for (const body of ['lost', 'kept']) channel.publish({ routingKey: queue, body });
  await rejectOne(channel, queue);
  await channel.ask('queue.declare', { queue, passive: true });
  const exchange = await s.exchange(channel, 'fanout', {}, 'dead');
  await channel.call('queue.bind', { queue: letters, exchange });
  await rejectOne(channel, queue, 2);
  await nextLetter(channel, letters);
});

session('dead letters through a headers exchange, by a header that x-death brings', async (s) => {
  const channel = await s.open();
  const letters = await s.queue(channel, {}, 'letters');
  const exchange = await s.exchange(channel, 'headers', {}, 'dead');
  const args = { 'x-match': 'all', 'x-first-death-reason': 'rejected', mine: 1 };
  await channel.call('queue.bind', { queue: letters, exchange, arguments: args });
  const queue = await deadLettering(channel, s.name('q'), { exchange });
  channel.publish({ routingKey: queue, properties: { headers: { mine: 1 } }, body: 'm' });
  await rejectOne(channel, queue);
  await nextLetter(channel, letters);
});

session('dead letters that find no queue go to the alternate exchange', async (s) => {
  const channel = await s.open();
  const letters = await s.queue(channel, {}, 'letters');
  const rest = await s.exchange(channel, 'fanout', {}, 'rest');
  await channel.call('queue.bind', { queue: letters, exchange: rest });
  const alternate = { autoDelete: false, arguments: { 'alternate-exchange': rest } };
  const exchange = await s.exchange(channel, 'direct', alternate, 'dead');
  const queue = await deadLettering(channel, s.name('q'), { exchange });
  channel.publish({ routingKey: queue, body: 'm' });
  await rejectOne(channel, queue);
  await nextLetter(channel, letters);
  await channel.call('exchange.delete', { exchange });
});

session('dead letters through two exchanges keep the name of the first', async (s) => {
  const channel = await s.open();
  const letters = await s.queue(channel, {}, 'letters');
  const dead = await s.exchange(channel, 'fanout', {}, 'dead');
  const behind = await s.exchange(channel, 'fanout', {}, 'behind');
  await channel.call('exchange.bind', { destination: behind, source: dead });
  await channel.call('queue.bind', { queue: letters, exchange: behind });
  const queue = await deadLettering(channel, s.name('q'), { exchange: dead });
  channel.publish({ exchange: '', routingKey: queue, body: 'm' });
  await rejectOne(channel, queue);
  await nextLetter(channel, letters);
});

session('a dead letter that a full queue refuses is lost', async (s) => {
  const channel = await s.open();
  const full = { 'x-max-length': 1, 'x-overflow': 'reject-publish' };
  const letters = await s.queue(channel, { arguments: full }, 'letters');
  const queue = await deadLettering(channel, s.name('q'), { to: letters });
  await s.fill(channel, letters, ['there first']);
  channel.publish({ routingKey: queue, body: 'm' });
  await rejectOne(channel, queue);
  await channel.ask('queue.declare', { queue, passive: true });
  await drainQueue(channel, letters);
});

session('a dead letter keeps priority and delivery-mode, and is not marked redelivered', async (s) => {
  const channel = await s.open();
  const letters = await s.queue(channel, { arguments: { 'x-max-priority': 5 } }, 'letters');
  const queue = await deadLettering(channel, s.name('q'), { to: letters });
  const properties = { priority: 4, deliveryMode: 2, timestamp: 1_000, contentType: 'a/b', type: 't', appId: 'a' };
  channel.publish({ routingKey: queue, properties, body: 'm' });
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  channel.send('basic.nack', { deliveryTag: 1, requeue: true });
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  channel.send('basic.reject', { deliveryTag: 2 });
  await nextLetter(channel, letters);
});

session('a message with CC and BCC that dies goes to all of its keys, and tells of CC only', async (s) => {
  const channel = await s.open();
  const names = [await s.queue(channel, {}, 'by-key'), await s.queue(channel, {}, 'by-cc')];
  const hidden = await s.queue(channel, {}, 'by-bcc');
  const exchange = await s.exchange(channel, 'direct', {}, 'dead');
  for (const queue of [...names, hidden]) await channel.call('queue.bind', { queue, exchange, routingKey: queue });
  const source = await s.exchange(channel, 'fanout', {}, 'source');
  const queue = await deadLettering(channel, s.name('q'), { exchange });
  await channel.call('queue.bind', { queue, exchange: source });
  const headers = { CC: [names[1]], BCC: [hidden] };
  channel.publish({ exchange: source, routingKey: names[0]!, properties: { headers }, body: 'm' });
  await rejectOne(channel, queue);
  for (const letters of names) await nextLetter(channel, letters);
  await channel.ask('basic.get', { queue: hidden, noAck: true });
});

session('x-death counts in a header that the client sends back', async (s) => {
  const channel = await s.open();
  const letters = await s.queue(channel, {}, 'letters');
  const queue = await deadLettering(channel, s.name('q'), { to: letters });
  channel.publish({ routingKey: queue, body: 'm' });
  await rejectOne(channel, queue);
  const { properties } = await nextLetter(channel, letters);
  channel.publish({ routingKey: queue, properties: properties!, body: 'again' });
  await rejectOne(channel, queue, 2);
  await nextLetter(channel, letters);
});

session('dead letters of a transaction come with its commit', async (s) => {
  const channel = await s.open();
  const letters = await s.queue(channel, {}, 'letters');
  const queue = await deadLettering(channel, s.name('q'), { to: letters });
  await s.fill(channel, queue, ['m']);
  const own = await channel.client.openChannel(2);
  await own.call('tx.select');
  await own.call('basic.get', { queue }, 'basic.get-ok');
  own.send('basic.reject', { deliveryTag: 1 });
  await own.call('basic.qos', { prefetchCount: 1 });
  await channel.ask('basic.get', { queue: letters, noAck: true });
  await own.call('tx.commit');
  await nextLetter(channel, letters);
});

session('several that expire at once keep their order', async (s) => {
  const channel = await s.open();
  const letters = await s.queue(channel, {}, 'letters');
  const queue = await deadLettering(channel, s.name('q'), { to: letters, args: { 'x-message-ttl': 20 } });
  const own = await channel.client.openChannel(2);
  await own.call('basic.consume', { queue: letters, consumerTag: 'letters', noAck: true });
  for (const body of ['m1', 'm2', 'm3', 'm4']) channel.publish({ routingKey: queue, body });
  await own.readMany(4);
});

interface Path {
  /** The queue that dead letters go to, by the default exchange. */
  readonly to?: string;
  /** Or the exchange, with the message's own key. */
  readonly exchange?: string;
  readonly args?: MethodArguments;
}

async function deadLettering(channel: RawChannel, queue: string, { to, exchange = '', args }: Path): Promise<string> {
  const key = to === undefined ? {} : { 'x-dead-letter-routing-key': to };
  const all = { 'x-dead-letter-exchange': exchange, ...key, ...args };
  await channel.call('queue.declare', { queue, exclusive: true, arguments: all });
  return queue;
}

async function rejectOne(channel: RawChannel, queue: string, deliveryTag = 1): Promise<void> {
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  channel.send('basic.reject', { deliveryTag });
}

/** Dead-lettering is not done yet when the next method is answered. */
async function nextLetter(channel: RawChannel, letters: string) {
  const own = await channel.client.openChannel(nextChannel(channel));
  await own.call('basic.consume', { queue: letters, consumerTag: 'letters', noAck: true });
  const letter = await own.read();
  await own.call('channel.close', { replyCode: 200 });
  return letter;
}

const opened = new WeakMap<object, number>();

function nextChannel({ client }: RawChannel): number {
  const number = (opened.get(client) ?? 30) + 1;
  opened.set(client, number);
  return number;
}
