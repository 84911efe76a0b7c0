/** A short run of all parts against this broker; what it measures then means nothing, but it must be there and without a fault. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DelayedFigures } from './delayed.ts';
import { measure } from './measure.ts';
import { allScenarios } from './scenarios.ts';
import { targets } from './targets.ts';

const SIZES = {
  seconds: 1,
  warmUpSeconds: 1,
  count: 1,
  idleConnections: 1,
  management: { queues: 1, connections: 1, users: 1 },
  delayed: { seconds: 0.5, ratesPerSecond: [100], waiting: 2000 },
};

const figures: Readonly<Record<string, readonly (keyof DelayedFigures)[]>> = {
  'delayed-in': [
    'plainInPerSecond',
    'delayedInPerSecond',
    'delayedShare',
    'plainInCpuUs',
    'delayedInCpuUs',
    'publishingOtherCores',
  ],
  'delayed-late': [
    'releasedPerSecond',
    'pathP50Ms',
    'pathP99Ms',
    'latenessP50Ms',
    'latenessP99Ms',
    'latenessP999Ms',
    'latenessMaxMs',
    'latenessOtherCores',
  ],
  'delayed-waiting': [
    'waitingCount',
    'waitingReleasedPerSecond',
    'waitingPathP50Ms',
    'waitingPathP99Ms',
    'waitingLatenessP50Ms',
    'waitingLatenessP99Ms',
    'waitingLatenessP999Ms',
    'waitingLatenessMaxMs',
    'waitingOtherCores',
    'waitingPeakMib',
    'waitingRestartMs',
    'restartedMib',
  ],
};

for (const [letter, wanted] of Object.entries(figures)) {
  test(`${letter} measures what it is there for`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'leveret-bench-delayed-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const scenario = allScenarios(SIZES).find((one) => one.letter === letter)!;
    const [measured, ...others] = await measure(scenario, targets.find(({ name }) => name === 'leveret')!, directory);
    assert.equal(others.length, 0);
    assert.equal(measured!.fault, null);
    const there = Object.entries(measured!.figures).filter(([, value]) => value !== null);
    assert.deepEqual(there.map(([name]) => name).sort(), [...wanted].sort());
    if (letter !== 'delayed-waiting') return;
    assert.equal(measured!.figures.waitingCount, 2000);
    assert.ok(measured!.figures.waitingRestartMs! > 0, 'a start takes its time');
  });
}
