/** What goes with a client's request has gone when the request is answered, on disk too. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startBroker } from '../../src/broker.ts';
import { RawClient } from '../differential/raw-client.ts';

const PASSING = { durable: true, autoDelete: true };
const EXCHANGE = { exchange: 'passing-x', type: 'direct', ...PASSING };

async function clientOf(t: TestContext, port: number): Promise<RawClient> {
  const client = await RawClient.connect(port);
  t.after(() => client.abort());
  client.patienceMs = 60_000;
  await client.open();
  return client;
}

async function start(t: TestContext): Promise<{ port: number; client: RawClient }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'leveret-gone-'));
  const broker = await startBroker({ port: 0, dataDir, logLevel: 'none' });
  t.after(async () => {
    await broker.stop();
    rmSync(dataDir, { recursive: true });
  });
  return { port: broker.port, client: await clientOf(t, broker.port) };
}

async function consumePassing(client: RawClient, channel = 1): Promise<void> {
  await client.call('queue.declare', { queue: 'passing', ...PASSING });
  await client.channel(channel).call('basic.consume', { queue: 'passing', consumerTag: 'one' });
}

test('a durable queue that goes with its last consumer has gone when basic.cancel is answered', async (t) => {
  const { client } = await start(t);
  await consumePassing(client);
  client.send('basic.cancel', { consumerTag: 'one' });
  client.send('queue.declare', { queue: 'passing', passive: true });
  await client.expect('basic.cancel-ok');
  assert.equal((await client.expect('channel.close')).args.replyCode, 404);
});

test('... and when the channel or the connection of the consumer is closed', async (t) => {
  const { client, port } = await start(t);
  await client.openChannel(2);
  await consumePassing(client, 2);
  await client.channel(2).call('channel.close', { replyCode: 200 });
  client.send('queue.declare', { queue: 'passing', ...PASSING, autoDelete: false });
  await client.expect('queue.declare-ok');
  await client.call('queue.delete', { queue: 'passing' });
  await consumePassing(client);
  await client.close();
  const next = await clientOf(t, port);
  next.send('queue.declare', { queue: 'passing', passive: true });
  assert.equal((await next.expect('channel.close')).args.replyCode, 404);
});

test('an exchange that goes with its last binding has gone when the deletion of the queue is answered', async (t) => {
  const { client } = await start(t);
  await client.call('exchange.declare', EXCHANGE);
  await client.call('queue.declare', { queue: 'bound', durable: true });
  await client.call('queue.bind', { queue: 'bound', exchange: 'passing-x', routingKey: 'key' });
  client.send('queue.delete', { queue: 'bound' });
  client.send('exchange.declare', { ...EXCHANGE, passive: true });
  await client.expect('queue.delete-ok');
  assert.equal((await client.expect('channel.close')).args.replyCode, 404);
});
