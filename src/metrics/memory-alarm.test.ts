import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceLimit } from '../config/alarm-options.ts';
import { createLog } from '../runtime/log.ts';
import { TestClock } from '../runtime/test-clock.ts';
import { Alarms } from './alarms.ts';
import { MemoryAlarm } from './memory-alarm.ts';

const CHECK_MS = 2500;
const TOTAL_BYTES = 1_000_000;
const GB = 1e9;

/** A process that takes as much memory as the test says. */
function bench(watermark: ResourceLimit = { relative: 0.4 }, totalBytes = TOTAL_BYTES) {
  const clock = new TestClock();
  const lines: string[] = [];
  const log = createLog('info', (line) => lines.push(line.replace(/^.*> /, '').trim()));
  const process = { usedBytes: 100_000, garbageBytes: 0, keptBytes: 0, collections: 0, collectionMs: 0, looks: 0 };
  const memory = {
    totalBytes,
    residentBytes: () => {
      process.looks++;
      return process.usedBytes + process.garbageBytes + process.keptBytes;
    },
    collectGarbage: () => {
      clock.advance(process.collectionMs);
      process.collections++;
      process.garbageBytes = 0;
    },
  };
  const alarms = new Alarms({ clock, log: createLog('none'), nodeName: 'node', changed: () => {} });
  const reclaim = () => {
    process.garbageBytes += process.keptBytes;
    process.keptBytes = 0;
  };
  const times = { shortestCheckMs: 100, longestCheckMs: CHECK_MS };
  const alarm = new MemoryAlarm({ clock, log, memory, alarms, watermark, ...times, reclaim });
  alarm.check();
  return { alarm, alarms, clock, lines, process };
}

test('the alarm is raised above the watermark, not at it, and cleared again; the log has RabbitMQ’s words', () => {
  const { alarms, clock, lines, process } = bench();
  process.usedBytes = 400_000;
  clock.advance(CHECK_MS);
  assert.equal(alarms.reason, null);
  process.usedBytes = 400_001;
  clock.advance(CHECK_MS);
  assert.equal(alarms.reason, 'low on memory');
  process.usedBytes = 400_000;
  clock.advance(CHECK_MS);
  assert.equal(alarms.reason, null);
  assert.deepEqual(lines, [
    'Memory high watermark set to 0 MiB (400000 bytes) of 0 MiB (1000000 bytes) total',
    'vm_memory_high_watermark set. Memory used:400001 allowed:400000',
    'vm_memory_high_watermark clear. Memory used:400000 allowed:400000',
  ]);
});

test('a watermark that is set at run time takes effect at once, and is at most all the memory there is', () => {
  const { alarm, alarms } = bench();
  alarm.setWatermark({ absolute: 99_999 });
  assert.equal(alarms.reason, 'low on memory');
  alarm.setWatermark({ absolute: 5 * TOTAL_BYTES });
  assert.equal(alarms.reason, null);
  assert.equal(alarm.limitBytes, TOTAL_BYTES);
  alarm.setWatermark({ relative: 0 });
  assert.equal(alarms.reason, 'low on memory');
});

test('what is no limit is refused and changes nothing', () => {
  const { alarm } = bench();
  for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => alarm.setWatermark({ absolute: wrong }), RangeError);
    assert.throws(() => alarm.setWatermark({ relative: wrong }), RangeError);
  }
  assert.equal(alarm.limitBytes, 400_000);
});

test('garbage and memory that is kept for later raise no alarm', () => {
  const { alarm, alarms, clock, process } = bench();
  Object.assign(process, { garbageBytes: 300_000, keptBytes: 300_000 });
  clock.advance(CHECK_MS);
  assert.equal(alarms.reason, null);
  assert.equal(alarm.usedBytes, 100_000);
  assert.equal(process.collections, 1);
});

test('below the watermark no garbage is collected', () => {
  const { clock, process } = bench();
  process.garbageBytes = 200_000;
  clock.advance(10 * CHECK_MS);
  assert.equal(process.collections, 0);
});

test('while the alarm is in force, what is freed clears it although the process is idle', () => {
  const { alarms, clock, process } = bench();
  process.usedBytes = 500_000;
  clock.advance(CHECK_MS);
  assert.equal(alarms.reason, 'low on memory');
  Object.assign(process, { usedBytes: 100_000, keptBytes: 400_000 });
  clock.advance(CHECK_MS);
  assert.equal(alarms.reason, null);
});

test('collecting takes no more than about a twentieth of the time', () => {
  const { clock, process } = bench();
  Object.assign(process, { usedBytes: 500_000, collectionMs: 1000 });
  const startedAtMs = clock.nowMs();
  while (clock.nowMs() - startedAtMs < 200_000) clock.advance(CHECK_MS);
  assert.ok(process.collections >= 8 && process.collections <= 11, `${process.collections} in 200 s`);
});

test('memory is looked at every two and a half seconds far from the watermark, and ten times a second close to it', () => {
  const { clock, process } = bench({ relative: 0.4 }, 25 * GB);
  process.looks = 0;
  clock.advance(10_000);
  assert.equal(process.looks, 4);
  process.usedBytes = 9.99 * GB;
  clock.advance(CHECK_MS);
  process.looks = 0;
  clock.advance(1000);
  assert.equal(process.looks, 10);
});

test('after stop() nothing is waiting', () => {
  const { alarm, clock } = bench();
  alarm.stop();
  assert.equal(clock.waiting, 0);
});
