import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PAGE_SIZE, Page, PagePool } from './page.ts';

/** What direct writes ask of memory. */
const ALIGNMENT = 4096;

test('memory of pages is aligned, counted, and used again', () => {
  const pool = new PagePool();
  const first = pool.take(PAGE_SIZE);
  const second = pool.take(PAGE_SIZE);
  assert.equal(pool.usedBytes, 2 * PAGE_SIZE);
  for (const bytes of [first, second]) {
    assert.equal(bytes.length, PAGE_SIZE);
    assert.equal(bytes.byteOffset % ALIGNMENT, 0);
  }
  first.fill(1);
  second.fill(2);
  assert(
    first.every((byte) => byte === 1),
    'pages do not overlap',
  );
  pool.give(first);
  assert.equal(pool.usedBytes, PAGE_SIZE);
  const again = pool.take(PAGE_SIZE);
  assert.equal(again.buffer, first.buffer);
  assert.equal(again.byteOffset, first.byteOffset);
});

test('memory that is kept for later is given up when it is short, but for pieces of which a page is in use', () => {
  const pool = new PagePool();
  const pages = Array.from({ length: 17 }, () => pool.take(PAGE_SIZE));
  const large = pool.take(4 * PAGE_SIZE);
  const inUse = pages.pop()!;
  for (const page of [...pages, large]) pool.give(page);
  const before = new Set([...pages, large].map(({ buffer }) => buffer));
  pool.trim();
  const around = Array.from({ length: 7 }, () => pool.take(PAGE_SIZE));
  assert.ok(
    around.every(({ buffer }) => buffer === inUse.buffer),
    'the rest of the piece is used first',
  );
  assert.ok(!before.has(pool.take(PAGE_SIZE).buffer));
  assert.ok(!before.has(pool.take(4 * PAGE_SIZE).buffer));
  assert.equal(pool.usedBytes, 13 * PAGE_SIZE);
});

test('larger pages have the length that was asked for, and are counted with it', () => {
  const pool = new PagePool();
  for (const span of [2, 3, 7, 129]) {
    const bytes = pool.take(span * PAGE_SIZE);
    assert.equal(bytes.length, span * PAGE_SIZE);
    assert.equal(bytes.byteOffset % ALIGNMENT, 0);
    assert.equal(pool.usedBytes, span * PAGE_SIZE);
    pool.give(bytes);
    assert.equal(pool.usedBytes, 0);
  }
});

test('a page gives its memory back and takes other memory', () => {
  const page = new Page(5, true, Buffer.from(new ArrayBuffer(PAGE_SIZE)), PAGE_SIZE);
  page.u32[1] = 42;
  const bytes = page.detach();
  assert.equal(bytes.readUInt32LE(4), 42);
  assert.equal(page.bytes, null);
  assert.equal(page.u32.length, 0, 'nothing reads memory that belongs to somebody else now');
  page.attach(bytes);
  assert.equal(page.u32[1], 42);
  assert.throws(() => page.attach(Buffer.from(new ArrayBuffer(16), 4)), 'words must be aligned');
});
