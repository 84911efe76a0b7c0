import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completeLoadOptions } from '../src/perf/load-options.ts';
import { allScenarios } from './scenarios.ts';

const SIZES = {
  seconds: 6,
  warmUpSeconds: 2,
  count: 1_000_000,
  idleConnections: 1000,
  management: { queues: 10, connections: 2, users: 1 },
  delayed: { seconds: 4, ratesPerSecond: [10_000, 5000], waiting: 1000 },
};

test('the letters are those that figures of all times are compared by', () => {
  const letters = allScenarios(SIZES).map(({ letter }) => letter);
  assert.deepEqual(letters, [
    'a',
    'b',
    'c',
    'd',
    'm',
    'e',
    'ep',
    'f',
    'fp',
    'g1',
    'g2',
    'i',
    'start',
    'management',
    's-none',
    's-coarse',
    's-fine',
    's-detailed',
    'delayed-in',
    'delayed-late',
    'delayed-waiting',
  ]);
});

test('every load is one that the generator can run', () => {
  for (const { steps } of allScenarios(SIZES)) {
    for (const step of steps) if (step.kind === 'load') completeLoadOptions(step.options);
  }
});

test('where messages are persistent, the floor journals them too', () => {
  for (const { letter, steps, floor } of allScenarios(SIZES)) {
    const persistent = steps.some((step) => step.kind === 'load' && step.options.persistent === true);
    if (floor !== null) assert.equal(floor.journal, persistent, letter);
  }
});

test('a backlog is published and then consumed, to the same count', () => {
  for (const letter of ['e', 'ep']) {
    const scenario = allScenarios(SIZES).find((one) => one.letter === letter);
    const steps = scenario!.steps.map((step) => (step.kind === 'load' ? step.options : {}));
    assert.deepEqual(
      steps.map(({ mode, count }) => [mode, count]),
      [
        ['publish', 1_000_000],
        ['consume', 1_000_000],
      ],
    );
  }
});
