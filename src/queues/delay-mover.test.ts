import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { afterEach, describe, test } from 'node:test';
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
