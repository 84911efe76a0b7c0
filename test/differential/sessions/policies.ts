/** What policies do to queues and exchanges that exist, as a client sees it. See `definitions.ts`. */

import { group, type Session } from '../session.ts';
import { drainQueue } from './publishing.ts';

export const policySessions: Session[] = [];
const session = group('policies', policySessions);

session('max-length by policy', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, {}, 'policy-length');
  await s.fill(channel, queue, ['one', 'two', 'three']);
  await drainQueue(channel, queue);
});

session('the smaller of policy and argument counts', async (s) => {
  const channel = await s.open();
  for (const [word, length] of [
    ['policy-length-less', 1],
    ['policy-length-more', 3],
  ] as const) {
    const queue = await s.queue(channel, { arguments: { 'x-max-length': length } }, word);
    await s.fill(channel, queue, ['one', 'two', 'three', 'four']);
    await drainQueue(channel, queue);
  }
});

session('a policy does not make declares inequivalent', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, {}, 'policy-length');
  await channel.ask('queue.declare', { queue, exclusive: true });
  await channel.ask('queue.declare', { queue, exclusive: true, arguments: { 'x-max-length': 2 } });
});

session('message ttl and dead-lettering: the policy gives one, the argument the other', async (s) => {
  const channel = await s.open();
  const dead = await s.queue(channel, {}, 'dead');
  const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead };
  const queue = await s.queue(channel, { arguments: args }, 'policy-ttl');
  const letters = await channel.client.openChannel(2);
  await letters.call('basic.consume', { queue: dead, consumerTag: 'letters', noAck: true });
  channel.publish({ routingKey: queue, body: 'm' });
  await letters.read();
});

session('a dead letter exchange by policy', async (s) => {
  const channel = await s.open();
  const dead = await s.queue(channel, {}, 'dead');
  await channel.call('exchange.declare', { exchange: 'policy-dead-letters', type: 'fanout', autoDelete: true });
  await channel.call('queue.bind', { queue: dead, exchange: 'policy-dead-letters' });
  const queue = await s.queue(channel, {}, 'policy-letters');
  const letters = await channel.client.openChannel(2);
  await letters.call('basic.consume', { queue: dead, consumerTag: 'letters', noAck: true });
  channel.publish({ routingKey: queue, body: s.name('mine') });
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  channel.send('basic.reject', { deliveryTag: 1 });
  await letters.read();
});

session('a dead letter exchange by argument comes before one by policy', async (s) => {
  const channel = await s.open();
  const dead = await s.queue(channel, {}, 'dead');
  const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead };
  const queue = await s.queue(channel, { arguments: args }, 'policy-letters');
  const letters = await channel.client.openChannel(2);
  await letters.call('basic.consume', { queue: dead, consumerTag: 'letters', noAck: true });
  channel.publish({ routingKey: queue, body: 'm' });
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  channel.send('basic.reject', { deliveryTag: 1 });
  await letters.read();
});

session('reject-publish by policy', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, {}, 'policy-refuse');
  await channel.call('confirm.select');
  for (const body of ['one', 'two']) {
    channel.publish({ routingKey: queue, body });
    await channel.read();
  }
  await drainQueue(channel, queue);
});

session('expires by policy', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel, { exclusive: false }, 'policy-expires');
  // A look at the queue would be a use of it; the exchange that goes with its only binding tells as well.
  const exchange = await s.exchange(channel, 'fanout');
  await channel.call('queue.bind', { queue, exchange });
  const gone = (answer: { args: Record<string, unknown> }) => answer.args.replyCode === 404;
  await s.until(channel.client, 'exchange.declare', { exchange, type: 'fanout', passive: true }, gone);
  await channel.ask('queue.declare', { queue, passive: true });
});

session('an alternate exchange by policy', async (s) => {
  const channel = await s.open();
  const rest = await s.queue(channel, {}, 'rest');
  const exchange = s.name('policy-alternate');
  await channel.call('exchange.declare', { exchange, type: 'direct' });
  await channel.call('exchange.declare', { exchange: 'policy-rest', type: 'fanout', autoDelete: true });
  await channel.call('queue.bind', { queue: rest, exchange: 'policy-rest' });
  channel.publish({ exchange, routingKey: 'unbound', mandatory: true, body: 'found by policy' });
  await channel.ask('basic.get', { queue: rest, noAck: true });
  await channel.call('exchange.delete', { exchange });
});
