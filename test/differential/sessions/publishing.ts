/** From publish to queue: confirms, returns, and every kind of exchange. */

import type { Publish, RawChannel } from '../raw-client.ts';
import { group, type Session, type SessionContext } from '../session.ts';
import { typed } from '../wire-format.ts';

export const publishingSessions: Session[] = [];
const session = group('publishing', publishingSessions);

session('a mandatory message that reaches no queue is returned before it is confirmed', async (s) => {
  const channel = await s.open();
  await channel.call('confirm.select');
  const properties = { contentType: 'text/plain', deliveryMode: 2, headers: { a: 1 }, messageId: 'm1' };
  channel.publish({ exchange: 'amq.direct', routingKey: s.name('k'), mandatory: true, properties, body: 'back' });
  await channel.read();
  await channel.read();
});

session('a mandatory message to the default exchange with no such queue is returned', async (s) => {
  const channel = await s.open();
  channel.publish({ routingKey: s.name('none'), mandatory: true, body: 'back' });
  await channel.read();
});

session('a mandatory message larger than one frame comes back whole', async (s) => {
  const channel = await s.open({ tune: { frameMax: 4096 } });
  channel.publish({ routingKey: s.name('none'), mandatory: true, body: Buffer.alloc(9_000, 'x') });
  await channel.read();
});

session('a message that is not mandatory and reaches no queue is confirmed', async (s) => {
  const channel = await s.open();
  await channel.call('confirm.select');
  channel.publish({ routingKey: s.name('none'), body: 'lost' });
  await channel.read();
});

session('publishes are confirmed with tags from 1, from confirm.select on', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  channel.publish({ routingKey: queue, body: 'before' });
  await channel.call('confirm.select');
  for (const body of ['one', 'two', 'three']) {
    channel.publish({ routingKey: queue, body });
    await channel.read();
  }
});

session('a thousand publishes are all confirmed', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await channel.call('confirm.select');
  await publishQuietly(s, channel, queue, 1000);
  await s.confirmed(channel, 1000);
  await channel.ask('queue.declare', { queue, passive: true });
});

session('persistent publishes to a durable queue are confirmed', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { durable: true, exclusive: true });
  await channel.call('confirm.select');
  channel.publish({ routingKey: queue, properties: { deliveryMode: 2 }, body: 'kept' });
  await channel.read();
});

session('a publish to a missing exchange on a confirm channel costs the channel, not a nack', async (s) => {
  const channel = await s.open();
  await channel.call('confirm.select');
  channel.publish({ exchange: s.name('x'), routingKey: 'k', body: 'm' });
  await channel.read();
});

session('an empty body is delivered without a body frame', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  channel.publish({ routingKey: queue, properties: { type: 'empty' } });
  await channel.ask('basic.get', { queue, noAck: true });
});

session('all fourteen properties come back as they were sent', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const properties = {
    contentType: 'application/json',
    contentEncoding: 'gzip',
    headers: { one: 1 },
    deliveryMode: 2,
    priority: 7,
    correlationId: 'c1',
    replyTo: 'somewhere',
    expiration: '60000',
    messageId: 'm1',
    timestamp: 1_700_000_000,
    type: 'kind',
    userId: 'guest',
    appId: 'app',
    clusterId: 'cluster',
  };
  channel.publish({ routingKey: queue, properties, body: 'm' });
  await channel.ask('basic.get', { queue, noAck: true });
});

session('empty and zero properties stay present', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const properties = { contentType: '', headers: {}, priority: 0, timestamp: 0 };
  channel.publish({ routingKey: queue, properties, body: 'm' });
  const message = await channel.call('basic.get', { queue, noAck: true }, 'basic.get-ok');
  s.note(`present: ${Object.keys(message.properties!).join(' ')}`);
});

session('a delivery-mode that is neither 1 nor 2', async (s) => {
  const channel = await s.open();
  for (const [number, deliveryMode] of [0, 3, 255].entries()) {
    const own = await channel.client.openChannel(10 + number);
    own.publish({ routingKey: s.name('none'), properties: { deliveryMode }, body: 'm' });
    await own.read();
  }
});

session('header tables keep the letter of every type', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const headers = {
    t: true,
    b: typed('b', -5),
    B: typed('B', 200),
    s: typed('s', -500),
    u: typed('u', 60_000),
    I: typed('I', -70_000),
    i: typed('i', 4_000_000_000),
    l: typed('l', -5_000_000_000n),
    f: typed('f', 1.5),
    d: 2.25,
    D: typed('D', { scale: 2, unscaled: 314 }),
    S: 'text',
    T: typed('T', 1_700_000_000),
    V: null,
    x: Buffer.from([0, 1, 255]),
    A: [1, 'two', [true], { three: 3 }],
    F: { inner: { deeper: typed('s', 1) } },
    emptyArray: [],
    emptyTable: {},
    emptyString: '',
  };
  channel.publish({ routingKey: queue, properties: { headers }, body: 'm' });
  await channel.ask('basic.get', { queue, noAck: true });
});

session('a header table of type letter L', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  channel.publish({ routingKey: queue, properties: { headers: { L: typed('L', 5) } }, body: 'm' });
  await channel.ask('basic.get', { queue, noAck: true });
});

session('CC and BCC add routing keys, and BCC is taken out', async (s) => {
  const channel = await s.open();
  const [to, cc, bcc] = await threeQueues(s, channel);
  const headers = { CC: [cc], BCC: [bcc], kept: 'yes' };
  channel.publish({ routingKey: to, properties: { headers }, body: 'm' });
  for (const queue of [to, cc, bcc]) await channel.ask('basic.get', { queue, noAck: true });
});

session('CC of a queue that gets the message anyway gives it once', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  channel.publish({ routingKey: queue, properties: { headers: { CC: [queue, queue] } }, body: 'm' });
  await channel.ask('basic.get', { queue, noAck: true });
});

session('CC goes through topic exchanges key by key', async (s) => {
  const channel = await s.open();
  const [one, two, three] = await threeQueues(s, channel);
  const exchange = await s.exchange(channel, 'topic');
  await channel.call('queue.bind', { queue: one, exchange, routingKey: 'a.*' });
  await channel.call('queue.bind', { queue: two, exchange, routingKey: 'b.#' });
  await channel.call('queue.bind', { queue: three, exchange, routingKey: 'c' });
  channel.publish({ exchange, routingKey: 'a.x', properties: { headers: { CC: ['b.y.z'], BCC: ['c'] } }, body: 'm' });
  for (const queue of [one, two, three]) await channel.ask('basic.get', { queue, noAck: true });
});

session('a direct exchange with two bindings of one key to one queue delivers once', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const exchange = await s.exchange(channel, 'direct');
  await channel.call('queue.bind', { queue, exchange, routingKey: 'k' });
  await channel.call('queue.bind', { queue, exchange, routingKey: 'k', arguments: { other: 1 } });
  await channel.call('queue.bind', { queue, exchange, routingKey: 'j' });
  channel.publish({ exchange, routingKey: 'k', body: 'once' });
  await channel.ask('basic.get', { queue, noAck: true });
});

session('a binding is only taken away by the same key and arguments', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const exchange = await s.exchange(channel, 'direct', { autoDelete: false });
  await channel.call('queue.bind', { queue, exchange, routingKey: 'k', arguments: { a: 1 } });
  await channel.call('queue.unbind', { queue, exchange, routingKey: 'k' });
  channel.publish({ exchange, routingKey: 'k', body: 'still bound' });
  await channel.ask('basic.get', { queue, noAck: true });
  await channel.call('queue.unbind', { queue, exchange, routingKey: 'k', arguments: { a: 1 } });
  channel.publish({ exchange, routingKey: 'k', mandatory: true, body: 'not bound' });
  await channel.read();
  await channel.call('exchange.delete', { exchange });
});

session('a fanout exchange ignores the routing key', async (s) => {
  const channel = await s.open();
  const [one, two, three] = await threeQueues(s, channel);
  const exchange = await s.exchange(channel, 'fanout');
  await channel.call('queue.bind', { queue: one, exchange, routingKey: 'a' });
  await channel.call('queue.bind', { queue: two, exchange });
  channel.publish({ exchange, routingKey: 'zzz', body: 'm' });
  for (const queue of [one, two, three]) await channel.ask('basic.get', { queue, noAck: true });
});

const TOPIC_PATTERNS = [
  '#',
  '*',
  'a',
  'a.*',
  'a.#',
  '#.b',
  '*.b',
  'a.#.b',
  '#.#',
  '*.*',
  'a.*.#',
  '',
  '#.*',
  '*.#.*',
  'a..b',
];
const TOPIC_KEYS = ['', 'a', 'b', 'a.b', 'a.x.b', 'a.x.y.b', '.', 'a.', '.b', 'a..b', 'x.y.z'];

session('topic patterns', async (s) => {
  const channel = await s.open();
  const exchange = await s.exchange(channel, 'topic', { autoDelete: false });
  const queue = await s.queue(channel);
  for (const pattern of TOPIC_PATTERNS) {
    await channel.call('queue.bind', { queue, exchange, routingKey: pattern });
    for (const key of TOPIC_KEYS) channel.publish({ exchange, routingKey: key, body: `${pattern} takes ${key}` });
    await channel.call('queue.unbind', { queue, exchange, routingKey: pattern });
  }
  await channel.call('exchange.delete', { exchange });
  await drainQueue(channel, queue);
});

const HEADER_BINDINGS: readonly Record<string, unknown>[] = [
  { 'x-match': 'all', a: 1, b: 'x' },
  { 'x-match': 'any', a: 1, b: 'x' },
  { a: 1 },
  {},
  { 'x-match': 'any' },
  { 'x-match': 'all', 'x-a': 1 },
  { 'x-match': 'any', 'x-a': 1 },
  { 'x-match': 'all-with-x', 'x-a': 1 },
  { 'x-match': 'any-with-x', 'x-a': 1 },
  { 'x-match': 'all', a: null },
  { 'x-match': 'all', a: typed('s', 1) },
  { 'x-match': 'all', a: '1' },
  { 'x-match': 'all', list: [1, 2] },
  { 'x-match': 'all', table: { z: 1 } },
  { 'x-match': 'all', flag: true },
  { 'x-match': 'all', real: 1.5 },
];
const HEADER_MESSAGES: readonly (Record<string, unknown> | undefined)[] = [
  undefined,
  {},
  { a: 1 },
  { a: 1, b: 'x' },
  { a: 2, b: 'x' },
  { a: typed('l', 1) },
  { a: '1' },
  { 'x-a': 1 },
  { a: null },
  { list: [1, 2] },
  { list: [2, 1] },
  { table: { z: 1 } },
  { flag: true },
  { real: 1.5 },
  { a: 1.0, b: 'x', c: 3 },
];

session('headers exchanges: all, any, with x, and by value', async (s) => {
  const channel = await s.open();
  const exchange = await s.exchange(channel, 'headers', { autoDelete: false });
  const queue = await s.queue(channel);
  for (const [index, binding] of HEADER_BINDINGS.entries()) {
    await channel.call('queue.bind', { queue, exchange, routingKey: '', arguments: binding });
    for (const [number, headers] of HEADER_MESSAGES.entries()) {
      const properties = headers === undefined ? {} : { headers };
      channel.publish({ exchange, properties, body: `binding ${index} takes message ${number}` });
    }
    await channel.call('queue.unbind', { queue, exchange, routingKey: '', arguments: binding });
  }
  await channel.call('exchange.delete', { exchange });
  await drainQueue(channel, queue);
});

session('an alternate exchange takes what finds no queue', async (s) => {
  const channel = await s.open();
  const [routed, rest] = await threeQueues(s, channel);
  const alternate = await s.exchange(channel, 'fanout', {}, 'alternate');
  const args = { arguments: { 'alternate-exchange': alternate } };
  const exchange = await s.exchange(channel, 'direct', args);
  await channel.call('queue.bind', { queue: routed, exchange, routingKey: 'k' });
  await channel.call('queue.bind', { queue: rest, exchange: alternate });
  await channel.call('confirm.select');
  channel.publish({ exchange, routingKey: 'k', mandatory: true, body: 'found' });
  await channel.read();
  channel.publish({ exchange, routingKey: 'other', mandatory: true, body: 'not found' });
  await channel.read();
  for (const queue of [routed, rest]) await channel.ask('basic.get', { queue, noAck: true });
});

session('an alternate exchange that does not exist leaves a mandatory message returned', async (s) => {
  const channel = await s.open();
  const exchange = await s.exchange(channel, 'direct', {
    autoDelete: false,
    arguments: { 'alternate-exchange': s.name('none') },
  });
  channel.publish({ exchange, routingKey: 'k', mandatory: true, body: 'm' });
  await channel.read();
  await channel.call('exchange.delete', { exchange });
});

session('alternate exchanges in a circle end', async (s) => {
  const channel = await s.open();
  const one = s.name('one');
  const two = s.name('two');
  const declare = { type: 'direct' };
  await channel.call('exchange.declare', { exchange: one, ...declare, arguments: { 'alternate-exchange': two } });
  await channel.call('exchange.declare', { exchange: two, ...declare, arguments: { 'alternate-exchange': one } });
  channel.publish({ exchange: one, routingKey: 'k', mandatory: true, body: 'm' });
  await channel.read();
  for (const exchange of [one, two]) await channel.call('exchange.delete', { exchange });
});

session('an alternate exchange may be internal', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const alternate = await s.exchange(channel, 'fanout', { internal: true }, 'alternate');
  await channel.call('queue.bind', { queue, exchange: alternate });
  const args = { autoDelete: false, arguments: { 'alternate-exchange': alternate } };
  const exchange = await s.exchange(channel, 'direct', args);
  channel.publish({ exchange, routingKey: 'k', body: 'm' });
  await channel.ask('basic.get', { queue, noAck: true });
  await channel.call('exchange.delete', { exchange });
});

session('exchange to exchange bindings, in a circle and with one message each', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const source = await s.exchange(channel, 'topic', { autoDelete: false }, 'source');
  const middle = await s.exchange(channel, 'fanout', { autoDelete: false }, 'middle');
  await channel.ask('exchange.bind', { destination: middle, source, routingKey: 'a.#' });
  await channel.ask('exchange.bind', { destination: source, source: middle, routingKey: '' });
  await channel.call('queue.bind', { queue, exchange: middle, routingKey: '' });
  await channel.call('queue.bind', { queue, exchange: source, routingKey: '#' });
  channel.publish({ exchange: source, routingKey: 'a.b', body: 'once' });
  await channel.ask('basic.get', { queue, noAck: true });
  await channel.ask('exchange.unbind', { destination: middle, source, routingKey: 'a.#' });
  for (const exchange of [source, middle]) await channel.call('exchange.delete', { exchange });
});

session('the routing key and the exchange of a delivery are those of the publish', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const source = await s.exchange(channel, 'fanout', {}, 'source');
  const last = await s.exchange(channel, 'fanout', {}, 'last');
  await channel.call('exchange.bind', { destination: last, source });
  await channel.call('queue.bind', { queue, exchange: last });
  channel.publish({ exchange: source, routingKey: 'mine', body: 'm' });
  await channel.ask('basic.get', { queue, noAck: true });
});

session('an auto-delete exchange goes with its last binding', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const exchange = await s.exchange(channel, 'direct');
  await channel.call('queue.bind', { queue, exchange, routingKey: 'a' });
  await channel.call('queue.bind', { queue, exchange, routingKey: 'b' });
  await channel.call('queue.unbind', { queue, exchange, routingKey: 'a' });
  await channel.ask('exchange.declare', { exchange, type: 'direct', passive: true });
  await channel.call('queue.unbind', { queue, exchange, routingKey: 'b' });
  await channel.ask('exchange.declare', { exchange, type: 'direct', passive: true });
});

session('an auto-delete exchange goes when the queue that is bound to it is deleted', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const exchange = await s.exchange(channel, 'direct');
  await channel.call('queue.bind', { queue, exchange, routingKey: 'a' });
  await channel.call('queue.delete', { queue });
  await channel.ask('exchange.declare', { exchange, type: 'direct', passive: true });
});

session('an auto-delete exchange goes as the source of an exchange that is deleted', async (s) => {
  const channel = await s.open();
  const source = await s.exchange(channel, 'direct', {}, 'source');
  const destination = await s.exchange(channel, 'direct', { autoDelete: false }, 'destination');
  await channel.call('exchange.bind', { destination, source, routingKey: 'a' });
  await channel.call('exchange.delete', { exchange: destination });
  await channel.ask('exchange.declare', { exchange: source, type: 'direct', passive: true });
});

session('a content header larger than the frame-max of the consumer comes in one frame', async (s) => {
  const publisher = await s.open();
  const queue = await s.queue(publisher, { exclusive: false });
  publisher.publish({ routingKey: queue, properties: { headers: { large: 'x'.repeat(10_000) } }, body: 'm' });
  const channel = await s.open({ tune: { frameMax: 4096 } });
  s.quiet(channel.client);
  await publisher.call('queue.declare', { queue, passive: true });
  const { properties, bodySizes } = await channel.call('basic.get', { queue, noAck: true }, 'basic.get-ok');
  const { value } = (properties!.headers as Record<string, { value: string }>).large!;
  s.note(`a header of ${value.length} octets, and bodies of ${bodySizes}`);
  await publisher.call('queue.delete', { queue });
});

session('a consistent hash exchange gives each message to one queue, the same for the same key', async (s) => {
  const channel = await s.open();
  const queues = await threeQueues(s, channel);
  const exchange = await s.exchange(channel, 'x-consistent-hash');
  for (const queue of queues) await channel.call('queue.bind', { queue, exchange, routingKey: '1' });
  const counts = await spread(s, channel, { exchange, routingKey: 'same' }, queues);
  s.note(`of 60 messages one queue has all: ${Math.max(...counts) === 60 && total(counts) === 60}`);
});

session('a consistent hash exchange gives each of many keys to one queue, and every queue some', async (s) => {
  const channel = await s.open();
  const queues = await threeQueues(s, channel);
  const exchange = await s.exchange(channel, 'x-consistent-hash');
  for (const queue of queues) await channel.call('queue.bind', { queue, exchange, routingKey: '5' });
  const counts = await spread(s, channel, { exchange }, queues);
  s.note(`of 60 messages with 60 keys there are ${total(counts)}, and each queue has some: ${Math.min(...counts) > 0}`);
});

session('a random exchange gives each message to one of its queues', async (s) => {
  const channel = await s.open();
  const queues = await threeQueues(s, channel);
  const exchange = await s.exchange(channel, 'x-random');
  for (const queue of queues) await channel.call('queue.bind', { queue, exchange, routingKey: '' });
  const counts = await spread(s, channel, { exchange, routingKey: 'k' }, queues);
  s.note(`of 60 messages there are ${total(counts)}, and each queue has some: ${Math.min(...counts) > 0}`);
});

/** Publishes 60 messages, each with a key of its own unless told, and gives what each queue got. */
async function spread(
  s: SessionContext,
  channel: RawChannel,
  to: Publish,
  queues: readonly string[],
): Promise<number[]> {
  const trace = s.quiet(channel.client);
  for (let number = 0; number < 60; number++) channel.publish({ routingKey: `key ${number}`, ...to, body: 'm' });
  const counts: number[] = [];
  // Not queue.declare: RabbitMQ answers it before the publishes that are waiting in front of the queue.
  for (const queue of queues) counts.push((await channel.call('queue.purge', { queue })).args.messageCount as number);
  trace.on = true;
  return counts;
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

async function threeQueues(s: SessionContext, channel: RawChannel): Promise<[string, string, string]> {
  return [await s.queue(channel, {}, 'one'), await s.queue(channel, {}, 'two'), await s.queue(channel, {}, 'three')];
}

async function publishQuietly(s: SessionContext, channel: RawChannel, queue: string, count: number): Promise<void> {
  const trace = s.quiet(channel.client);
  for (let number = 0; number < count; number++) channel.publish({ routingKey: queue, body: `m${number}` });
  trace.on = true;
  s.note(`${count} publishes to ${queue}`);
}

/** Takes all messages out of a queue by basic.get. */
export async function drainQueue(channel: RawChannel, queue: string): Promise<void> {
  while ((await channel.ask('basic.get', { queue, noAck: true })).name === 'basic.get-ok');
}
