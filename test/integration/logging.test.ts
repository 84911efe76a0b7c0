/** The log of a running broker: its files, its exchange, and what may be done with it meanwhile. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ConsumeMessage, connect } from 'amqplib';
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker.ts';
import { ask } from '../management/http-client.ts';
import { LeveretProcess } from './leveret-process.ts';

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-logging-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function start(t: TestContext, options: BrokerOptions): Promise<Broker> {
  const broker = await startBroker({ port: 0, memory: true, ...options });
  t.after(() => broker.stop());
  return broker;
}

async function channelOf(t: TestContext, { url }: Broker) {
  const connection = await connect(url);
  t.after(() => connection.close().catch(() => undefined));
  return connection.createChannel();
}

test('leveret writes its log into the data directory, and as much as it is told to', async (t) => {
  const dataDir = temporaryDirectory(t);
  const leveret = LeveretProcess.start(t, '--port', '0', '--data-dir', dataDir);
  await leveret.printed(/ready in/);
  assert.match(
    readFileSync(join(dataDir, 'log', `leveret@${hostname()}.log`), 'utf8'),
    /\[info\] <memory> Memory high/,
  );
  assert.equal(leveret.stderr, '');
});

test('a log file that cannot be written stops the start, and says what to do', async (t) => {
  const directory = temporaryDirectory(t);
  const logging = { file: { directory: '/proc', name: 'a.log' } };
  await assert.rejects(
    startBroker({ port: 0, dataDir: directory, logging }),
    /log file \/proc\/a\.log .* set log\.dir/,
  );
});

test('lines are published with their level as the key, in RabbitMQ’s form', async (t) => {
  const logging = { exchange: { formatter: 'json' } } as const;
  const broker = await start(t, { logging, management: { port: 0 } });
  const channel = await channelOf(t, broker);
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, 'amq.rabbitmq.log', 'info');
  const message = new Promise<ConsumeMessage>((done) => {
    void channel.consume(queue, (found) => found !== null && done(found), { noAck: true });
  });
  await ask(broker.managementUrl!, { method: 'PUT', path: '/api/vhosts/%2F', body: { tracing: true } });
  const { fields, properties, content } = await message;
  assert.deepEqual([fields.exchange, fields.routingKey], ['amq.rabbitmq.log', 'info']);
  assert.equal(properties.contentType, 'application/json');
  assert.deepEqual(properties.headers, { node: `leveret@${hostname()}` });
  assert.equal(typeof properties.timestamp, 'number');
  const { level, msg, domain } = JSON.parse(content.toString());
  assert.deepEqual([level, msg, domain], ['info', "Enabling tracing for vhost '/'", 'rabbitmq.vhost']);
});

test('levels and files may be changed while it runs', async (t) => {
  const directory = temporaryDirectory(t);
  const broker = await start(t, { logging: { file: { directory, name: 'a.log', level: 'none' } } });
  assert.deepEqual(broker.logs.files, [join(directory, 'a.log')]);
  broker.logs.setLevel('info');
  broker.setMemoryHighWatermark({ relative: 0.5 });
  assert.match(readFileSync(join(directory, 'a.log'), 'utf8'), /watermark set/);
  broker.logs.rotate();
  assert.equal(readFileSync(join(directory, 'a.log'), 'utf8'), '');
  assert.ok(existsSync(join(directory, 'a.log.0')));
});

test('a start, a client and a stop are told of in RabbitMQ’s words', async (t) => {
  const directory = temporaryDirectory(t);
  const broker = await start(t, { logging: { file: { directory, name: 'a.log' } }, management: { port: 0 } });
  const connection = await connect(broker.url, { clientProperties: { connection_name: 'mine' } });
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  await assert.rejects(channel.checkQueue('nope'));
  await connection.close();
  await assert.rejects(connect(broker.url.replace('guest:guest', 'guest:wrong')));
  await ask(broker.managementUrl!, { method: 'GET', path: '/api/overview', user: 'guest:wrong' });
  await ask(broker.managementUrl!, { method: 'PUT', path: '/api/users/new', body: { password: 'wrong', tags: '' } });
  await broker.stop();
  const lines = readFileSync(join(directory, 'a.log'), 'utf8').replaceAll(/^\S+ \S+ /gm, '');
  const place = String.raw`<0\.\d+\.0> \(127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+`;
  for (const expected of [
    /^\[info\] <broker> {2}Starting Leveret \d/m,
    /^\[info\] <broker> started TCP listener on 127\.0\.0\.1:\d+$/m,
    /^\[info\] <broker> Server startup complete$/m,
    new RegExp(`^\\[info\\] <connection> accepting AMQP connection ${place}\\)$`, 'm'),
    new RegExp(`^\\[info\\] <connection> connection ${place} - mine\\): user 'guest' authenticated and granted`, 'm'),
    new RegExp(`^\\[error\\] <channel> Channel error on connection ${place} - mine, vhost: '/', user: 'guest'\\)`, 'm'),
    /^\[error\] <channel> operation queue\.declare caused a channel exception not_found: no queue 'nope' in vhost '\/'$/m,
    new RegExp(`^\\[info\\] <connection> closing AMQP connection ${place} - mine, vhost: '/', user: 'guest'\\)$`, 'm'),
    /^\[error\] <connection> PLAIN login refused: user 'guest' - invalid credentials$/m,
    /^\[warning\] <management> HTTP access denied: user 'guest' - invalid credentials$/m,
    /^\[info\] <metadata> Created user 'new'$/m,
    /^\[info\] <broker> Successfully stopped Leveret$/m,
  ]) {
    assert.match(lines, expected);
  }
  assert.doesNotMatch(lines, /wrong/, 'passwords are never logged');
});
