/** What passes through exchanges that delay messages is counted as with any other: in when it comes, out when it is routed. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ConfirmChannel } from 'amqplib';
import { type Broker, startBroker } from '../../src/broker.ts';
import { openConfirmChannel } from '../conformance/amqplib-session.ts';
import { eventually } from '../conformance/waiting.ts';
import { shownFlow } from '../management/flows.ts';
import { ask } from '../management/http-client.ts';

const HOUR_MS = 3600_000;

/** A broker with the exchange `later`, which delays, and the queues `one` and `two`, which get all of it. */
async function started(t: TestContext, ratesMode: 'basic' | 'detailed' | 'none') {
  const options = {
    port: 0,
    memory: true,
    logLevel: 'none',
    management: { port: 0 },
    statistics: { ratesMode },
  } as const;
  const broker = await startBroker(options);
  t.after(() => broker.stop());
  const channel = await openConfirmChannel(t, broker.url);
  await channel.assertExchange('later', 'x-delayed-message', { arguments: { 'x-delayed-type': 'fanout' } });
  for (const queue of ['one', 'two']) {
    await channel.assertQueue(queue);
    await channel.bindQueue(queue, 'later', '');
  }
  return { broker, channel };
}

async function publish(channel: ConfirmChannel, exchange: string, count: number, delay: number): Promise<void> {
  for (let i = 0; i < count; i++) channel.publish(exchange, '', Buffer.from('x'), { headers: { 'x-delay': delay } });
  await channel.waitForConfirms();
}

async function releaseAll(broker: Broker): Promise<void> {
  const call = { method: 'POST', path: '/api/exchanges/%2F/later/delayed/release', body: { all: true } } as const;
  assert.equal((await ask(broker.managementUrl!, call)).status, 200);
}

test('comes in when it is published, and goes out to each queue when it is released', async (t) => {
  const { broker, channel } = await started(t, 'detailed');
  const shown = (path: string) => shownFlow(broker.managementUrl!, path);
  await publish(channel, 'later', 3, HOUR_MS);
  const published = { publish: 3, confirm: 3, return_unroutable: 0, drop_unroutable: 0 };
  const flow = (publish_out: number, outgoing: object) => {
    return { message_stats: { publish_in: 3, publish_out }, incoming: { 1: published }, outgoing };
  };
  assert.deepEqual(await shown('exchanges/%2F/later'), flow(0, {}));
  await releaseAll(broker);
  const outgoing = { '/ one': { publish: 3 }, '/ two': { publish: 3 } };
  assert.deepEqual(await shown('exchanges/%2F/later'), flow(6, outgoing));
  const { message_stats, incoming } = (await shown('queues/%2F/two')) as { message_stats: object; incoming: object };
  assert.deepEqual(message_stats, { publish: 3 });
  assert.deepEqual(incoming, { '/ later': { publish: 3 } });
});

test('is counted so where it was due, too', async (t) => {
  const { broker, channel } = await started(t, 'basic');
  await publish(channel, 'later', 2, 1);
  const shown = () => shownFlow(broker.managementUrl!, 'exchanges/%2F/later') as Promise<{ message_stats: object }>;
  await eventually('the release', async () => (await channel.checkQueue('two')).messageCount === 2);
  assert.deepEqual((await shown()).message_stats, { publish_in: 2, publish_out: 4 });
});

test('goes out from the exchange that it was published to, as where one is bound to another', async (t) => {
  const { broker, channel } = await started(t, 'basic');
  await channel.assertExchange('front', 'fanout');
  await channel.bindExchange('later', 'front', '');
  await publish(channel, 'front', 2, HOUR_MS);
  await releaseAll(broker);
  const shown = async (name: string) => {
    return ((await shownFlow(broker.managementUrl!, `exchanges/%2F/${name}`)) as { message_stats: object })
      .message_stats;
  };
  assert.deepEqual(await shown('front'), { publish_in: 2, publish_out: 4 });
  assert.equal(await shown('later'), undefined);
});

test('is not counted where no client published it: dead letters are not with any exchange', async (t) => {
  const { broker, channel } = await started(t, 'detailed');
  await channel.assertQueue('work', { deadLetterExchange: 'later' });
  channel.sendToQueue('work', Buffer.from('x'), { headers: { 'x-delay': HOUR_MS } });
  await channel.waitForConfirms();
  const message = await channel.get('work');
  assert(message !== false);
  channel.nack(message, false, false);
  await eventually('the dead letter', async () => {
    const { body } = await ask(broker.managementUrl!, { method: 'GET', path: '/api/exchanges/%2F/later' });
    return (body as { messages_delayed: number }).messages_delayed === 1;
  });
  await releaseAll(broker);
  assert.equal((await channel.checkQueue('one')).messageCount, 1);
  const nothing = { message_stats: undefined, incoming: {} };
  assert.deepEqual(await shownFlow(broker.managementUrl!, 'exchanges/%2F/later'), { ...nothing, outgoing: {} });
  assert.deepEqual(await shownFlow(broker.managementUrl!, 'queues/%2F/one'), { ...nothing, deliveries: {} });
});
