import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retentionsOf } from './sample-retention.ts';

test('lengths of time have RabbitMQ’s names or are seconds, and the closest samples come first', () => {
  const given = new Map([
    ['day', 1800],
    ['minute', 5],
    ['7200', 120],
    ['hour', 60],
  ]);
  assert.deepEqual(retentionsOf(given, 'global'), [
    { reachSeconds: 60, intervalSeconds: 5 },
    { reachSeconds: 3600, intervalSeconds: 60 },
    { reachSeconds: 7200, intervalSeconds: 120 },
    { reachSeconds: 86_400, intervalSeconds: 1800 },
  ]);
});

for (const [name, interval] of [
  ['week', 5],
  ['0', 5],
  ['minute', 0],
  ['minute', 61],
  ['day', 5],
] as const) {
  test(`${name} = ${interval} is refused with the whole key`, () => {
    assert.throws(
      () => retentionsOf(new Map([[name, interval]]), 'basic'),
      new RegExp(`management\\.sample_retention_policies\\.basic\\.${name}.*: expected `),
    );
  });
}
