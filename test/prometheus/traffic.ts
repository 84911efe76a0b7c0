/** One of everything that is counted, on connections that stay and on some that go. */
import { type Channel, type ChannelModel, connect, type GetMessage } from 'amqplib';

/** Connections that are open when it is done, to be closed by the caller. */
export async function playTraffic(port: number): Promise<ChannelModel> {
  const url = `amqp://guest:guest@127.0.0.1:${port}`;
  const connection = await connect(url);
  const channel = await connection.createChannel();
  await declare(channel);
  await publishWithConfirms(connection);
  await publish(channel);
  await get(channel);
  await consume(connection);
  await dieInQueues(channel);
  await channel.deleteQueue('gone');
  for (let i = 0; i < 3; i++) await comeAndGo(url);
  await connect(`amqp://guest:wrong@127.0.0.1:${port}`).catch(() => undefined);
  return connection;
}

async function declare(channel: Channel): Promise<void> {
  await channel.assertExchange('x', 'topic');
  await channel.assertQueue('q1');
  await channel.assertQueue('q1');
  await channel.assertQueue('q2', { durable: false });
  await channel.assertQueue('quorum', { arguments: { 'x-queue-type': 'quorum' } });
  await channel.assertQueue('gone');
  await channel.assertQueue('empty');
  await channel.bindQueue('q1', 'x', 'a.*');
  await channel.bindQueue('q2', 'x', 'a.#');
  await channel.checkQueue('gone');
}

async function publishWithConfirms(connection: ChannelModel): Promise<void> {
  const channel = await connection.createConfirmChannel();
  for (let i = 0; i < 10; i++) channel.publish('x', 'a.b', Buffer.from('0123456789'), { persistent: true });
  channel.publish('x', 'nowhere', Buffer.from('returned'), { mandatory: true });
  channel.publish('x', 'nowhere', Buffer.from('dropped'));
  await channel.waitForConfirms();
}

async function publish(channel: Channel): Promise<void> {
  for (let i = 0; i < 5; i++) channel.sendToQueue('quorum', Buffer.from('abc'), { persistent: true });
  for (let i = 0; i < 3; i++) channel.sendToQueue('gone', Buffer.from('abc'));
  channel.sendToQueue('nobody', Buffer.from('dropped'));
  channel.sendToQueue('nobody', Buffer.from('returned'), { mandatory: true });
  await channel.checkQueue('gone');
}

async function get(channel: Channel): Promise<void> {
  const take = async (queue: string, noAck = false) => (await channel.get(queue, { noAck })) as GetMessage;
  await take('q1', true);
  channel.nack(await take('q1'), false, true);
  channel.ack(await take('q1'));
  await take('quorum');
  await take('gone', true);
  for (let i = 0; i < 2; i++) await channel.get('empty');
}

async function consume(connection: ChannelModel): Promise<void> {
  const acking = await connection.createChannel();
  await acking.prefetch(3);
  await given(acking, 'q1', 5, false, (message, count) => {
    if (count <= 2) acking.ack(message);
  });
  const trusting = await connection.createChannel();
  await trusting.prefetch(7, true);
  await given(trusting, 'q2', 10, true, () => undefined);
}

/** Resolves when a consumer was given so many. */
function given(
  channel: Channel,
  queue: string,
  wanted: number,
  noAck: boolean,
  take: (message: GetMessage, count: number) => void,
): Promise<void> {
  let count = 0;
  return new Promise((done, failed) => {
    const each = (message: unknown) => {
      take(message as GetMessage, ++count);
      if (count === wanted) done();
    };
    channel.consume(queue, each, { noAck }).catch(failed);
  });
}

async function dieInQueues(channel: Channel): Promise<void> {
  await channel.assertQueue('dead');
  const deadLetters = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' };
  await channel.assertQueue('short', { arguments: { ...deadLetters, 'x-max-length': 2 } });
  await channel.assertQueue('short without', { arguments: { 'x-max-length': 2 } });
  await channel.assertQueue('quick', { arguments: { ...deadLetters, 'x-message-ttl': 0 } });
  await channel.assertQueue('lost', { arguments: { 'x-dead-letter-exchange': 'none', 'x-message-ttl': 0 } });
  for (let i = 0; i < 4; i++) {
    for (const queue of ['short', 'short without', 'quick', 'lost']) channel.sendToQueue(queue, Buffer.from('d'));
  }
  await channel.checkQueue('short');
  channel.nack((await channel.get('short')) as GetMessage, false, false);
  await channel.checkQueue('short');
}

async function comeAndGo(url: string): Promise<void> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  await channel.assertQueue('', { exclusive: true });
  channel.sendToQueue('q2', Buffer.from('z'));
  await channel.checkQueue('q2');
  await channel.close();
  await connection.close();
}
