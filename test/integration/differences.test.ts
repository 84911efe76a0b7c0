/** What docs/differences.md says of Leveret alone, and no other suite shows. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { type Channel, type ChannelModel, connect, type GetMessage } from 'amqplib';
import { Connection } from 'rabbitmq-client';
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker.ts';

const root = mkdtempSync(join(tmpdir(), 'leveret-differences-'));
// Behind all tests: a broker whose directory is gone cannot stop in order.
after(() => rmSync(root, { recursive: true }));

function temporaryDirectory(): string {
  return mkdtempSync(join(root, 'data-'));
}

async function start(t: TestContext, options: BrokerOptions): Promise<Broker> {
  const broker = await startBroker({ port: 0, logLevel: 'none', ...options });
  t.after(() => broker.stop());
  return broker;
}

async function channelOf(t: TestContext, broker: Broker): Promise<{ connection: ChannelModel; channel: Channel }> {
  const connection = await connect(broker.url);
  // What a test provokes reaches it through the call that was refused.
  connection.on('error', () => undefined);
  let isOpen = true;
  connection.once('close', () => {
    isOpen = false;
  });
  t.after(() => (isOpen ? connection.close() : undefined));
  return { connection, channel: await connection.createChannel() };
}

async function countOf(broker: Broker, queue: string): Promise<number> {
  const connection = await connect(broker.url);
  const channel = await connection.createChannel();
  const { messageCount } = await channel.checkQueue(queue);
  await connection.close();
  return messageCount;
}

test('a quorum queue is a durable queue of this node that counts deliveries', async (t) => {
  const dataDir = temporaryDirectory();
  const quorum = { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 1 } };
  const first = await start(t, { dataDir });
  const { connection } = await channelOf(t, first);
  const confirmed = await connection.createConfirmChannel();
  await confirmed.assertQueue('q', quorum);
  confirmed.sendToQueue('q', Buffer.from('kept'), { persistent: true });
  await confirmed.waitForConfirms();
  const taken = (await confirmed.get('q')) as GetMessage;
  confirmed.nack(taken);
  await confirmed.assertQueue('q', quorum);
  await first.stop();

  const { channel } = await channelOf(t, await start(t, { dataDir }));
  const again = (await channel.get('q')) as GetMessage;
  assert.equal(again.content.toString(), 'kept');
  assert.equal(again.properties.headers?.['x-delivery-count'], 1);
  channel.nack(again);
  assert.equal(await channel.get('q'), false, 'the delivery limit is passed, over a restart too');
});

test('the variables of topic permissions stand for names, not for patterns', async (t) => {
  const user = 'a.c';
  const definitions = {
    users: [{ name: user, password: 'secret', tags: '' }],
    vhosts: [{ name: '/' }],
    permissions: [{ user, vhost: '/', configure: '.*', write: '.*', read: '.*' }],
    topic_permissions: [{ user, vhost: '/', exchange: 'amq.topic', write: '^{username}\\.', read: '.*' }],
  };
  const broker = await start(t, { memory: true, definitions, defaultUser: user, defaultPassword: 'secret' });
  const { connection } = await channelOf(t, broker);
  const channel = await connection.createConfirmChannel();
  const refused = new Promise<Error>((resolve) => channel.once('error', resolve));
  channel.publish('amq.topic', 'a.c.news', Buffer.from('own'));
  await channel.waitForConfirms();
  channel.publish('amq.topic', 'abc.news', Buffer.from("another's"));
  assert.match((await refused).message, /403 .*access to topic 'abc.news' in exchange 'amq.topic'/);
});

test('a backlog far above the memory for messages goes in and comes out whole', async (t) => {
  const broker = await start(t, { dataDir: temporaryDirectory(), messageMemoryBytes: 32 * 1024 * 1024 });
  const { connection } = await channelOf(t, broker);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('q', { durable: true });
  const count = 6000;
  const body = Buffer.alloc(16 * 1024);
  for (let number = 0; number < count; number++) {
    body.writeUInt32BE(number);
    channel.sendToQueue('q', Buffer.from(body), { persistent: number % 2 === 0 });
    if (number % 100 === 99) await channel.waitForConfirms();
  }
  await channel.prefetch(200);
  const numbers: number[] = [];
  await new Promise<void>((resolve) => {
    channel.consume('q', (message) => {
      if (message === null) return;
      numbers.push(message.content.readUInt32BE());
      channel.ack(message);
      if (numbers.length === count) resolve();
    });
  });
  assert.deepEqual(
    numbers,
    Array.from({ length: count }, (_, number) => number),
  );
});

test('a transaction over two queues is there as a whole after a crash, or not at all', async (t) => {
  const dataDir = temporaryDirectory();
  const broker = await start(t, { dataDir });
  const client = new Connection(broker.url);
  const channel = await client.acquire();
  for (const queue of ['one', 'other']) await channel.queueDeclare({ queue, durable: true });
  await channel.txSelect();
  for (const routingKey of ['one', 'other']) {
    await channel.basicPublish({ routingKey, durable: true }, Buffer.alloc(600));
  }
  await channel.txCommit();
  // Everything is on disk as a crash would find it now, and the directory stays as it is while nothing is asked of the broker.
  assert.deepEqual(await countsAfterCut(dataDir, Number.POSITIVE_INFINITY), [1, 1]);
  assert.deepEqual(await countsAfterCut(dataDir, 0), [0, 0]);
  for (let left = 100; left <= 1600; left += 100) {
    const [one, other] = await countsAfterCut(dataDir, left);
    assert.equal(one, other, `with ${left} bytes of the journal left`);
  }
  await channel.close();
  await client.close();
});

/** What a broker finds in a copy of the directory whose journal was cut, as a crash may cut it. */
async function countsAfterCut(dataDir: string, left: number): Promise<number[]> {
  const copy = temporaryDirectory();
  cpSync(dataDir, copy, { recursive: true });
  const journal = join(copy, 'journal');
  for (const name of readdirSync(journal).filter((file) => file.endsWith('.journal'))) {
    const path = join(journal, name);
    if (statSync(path).size > left) truncateSync(path, left);
  }
  const broker = await startBroker({ port: 0, dataDir: copy, logLevel: 'none' });
  try {
    return [await countOf(broker, 'one'), await countOf(broker, 'other')];
  } finally {
    await broker.stop();
  }
}
