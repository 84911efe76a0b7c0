import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceLimit } from '../config/alarm-options.ts';
import { createLog } from '../runtime/log.ts';
import { TestClock } from '../runtime/test-clock.ts';
import { Alarms } from './alarms.ts';
import { DiskAlarm } from './disk-alarm.ts';

const GB = 1e9;

/** A disk that has as much room as the test says. */
async function bench(limit: ResourceLimit = { absolute: GB }) {
  const clock = new TestClock();
  const lines: string[] = [];
  const log = createLog('info', (line) => lines.push(line.replace(/^.*> /, '').trim()));
  const alarms = new Alarms({ clock, log: createLog('none'), nodeName: 'node', changed: () => {} });
  const disk = { freeBytes: 100 * GB, looks: 0, look: async () => disk.freeBytes };
  const freeBytes = () => {
    disk.looks++;
    return disk.look();
  };
  const times = { shortestCheckMs: 100, longestCheckMs: 10_000 };
  const alarm = new DiskAlarm({ clock, log, alarms, limit, memoryBytes: 2 * GB, ...times, freeBytes });
  await alarm.check();
  /** Moves time on, a tenth of a second after the other, and lets every look end. */
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) {
      clock.advance(100);
      await new Promise((next) => setImmediate(next));
    }
  };
  return { alarm, alarms, clock, disk, lines, pass };
}

test('the alarm is raised below the limit, not at it, and cleared again; the log has RabbitMQ’s words', async () => {
  const { alarm, alarms, disk, lines } = await bench();
  disk.freeBytes = GB;
  await alarm.check();
  assert.equal(alarms.reason, null);
  disk.freeBytes = GB - 1;
  await alarm.check();
  assert.equal(alarms.reason, 'low on disk');
  disk.freeBytes = GB;
  await alarm.check();
  assert.equal(alarms.reason, null);
  assert.deepEqual(lines, [
    'Disk free limit set to 1000MB',
    'Free disk space is insufficient. Free bytes: 999999999. Limit: 1000000000',
    'Free disk space is sufficient. Free bytes: 1000000000. Limit: 1000000000',
  ]);
});

test('with plenty of room the disk is looked at every ten seconds', async () => {
  const { disk, pass } = await bench();
  await pass(30_000);
  assert.equal(disk.looks, 1 + 3);
});

test('close to the limit the disk is looked at ten times a second', async () => {
  const { alarm, disk, pass } = await bench();
  disk.freeBytes = GB + 1;
  await alarm.check();
  await pass(1000);
  assert.equal(disk.looks, 2 + 10);
});

test('in between, it is looked at in twice the time in which a fast writer gets to the limit', async () => {
  const { alarm, disk, pass } = await bench();
  disk.freeBytes = GB + 0.25 * GB;
  await alarm.check();
  await pass(10_000);
  assert.equal(disk.looks, 2 + 5);
});

test('room that comes back is seen within ten seconds', async () => {
  const { alarm, alarms, disk, pass } = await bench();
  disk.freeBytes = 0;
  await alarm.check();
  assert.equal(alarms.reason, 'low on disk');
  disk.freeBytes = 2 * GB;
  await pass(10_000);
  assert.equal(alarms.reason, null);
});

test('a limit that is set at run time has taken effect when the call is done', async () => {
  const { alarm, alarms } = await bench();
  await alarm.setLimit({ absolute: 200 * GB });
  assert.equal(alarms.reason, 'low on disk');
  await alarm.setLimit({ relative: 1.5 });
  assert.equal(alarms.reason, null);
  assert.equal(alarm.limitBytes, 3 * GB);
  assert.throws(() => alarm.setLimit({ absolute: -1 }), RangeError);
  assert.equal(alarm.limitBytes, 3 * GB);
});

test('a slow look at the disk does not undo what a later one has found', async () => {
  const { alarm, alarms, disk } = await bench();
  const slow = Promise.withResolvers<number>();
  disk.look = () => slow.promise;
  const first = alarm.check();
  disk.look = async () => 0;
  await alarm.check();
  slow.resolve(100 * GB);
  await first;
  assert.equal(alarms.reason, 'low on disk');
});

test('a disk that cannot be looked at keeps its alarm, is told of once, and is looked at again', async () => {
  const { alarm, alarms, disk, lines, pass } = await bench();
  disk.freeBytes = 0;
  await alarm.check();
  disk.look = () => Promise.reject(new Error('EIO: i/o error, statfs'));
  await pass(30_000);
  assert.equal(alarms.reason, 'low on disk');
  assert.deepEqual(lines.slice(2), ['free space is not known: EIO: i/o error, statfs']);
  disk.look = async () => 2 * GB;
  await pass(10_000);
  assert.equal(alarms.reason, null);
});

test('after stop() nothing is waiting, and a look that ends then changes nothing', async () => {
  const { alarm, alarms, clock, disk } = await bench();
  const late = Promise.withResolvers<number>();
  disk.look = () => late.promise;
  const looked = alarm.check();
  alarm.stop();
  late.resolve(0);
  await looked;
  assert.equal(clock.waiting, 0);
  assert.equal(alarms.reason, null);
});
