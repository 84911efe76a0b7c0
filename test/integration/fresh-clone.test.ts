/**
 * What somebody sees who has just cloned the repository and types `npm start`: with no node_modules, on the machine's own Node
 * and npm. The clone is of what is committed.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { brokerEnvironment } from '../broker-environment.ts';
import { RawClient } from '../differential/raw-client.ts';
import { LeveretProcess } from './leveret-process.ts';

const ROOT = join(import.meta.dirname, '../..');
/** `npm ci` takes seconds from npm's cache, and as long as it takes from the network. */
const INSTALL_MS = 300_000;

/** Of what npm and Node told this test: how the network is reached stays, which package this is does not. */
const TOLD = /^(npm_(?!config_)|npm_config_local_prefix$|NODE_(?!EXTRA_CA_CERTS$)|INIT_CWD$)/i;

/** The environment before npm put this checkout's programs first. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(brokerEnvironment()).filter(([name]) => !TOLD.test(name));
  const path = (process.env.PATH ?? '').split(delimiter).filter((directory) => !directory.includes('node_modules'));
  return { ...Object.fromEntries(entries), PATH: path.join(delimiter) };
}

test('npm start in a fresh clone installs, runs on the pinned Node, serves, and stops in order on Ctrl-C', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-clone-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const clone = join(directory, 'leveret');
  const data = join(directory, 'data');
  const cloned = spawnSync('git', ['clone', '--quiet', ROOT, clone], { encoding: 'utf8' });
  assert.equal(cloned.status, 0, cloned.stderr);

  const args = ['start', '--', '--port', '0', '--data-dir', data];
  const npm = new LeveretProcess(t, 'npm', args, { cwd: clone, env: ownEnvironment(), detached: true });
  // The terminal sends Ctrl-C to npm and to everything that npm started: they are one process group.
  const signalGroup = (signal: NodeJS.Signals) => process.kill(-npm.child.pid!, signal);
  t.after(() => {
    if (npm.child.exitCode === null && npm.child.signalCode === null) signalGroup('SIGKILL');
  });
  const port = await npm.port(INSTALL_MS);
  assert.match(npm.stdout, new RegExp(`^ {2}data +${data}$`, 'm'));
  assert.match(npm.stdout, /^ {2}users +guest /m);
  assert.match(npm.stderr, /^leveret: installing npm packages/m);

  const pid = readFileSync(join(data, 'leveret.pid'), 'utf8').trim();
  if (existsSync('/proc/self/exe')) {
    assert.equal(readlinkSync(`/proc/${pid}/exe`), realpathSync(join(clone, 'node_modules/.bin/node')));
  }
  const client = await RawClient.connect(port);
  await client.open();
  await client.call('queue.declare', { queue: 'q', durable: true });
  signalGroup('SIGINT');
  assert.equal((await client.channel(0).expect('connection.close')).args.replyCode, 320);
  client.channel(0).send('connection.close-ok');
  const { exit, stdout } = await npm.ended;
  assert.match(stdout, /^Leveret: SIGINT, stopping$/m);
  assert.ok(exit === 0 || exit === 'SIGINT' || exit === 130, `npm ended with ${exit}`);
  assert.equal(existsSync(join(data, 'leveret.pid')), false, 'the broker stopped in order');
  client.abort();
});
