import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Log } from '../runtime/log.ts';
import { TestClock } from '../runtime/test-clock.ts';
import { Alarms } from './alarms.ts';

function alarms() {
  const clock = new TestClock(1000);
  const lines: string[] = [];
  const changes: string[] = [];
  const tell = (_: string, text: string) => void lines.push(text);
  const log: Log = { debug: tell, info: tell, warning: tell, error: tell };
  const all = new Alarms({ clock, log, nodeName: 'leveret@host', changed: (cause) => changes.push(cause) });
  return { all, clock, lines, changes };
}

test('clients are told the resources that are low, disk first as in RabbitMQ, and nothing when none is', () => {
  const { all } = alarms();
  assert.equal(all.reason, null);
  all.set('memory', true);
  assert.equal(all.reason, 'low on memory');
  all.set('disk', true);
  assert.equal(all.reason, 'low on disk & memory');
  all.set('memory', false);
  assert.equal(all.reason, 'low on disk');
  all.set('disk', false);
  assert.equal(all.reason, null);
});

test('a disk that refuses writes and one that is nearly full are one resource and two alarms', () => {
  const { all, clock, lines } = alarms();
  all.set('journal', true);
  clock.advance(500);
  all.set('disk', true);
  assert.equal(all.reason, 'low on disk');
  assert.deepEqual(all.inForce, [
    { cause: 'journal', resource: 'disk', sinceMs: 1000 },
    { cause: 'disk', resource: 'disk', sinceMs: 1500 },
  ]);
  all.set('journal', false);
  assert.equal(all.reason, 'low on disk');
  all.set('disk', false);
  assert.deepEqual(lines, [
    "disk resource limit alarm set on node 'leveret@host'. *** Publishers will be blocked until this alarm clears ***",
    "disk resource limit alarm cleared on node 'leveret@host'",
  ]);
});

test('an alarm is raised once and cleared once, however often its cause is seen', () => {
  const { all, clock, changes } = alarms();
  assert.equal(all.set('memory', true), true);
  clock.advance(500);
  assert.equal(all.set('memory', true), false);
  assert.equal(all.inForce[0]?.sinceMs, 1000);
  all.set('memory', false);
  all.set('memory', false);
  assert.deepEqual(changes, ['memory', 'memory']);
});
