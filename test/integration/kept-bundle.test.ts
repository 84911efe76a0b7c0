/** Which bundle `npm start` runs: never one of sources that are no longer as they were. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

type KeepBundle = (root: string, bundleInto: (directory: string) => boolean, nowMs?: () => number) => boolean;

const { keepBundle }: { readonly keepBundle: KeepBundle } = await import(
  join(import.meta.dirname, '../../tools/kept-bundle.mjs')
);

/** When sources that were written now are no longer new, so that how they look is enough to know them by. */
const later = () => Date.now() + 60_000;

/** Two sources, and what bundles them: their text, one behind the other. */
function checkout(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'leveret-kept-'));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'node_modules'));
  const cache = join(root, 'node_modules/.cache/leveret');
  const write = (name: string, text: string) => writeFileSync(join(root, name), text);
  const sources = ['one.ts', 'two.ts'];
  for (const name of sources) write(name, name);
  let bundledCount = 0;
  const bundleInto = (directory: string, meanwhile = () => {}) => {
    bundledCount++;
    const texts = sources.map((name) => readFileSync(join(root, name), 'utf8'));
    meanwhile();
    mkdirSync(directory);
    writeFileSync(join(directory, 'leveret.js'), texts.join(' '));
    const digests = texts.map((text) => createHash('sha256').update(text).digest('hex'));
    const inputs = Object.fromEntries(sources.map((name, index) => [name, digests[index]]));
    writeFileSync(join(directory, 'inputs.json'), JSON.stringify(inputs));
    return true;
  };
  return {
    root,
    cache,
    write,
    bundleInto,
    keep: (nowMs = Date.now) => keepBundle(root, bundleInto, nowMs),
    current: () => readFileSync(join(cache, 'current/leveret.js'), 'utf8'),
    bundledCount: () => bundledCount,
  };
}

test('sources are bundled once, and again when one of them has changed', (t) => {
  const { keep, current, bundledCount, write } = checkout(t);
  assert.equal(keep(), true);
  assert.equal(keep(), true);
  assert.equal(current(), 'one.ts two.ts');
  assert.equal(bundledCount(), 1);
  write('two.ts', '2');
  keep();
  assert.equal(current(), 'one.ts 2');
  assert.equal(bundledCount(), 2);
});

test('a change that keeps size and date is seen', (t) => {
  const { root, keep, current, write } = checkout(t);
  const path = join(root, 'one.ts');
  const long = new Date('2020-01-01T00:00:00Z');
  utimesSync(path, long, long);
  keep(later);
  write('one.ts', 'TWO.ts');
  utimesSync(path, long, long);
  keep(later);
  assert.equal(current(), 'TWO.ts two.ts');
});

test('an older file in the place of a newer one is a change', (t) => {
  const { root, keep, current, write } = checkout(t);
  write('older.ts', 'old.ts');
  const long = new Date('2020-01-01T00:00:00Z');
  utimesSync(join(root, 'older.ts'), long, long);
  keep(later);
  renameSync(join(root, 'older.ts'), join(root, 'one.ts'));
  keep(later);
  assert.equal(current(), 'old.ts two.ts');
});

test('what looks the same as before is not read again, unless it was written so shortly before that its look says little', (t) => {
  const { cache, keep, current, bundledCount, write } = checkout(t);
  keep();
  const inputs = join(cache, 'current/inputs.json');
  const written = readFileSync(inputs, 'utf8');
  keep(later);
  writeFileSync(inputs, written.replaceAll(/"[0-9a-f]{64}"/g, '"not what is in it"'));
  keep(later);
  assert.equal(bundledCount(), 1);
  keep();
  assert.equal(bundledCount(), 2);
  write('one.ts', 'later');
  keep(later);
  assert.equal(current(), 'later two.ts');
});

test('the same content with another date is no change', (t) => {
  const { keep, bundledCount, write } = checkout(t);
  keep(later);
  write('one.ts', 'one.ts');
  keep(later);
  assert.equal(bundledCount(), 1);
});

test('a source that is changed while it is bundled is bundled again', (t) => {
  const { root, bundleInto, current, bundledCount, write } = checkout(t);
  assert.equal(
    keepBundle(root, (directory) => bundleInto(directory, () => write('one.ts', 'newer'))),
    true,
  );
  assert.equal(current(), 'newer two.ts');
  assert.equal(bundledCount(), 2);
  let length = 0;
  const faster = (directory: string) => bundleInto(directory, () => write('two.ts', '.'.repeat(++length)));
  write('one.ts', 'newest');
  assert.throws(() => keepBundle(root, faster), /^Error: the sources change while they are bundled$/);
});

test('a bundle that could not be made is not run, nor is the one before it', (t) => {
  const { root, keep, write } = checkout(t);
  keep();
  write('one.ts', 'a mistake');
  assert.equal(
    keepBundle(root, () => false),
    false,
  );
});

test('a broker that runs finds what it loads later: its bundle stays through the next ones, and the oldest go', (t) => {
  const { cache, keep, write } = checkout(t);
  keep();
  const first = realpathSync(join(cache, 'current'));
  for (let change = 1; change < 10; change++) {
    write('one.ts', String(change));
    keep();
  }
  assert.equal(readFileSync(join(first, 'leveret.js'), 'utf8'), 'one.ts two.ts');
  for (let change = 10; change < 15; change++) {
    write('one.ts', String(change));
    keep();
  }
  assert.equal(readdirSync(cache).filter((name) => name !== 'current').length, 10);
});
