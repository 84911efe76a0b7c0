/** A backlog costs disk, not memory, and a start over it is quick. `npm run soak -- backlog` does the same with 5 million. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mebibytes, runBacklog } from './backlog.ts';

const MESSAGES = 100_000;
/** What a broker takes that holds nothing, and what is being read, written and collected on the way. */
const MEMORY_MAX = 256 * 1024 * 1024;

test(`${MESSAGES} persistent messages of 1 KiB survive kill -9 with 8 MiB of memory for messages, in order`, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-backlog-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const report = await runBacklog({
    directory,
    messages: MESSAGES,
    bodySizeBytes: 1024,
    settings: ['message_memory_limit = 8MiB', 'journal_file_size = 16MiB'],
    onStep: (step) => t.diagnostic(step),
  });
  assert(report.journalBytes > MESSAGES * 1024);
  for (const peak of [report.publishingPeakBytes, report.consumingPeakBytes]) {
    assert(peak < MEMORY_MAX, `${mebibytes(peak)} resident`);
  }
});
