/**
 * Files and variables as they are brought along from RabbitMQ: a container's, a playbook's for servers, and a classic file that
 * has been there since 3.6. Each is one that RabbitMQ 3.10 takes, too.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { brokerEnvironment } from '../broker-environment.ts';
import { RawClient } from '../differential/raw-client.ts';
import { LEVERET, LeveretProcess, runLeveret } from './leveret-process.ts';

const FOLDER = join(import.meta.dirname, 'configurations');
const [DOCKER, SERVERS, CLASSIC] = ['docker', 'servers', 'classic'].map((name) => join(FOLDER, name)) as [
  string,
  string,
  string,
];

function leveret(t: TestContext, variables: NodeJS.ProcessEnv, ...args: string[]): LeveretProcess {
  const env = { ...brokerEnvironment(), ...variables };
  return new LeveretProcess(t, process.execPath, [LEVERET, ...args], { env });
}

/** What the broker offers to somebody who has logged in. */
async function tuned(port: number, user: string, password: string) {
  const client = await RawClient.connect(port);
  client.sendProtocolHeader();
  await client.channel(0).expect('connection.start');
  client.startOk({ user, password });
  const { args } = await client.channel(0).expect('connection.tune');
  client.abort();
  return args;
}

test('a container’s variables and conf.d give it its user, its vhost and all interfaces', async (t) => {
  const variables = {
    RABBITMQ_CONFIG_FILE: join(DOCKER, 'rabbitmq'),
    RABBITMQ_CONFIG_FILES: join(DOCKER, 'conf.d'),
    RABBITMQ_DEFAULT_USER: 'shop',
    RABBITMQ_DEFAULT_PASS: 'secret',
    RABBITMQ_NODENAME: 'rabbit',
    LEVERET_LISTENERS_TCP_DEFAULT: '0',
    LEVERET_MANAGEMENT_TCP_PORT: '0',
  };
  const broker = leveret(t, variables, '--memory');
  const port = await broker.port();
  assert.match(broker.stdout, /listens on +amqp:\/\/(\[::\]|0\.0\.0\.0):\d+$/m);
  const [, httpPort] = /HTTP API +http:\/\/\S*:(\d+)\/api\/$/m.exec(broker.stdout)!;
  assert.equal((await tuned(port, 'shop', 'secret')).heartbeat, 30);
  const headers = { authorization: `Basic ${btoa('shop:secret')}` };
  const get = async (path: string) => (await fetch(`http://127.0.0.1:${httpPort}/api/${path}`, { headers })).json();
  assert.deepEqual(
    ((await get('vhosts')) as { name: string }[]).map(({ name }) => name),
    ['orders'],
  );
  assert.equal(((await get('overview')) as { node: string }).node, `rabbit@${hostname()}`);
  assert.match(
    broker.stderr,
    /20-management_agent\.disable_metrics_collector\.conf:2: .*: figures and rates are always there$/m,
  );
});

test('a playbook’s files are read with the advanced one and the plugins beside them', async (t) => {
  const ports = ['--port', '0', '--management-port', '0'];
  const broker = leveret(t, {}, '--config', join(SERVERS, 'rabbitmq.conf'), '--memory', ...ports);
  const { heartbeat, channelMax } = await tuned(await broker.port(), 'ops', 'ops2026');
  assert.deepEqual([heartbeat, channelMax], [45, 512], 'the advanced file goes before the other');
  assert.match(broker.stdout, /HTTP API/);
  assert.match(broker.stderr, /advanced\.config:4:34: rabbit\.credit_flow_default_credit: publishers are slowed by/);
});

test('a classic file gives the broker what it gave RabbitMQ', async (t) => {
  const ports = ['--port', '0', '--management-port', '0'];
  const broker = leveret(t, { RABBITMQ_CONFIG_FILE: join(CLASSIC, 'rabbitmq') }, '--memory', ...ports);
  const { heartbeat, channelMax } = await tuned(await broker.port(), 'legacy', 's3cr"et');
  assert.deepEqual([heartbeat, channelMax], [580, 128]);
});

test('leveret config check takes all of them, and says what happens instead of what cannot be', async (t) => {
  const files = [
    join(DOCKER, 'rabbitmq.conf'),
    join(SERVERS, 'rabbitmq.conf'),
    join(SERVERS, 'advanced.config'),
    join(CLASSIC, 'rabbitmq.config'),
    join(SERVERS, 'enabled_plugins'),
  ];
  const { exit, stdout, stderr } = await runLeveret(t, 'config', 'check', ...files);
  assert.deepEqual([exit, stderr], [0, '']);
  assert.match(stdout, /^notice: \S+classic\/rabbitmq\.config:43:19: rabbit\.hipe_compile: what is run often/m);
  assert.match(stdout, /^\S+servers\/rabbitmq\.conf: can be used; \d\d settings$/m);
  assert.match(stdout, /^\S+servers\/advanced\.config: can be used; 1 setting$/m);
});

test('leveret config check ends with 1 for files that cannot be used, and says why', async (t) => {
  const { exit, stdout, stderr } = await runLeveret(t, 'config', 'check', join(SERVERS, 'rabbitmq.conf'), 'none.conf');
  assert.deepEqual([exit, stdout.split('\n').every((line) => line === '' || line.startsWith('notice: '))], [1, true]);
  assert.match(stderr, /^leveret: none\.conf: ENOENT.*\n$/);
});

test('leveret config show tells every value that is in force and who says so, and no password', async (t) => {
  const file = join(CLASSIC, 'rabbitmq.config');
  const variables = { LEVERET_CHANNEL_MAX: '9' };
  const { exit, stdout } = await leveret(t, variables, 'config', 'show', '--config', file, '--port', '0').ended;
  assert.equal(exit, 0);
  const line = (key: string) =>
    stdout.split('\n').find((one) => one.startsWith(`${key} `) || one.startsWith(`# ${key} `));
  assert.match(line('channel_max')!, /^channel_max = 9 +# LEVERET_CHANNEL_MAX$/);
  assert.match(line('heartbeat')!, /^heartbeat = 580 +# \S+classic\/rabbitmq\.config:25:16$/);
  assert.match(line('listeners.tcp.1')!, /^listeners\.tcp\.1 = 127\.0\.0\.1:0 +# --port$/);
  assert.match(line('default_pass')!, /^default_pass = \(hidden\) +# /);
  assert.match(line('max_message_size')!, /^max_message_size = 134217728 +# default$/);
  assert.equal(
    line('disk_free_limit.absolute'),
    '# disk_free_limit.absolute is not set',
    'a share is in force instead',
  );
  assert.equal(line('ssl_options.certfile'), '# ssl_options.certfile is not set');
  assert.doesNotMatch(stdout, /s3cr/);
  const json = await leveret(t, variables, 'config', 'show', '--json').ended;
  const shown = JSON.parse(json.stdout) as { key: string }[];
  const expected = { key: 'channel_max', value: '9', source: 'LEVERET_CHANNEL_MAX' };
  assert.deepEqual(
    shown.find(({ key }) => key === 'channel_max'),
    expected,
  );
});

test('a variable that nobody knows, and a file with two faults, stop a start with all that is wrong', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-faults-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'a.conf');
  writeFileSync(file, 'heartbeet = 1\nchannel_max = many\n');
  const { exit, stdout, stderr } = await leveret(t, { LEVERET_HEARTBEET: '1' }, '--config', file, '--memory').ended;
  assert.deepEqual([exit, stdout], [1, '']);
  assert.deepEqual(stderr.trimEnd().split('\n'), [
    `leveret: ${file}:1: there is no setting heartbeet; did you mean heartbeat?`,
    `leveret: ${file}:2: channel_max = many: expected a whole number, or infinity`,
    'leveret: there is no variable LEVERET_HEARTBEET; did you mean LEVERET_HEARTBEAT?',
  ]);
});

test('a start with a file that has no listener says that only this machine can connect', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-listener-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'a.conf');
  writeFileSync(file, 'heartbeat = 30\n');
  const told = /from this machine only: no listeners\.tcp\.NAME is set$/m;
  const flagged = leveret(t, {}, '--config', file, '--memory', '--port', '0');
  await flagged.port();
  assert.doesNotMatch(flagged.stdout, told, 'a flag says where to listen');
  const unsaid = leveret(t, {}, '--config', file, '--memory', '--without-management', '--without-prometheus');
  const isUp = await unsaid.printed(/ready in/).then(
    () => true,
    () => false,
  );
  if (!isUp && /127\.0\.0\.1:5672 is in use/.test(unsaid.stderr)) return t.skip('another broker has the default port');
  assert.match(unsaid.stdout, told);
});
