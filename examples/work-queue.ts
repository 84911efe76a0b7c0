/**
 * A work queue: every task is done by one worker, and none is lost.
 *
 * The queue is durable and the messages are persistent, so both outlive a restart of the broker. `waitForConfirms` returns when
 * the broker has taken responsibility for the tasks. A worker acknowledges a task after doing it: if it dies half-way, the task
 * goes to another one. `prefetch(1)` hands out the next task to whoever is free.
 *
 *   AMQP_URL=amqp://guest:guest@127.0.0.1:5672 node examples/work-queue.ts
 */
import { type Channel, type ChannelModel, connect } from 'amqplib';

const queue = 'example.tasks';
const tasks = ['resize cat.png', 'resize dog.png', 'resize hare.png', 'resize fox.png'];

async function publishTasks(connection: ChannelModel): Promise<void> {
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue(queue, { durable: true });
  for (const task of tasks) channel.sendToQueue(queue, Buffer.from(task), { persistent: true });
  await channel.waitForConfirms();
  console.log(`${tasks.length} tasks are safe with the broker`);
  await channel.close();
}

/** Starts a worker that calls `onDone` after each task it has done. Closing its channel stops it. */
async function startWorker(connection: ChannelModel, onDone: (task: string) => void): Promise<Channel> {
  const channel = await connection.createChannel();
  await channel.prefetch(1);
  await channel.consume(queue, (message) => {
    if (message === null) throw new Error(`${queue} was deleted`);
    const task = message.content.toString();
    // The work would be done here.
    channel.ack(message);
    onDone(task);
  });
  return channel;
}

const connection = await connect(process.env.AMQP_URL ?? 'amqp://guest:guest@127.0.0.1:5672');
await publishTasks(connection);

const done: string[] = [];
const { promise: allDone, resolve } = Promise.withResolvers<void>();
const workers: Channel[] = [];
for (let count = 0; count < 2; count++) {
  const worker = await startWorker(connection, (task) => {
    done.push(task);
    console.log(`done: ${task}`);
    if (done.length === tasks.length) resolve();
  });
  workers.push(worker);
}
await allDone;
for (const worker of workers) await worker.close();

const channel = await connection.createChannel();
await channel.deleteQueue(queue);
await connection.close();
