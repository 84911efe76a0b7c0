/** What commands do to a broker, beyond what rabbitmqctl has been recorded to print. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startBroker } from '../../src/broker.ts';
import { leveretctl } from './leveretctl.ts';
import type { Outcome } from './transcript.ts';

type Ctl = (words: readonly string[], stdin?: string) => Promise<Outcome>;

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-ctl-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A broker, and the tool for it. */
async function started(t: TestContext, directory: string): Promise<Ctl> {
  const nodeName = 'leveret@localhost';
  const path = join(directory, `${nodeName}.sock`);
  const broker = await startBroker({ port: 0, memory: true, logLevel: 'none', nodeName, controlSocket: { path } });
  t.after(() => broker.stop());
  const tool = leveretctl(nodeName, path);
  return (words, stdin = '') => tool.run(words, stdin);
}

test('a password is read from standard input, so that it need not stand on the command line', async (t) => {
  const directory = temporary(t);
  const ctl = await started(t, directory);
  assert.equal((await ctl(['add_user', 'u'], 'secret\n')).exitCode, 0);
  assert.equal((await ctl(['authenticate_user', 'u', 'secret'])).exitCode, 0);
});

test('a hash takes the place of a password: definitions need none either', async (t) => {
  const directory = temporary(t);
  const ctl = await started(t, directory);
  const { stdout } = await ctl(['hash_password', 'secret']);
  const added = await ctl(['add_user', 'u', stdout.trim(), '--pre-hashed-password']);
  assert.equal(added.exitCode, 0);
  assert.equal((await ctl(['authenticate_user', 'u', 'secret'])).exitCode, 0);
});

test('an empty name is none: its path would be that of all there are', async (t) => {
  const directory = temporary(t);
  const ctl = await started(t, directory);
  for (const words of [
    ['list_queues', '-p', ''],
    ['change_password', '', 'x'],
    ['clear_policy', ''],
  ]) {
    const { exitCode, stderr } = await ctl(words);
    assert.deepEqual([exitCode, stderr], [69, 'Error:\nnothing has an empty name\n'], words.join(' '));
  }
});

test('definitions come out and go in again, by files and by pipes; what cannot be written is told', async (t) => {
  const directory = temporary(t);
  const ctl = await started(t, directory);
  const file = join(directory, 'definitions.json');
  await ctl(['add_vhost', 'v']);
  assert.equal((await ctl(['export_definitions', file])).exitCode, 0);
  await ctl(['delete_vhost', 'v']);
  assert.equal((await ctl(['import_definitions', file, '--skip-if-unchanged'])).exitCode, 0);
  const exported = await ctl(['export_definitions', '-']);
  assert.deepEqual(
    JSON.parse(exported.stdout).vhosts.map(({ name }: { name: string }) => name),
    ['/', 'v'],
  );
  await ctl(['delete_vhost', 'v']);
  const again = await ctl(['import_definitions', file, '--skip-if-unchanged']);
  assert.match(again.stdout, /those of the last import: nothing is changed/);
  const piped = await ctl(['import_definitions', '-', '-q'], exported.stdout);
  assert.deepEqual([piped.exitCode, piped.stdout], [0, '']);
  const listed = await ctl(['list_vhosts', '-s']);
  assert.equal(listed.stdout, '/\nv\n');
  const refused = await ctl(['export_definitions', '/dev/full']);
  assert.equal(refused.exitCode, 73);
  assert.match(refused.stderr, /ENOSPC/);
});
