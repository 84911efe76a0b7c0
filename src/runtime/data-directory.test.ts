import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openDataDirectory } from './data-directory.ts';

async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'leveret-data-'));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

test('a data directory is made with its parents, for its owner only, and taken as it is when it is there', async (t) => {
  const path = join(await temporaryDirectory(t), 'a', 'b', 'c');
  openDataDirectory(path);
  assert.equal((await stat(path)).mode & 0o777, 0o700);
  await chmod(path, 0o750);
  openDataDirectory(path);
  assert.equal((await stat(path)).mode & 0o777, 0o750);
});

test('a link to a directory is one, a link to nothing is refused', async (t) => {
  const directory = await temporaryDirectory(t);
  await symlink(directory, join(directory, 'link'));
  openDataDirectory(join(directory, 'link', 'data'));
  assert.ok((await stat(join(directory, 'data'))).isDirectory());
  await symlink(join(directory, 'nowhere'), join(directory, 'dangling'));
  assert.throws(() => openDataDirectory(join(directory, 'dangling')), /dangling cannot be used: ENOENT/);
});

test('a file in the way is named as one', async (t) => {
  const path = join(await temporaryDirectory(t), 'file');
  await writeFile(path, '');
  const expected =
    /^Error: the data directory .*file.* cannot be used: there is a file of that name, or of a parent directory$/;
  for (const each of [path, join(path, 'x'), join(path, 'x', 'y')]) {
    assert.throws(() => openDataDirectory(each), expected);
  }
});

test('a place where nobody can make a directory is refused instead of tried for ever', {
  skip: !existsSync('/proc/self'),
}, () => {
  assert.throws(() => openDataDirectory('/proc/leveret'), /\/proc\/leveret cannot be used: ENOENT/);
  assert.throws(() => openDataDirectory('/proc/leveret/data'), /\/proc\/leveret\/data cannot be used: ENOENT/);
});

test('a directory that this user may not write is refused', async (t) => {
  const directory = await temporaryDirectory(t);
  await chmod(directory, 0o555);
  for (const path of [directory, join(directory, 'data')]) {
    assert.equal(refusalForNobody(path), `the data directory ${path} cannot be used: this user may not write there`);
  }
});

/** What the directory's refusal says to a user without rights: root, whom nothing stops, becomes one in another process. */
function refusalForNobody(path: string): string {
  const script = `
    const { openDataDirectory } = await import(${JSON.stringify(join(import.meta.dirname, 'data-directory.ts'))});
    if (process.getuid() === 0) {
      process.setgid(65534);
      process.setuid(65534);
    }
    try {
      openDataDirectory(${JSON.stringify(path)});
    } catch (error) {
      process.stdout.write(error.message);
    }`;
  const result = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
  assert.equal(result.status, 0, result.stderr);
  return result.stdout;
}
