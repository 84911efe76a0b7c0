/** The control socket of a broker: who can open it, what comes through it, and what becomes of it. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, linkSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'amqplib';
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker.ts';
import type { Log } from '../../src/runtime/log.ts';
import { leveretctl } from './leveretctl.ts';

const NODE = 'leveret@localhost';

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-control-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function started(t: TestContext, options: BrokerOptions): Promise<Broker> {
  const broker = await startBroker({ port: 0, memory: true, logLevel: 'none', nodeName: NODE, ...options });
  t.after(() => broker.stop());
  return broker;
}

/** The usual place is another one while `start` runs. */
async function withRunDirectory<T>(directory: string, start: () => Promise<T>): Promise<T> {
  const before = process.env.LEVERET_RUN_DIR;
  process.env.LEVERET_RUN_DIR = directory;
  try {
    return await start();
  } finally {
    if (before === undefined) delete process.env.LEVERET_RUN_DIR;
    else process.env.LEVERET_RUN_DIR = before;
  }
}

function asked(
  socketPath: string,
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; body: string }> {
  return new Promise((done, failed) => {
    const sent = request({ socketPath, method, path, headers: { 'content-type': 'application/json' } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => (text += part));
      response.on('end', () => done({ status: response.statusCode!, body: text }));
    });
    sent.once('error', failed).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

test('a program that embeds a broker has a control socket only if it asks for one', async (t) => {
  const broker = await withRunDirectory(temporary(t), () => started(t, {}));
  assert.equal(broker.controlSocket, null);
});

test('only the owner can open it, and it goes with its broker', async (t) => {
  const directory = join(temporary(t), 'run');
  const broker = await withRunDirectory(directory, () => started(t, { controlSocket: {} }));
  const path = broker.controlSocket!;
  assert.equal(path, join(directory, `${NODE}.sock`));
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await broker.stop();
  assert.equal(existsSync(path), false);
});

test('it works without the HTTP API, needs no password, and opens every vhost', async (t) => {
  const broker = await withRunDirectory(temporary(t), () => started(t, { controlSocket: {} }));
  const path = broker.controlSocket!;
  assert.equal(broker.managementUrl, null);
  assert.deepEqual(JSON.parse((await asked(path, 'GET', '/api/whoami')).body), {
    name: 'rmq-cli',
    tags: ['administrator'],
  });
  assert.equal((await asked(path, 'PUT', '/api/vhosts/closed', {})).status, 201);
  assert.equal((await asked(path, 'PUT', '/api/queues/closed/q', {})).status, 201);
  const message = { properties: {}, routing_key: 'q', payload: 'x', payload_encoding: 'string' };
  assert.deepEqual(await asked(path, 'POST', '/api/exchanges/closed/amq.default/publish', message), {
    status: 200,
    body: '{"routed":true}',
  });
  const { body } = await asked(path, 'GET', '/api/users');
  assert.deepEqual(
    JSON.parse(body).map(({ name }: { name: string }) => name),
    ['guest'],
    'it is no user',
  );
});

test('an exclusive queue is not held against the operator, as it is against every other connection', async (t) => {
  const management = { port: 0 };
  const broker = await withRunDirectory(temporary(t), () => started(t, { management, controlSocket: {} }));
  const client = await connect(broker.url);
  const channel = await client.createChannel();
  await channel.assertQueue('own', { exclusive: true });
  channel.sendToQueue('own', Buffer.from('x'));
  const authorization = `Basic ${btoa('guest:guest')}`;
  const contents = `${broker.managementUrl}/api/queues/%2F/own/contents`;
  const ofUser = await fetch(contents, { method: 'DELETE', headers: { authorization } });
  assert.equal(ofUser.status, 400);
  const path = broker.controlSocket!;
  assert.equal((await asked(path, 'DELETE', '/api/queues/%2F/own/contents')).status, 204);
  assert.equal((await channel.checkQueue('own')).messageCount, 0);
  assert.equal((await asked(path, 'DELETE', '/api/queues/%2F/own')).status, 204);
  assert.equal((await asked(path, 'GET', '/api/queues/%2F/own')).status, 404);
  await client.close();
});

test('an operator is held to the limits of a vhost: they are about room, not about permission', async (t) => {
  const broker = await withRunDirectory(temporary(t), () => started(t, { controlSocket: {} }));
  const path = broker.controlSocket!;
  await asked(path, 'PUT', '/api/vhost-limits/%2F/max-queues', { value: 0 });
  const { status, body } = await asked(path, 'PUT', '/api/queues/%2F/q', {});
  assert.equal(status, 400);
  assert.match(body, /queue limit in vhost '\/' \(0\) is reached/);
});

test('a second broker of the same name gets a socket of its own, and both are found', async (t) => {
  const directory = temporary(t);
  const [one, other] = await withRunDirectory(directory, async () => [
    await started(t, { controlSocket: {} }),
    await started(t, { controlSocket: {} }),
  ]);
  assert.equal(one.controlSocket, join(directory, `${NODE}.sock`));
  assert.equal(other.controlSocket, join(directory, `${NODE}.${process.pid}.sock`));
  const { exitCode, stderr } = await leveretctl(NODE, one.controlSocket!).run(['list_users', '-n', 'none@x'], '');
  assert.equal(exitCode, 69);
  assert.match(stderr, new RegExp(`brokers that answer in ${directory}: ${NODE}.${process.pid}, ${NODE}\n`));
  const named = await leveretctl(NODE, one.controlSocket!).run(['list_users', '-n', other.controlSocket!], '');
  assert.equal(named.exitCode, 0);
});

test('what a broker that was killed has left is replaced', async (t) => {
  const directory = temporary(t);
  const path = join(directory, `${NODE}.sock`);
  const dead = createServer();
  await new Promise<void>((ready) => dead.listen(join(directory, 'x'), ready));
  // Closing removes the name that it listened at; another one stays, and nobody answers there.
  linkSync(join(directory, 'x'), path);
  await new Promise((done) => dead.close(done));
  const broker = await withRunDirectory(directory, () => started(t, { controlSocket: {} }));
  assert.equal(broker.controlSocket, path);
  assert.equal((await asked(path, 'GET', '/api/whoami')).status, 200);
});

test('a path that was chosen and cannot be had is a reason not to start; the usual place is not', async (t) => {
  const directory = temporary(t);
  chmodSync(directory, 0o755);
  const path = join(directory, 'control.sock');
  await assert.rejects(started(t, { controlSocket: { path } }), /others may use it \(mode 755\); chmod 700 it/);
  const warnings: string[] = [];
  const log = { debug() {}, info() {}, error() {}, warning: (_: string, text: string) => warnings.push(text) } as Log;
  const broker = await withRunDirectory(directory, () => started(t, { log, controlSocket: {} }));
  assert.equal(broker.controlSocket, null);
  assert.match(warnings.join(), /no control socket: .* others may use it/);
});

test('a path that another broker answers at is refused', async (t) => {
  const path = join(temporary(t), 'control.sock');
  chmodSync(join(path, '..'), 0o700);
  await started(t, { controlSocket: { path } });
  await assert.rejects(
    started(t, { controlSocket: { path } }),
    /a broker answers at .*: set control_socket to another path/,
  );
});

test('a file that is no socket is not taken for a broker', async (t) => {
  const directory = temporary(t);
  writeFileSync(join(directory, `${NODE}.sock`), '');
  const { exitCode, stderr } = await leveretctl(NODE, join(directory, 'x.sock')).run(['list_users'], '');
  assert.equal(exitCode, 69);
  assert.match(stderr, /no broker answers at/);
});
