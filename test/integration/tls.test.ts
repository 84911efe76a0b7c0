/** TLS as clients and operators meet it: the clients of Node, Python and OpenSSL, certificates of clients, limits, renewal. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, connect as tcpConnect } from 'node:net';
import { after, describe, type TestContext, test } from 'node:test';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { connect as amqplibConnect } from 'amqplib';
import { type Broker, type BrokerOptions, type Log, startBroker } from '../../src/broker.ts';
import { isMissing } from '../conformance/external-program.ts';
import { eventually, withDeadline } from '../conformance/waiting.ts';
import { RawClient } from '../differential/raw-client.ts';
import { type Certificate, openssl } from './certificates.ts';
import { LEVERET, LeveretProcess, runLeveret } from './leveret-process.ts';
import {
  clientOptions,
  connectTls,
  definitionsFor,
  rawClientOverTls,
  seenByTlsClient,
  TestCertificates,
} from './tls-clients.ts';

const certificates = new TestCertificates();
after(() => certificates.remove());
const { ca, server, alice, directory } = certificates;
const bob = ca.issue('bob', { subject: '/CN=bob', alternativeNames: 'email:bob@example.org' });

const USERS = ['guest', 'CN=alice,O=Acme', 'bob', 'bob@example.org'];
const VERIFY = { verify: 'verify_peer' } as const;
const ALL_MECHANISMS = ['EXTERNAL', 'AMQPLAIN', 'PLAIN'] as const;
const EXTERNAL = { mechanism: 'EXTERNAL', response: '' };

type Given = Omit<BrokerOptions, 'tls'> & { readonly tls?: Partial<NonNullable<BrokerOptions['tls']>> };

/** With one listener, which has TLS, and what it logs of connections and certificates. */
async function start(t: TestContext, { tls, ...options }: Given = {}): Promise<{ broker: Broker; logged: string[] }> {
  const logged: string[] = [];
  const write = (category: string, message: string) => {
    if (category === 'connection' || category === 'tls') logged.push(`${category}: ${message}`);
  };
  const log: Log = { debug: () => undefined, info: write, warning: write, error: write };
  const broker = await startBroker({
    listeners: [{ port: 0, tls: true }],
    memory: true,
    log,
    definitions: definitionsFor(...USERS),
    tls: { ...certificates.tls, ...tls },
    ...options,
  });
  t.after(() => broker.stop());
  return { broker, logged };
}

describe('clients', { concurrency: true }, () => {
  test('amqplib publishes and consumes large messages, and its URL comes from the broker', async (t) => {
    const { broker } = await start(t, { tls: VERIFY });
    assert.match(broker.url, /^amqps:\/\/guest:guest@127\.0\.0\.1:\d+$/);
    const connection = await amqplibConnect(broker.url, clientOptions(ca, alice));
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('q');
    const bodies = [0, 1, 20_000, 5_000_000].map((size) => Buffer.alloc(size, 'x'));
    for (const body of bodies) channel.sendToQueue('q', body);
    await channel.waitForConfirms();
    const received: number[] = [];
    const all = new Promise<void>((done) => {
      channel.consume('q', (message) => {
        received.push(message!.content.length);
        channel.ack(message!);
        if (received.length === bodies.length) done();
      });
    });
    await withDeadline('all messages', all);
    assert.deepEqual(received, [0, 1, 20_000, 5_000_000]);
    await connection.close();
  });

  test('pika logs in by its certificate, publishes and gets', async (t) => {
    const python = '/usr/bin/python3';
    if (isMissing(t, { command: python, args: ['-c', 'import pika'] }, 'python3-pika')) return;
    const { broker } = await start(t, { tls: { ...VERIFY, failIfNoPeerCert: true }, authMechanisms: ALL_MECHANISMS });
    const script = `
import pika, ssl, sys
port, ca, cert, key = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(cert, key)
parameters = pika.ConnectionParameters(
    "127.0.0.1", int(port), ssl_options=pika.SSLOptions(context, "localhost"),
    credentials=pika.credentials.ExternalCredentials())
with pika.BlockingConnection(parameters) as connection:
    channel = connection.channel()
    channel.queue_declare("q")
    channel.confirm_delivery()
    channel.basic_publish("", "q", b"x" * 1000000, pika.BasicProperties(user_id="CN=alice,O=Acme"))
    method, properties, body = channel.basic_get("q", auto_ack=True)
    print(len(body), properties.user_id)
`;
    const args = ['-B', '-c', script, `${broker.port}`, ca.certFile, alice.certFile, alice.keyFile];
    assert.deepEqual(await run(t, python, args), { exit: 0, output: '1000000 CN=alice,O=Acme\n' });
  });

  test('a client that does not trust the broker says so, and the broker goes on', async (t) => {
    const { broker } = await start(t);
    const other = directory.authority('unknown');
    await assert.rejects(amqplibConnect(broker.url, clientOptions(other)), { code: 'SELF_SIGNED_CERT_IN_CHAIN' });
    const client = await rawClientOverTls(broker.port, clientOptions(ca));
    await client.open();
    client.abort();
  });
});

/** A program to its end, with nothing to read. */
async function run(
  t: TestContext,
  command: string,
  args: readonly string[],
): Promise<{ exit: number; output: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [exit] = (await withDeadline(command, once(child, 'close'))) as [number];
  return { exit, output };
}

describe('versions and ciphers, as openssl s_client sees them', { concurrency: true }, () => {
  /** What s_client says of the connection: the version and the cipher, or the alert. */
  async function agreed(t: TestContext, port: number, ...flags: string[]): Promise<string> {
    const common = [
      's_client',
      '-connect',
      `127.0.0.1:${port}`,
      '-CAfile',
      ca.certFile,
      '-verify_return_error',
      '-brief',
    ];
    const { output } = await run(t, 'openssl', [...common, ...flags]);
    const [version] = /Protocol version: (\S+)/.exec(output)?.slice(1) ?? [];
    const [cipher] = /Ciphersuite: (\S+)/.exec(output)?.slice(1) ?? [];
    return version === undefined ? (/alert [\w ]+/.exec(output)?.[0] ?? output) : `${version} ${cipher}`;
  }
  const OLD = ['-cipher', 'DEFAULT@SECLEVEL=0'];

  test('TLS 1.3 and 1.2 are spoken, and nothing older', async (t) => {
    const { broker, logged } = await start(t);
    assert.equal(await agreed(t, broker.port), 'TLSv1.3 TLS_AES_256_GCM_SHA384');
    assert.match(await agreed(t, broker.port, '-tls1_2'), /^TLSv1\.2 ECDHE-ECDSA-/);
    assert.equal(await agreed(t, broker.port, '-tls1_1', ...OLD), 'alert protocol version');
    assert.equal(await agreed(t, broker.port, '-tls1', ...OLD), 'alert protocol version');
    const reason = 'the client speaks no version of TLS that is allowed here (ssl_options.versions)';
    assert.ok(logged.includes(`connection: 127.0.0.1: no TLS connection: ${reason}`), logged.join('\n'));
  });

  test('older ones are spoken when they are asked for, and those between only then', async (t) => {
    const { broker } = await start(t, { tls: { versions: ['tlsv1', 'tlsv1.3', 'tlsv1.1'] } });
    assert.match(await agreed(t, broker.port), /^TLSv1\.3 /);
    assert.match(await agreed(t, broker.port, '-tls1_2'), /unsupported protocol/);
    assert.match(await agreed(t, broker.port, '-tls1_1', ...OLD), /^TLSv1\.1 /);
    assert.match(await agreed(t, broker.port, '-tls1', ...OLD), /^TLSv1 /);
  });

  test('ciphers are those that are named', async (t) => {
    const ciphers = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'TLS_AES_128_GCM_SHA256'];
    const { broker } = await start(t, { tls: { ciphers } });
    assert.equal(await agreed(t, broker.port), 'TLSv1.3 TLS_AES_128_GCM_SHA256');
    assert.equal(await agreed(t, broker.port, '-tls1_2'), 'TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256');
    const other = ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES256-GCM-SHA384'];
    assert.equal(await agreed(t, broker.port, ...other), 'alert handshake failure');
  });
});

describe('certificates of clients', { concurrency: true }, () => {
  /** What is offered, and what comes of EXTERNAL. */
  async function login(broker: Broker, own: Certificate | null): Promise<string> {
    const client = await rawClientOverTls(broker.port, clientOptions(ca, own));
    client.sendProtocolHeader();
    const { args } = await client.channel(0).expect('connection.start');
    client.startOk(EXTERNAL);
    const { name, args: answer } = await client.channel(0).read();
    client.abort();
    return `${args.mechanisms}: ${name} ${answer.replyCode ?? ''}`.trim();
  }

  test('are a login where EXTERNAL is told to be one, and offered to those who have one', async (t) => {
    const { broker, logged } = await start(t, { tls: VERIFY, authMechanisms: ALL_MECHANISMS });
    assert.equal(await login(broker, alice), 'EXTERNAL AMQPLAIN PLAIN: connection.tune');
    assert.equal(await login(broker, bob), 'EXTERNAL AMQPLAIN PLAIN: connection.close 403');
    assert.ok(logged.some((line) => line.endsWith("\nEXTERNAL login refused: user 'CN=bob' - invalid credentials")));
    assert.equal(await login(broker, null), 'AMQPLAIN PLAIN: connection.close 403');
    const reason = 'connection peer presented no TLS (x.509) certificate';
    assert.ok(
      logged.some((line) => line.endsWith(`\nEXTERNAL login refused: ${reason}`)),
      logged.join('\n'),
    );
  });

  test('may have the name of the user elsewhere', async (t) => {
    const given = { tls: VERIFY, authMechanisms: ALL_MECHANISMS };
    const byCommonName = await start(t, { ...given, certificateLogin: { from: 'common_name' } });
    assert.equal(await login(byCommonName.broker, bob), 'EXTERNAL AMQPLAIN PLAIN: connection.tune');
    const byAddress = await start(t, {
      ...given,
      certificateLogin: { from: 'subject_alternative_name', alternativeNameType: 'email' },
    });
    assert.equal(await login(byAddress.broker, bob), 'EXTERNAL AMQPLAIN PLAIN: connection.tune');
    assert.equal(await login(byAddress.broker, alice), 'EXTERNAL AMQPLAIN PLAIN: connection.close 403');
    assert.ok(byAddress.logged.some((line) => line.endsWith('\nEXTERNAL login refused: no name found')));
  });

  test('are no login where nobody was asked for one', async (t) => {
    const { broker } = await start(t, { authMechanisms: ALL_MECHANISMS });
    assert.equal(await login(broker, alice), 'AMQPLAIN PLAIN: connection.close 403');
  });

  test('are no login unless EXTERNAL is among the mechanisms, which may be all that there is', async (t) => {
    const { broker } = await start(t, { tls: VERIFY });
    const client = await rawClientOverTls(broker.port, clientOptions(ca, alice));
    client.sendProtocolHeader();
    assert.equal((await client.channel(0).expect('connection.start')).args.mechanisms, 'AMQPLAIN PLAIN');
    client.abort();
    const only = await start(t, { tls: VERIFY, authMechanisms: ['EXTERNAL'] });
    assert.equal(await login(only.broker, alice), 'EXTERNAL: connection.tune');
  });

  test('may come through others, as far as ssl_options.depth says', async (t) => {
    const first = ca.intermediate('first');
    const second = first.intermediate('second');
    const below = (name: string, ...chain: Certificate[]): Certificate => {
      const own = chain[0] === second ? second.issue(name) : first.issue(name);
      const certFile = directory.file(`${name}.chain.pem`);
      writeFileSync(certFile, [own, ...chain].map(({ certFile: file }) => openssl('x509', '-in', file)).join(''));
      return { ...own, certFile };
    };
    const { broker, logged } = await start(t, { tls: { ...VERIFY, depth: 1 } });
    const near = clientOptions(ca, below('near', first));
    assert.equal(await seenByTlsClient(broker.port, near), 'secured, connection.start, closed');
    const far = clientOptions(ca, below('far', second, first));
    assert.equal(await seenByTlsClient(broker.port, far), 'secured, closed');
    const reason = '2 certificates stand above it, ssl_options.depth allows 1';
    assert.ok(logged.includes(`connection: 127.0.0.1: the client's certificate is refused: ${reason}`));
    const deeper = await start(t, { tls: VERIFY });
    assert.equal(await seenByTlsClient(deeper.broker.port, far), 'secured, connection.start, closed');
  });

  test('are shown on every connection: sessions are not resumed, and nobody changes it on the way', async (t) => {
    const { broker } = await start(t, { tls: VERIFY });
    const options = { ...clientOptions(ca, alice), minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
    const socket = await connectTls(broker.port, options);
    const again = await connectTls(broker.port, { ...options, session: socket.getSession() });
    assert.equal(again.isSessionReused(), false);
    const refused = new Promise<NodeJS.ErrnoException>((told) => socket.on('error', told));
    socket.renegotiate({}, () => assert.fail('another handshake on the same connection'));
    assert.equal((await withDeadline('an answer to that', refused)).code, 'ERR_SSL_NO_RENEGOTIATION');
    again.destroy();
  });
});

describe('the HTTP API', () => {
  async function get(broker: Broker, path: string): Promise<Record<string, unknown>[]> {
    const headers = { authorization: `Basic ${btoa('guest:guest')}` };
    const response = await fetch(`${broker.managementUrl}/api/${path}`, { headers });
    return (await response.json()) as Record<string, unknown>[];
  }

  test('shows of a connection which version, which cipher and whose certificate, as RabbitMQ does', async (t) => {
    const definitions = definitionsFor('guest');
    const users = [{ ...definitions.users[0], tags: 'administrator' }];
    const listeners = [{ port: 0 }, { port: 0, tls: true }];
    const given = { tls: VERIFY, definitions: { ...definitions, users }, management: { port: 0 }, listeners };
    const { broker } = await start(t, given);
    const { port } = broker.listeners[1]!;
    const clients = [
      await rawClientOverTls(port, clientOptions(ca, alice)),
      await rawClientOverTls(port, {
        ...clientOptions(ca),
        maxVersion: 'TLSv1.2',
        ciphers: 'ECDHE-ECDSA-AES256-SHA384',
      }),
      await RawClient.connect(broker.port),
    ];
    for (const client of clients) await client.open();
    const shown = (await get(broker, 'connections')).map((connection) => {
      const { ssl, ssl_protocol, ssl_key_exchange, ssl_cipher, ssl_hash, peer_cert_subject, peer_cert_issuer } =
        connection;
      return [ssl, ssl_protocol, ssl_key_exchange, ssl_cipher, ssl_hash, peer_cert_subject, peer_cert_issuer].join(' ');
    });
    assert.deepEqual(shown.sort(), [
      'false      ',
      'true tlsv1.2 ecdhe_ecdsa aes_256_cbc sha384  ',
      'true tlsv1.3 any aes_256_gcm aead CN=alice,O=Acme CN=ca',
    ]);
    const { listeners: open } = (await get(broker, 'overview')) as unknown as { listeners: { protocol: string }[] };
    assert.deepEqual(open.map(({ protocol }) => protocol).sort(), ['amqp', 'amqp/ssl', 'http']);
    for (const client of clients) client.abort();
  });
});

describe('limits', { concurrency: true }, () => {
  test('ssl_handshake_timeout: who says nothing on a TLS port is cut off', async (t) => {
    const { broker, logged } = await start(t, { limits: { tlsHandshakeTimeoutMs: 100 } });
    const silent = tcpConnect(broker.port, '127.0.0.1');
    silent.resume();
    await withDeadline('the broker to close', once(silent, 'close'));
    const reason = 'the handshake took too long (ssl_handshake_timeout)';
    assert.deepEqual(logged, [`connection: 127.0.0.1: no TLS connection: ${reason}`]);
  });

  test('connection_max: handshakes that are not finished count, until they are gone', async (t) => {
    const { broker, logged } = await start(t, { limits: { maxConnections: 2 } });
    const client = await rawClientOverTls(broker.port, clientOptions(ca));
    await client.open();
    const silent = tcpConnect(broker.port, '127.0.0.1');
    await once(silent, 'connect');
    assert.equal(await seenByTlsClient(broker.port, clientOptions(ca)), 'closed');
    assert.ok(logged.includes('connection: refused 127.0.0.1: 2 are open'), logged.join('\n'));
    silent.destroy();
    for (let gone = 0; gone < 3; gone++) {
      await eventually('room for another', async () => {
        return (await seenByTlsClient(broker.port, clientOptions(ca))) !== 'closed';
      });
    }
    client.abort();
  });

  test('clients that break off, wherever that is, harm nobody', async (t) => {
    const { broker } = await start(t, { tls: VERIFY, limits: { maxConnections: 10 } });
    const client = await rawClientOverTls(broker.port, clientOptions(ca));
    await client.open();
    for (const size of [1, 4, 5, 6, 100, 300, 500, 600, 900, 1200, 1500, 1800, 2100]) {
      for (const end of ['reset', 'end', 'nonsense'] as const) await breakOff(broker.port, size, end);
    }
    await client.call('queue.declare', { queue: 'still here' });
    await eventually('room for another', async () => {
      return (await seenByTlsClient(broker.port, clientOptions(ca))) === 'secured, connection.start, closed';
    });
    client.abort();
  });

  test('a stop tells clients, and waits for no handshake', async (t) => {
    const { broker } = await start(t);
    const client = await rawClientOverTls(broker.port, clientOptions(ca));
    await client.open();
    const silent = tcpConnect(broker.port, '127.0.0.1');
    await once(silent, 'connect');
    silent.resume();
    const stopped = broker.stop();
    assert.equal((await client.channel(0).expect('connection.close')).args.replyCode, 320);
    client.channel(0).send('connection.close-ok');
    await withDeadline('the stop', stopped);
    await eventually('the end of the handshake', async () => silent.closed);
    assert.equal((await client.channel(0).read()).name, 'socket closed');
    client.abort();
  });
});

/** A client of which no more than so many octets arrive, which may be in the midst of its handshake or behind it. */
async function breakOff(port: number, size: number, end: 'reset' | 'end' | 'nonsense'): Promise<void> {
  const link = createServer((near) => {
    const far = tcpConnect(port, '127.0.0.1');
    let left = size;
    near.on('data', (chunk: Buffer) => {
      if (left <= 0) return;
      far.write(chunk.subarray(0, left));
      left -= chunk.length;
      if (left > 0) return;
      if (end === 'reset') far.resetAndDestroy();
      else far.end(end === 'nonsense' ? Buffer.alloc(100, 0xaa) : '');
    });
    far.on('data', (chunk) => near.write(chunk));
    for (const socket of [near, far]) socket.on('error', () => {});
    far.on('close', () => near.destroy());
  });
  await new Promise<void>((ready) => link.listen(0, '127.0.0.1', ready));
  const { port: nearPort } = link.address() as AddressInfo;
  const socket = tlsConnect({ ...clientOptions(ca, alice), port: nearPort }, () => {
    socket.write(Buffer.alloc(3000, 'AMQP'));
  });
  socket.on('error', () => {});
  socket.resume();
  await withDeadline('the end of a broken connection', new Promise((closed) => socket.once('close', closed)));
  await new Promise((closed) => link.close(closed));
}

describe('listeners', { concurrency: true }, () => {
  test('are several, with TLS and without, and lead to the same broker', async (t) => {
    const listeners = [
      { name: 'one', port: 0 },
      { name: 'two', port: 0, host: '::1' },
      { name: 'three', port: 0, tls: true },
    ];
    const { broker } = await start(t, { listeners });
    const shown = broker.listeners.map(({ name, protocol, host }) => `${name} ${protocol} ${host}`);
    assert.deepEqual(shown, ['one amqp 127.0.0.1', 'two amqp ::1', 'three amqps 127.0.0.1']);
    assert.equal(broker.url, `amqp://guest:guest@127.0.0.1:${broker.listeners[0]!.port}`);
    const publisher = await amqplibConnect(`amqp://guest:guest@[::1]:${broker.listeners[1]!.port}`);
    const channel = await publisher.createConfirmChannel();
    await channel.assertQueue('q');
    channel.sendToQueue('q', Buffer.from('over there'));
    await channel.waitForConfirms();
    const secure = `amqps://guest:guest@127.0.0.1:${broker.listeners[2]!.port}`;
    const consumer = await amqplibConnect(secure, clientOptions(ca));
    const message = await (await consumer.createChannel()).get('q', { noAck: true });
    assert.ok(message);
    assert.equal(message.content.toString(), 'over there');
    await Promise.all([publisher.close(), consumer.close()]);
  });

  test('take loopback users over IPv4, IPv6, and IPv4 as IPv6 writes it', async (t) => {
    const hosts = ['127.0.0.1', '::1', '::ffff:127.0.0.1'];
    const { broker } = await start(t, { listeners: hosts.map((host) => ({ host, port: 0 })) });
    for (const { host, port } of broker.listeners) {
      const socket = tcpConnect(port, host);
      await once(socket, 'connect');
      const client = RawClient.over(socket);
      await client.open();
      client.abort();
    }
  });

  test('that cannot be opened say which setting they come from, and leave nothing open', async (t) => {
    const { broker } = await start(t);
    const listeners = [
      { port: 0, name: 'first' },
      { port: broker.port, tls: true, name: 'public' },
    ];
    const message = /in use: is another broker running\? Choose another port in listeners\.ssl\.public$/;
    await assert.rejects(startBroker({ memory: true, listeners, tls: certificates.tls }), { message });
  });

  test('with TLS need a certificate, and a broker needs a listener', async () => {
    const listeners = [{ port: 0, tls: true }];
    await assert.rejects(startBroker({ memory: true, listeners }), {
      message: 'a listener with TLS needs a certificate: set ssl_options.certfile',
    });
    await assert.rejects(startBroker({ memory: true, listeners: [] }), { message: /^there is no listener/ });
  });
});

describe('certificates that are renewed', { concurrency: true }, () => {
  test('leave sessions that can be resumed while they are the same', async (t) => {
    const { broker } = await start(t);
    const options = clientOptions(ca);
    const first = await connectTls(broker.port, options);
    const client = RawClient.over(first);
    const session = once(first, 'session');
    await client.open();
    const [ticket] = (await session) as [Buffer];
    assert.equal(broker.reloadCertificates(), null);
    const second = await connectTls(broker.port, { ...options, session: ticket });
    assert.equal(second.isSessionReused(), true);
    second.destroy();
    client.abort();
  });

  function subjectSeenBy(socket: TLSSocket): string {
    return `${socket.getPeerCertificate().subject.CN}`;
  }

  test('are shown to new connections; standing ones go on, and sessions of before are not resumed', async (t) => {
    const where = directory.filesOf('renewed');
    const place = ({ certFile, keyFile }: Certificate) => {
      copyFileSync(certFile, where.certFile);
      copyFileSync(keyFile, where.keyFile);
    };
    place(server);
    const { broker, logged } = await start(t, { tls: where });
    const options = { ...clientOptions(ca), servername: '', checkServerIdentity: () => undefined } as const;
    const before = await connectTls(broker.port, options);
    const client = RawClient.over(before);
    const session = once(before, 'session');
    await client.open();
    assert.equal(subjectSeenBy(before), 'localhost');
    place(ca.issue('next'));
    assert.equal(broker.reloadCertificates(), null);
    const told = logged.find((line) => line.startsWith('tls:'));
    assert.match(told!, /^tls: new connections get the certificate of "CN=next" that holds until/);
    const [old] = (await session) as [Buffer];
    const next = await connectTls(broker.port, { ...options, session: old });
    assert.deepEqual([subjectSeenBy(next), next.isSessionReused()], ['next', false]);
    await client.call('queue.declare', { queue: 'still here' });
    copyFileSync(server.certFile, where.certFile);
    assert.match(broker.reloadCertificates() ?? '', /does not belong to the first certificate/);
    const later = await connectTls(broker.port, options);
    assert.equal(subjectSeenBy(later), 'next');
    for (const each of [next, later]) each.destroy();
    client.abort();
  });

  test('with other authorities turn away clients of the old ones', async (t) => {
    const caCertFile = directory.file('authorities.pem');
    copyFileSync(ca.certFile, caCertFile);
    const { broker } = await start(t, { tls: { ...VERIFY, failIfNoPeerCert: true, caCertFile } });
    const options = clientOptions(ca, alice);
    assert.equal(await seenByTlsClient(broker.port, options), 'secured, connection.start, closed');
    copyFileSync(directory.authority('successor').certFile, caCertFile);
    assert.equal(broker.reloadCertificates(), null);
    assert.equal(await seenByTlsClient(broker.port, options), 'secured, closed');
  });
});

describe('the command line', { concurrency: true }, () => {
  function configuration(name: string, where: Certificate, ...more: string[]): string {
    const path = directory.file(`${name}.conf`);
    const lines = [
      'listeners.tcp.local = 127.0.0.1:0',
      'listeners.tcp.v6 = ::1:0',
      'listeners.ssl.default = 127.0.0.1:0',
      `ssl_options.certfile = ${where.certFile}`,
      `ssl_options.keyfile = ${where.keyFile}`,
      `ssl_options.cacertfile = ${ca.certFile}`,
      'loopback_users = none',
      'management.tcp.port = 0',
      'prometheus.tcp.port = 0',
      ...more,
    ];
    writeFileSync(path, `${lines.join('\n')}\n`);
    return path;
  }

  function tlsPortOf({ stdout }: LeveretProcess): number {
    return Number(/amqps:\/\/127\.0\.0\.1:(\d+)$/m.exec(stdout)?.[1]);
  }

  test('prints every listener, and says of users what loopback_users says', async (t) => {
    const leveret = LeveretProcess.start(t, '--memory', '--config', configuration('listeners', server));
    await leveret.port();
    const lines = leveret.stdout.split('\n').slice(1, 4);
    assert.match(lines[0]!, /^ {2}listens on {3}amqp:\/\/127\.0\.0\.1:\d+$/);
    assert.match(lines[1]!, /^ {15}amqp:\/\/\[::1\]:\d+$/);
    assert.match(lines[2]!, /^ {15}amqps:\/\/127\.0\.0\.1:\d+$/);
    assert.match(leveret.stdout, /^ {2}users +guest \(password guest unless it was changed\)$/m);
    const url = `amqps://guest:guest@127.0.0.1:${tlsPortOf(leveret)}`;
    await (await amqplibConnect(url, clientOptions(ca))).close();
    leveret.child.kill('SIGTERM');
    assert.equal((await leveret.ended).exit, 0);
  });

  test('reads certificates again on SIGHUP, goes on when they cannot be used, and says so', async (t) => {
    const where = directory.filesOf('hang-up');
    copyFileSync(server.certFile, where.certFile);
    copyFileSync(server.keyFile, where.keyFile);
    const leveret = LeveretProcess.start(t, '--memory', '--config', configuration('hang-up', where));
    await leveret.port();
    const port = tlsPortOf(leveret);
    const standing = await rawClientOverTls(port, clientOptions(ca));
    await standing.open();
    const next = ca.issue('next-by-signal', { subject: '/CN=localhost/OU=next' });
    copyFileSync(next.certFile, where.certFile);
    copyFileSync(next.keyFile, where.keyFile);
    leveret.child.kill('SIGHUP');
    await leveret.printed(/\nLeveret: SIGHUP, new connections get the certificate that the files hold now\n/);
    const fresh = await connectTls(port, clientOptions(ca));
    assert.equal(`${fresh.getPeerCertificate().subject.OU}`, 'next');
    fresh.destroy();
    writeFileSync(where.keyFile, 'nonsense');
    leveret.child.kill('SIGHUP');
    await eventually('a line in the log', async () => leveret.stderr.includes('[error] <tls>'));
    assert.match(
      leveret.stderr,
      /cannot be used: the key file .*hang-up\.key .*; the old certificate, .* stays in use\n/,
    );
    await standing.call('queue.declare', { queue: 'still here' });
    standing.abort();
    leveret.child.kill('SIGTERM');
    assert.equal((await leveret.ended).exit, 0);
  });

  test('tells a SIGHUP that somebody sent from one because the terminal is gone, which ends it', async (t) => {
    const python = '/usr/bin/python3';
    if (isMissing(t, { command: python, args: ['-c', 'import pty'] }, 'python3')) return;
    const script = `
import os, pty, signal, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
printed = b""
def wait_for(text):
    global printed
    while text not in printed:
        printed += os.read(terminal, 4096)
wait_for(b"ready in")
os.kill(pid, signal.SIGHUP)
wait_for(b"SIGHUP, new connections")
os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;
    const leveret = [process.execPath, LEVERET, '--memory', '--config', configuration('terminal', server)];
    assert.deepEqual(await run(t, python, ['-B', '-c', script, ...leveret]), { exit: 0, output: '0\n' });
  });

  test('does not start with files that cannot be used, and says which', async (t) => {
    const path = configuration('missing', { ...server, keyFile: directory.file('none.key') });
    const { exit, stdout, stderr } = await runLeveret(t, '--memory', '--config', path);
    const text = `the key file ${directory.file('none.key')} (ssl_options.keyfile) cannot be read: there is no such file`;
    assert.deepEqual({ exit, stdout, stderr }, { exit: 1, stdout: '', stderr: `leveret: ${text}\n` });
  });
});
