/** The HTTP API and the metrics over TLS: where, with whose certificate, to whom; rabbitmqadmin over it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { get as httpsGet } from 'node:https';
import { connect } from 'node:net';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker.ts';
import { eventually, withDeadline } from '../conformance/waiting.ts';
import type { Certificate } from '../integration/certificates.ts';
import { LeveretProcess } from '../integration/leveret-process.ts';
import { clientOptions, TestCertificates } from '../integration/tls-clients.ts';
import { ask } from './http-client.ts';

const ADMIN =
  '/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/plugins/rabbitmq_management-3.10.8/priv/www/cli/rabbitmqadmin';
if (!existsSync(ADMIN) && process.env.CI) throw new Error(`rabbitmqadmin must be there in CI: ${ADMIN} is missing`);

const run = promisify(execFile);
const authorization = `Basic ${btoa('guest:guest')}`;

let certificates: TestCertificates;
before(() => {
  certificates = new TestCertificates();
});
after(() => certificates.remove());

async function start(t: TestContext, options: BrokerOptions): Promise<Broker> {
  const broker = await startBroker({ port: 0, memory: true, logLevel: 'none', ...options });
  t.after(() => broker.stop());
  return broker;
}

/** @param own the certificate that the caller shows. @throws what TLS finds wrong */
function answerTo(
  url: string,
  own: Certificate | null = null,
): Promise<{ status: number; body: string; subject: string }> {
  return new Promise((done, failed) => {
    const { hostname, port, pathname } = new URL(url);
    const options = { ...clientOptions(certificates.ca, own), agent: false, headers: { authorization } };
    httpsGet({ ...options, host: hostname, port, path: pathname }, async (response) => {
      const socket = response.socket as TLSSocket;
      const subject = socket.getPeerX509Certificate()?.subject ?? '';
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      done({ status: response.statusCode!, body: Buffer.concat(chunks).toString(), subject });
    }).on('error', failed);
  });
}

test('with a certificate there is TLS alone, unless it is said where else', async (t) => {
  const tls = { ...certificates.tls, port: 0 };
  const logged: string[] = [];
  const silent = { debug: () => undefined, warning: () => undefined, error: () => undefined };
  const log = { ...silent, info: (_category: string, message: string) => logged.push(message) };
  const broker = await start(t, { management: { tls }, prometheus: { port: 0, tls }, log } as BrokerOptions);
  const started = logged.filter((line) => / HTTP/.test(line)).map((line) => line.replace(/\d+$/, 'PORT'));
  assert.deepEqual(started.sort(), [
    'Management plugin: HTTPS listener started on port PORT',
    'Prometheus metrics: HTTP (non-TLS) listener started on port PORT',
    'Prometheus metrics: HTTPS listener started on port PORT',
  ]);
  assert.match(broker.managementUrl!, /^https:\/\/127\.0\.0\.1:\d+$/);
  assert.equal(JSON.parse((await answerTo(`${broker.managementUrl}/api/whoami`)).body).name, 'guest');
  assert.match(broker.prometheusUrl!, /^http:/);
  const listeners = JSON.parse((await answerTo(`${broker.managementUrl}/api/overview`)).body).listeners;
  const protocols = listeners.map(({ protocol }: { protocol: string }) => protocol);
  assert.deepEqual(protocols, ['amqp', 'http/prometheus', 'https/prometheus', 'https']);
  const metrics = listeners.find(({ protocol }: { protocol: string }) => protocol === 'https/prometheus');
  assert.match((await answerTo(`https://127.0.0.1:${metrics.port}/metrics`)).body, /^rabbitmq_queues 0$/m);
});

test('who does not speak TLS is cut off, and so is who does not say anything', async (t) => {
  const management = { tls: { ...certificates.tls, port: 0 } };
  const broker = await start(t, { management, limits: { tlsHandshakeTimeoutMs: 100 } });
  const port = Number(new URL(broker.managementUrl!).port);
  await assert.rejects(ask(`http://127.0.0.1:${port}`, { method: 'GET', path: '/api/whoami' }));
  const silent = connect(port, '127.0.0.1');
  silent.on('error', () => undefined);
  await withDeadline('the end of a silent connection', new Promise((closed) => silent.once('close', closed)));
});

test('clients without a certificate, or with a strange one, are turned away where that is asked for', async (t) => {
  const tls = { ...certificates.tls, port: 0, verify: 'verify_peer', failIfNoPeerCert: true } as const;
  const broker = await start(t, { management: { tls }, prometheus: { tls } });
  for (const url of [`${broker.managementUrl}/api/whoami`, broker.prometheusUrl!]) {
    await assert.rejects(answerTo(url));
    await assert.rejects(answerTo(url, certificates.directory.authority('strange')));
    assert.equal((await answerTo(url, certificates.alice)).status, 200);
  }
});

test('a renewed certificate is used from then on, and the check tells when one expires', async (t) => {
  const where = certificates.directory.filesOf('renewed');
  const place = ({ certFile, keyFile }: Certificate) => {
    copyFileSync(certFile, where.certFile);
    copyFileSync(keyFile, where.keyFile);
  };
  const names = { alternativeNames: 'DNS:localhost,IP:127.0.0.1' };
  place(certificates.ca.issue('short', { ...names, days: 3 }));
  const broker = await start(t, { management: { tls: { ...where, port: 0 } } });
  const check = `${broker.managementUrl}/api/health/checks/certificate-expiration/1/weeks`;
  assert.equal((await answerTo(check)).status, 503);
  place(certificates.ca.issue('long', { ...names, days: 20 }));
  assert.equal(broker.hasCertificates, true);
  assert.equal(broker.reloadCertificates(), null);
  await eventually('the new certificate', async () => (await answerTo(check)).subject === 'CN=long');
  assert.equal((await answerTo(check)).status, 200);
  copyFileSync(certificates.server.keyFile, where.keyFile);
  assert.match(broker.reloadCertificates() ?? '', /\(management\.ssl\.keyfile\) does not belong to the first/);
});

test('the settings of a file say so, too, and SIGHUP has certificates read again where metrics alone have one', async (t) => {
  const where = certificates.directory.filesOf('by-signal');
  copyFileSync(certificates.server.certFile, where.certFile);
  copyFileSync(certificates.server.keyFile, where.keyFile);
  const config = certificates.directory.file('metrics.conf');
  const lines = [
    'listeners.tcp.default = 127.0.0.1:0',
    'prometheus.ssl.ip = 127.0.0.1',
    'prometheus.ssl.port = 0',
    `prometheus.ssl.certfile = ${where.certFile}`,
    `prometheus.ssl.keyfile = ${where.keyFile}`,
  ];
  writeFileSync(config, lines.join('\n'));
  const leveret = LeveretProcess.start(t, '--memory', '--without-management', '--config', config);
  await leveret.port();
  const url = /^ {2}metrics +(https:\/\/\S+)$/m.exec(leveret.stdout)?.[1] ?? '';
  assert.equal((await answerTo(url)).subject, 'CN=localhost');
  const next = certificates.ca.issue('next', { alternativeNames: 'IP:127.0.0.1,DNS:localhost' });
  copyFileSync(next.certFile, where.certFile);
  copyFileSync(next.keyFile, where.keyFile);
  leveret.child.kill('SIGHUP');
  await leveret.printed(/SIGHUP, new connections get the certificate that the files hold now/);
  assert.equal((await answerTo(url)).subject, 'CN=next');
});

test('a start says which of its settings is wrong', async () => {
  const starting = (options: BrokerOptions) => startBroker({ port: 0, memory: true, logLevel: 'none', ...options });
  const tls = { certFile: certificates.directory.file('none.pem'), port: 0 };
  await assert.rejects(starting({ management: { tls } }), /none\.pem \(management\.ssl\.certfile\) cannot be read/);
  await assert.rejects(starting({ prometheus: { tls } }), /none\.pem \(prometheus\.ssl\.certfile\) cannot be read/);
});

describe('rabbitmqadmin --ssl', { skip: existsSync(ADMIN) ? false : 'rabbitmq-server is not installed' }, () => {
  test('lists over HTTPS, with a certificate of the client where one is asked for', async (t) => {
    const tls = { ...certificates.tls, port: 0, verify: 'verify_peer', failIfNoPeerCert: true } as const;
    const broker = await start(t, { management: { tls } });
    const { port } = new URL(broker.managementUrl!);
    const { alice, ca } = certificates;
    const where = ['-IS', ADMIN, '--host', 'localhost', '--port', port, '--ssl', '--ssl-ca-cert-file', ca.certFile];
    const own = ['--ssl-cert-file', alice.certFile, '--ssl-key-file', alice.keyFile];
    const { stdout } = await run('python3', [...where, ...own, '--format=raw_json', 'list', 'users', 'name']);
    assert.deepEqual(JSON.parse(stdout), [{ name: 'guest' }]);
    await assert.rejects(run('python3', [...where, 'list', 'users']));
  });
});
