/** Killed while journal files are being compacted: what a forgotten queue holds is there, and the disk is given back in the end. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCompactionKills } from './compaction-kills.ts';

const KILLS = 4;

test(`a kill in the midst of a compaction loses nothing, ${KILLS} times, and then the disk is given back`, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-compaction-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const { beforeBytes, afterBytes } = await runCompactionKills({ directory, kills: KILLS });
  assert(beforeBytes > 8 * 1024 * 1024);
  assert(afterBytes < beforeBytes / 2, `${afterBytes} of ${beforeBytes}`);
});
