/** Direct reply-to: consuming from amq.rabbitmq.reply-to without a queue. */

import type { RawChannel } from '../raw-client.ts';
import { group, type Session, type SessionContext } from '../session.ts';

export const replyToSessions: Session[] = [];
const session = group('direct reply-to', replyToSessions);

const PSEUDO_QUEUE = 'amq.rabbitmq.reply-to';

session('a request and its reply', async (s) => {
  const client = await s.open();
  const server = await s.open();
  const queue = await s.queue(server);
  await server.call('basic.consume', { queue, consumerTag: 'server', noAck: true });
  await client.call('basic.consume', { queue: PSEUDO_QUEUE, consumerTag: 'replies', noAck: true });
  const properties = { replyTo: PSEUDO_QUEUE, correlationId: 'c1' };
  client.client.channel(1).publish({ routingKey: queue, properties, body: 'question' });
  const request = await server.read();
  s.note(`the reply-to was replaced: ${request.properties!.replyTo !== PSEUDO_QUEUE}`);
  server.publish({
    routingKey: request.properties!.replyTo as string,
    properties: { correlationId: 'c1' },
    body: 'answer',
  });
  await client.read();
});

session('a mandatory reply to a living requester is delivered and, all the same, returned', async (s) => {
  const { client, server, replyTo } = await withRequest(s);
  await server.call('confirm.select');
  server.publish({ routingKey: replyTo, mandatory: true, body: 'answer' });
  await server.readMany(2);
  await client.read();
});

session('a reply address looks like a queue while its requester lives', async (s) => {
  const { client, server, replyTo } = await withRequest(s);
  await server.ask('queue.declare', { queue: replyTo, passive: true });
  await server.ask('queue.declare', { queue: replyTo });
  await client.call('channel.close', { replyCode: 200 });
  await server.ask('queue.declare', { queue: replyTo, passive: true });
});

session('a reply to a requester that is gone is returned if mandatory', async (s) => {
  const { client, server, replyTo } = await withRequest(s);
  await client.call('channel.close', { replyCode: 200 });
  server.publish({ routingKey: replyTo, mandatory: true, body: 'too late' });
  await server.read();
});

session('consuming needs no-ack', async (s) => {
  const channel = await s.open();
  await channel.ask('basic.consume', { queue: PSEUDO_QUEUE, consumerTag: 'replies' });
});

session('a second consumer on one channel', async (s) => {
  const channel = await s.open();
  await channel.call('basic.consume', { queue: PSEUDO_QUEUE, consumerTag: 'one', noAck: true });
  await channel.ask('basic.consume', { queue: PSEUDO_QUEUE, consumerTag: 'two', noAck: true });
});

session('publishing with reply-to but without a consumer', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  channel.publish({ routingKey: queue, properties: { replyTo: PSEUDO_QUEUE }, body: 'question' });
  await channel.read();
});

session('publishing on a channel other than the consuming one', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await channel.call('basic.consume', { queue: PSEUDO_QUEUE, consumerTag: 'one', noAck: true });
  const other = await channel.client.openChannel(2);
  other.publish({ routingKey: queue, properties: { replyTo: PSEUDO_QUEUE }, body: 'question' });
  await other.read();
});

session('what else one does to a queue', async (s) => {
  const channel = await s.open();
  const attempts: readonly (readonly [string, Record<string, unknown>])[] = [
    ['queue.declare', { queue: PSEUDO_QUEUE }],
    ['queue.declare', { queue: PSEUDO_QUEUE, passive: true }],
    ['queue.bind', { queue: PSEUDO_QUEUE, exchange: 'amq.direct', routingKey: 'k' }],
    ['queue.purge', { queue: PSEUDO_QUEUE }],
    ['queue.delete', { queue: PSEUDO_QUEUE }],
    ['basic.get', { queue: PSEUDO_QUEUE }],
  ];
  let number = 10;
  for (const [method, args] of attempts) {
    const own = await channel.client.openChannel(number++);
    await own.ask(method, args);
  }
});

session('a cancelled consumer can be followed by another', async (s) => {
  const channel = await s.open();
  const queue = await s.queue(channel);
  await channel.call('basic.consume', { queue: PSEUDO_QUEUE, consumerTag: 'one', noAck: true });
  await channel.ask('basic.cancel', { consumerTag: 'one' });
  await channel.ask('basic.consume', { queue: PSEUDO_QUEUE, consumerTag: 'two', noAck: true });
  channel.publish({ routingKey: queue, properties: { replyTo: PSEUDO_QUEUE }, body: 'question' });
  const { properties } = await channel.call('basic.get', { queue, noAck: true }, 'basic.get-ok');
  channel.publish({ routingKey: properties!.replyTo as string, body: 'answer' });
  await channel.read();
});

session('a made-up reply address', async (s) => {
  const channel = await s.open();
  channel.publish({ routingKey: 'amq.rabbitmq.reply-to.nobody', mandatory: true, body: 'm' });
  await channel.read();
});

async function withRequest(s: SessionContext): Promise<{ client: RawChannel; server: RawChannel; replyTo: string }> {
  const client = await s.open();
  const server = await s.open();
  const queue = await s.queue(server);
  await client.call('basic.consume', { queue: PSEUDO_QUEUE, consumerTag: 'replies', noAck: true });
  client.publish({ routingKey: queue, properties: { replyTo: PSEUDO_QUEUE }, body: 'question' });
  await server.call('basic.consume', { queue, consumerTag: 'server', noAck: true });
  const request = await server.expect('basic.deliver');
  return { client, server, replyTo: request.properties!.replyTo as string };
}

session('a reply by CC, beside a queue', async (s) => {
  const requester = await s.open();
  await requester.call('basic.consume', { queue: 'amq.rabbitmq.reply-to', consumerTag: 'replies', noAck: true });
  const queue = await s.queue(requester);
  requester.publish({ routingKey: queue, properties: { replyTo: 'amq.rabbitmq.reply-to' }, body: 'request' });
  const { properties } = await requester.call('basic.get', { queue, noAck: true }, 'basic.get-ok');
  const headers = { CC: [properties!.replyTo] };
  requester.publish({ routingKey: queue, properties: { headers }, body: 'answer' });
  await requester.read();
  await requester.ask('basic.get', { queue, noAck: true });
});

session('a reply in a transaction is not held back', async (s) => {
  const requester = await s.open();
  await requester.call('basic.consume', { queue: 'amq.rabbitmq.reply-to', consumerTag: 'replies', noAck: true });
  const queue = await s.queue(requester);
  requester.publish({ routingKey: queue, properties: { replyTo: 'amq.rabbitmq.reply-to' }, body: 'request' });
  const { properties } = await requester.call('basic.get', { queue, noAck: true }, 'basic.get-ok');
  const replier = await requester.client.openChannel(2);
  await replier.call('tx.select');
  replier.publish({ routingKey: properties!.replyTo as string, body: 'answer' });
  await requester.read();
  await replier.ask('tx.rollback');
});

session('the consumer tag of a reply consumer may be used for a queue as well', async (s) => {
  const channel = await s.open();
  await channel.call('basic.consume', { queue: 'amq.rabbitmq.reply-to', consumerTag: 'c', noAck: true });
  const queue = await s.queue(channel);
  await channel.ask('basic.consume', { queue, consumerTag: 'c', noAck: true });
});
