import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Settings } from './settings.ts';
import { readSettings } from './test-settings.ts';

function read(...lines: string[]): Settings {
  return readSettings('leveret.conf', lines.join('\n'));
}

function refused(line: string, message: string): void {
  assert.throws(() => read('# a comment', line), { message: `leveret.conf:2: ${message}` });
}

describe('settings of which there may be several', () => {
  test('each have a name of the user’s own, and the last word on a name counts', () => {
    const { tcpListeners } = read(
      'listeners.tcp.default = 5672',
      'listeners.tcp.local_v6 = ::1:5673',
      'listeners.tcp.default = 127.0.0.2:5674',
    );
    assert.deepEqual(
      [...tcpListeners!],
      [
        ['default', { host: '127.0.0.2', port: 5674 }],
        ['local_v6', { host: '::1', port: 5673 }],
      ],
    );
  });

  test('may be none, whatever stands before or behind it, as in RabbitMQ', () => {
    for (const other of ['listeners.tcp.default = 5672', '']) {
      assert.equal(read(other, 'listeners.tcp = none').tcpListeners?.size, 0);
      assert.equal(read('listeners.tcp = none', other).tcpListeners?.size, 0);
    }
  });

  test('name what is wrong with one of them, with its own name', () => {
    refused('listeners.ssl.public = amqps', 'listeners.ssl.public = amqps: expected a port, or ADDRESS:PORT');
    refused('listeners.tcp = 5672', 'listeners.tcp = 5672: expected none, or listeners.tcp.NAME in front of it');
    refused('auth_mechanisms.1 = plain', 'auth_mechanisms.1 = plain: expected one of EXTERNAL, AMQPLAIN, PLAIN');
    const versions = 'tlsv1.3, tlsv1.2, tlsv1.1, tlsv1';
    refused('ssl_options.versions.1 = tls1.2', `ssl_options.versions.1 = tls1.2: expected one of ${versions}`);
  });

  test('are not there without a name, and a misspelt one is told the nearest', () => {
    refused('listeners.tcp. = 5672', 'there is no setting listeners.tcp.; did you mean listeners.tcp.NAME?');
    refused(
      'listeners.tpc.default = 1',
      'there is no setting listeners.tpc.default; did you mean listeners.tcp.default?',
    );
    refused('auth_mechanisms = none', 'there is no setting auth_mechanisms; did you mean auth_mechanisms.NAME?');
  });
});

describe('loopback_users', () => {
  for (const [lines, users] of [
    [['loopback_users.guest = false'], []],
    [['loopback_users.guest = true'], ['guest']],
    [
      ['loopback_users.guest = true', 'loopback_users.alice = true', 'loopback_users.bob = false'],
      ['guest', 'alice'],
    ],
    [
      ['loopback_users.1 = alice', 'loopback_users.2 = bob'],
      ['alice', 'bob'],
    ],
    [['loopback_users = none'], []],
    [['loopback_users = none', 'loopback_users.guest = true'], []],
    [['loopback_users.guest = true', 'loopback_users = none'], []],
    [['loopback_users.a.dotted.name = true'], ['a.dotted.name']],
  ] as const) {
    test(`${lines.join(', ')}: ${users.join(', ') || 'nobody'}`, () => {
      assert.deepEqual(read(...lines).loopbackUsers, users);
    });
  }

  test('are the default when nothing is said', () => {
    assert.equal(read().loopbackUsers, undefined);
  });

  test('are refused in any other form', () => {
    const expected = 'expected true or false, or a number in place of the name, and the name here';
    refused('loopback_users.guest = no', `loopback_users.guest = no: ${expected}`);
    refused('loopback_users = guest', 'loopback_users = guest: expected none, or loopback_users.NAME in front of it');
  });
});

describe('TLS', () => {
  test('has RabbitMQ’s settings', () => {
    const { tlsVersions, tlsCiphers, ...others } = read(
      'ssl_options.cacertfile = /ca.pem',
      'ssl_options.certfile   = /cert.pem',
      'ssl_options.keyfile    = /key.pem',
      'ssl_options.password   = "a # b"',
      'ssl_options.verify     = verify_peer',
      'ssl_options.fail_if_no_peer_cert = true',
      'ssl_options.depth = 2',
      'ssl_options.versions.1 = tlsv1.3',
      'ssl_options.ciphers.1 = TLS_AES_256_GCM_SHA384',
      'ssl_options.honor_cipher_order = false',
      'ssl_handshake_timeout = 1000',
      'ssl_cert_login_from = subject_alt_name',
      'ssl_cert_login_san_type = email',
      'ssl_cert_login_san_index = 1',
    );
    assert.deepEqual(others, {
      tlsCaCertFile: '/ca.pem',
      tlsCertFile: '/cert.pem',
      tlsKeyFile: '/key.pem',
      tlsPassword: 'a # b',
      tlsVerify: 'verify_peer',
      tlsFailIfNoPeerCert: true,
      tlsDepth: 2,
      tlsHonorCipherOrder: false,
      tlsHandshakeTimeoutMs: 1000,
      certificateLoginFrom: 'subject_alternative_name',
      certificateNameType: 'email',
      certificateNameIndex: 1,
    });
    assert.deepEqual([...tlsVersions!.values()], ['tlsv1.3']);
    assert.deepEqual([...tlsCiphers!.values()], ['TLS_AES_256_GCM_SHA384']);
  });

  test('has flags that are true or false, and nothing else', () => {
    const key = 'ssl_options.fail_if_no_peer_cert';
    refused(`${key} = yes`, `${key} = yes: expected true or false`);
  });
});
