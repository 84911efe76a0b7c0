import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
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
      rotation: { date: null, sizeBytes: Number.POSITIVE_INFINITY, count: 3, compress: false, ...rotation },
      note: (text) => `note: ${text}\n`,
    });
    return this.#file;
  }

  /** Resolves when these are there, and nothing is being compressed any more. */
  async has(...names: string[]): Promise<void> {
    const isThere = () => {
      const found = readdirSync(this.directory);
      return names.every((name) => found.includes(name)) && found.every((name) => /^a\.log(\.\d\.gz)?$/.test(name));
    };
    while (!isThere()) await turnOfLoop();
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

  test('has old files compressed, each under its number, whatever is rotated meanwhile', async (t) => {
    const bench = new Bench(t);
    const file = bench.open({ sizeBytes: 10, count: 3, compress: true });
    for (const line of ['first\n', 'second\n', 'third\n', 'fourth\n', 'fifth\n']) file.write(line);
    await bench.has('a.log.0.gz', 'a.log.1.gz', 'a.log.2.gz');
    assert.deepEqual(Object.keys(bench.contents()), ['a.log', 'a.log.0.gz', 'a.log.1.gz', 'a.log.2.gz']);
    file.write('sixth\n');
    await bench.has('a.log.0.gz', 'a.log.1.gz', 'a.log.2.gz');
    const old = [0, 1, 2].map((number) => gunzipSync(readFileSync(`${bench.path}.${number}.gz`)).toString());
    assert.deepEqual(old, ['fifth\n', 'fourth\n', 'third\n']);
    assert.equal(statSync(`${bench.path}.0.gz`).mode & 0o777, 0o640);
  });

  test('compresses what a crash has left as it was, and throws away what it had begun', async (t) => {
    const bench = new Bench(t);
    writeFileSync(`${bench.path}.0`, 'old\n');
    writeFileSync(`${bench.path}.compressing`, 'a part');
    const file = bench.open({ sizeBytes: 3, compress: true });
    file.write('one\n');
    file.write('two\n');
    await bench.has('a.log.0.gz', 'a.log.1.gz');
    assert.deepEqual(Object.keys(bench.contents()), ['a.log', 'a.log.0.gz', 'a.log.1.gz']);
    assert.equal(gunzipSync(readFileSync(`${bench.path}.1.gz`)).toString(), 'old\n');
  });

  test('says so when an old file cannot be compressed, and keeps it', async (t) => {
    const bench = new Bench(t);
    const file = bench.open({ compress: true });
    mkdirSync(`${bench.path}.compressing`);
    file.write('one\n');
    file.rotate();
    file.write('two\n');
    while (!readFileSync(bench.path, 'utf8').includes('note')) await turnOfLoop();
    assert.match(readFileSync(bench.path, 'utf8'), /^two\nnote: .*a\.log\.\* could not be compressed \(\w+\)\n$/);
    assert.equal(readFileSync(`${bench.path}.0`, 'utf8'), 'one\n');
    rmdirSync(`${bench.path}.compressing`);
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
