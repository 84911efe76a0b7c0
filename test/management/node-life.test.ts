/** What an operator does with a node while its process goes on: stop and start what serves clients, reset, suspend, drain. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect as tcpConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { connect } from 'amqplib';
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker.ts';
import { type ApiCall, type ApiReply, ask } from './http-client.ts';

const NODE = 'leveret@localhost';

function call(broker: Broker, method: ApiCall['method'], path: string, body?: object): Promise<ApiReply> {
  return ask(broker.managementUrl!, { method, path: `/api/${path}`, body });
}

async function operate(broker: Broker, path: string): Promise<void> {
  assert.equal((await call(broker, 'POST', `operate/${path}`)).status, 204, path);
}

async function status(broker: Broker): Promise<Record<string, unknown>> {
  return (await call(broker, 'GET', 'operate/status')).body as Record<string, unknown>;
}

async function started(t: TestContext, options: BrokerOptions = {}): Promise<Broker> {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-life-'));
  const broker = await startBroker({
    port: 0,
    dataDir: directory,
    logLevel: 'none',
    nodeName: NODE,
    management: { port: 0 },
    ...options,
  });
  t.after(async () => {
    await broker.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  return broker;
}

function refusal(port: number): Promise<string> {
  return new Promise((done) => {
    const socket = tcpConnect(port, '127.0.0.1');
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code!));
    socket.once('connect', () => {
      socket.destroy();
      done('accepted');
    });
  });
}

/** A durable and a transient queue, with a message of each kind in the durable one. */
async function filled(broker: Broker) {
  const client = await connect(broker.url);
  client.on('error', () => {});
  const channel = await client.createConfirmChannel();
  await channel.assertQueue('kept');
  await channel.assertQueue('gone', { durable: false });
  channel.sendToQueue('kept', Buffer.from('kept'), { persistent: true });
  channel.sendToQueue('kept', Buffer.from('gone'));
  await channel.waitForConfirms();
  return client;
}

async function bodies(broker: Broker, queue: string): Promise<string[]> {
  const client = await connect(broker.url);
  const channel = await client.createChannel();
  const found: string[] = [];
  for (let message = await channel.get(queue); message !== false; message = await channel.get(queue)) {
    found.push(message.content.toString());
  }
  await client.close();
  return found;
}

describe('a stopped application', () => {
  test('has closed its clients with 320 and its ports; a start brings back what a restart would', async (t) => {
    const broker = await started(t);
    const { port } = broker;
    const client = await filled(broker);
    const closed = once(client, 'close');
    await operate(broker, 'app/stop');
    const [error] = await closed;
    assert.equal(error.code, 320);
    assert.equal(await refusal(port), 'ECONNREFUSED');
    await operate(broker, 'app/start');
    assert.equal(broker.port, port);
    const names = ((await call(broker, 'GET', 'queues')).body as { name: string }[]).map(({ name }) => name);
    assert.deepEqual(names, ['kept']);
    assert.deepEqual(await bodies(broker, 'kept'), ['kept']);
  });

  test('tells of the node, and says of the rest why it is not there', async (t) => {
    const broker = await started(t);
    await operate(broker, 'app/stop');
    await operate(broker, 'app/stop');
    assert.deepEqual([(await status(broker)).state, (await status(broker)).listeners], ['stopped', [httpOf(broker)]]);
    const { status: code, body } = await call(broker, 'GET', 'queues');
    assert.deepEqual(
      [code, body],
      [503, { error: 'stopped', reason: 'the application is stopped on this node: leveretctl start_app starts it' }],
    );
    await operate(broker, 'app/start');
    await operate(broker, 'app/start');
    assert.equal((await call(broker, 'GET', 'overview')).status, 200);
  });

  test('lets another broker have its directory', async (t) => {
    const broker = await started(t);
    await operate(broker, 'app/stop');
    const other = await startBroker({ port: 0, dataDir: broker.dataDir!, logLevel: 'none' });
    const { status: code, body } = await call(broker, 'POST', 'operate/app/start');
    assert.equal(code, 400);
    assert.match((body as { reason: string }).reason, /a broker in this process/);
    assert.equal((await status(broker)).state, 'stopped');
    await other.stop();
    await operate(broker, 'app/start');
  });

  test('can be reset, and a running one cannot', async (t) => {
    const broker = await started(t);
    (await filled(broker)).close();
    await call(broker, 'PUT', 'users/alice', { password: 'x', tags: '' });
    await call(broker, 'PUT', 'global-parameters/cluster_name', { value: 'lapins' });
    const refused = await call(broker, 'POST', 'operate/app/reset');
    assert.deepEqual([refused.status, refused.body], [400, { error: 'bad_request', reason: 'running' }]);
    await operate(broker, 'app/stop');
    await operate(broker, 'app/reset');
    assert.equal(existsSync(join(broker.dataDir!, 'journal')), false);
    await operate(broker, 'app/start');
    assert.deepEqual((await call(broker, 'GET', 'queues')).body, []);
    const users = (await call(broker, 'GET', 'users')).body as { name: string }[];
    assert.deepEqual(
      users.map(({ name }) => name),
      ['guest'],
    );
    assert.notEqual((await status(broker)).cluster_name, 'lapins');
    // What queues get as their identity is given to none a second time.
    await filled(broker);
    assert.deepEqual(await bodies(broker, 'kept'), ['kept', 'gone']);
  });

  test('is stopped for good with its broker', async (t) => {
    const broker = await started(t);
    await operate(broker, 'app/stop');
    await broker.stop();
    await broker.stopped;
  });

  test('logs to its exchange again after a start, once a line', async (t) => {
    const broker = await started(t, { logging: { exchange: { level: 'info' } } });
    await operate(broker, 'app/stop');
    await operate(broker, 'app/start');
    const client = await connect(broker.url);
    const channel = await client.createChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, 'amq.rabbitmq.log', '#');
    await operate(broker, 'listeners/suspend');
    const lines: string[] = [];
    await channel.consume(queue, (message) => lines.push(message!.content.toString()), { noAck: true });
    await channel.checkQueue(queue);
    assert.equal(lines.filter((line) => line.includes('stopped TCP listener')).length, 1, lines.join(''));
    await client.close();
  });
});

function httpOf(broker: Broker): object {
  const { hostname, port } = new URL(broker.managementUrl!);
  return {
    node: NODE,
    interface: hostname,
    port: Number(port),
    protocol: 'http',
    purpose: 'HTTP API',
  };
}

describe('a node under maintenance', () => {
  let broker: Broker;
  before(async () => {
    broker = await startBroker({ port: 0, memory: true, logLevel: 'none', management: { port: 0 } });
  });
  after(() => broker.stop());

  test('accepts nobody while its listeners are suspended; whoever is there stays', async () => {
    const client = await connect(broker.url);
    await operate(broker, 'listeners/suspend');
    assert.equal(await refusal(broker.port), 'ECONNREFUSED');
    const check = await call(broker, 'GET', `health/checks/port-listener/${broker.port}`);
    assert.equal(check.status, 503);
    await client.createChannel();
    await operate(broker, 'listeners/resume');
    assert.equal(await refusal(broker.port), 'accepted');
    await client.close();
  });

  test('drained, has closed its clients with RabbitMQ’s words, and says so until it is revived', async () => {
    const client = await connect(broker.url);
    const closed = once(client, 'close');
    await operate(broker, 'maintenance/drain');
    const [error] = await closed;
    assert.match(
      error.message,
      /320 \(CONNECTION-FORCED\) with message "CONNECTION_FORCED - Node was put into maintenance mode"/,
    );
    assert.equal((await status(broker)).is_under_maintenance, true);
    assert.equal(await refusal(broker.port), 'ECONNREFUSED');
    await operate(broker, 'maintenance/revive');
    assert.equal((await status(broker)).is_under_maintenance, false);
    assert.equal(await refusal(broker.port), 'accepted');
  });

  test('a port that somebody took meanwhile is told, and taken back later', async () => {
    await operate(broker, 'listeners/suspend');
    const other = await startBroker({ port: broker.port, memory: true, logLevel: 'none' });
    const { status: code, body } = await call(broker, 'POST', 'operate/listeners/resume');
    assert.equal(code, 400);
    assert.match((body as { reason: string }).reason, /is in use/);
    await other.stop();
    await operate(broker, 'listeners/resume');
    assert.equal(await refusal(broker.port), 'accepted');
  });
});

describe('limits at run time', () => {
  test('take effect, are shown as they were set, and are refused where they are none', async (t) => {
    const broker = await started(t);
    const put = (path: string, body: object) => call(broker, 'PUT', `operate/${path}`, body);
    assert.equal((await put('memory-high-watermark', { relative: 0 })).status, 204);
    const alarmed = await status(broker);
    assert.deepEqual(alarmed.vm_memory_high_watermark_setting, { relative: 0 });
    assert.deepEqual(
      (alarmed.alarms as { resource: string }[]).map(({ resource }) => resource),
      ['memory'],
    );
    assert.equal((await put('memory-high-watermark', { absolute: 10e12 })).status, 204);
    assert.deepEqual((await status(broker)).alarms, []);
    assert.equal((await put('disk-free-limit', { absolute: 1e15 })).status, 204);
    assert.equal((await status(broker)).disk_free_limit, 1e15);
    for (const body of [{}, { absolute: 'x' }, { absolute: -1 }, { absolute: 1, relative: 1 }]) {
      assert.equal((await put('disk-free-limit', body)).status, 400, JSON.stringify(body));
    }
  });
});

test('a broker that an operator shuts down answers first, and is stopped then', async (t) => {
  const broker = await started(t);
  await operate(broker, 'shutdown');
  await broker.stopped;
  assert.equal(await refusal(broker.port), 'ECONNREFUSED');
});
