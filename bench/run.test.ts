/** `npm run bench` as a command: what it refuses, and one short run to its end. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

function bench(...args: string[]) {
  return spawnSync(process.execPath, [join(import.meta.dirname, 'run.ts'), ...args], { encoding: 'utf8' });
}

for (const [args, message] of [
  [['--scenarios', 'a,z'], /^npm run bench: no scenario z; there are a, b, c, /],
  [['--targets', 'kafka'], /^npm run bench: no target kafka; there are leveret, floor, rabbitmq$/m],
  [['--runs', '0'], /^npm run bench: runs is 0, expected a whole number above 0$/m],
  [['--delayed-waiting', '1e400'], /^npm run bench: delayed-waiting is 1e400, expected a whole number above 0$/m],
  [['--run', '1'], /^npm run bench: Unknown option '--run'/],
] as const) {
  test(`${args.join(' ')} is refused before anything is measured`, () => {
    const { status, stdout, stderr } = bench(...args);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /^ +at /m);
    assert.deepEqual([status, stdout], [1, '']);
  });
}

test('a run measures, writes its page and leaves no process and no file behind', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-bench-test-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const page = join(directory, 'RESULTS.md');
  const where = ['--directory', directory, '--out', page];
  const { status, stdout, stderr } = bench(
    '--scenarios',
    'start',
    '--targets',
    'leveret,floor',
    '--runs',
    '1',
    ...where,
  );
  assert.equal(status, 0, stderr);
  assert.match(stderr, /^start leveret 1: memoryMib [\d.]+, startMs [\d.]+$/m);
  const text = readFileSync(page, 'utf8');
  assert.match(text, /^\| start: .* \| Leveret \| [\d,]+ \| \d+/m);
  assert.match(text, /^\| start: .* \| floor \| [\d,]+ \| \d+/m);
  assert.doesNotMatch(text, /Faults/);
  assert.ok(stdout.includes(text));
  assert.deepEqual(readdirSync(directory), ['RESULTS.md']);
});
