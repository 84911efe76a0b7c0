/**
 * Retry later, but not for ever: a failed message waits in a retry queue until its TTL is over, and comes back.
 *
 *   work --- rejected --> retry --- expired after 100 ms --> work
 *     `--- failed for the third time --> parked
 *
 * The broker moves the messages between work and retry, so no timer of ours can lose one, and counts in the `x-death` header
 * how often a message died in which queue.
 *
 *   AMQP_URL=amqp://guest:guest@127.0.0.1:5672 node examples/dead-letter-retry.ts
 */
import { type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';

const work = 'example.work';
const retry = 'example.work.retry';
const parked = 'example.work.parked';
const attemptsMax = 3;

async function declareQueues(channel: ConfirmChannel): Promise<void> {
  await channel.assertQueue(work, { deadLetterExchange: '', deadLetterRoutingKey: retry });
  await channel.assertQueue(retry, { deadLetterExchange: '', deadLetterRoutingKey: work, messageTtl: 100 });
  await channel.assertQueue(parked);
}

function attemptsBefore(message: ConsumeMessage): number {
  const deaths = message.properties.headers?.['x-death'] ?? [];
  return deaths.find(({ queue, reason }) => queue === work && reason === 'rejected')?.count ?? 0;
}

/** Stands for work that can fail: orders with an odd number cannot be shipped. */
function ship(order: number): void {
  if (order % 2 === 1) throw new Error(`order ${order} cannot be shipped`);
}

const connection = await connect(process.env.AMQP_URL ?? 'amqp://guest:guest@127.0.0.1:5672');
const channel = await connection.createConfirmChannel();
await declareQueues(channel);
const { promise: isParked, resolve } = Promise.withResolvers<void>();

async function attempt(message: ConsumeMessage): Promise<void> {
  const attemptNumber = attemptsBefore(message) + 1;
  try {
    ship(Number(message.content.toString()));
    console.log(`order ${message.content} done at attempt ${attemptNumber}`);
    channel.ack(message);
  } catch (error) {
    console.log(`attempt ${attemptNumber} failed: ${(error as Error).message}`);
    if (attemptNumber < attemptsMax) channel.reject(message, false);
    else await park(message);
  }
}

/** Acknowledges the message only when its copy is safe. */
async function park(message: ConsumeMessage): Promise<void> {
  channel.sendToQueue(parked, message.content, { persistent: true });
  await channel.waitForConfirms();
  channel.ack(message);
  resolve();
}

const { consumerTag } = await channel.consume(work, (message) => {
  if (message === null) throw new Error(`${work} was deleted`);
  void attempt(message);
});
for (const order of [2, 3]) channel.sendToQueue(work, Buffer.from(String(order)), { persistent: true });
await isParked;
await channel.cancel(consumerTag);
const last = await channel.get(parked, { noAck: true });
if (last) console.log(`parked: order ${last.content}`);

for (const queue of [work, retry, parked]) await channel.deleteQueue(queue);
await connection.close();
