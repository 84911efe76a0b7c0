/** `leveretctl` as a user starts it: a process, for a broker that is another. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Broker, startBroker } from '../../src/broker.ts';
import { withDeadline } from '../conformance/waiting.ts';
import { CertificateDirectory } from '../integration/certificates.ts';

const LEVERETCTL = join(import.meta.dirname, '../../src/cli/leveretctl.ts');
const DEADLINE_MS = 60_000;
const NODE = 'leveret@localhost';

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-ctl-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function started(t: TestContext, directory: string, nodeName = NODE, management = false): Promise<Broker> {
  const broker = await startBroker({
    port: 0,
    memory: true,
    logLevel: 'none',
    nodeName,
    controlSocket: { path: join(directory, `${nodeName}.sock`) },
    ...(management ? { management: { port: 0 } } : {}),
  });
  t.after(() => broker.stop());
  return broker;
}

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function called(program: string, words: readonly string[], env: NodeJS.ProcessEnv, stdin = ''): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...words], { env: { PATH: process.env.PATH, ...env } });
  const printed = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (text) => (printed[name] += text));
  child.stdin.end(stdin);
  const [exitCode] = await once(child, 'close');
  return { exitCode, ...printed };
}

test('the only broker of a user is found without being named', async (t) => {
  const directory = temporary(t);
  await started(t, directory);
  const env = { LEVERET_RUN_DIR: directory };
  const { exitCode, stdout, stderr } = await called(LEVERETCTL, ['list_users'], env);
  assert.deepEqual([exitCode, stdout, stderr], [0, 'Listing users ...\nuser\ttags\nguest\t[administrator]\n', '']);
});

test('of several brokers one has to be named, and they are listed', async (t) => {
  const directory = temporary(t);
  const names = ['a@localhost', 'b@localhost'];
  for (const name of names) await started(t, directory, name);
  const env = { LEVERET_RUN_DIR: directory };
  const { exitCode, stderr } = await called(LEVERETCTL, ['list_users'], env);
  assert.equal(exitCode, 64);
  for (const name of names) assert.ok(stderr.includes(`  -n ${name}\n`), stderr);
  for (const chosen of [{ LEVERET_NODE_NAME: names[1] }, { RABBITMQ_NODENAME: names[0] }]) {
    assert.equal((await called(LEVERETCTL, ['list_users'], { ...env, ...chosen })).exitCode, 0);
  }
});

test('a reader that has seen enough ends a list, and nothing is printed of that', async (t) => {
  const directory = temporary(t);
  const broker = await started(t, directory);
  const filler = 'x'.repeat(200);
  const queues = Array.from({ length: 3000 }, (_, index) => {
    return { vhost: '/', name: `${filler}${index}`, durable: false, auto_delete: false, arguments: {} };
  });
  const env = { LEVERET_RUN_DIR: directory };
  const imported = await called(LEVERETCTL, ['import_definitions'], env, JSON.stringify({ queues }));
  assert.deepEqual([imported.exitCode, imported.stderr], [0, '']);
  const child = spawn(process.execPath, [LEVERETCTL, 'list_queues', '-q'], { env: { PATH: process.env.PATH, ...env } });
  let stderr = '';
  child.stderr.on('data', (text) => (stderr += text));
  const ended = once(child, 'close');
  await withDeadline('the first names', Promise.race([once(child.stdout, 'data'), ended]), DEADLINE_MS);
  child.stdout.destroy();
  assert.deepEqual([...(await withDeadline('its end', ended, DEADLINE_MS)), stderr], [0, null, '']);
  assert.equal(broker.users.length, 1, 'the broker goes on');
});

test('called as rabbitmqctl through a link it does the same, and goes by that name', async (t) => {
  const directory = temporary(t);
  await started(t, directory);
  const link = join(temporary(t), 'rabbitmqctl');
  symlinkSync(LEVERETCTL, link);
  const env = { LEVERET_RUN_DIR: directory };
  assert.equal((await called(link, ['list_users', '-q'], env)).stdout, 'user\ttags\nguest\t[administrator]\n');
  assert.match((await called(link, ['list_users', 'x'], env)).stderr, /^rabbitmqctl \[--node <node>\]/m);
});

for (const [name, line, shown] of [
  ['rabbitmq-diagnostics', 'check_running -q', /is fully booted and running$/m],
  ['rabbitmq-plugins', 'is_enabled rabbitmq_random_exchange', /^Plugin rabbitmq_random_exchange is enabled/m],
  ['rabbitmq-queues', 'check_if_node_is_quorum_critical', /the check does not apply$/m],
  ['rabbitmq-upgrade', 'await_online_quorum_plus_one', /the command does not apply$/m],
] as const) {
  test(`called as ${name} it has the commands of that`, async (t) => {
    const directory = temporary(t);
    await started(t, directory);
    const link = join(temporary(t), name);
    symlinkSync(LEVERETCTL, link);
    const { exitCode, stdout } = await called(link, line.split(' '), { LEVERET_RUN_DIR: directory });
    assert.equal(exitCode, 0);
    assert.match(stdout, shown);
    assert.match((await called(link, ['ping', 'x'], {})).stderr, new RegExp(`^${name} \\[--node <node>\\]`, 'm'));
  });
}

test('a broker elsewhere is asked through its HTTP API, as a user, whose password is never printed', async (t) => {
  const directory = temporary(t);
  const broker = await started(t, directory, NODE, true);
  const url = (user: string) => broker.managementUrl!.replace('//', `//${user}@`);
  const env = { LEVERET_URL: url('guest:guest') };
  assert.equal((await called(LEVERETCTL, ['list_users'], env)).exitCode, 0);
  const refused = await called(LEVERETCTL, ['list_users', '--url', url('guest:sesame')], {});
  assert.equal(refused.exitCode, 77);
  assert.match(refused.stderr, /Login failed/);
  const nobody = await called(LEVERETCTL, ['list_users', '--url', broker.managementUrl!], {});
  assert.equal(nobody.exitCode, 77);
  assert.match(nobody.stderr, /refuses list_users to this user: there is none; --url takes http:\/\/USER:PASSWORD@/);
  await broker.stop();
  const gone = await called(LEVERETCTL, ['list_users', '--url', url('guest:sesame')], {});
  assert.equal(gone.exitCode, 69);
  assert.match(gone.stderr, /does not answer: connect ECONNREFUSED/);
  const mistaken = await called(LEVERETCTL, ['list_users', '--url', url('guest:sesame'), 'x'], {});
  assert.match(mistaken.stderr, /list_users --url http:\/\/guest:\*\*\*@127/);
  for (const { stdout, stderr } of [refused, gone, mistaken]) assert.ok(!`${stdout}${stderr}`.includes('sesame'));
});

test('at an https URL the certificate is looked at; a private authority is named as for any program on Node', async (t) => {
  const certificates = new CertificateDirectory();
  t.after(() => certificates.remove());
  const authority = certificates.authority('authority');
  const { certFile, keyFile } = authority.issue('broker', { alternativeNames: 'IP:127.0.0.1' });
  const management = { tls: { port: 0, certFile, keyFile } };
  const broker = await startBroker({ port: 0, memory: true, logLevel: 'none', management });
  t.after(() => broker.stop());
  const words = ['list_users', '-q', '--url', broker.managementUrl!.replace('//', '//guest:guest@')];
  const trusted = await called(LEVERETCTL, words, { NODE_EXTRA_CA_CERTS: authority.certFile });
  assert.deepEqual([trusted.exitCode, trusted.stderr], [0, '']);
  const refused = await called(LEVERETCTL, words, {});
  assert.equal(refused.exitCode, 69);
  assert.match(refused.stderr, /does not answer: .*certificate/);
});

test('what takes longer than it may is given up', async (t) => {
  const directory = temporary(t);
  await started(t, directory);
  const { exitCode, stderr } = await called(LEVERETCTL, ['list_users', '-t', '0'], { LEVERET_RUN_DIR: directory });
  assert.equal(exitCode, 75);
  for (const [seconds, expected] of Object.entries({ '-1': 64, 9999999: 0 })) {
    const ended = await called(LEVERETCTL, ['list_users', '-t', seconds], { LEVERET_RUN_DIR: directory });
    assert.equal(ended.exitCode, expected, seconds);
  }
  assert.equal(stderr, `Error: operation list_users on node ${NODE} timed out. Timeout value used: 0\n`);
});
