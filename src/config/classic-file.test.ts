import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Findings } from './assignment.ts';
import { readClassic } from './classic-file.ts';
import { readLayer } from './configuration.ts';
import type { Settings } from './settings.ts';

/** Terms of the application rabbit, each line one; and what a file with them comes to. */
function read(...rabbit: string[]): { settings: Settings; findings: Findings } {
  return readFile(`[{rabbit, [\n${rabbit.join(',\n')}\n]}].`);
}

function readFile(content: string): { settings: Settings; findings: Findings } {
  const findings = new Findings();
  const { settings } = readLayer(readClassic('a.config', content, findings), findings);
  return { settings, findings };
}

function settingsOf(...rabbit: string[]): Settings {
  const { settings, findings } = read(...rabbit);
  assert.deepEqual(findings, new Findings());
  return settings;
}

function refused(term: string, fault: string): void {
  assert.deepEqual(read(term).findings.faults, [fault]);
}

const plain = (named: ReadonlyMap<string, unknown> | undefined) => [...named!.values()];

describe('classic keys', () => {
  test('are numbers, atoms, texts and binaries, and fill the settings of rabbitmq.conf', () => {
    const settings = settingsOf(
      '{heartbeat, 580}',
      '{default_user, <<"alice">>}',
      '{default_pass, "se#cret"}',
      '{max_message_size, 16#100000}',
      '{vm_memory_high_watermark_paging_ratio, 0.75}',
      '{connection_max, infinity}',
      '{consumer_timeout, undefined}',
      '{ssl_cert_login_from, common_name}',
    );
    assert.deepEqual(settings, {
      heartbeatSeconds: 580,
      defaultUser: 'alice',
      defaultPassword: 'se#cret',
      maxMessageBytes: 1_048_576,
      memoryPagingRatio: 0.75,
      maxConnections: Number.POSITIVE_INFINITY,
      consumerTimeoutMs: Number.POSITIVE_INFINITY,
      certificateLoginFrom: 'common_name',
    });
  });

  test('with a share or a number of bytes are two settings', () => {
    assert.deepEqual(settingsOf('{vm_memory_high_watermark, 0.5}'), { memoryWatermarkRelative: 0.5 });
    const absolute = { memoryWatermarkAbsolute: 2_000_000_000 };
    assert.deepEqual(settingsOf('{vm_memory_high_watermark, {absolute, "2GB"}}'), absolute);
    assert.deepEqual(settingsOf('{vm_memory_high_watermark, {absolute, 2000000000}}'), absolute);
    assert.deepEqual(settingsOf('{disk_free_limit, 1000000}'), { diskFreeLimitAbsolute: 1_000_000 });
    assert.deepEqual(settingsOf('{disk_free_limit, "1GB"}'), { diskFreeLimitAbsolute: 1_000_000_000 });
    assert.deepEqual(settingsOf('{disk_free_limit, {mem_relative, 1.0}}'), { diskFreeLimitRelative: 1 });
  });

  test('of listeners are ports, and addresses with ports', () => {
    const { tcpListeners, tlsListeners } = settingsOf(
      '{tcp_listeners, [5672, {"127.0.0.1", 5673}, {"::1", 5674}]}',
      '{ssl_listeners, [5671]}',
    );
    assert.deepEqual(plain(tcpListeners), [
      { port: 5672 },
      { host: '127.0.0.1', port: 5673 },
      { host: '::1', port: 5674 },
    ]);
    assert.deepEqual(plain(tlsListeners), [{ port: 5671 }]);
    assert.equal(settingsOf('{tcp_listeners, []}').tcpListeners!.size, 0);
  });

  test('of lists are lists, of which some may be empty', () => {
    assert.deepEqual(settingsOf('{loopback_users, []}'), { loopbackUsers: [] });
    assert.deepEqual(settingsOf('{loopback_users, [<<"guest">>, "bob"]}'), { loopbackUsers: ['guest', 'bob'] });
    assert.deepEqual(settingsOf('{default_user_tags, [monitoring]}'), { defaultUserTags: ['monitoring'] });
    assert.deepEqual(plain(settingsOf("{auth_mechanisms, ['PLAIN', 'EXTERNAL']}").authMechanisms), [
      'PLAIN',
      'EXTERNAL',
    ]);
    assert.deepEqual(settingsOf('{default_permissions, [<<"a">>, <<"b">>, <<"">>]}'), {
      defaultConfigure: 'a',
      defaultWrite: 'b',
      defaultRead: '',
    });
  });

  test('of TLS and of the HTTP API lie within others', () => {
    const ssl = `{ssl_options, [{cacertfile, "/ca.pem"}, {verify, verify_peer}, {fail_if_no_peer_cert, true},
      {versions, ['tlsv1.3', 'tlsv1.2']}, {depth, 2}]}`;
    const { tlsVersions, ...others } = settingsOf(ssl);
    assert.deepEqual(plain(tlsVersions), ['tlsv1.3', 'tlsv1.2']);
    assert.deepEqual(others, {
      tlsCaCertFile: '/ca.pem',
      tlsVerify: 'verify_peer',
      tlsFailIfNoPeerCert: true,
      tlsDepth: 2,
    });
    const http = { managementPort: 15_673, managementHost: '0.0.0.0' };
    for (const key of ['listener', 'tcp_config']) {
      const file = `[{rabbitmq_management, [{${key}, [{port, 15673}, {ip, "0.0.0.0"}]}]}].`;
      assert.deepEqual(readFile(file).settings, http, key);
    }
  });

  test('of levels of the log are those of 3.6, too', () => {
    const { settings, findings } = read('{log_levels, [{connection, error}, {mirroring, none}]}');
    assert.deepEqual(findings, new Findings());
    assert.deepEqual(settings, { logConnectionLevel: 'error', logMirroringLevel: 'none' });
    assert.match(
      read('{log_levels, [{other, info}]}').findings.notices[0]!,
      /rabbit\.log_levels\.other: lines of the log/,
    );
  });

  test('of samples are pairs of how long and how often', () => {
    const policies = '{sample_retention_policies, [{global, [{60, 5}, {3600, 60}]}, {basic, []}]}';
    const { settings, findings } = readFile(`[{rabbitmq_management, [${policies}]}].`);
    assert.deepEqual(
      [findings.faults, [...settings.globalRetention!]],
      [
        [],
        [
          ['60', 5],
          ['3600', 60],
        ],
      ],
    );
  });

  test('of cluster members are told with their type or without', () => {
    const members = "['rabbit@a', 'rabbit@b']";
    for (const term of [`{cluster_nodes, {${members}, disc}}`, `{cluster_nodes, ${members}}`]) {
      assert.deepEqual(plain(settingsOf(term).clusterNodes), ['rabbit@a', 'rabbit@b']);
    }
    assert.deepEqual(settingsOf('{cluster_nodes, {[], disc}}'), {});
    assert.match(
      read("{cluster_nodes, {['rabbit@a'], ram}}").findings.notices[0]!,
      /a\.config:2:32: rabbit\.cluster_nodes\.2: a node that/,
    );
  });
});

describe('what cannot be used', () => {
  test('is named with file, line, column and what is expected, and one fault does not hide the next', () => {
    const { findings } = read(
      '{heartbeat, "60"}',
      '{heartbeet, 60}',
      '{tcp_listeners, [5672, amqp]}',
      '{disk_free_limit, x}',
    );
    assert.deepEqual(findings.faults, [
      'a.config:2:13: rabbit.heartbeat: expected a whole number',
      'a.config:3:13: there is no setting rabbit.heartbeet; did you mean rabbit.heartbeat?',
      'a.config:4:24: rabbit.tcp_listeners: expected a port, or {"ADDRESS", PORT}',
      'a.config:5:19: rabbit.disk_free_limit: expected a number of bytes, or a text such as "2GB"',
    ]);
  });

  for (const [term, fault] of [
    ['{heartbeat, -1}', 'a.config:2:13: heartbeat = -1: expected seconds as a whole number'],
    [
      '{vm_memory_high_watermark, {relative, 0.4}}',
      'a.config:2:39: there is no setting rabbit.vm_memory_high_watermark.relative; did you mean rabbit.vm_memory_high_watermark.absolute?',
    ],
    [
      '{ssl_options, [{verify, peer}]}',
      'a.config:2:25: ssl_options.verify = peer: expected one of verify_none, verify_peer',
    ],
    [
      '{auth_mechanisms, "PLAIN"}',
      'a.config:2:19: rabbit.auth_mechanisms: expected a list, of which each is one of EXTERNAL, AMQPLAIN, PLAIN',
    ],
    [
      '{default_pass, {encrypted, <<"x">>}}',
      'a.config:2:16: rabbit.default_pass: an encrypted value cannot be read; write it as it is',
    ],
    ['heartbeat', 'a.config:2:1: expected {KEY, VALUE} in rabbit'],
  ] as const) {
    test(term, () => refused(term, fault));
  }

  test('is what is no list of applications, too', () => {
    for (const [content, fault] of [
      ['{rabbit, []}.', 'a.config:1:1: expected a list of applications: [{rabbit, [{KEY, VALUE}]}].'],
      ['[rabbit].', 'a.config:1:2: expected {APPLICATION, [{KEY, VALUE}]}'],
      ['[]. [].', 'a.config:1:5: expected nothing behind the list of applications'],
      ['[{rabbit, [{heartbeat, 1},]}].', 'a.config:1:27: there is a comma in front of this ]'],
    ] as const) {
      assert.deepEqual(readFile(content).findings.faults, [fault]);
    }
    assert.deepEqual(readFile('% nothing').settings, {});
  });
});

test('keys of RabbitMQ that mean nothing here are accepted, with a notice of what happens instead', () => {
  const { settings, findings } = readFile(`[
    {rabbit, [{hipe_compile, true}, {tcp_listen_options, [binary, {packet, raw}, {backlog, 128}]}]},
    {kernel, [{inet_dist_listen_min, 9100}]}].`);
  assert.deepEqual(settings, {});
  assert.deepEqual(findings.faults, []);
  assert.equal(findings.notices.length, 3);
  assert.equal(
    findings.notices[0],
    'a.config:2:30: rabbit.hipe_compile: what is run often is always compiled, by Node’s JIT',
  );
});

test('and those are refused without which somebody would be missing something', () => {
  const { findings } = readFile(
    '[{rabbit, [{auth_backends, [rabbit_auth_backend_ldap]}]}, {rabbitmq_mqtt, [{exchange, <<"a">>}]}].',
  );
  assert.equal(findings.faults.length, 2);
  assert.match(findings.faults[0]!, /^a\.config:1:28: rabbit\.auth_backends: users are kept by the broker alone/);
  assert.match(findings.faults[1]!, /^a\.config:1:87: rabbitmq_mqtt\.exchange: this protocol is not spoken/);
  assert.deepEqual(read('{auth_backends, [rabbit_auth_backend_internal]}').findings, new Findings());
});
