/** What a policy that comes, changes or goes does to queues and exchanges that are in use. */

import type { RawChannel } from '../raw-client.ts';
import { group, type Session, type SessionContext } from '../session.ts';
import { drainQueue } from './publishing.ts';

export const policyChangeSessions: Session[] = [];
const session = group('policy changes', policyChangeSessions);

session('a shorter max-length drops from the head, as dead letters with the reason maxlen', async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s);
  await s.fill(channel, queue, ['one', 'two', 'three', 'four']);
  await s.putPolicy(queue, { 'max-length': 2 });
  for (let number = 0; number < 2; number++) await letters.read();
  await s.putPolicy(queue, { 'max-length': 1 });
  await letters.read();
  await drainQueue(channel, queue);
});

session('max-length-bytes that comes drops from the head', async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s);
  await s.fill(channel, queue, ['12345', '123', '12']);
  await s.putPolicy(queue, { 'max-length-bytes': 5 });
  await letters.read();
  await drainQueue(channel, queue);
});

session('a quorum queue that is limited by policy drops from the head', async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s, QUORUM);
  await s.fill(channel, queue, ['one', 'two', 'three']);
  await s.putPolicy(queue, { 'max-length': 2 });
  await letters.read();
  await drainQueue(channel, queue);
  await channel.call('queue.delete', { queue });
});

session('a limit that is raised, and one that goes, holds for what comes next', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.putPolicy(queue, { 'max-length': 1 });
  await s.fill(channel, queue, ['one', 'two']);
  await s.putPolicy(queue, { 'max-length': 2 });
  await s.fill(channel, queue, ['three', 'four']);
  await s.deletePolicy();
  await s.fill(channel, queue, ['five', 'six']);
  await drainQueue(channel, queue);
});

session('what a consumer holds is not dropped by a policy', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['one', 'two', 'three']);
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  await s.putPolicy(queue, { 'max-length': 1 });
  await channel.ask('basic.get', { queue });
  channel.send('basic.nack', { deliveryTag: 1, requeue: true });
  await channel.ask('basic.recover', { requeue: true });
  await drainQueue(channel, queue);
});

session('reject-publish that comes refuses publishes, and reject-publish that goes takes them again', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await channel.call('confirm.select');
  await publishAndRead(channel, queue, 'one');
  await s.putPolicy(queue, { 'max-length': 1, overflow: 'reject-publish' });
  await publishAndRead(channel, queue, 'two');
  await s.putPolicy(queue, { 'max-length': 1, overflow: 'drop-head' });
  await publishAndRead(channel, queue, 'three');
  await s.putPolicy(queue, { 'max-length': 1, overflow: 'reject-publish' });
  await publishAndRead(channel, queue, 'four');
  await s.deletePolicy();
  await publishAndRead(channel, queue, 'five');
  await drainQueue(channel, queue);
});

session('reject-publish-dlx that comes sends what is refused to the dead letters', async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s);
  await channel.call('confirm.select');
  await publishAndRead(channel, queue, 'one');
  await s.putPolicy(queue, { 'max-length': 1, overflow: 'reject-publish-dlx' });
  await publishAndRead(channel, queue, 'two');
  await letters.read();
  await drainQueue(channel, queue);
});

session('a limit with reject-publish that comes to a queue that has more', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['one', 'two', 'three']);
  await s.putPolicy(queue, { 'max-length': 2, overflow: 'reject-publish' });
  await channel.call('confirm.select');
  await publishAndRead(channel, queue, 'four');
  await drainQueue(channel, queue);
});

session('a shorter limit of a quorum queue that rejects publishes drops nothing', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { durable: true, arguments: QUORUM });
  await s.fill(channel, queue, ['one', 'two', 'three']);
  await s.putPolicy(queue, { 'max-length': 2, overflow: 'reject-publish' });
  await drainQueue(channel, queue);
  await channel.call('queue.delete', { queue });
});

for (const [type, args] of [
  ['classic', {}],
  ['quorum', { 'x-queue-type': 'quorum' }],
] as const) {
  session(`drop-head by policy and reject-publish by argument in a ${type} queue`, async (s) => {
    const channel = await s.open();
    const own = { arguments: { 'x-overflow': 'reject-publish', ...args } };
    const queue = await s.queue(channel, type === 'quorum' ? { durable: true, ...own } : own);
    await s.putPolicy(queue, { 'max-length': 2, overflow: 'drop-head' });
    await s.fill(channel, queue, ['one', 'two']);
    await channel.call('confirm.select');
    await publishAndRead(channel, queue, 'three');
    await drainQueue(channel, queue);
    await channel.call('queue.delete', { queue });
  });
}

session('a time to live that comes holds for what is published, and one that goes does not', async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s);
  await s.putPolicy(queue, { 'message-ttl': 20 });
  channel.publish({ routingKey: queue, body: 'short-lived' });
  await letters.read();
  await s.deletePolicy();
  channel.publish({ routingKey: queue, body: 'stays' });
  await channel.ask('basic.get', { queue, noAck: true });
});

session('a time to live that comes, for messages that are there', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['old']);
  await s.putPolicy(queue, { 'message-ttl': 0 });
  await channel.ask('basic.get', { queue, noAck: true });
});

session('expires that comes deletes a queue that nobody uses', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { exclusive: false });
  // A look at the queue would be a use of it; the exchange that goes with its only binding tells as well.
  const exchange = await s.exchange(channel, 'fanout');
  await channel.call('queue.bind', { queue, exchange });
  await s.putPolicy(queue, { expires: 100 });
  const gone = (answer: { args: Record<string, unknown> }) => answer.args.replyCode === 404;
  await s.until(channel.client, 'exchange.declare', { exchange, type: 'fanout', passive: true }, gone);
  await channel.ask('queue.declare', { queue, passive: true });
});

session('dead letters go where the policy of the moment says', async (s) => {
  const channel = await s.open();
  const [first, second] = [await consumedQueue(s, channel, 2), await consumedQueue(s, channel, 3)];
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['one', 'two', 'three']);
  await s.putPolicy(queue, { 'dead-letter-exchange': '', 'dead-letter-routing-key': first.queue });
  await rejectOne(channel, queue, 1);
  await first.letters.read();
  await s.putPolicy(queue, { 'dead-letter-exchange': '', 'dead-letter-routing-key': second.queue });
  await rejectOne(channel, queue, 2);
  await second.letters.read();
  await s.deletePolicy();
  await rejectOne(channel, queue, 3);
});

session('the argument gives the exchange for dead letters, and the policy the key', async (s) => {
  const channel = await s.open();
  const dead = await consumedQueue(s, channel, 2);
  const queue = await s.queue(channel, { arguments: { 'x-dead-letter-exchange': '' } });
  await s.putPolicy(queue, { 'dead-letter-exchange': 'nowhere', 'dead-letter-routing-key': dead.queue });
  channel.publish({ routingKey: queue, body: 'm' });
  await rejectOne(channel, queue, 1);
  await dead.letters.read();
});

session('an alternate exchange that comes, changes and goes', async (s) => {
  const channel = await s.open();
  const [one, other] = [await s.queue(channel, {}, 'one'), await s.queue(channel, {}, 'other')];
  const exchange = s.name('x');
  await channel.call('exchange.declare', { exchange, type: 'direct' });
  const [first, second] = [
    await s.exchange(channel, 'fanout', {}, 'f1'),
    await s.exchange(channel, 'fanout', {}, 'f2'),
  ];
  await channel.call('queue.bind', { queue: one, exchange: first });
  await channel.call('queue.bind', { queue: other, exchange: second });
  await channel.call('confirm.select');
  const publish = async (body: string) => {
    channel.publish({ exchange, routingKey: 'unbound', mandatory: true, body });
    if ((await channel.read()).name === 'basic.return') await channel.read();
  };
  await publish('returned');
  await s.putPolicy(exchange, { 'alternate-exchange': first });
  await publish('to the first');
  await s.putPolicy(exchange, { 'alternate-exchange': second });
  await publish('to the second');
  await s.deletePolicy();
  await publish('returned again');
  await drainQueue(channel, one);
  await drainQueue(channel, other);
  await channel.call('exchange.delete', { exchange });
});

session('an alternate exchange by argument stays when a policy names another', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  const alternate = await s.exchange(channel, 'fanout', {}, 'alternate');
  await channel.call('queue.bind', { queue, exchange: alternate });
  const exchange = s.name('x');
  const args = { 'alternate-exchange': alternate };
  await channel.call('exchange.declare', { exchange, type: 'direct', arguments: args });
  await s.putPolicy(exchange, { 'alternate-exchange': 'nowhere' });
  channel.publish({ exchange, routingKey: 'unbound', mandatory: true, body: 'm' });
  await channel.ask('basic.get', { queue, noAck: true });
  await channel.call('exchange.delete', { exchange });
});

session('a delivery limit that comes counts what was returned before, at the next return', async (s) => {
  const { channel, queue, letters } = await withDeadLetters(s, { ...QUORUM, 'x-delivery-limit': 10 });
  await s.fill(channel, queue, ['m']);
  for (let number = 1; number <= 3; number++) {
    await channel.call('basic.get', { queue }, 'basic.get-ok');
    channel.send('basic.nack', { deliveryTag: number, requeue: true });
  }
  await s.putPolicy(queue, { 'delivery-limit': 1 });
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  channel.send('basic.nack', { deliveryTag: 4, requeue: true });
  await letters.read();
  await channel.call('queue.delete', { queue });
});

session('a policy with a key for quorum queues passes over a classic queue', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.putPolicy(queue, { 'max-length': 1, 'delivery-limit': 5 });
  await s.fill(channel, queue, ['one', 'two']);
  await s.putPolicy(queue, { 'max-length': 1, 'queue-mode': 'lazy' });
  await drainQueue(channel, queue);
});

session('of two policies the one with the higher priority applies, and the other when it goes', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.putPolicy(queue, { 'max-length': 2 }, { word: 'weak', priority: 1 });
  await s.fill(channel, queue, ['one', 'two', 'three']);
  await s.putPolicy(queue, { 'message-ttl': 600_000 }, { word: 'strong', priority: 2 });
  await s.fill(channel, queue, ['four']);
  await s.putPolicy(queue, { 'max-length': 1 }, { word: 'strong', priority: 0 });
  await drainQueue(channel, queue);
});

session('of policy, operator policy and argument the smallest limit counts', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { arguments: { 'x-max-length': 4 } });
  await s.fill(channel, queue, ['one', 'two', 'three', 'four', 'five']);
  await s.putPolicy(queue, { 'max-length': 3 }, { operator: true });
  await channel.ask('queue.declare', { queue, passive: true });
  await s.putPolicy(queue, { 'max-length': 2, overflow: 'drop-head' });
  await channel.ask('queue.declare', { queue, passive: true });
  await s.putPolicy(queue, { 'max-length': 1 }, { operator: true });
  await channel.ask('queue.declare', { queue, passive: true });
  await s.deletePolicy();
  await s.deletePolicy({ operator: true });
  await s.fill(channel, queue, ['six', 'seven', 'eight', 'nine']);
  await drainQueue(channel, queue);
});

session('what is published in a transaction is refused by a policy that came before the commit', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await s.fill(channel, queue, ['one']);
  await channel.call('tx.select');
  channel.publish({ routingKey: queue, body: 'two' });
  await channel.call('queue.declare', { queue, passive: true });
  await s.putPolicy(queue, { 'max-length': 1, overflow: 'reject-publish' });
  await channel.ask('tx.commit');
  await drainQueue(await channel.client.openChannel(2), queue);
});

const QUORUM = { 'x-queue-type': 'quorum' };

/** A queue whose dead letters go to a consumer, by argument. */
async function withDeadLetters(
  s: SessionContext,
  args: Record<string, unknown> = {},
): Promise<{ channel: RawChannel; queue: string; letters: RawChannel }> {
  const channel = await s.open();
  const { queue: dead, letters } = await consumedQueue(s, channel, 2);
  const own = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead, ...args };
  const isQuorum = 'x-queue-type' in args;
  const queue = await s.queue(channel, isQuorum ? { durable: true, arguments: own } : { arguments: own });
  return { channel, queue, letters };
}

/** A queue, and a channel of this number that is given what comes into it. */
async function consumedQueue(
  s: SessionContext,
  channel: RawChannel,
  number: number,
): Promise<{ queue: string; letters: RawChannel }> {
  const queue = await s.queue(channel, {}, `dead${number}`);
  const letters = await channel.client.openChannel(number);
  await letters.call('basic.consume', { queue, consumerTag: `letters${number}`, noAck: true });
  return { queue, letters };
}

/** On a channel with confirms: what comes back is read. */
async function publishAndRead(channel: RawChannel, queue: string, body: string): Promise<void> {
  channel.publish({ routingKey: queue, body });
  await channel.read();
}

async function rejectOne(channel: RawChannel, queue: string, deliveryTag: number): Promise<void> {
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  channel.send('basic.reject', { deliveryTag, requeue: false });
}
