/** Exchanges and their bindings: what is bound, what goes with what, and the types that choose one of many. */

import type { Publish, RawChannel } from '../raw-client.ts';
import { group, type Session, type SessionContext } from '../session.ts';
import { type MethodArguments, typed } from '../wire-format.ts';
import { drainQueue } from './publishing.ts';

export const exchangeSessions: Session[] = [];
const session = group('exchanges', exchangeSessions);

session('a binding that is made twice is one', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const exchange = await s.exchange(channel, 'direct', { autoDelete: false });
  for (let time = 0; time < 2; time++) await channel.ask('queue.bind', { queue, exchange, routingKey: 'k' });
  channel.publish({ exchange, routingKey: 'k', body: 'once' });
  await channel.ask('queue.unbind', { queue, exchange, routingKey: 'k' });
  channel.publish({ exchange, routingKey: 'k', body: 'lost' });
  await drainQueue(channel, queue);
  await channel.call('exchange.delete', { exchange });
});

session('queue.unbind with neither queue nor routing key means the last queue by its name', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const exchange = await s.exchange(channel, 'direct', { autoDelete: false });
  await channel.call('queue.bind', { queue: '', exchange, routingKey: '' });
  channel.publish({ exchange, routingKey: queue, body: 'bound' });
  await channel.ask('queue.unbind', { queue: '', exchange, routingKey: '' });
  channel.publish({ exchange, routingKey: queue, body: 'lost' });
  await drainQueue(channel, queue);
  await channel.call('exchange.delete', { exchange });
});

session('queue.bind with a queue and no routing key binds the empty key', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const exchange = await s.exchange(channel, 'direct');
  await channel.call('queue.bind', { queue, exchange });
  channel.publish({ exchange, routingKey: queue, body: 'lost' });
  channel.publish({ exchange, routingKey: '', body: 'bound' });
  await drainQueue(channel, queue);
});

session('line breaks are taken out of the names of what is declared, bound and deleted', async (s) => {
  const channel = await s.open();
  const queue = s.name('q');
  const exchange = s.name('x');
  await channel.ask('queue.declare', { queue: `\r\n${queue}\n`, exclusive: true });
  await channel.ask('exchange.declare', { exchange: `${exchange}\r\n`, type: 'direct' });
  await channel.ask('queue.bind', { queue: `${queue}\n`, exchange: `\n${exchange}`, routingKey: 'k\n' });
  channel.publish({ exchange, routingKey: 'k\n', body: 'm' });
  await channel.ask('basic.get', { queue, noAck: true });
  await channel.ask('queue.declare', { queue: `${queue}\n`, passive: true });
  await channel.ask('queue.unbind', { queue, exchange: `${exchange}\n`, routingKey: 'k\n' });
  await channel.ask('exchange.delete', { exchange: `${exchange}\n` });
  await channel.ask('queue.delete', { queue: `${queue}\r` });
  await channel.ask('basic.get', { queue: `${queue}\n` });
});

session('a deleted queue does not come back with its bindings', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const exchange = await s.exchange(channel, 'fanout', { autoDelete: false });
  await channel.call('queue.bind', { queue, exchange });
  await channel.call('queue.delete', { queue });
  await s.queue(channel);
  channel.publish({ exchange, body: 'lost', mandatory: true });
  await channel.read();
  await channel.call('exchange.delete', { exchange });
});

session('a deleted exchange does not come back with its bindings, neither from it nor to it', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const source = await s.exchange(channel, 'fanout', { autoDelete: false }, 'source');
  const middle = await s.exchange(channel, 'fanout', { autoDelete: false }, 'middle');
  await channel.call('exchange.bind', { destination: middle, source });
  await channel.call('queue.bind', { queue, exchange: middle });
  await channel.call('exchange.delete', { exchange: middle });
  await s.exchange(channel, 'fanout', { autoDelete: false }, 'middle');
  channel.publish({ exchange: source, mandatory: true, body: 'not from source' });
  await channel.read();
  channel.publish({ exchange: middle, mandatory: true, body: 'not from middle' });
  await channel.read();
  for (const exchange of [source, middle]) await channel.call('exchange.delete', { exchange });
});

session('an auto-delete exchange that is a destination stays, and goes as a source', async (s) => {
  const channel = await s.open();
  const source = await s.exchange(channel, 'fanout', { autoDelete: false }, 'source');
  const end = await s.exchange(channel, 'fanout', {}, 'end');
  await channel.call('exchange.bind', { destination: end, source });
  await channel.call('exchange.unbind', { destination: end, source });
  await channel.ask('exchange.declare', { exchange: end, type: 'fanout', passive: true });
  const queue = await s.queue(channel);
  await channel.call('queue.bind', { queue, exchange: end });
  await channel.call('queue.unbind', { queue, exchange: end });
  await channel.ask('exchange.declare', { exchange: end, type: 'fanout', passive: true });
  const other = await channel.client.openChannel(2);
  await other.call('exchange.delete', { exchange: source });
});

session('auto-delete exchanges go one after the other, as each loses its last binding', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const first = await s.exchange(channel, 'fanout', {}, 'first');
  const second = await s.exchange(channel, 'fanout', {}, 'second');
  await channel.call('exchange.bind', { destination: second, source: first });
  await channel.call('queue.bind', { queue, exchange: second });
  await channel.call('queue.delete', { queue });
  for (const [index, exchange] of [first, second].entries()) {
    const other = await channel.client.openChannel(2 + index);
    await other.ask('exchange.declare', { exchange, type: 'fanout', passive: true });
  }
});

session('an internal exchange takes what comes from another exchange', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const source = await s.exchange(channel, 'direct', {}, 'source');
  const inside = await s.exchange(channel, 'fanout', { internal: true }, 'inside');
  await channel.call('exchange.bind', { destination: inside, source, routingKey: 'k' });
  await channel.call('queue.bind', { queue, exchange: inside });
  channel.publish({ exchange: source, routingKey: 'k', body: 'm' });
  await channel.ask('basic.get', { queue, noAck: true });
});

session('exchange to exchange bindings keep the headers for a headers exchange behind', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const source = await s.exchange(channel, 'topic', {}, 'source');
  const behind = await s.exchange(channel, 'headers', {}, 'behind');
  await channel.call('exchange.bind', { destination: behind, source, routingKey: 'a.*' });
  await channel.call('queue.bind', { queue, exchange: behind, arguments: { 'x-match': 'all', kind: 'b' } });
  for (const kind of ['a', 'b']) {
    channel.publish({ exchange: source, routingKey: 'a.k', properties: { headers: { kind } }, body: kind });
  }
  await drainQueue(channel, queue);
});

session('an alternate exchange without a queue leaves a mandatory message returned', async (s) => {
  const channel = await s.open();
  const rest = await s.exchange(channel, 'fanout', { autoDelete: false }, 'rest');
  const exchange = await s.exchange(channel, 'direct', {
    autoDelete: false,
    arguments: { 'alternate-exchange': rest },
  });
  await channel.call('confirm.select');
  channel.publish({ exchange, routingKey: 'k', mandatory: true, body: 'back' });
  await channel.readMany(2);
  for (const name of [exchange, rest]) await channel.call('exchange.delete', { exchange: name });
});

session('an alternate exchange of an exchange behind another one takes what finds no queue there', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const rest = await s.exchange(channel, 'fanout', {}, 'rest');
  await channel.call('queue.bind', { queue, exchange: rest });
  const source = await s.exchange(channel, 'fanout', {}, 'source');
  const args = { 'alternate-exchange': rest };
  const behind = await s.exchange(channel, 'direct', { autoDelete: false, arguments: args }, 'behind');
  await channel.call('exchange.bind', { destination: behind, source });
  channel.publish({ exchange: source, routingKey: 'k', body: 'm' });
  await channel.ask('basic.get', { queue, noAck: true });
  await channel.call('exchange.delete', { exchange: behind });
});

session('an alternate exchange may be declared after the exchange that names it', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const args = { 'alternate-exchange': s.name('rest') };
  const exchange = await s.exchange(channel, 'direct', { autoDelete: false, arguments: args });
  channel.publish({ exchange, routingKey: 'k', body: 'lost' });
  const rest = await s.exchange(channel, 'fanout', {}, 'rest');
  await channel.call('queue.bind', { queue, exchange: rest });
  channel.publish({ exchange, routingKey: 'k', body: 'kept' });
  await drainQueue(channel, queue);
  await channel.call('exchange.delete', { exchange });
});

session('an alternate exchange without a name is none', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const exchange = await s.exchange(channel, 'direct', { autoDelete: false, arguments: { 'alternate-exchange': '' } });
  channel.publish({ exchange, routingKey: queue, mandatory: true, body: 'm' });
  await channel.read();
  await channel.ask('exchange.declare', { exchange, type: 'direct', arguments: { 'alternate-exchange': '' } });
  await (await s.open()).call('exchange.delete', { exchange });
});

session('an exchange that is bound to itself', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const exchange = await s.exchange(channel, 'fanout', { autoDelete: false });
  await channel.ask('exchange.bind', { destination: exchange, source: exchange });
  await channel.call('queue.bind', { queue, exchange });
  channel.publish({ exchange, body: 'once' });
  await drainQueue(channel, queue);
  await channel.ask('exchange.delete', { exchange, ifUnused: true });
  await (await s.open()).call('exchange.delete', { exchange });
});

session('exchange.bind and exchange.unbind with nowait are not answered', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const source = await s.exchange(channel, 'fanout', { autoDelete: false }, 'source');
  const end = await s.exchange(channel, 'fanout', {}, 'end');
  await channel.call('queue.bind', { queue, exchange: end });
  channel.send('exchange.bind', { destination: end, source, nowait: true });
  channel.publish({ exchange: source, body: 'bound' });
  await channel.ask('basic.get', { queue, noAck: true });
  channel.send('exchange.unbind', { destination: end, source, nowait: true });
  channel.publish({ exchange: source, body: 'lost' });
  await channel.ask('basic.get', { queue, noAck: true });
  await channel.call('exchange.delete', { exchange: source });
});

session('bindings with arguments in another order, or with integers of another type', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const exchange = await s.exchange(channel, 'headers', { autoDelete: false });
  const bind = (args: MethodArguments) => channel.call('queue.bind', { queue, exchange, arguments: args });
  const unbind = (args: MethodArguments) => channel.call('queue.unbind', { queue, exchange, arguments: args });
  await bind({ 'x-match': 'all', a: 1, b: 'x' });
  await bind({ b: 'x', a: 1, 'x-match': 'all' });
  await unbind({ a: 1, b: 'x', 'x-match': 'all' });
  channel.publish({ exchange, properties: { headers: { a: 1, b: 'x' } }, mandatory: true, body: 'not bound any more' });
  await channel.read();
  await channel.call('exchange.delete', { exchange });
});

session('headers of other types than those of the binding', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const exchange = await s.exchange(channel, 'headers');
  const args = { 'x-match': 'all', n: 5, there: typed('V', null) };
  await channel.call('queue.bind', { queue, exchange, arguments: args });
  for (const [body, n] of [
    ['int', 5],
    ['long', typed('l', 5n)],
    ['byte', typed('b', 5)],
    ['double', typed('d', 5)],
    ['text', '5'],
  ] as const) {
    channel.publish({ exchange, properties: { headers: { n, there: 'anything' } }, body });
  }
  channel.publish({ exchange, properties: { headers: { n: 5 } }, body: 'without there' });
  await drainQueue(channel, queue);
});

session('a queue that is bound to a deleted exchange takes no harm', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const exchange = await s.exchange(channel, 'direct', { autoDelete: false });
  await channel.call('queue.bind', { queue, exchange, routingKey: 'k' });
  await channel.call('exchange.delete', { exchange });
  await channel.ask('queue.unbind', { queue, exchange, routingKey: 'k' });
  await channel.ask('queue.delete', { queue });
});

session('CC and BCC of a topic exchange with the same queue give the message once', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const exchange = await s.exchange(channel, 'topic');
  for (const routingKey of ['a.*', '*.b', '#']) await channel.call('queue.bind', { queue, exchange, routingKey });
  const headers = { CC: ['x.b'], BCC: ['a.c'], other: 1 };
  channel.publish({ exchange, routingKey: 'a.b', properties: { headers }, body: 'once' });
  await drainQueue(channel, queue);
});

session('CC with BCC alone reaches a queue that the routing key does not', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const headers = { BCC: [queue] };
  channel.publish({ routingKey: s.name('none'), properties: { headers }, mandatory: true, body: 'm' });
  await channel.ask('basic.get', { queue, noAck: true });
});

session('a consistent hash exchange by a header', async (s) => {
  const channel = await s.open();
  const queues = await boundQueues(s, channel, { arguments: { 'hash-header': 'customer' } }, ['1', '1', '1']);
  await s.note(await one(s, channel, queues, () => ({ properties: { headers: { customer: 'same' } } })));
  await s.note(await all(s, channel, queues, (n) => ({ properties: { headers: { customer: `c${n}` } } })));
  await s.note(await one(s, channel, queues, (n) => ({ routingKey: `key ${n}` })));
});

session('a consistent hash exchange by message-id', async (s) => {
  const channel = await s.open();
  const queues = await boundQueues(s, channel, { arguments: { 'hash-property': 'message_id' } }, ['1', '1', '1']);
  await s.note(await one(s, channel, queues, (n) => ({ routingKey: `key ${n}`, properties: { messageId: 'same' } })));
  await s.note(await all(s, channel, queues, (n) => ({ properties: { messageId: `m${n}` } })));
});

session('a consistent hash exchange by correlation-id and by timestamp', async (s) => {
  const channel = await s.open();
  for (const [word, property, make] of [
    ['correlation', 'correlation_id', (n: number) => ({ correlationId: `m${n}` })],
    ['time', 'timestamp', (n: number) => ({ timestamp: 1000 + n })],
  ] as const) {
    const args = { arguments: { 'hash-property': property } };
    const queues = await boundQueues(s, channel, args, ['1', '1', '1'], word);
    await s.note(await all(s, channel, queues, (n) => ({ properties: make(n) })));
  }
});

session('a consistent hash exchange gives more to a queue of a larger weight', async (s) => {
  const channel = await s.open();
  const queues = await boundQueues(s, channel, {}, ['1', '50']);
  const counts = await spread(s, channel, queues, (n) => ({ routingKey: `key ${n}` }));
  s.note(`the queue of weight 50 has more than the one of weight 1: ${counts[1]! > counts[0]!}`);
});

for (const [what, args] of [
  ['an unknown property', { 'hash-property': 'reply_to' }],
  ['a header and a property', { 'hash-header': 'h', 'hash-property': 'message_id' }],
  ['a property that is not a string', { 'hash-property': 1 }],
] as const) {
  session(`a consistent hash exchange by ${what}`, async (s) => {
    const channel = await s.open();
    await channel.ask('exchange.declare', { exchange: s.name('x'), type: 'x-consistent-hash', arguments: args });
  });
}

session('a consistent hash exchange of weight 0', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const exchange = await s.exchange(channel, 'x-consistent-hash', { autoDelete: false });
  await channel.ask('queue.bind', { queue, exchange, routingKey: '0' });
  s.quiet(channel.client);
  await (await s.open()).call('exchange.delete', { exchange });
});

session('exchanges that choose a queue return a mandatory message when there is none', async (s) => {
  const channel = await s.open();
  for (const type of ['x-consistent-hash', 'x-random', 'x-modulus-hash']) {
    const exchange = await s.exchange(channel, type, { autoDelete: false }, type);
    channel.publish({ exchange, routingKey: 'k', mandatory: true, body: 'back' });
    await channel.read();
    await channel.call('exchange.delete', { exchange });
  }
});

session('an x-modulus-hash exchange gives each key to one queue, and every queue some', async (s) => {
  const channel = await s.open();
  const queues = await boundQueues(s, channel, {}, ['', '', ''], 'q', 'x-modulus-hash');
  await s.note(await one(s, channel, queues, () => ({ routingKey: 'same' })));
  await s.note(await all(s, channel, queues, (n) => ({ routingKey: `key ${n}` })));
});

session('exchanges that choose may choose an exchange', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const behind = await s.exchange(channel, 'fanout', {}, 'behind');
  await channel.call('queue.bind', { queue, exchange: behind });
  for (const type of ['x-consistent-hash', 'x-random', 'x-modulus-hash']) {
    const exchange = await s.exchange(channel, type, { autoDelete: false }, type);
    await channel.call('exchange.bind', { destination: behind, source: exchange, routingKey: '1' });
    channel.publish({ exchange, routingKey: 'k', body: type });
    await channel.call('exchange.delete', { exchange });
  }
  await drainQueue(channel, queue);
});

const MESSAGES = 60;

/** Queues bound to an exchange that chooses, each by its key. */
async function boundQueues(
  s: SessionContext,
  channel: RawChannel,
  args: MethodArguments,
  keys: readonly string[],
  word = 'q',
  type = 'x-consistent-hash',
): Promise<{ exchange: string; names: string[] }> {
  const exchange = await s.exchange(channel, type, args, `${word}-x`);
  const names: string[] = [];
  for (const [index, routingKey] of keys.entries()) {
    const queue = await s.queue(channel, {}, `${word}${index}`);
    await channel.call('queue.bind', { queue, exchange, routingKey });
    names.push(queue);
  }
  return { exchange, names };
}

type Queues = Awaited<ReturnType<typeof boundQueues>>;
type Make = (number: number) => Publish;

/** Which queue got how many is the broker's to choose; that one of them got all is not. */
async function one(s: SessionContext, channel: RawChannel, queues: Queues, make: Make): Promise<string> {
  const counts = await spread(s, channel, queues, make);
  return `one queue has all ${MESSAGES}: ${Math.max(...counts) === MESSAGES && total(counts) === MESSAGES}`;
}

async function all(s: SessionContext, channel: RawChannel, queues: Queues, make: Make): Promise<string> {
  const counts = await spread(s, channel, queues, make);
  return `the queues have ${total(counts)}, and each has some: ${Math.min(...counts) > 0}`;
}

async function spread(s: SessionContext, channel: RawChannel, queues: Queues, make: Make): Promise<number[]> {
  const trace = s.quiet(channel.client);
  const { exchange, names } = queues;
  for (let number = 0; number < MESSAGES; number++) channel.publish({ exchange, body: 'm', ...make(number) });
  const counts: number[] = [];
  for (const queue of names) counts.push((await channel.call('queue.purge', { queue })).args.messageCount as number);
  trace.on = true;
  return counts;
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
