import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { PAGE_SIZE, Page, PagePool } from './page.ts';
import { Spill } from './spill.ts';
import { TestDisk } from './test-disk.ts';
import { newMemoryDirectory } from './test-store.ts';

const pool = new PagePool();
let directory = '';
let disk: TestDisk;
let spill: Spill;

beforeEach(() => {
  directory = newMemoryDirectory();
  disk = new TestDisk();
  spill = new Spill(disk, path());
});
afterEach(() => {
  spill.close();
  fs.rmSync(directory, { recursive: true });
});

const path = (): string => join(directory, 'transient.spill');

function newPage(content: string, span = 1): Page {
  const page = new Page(0, false, pool.take(span * PAGE_SIZE), span * PAGE_SIZE);
  page.end = span * PAGE_SIZE - 100;
  (page.bytes as Buffer).fill(content, 0, page.end);
  return page;
}

function write(page: Page): Promise<Error | null> {
  return new Promise((resolve) => spill.write(page, resolve));
}

async function contentOf(page: Page): Promise<string> {
  const bytes = pool.take(page.capacity);
  await new Promise<void>((resolve) => disk.read(spill.fd, bytes, page.fileOffset, () => resolve()));
  return bytes.subarray(0, page.end).toString();
}

test('there is no file before something has to wait, and none of an earlier life', () => {
  assert.equal(fs.existsSync(path()), false);
  fs.writeFileSync(path(), 'old');
  spill = new Spill(disk, path());
  assert.equal(fs.existsSync(path()), false);
});

test('pages read back as they were, and slots are used again', async () => {
  const [first, second, large] = [newPage('first '), newPage('second '), newPage('large ', 3)];
  for (const page of [first, second, large]) assert.equal(await write(page), null);
  for (const page of [first, second, large]) {
    assert.equal(await contentOf(page), (page.bytes as Buffer).subarray(0, page.end).toString());
  }
  const { fileOffset } = first;
  spill.free(first);
  assert.equal(first.fileOffset, -1);
  const third = newPage('third ');
  await write(third);
  assert.equal(third.fileOffset, fileOffset);
  assert.match(await contentOf(second), /^second second/);
});

test('the file is empty when nothing is left in it', async () => {
  const pages = [newPage('a'), newPage('b'), newPage('c', 2)];
  for (const page of pages) await write(page);
  assert(fs.statSync(path()).size > 3 * PAGE_SIZE);
  for (const page of pages) spill.free(page);
  assert.equal(fs.statSync(path()).size, 0);
  const next = newPage('next ');
  await write(next);
  assert.equal(next.fileOffset, 0);
  assert.match(await contentOf(next), /^next next/);
});

test('a write that fails leaves the page where it was, and its slot to others', async () => {
  const [first, second] = [newPage('first '), newPage('second ')];
  await write(first);
  disk.failures = ['ENOSPC'];
  assert.match(String(await write(second)), /ENOSPC/);
  assert.equal(second.fileOffset, -1);
  assert.equal(await write(second), null);
  assert.equal(second.fileOffset, PAGE_SIZE);
  assert.match(await contentOf(first), /^first first/);
});

test('the file goes with the broker', async () => {
  await write(newPage('a'));
  spill.close();
  assert.equal(fs.existsSync(path()), false);
});
