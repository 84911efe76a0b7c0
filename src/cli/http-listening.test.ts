import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Configuration } from '../config/configuration.ts';
import type { SettingName, Settings } from '../config/settings.ts';
import { readSettings } from '../config/test-settings.ts';
import { httpListening } from './http-listening.ts';
import { allAddresses } from './listening-options.ts';

/** As a file with these lines says it. */
function fromFile(...lines: string[]): Configuration {
  const settings: Settings = readSettings('test.conf', lines.join('\n'));
  return { settings, given: new Map((Object.keys(settings) as SettingName[]).map((name) => [name, []])) };
}

const CERTIFICATE = ['prometheus.ssl.certfile = a.pem', 'prometheus.ssl.verify = verify_peer'];
const certificate = { certFile: 'a.pem', verify: 'verify_peer' };

test('a port alone is one on all addresses, as in RabbitMQ, but for a flag’s', () => {
  const configuration = fromFile('prometheus.tcp.port = 9');
  assert.deepEqual(httpListening(configuration, {}, 'prometheus'), { port: 9, host: allAddresses() });
  assert.deepEqual(httpListening(configuration, { prometheusPort: '9' }, 'prometheus'), { port: 9 });
  assert.deepEqual(httpListening(fromFile(), {}, 'prometheus'), {});
  assert.deepEqual(httpListening(fromFile(), { port: '0' }, 'prometheus'), { port: 0 });
});

test('a certificate alone is TLS alone, and both are both', () => {
  assert.deepEqual(httpListening(fromFile(...CERTIFICATE), {}, 'prometheus'), { tls: certificate });
  assert.deepEqual(httpListening(fromFile(...CERTIFICATE), { port: '0' }, 'prometheus'), {
    tls: { ...certificate, port: 0 },
  });
  const lines = ['prometheus.tcp.ip = ::1', 'prometheus.ssl.ip = 127.0.0.1', 'prometheus.ssl.port = 8'];
  assert.deepEqual(httpListening(fromFile(...CERTIFICATE, ...lines), {}, 'prometheus'), {
    host: '::1',
    tls: { ...certificate, host: '127.0.0.1', port: 8 },
  });
  assert.deepEqual(httpListening(fromFile(...CERTIFICATE, 'prometheus.ssl.port = 8'), {}, 'prometheus'), {
    tls: { ...certificate, host: allAddresses(), port: 8 },
  });
});

test('the HTTP API and the metrics have settings of their own, and none is passed over', () => {
  assert.deepEqual(httpListening(fromFile(...CERTIFICATE), {}, 'management'), {});
  for (const [line, message] of [
    ['management.ssl.port = 1', 'management.ssl.port needs a certificate: set management.ssl.certfile'],
    ['management.ssl.ciphers.1 = A', 'management.ssl.ciphers needs a certificate: set management.ssl.certfile'],
  ] as const) {
    assert.throws(() => httpListening(fromFile(line), {}, 'management'), { message });
  }
});
