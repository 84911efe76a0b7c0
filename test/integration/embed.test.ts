/** The broker inside of somebody's program: starting, stopping, and what is left behind, which is nothing. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type ChannelModel, connect } from 'amqplib';
import { Connection } from 'rabbitmq-client';
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker.ts';
import { RawClient } from '../differential/raw-client.ts';

const DEADLINE_MS = 20_000;

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-embed-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A broker that is stopped with its test. Nothing of it is printed. */
async function start(t: TestContext, options: BrokerOptions = { memory: true }): Promise<Broker> {
  const broker = await startBroker({ port: 0, logLevel: 'none', ...options });
  t.after(() => broker.stop());
  return broker;
}

async function openConnection(t: TestContext, url: string): Promise<ChannelModel> {
  const connection = await connect(url);
  connection.on('error', () => undefined);
  t.after(() => connection.close().catch(() => undefined));
  return connection;
}

/** Sends a persistent message to a durable queue and waits for its confirm. */
async function keep(t: TestContext, url: string, queue: string, body: string): Promise<void> {
  const channel = await (await openConnection(t, url)).createConfirmChannel();
  await channel.assertQueue(queue);
  channel.sendToQueue(queue, Buffer.from(body), { persistent: true });
  await channel.waitForConfirms();
}

async function bodyOf(t: TestContext, url: string, queue: string): Promise<string | undefined> {
  const channel = await (await openConnection(t, url)).createChannel();
  const message = await channel.get(queue, { noAck: true });
  return message === false ? undefined : message.content.toString();
}

/** What this process has open: its files and sockets by name, and what keeps its event loop alive. */
function openThings(): string[] {
  const files = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return `file ${readlinkSync(`/proc/self/fd/${fd}`)}`;
    } catch {
      return 'file of the listing itself';
    }
  });
  return [...files, ...process.getActiveResourcesInfo().map((name) => `resource ${name}`)].sort();
}

/** What is open beside what was before. Sockets may take a few turns to close; a timer that runs on is a fault at once. */
async function settled(before: readonly string[]): Promise<string[]> {
  const giveUpAtMs = performance.now() + DEADLINE_MS;
  assert.equal(timersOf(openThings()), timersOf(before), 'timers');
  for (;;) {
    const left = [...openThings()];
    for (const thing of before) {
      const index = left.indexOf(thing);
      if (index >= 0) left.splice(index, 1);
    }
    if (left.length === 0 || performance.now() > giveUpAtMs) return left;
    await new Promise((next) => setImmediate(next));
  }
}

function timersOf(things: readonly string[]): number {
  return things.filter((thing) => thing === 'resource Timeout').length;
}

/** Runs the embedding program to its own end. */
async function runProgram(t: TestContext, args: readonly string[]) {
  const { NODE_TEST_CONTEXT, ...env } = process.env;
  const path = fileURLToPath(new URL('embedding-program.ts', import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk));
  const [exitCode, signal] = (await once(child, 'close', { signal: AbortSignal.timeout(DEADLINE_MS) })) as unknown[];
  return { exitCode, signal, output: Buffer.concat(output).toString() };
}

test('a program that embeds a broker ends by itself after stop()', { timeout: 60_000 }, async (t) => {
  const ended = { exitCode: 0, signal: null, output: 'stopped\n' };
  assert.deepEqual(await runProgram(t, []), ended, 'in memory');
  const directory = temporaryDirectory(t);
  assert.deepEqual(await runProgram(t, [directory]), ended, 'with a data directory');
  assert.deepEqual(await runProgram(t, [directory]), ended, 'with what the first run left in it');
  const broker = await start(t, { dataDir: directory });
  assert.equal(await bodyOf(t, broker.url, 'kept'), 'hello', 'both runs are one broker to their messages');
});

test('starting in memory takes less than a second', async () => {
  const tookMs: number[] = [];
  for (let run = 0; run < 5; run++) {
    const startedAtMs = performance.now();
    const broker = await startBroker({ port: 0, memory: true });
    tookMs.push(performance.now() - startedAtMs);
    await broker.stop();
  }
  // The quickest one, because the machine may be busy with something else.
  assert.ok(Math.min(...tookMs) < 1000, `took ${tookMs.join(', ')} ms`);
});

test('brokers of one process share nothing', async (t) => {
  const directory = temporaryDirectory(t);
  const brokers = await Promise.all([
    start(t),
    start(t),
    start(t, { dataDir: join(directory, 'one') }),
    start(t, { dataDir: join(directory, 'two') }),
  ]);
  assert.equal(new Set(brokers.map(({ port }) => port)).size, brokers.length);
  for (const [index, broker] of brokers.entries()) await keep(t, broker.url, 'same name', `of broker ${index}`);
  await brokers[0]!.stop();
  for (const [index, broker] of brokers.entries()) {
    if (index > 0) assert.equal(await bodyOf(t, broker.url, 'same name'), `of broker ${index}`);
  }
});

test('stop() leaves no file, socket or timer open', async (t) => {
  const directory = temporaryDirectory(t);
  // Whatever Node and the client open once and keep is open after the first round.
  for (const round of ['first', 'second']) {
    const before = openThings();
    for (const options of [{ memory: true }, { dataDir: directory }]) {
      const broker = await startBroker({ port: 0, logLevel: 'none', ...options });
      const connection = await connect(broker.url);
      const channel = await connection.createConfirmChannel();
      await channel.assertQueue('q', { messageTtl: 600_000, expires: 600_000 });
      await channel.consume('q', () => undefined);
      channel.sendToQueue('q', Buffer.from(round), { persistent: true });
      await channel.waitForConfirms();
      const closed = once(connection, 'close');
      await broker.stop();
      await closed;
    }
    if (round === 'second') assert.deepEqual(await settled(before), []);
  }
});

test('stop() does not wait for clients that are not through with the handshake, or refused', async (t) => {
  const before = openThings();
  const refusal = Promise.withResolvers<string>();
  const silently = () => undefined;
  const log = {
    debug: silently,
    info: silently,
    warning: silently,
    error: (_: string, text: string) => refusal.resolve(text),
  };
  const broker = await start(t, { memory: true, log });
  const [silent, halfWay, refused] = await Promise.all([1, 2, 3].map(() => RawClient.connect(broker.port)));
  halfWay!.sendProtocolHeader();
  await halfWay!.channel(0).expect('connection.start');
  refused!.sendProtocolHeader();
  await refused!.channel(0).expect('connection.start');
  // Belongs elsewhere: the broker closes on it after a pause, which makes guessing passwords slow.
  refused!.channel(0).send('connection.open', { virtualHost: '/' });
  assert.match(await refusal.promise, /connection\.open is not what the handshake expects/);
  await broker.stop();
  for (const client of [silent, halfWay, refused]) assert.equal((await client!.read(0)).name, 'socket closed');
  assert.deepEqual(await settled(before), []);
});

test('stop() ends although a client does not answer the close', { timeout: DEADLINE_MS }, async (t) => {
  const before = openThings();
  const broker = await start(t);
  const client = await RawClient.connect(broker.port);
  await client.open();
  await broker.stop();
  const { name, args } = await client.read(0);
  assert.deepEqual([name, args.replyCode], ['connection.close', 320]);
  assert.equal((await client.read(0)).name, 'socket closed');
  assert.deepEqual(await settled(before), []);
});

test('stop() closes clients with 320, and what they had confirmed or not acknowledged is there at the next start', async (t) => {
  const dataDir = temporaryDirectory(t);
  const broker = await start(t, { dataDir });
  const connection = await openConnection(t, broker.url);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('durable');
  await channel.assertQueue('transient', { durable: false });
  for (const persistent of [true, false]) {
    channel.sendToQueue('durable', Buffer.from(persistent ? 'persistent' : 'transient'), { persistent });
  }
  await channel.waitForConfirms();
  assert.ok(await channel.get('durable'));
  const closed = once(connection, 'close') as Promise<[Error & { code?: number }]>;
  await broker.stop();
  const [reason] = await closed;
  assert.equal(reason.code, 320);
  assert.match(reason.message, /CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'/);

  const again = await start(t, { dataDir, port: broker.port });
  assert.deepEqual(again.damage, []);
  const next = await (await openConnection(t, again.url)).createChannel();
  assert.equal((await next.checkQueue('durable')).messageCount, 1);
  const message = await next.get('durable');
  assert.ok(message);
  assert.deepEqual([message.content.toString(), message.fields.redelivered], ['persistent', true]);
  next.on('error', () => undefined);
  await assert.rejects(next.checkQueue('transient'), /NOT_FOUND - no queue 'transient' in vhost '\/'/);
});

test('vhosts share nothing but the broker, through a restart, too', async (t) => {
  const dataDir = temporaryDirectory(t);
  const vhosts = ['/', 'tenant a', 'tenant b'];
  const permissions = vhosts.map((vhost) => ({ user: 'guest', vhost, configure: '.*', write: '.*', read: '.*' }));
  const definitions = { vhosts: vhosts.slice(1).map((name) => ({ name })), permissions: permissions.slice(1) };
  const urlOf = ({ url }: Broker, vhost: string) => `${url}/${encodeURIComponent(vhost)}`;
  const broker = await start(t, { dataDir, definitions });
  for (const vhost of vhosts) await keep(t, urlOf(broker, vhost), 'same name', `of ${vhost}`);
  await broker.stop();
  const again = await start(t, { dataDir });
  for (const vhost of vhosts) assert.equal(await bodyOf(t, urlOf(again, vhost), 'same name'), `of ${vhost}`);
});

test('stop() may be called twice, also at the same time', async (t) => {
  const broker = await start(t);
  await openConnection(t, broker.url);
  await Promise.all([broker.stop(), broker.stop()]);
  await broker.stop();
});

test('a port in use is refused with what to do, and nothing is left behind', async (t) => {
  const dataDir = temporaryDirectory(t);
  const { port } = await start(t);
  const before = openThings();
  await assert.rejects(startBroker({ port, dataDir }), {
    message: `127.0.0.1:${port} is in use: is another broker running? Choose another port with --port`,
  });
  await assert.rejects(startBroker({ port, memory: true }), /is in use/);
  assert.deepEqual(await settled(before), []);
  await start(t, { dataDir });
});

test("an address that is not this machine's is refused by name", async () => {
  await assert.rejects(startBroker({ port: 0, host: '192.0.2.1', memory: true }), /cannot listen on 192\.0\.2\.1:0: /);
});

test('a data directory that another broker has is refused with what to do, and stays usable', async (t) => {
  const dataDir = temporaryDirectory(t);
  const before = openThings();
  const broker = await start(t, { dataDir });
  await assert.rejects(startBroker({ port: 0, dataDir }), {
    message: `${dataDir}/metadata.sqlite is in use by a broker in this process (${process.pid}): stop it, or choose another data directory`,
  });
  await keep(t, broker.url, 'q', 'kept');
  const { exitCode, output } = await runProgram(t, [dataDir]);
  assert.equal(exitCode, 1);
  assert.match(output, new RegExp(`is in use by process ${process.pid}: stop it, or choose another data directory`));
  await broker.stop();
  // SQLite keeps the second broker's file open for as long as the first one has its lock.
  assert.deepEqual(await settled(before), []);
  const next = await start(t, { dataDir });
  assert.equal(await bodyOf(t, next.url, 'q'), 'kept');
});

test('a pid file that a crash left behind is no broker, even if its number is that of a process', async (t) => {
  const dataDir = temporaryDirectory(t);
  for (const pid of ['1', String(process.pid), 'no number']) {
    writeFileSync(join(dataDir, 'leveret.pid'), `${pid}\n`);
    await (await start(t, { dataDir })).stop();
    assert.ok(!readdirSync(dataDir).includes('leveret.pid'), 'gone with the broker');
  }
});

test('a start that fails leaves nothing behind', async (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'file'), '');
  const foreign = join(directory, 'foreign');
  mkdirSync(foreign);
  writeFileSync(join(foreign, 'metadata.sqlite'), 'no database at all, though of some length'.repeat(100));
  const before = openThings();
  const faulty: readonly [options: BrokerOptions, reason: RegExp][] = [
    [{ port: 0, dataDir: join(directory, 'file') }, /file/],
    [{ port: 0, dataDir: foreign }, /metadata\.sqlite is damaged/],
    [{ port: 65_536, memory: true }, /65536/],
    [{ port: 0, memory: true, definitions: { users: 7 } }, /users/],
  ];
  for (const [options, reason] of faulty) await assert.rejects(startBroker(options), reason);
  assert.deepEqual(await settled(before), []);
});

test('a program that is busy for longer than heartbeats allow loses no client by it', async (t) => {
  const broker = await start(t);
  const client = await RawClient.connect(broker.port);
  await client.open({ tune: { heartbeat: 1 } });
  await client.channel(0).expect('heartbeat');
  client.sendHeartbeat();
  // Nothing of this process runs meanwhile, and the heartbeat waits in the kernel.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_500);
  await client.channel(0).expect('heartbeat');
  await client.call('basic.qos', { prefetchCount: 1 });
  await client.close();
});

test('the URL of a broker logs in, whatever is in the name and the password', async (t) => {
  const broker = await start(t, { memory: true, defaultUser: 'jürgen@example', defaultPassword: 'p@ss:w/rd?#%' });
  // Not amqplib, which reads escapes in a URL as Latin-1.
  const connection = new Connection(broker.url);
  t.after(() => connection.unsafeDestroy());
  await connection.onConnect(DEADLINE_MS, true);
  await connection.close();
  const guest = new URL(broker.url);
  guest.username = 'guest';
  guest.password = 'guest';
  await assert.rejects(connect(guest.href), /ACCESS_REFUSED/);
});

test('an empty broker gets the node name, vhost, user and permissions that were asked for', async (t) => {
  const broker = await start(t, {
    memory: true,
    nodeName: 'shop@here',
    defaultVhost: 'shop/eu',
    defaultUser: 'alice',
    defaultPassword: 'secret',
    defaultUserTags: ['monitoring'],
    defaultPermissions: { configure: '^mine-' },
    management: { port: 0 },
  });
  const channel = await (await openConnection(t, broker.url)).createChannel();
  await channel.assertQueue('mine-1');
  channel.on('error', () => undefined);
  await assert.rejects(channel.assertQueue('other'), /access to queue 'other' in vhost 'shop\/eu' refused/);
  const headers = { authorization: `Basic ${btoa('alice:secret')}` };
  const get = async (path: string) => (await fetch(`${broker.managementUrl}/api/${path}`, { headers })).json();
  const { node, cluster_name } = (await get('overview')) as { node: string; cluster_name: string };
  assert.deepEqual([node, cluster_name], ['shop@here', 'shop@here']);
  assert.deepEqual(((await get('whoami')) as { tags: string[] }).tags, ['monitoring']);
});

test('a node name or a permission that cannot be used is refused at the start', async () => {
  await assert.rejects(startBroker({ memory: true, nodeName: 'a b' }), /expected NAME@HOST/);
  const defaultPermissions = { read: '(' };
  await assert.rejects(startBroker({ memory: true, port: 0, defaultPermissions }), /\(/);
});

test('a connection made while the broker stops is not left hanging', async (t) => {
  const broker = await start(t);
  const attempts = Array.from({ length: 20 }, () =>
    connect(broker.url).then((connection) => once(connection, 'close')),
  );
  const outcomes = Promise.allSettled(attempts);
  await broker.stop();
  for (const { status } of await outcomes) assert.ok(status === 'fulfilled' || status === 'rejected');
});
