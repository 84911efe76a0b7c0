import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Environment } from '../config/environment.ts';
import { brokerOptions } from './broker-options.ts';
import { effectiveConfiguration } from './effective-configuration.ts';
import type { ServeFlags } from './serve-options.ts';

/** A folder with these files in it. */
function folder(t: TestContext, files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-sources-'));
  t.after(() => rmSync(directory, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), content);
  }
  return directory;
}

/** What a start with these flags and variables would go by, without a fault. */
async function effective(flags: ServeFlags, environment: Environment = {}) {
  const configuration = await effectiveConfiguration(flags, environment);
  assert.deepEqual(configuration.findings.faults, []);
  return configuration;
}

async function listenersOf(flags: ServeFlags, environment: Environment = {}): Promise<string[]> {
  const { tcpListeners } = (await effective(flags, environment)).settings;
  return Array.from(tcpListeners ?? [], ([name, { host = '*', port }]) => `${name} ${host}:${port}`);
}

test('the command line goes before our variables, these before RabbitMQ’s, then the advanced file, then the file', async (t) => {
  const directory = folder(t, {
    'rabbitmq.conf': 'default_user = file\ndefault_pass = file\ndefault_vhost = file\nheartbeat = 1\nchannel_max = 1',
    'advanced.config':
      '[{rabbit, [{default_user, <<"advanced">>}, {default_pass, <<"advanced">>}, {default_vhost, <<"advanced">>}, {heartbeat, 2}]}].',
  });
  const environment = {
    RABBITMQ_DEFAULT_USER: 'rabbit',
    RABBITMQ_DEFAULT_PASS: 'rabbit',
    RABBITMQ_DEFAULT_VHOST: 'rabbit',
    LEVERET_DEFAULT_USER: 'ours',
    LEVERET_DEFAULT_PASS: 'ours',
  };
  const flags = { config: join(directory, 'rabbitmq.conf'), defaultUser: 'flag' };
  const { settings, given } = await effective(flags, environment);
  assert.deepEqual(settings, {
    defaultUser: 'flag',
    defaultPassword: 'ours',
    defaultVhost: 'rabbit',
    heartbeatSeconds: 2,
    channelMax: 1,
  });
  const origins = ['defaultUser', 'defaultPassword', 'defaultVhost', 'heartbeatSeconds', 'channelMax'] as const;
  assert.deepEqual(
    origins.map((name) => given.get(name)![0]!.origin.replace(directory, '')),
    ['--default-user', 'LEVERET_DEFAULT_PASS', 'RABBITMQ_DEFAULT_VHOST', '/advanced.config:1:121', '/rabbitmq.conf:5'],
  );
});

test('RabbitMQ’s variables of listeners count where no file says any, as in RabbitMQ', async (t) => {
  const environment = { RABBITMQ_NODE_PORT: '5673', RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1' };
  const config = join(folder(t, { 'a.conf': 'listeners.tcp.1 = 5674' }), 'a.conf');
  assert.deepEqual(await listenersOf({}, environment), ['default 127.0.0.1:5673']);
  assert.deepEqual(await listenersOf({ config }, environment), ['1 *:5674']);
  assert.deepEqual(await listenersOf({ config }, { ...environment, LEVERET_LISTENERS_TCP_X: '7' }), ['x *:7']);
});

test('--port and --host take the place of all listeners without TLS; the first says what they leave out', async (t) => {
  const config = join(
    folder(t, { 'a.conf': 'listeners.tcp.a = ::1:1\nlisteners.tcp.b = 2\nlisteners.ssl.c = 3' }),
    'a.conf',
  );
  assert.deepEqual(await listenersOf({ port: '0' }), ['default 127.0.0.1:0']);
  assert.deepEqual(await listenersOf({ host: '0.0.0.0' }), ['default 0.0.0.0:5672']);
  assert.deepEqual(await listenersOf({ config, port: '9' }), ['a ::1:9']);
  assert.deepEqual(await listenersOf({ config, host: '127.0.0.1' }), ['a 127.0.0.1:1']);
  assert.deepEqual(await listenersOf({ port: '9' }, { RABBITMQ_NODE_PORT: '5' }), ['default *:9']);
});

test('a file is named with what its name ends in or without, and is read by what is in it', async (t) => {
  const directory = folder(t, {
    'a.conf': 'heartbeat = 1',
    'b.config': '%% classic\n[{rabbit, [{heartbeat, 2}]}].',
    'terms.conf': '[{rabbit, [{heartbeat, 3}]}].',
  });
  const heartbeat = async (name: string) =>
    (await effective({ config: join(directory, name) })).settings.heartbeatSeconds;
  const names = ['a', 'a.conf', 'b', 'b.config', 'terms.conf'];
  assert.deepEqual(await Promise.all(names.map(heartbeat)), [1, 1, 2, 2, 3]);
  assert.equal((await effective({}, { RABBITMQ_CONFIG_FILE: join(directory, 'b') })).settings.heartbeatSeconds, 2);
});

test('files beside the file are found, but none beside one in Erlang terms that would go before it', async (t) => {
  const directory = folder(t, {
    'rabbitmq.conf': '',
    'rabbitmq.config': '[].',
    'advanced.config': '[{rabbit, [{heartbeat, 2}]}].',
    enabled_plugins: '[rabbitmq_prometheus].',
    'other.config': '[{rabbit, [{heartbeat, 3}]}].',
  });
  const found = await effective({ config: join(directory, 'rabbitmq.conf') });
  assert.equal(found.settings.heartbeatSeconds, 2);
  assert.deepEqual(found.plugins?.management, false);
  assert.equal((await effective({ config: join(directory, 'rabbitmq.config') })).settings.heartbeatSeconds, undefined);
  const named = { config: join(directory, 'rabbitmq.conf'), advancedConfig: join(directory, 'other.config') };
  assert.equal((await effective(named)).settings.heartbeatSeconds, 3);
  const variable = { RABBITMQ_ADVANCED_CONFIG_FILE: join(directory, 'other.config') };
  assert.equal((await effective({}, variable)).settings.heartbeatSeconds, 3);
});

test('conf.d is read behind the file, in the order of names, and include in its place', async (t) => {
  const directory = folder(t, {
    'rabbitmq.conf': 'heartbeat = 1\ninclude more/*.conf\nchannel_max = 1\nlisteners.tcp.a = 1',
    'more/x.conf': 'heartbeat = 2\nchannel_max = 2',
    'conf.d/20-b.conf': 'frame_max = 20000\nlisteners.tcp.b = 2',
    'conf.d/10-a.conf': 'frame_max = 10000',
    'conf.d/README': 'this is not read',
  });
  const config = join(directory, 'rabbitmq.conf');
  for (const pattern of ['conf.d', 'conf.d/*.conf']) {
    const { settings } = await effective({ config }, { RABBITMQ_CONFIG_FILES: join(directory, pattern) });
    const { heartbeatSeconds, channelMax, frameMaxBytes } = settings;
    assert.deepEqual([heartbeatSeconds, channelMax, frameMaxBytes], [2, 1, 20_000]);
    assert.deepEqual([...settings.tcpListeners!.keys()], ['a', 'b']);
  }
});

test('a file that is not there is a fault, but not where one of RabbitMQ’s variables names it', async (t) => {
  const directory = folder(t, { 'loop.conf': 'include loop.conf', 'gone.conf': 'include nowhere.conf' });
  const none = join(directory, 'none');
  const fault = async (flags: ServeFlags, environment: Environment = {}) =>
    (await effectiveConfiguration(flags, environment)).findings.faults[0]!;
  assert.match(await fault({ config: none }), /^--config \S+none cannot be read: ENOENT/);
  const variable = { LEVERET_ENABLED_PLUGINS_FILE: none };
  assert.match(await fault({}, variable), /^LEVERET_ENABLED_PLUGINS_FILE \S+ cannot be read/);
  const gone = /gone\.conf:1: include nowhere\.conf: there is no such file$/;
  assert.match(await fault({ config: join(directory, 'gone.conf') }), gone);
  assert.match(await fault({ config: join(directory, 'loop.conf') }), /more than 20 files include each other$/);
  for (const name of ['RABBITMQ_CONFIG_FILE', 'RABBITMQ_CONFIG_FILES', 'RABBITMQ_ENABLED_PLUGINS_FILE']) {
    const { findings } = await effective({}, { [name]: none });
    assert.deepEqual(findings.notices, [`${name}: there is no ${none}; nothing is read`]);
  }
  assert.match(await fault({}, { LEVERET_CONFIG_FILES: none }), /^LEVERET_CONFIG_FILES \S+none cannot be read: ENOENT/);
});

test('the data directory below RABBITMQ_MNESIA_BASE is called after the node, whoever names that', async (t) => {
  const config = join(folder(t, { 'a.conf': 'node_name = c@d' }), 'a.conf');
  const environment = { RABBITMQ_MNESIA_BASE: '/mnesia' };
  assert.equal((await effective({}, environment)).settings.dataDir, `/mnesia/leveret@${hostname()}`);
  assert.equal((await effective({ nodeName: 'a@b' }, environment)).settings.dataDir, '/mnesia/a@b');
  assert.equal((await effective({ config }, environment)).settings.dataDir, '/mnesia/c@d');
  assert.equal((await effective({}, { ...environment, RABBITMQ_MNESIA_DIR: '/dir' })).settings.dataDir, '/dir');
});

test('a port alone is one on all addresses where a file or a variable has it, and on this machine’s own for a flag', async (t) => {
  const config = join(folder(t, { 'a.conf': 'listeners.tcp.1 = 5672\nmanagement.tcp.port = 15672' }), 'a.conf');
  const options = async (flags: ServeFlags, environment: Environment = {}) =>
    brokerOptions(await effective(flags, environment), flags);
  const all = /^(::|0\.0\.0\.0)$/;
  const fromFile = await options({ config });
  assert.match(fromFile.listeners![0]!.host!, all);
  assert.match(fromFile.management!.host!, all);
  assert.match((await options({}, { RABBITMQ_NODE_PORT: '5672' })).listeners![0]!.host!, all);
  assert.match((await options({}, { LEVERET_MANAGEMENT_TCP_PORT: '1' })).management!.host!, all);
  const flagged = await options({ port: '5672', managementPort: '1' });
  assert.equal(flagged.listeners![0]!.host, '127.0.0.1');
  assert.equal(flagged.management!.host, undefined);
  assert.equal((await options({})).listeners![0]!.host, undefined);
});

test('the HTTP API is there unless a file of plugins leaves it out, or a flag says otherwise', async (t) => {
  const directory = folder(t, { with: '[rabbitmq_management].', without: '[].' });
  const has = async (flags: ServeFlags) => brokerOptions(await effective(flags), flags).management !== undefined;
  assert.equal(await has({}), true);
  assert.equal(await has({ enabledPlugins: join(directory, 'with') }), true);
  assert.equal(await has({ enabledPlugins: join(directory, 'without') }), false);
  assert.equal(await has({ enabledPlugins: join(directory, 'without'), managementPort: '0' }), true);
  assert.equal(await has({ enabledPlugins: join(directory, 'with'), withoutManagement: true }), false);
});

test('so it is with the metrics', async (t) => {
  const directory = folder(t, { with: '[rabbitmq_prometheus].', without: '[rabbitmq_management].' });
  const has = async (flags: ServeFlags) => brokerOptions(await effective(flags), flags).prometheus !== undefined;
  assert.equal(await has({}), true);
  assert.equal(await has({ enabledPlugins: join(directory, 'with') }), true);
  assert.equal(await has({ enabledPlugins: join(directory, 'without') }), false);
  assert.equal(await has({ enabledPlugins: join(directory, 'without'), prometheusPort: '0' }), true);
  assert.equal(await has({ withoutPrometheus: true }), false);
});

test('a list of cluster members may name this node alone: there are no clusters yet', async () => {
  const start = async (environment: Environment) => brokerOptions(await effective({}, environment), {});
  const self = `rabbit@${hostname()}`;
  await start({ LEVERET_CLUSTER_FORMATION_CLASSIC_CONFIG_NODES_1: self });
  const two = { LEVERET_CLUSTER_FORMATION_CLASSIC_CONFIG_NODES_2: 'rabbit@elsewhere' };
  const message = /names rabbit@elsewhere: clusters are not there yet; leave out all but this node, leveret@/;
  await assert.rejects(start(two), message);
  const both = { ...two, LEVERET_CLUSTER_FORMATION_CLASSIC_CONFIG_NODES_1: self, RABBITMQ_NODENAME: self };
  await assert.rejects(start(both), /names rabbit@elsewhere: /);
});
