import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { HourlyFile } from './hourly-file.ts';
import { createLog } from './log.ts';
import { TestClock } from './test-clock.ts';

const HOUR_MS = 3_600_000;

function opened(t: TestContext, name = 'lines') {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-hourly-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const logged: string[] = [];
  const clock = new TestClock();
  const log = createLog('warning', (line) => logged.push(line));
  return { directory, clock, logged, file: new HourlyFile({ directory, name, clock, log }) };
}

test('every hour has a file of its own', async (t) => {
  const { directory, clock, file } = opened(t);
  file.write('one');
  file.write('two');
  clock.advance(HOUR_MS);
  file.write('three');
  await file.close();
  const files = readdirSync(directory).sort();
  assert.deepEqual(
    files.map((name) => readFileSync(join(directory, name), 'utf8')),
    ['one\ntwo\n', 'three\n'],
  );
  for (const name of files) assert.match(name, /^lines\.\d{4}_\d\d_\d\d_\d\d$/);
});

test('a file that cannot be written is told of once, and holds nobody up', async (t) => {
  const { directory, logged, file } = opened(t, 'none/lines');
  for (const line of ['one', 'two']) {
    file.write(line);
    await file.close();
  }
  assert.equal(logged.length, 1);
  assert.match(logged[0]!, /lines of .*none\/lines are left out: ENOENT/);
  assert.deepEqual(readdirSync(directory), []);
});

test('a directory that cannot be made is an error at once', (t) => {
  const { directory, clock } = opened(t);
  writeFileSync(join(directory, 'taken'), '');
  const log = createLog('none');
  assert.throws(() => new HourlyFile({ directory: join(directory, 'taken'), name: 'x', clock, log }), /EEXIST/);
});
