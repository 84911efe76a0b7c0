/**
 * What clients see of TLS, side by side with RabbitMQ 3.10.8: the same certificates, the same users, the same words. Where the
 * two differ, both answers stand here, with the reason; docs/tls.md has them for users.
 */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import { userNameOf } from '../../src/auth/external.ts';
import { type Broker, startBroker } from '../../src/broker.ts';
import { DEFAULT_CERTIFICATE_LOGIN } from '../../src/config/login-options.ts';
import { eventually } from '../conformance/waiting.ts';
import { isRabbitMqInstalled, type RabbitMq, startRabbitMq } from '../differential/rabbitmq.ts';
import { type OpenOptions, RawClient } from '../differential/raw-client.ts';
import { PROTOCOL_HEADER } from '../differential/wire-format.ts';
import type { Certificate } from './certificates.ts';
import {
  clientOptions,
  connectTls,
  definitionsFor,
  rawClientOverTls,
  seenByTcpClient,
  seenByTlsClient,
  TestCertificates,
} from './tls-clients.ts';

interface Ports {
  readonly plain: number;
  readonly tls: number;
}

/** What both see, or first RabbitMQ's clients, then Leveret's, and why. */
type Expected = string | { readonly rabbitMq: string; readonly leveret: string; readonly because: string };

const NO_ALERT = {
  leveret: 'secured, closed',
  because: 'the runtime looks at a certificate when the handshake is done, and sends no alert',
} as const;
const EXTERNAL: OpenOptions = { mechanism: 'EXTERNAL', response: '' };
const WITHOUT_CAPABILITIES: OpenOptions = { clientProperties: { product: 'old client' } };
const REFUSED =
  'connection.close 403 ACCESS_REFUSED - Login was refused using authentication mechanism EXTERNAL. For details see the broker logfile., closed';

const installed = isRabbitMqInstalled();

describe('TLS, side by side with RabbitMQ', { concurrency: true, skip: !installed && 'no rabbitmq-server' }, () => {
  const certificates = new TestCertificates();
  const { ca, directory } = certificates;
  const nobody = ca.issue('nobody');
  const expired = ca.issue('expired', { subject: '/O=Acme/CN=alice', days: -1 });
  const otherCa = directory.authority('other');
  const stranger = otherCa.issue('stranger', { subject: '/O=Acme/CN=alice' });
  const curious = ca.issue('curious', { subject: '/C=DE/O=a\\+b, "c"/OU=  x /CN=Jürgen~+UID=j', flags: ['-utf8'] });
  const curiousName = userNameOf(new X509Certificate(readFileSync(curious.certFile)).raw, DEFAULT_CERTIFICATE_LOGIN)!;
  const definitions = definitionsFor('guest', 'CN=alice,O=Acme', curiousName);
  let broker: Broker;
  let rabbitMq: RabbitMq;
  let leveretPorts: Ports;
  let rabbitMqPorts: Ports;

  before(async () => {
    broker = await startBroker({
      listeners: [{ port: 0 }, { port: 0, tls: true }],
      memory: true,
      logLevel: 'none',
      definitions,
      tls: { ...certificates.tls, verify: 'verify_peer', failIfNoPeerCert: true },
      authMechanisms: ['EXTERNAL', 'PLAIN', 'AMQPLAIN'],
    });
    leveretPorts = { plain: broker.port, tls: broker.listeners[1]!.port };
    const tls = await freePort();
    const config = [
      `listeners.ssl.1 = 127.0.0.1:${tls}`,
      `ssl_options.cacertfile = ${ca.certFile}`,
      `ssl_options.certfile = ${certificates.server.certFile}`,
      `ssl_options.keyfile = ${certificates.server.keyFile}`,
      'ssl_options.verify = verify_peer',
      'ssl_options.fail_if_no_peer_cert = true',
      ...['EXTERNAL', 'PLAIN', 'AMQPLAIN'].map((name, index) => `auth_mechanisms.${index} = ${name}`),
    ];
    rabbitMq = await startRabbitMq({ config, definitions, plugins: ['rabbitmq_auth_mechanism_ssl'] });
    rabbitMqPorts = { plain: rabbitMq.port, tls };
    const options = clientOptions(ca, certificates.alice);
    await eventually('RabbitMQ to listen with TLS', async () => {
      return seenByTlsClient(tls, options).then((seen) => seen.includes('connection.start'));
    });
  });

  after(async () => {
    await Promise.all([broker?.stop(), rabbitMq?.stop()]);
    certificates.remove();
  });

  async function freePort(): Promise<number> {
    const server = createServer();
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    const { port } = server.address() as { port: number };
    await new Promise((done) => server.close(done));
    return port;
  }

  function same(title: string, see: (ports: Ports) => Promise<string>, expected: Expected): void {
    test(title, async () => {
      const [rabbitMqSeen, leveretSeen] = await Promise.all([see(rabbitMqPorts), see(leveretPorts)]);
      const both = typeof expected === 'string' ? { rabbitMq: expected, leveret: expected } : expected;
      assert.deepEqual([rabbitMqSeen, leveretSeen], [both.rabbitMq, both.leveret]);
    });
  }

  /** A handshake of one version, with the certificate of this client. */
  function handshake(version: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3', own: Certificate | null, trusted: Certificate = ca) {
    const old = version === 'TLSv1.1' ? { ciphers: 'DEFAULT@SECLEVEL=0' } : {};
    const options: ConnectionOptions = { minVersion: version, maxVersion: version, ...old };
    return ({ tls }: Ports) => seenByTlsClient(tls, { ...clientOptions(trusted, own), ...options });
  }

  const { alice } = certificates;
  same('a good certificate, TLS 1.3', handshake('TLSv1.3', alice), 'secured, connection.start, closed');
  same('a good certificate, TLS 1.2', handshake('TLSv1.2', alice), 'secured, connection.start, closed');
  same(
    'no certificate, TLS 1.3',
    handshake('TLSv1.3', null),
    'secured, error ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED, closed',
  );
  same('no certificate, TLS 1.2', handshake('TLSv1.2', null), 'error ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE, closed');
  same('a certificate of an unknown authority, TLS 1.3', handshake('TLSv1.3', stranger), {
    rabbitMq: 'secured, error ERR_SSL_TLSV1_ALERT_UNKNOWN_CA, closed',
    ...NO_ALERT,
  });
  same('a certificate of an unknown authority, TLS 1.2', handshake('TLSv1.2', stranger), {
    rabbitMq: 'error ERR_SSL_TLSV1_ALERT_UNKNOWN_CA, closed',
    ...NO_ALERT,
    leveret: 'closed',
  });
  same('a certificate that has expired', handshake('TLSv1.3', expired), {
    rabbitMq: 'secured, error ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED, closed',
    ...NO_ALERT,
  });
  same(
    'a client that does not trust the broker',
    handshake('TLSv1.3', alice, otherCa),
    'error SELF_SIGNED_CERT_IN_CHAIN, closed',
  );
  same('a client of TLS 1.1', handshake('TLSv1.1', alice), {
    rabbitMq: 'secured, connection.start, closed',
    leveret: 'error ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION, closed',
    because: 'RabbitMQ takes all versions that its Erlang has unless it is told; TLS 1.1 was given up in RFC 8996',
  });

  same('plain AMQP on the port for TLS', ({ tls }) => seenByTcpClient(tls, PROTOCOL_HEADER), {
    rabbitMq: '1503010002020a, closed',
    leveret: 'closed',
    because: 'OpenSSL sends no alert to who does not speak TLS at all',
  });
  const hello = Buffer.concat([Buffer.from('16030100f8010000f40303', 'hex'), Buffer.alloc(242)]);
  same(
    'TLS on the port for plain AMQP is answered with the protocol header',
    ({ plain }) => seenByTcpClient(plain, hello),
    `${PROTOCOL_HEADER.toString('hex')}, closed`,
  );
  same(
    'a client with TLS on the port for plain AMQP',
    ({ plain }) => seenByTlsClient(plain, clientOptions(ca, alice)),
    'error ERR_SSL_WRONG_VERSION_NUMBER, closed',
  );

  /** What follows connection.start-ok, up to connection.open-ok or the end. */
  async function login(client: RawClient, options: OpenOptions): Promise<string> {
    const start = await client.channel(0).expect('connection.start');
    const offered = `${start.args.mechanisms}`.split(' ').sort().join(' ');
    client.startOk(options);
    const seen = [offered];
    for (;;) {
      const { name, args } = await client.channel(0).read();
      if (name === 'connection.close') {
        seen.push(`${name} ${args.replyCode} ${args.replyText}`);
        client.channel(0).send('connection.close-ok');
      } else if (name === 'connection.tune') {
        client.tuneOk(args);
        client.channel(0).send('connection.open', { virtualHost: '/' });
      } else {
        seen.push(name === 'socket closed' ? 'closed' : name);
        client.abort();
        return seen.join(', ');
      }
    }
  }

  function secureLogin(own: Certificate, options: OpenOptions) {
    return async ({ tls }: Ports) => {
      const client = await rawClientOverTls(tls, clientOptions(ca, own));
      client.sendProtocolHeader();
      return login(client, options);
    };
  }

  const ALL = 'AMQPLAIN EXTERNAL PLAIN';
  same('EXTERNAL with a user’s certificate', secureLogin(alice, EXTERNAL), `${ALL}, connection.open-ok`);
  same(
    'EXTERNAL whatever its response says',
    secureLogin(alice, { mechanism: 'EXTERNAL', response: 'guest' }),
    `${ALL}, connection.open-ok`,
  );
  same('PLAIN with a certificate', secureLogin(alice, {}), `${ALL}, connection.open-ok`);
  same('EXTERNAL with a certificate of no user', secureLogin(nobody, EXTERNAL), `${ALL}, ${REFUSED}`);
  same(
    'EXTERNAL with a certificate of no user, from a client that wants no word of it',
    secureLogin(nobody, { ...EXTERNAL, ...WITHOUT_CAPABILITIES }),
    `${ALL}, closed`,
  );
  same(
    'EXTERNAL without TLS',
    async ({ plain }) => {
      const client = await RawClient.connect(plain);
      client.sendProtocolHeader();
      return login(client, EXTERNAL);
    },
    'AMQPLAIN PLAIN, closed',
  );

  same(
    'an orderly close',
    async ({ tls }) => {
      const socket = await connectTls(tls, clientOptions(ca, alice));
      const client = RawClient.over(socket);
      await client.open(EXTERNAL);
      client.channel(0).send('connection.close', { replyCode: 200, replyText: 'bye' });
      const { name } = await client.channel(0).read();
      socket.end();
      return `${name}, ${(await client.channel(0).read()).name}`;
    },
    'connection.close-ok, socket closed',
  );

  same('EXTERNAL with a curious name', secureLogin(curious, EXTERNAL), `${ALL}, connection.open-ok`);
});
