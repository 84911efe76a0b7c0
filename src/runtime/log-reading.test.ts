import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { lastLines, linesSince, readCursor, writtenCursor } from './log-reading.ts';

function logFile(t: TestContext, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-log-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'x.log');
  writeFileSync(path, text);
  return path;
}

test('the last lines are whole ones, however long they are: one that is being written is left for later', async (t) => {
  const long = 'x'.repeat(100_000);
  const path = logFile(t, `a\n${long}\nc\nhalf`);
  assert.deepEqual((await lastLines(path, 1)).lines, ['c']);
  assert.deepEqual((await lastLines(path, 2)).lines, [long, 'c']);
  assert.deepEqual((await lastLines(path, 50)).lines, ['a', long, 'c']);
  assert.deepEqual((await lastLines(path, 0)).lines, []);
});

test('what comes afterwards is read once, with what was half written before', async (t) => {
  const path = logFile(t, 'a\nb');
  const { cursor } = await lastLines(path, 0);
  assert.deepEqual((await linesSince(path, cursor)).lines, []);
  appendFileSync(path, 'b\nc\n');
  const later = await linesSince(path, cursor);
  assert.deepEqual(later.lines, ['bb', 'c']);
  assert.deepEqual((await linesSince(path, later.cursor)).lines, []);
});

test('a rotation meanwhile loses nothing', async (t) => {
  const path = logFile(t, 'a\n');
  const { cursor } = await lastLines(path, 10);
  appendFileSync(path, 'b\n');
  renameSync(path, `${path}.0`);
  writeFileSync(path, 'c\n');
  assert.deepEqual((await linesSince(path, cursor)).lines, ['b', 'c']);
  rmSync(`${path}.0`);
  assert.deepEqual((await linesSince(path, cursor)).lines, ['c']);
});

test('a cursor is a text outside, and no other text is one', () => {
  const cursor = { inode: 12, offset: 345 };
  assert.deepEqual(readCursor(writtenCursor(cursor)), cursor);
  for (const text of ['', '12', '12:-1', '12:3:4', 'x:1']) assert.equal(readCursor(text), null);
});
