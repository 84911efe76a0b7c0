import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestClock } from '../runtime/test-clock.ts';
import type { MessageStore } from '../storage/message-store.ts';
import { Turn } from './turn.ts';

test('a turn has one time, which what comes in later does not move', () => {
  const clock = new TestClock();
  const turn = new Turn(clock);
  turn.store = { commit: () => undefined, appended: 0, durable: 0 } as MessageStore;
  const startMs = clock.nowMs();
  turn.begin();
  clock.advance(7);
  turn.begin();
  assert.deepEqual([turn.nowMs - startMs, turn.cameInMs - startMs], [0, 7]);
  turn.run();
  turn.begin();
  assert.deepEqual([turn.nowMs - startMs, turn.cameInMs - startMs], [7, 7]);
});
