import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkConfiguration } from './configuration-check.ts';

/** What is said of files of these contents, without the folder that they are in; DIR stands for it. */
function check(t: TestContext, files: Readonly<Record<string, string>>, ...paths: string[]) {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-check-'));
  t.after(() => rmSync(directory, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(directory, name), content.replaceAll('DIR', directory));
  }
  const { findings, counts } = checkConfiguration(paths.map((name) => join(directory, name)));
  const short = (text: string) => text.replaceAll(`${directory}/`, '');
  return {
    faults: findings.faults.map(short),
    notices: findings.notices.map(short),
    counts: counts.map(([path, count]) => [short(path), count]),
  };
}

test('files that can be used are counted, each by itself, with what is to be told', (t) => {
  const files = {
    'a.conf': 'heartbeat = 1\nlisteners.tcp.1 = 1\nlisteners.tcp.2 = 2\nhipe_compile = true',
    'b.config': '[{rabbit, [{heartbeat, 2}]}].',
    enabled_plugins: '[rabbitmq_management].',
  };
  const { faults, notices, counts } = check(t, files, ...Object.keys(files));
  assert.deepEqual(faults, []);
  assert.deepEqual(notices, ['a.conf:4: hipe_compile: what is run often is always compiled, by Node’s JIT']);
  assert.deepEqual(counts, [
    ['a.conf', 3],
    ['b.config', 1],
    ['enabled_plugins', 0],
  ]);
});

test('every fault of every file is told, and of the files that they name', (t) => {
  const files = {
    'a.conf':
      'heartbeet = 1\nlisteners.ssl.1 = 5671\nload_definitions = DIR/definitions.json\ndefault_permissions.read = (\nauth_backends.1 = ldap',
    'b.config': "[{rabbit, [{cluster_nodes, ['rabbit@a', 'rabbit@b']}, {frame_max, many}]}].",
    enabled_plugins: '[rabbitmq_mqtt].',
    'definitions.json': '{"users": 5}',
  };
  const { faults } = check(t, files, 'a.conf', 'b.config', 'enabled_plugins');
  const expected = [
    /^a\.conf:1: there is no setting heartbeet; did you mean heartbeat\?$/,
    /^a\.conf:5: auth_backends\.1 = ldap: users are kept by the broker alone/,
    /^b\.config:1:67: rabbit\.frame_max: expected a number of bytes/,
    /^enabled_plugins:1:2: the plugin rabbitmq_mqtt is not there/,
    /^a\.conf:3: load_definitions = definitions\.json: definitions: users: /,
    /^a\.conf:2: listeners\.ssl\.1 = 5671: a listener with TLS needs a certificate/,
    /^a\.conf:4: default_permissions\.read = \(: invalid regular expression/,
    /^b\.config:1:29: cluster_formation\.classic_config\.nodes names rabbit@a, rabbit@b: clusters are not there yet/,
  ];
  for (const [index, pattern] of expected.entries()) assert.match(faults[index] ?? '', pattern);
  assert.equal(faults.length, expected.length);
});

test('files that are not there are told, those that are named and those that these name', (t) => {
  const certificate = 'ssl_options.certfile = /nowhere/cert.pem';
  assert.match(
    check(t, { 'a.conf': certificate }, 'a.conf').faults[0]!,
    /^a\.conf:1: ssl_options\.certfile = \S+: ENOENT/,
  );
  assert.match(check(t, {}, 'none').faults[0]!, /^none: ENOENT/);
});

test('a certificate that is none is told with what is wrong with it', (t) => {
  const files = {
    'a.conf': 'listeners.ssl.1 = 5671\nssl_options.certfile = DIR/cert.pem',
    'cert.pem': 'no certificate',
  };
  const { faults } = check(t, files, 'a.conf');
  assert.equal(faults.length, 1);
  assert.match(faults[0]!, /^a\.conf:2: ssl_options\.certfile = cert\.pem: /);
});

test('a member of a cluster beside this node is a fault, wherever the name of the node stands', (t) => {
  const members = 'cluster_formation.classic_config.nodes.1 = a@here';
  assert.deepEqual(check(t, { 'a.conf': `${members}\nnode_name = a@here` }, 'a.conf').faults, []);
  assert.equal(check(t, { 'a.conf': `${members}\nnode_name = a@there` }, 'a.conf').faults.length, 1);
});
