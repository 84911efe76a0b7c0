import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_ALARMS } from '../config/alarm-options.ts';
import { createLog } from '../runtime/log.ts';
import { TestClock } from '../runtime/test-clock.ts';
import { Resources } from './resources.ts';

function figures(totalMemoryBytes?: number) {
  const total = totalMemoryBytes === undefined ? {} : { totalMemoryBytes };
  const resources = new Resources({
    clock: new TestClock(),
    log: createLog('none'),
    nodeName: 'node',
    memory: { totalBytes: 1000, residentBytes: () => 10, collectGarbage: () => {} },
    freeDiskBytes: async () => 1e9,
    settings: { ...DEFAULT_ALARMS, ...total, diskFreeLimit: { relative: 2 } },
    changed: () => {},
    reclaim: () => {},
  });
  return resources.figures();
}

test('shares of memory are of the machine’s, or of what is said to be there', () => {
  const machine = figures();
  assert.deepEqual([machine.memoryLimitBytes, machine.diskFreeLimitBytes], [400, 2000]);
  const said = figures(500);
  assert.deepEqual([said.memoryLimitBytes, said.diskFreeLimitBytes], [200, 1000]);
});
