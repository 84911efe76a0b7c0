import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { Logger } from './log.ts';
import { QUEUE_BYTES_MAX, Syslog } from './syslog.ts';
import { syslogFormat } from './syslog-format.ts';
import type { SyslogLogOptions } from './syslog-options.ts';
import { TestClock } from './test-clock.ts';

const AT_MS = new Date(2026, 10, 6, 1, 47, 59, 945).getTime();

/** A server that takes messages with their length in front; a port without one until it listens. */
class TestServer {
  readonly messages: string[] = [];
  readonly sockets = new Set<Socket>();
  #server: Server | null = null;
  port = 0;
  /** Whether what comes is read. */
  isReading = true;

  async listen(t: TestContext): Promise<void> {
    this.#server = createServer((socket) => this.#take(socket)).listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
    t.after(() => this.close());
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    const server = this.#server;
    this.#server = null;
    if (server !== null) await new Promise((done) => server.close(done));
  }

  #take(socket: Socket): void {
    let pending = Buffer.alloc(0);
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => undefined);
    if (!this.isReading) return void socket.pause();
    socket.on('data', (bytes: Buffer) => {
      pending = Buffer.concat([pending, bytes]);
      for (let space = pending.indexOf(' '); space > 0; space = pending.indexOf(' ')) {
        const end = space + 1 + Number(pending.subarray(0, space));
        if (pending.length < end) return;
        this.messages.push(pending.subarray(space + 1, end).toString());
        pending = pending.subarray(end);
      }
    });
  }
}

/** A log with syslog and another output, whose lines are `said`. */
function logWith(t: TestContext, options: SyslogLogOptions) {
  const clock = new TestClock(AT_MS);
  const log = new Logger(() => clock.nowMs());
  const said: string[] = [];
  log.add({ level: 'info', write: ({ category, message }) => category === 'syslog' && said.push(message) });
  const syslog = new Syslog({ transport: 'tcp', ...options }, clock, log);
  t.after(() => syslog.close());
  log.add(syslog);
  log.started();
  return { clock, log, said, syslog };
}

async function datagramServer(t: TestContext): Promise<{ port: number; messages: string[] }> {
  const server = createSocket('udp4');
  const messages: string[] = [];
  server.on('message', (bytes) => messages.push(bytes.toString()));
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => new Promise((done) => server.close(() => done(undefined))));
  return { port: server.address().port, messages };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turnOfLoop();
}

/** The time until the next attempt passes, whenever one has failed. */
async function untilTried(clock: TestClock, isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    clock.advance(1000);
    await turnOfLoop();
  }
}

const textOf = (message: string) => message.replace(/^.*? - /, '');

describe('a line', () => {
  const entry = { atMs: AT_MS, level: 'warning', category: 'channel', message: 'one\ntwo' } as const;
  const shown = (options: SyslogLogOptions) => syslogFormat(options)(entry).map(String);
  const host = hostname();

  test('is a message of RFC 3164 in RabbitMQ’s form, and each line of its text is one', () => {
    const head = `<28>Nov  6 01:47:59 ${host.split('.')[0]} leveret[${process.pid}] <channel> -`;
    assert.deepEqual(shown({}), [`${head} one`, `${head} two`]);
  });

  test('is one of RFC 5424, where that is asked for, with facility and name as they are set', () => {
    const options = { protocol: 'rfc5424', facility: 'local7', identity: 'broker', multilineMode: true } as const;
    const [message] = shown(options);
    assert.match(message!, /^<188>1 2026-11-06T01:47:59\.945000[+-]\d\d:\d\d /);
    assert.ok(message!.endsWith(` ${host} broker ${process.pid} channel - one\ntwo`), message);
  });

  test('may be JSON', () => {
    const [message] = shown({ formatter: 'json' });
    assert.equal(JSON.parse(textOf(message!)).msg, 'one\ntwo');
  });

  test('has the severity of its level', () => {
    const numbers = (['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'] as const).map(
      (level) => /^<(\d+)>/.exec(String(syslogFormat({ facility: 'kern' })({ ...entry, level })[0]))![1],
    );
    assert.deepEqual(numbers, ['7', '6', '5', '4', '3', '2', '1', '0']);
  });

  test('goes with TLS as RFC 5424 alone', () => {
    assert.match(String(syslogFormat({ transport: 'tls' })(entry)[0]), /^<28>1 /);
    assert.throws(() => syslogFormat({ transport: 'ssl', protocol: 'rfc3164' }), /rfc3164 does not go with TLS/);
  });
});

test('lines come in order, each whole, whatever is in them', async (t) => {
  const server = new TestServer();
  await server.listen(t);
  const { log } = logWith(t, { host: '127.0.0.1', port: server.port });
  const texts = Array.from({ length: 500 }, (_, index) => `${index} ${'ü'.repeat(index)}`);
  for (const text of texts) log.info('queue', text);
  await until(() => server.messages.length === texts.length);
  assert.deepEqual(server.messages.map(textOf), texts);
});

test('lines wait for a server that is not there, the other outputs are told once, and again when it is', async (t) => {
  const server = new TestServer();
  await server.listen(t);
  await server.close();
  const { clock, log, said } = logWith(t, { host: '127.0.0.1', port: server.port });
  log.info('queue', 'early');
  await untilTried(clock, () => said.length > 0);
  for (let tries = 0; tries < 20; tries++) await untilTried(clock, () => clock.waiting > 0);
  assert.equal(said.length, 1);
  assert.match(said[0]!, /^the syslog server 127\.0\.0\.1:\d+ \(tcp\) cannot be sent to: ECONNREFUSED\. Lines wait/);
  await server.listen(t);
  await untilTried(clock, () => server.messages.length === 1);
  await until(() => said.length === 2);
  assert.match(said[1]!, /takes lines again; none was dropped/);
  assert.deepEqual(server.messages.map(textOf), ['early']);
});

test('a connection that ends is made again, later each time', async (t) => {
  const server = new TestServer();
  await server.listen(t);
  const { clock, log, said } = logWith(t, { host: '127.0.0.1', port: server.port });
  await until(() => server.sockets.size === 1);
  for (const waitMs of [100, 200, 400]) {
    for (const socket of server.sockets) socket.destroy();
    await until(() => clock.waiting === 1);
    clock.advance(waitMs - 1);
    assert.equal(clock.waiting, 1, `${waitMs} ms are not over`);
    clock.advance(1);
    await until(() => server.sockets.size === 1);
  }
  log.info('queue', 'after all');
  await until(() => server.messages.length === 1);
  await until(() => said.length === 2);
});

test('a server that takes nothing holds nobody up: what does not fit is dropped, counted, and told of to all', async (t) => {
  const server = new TestServer();
  server.isReading = false;
  await server.listen(t);
  const { clock, log, said } = logWith(t, { host: '127.0.0.1', port: server.port });
  await until(() => server.sockets.size === 1);
  const text = 'x'.repeat(10_000);
  let sent = 0;
  // The system takes some, too.
  while (said.length === 0) {
    for (let count = 0; count < 100; count++, sent++) log.info('queue', text);
    await turnOfLoop();
  }
  assert.ok(sent * text.length > QUEUE_BYTES_MAX);
  assert.match(said[0]!, /from now on they are dropped/);
  server.isReading = true;
  for (const socket of server.sockets) socket.destroy();
  await untilTried(clock, () => said.some((line) => line.includes('takes lines again')));
  const [, droppedCount] = /again; (\d+) were dropped/.exec(said.at(-1)!)!;
  assert.ok(Number(droppedCount) > 0 && Number(droppedCount) < sent);
  await until(() => server.messages.at(-1)?.includes(`${droppedCount} were dropped`) === true);
});

test('datagrams, too, are sent when the log ends', async (t) => {
  const { port, messages } = await datagramServer(t);
  const { log, syslog } = logWith(t, { transport: 'udp', host: '127.0.0.1', port });
  log.info('queue', 'first');
  await until(() => messages.length === 1);
  for (const text of ['second', 'last']) log.info('queue', text);
  syslog.close();
  await until(() => messages.length === 3);
  assert.deepEqual(messages.map(textOf), ['first', 'second', 'last']);
});

test('the last lines are sent when the log ends', async (t) => {
  const server = new TestServer();
  await server.listen(t);
  const { log, syslog } = logWith(t, { host: '127.0.0.1', port: server.port });
  await until(() => server.sockets.size === 1);
  for (const text of ['one', 'two', 'three']) log.info('queue', text);
  syslog.close();
  log.info('queue', 'too late');
  await until(() => server.sockets.size === 0);
  assert.deepEqual(server.messages.map(textOf), ['one', 'two', 'three']);
});

test('datagrams hold a message each, cut between two characters where it is too long', async (t) => {
  const { port, messages } = await datagramServer(t);
  const { log } = logWith(t, { transport: 'udp', host: '127.0.0.1', port });
  log.info('queue', 'short');
  log.info('queue', 'ü'.repeat(5000));
  await until(() => messages.length === 2);
  assert.equal(textOf(messages[0]!), 'short');
  assert.ok(Buffer.byteLength(messages[1]!) > 8180 && Buffer.byteLength(messages[1]!) <= 8192);
  assert.match(textOf(messages[1]!), /^ü+$/);
});

test('files that cannot be read are named before anything is sent', (t) => {
  const options = { transport: 'tls', tls: { caCertFile: '/none/ca.pem' } } as const;
  assert.throws(
    () => logWith(t, options),
    /log\.syslog\.ssl_options\.cacertfile: \/none\/ca\.pem cannot be read \(ENOENT\)/,
  );
  const noPem = { transport: 'tls', tls: { caCertFile: import.meta.filename } } as const;
  assert.throws(() => logWith(t, noPem), /cacertfile: .*syslog\.test\.ts cannot be read \(ERR_OSSL/);
});
