/** Typical sessions of amqplib, to be recorded. */
import { once } from 'node:events';
import { type Channel, type ChannelModel, type ConsumeMessage, connect } from 'amqplib';

const HEADERS = {
  text: 'a text',
  count: 42,
  large: 2 ** 40,
  fraction: 1.5,
  isTrue: true,
  nothing: null,
  list: [1, 'two', { three: 3 }],
  table: { nested: { deeper: 'x' } },
  at: { '!': 'timestamp', value: 1_700_000_000 },
  price: { '!': 'decimal', value: { places: 2, digits: 1999 } },
};

const PROPERTIES = {
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  headers: HEADERS,
  deliveryMode: 2,
  priority: 3,
  correlationId: 'c-1',
  replyTo: 'answers',
  expiration: '60000',
  messageId: 'm-1',
  timestamp: 1_700_000_000,
  type: 'greeting',
  appId: 'fuzz',
};

/** Consumes `count` messages, and settles each as it comes. */
async function consume(
  connection: ChannelModel,
  queue: string,
  count: number,
  settle: (channel: Channel, message: ConsumeMessage, index: number) => void,
): Promise<Channel> {
  const channel = await connection.createChannel();
  await channel.prefetch(count);
  const all = Promise.withResolvers<void>();
  let taken = 0;
  const take = (message: ConsumeMessage | null): void => {
    if (message === null || taken >= count) return;
    settle(channel, message, taken++);
    if (taken === count) all.resolve();
  };
  await channel.consume(queue, take, { consumerTag: 'amqplib-consumer' });
  await all.promise;
  return channel;
}

/** Exchanges, queues, bindings, properties of every kind, acks, nacks, requeues, a cancel, deletions. */
export async function work(url: string): Promise<void> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  await channel.assertExchange('amqplib.topic', 'topic', {
    durable: true,
    arguments: { 'alternate-exchange': 'amq.fanout' },
  });
  await channel.assertExchange('amqplib.headers', 'headers', { autoDelete: true });
  await channel.assertQueue('amqplib.work', {
    durable: true,
    arguments: { 'x-max-length': 1000, 'x-dead-letter-exchange': 'amqplib.headers', 'x-max-priority': 5 },
  });
  await channel.assertQueue('amqplib.dead', { exclusive: true });
  await channel.bindQueue('amqplib.work', 'amqplib.topic', 'work.#');
  await channel.bindQueue('amqplib.dead', 'amqplib.headers', '', { 'x-match': 'any', count: 42 });
  await channel.bindExchange('amqplib.headers', 'amqplib.topic', 'audit.*');
  for (let i = 0; i < 12; i++)
    channel.publish('amqplib.topic', `work.item.${i}`, Buffer.from(`{"item":${i}}`), PROPERTIES);
  const consuming = await consume(connection, 'amqplib.work', 12, (taker, message, index) => {
    if (index % 4 === 0) taker.nack(message, false, false);
    else if (index % 4 === 1) taker.reject(message, false);
    else taker.ack(message, index % 4 === 3);
  });
  await consuming.cancel('amqplib-consumer');
  await consuming.recover();
  await channel.get('amqplib.dead', { noAck: false });
  await channel.unbindQueue('amqplib.work', 'amqplib.topic', 'work.#');
  await channel.purgeQueue('amqplib.work');
  await channel.deleteQueue('amqplib.work');
  await channel.deleteExchange('amqplib.topic');
  await consuming.close();
  await connection.close();
}

/** Confirms, messages that come back, bodies of many frames. */
export async function confirmed(url: string): Promise<void> {
  const connection = await connect(`${url}?frameMax=4096&heartbeat=30`);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('amqplib.large', {
    durable: false,
    arguments: { 'x-message-ttl': 60_000, 'x-overflow': 'reject-publish', 'x-max-length': 8 },
  });
  for (let i = 0; i < 10; i++) {
    channel.publish(
      '',
      'amqplib.large',
      Buffer.alloc(600 * i, `${i}`),
      { ...PROPERTIES, headers: { i } },
      () => undefined,
    );
  }
  await channel.waitForConfirms().catch(() => undefined);
  const returned = once(channel, 'return');
  channel.publish('', 'amqplib.nobody', Buffer.alloc(5000, 'r'), { mandatory: true });
  await returned;
  await channel.waitForConfirms();
  await consume(connection, 'amqplib.large', 8, (taker, message, index) => {
    if (index === 7) taker.ack(message, true);
  });
  await channel.deleteQueue('amqplib.large');
  await connection.close();
}
