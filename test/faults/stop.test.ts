/** A stop in good order, and a stop that nobody had time for: neither keeps the next start from having everything. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'amqplib';
import type { AmqplibError } from '../conformance/amqplib-session.ts';
import { eventually, withDeadline } from '../conformance/waiting.ts';
import { BrokerProcess } from './broker-process.ts';

const QUEUE = 'over a stop';
const DEADLINE_MS = 60_000;

function newBroker(t: TestContext): { broker: BrokerProcess; dataDir: string } {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-stop-'));
  const dataDir = join(directory, 'data');
  mkdirSync(dataDir);
  const broker = new BrokerProcess({ dataDir, settings: ['journal_file_size = 1MiB'] });
  t.after(async () => {
    await broker.kill();
    rmSync(directory, { recursive: true });
  });
  return { broker, dataDir };
}

/** Publishes without a pause until the connection ends. */
async function publish(broker: BrokerProcess): Promise<{ confirmed: number[]; ended: Promise<AmqplibError> }> {
  const connection = await connect(broker.url);
  connection.on('error', () => {});
  // What the operator asked for is no error to amqplib: it is told with the end.
  const ended = new Promise<AmqplibError>((resolve) => connection.once('close', resolve));
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  await channel.assertQueue(QUEUE, { durable: true });
  const confirmed: number[] = [];
  let next = 0;
  const publishOne = (): void => {
    const number = next++;
    try {
      channel.sendToQueue(QUEUE, Buffer.from(String(number).padEnd(2000, ' ')), { persistent: true }, (error) => {
        if (error !== null) return;
        confirmed.push(number);
        setImmediate(publishOne);
      });
    } catch {} // the channel is closed
  };
  for (let i = 0; i < 100; i++) publishOne();
  return { confirmed, ended };
}

async function bodies(broker: BrokerProcess): Promise<number[]> {
  const connection = await connect(broker.url);
  const channel = await connection.createChannel();
  const { messageCount } = await channel.checkQueue(QUEUE);
  const numbers: number[] = [];
  const all = Promise.withResolvers<void>();
  await channel.consume(QUEUE, (message) => {
    if (message === null) return;
    assert.equal(message.fields.redelivered, false);
    if (numbers.push(Number(message.content)) === messageCount) all.resolve();
  });
  await withDeadline(`${messageCount} messages`, all.promise, DEADLINE_MS);
  await connection.close();
  return numbers;
}

test('SIGTERM in the midst of publishing: clients see 320, and all that was confirmed is there, in order', async (t) => {
  const { broker, dataDir } = newBroker(t);
  await broker.start();
  const { confirmed, ended } = await publish(broker);
  await eventually('confirms', async () => confirmed.length > 3000);
  const exit = broker.stop();
  const { code, message } = await withDeadline('connection.close', ended, DEADLINE_MS);
  assert.equal(code, 320);
  assert.match(message, /CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'/);
  assert.equal(await exit, 0);
  // Nothing is left to be read again at the next start, and nothing of the process itself.
  const files = readdirSync(join(dataDir, 'journal'));
  for (const name of files.filter((each) => each.endsWith('.journal'))) {
    assert(files.includes(name.replace('.journal', '.index')), `${name} has an index`);
  }
  assert.equal(existsSync(join(dataDir, 'transient.spill')), false);
  await broker.start();
  const there = await bodies(broker);
  const known = new Set(there);
  assert.deepEqual(
    confirmed.filter((number) => !known.has(number)),
    [],
    'confirmed and lost',
  );
  assert.deepEqual(
    there,
    [...there].sort((a, b) => a - b),
  );
});

test('a process that was killed keeps nobody from its data directory', async (t) => {
  const { broker, dataDir } = newBroker(t);
  await broker.start();
  const { confirmed } = await publish(broker);
  await eventually('confirms', async () => confirmed.length > 500);
  const other = new BrokerProcess({ dataDir });
  t.after(() => other.kill());
  await assert.rejects(other.start(), /in use/, 'as long as it lives, it has the directory');
  await broker.kill();
  await other.start();
  const known = new Set(await bodies(other));
  assert.deepEqual(
    confirmed.filter((number) => !known.has(number)),
    [],
  );
});
