/**
 * Request and reply without a reply queue: the direct reply-to.
 *
 * The caller consumes from the pseudo-queue `amq.rabbitmq.reply-to` and names it in its requests; the broker replaces it by an
 * address at which the server's reply reaches exactly this channel. The correlation id tells replies of several requests apart.
 *
 *   AMQP_URL=amqp://guest:guest@127.0.0.1:5672 node examples/rpc.ts
 */
import { randomUUID } from 'node:crypto';
import { type Channel, type ChannelModel, connect } from 'amqplib';

const queue = 'example.rpc.square';
const replyTo = 'amq.rabbitmq.reply-to';

async function startServer(connection: ChannelModel): Promise<void> {
  const channel = await connection.createChannel();
  await channel.assertQueue(queue, { autoDelete: true });
  await channel.consume(queue, (request) => {
    if (request === null) throw new Error(`${queue} was deleted`);
    const number = Number(request.content.toString());
    const { replyTo: address, correlationId } = request.properties;
    channel.sendToQueue(address, Buffer.from(String(number ** 2)), { correlationId });
    channel.ack(request);
  });
}

class Caller {
  readonly #channel: Channel;
  readonly #waiting = new Map<string, (reply: number) => void>();

  private constructor(channel: Channel) {
    this.#channel = channel;
  }

  static async open(connection: ChannelModel): Promise<Caller> {
    const caller = new Caller(await connection.createChannel());
    await caller.#channel.consume(
      replyTo,
      (reply) => {
        if (reply === null) throw new Error('the broker gave up on our replies');
        const { correlationId } = reply.properties;
        caller.#waiting.get(correlationId)?.(Number(reply.content.toString()));
        caller.#waiting.delete(correlationId);
      },
      { noAck: true },
    );
    return caller;
  }

  square(number: number): Promise<number> {
    const correlationId = randomUUID();
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#waiting.set(correlationId, resolve);
    this.#channel.sendToQueue(queue, Buffer.from(String(number)), { replyTo, correlationId });
    return promise;
  }
}

const connection = await connect(process.env.AMQP_URL ?? 'amqp://guest:guest@127.0.0.1:5672');
await startServer(connection);
const caller = await Caller.open(connection);
const squares = await Promise.all([2, 3, 4].map((number) => caller.square(number)));
console.log(`the squares of 2, 3 and 4 are ${squares.join(', ')}`);
await connection.close();
