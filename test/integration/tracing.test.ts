/** The firehose over a broker's life: switched over HTTP, seen by any client, off again after a restart. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ConsumeMessage, connect } from 'amqplib';
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker.ts';
import { ask } from '../management/http-client.ts';

async function start(t: TestContext, options: BrokerOptions = { memory: true }): Promise<Broker> {
  const broker = await startBroker({ port: 0, logLevel: 'none', management: { port: 0 }, ...options });
  t.after(() => broker.stop());
  return broker;
}

async function channelOf(t: TestContext, { url }: Broker) {
  const connection = await connect(url);
  t.after(() => connection.close().catch(() => undefined));
  return connection.createConfirmChannel();
}

async function setTracing({ managementUrl }: Broker, tracing: boolean): Promise<void> {
  const { status } = await ask(managementUrl!, { method: 'PUT', path: '/api/vhosts/%2F', body: { tracing } });
  assert.equal(status, 204);
}

async function isTracing({ managementUrl }: Broker): Promise<unknown> {
  const { body } = await ask(managementUrl!, { method: 'GET', path: '/api/vhosts/%2F' });
  return (body as { tracing: unknown }).tracing;
}

test('a queue that is traced into may itself be traced, and gets no copies of copies', async (t) => {
  const broker = await start(t);
  const channel = await channelOf(t, broker);
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, 'amq.rabbitmq.trace', '#');
  const received: ConsumeMessage[] = [];
  const four = new Promise<void>((done) => {
    void channel.consume(queue, (message) => received.push(message!) === 4 && done(), { noAck: true });
  });
  await setTracing(broker, true);
  channel.sendToQueue(queue, Buffer.from('one'));
  channel.sendToQueue(queue, Buffer.from('two'));
  await channel.waitForConfirms();
  await four;
  await setTracing(broker, false);
  channel.sendToQueue(queue, Buffer.from('end'));
  await new Promise<void>((done) => {
    const timer = setInterval(() => {
      if (received.at(-1)?.content.toString() !== 'end') return;
      clearInterval(timer);
      done();
    }, 5);
  });
  const keys = received.map(({ fields, content }) => `${fields.routingKey} ${content}`).sort();
  const expected = [`${queue} one`, `${queue} two`, `${queue} end`];
  for (const body of ['one', 'two']) expected.push(`publish. ${body}`, `deliver.${queue} ${body}`);
  assert.deepEqual(keys, expected.sort());
});

test('a message whose headers are as deep as they may be is delivered, and its copy, which would be deeper, is left out', async (t) => {
  const broker = await start(t);
  const channel = await channelOf(t, broker);
  const trace = (await channel.assertQueue('', { exclusive: true })).queue;
  await channel.bindQueue(trace, 'amq.rabbitmq.trace', '#');
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await setTracing(broker, true);
  let headers: Record<string, unknown> = { deepest: 1 };
  for (let depth = 1; depth < 100; depth++) headers = { table: headers };
  channel.sendToQueue(queue, Buffer.from('deep'), { headers });
  channel.sendToQueue(queue, Buffer.from('flat'));
  await channel.waitForConfirms();
  assert.equal((await channel.checkQueue(queue)).messageCount, 2);
  const copy = await channel.get(trace, { noAck: true });
  assert.equal(copy !== false && copy.content.toString(), 'flat');
});

test('tracing is off after a restart, as in RabbitMQ: nobody pays for it for good', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'leveret-tracing-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const first = await start(t, { dataDir });
  await setTracing(first, true);
  assert.equal(await isTracing(first), true);
  await first.stop();
  const second = await start(t, { dataDir });
  assert.equal(await isTracing(second), false);
});
