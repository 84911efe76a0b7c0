/** Lines of the log in a real rsyslogd, and at a server with TLS. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { connect } from 'amqplib';
import { startBroker } from '../../src/broker.ts';
import type { SyslogLogOptions } from '../../src/runtime/syslog-options.ts';
import { eventually } from '../conformance/waiting.ts';
import { CertificateDirectory } from './certificates.ts';

const RSYSLOGD = '/usr/sbin/rsyslogd';

/** Everything that it takes to be a server of one's own, and a line for each message with its parts. */
const configuration = (directory: string, port: number) => `
global(workDirectory="${directory}")
module(load="imudp")
input(type="imudp" address="127.0.0.1" port="${port}")
module(load="imtcp")
input(type="imtcp" address="127.0.0.1" port="${port}")
template(name="parts" type="string" string="%programname%|%procid%|%syslogfacility-text%.%syslogseverity-text%|%msgid%|%msg%\\n")
*.* action(type="omfile" file="${directory}/messages" template="parts")
`;

async function startRsyslogd(t: TestContext): Promise<{ port: number; messages: () => string }> {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-syslog-'));
  const port = await freePort();
  writeFileSync(join(directory, 'rsyslog.conf'), configuration(directory, port));
  const words = ['-n', '-f', join(directory, 'rsyslog.conf'), '-i', join(directory, 'pid')];
  const server = spawn(RSYSLOGD, words, { stdio: 'ignore' });
  t.after(async () => {
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  });
  await eventually('rsyslogd', () => accepts(port));
  return {
    port,
    messages: () => (existsSync(`${directory}/messages`) ? readFileSync(`${directory}/messages`, 'utf8') : ''),
  };
}

/** One that is free for UDP as well. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const datagrams = createSocket('udp4').bind(port, '127.0.0.1');
  await once(datagrams, 'listening');
  await new Promise<void>((done) => datagrams.close(done));
  await new Promise((done) => server.close(done));
  return port;
}

async function accepts(port: number): Promise<boolean> {
  const { connect: tcpConnect } = await import('node:net');
  return new Promise((done) => {
    const socket = tcpConnect(port, '127.0.0.1');
    socket.on('connect', () => done(true));
    socket.on('error', () => done(false));
    socket.on('connect', () => socket.destroy());
  });
}

/** A broker in memory, of which a client asks what is not there: two lines of level error. */
async function brokerWithFault(t: TestContext, syslog: SyslogLogOptions): Promise<void> {
  const broker = await startBroker({ port: 0, memory: true, logging: { syslog: { host: '127.0.0.1', ...syslog } } });
  t.after(() => broker.stop());
  const connection = await connect(broker.url);
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  await assert.rejects(channel.checkQueue('nope'));
  await connection.close();
}

for (const transport of ['udp', 'tcp'] as const) {
  for (const protocol of ['rfc3164', 'rfc5424'] as const) {
    test(`rsyslogd is given lines by ${transport} as ${protocol} has them`, {
      skip: !existsSync(RSYSLOGD),
    }, async (t) => {
      const { port, messages } = await startRsyslogd(t);
      await brokerWithFault(t, { port, transport, protocol, facility: 'local5', identity: 'hare' });
      await eventually(
        'the lines',
        async () => /operation queue.declare/.test(messages()) && /closing/.test(messages()),
      );
      const lines = messages()
        .split('\n')
        .filter((line) => line.includes('no queue'));
      assert.equal(lines.length, 1);
      const text = "operation queue.declare caused a channel exception not_found: no queue 'nope' in vhost '/'";
      const expected = protocol === 'rfc3164' ? `-| <channel> - ${text}` : `channel|${text}`;
      assert.equal(lines[0], `hare|${process.pid}|local5.err|${expected}`);
      assert.match(messages(), /local5\.info\|.*closing AMQP connection/);
    });
  }
}

test('with TLS lines go to a server whose certificate is good, and to no other', async (t) => {
  const directory = new CertificateDirectory();
  t.after(() => directory.remove());
  const authority = directory.authority('authority');
  const { certFile, keyFile } = authority.issue('server', { alternativeNames: 'IP:127.0.0.1' });
  let received = '';
  const server = createTlsServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (socket) => {
    socket.on('data', (bytes) => {
      received += bytes;
    });
    socket.on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  server.on('tlsClientError', () => undefined);
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const said: string[] = [];
  const log = { debug: note, info: note, warning: note, error: note };
  function note(category: string, message: string): void {
    if (category === 'syslog') said.push(message);
  }
  for (const caCertFile of [directory.authority('other').certFile, authority.certFile]) {
    const tls = { caCertFile, verify: 'verify_peer' } as const;
    const syslog = { host: '127.0.0.1', port, transport: 'tls', tls } as const;
    const broker = await startBroker({ port: 0, memory: true, log, logging: { syslog } });
    await eventually('an answer', async () => said.length > 0 || received.includes('Server startup complete'));
    await broker.stop();
    if (caCertFile === authority.certFile) continue;
    assert.equal(received, '');
    assert.match(said[0]!, /cannot be sent to: (UNABLE_TO|SELF_SIGNED)/);
    said.length = 0;
  }
  assert.match(received, /^\d+ <30>1 \S+ \S+ leveret \d+ \w+ - /);
  assert.deepEqual(said, []);
});
