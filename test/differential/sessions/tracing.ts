/** The firehose: what of a message is copied to amq.rabbitmq.trace while the tracing of a vhost is on. */

import type { RawChannel } from '../raw-client.ts';
import { group, type Session } from '../session.ts';
import { drainQueue } from './publishing.ts';

export const tracingSessions: Session[] = [];
const session = group('tracing', tracingSessions);

/** Does something out of the transcript, which then tells what was traced of it. */
async function publishConfirmed(channel: RawChannel, messages: readonly Parameters<RawChannel['publish']>[0][]) {
  for (const message of messages) {
    channel.publish(message);
    await channel.expect('basic.ack');
  }
}

session('a publish is traced with its properties, its keys and its queues', async (s) => {
  const { channel, trace } = await s.traced();
  const queue = await s.queue(channel);
  const exchange = await s.exchange(channel, 'topic', { autoDelete: false });
  await channel.call('queue.bind', { queue, exchange, routingKey: 'a.#' });
  await channel.call('confirm.select');
  const properties = {
    contentType: 'text/plain',
    contentEncoding: 'utf-8',
    headers: { a: 1, b: 'x', c: [1, 'two'], d: { e: true } },
    deliveryMode: 2,
    priority: 3,
    correlationId: 'c',
    replyTo: 'r',
    expiration: '100000',
    messageId: 'm',
    timestamp: 123,
    type: 't',
    userId: 'guest',
    appId: 'app',
    clusterId: 'cluster',
  };
  await publishConfirmed(channel, [
    { exchange, routingKey: 'a.b', body: 'everything', properties },
    { exchange, routingKey: 'a.b', body: 'nothing' },
    { exchange, routingKey: 'a.c', body: 'copies', properties: { headers: { CC: ['a.d', 'e'], BCC: ['f'] } } },
    { exchange, routingKey: 'nowhere', body: 'unroutable' },
    { routingKey: queue, body: 'by name' },
    { routingKey: 'nobody', body: 'to a queue that is not there' },
  ]);
  await drainQueue(channel, trace);
});

session('a mandatory message that is returned is traced', async (s) => {
  const { channel, trace } = await s.traced();
  channel.publish({ exchange: 'amq.direct', routingKey: 'nowhere', body: 'm', mandatory: true });
  await channel.expect('basic.return');
  await drainQueue(channel, trace);
});

session('an alternate exchange: the queue that gets the message is named', async (s) => {
  const { channel, trace } = await s.traced();
  const queue = await s.queue(channel);
  const other = await s.exchange(channel, 'fanout', { autoDelete: false }, 'other');
  await channel.call('queue.bind', { queue, exchange: other });
  const args = { autoDelete: false, arguments: { 'alternate-exchange': other } };
  const exchange = await s.exchange(channel, 'direct', args);
  await channel.call('confirm.select');
  await publishConfirmed(channel, [{ exchange, routingKey: 'nowhere', body: 'm' }]);
  await drainQueue(channel, trace);
});

session('deliveries are traced, those of basic.get too, and again when they are redelivered', async (s) => {
  const { channel, trace } = await s.traced();
  const queue = await s.queue(channel);
  await channel.call('confirm.select');
  await publishConfirmed(channel, [
    { routingKey: queue, body: 'one', properties: { priority: 1, headers: { BCC: ['hidden'] } } },
  ]);
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  await channel.call('basic.recover', { requeue: true });
  await channel.call('basic.consume', { queue, consumerTag: 'c', noAck: true });
  await channel.expect('basic.deliver');
  await channel.call('basic.cancel', { consumerTag: 'c' });
  await drainQueue(channel, trace);
});

session('a transaction is traced before it is committed', async (s) => {
  const { channel, trace } = await s.traced();
  const queue = await s.queue(channel);
  const reader = await channel.client.openChannel(2);
  await channel.call('tx.select');
  channel.publish({ routingKey: queue, body: 'rolled back' });
  await channel.call('tx.rollback');
  await drainQueue(reader, trace);
});

session('dead letters are traced when they are delivered, not when they are published', async (s) => {
  const { channel, trace } = await s.traced();
  const dead = await s.queue(channel, {}, 'dead');
  const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead };
  const queue = await s.queue(channel, { arguments: args });
  await channel.call('confirm.select');
  await publishConfirmed(channel, [{ routingKey: queue, body: 'm', properties: { headers: { CC: ['copy'] } } }]);
  await channel.call('basic.get', { queue }, 'basic.get-ok');
  channel.send('basic.reject', { deliveryTag: 1 });
  await s.until(channel.client, 'queue.declare', { queue: dead, passive: true }, ({ args }) => args.messageCount === 1);
  await channel.call('basic.get', { queue: dead, noAck: true }, 'basic.get-ok');
  await drainQueue(channel, trace);
});

session('a request and its reply by direct reply-to', async (s) => {
  const { channel, trace } = await s.traced();
  await channel.call('basic.consume', { queue: 'amq.rabbitmq.reply-to', consumerTag: 'replies', noAck: true });
  const queue = await s.queue(channel);
  await channel.call('confirm.select');
  await publishConfirmed(channel, [
    { routingKey: queue, body: 'request', properties: { replyTo: 'amq.rabbitmq.reply-to' } },
  ]);
  const request = await channel.call('basic.get', { queue, noAck: true }, 'basic.get-ok');
  const replier = await channel.client.openChannel(2);
  replier.publish({ routingKey: String(request.properties!.replyTo), body: 'reply' });
  await channel.expect('basic.deliver');
  await drainQueue(channel, trace);
});

session('nothing is traced once tracing is off', async (s) => {
  const { channel, vhost, trace } = await s.traced();
  const queue = await s.queue(channel);
  await channel.call('confirm.select');
  await publishConfirmed(channel, [{ routingKey: queue, body: 'on' }]);
  await s.stopTracing(vhost);
  await publishConfirmed(channel, [{ routingKey: queue, body: 'off' }]);
  await drainQueue(channel, trace);
});
