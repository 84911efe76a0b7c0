import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StopSignals } from './stop-signals.ts';

test('one signal is one stop, however many processes pass it on', () => {
  const signals = new StopSignals();
  assert.deepEqual(
    [5000, 5000, 5003, 5999].map((nowMs) => signals.take(nowMs)),
    ['stop', 'echo', 'echo', 'echo'],
  );
});

test('a signal of somebody who does not want to wait ends it at once', () => {
  const signals = new StopSignals();
  assert.deepEqual(
    [5000, 6000].map((nowMs) => signals.take(nowMs)),
    ['stop', 'end-at-once'],
  );
});
