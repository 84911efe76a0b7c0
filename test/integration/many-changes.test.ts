/** Thousands of declarations at a time are made in slices: what clients ask for meanwhile waits, and is answered as ever. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'amqplib';
import { type Broker, startBroker } from '../../src/broker.ts';
import { ReadBuffer } from '../../src/perf/frame-scanner.ts';
import { FrameWriter } from '../../src/perf/frame-writer.ts';
import { LoadConnection } from '../../src/perf/load-connection.ts';
import { defaultLoadOptions } from '../../src/perf/load-options.ts';
import { ask } from '../management/http-client.ts';

const QUEUES = 5000;
/** A bit of queue.declare. */
const EXCLUSIVE = 4;

async function start(t: TestContext): Promise<Broker> {
  const dataDir = mkdtempSync(join(tmpdir(), 'leveret-changes-'));
  const broker = await startBroker({ port: 0, dataDir, logLevel: 'none', management: { port: 0 } });
  t.after(async () => {
    await broker.stop();
    rmSync(dataDir, { recursive: true });
  });
  return broker;
}

/** @returns the import's status, and whether it goes on */
function importing(broker: Broker, names: readonly string[]): { status: Promise<number>; goesOn: boolean } {
  const place = { vhost: '/', durable: true, auto_delete: false, arguments: {} };
  const body = { queues: names.map((name) => ({ ...place, name })) };
  const work = { goesOn: true, status: Promise.resolve(0) };
  work.status = ask(broker.managementUrl!, { method: 'POST', path: '/api/definitions', body }).then(({ status }) => {
    work.goesOn = false;
    return status;
  });
  return work;
}

const NAMES = Array.from({ length: QUEUES }, (_, index) => `imported ${index}`);

test('while an import goes on, the same queue may be declared by two, and what a connection held exclusively is free once it is closed', async (t) => {
  const broker = await start(t);
  const connections = await Promise.all([1, 2, 3].map(() => connect(broker.url)));
  const [one, other, third] = await Promise.all(connections.map((connection) => connection.createChannel()));
  await third!.assertQueue('mine', { exclusive: true });
  const work = importing(broker, NAMES);
  let rounds = 0;
  for (; work.goesOn; rounds++) {
    const queue = `both ${rounds}`;
    await Promise.all([one!, other!].map((channel) => channel.assertQueue(queue, { durable: true })));
    await Promise.all([one!, other!].map((channel) => channel.bindQueue(queue, 'amq.topic', 'key')));
    if (rounds > 0) continue;
    await connections[2]!.close();
    await one!.assertQueue('mine', { exclusive: true });
  }
  assert.equal(await work.status, 204);
  assert.ok(rounds > 0);
  const { body } = await ask(broker.managementUrl!, { method: 'GET', path: '/api/overview' });
  const { object_totals: totals } = body as { object_totals: { queues: number } };
  assert.equal(totals.queues, QUEUES + rounds + 1);
  for (const connection of connections.slice(0, 2)) await connection.close();
});

test('an exclusive queue whose connection goes while it is declared goes, too', async (t) => {
  const broker = await start(t);
  const patient = await connect(broker.url);
  const hasty = await LoadConnection.open({ ...defaultLoadOptions, port: broker.port }, new ReadBuffer());
  const work = importing(broker, NAMES);
  while (work.goesOn && !(await isThere(broker, NAMES[0]!))) await new Promise((next) => setImmediate(next));
  const declare = new FrameWriter().beginMethod(1, 50, 10).uint16(0).shortString('hasty').uint8(EXCLUSIVE).uint32(0);
  hasty.socket.end(declare.endFrame().take());
  assert.equal(await work.status, 204);
  await (await patient.createChannel()).assertQueue('hasty', { exclusive: true });
  await patient.close();
});

async function isThere({ managementUrl }: Broker, queue: string): Promise<boolean> {
  const path = `/api/queues/%2F/${encodeURIComponent(queue)}`;
  return (await ask(managementUrl!, { method: 'GET', path })).status === 200;
}

test('an import takes what clients declare meanwhile as what was there before', async (t) => {
  const broker = await start(t);
  const connection = await connect(broker.url);
  const channel = await connection.createChannel();
  const work = importing(broker, NAMES);
  for (const name of NAMES.toReversed()) {
    if (!work.goesOn) break;
    await channel.assertQueue(name, { durable: true });
  }
  assert.equal(await work.status, 204);
  await connection.close();
});

test('many requests of one client for what is kept on disk leave room for the others between them', async (t) => {
  const broker = await start(t);
  const [busy, other] = await Promise.all([connect(broker.url), connect(broker.url)]);
  const channel = await busy.createChannel();
  const patient = await other.createChannel();
  await patient.assertQueue('patient', { exclusive: true });
  let ended = false;
  const all = NAMES.slice(0, 200).map((name) => channel.assertQueue(name, { durable: true }));
  const declared = Promise.all(all).then(() => {
    ended = true;
  });
  let answers = 0;
  while (!ended) {
    await patient.checkQueue('patient');
    answers++;
  }
  await declared;
  assert.ok(answers > 10, `${answers} answers while 200 queues were declared`);
  for (const connection of [busy, other]) await connection.close();
});
