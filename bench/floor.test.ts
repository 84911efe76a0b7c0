/** The floor is a yardstick: it must do the work that it is there to do, with nothing lost and nothing out of order. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { awaitReady } from '../src/perf/idle-connections.ts';
import { monotonicUs } from '../src/perf/load-board.ts';
import { defaultLoadOptions, type LoadOptions } from '../src/perf/load-options.ts';
import { faultsOf, type LoadReport } from '../src/perf/load-report.ts';
import { runLoad } from '../src/perf/load-run.ts';
import { freePort, startNode } from './child.ts';

async function loadFloor(t: TestContext, args: readonly string[], options: Partial<LoadOptions>): Promise<LoadReport> {
  const port = await freePort();
  const program = join(import.meta.dirname, 'floor.ts');
  const floor = startNode([program, '--port', String(port), ...args], import.meta.dirname);
  t.after(() => floor.stop());
  const endpoint = { ...defaultLoadOptions, port };
  await awaitReady(endpoint, monotonicUs(), 30_000, () => floor.hasEnded());
  return runLoad({ ...endpoint, count: 20_000, ...options });
}

test('every message comes out once and in order, whatever its size', async (t) => {
  for (const bodySizeBytes of [16, 1024, 200_000]) {
    const count = bodySizeBytes > 100_000 ? 200 : 20_000;
    const report = await loadFloor(t, [], { bodySizeBytes, count });
    assert.deepEqual([faultsOf(report), report.received], [[], count], `${bodySizeBytes} bytes`);
  }
});

test('with a journal each message is on disk before it is confirmed', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-floor-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const journal = join(directory, 'journal');
  const options = { persistent: true, confirmWindow: 100, ackEvery: 10, count: 2000 };
  const report = await loadFloor(t, ['--journal', journal], options);
  assert.deepEqual([faultsOf(report), report.confirmed], [[], 2000]);
  assert.ok(statSync(journal).size > 2000 * 1024);
});

test('with fan-out each message reaches every queue', async (t) => {
  const options: Partial<LoadOptions> = { queues: 10, routing: 'topic-all', count: 500, inflightMax: 1000 };
  const report = await loadFloor(t, ['--fan-out'], options);
  assert.deepEqual([faultsOf(report), report.received], [[], 5000]);
});
