/** A client that does a little of everything, and then stays. */
import { type ChannelModel, connect } from 'amqplib';

const HELD = 2;
const SENT = 5;

/** Connected, with a queue `live` that has messages ready, unacked and settled; whoever calls it closes it. */
export async function busyClient(amqpPort: number): Promise<ChannelModel> {
  const url = `amqp://guest:guest@127.0.0.1:${amqpPort}?heartbeat=30`;
  const connection = await connect(url, { clientProperties: { connection_name: 'busy' } });
  const publishing = await connection.createConfirmChannel();
  await publishing.assertExchange('live.topic', 'topic', { durable: false });
  await publishing.assertQueue('live', { durable: true, arguments: { 'x-max-length': 1000 } });
  await publishing.bindQueue('live', 'live.topic', '#');
  const consuming = await connection.createChannel();
  await consuming.prefetch(HELD);
  let acked = 0;
  await consuming.consume(
    'live',
    (message) => {
      if (message !== null && acked++ === 0) consuming.ack(message);
    },
    { consumerTag: 'busy consumer', arguments: { 'x-own': 'argument' } },
  );
  for (let count = 0; count < SENT; count++) {
    publishing.publish('live.topic', 'a.b', Buffer.from('message'), { persistent: true });
  }
  await publishing.waitForConfirms();
  return connection;
}
