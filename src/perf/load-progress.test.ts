import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoadBoard, slot } from './load-board.ts';
import { type LoadProgress, ProgressWatch } from './load-progress.ts';

test('rates are told once a second, of that second and that phase only', () => {
  const board = new LoadBoard(2, 1);
  const told: LoadProgress[] = [];
  let nowUs = 5e6;
  const watch = new ProgressWatch(
    board,
    (progress) => told.push(progress),
    () => nowUs,
  );
  board.setPublisher(0, slot.published, 1000);
  watch.begin('warm-up');
  board.setPublisher(0, slot.published, 1300);
  nowUs += 0.9e6;
  watch.observe();
  assert.equal(told.length, 0, 'not yet a second');
  board.setPublisher(1, slot.published, 100);
  board.setPublisher(1, slot.confirmed, 50);
  board.setConsumer(0, slot.received, 800);
  nowUs += 1.1e6;
  watch.observe();
  watch.observe();
  watch.begin('measured');
  board.setConsumer(0, slot.received, 900);
  nowUs += 1e6;
  watch.observe();
  assert.deepEqual(told, [
    { phase: 'warm-up', elapsedSeconds: 2, publishedPerSecond: 200, confirmedPerSecond: 25, receivedPerSecond: 400 },
    { phase: 'measured', elapsedSeconds: 1, publishedPerSecond: 0, confirmedPerSecond: 0, receivedPerSecond: 100 },
  ]);
});
