import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPid, pidOf } from './pids.ts';

test('a pid has no spaces, so that a script finds it in a column', () => {
  const pid = pidOf('leveret@host', '[::1]:40000 -> [::1]:5672 (1)');
  assert.equal(pid, '<leveret@host.[::1]:40000->[::1]:5672(1)>');
  assert.ok(isPid(pid));
});

test('RabbitMQ’s pids are pids, too, and other words are not', () => {
  assert.ok(isPid('<rabbit@host.1795657624.3027.0>'));
  for (const text of ['xx', '<1.2.3>', '<rabbit@host.1', 'rabbit@host.1>', '']) assert.ok(!isPid(text), text);
});
