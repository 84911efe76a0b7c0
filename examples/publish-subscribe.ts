/**
 * Publish and subscribe by topic: each subscriber has a queue of its own, bound with the patterns it cares about.
 *
 * `*` stands for one word of the routing key, `#` for any number of words. An exclusive queue with a name of the broker's
 * choosing goes when its subscriber's connection does.
 *
 *   AMQP_URL=amqp://guest:guest@127.0.0.1:5672 node examples/publish-subscribe.ts
 */
import { type Channel, connect } from 'amqplib';

const exchange = 'example.events';

async function subscribe(channel: Channel, name: string, patterns: string[], onEvent: () => void): Promise<void> {
  const { queue } = await channel.assertQueue('', { exclusive: true });
  for (const pattern of patterns) await channel.bindQueue(queue, exchange, pattern);
  await channel.consume(
    queue,
    (message) => {
      if (message === null) throw new Error(`the queue of ${name} was deleted`);
      console.log(`${name} got ${message.fields.routingKey}: ${message.content}`);
      onEvent();
    },
    { noAck: true },
  );
}

const connection = await connect(process.env.AMQP_URL ?? 'amqp://guest:guest@127.0.0.1:5672');
const channel = await connection.createConfirmChannel();
await channel.assertExchange(exchange, 'topic', { durable: false });

let awaited = 5;
const { promise: allReceived, resolve } = Promise.withResolvers<void>();
const onEvent = (): void => {
  awaited -= 1;
  if (awaited === 0) resolve();
};
await subscribe(channel, 'billing', ['order.paid', 'refund.*'], onEvent);
await subscribe(channel, 'audit', ['#'], onEvent);

channel.publish(exchange, 'order.paid', Buffer.from('order 1'));
channel.publish(exchange, 'order.shipped', Buffer.from('order 1'));
channel.publish(exchange, 'refund.asked', Buffer.from('order 2'));
await channel.waitForConfirms();
await allReceived;

await channel.deleteExchange(exchange);
await connection.close();
