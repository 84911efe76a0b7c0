/** Traffic over two exchanges, three queues and three channels, and what the HTTP API shows of it. */
import assert from 'node:assert/strict';
import { type Channel, connect, type GetMessage } from 'amqplib';
import { ask } from './http-client.ts';

const ACKED = 3;

export interface Traffic {
  close(): Promise<void>;
}

/**
 * Channel 1 publishes 6 to `x` (for q1 and q2) and 5 to the default exchange, of which nobody wants 2, and then 3 to a queue
 * that refuses 2 of them; channel 2 consumes q1 with acks and q2 without; channel 3 publishes to q3 and gets from it, and
 * 3 to a queue that holds 1 and has a dead-letter exchange.
 */
export async function makeTraffic(amqpPort: number): Promise<Traffic> {
  const connection = await connect(`amqp://guest:guest@127.0.0.1:${amqpPort}`);
  const publishing = await connection.createConfirmChannel();
  const content = Buffer.from('message');
  await publishing.assertExchange('x', 'topic');
  await publishing.assertExchange('y', 'fanout');
  for (const queue of ['q1', 'q2']) {
    await publishing.assertQueue(queue);
    await publishing.bindQueue(queue, 'x', '#');
    await publishing.bindQueue(queue, 'y', '');
  }
  await publishing.bindExchange('y', 'x', '#');
  for (let count = 0; count < 6; count++) publishing.publish('x', 'a', content);
  for (let count = 0; count < 3; count++) publishing.publish('', 'q1', content);
  publishing.publish('', 'nowhere', content);
  publishing.publish('', 'nowhere', content, { mandatory: true });
  await publishing.waitForConfirms();
  await publishing.assertQueue('full', { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } });
  const refusals = Array.from({ length: 3 }, () => {
    return new Promise((done) => publishing.sendToQueue('full', content, {}, (error: unknown) => done(error !== null)));
  });
  assert.deepEqual(await Promise.all(refusals), [false, true, true]);

  const consuming = await connection.createChannel();
  let deliveredCount = 0;
  await new Promise<void>((allDelivered, failed) => {
    const take: Parameters<typeof consuming.consume>[1] = (message) => {
      if (message === null) return failed(new Error('the consumer was cancelled'));
      deliveredCount++;
      if (deliveredCount <= ACKED) consuming.ack(message);
      else if (deliveredCount === ACKED + 1) consuming.nack(message, false, true);
      if (message.fields.redelivered) allDelivered();
    };
    consuming.consume('q1', take).catch(failed);
  });
  await consuming.consume('q2', () => {}, { noAck: true });

  const getting = await connection.createChannel();
  await getting.assertQueue('q3');
  for (let count = 0; count < 2; count++) getting.sendToQueue('q3', content);
  await getting.get('q3', { noAck: true });
  await getting.get('q3', { noAck: false });
  await getting.get('q3', { noAck: false });
  await makeDeadLetters(getting);
  return connection;
}

/** Two are pushed out of their queue, and one is rejected. */
async function makeDeadLetters(channel: Channel): Promise<void> {
  await channel.assertExchange('dead letters', 'fanout');
  await channel.assertQueue('dead');
  await channel.bindQueue('dead', 'dead letters', '');
  await channel.assertQueue('short', { maxLength: 1, deadLetterExchange: 'dead letters' });
  for (let count = 0; count < 3; count++) channel.sendToQueue('short', Buffer.from('message'));
  await channel.checkQueue('short');
  channel.reject((await channel.get('short')) as GetMessage, false);
  await channel.checkQueue('short');
}

/** What is shown of each exchange, queue and channel: their own figures, and between each two of them. */
export async function shownFlows(base: string): Promise<unknown> {
  const flows: Record<string, unknown> = {};
  const channels = (await get(base, 'channels')) as unknown as readonly { name: string; number: number }[];
  const paths = [
    ...['x', 'y', 'amq.default', 'dead%20letters'].map((name) => `exchanges/%2F/${name}`),
    ...['q1', 'q2', 'q3', 'full', 'short', 'dead'].map((name) => `queues/%2F/${name}`),
    ...channels.map(({ name }) => `channels/${encodeURIComponent(name)}`),
  ];
  for (const path of paths) {
    flows[path.replace(/^channels.*%20\((\d+)\)$/, 'channel $1')] = await shownFlow(base, path);
  }
  return flows;
}

/** The figures of one of them. @param path below `/api/` */
export async function shownFlow(base: string, path: string): Promise<unknown> {
  const { message_stats, incoming, outgoing, deliveries, publishes } = await get(base, path);
  return { message_stats: figures(message_stats), ...lists({ incoming, outgoing, deliveries, publishes }) };
}

async function get(base: string, path: string): Promise<Shown> {
  return (await ask(base, { method: 'GET', path: `/api/${path}` })).body as Shown;
}

interface Shown {
  readonly message_stats?: Figures;
  readonly [list: string]: unknown;
}

type Figures = Readonly<Record<string, unknown>>;

interface Flow {
  readonly stats: Figures;
  readonly channel_details?: { readonly number: number };
  readonly exchange?: { readonly name: string; readonly vhost: string };
  readonly queue?: { readonly name: string; readonly vhost: string };
}

function lists(flows: Readonly<Record<string, unknown>>): object {
  const known = Object.entries(flows).filter(([, list]) => list !== undefined) as [string, Flow[]][];
  return Object.fromEntries(
    known.map(([name, list]) => [
      name,
      Object.fromEntries(
        list.map(({ stats, channel_details, exchange, queue }) => {
          const other = exchange ?? queue;
          return [channel_details?.number ?? `${other?.vhost} ${other?.name}`, figures(stats)];
        }),
      ),
    ]),
  );
}

/** Without rates; what both brokers count. */
function figures(stats: Figures | undefined): Figures | undefined {
  if (stats === undefined) return undefined;
  return Object.fromEntries(Object.entries(stats).filter(([name]) => !name.endsWith('_details')));
}
