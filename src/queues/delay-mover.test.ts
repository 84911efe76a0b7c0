import assert from 'node:assert/strict';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, describe, type TestContext, test } from 'node:test';
import { TestLine } from './test-delay-line.ts';

const LATER = { 'x-delay': 600_000 };
/** A test line makes a segment of so many messages of 1000 bytes. */
const BLOCK_MESSAGES = 66;

let line: TestLine;
afterEach(() => line.abandon());

const ids = () => line.released.map(({ id }) => id);

function publish(count: number, delayMs = 600_000): void {
  for (let i = 0; i < count; i++) line.publish(`m${i}`, { 'x-delay': delayMs });
}

describe('an exchange that is deleted', () => {
  test('while a page is read of what is to be moved ends the move', async () => {
    line = new TestLine();
    line.disk.temporaryFailure = 'ENOSPC';
    // More than there is memory for: what waits to be moved is on the disk alone.
    for (let i = 0; i < 160; i++) {
      line.publish(`m${i}`, LATER, 100_000);
      if (i % 10 === 9) await line.commit();
    }
    await line.settle();
    line.disk.temporaryFailure = null;
    line.disk.holdingReads = true;
    await line.until(() => {
      line.clock.advance(1000);
      return line.disk.heldReads > 0;
    });
    line.line.destroy();
    line.disk.holdingReads = false;
    line.disk.releaseReads();
    await line.mover.idle();
    await line.until(() => !fs.existsSync(line.files.folderOf(7)));
  });

  test('while others wait to be written leaves no file', async () => {
    line = new TestLine();
    line.disk.holding = true;
    publish(3 * BLOCK_MESSAGES);
    await line.until(() => line.disk.heldWrites > 0 && fs.existsSync(line.files.folderOf(7)));
    line.line.destroy();
    await line.until(() => !fs.existsSync(line.files.folderOf(7)));
    line.disk.holding = false;
    while (line.disk.heldWrites > 0) line.disk.release();
    await line.mover.idle();
    await new Promise<void>((done) => fs.stat(line.directory, () => done()));
    await line.until(() => !fs.existsSync(line.files.folderOf(7)));
  });
});

/** Files of segments cannot be opened for reading until the function that is returned is called. */
function withoutDescriptors(t: TestContext): () => void {
  const { openSync } = fs;
  const open = t.mock.method(fs, 'openSync', (path: fs.PathLike, flags: fs.OpenMode, mode?: fs.Mode) => {
    if (String(path).endsWith('.segment')) throw Object.assign(new Error('EMFILE: too many'), { code: 'EMFILE' });
    return openSync(path, flags, mode);
  });
  syncBuiltinESMExports();
  const restore = () => {
    open.mock.restore();
    syncBuiltinESMExports();
  };
  t.after(restore);
  return restore;
}

describe('a process that has no descriptors left', () => {
  test('has what it moves in the journal or in a segment, and not in both', async (t) => {
    line = new TestLine();
    const restore = withoutDescriptors(t);
    publish(3 * BLOCK_MESSAGES, 60_000);
    await line.settle();
    restore();
    line.clock.jump(60_000);
    await line.pass(4000, 250);
    assert.equal(line.released.length, 3 * BLOCK_MESSAGES);
    line.emptyQueue();
    await line.commit();
    line = line.crash();
    await line.pass(4000, 250);
    assert.deepEqual(ids(), []);
  });

  test('loses nothing that it cannot read meanwhile, and says so once for each file', async (t) => {
    line = new TestLine();
    publish(3 * BLOCK_MESSAGES, 60_000);
    await line.settle();
    line = await line.restart();
    const restore = withoutDescriptors(t);
    line.clock.jump(60_000);
    await line.pass(10_000, 250);
    assert(line.line.count >= 2 * BLOCK_MESSAGES);
    restore();
    await line.pass(4000, 250);
    assert.equal(new Set(ids()).size, 3 * BLOCK_MESSAGES);
    assert.deepEqual(line.store.damage, []);
    const told = line.logged.filter((text) => /cannot be read for now: EMFILE/.test(text));
    assert(told.length > 0);
    assert.equal(new Set(told).size, told.length);
  });
});
