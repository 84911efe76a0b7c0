/** What `npm test` promises of itself: it ends what tests leave behind, and names the slow and the left out. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { endLeftovers, MARK } from '../../tools/leftovers.ts';
import testSummary, { type TestEvent } from '../../tools/test-summary.ts';
import { eventually } from '../conformance/waiting.ts';

const RUNNER = join(import.meta.dirname, '../../tools/test.ts');
const hasProc = existsSync('/proc/self/environ');

/** What a process was started with; nothing of one that is gone, or only waits for its parent to notice. */
function commandOf(pid: number): string {
  const path = `/proc/${pid}/cmdline`;
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

async function summaryOf(events: readonly TestEvent[]): Promise<string> {
  const stream = async function* () {
    yield* events;
  };
  let text = '';
  for await (const part of testSummary(stream())) text += part;
  return text;
}

const summary = (file: string, seconds: number): TestEvent => {
  return { type: 'test:summary', data: { file: join(import.meta.dirname, file), duration_ms: seconds * 1000 } };
};

test('the ten slowest files are named, the slowest first', async () => {
  const text = await summaryOf(Array.from({ length: 12 }, (_, index) => summary(`${index}.test.ts`, index)));
  const lines = text.trimEnd().split('\n');
  assert.equal(lines[0], 'npm test: the slowest of 12 files');
  assert.equal(lines[1], '   11.0 s  test/integration/11.test.ts');
  assert.equal(lines.at(-1), '    2.0 s  test/integration/2.test.ts');
});

test('tests that were left out are named with the reason', async () => {
  const file = join(import.meta.dirname, 'a.test.ts');
  const text = await summaryOf([
    { type: 'test:pass', data: { name: 'ran', file } },
    { type: 'test:pass', data: { name: 'did not', file, skip: 'etcd is not installed' } },
  ]);
  assert.match(text, /^npm test: left out\n {2}test\/integration\/a\.test\.ts: did not \(etcd is not installed\)\n$/m);
});

test('what bears the mark of a run is ended with it, grandchildren too, and nothing else is', {
  skip: !hasProc,
}, async (t) => {
  const mark = `test-runner-${process.pid}`;
  const marked = spawn('/bin/sh', ['-c', 'sleep 600 & echo $!; wait'], {
    env: { [MARK]: mark },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const stranger = spawn('sleep', ['600'], { env: { ...process.env, [MARK]: `${mark}-other` } });
  t.after(() => [marked, stranger].map((child) => child.kill('SIGKILL')));
  const [output] = await once(marked.stdout, 'data');
  const grandchild = Number(output);
  const ended = once(marked, 'exit');
  const left = await endLeftovers(mark, 0);
  assert.deepEqual(new Set(left.map(({ pid }) => pid)), new Set([marked.pid, grandchild]));
  assert.ok(left.some(({ command }) => command === 'sleep 600'));
  await ended;
  assert.deepEqual(await endLeftovers(mark), [], 'the grandchild is gone as well');
  assert.equal(stranger.exitCode, null);
});

test('a test file that is killed leaves nothing behind, and the run fails', { skip: !hasProc }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-runner-'));
  t.after(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, 'src'));
  const fixture = `
    import { spawn } from 'node:child_process';
    import { writeFileSync } from 'node:fs';
    import { test } from 'node:test';
    test('is killed', async () => {
      writeFileSync('pid', String(spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }).pid));
      process.kill(process.pid, 'SIGKILL');
    });`;
  writeFileSync(join(directory, 'src/fixture.test.ts'), fixture);
  // Inside of a test Node's runner would take the run for a part of this one.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stderr } = spawnSync(process.execPath, [RUNNER, 'fixture'], {
    cwd: directory,
    env,
    encoding: 'utf8',
  });
  const pid = Number(readFileSync(join(directory, 'pid'), 'utf8'));
  assert.match(stderr, new RegExp(`^npm test: process ${pid} was left behind and is ended: sleep 600$`, 'm'));
  await eventually('its end', async () => commandOf(pid) === '');
  assert.equal(status, 1);
});
