import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { LogFile, type LogRotation } from './log-file.ts';
import { readRotationDate } from './rotation-date.ts';
import { TestClock } from './test-clock.ts';

const HOUR_MS = 3_600_000;

class Bench {
  readonly directory = mkdtempSync(join(tmpdir(), 'leveret-log-'));
  readonly clock = new TestClock(new Date(2026, 10, 26, 12).getTime());
  readonly path = join(this.directory, 'a.log');
  #file: LogFile | null = null;

  constructor(t: TestContext) {
    t.after(() => {
      this.#file?.close();
      rmSync(this.directory, { recursive: true, force: true });
    });
  }

  open(rotation: Partial<LogRotation> = {}, path = this.path): LogFile {
    this.#file = new LogFile({
      path,
      clock: this.clock,
      rotation: { date: null, sizeBytes: Number.POSITIVE_INFINITY, count: 3, ...rotation },
      note: (text) => `note: ${text}\n`,
    });
    return this.#file;
  }

  contents(): Record<string, string> {
    const names = readdirSync(this.directory).sort();
    return Object.fromEntries(names.map((name) => [name, readFileSync(join(this.directory, name), 'utf8')]));
  }
}

describe('a log file', () => {
  test('is gone on with after a restart', (t) => {
    const bench = new Bench(t);
    const first = bench.open();
    first.write('one\n');
    first.close();
    bench.open().write('two\n');
    assert.deepEqual(bench.contents(), { 'a.log': 'one\ntwo\n' });
  });

  test('is rotated by size, and no more old files are kept than shall be', (t) => {
    const bench = new Bench(t);
    const file = bench.open({ sizeBytes: 10, count: 2 });
    for (const line of ['first\n', 'second\n', 'third\n', 'fourth\n']) file.write(line);
    assert.deepEqual(bench.contents(), { 'a.log': 'fourth\n', 'a.log.0': 'third\n', 'a.log.1': 'second\n' });
  });

  test('a line that is larger than a file may be is written whole, into one file', (t) => {
    const bench = new Bench(t);
    bench.open({ sizeBytes: 3 }).write('longer\n');
    assert.deepEqual(bench.contents(), { 'a.log': 'longer\n' });
  });

  test('of which none shall be kept begins anew', (t) => {
    const bench = new Bench(t);
    const file = bench.open({ sizeBytes: 5, count: 0 });
    file.write('one\n');
    file.write('two\n');
    assert.deepEqual(bench.contents(), { 'a.log': 'two\n' });
  });

  test('is rotated when its date has come, once', (t) => {
    const bench = new Bench(t);
    const file = bench.open({ date: readRotationDate('$D0') });
    file.write('monday\n');
    bench.clock.advance(12 * HOUR_MS);
    file.write('tuesday\n');
    file.write('tuesday\n');
    assert.deepEqual(bench.contents(), { 'a.log': 'tuesday\ntuesday\n', 'a.log.0': 'monday\n' });
  });

  test('whose date came while the broker was stopped is rotated then', (t) => {
    const bench = new Bench(t);
    writeFileSync(bench.path, 'yesterday\n');
    const yesterday = (bench.clock.nowMs() - 24 * HOUR_MS) / 1000;
    utimesSync(bench.path, yesterday, yesterday);
    bench.open({ date: readRotationDate('$D0') }).write('today\n');
    assert.deepEqual(bench.contents(), { 'a.log': 'today\n', 'a.log.0': 'yesterday\n' });
  });

  test('is rotated when somebody asks', (t) => {
    const bench = new Bench(t);
    const file = bench.open();
    file.write('one\n');
    file.rotate();
    file.write('two\n');
    assert.deepEqual(bench.contents(), { 'a.log': 'two\n', 'a.log.0': 'one\n' });
  });

  test('that logrotate has moved away is made anew', (t) => {
    const bench = new Bench(t);
    const file = bench.open();
    file.write('one\n');
    renameSync(bench.path, join(bench.directory, 'moved'));
    bench.clock.advance(2_000);
    file.write('two\n');
    assert.deepEqual(bench.contents(), { 'a.log': 'two\n', moved: 'one\n' });
  });
});

test('a log file that is closed stays closed, whoever still has something to say', (t) => {
  const bench = new Bench(t);
  const file = bench.open();
  file.write('before\n');
  file.close();
  file.write('after\n');
  assert.deepEqual(bench.contents(), { 'a.log': 'before\n' });
});

describe('a log file that cannot be written', () => {
  test('refuses at the start', (t) => {
    const bench = new Bench(t);
    assert.throws(() => bench.open({}, join(bench.directory, 'nowhere', 'a.log')), { code: 'ENOENT' });
  });

  test('on a full disk loses lines, throws nothing, and tells of it when there is room again', {
    skip: !existsSync('/dev/full'),
  }, (t) => {
    const bench = new Bench(t);
    symlinkSync('/dev/full', bench.path);
    const file = bench.open();
    file.write('lost\n');
    file.write('lost, too\n');
    rmSync(bench.path);
    bench.clock.advance(2_000);
    file.write('there\n');
    assert.deepEqual(bench.contents(), { 'a.log': 'note: 2 lines could not be written (ENOSPC)\nthere\n' });
  });

  test('that cannot be rotated is written on, and tried again later', (t) => {
    const bench = new Bench(t);
    const inItsWay = `${bench.path}.0`;
    mkdirSync(inItsWay);
    const file = bench.open({ sizeBytes: 5, count: 1 });
    file.write('one\n');
    file.write('two\n');
    file.write('three\n');
    const content = readFileSync(bench.path, 'utf8');
    assert.match(content, /^one\nnote: .* could not be rotated \(EISDIR\)\ntwo\nthree\n$/);
    rmSync(inItsWay, { recursive: true });
    bench.clock.advance(60_000);
    file.write('four\n');
    assert.deepEqual(bench.contents(), { 'a.log': 'four\n', 'a.log.0': content });
  });
});
