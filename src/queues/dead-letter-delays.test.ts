import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deadLetterStep, faultOfDelays, readDelays } from './dead-letter-delays.ts';
import type { QueueSettings } from './queue-settings.ts';

describe('a list of delays', () => {
  test('has milliseconds, and texts with a unit', () => {
    const values = [0, 250, 7n, '500ms', '1s', '10s', '1m', '2h', '1d', '3650d'];
    const expected = [0, 250, 7, 500, 1000, 10_000, 60_000, 7_200_000, 86_400_000, 315_360_000_000];
    assert.deepEqual(readDelays(values), expected);
  });

  const faults: readonly (readonly [values: unknown, fault: RegExp])[] = [
    ['1s', /^a list of delays is expected$/],
    [{ '0': 1 }, /^a list of delays is expected$/],
    [undefined, /^a list of delays is expected$/],
    [[], /^1 to 32 delays are expected, not 0$/],
    [Array(33).fill(1), /^1 to 32 delays are expected, not 33$/],
    [[1, -1], /^delay 2 is neither a number of milliseconds nor a text such as 500ms/],
    ...[1.5, Number.NaN, -1n, '1', '1 s', '1.5s', '1w', 's', '', ' 1s', true, null, [1]].map(
      (value) => [[value], /^delay 1 is neither/] as const,
    ),
    [['1s', '3651d'], /^delay 2 is longer than ten years$/],
    [[315_360_000_001], /^delay 1 is longer than ten years$/],
    [[Number.POSITIVE_INFINITY], /^delay 1 is neither/],
    [[`${'9'.repeat(400)}d`], /^delay 1 is longer than ten years$/],
  ];
  for (const [values, fault] of faults) {
    const shown = JSON.stringify(values, (_, value) => (typeof value === 'bigint' ? `${value}n` : value));
    test(`is refused when it is ${shown?.slice(0, 40)}`, () => {
      assert.match(faultOfDelays(values) ?? 'it was taken', fault);
      assert.equal(readDelays(values), undefined);
    });
  }

  test('may have 32 of them', () => {
    assert.equal(readDelays(Array(32).fill('1d'))?.length, 32);
  });
});

describe('a dead letter', () => {
  const steps = (settings: Partial<QueueSettings>, ...attempts: number[]) =>
    attempts.map((attempt) => {
      const given = { overflow: 'drop-head', singleActiveConsumer: false, ...settings } as const;
      const { exchange, delayMs } = deadLetterStep(given, attempt);
      return `${delayMs} ${exchange}`;
    });

  test('waits for the delay of its attempt, and for the last one from then on', () => {
    const settings = { deadLetterExchange: 'x', deadLetterDelaysMs: [10, 0, 30] };
    assert.deepEqual(steps(settings, 1, 2, 3, 4, 1e300), ['10 x', '0 x', '30 x', '30 x', '30 x']);
  });

  test('goes to the final exchange at once after the last delay', () => {
    const settings = { deadLetterExchange: '', deadLetterDelaysMs: [10, 20], deadLetterFinalExchange: 'parked' };
    assert.deepEqual(steps(settings, 1, 2, 3, 4), ['10 ', '20 ', '0 parked', '0 parked']);
  });

  test('without delays goes to its exchange at once, whatever the final one is', () => {
    assert.deepEqual(steps({ deadLetterExchange: 'x', deadLetterFinalExchange: 'parked' }, 1, 9), ['0 x', '0 x']);
  });
});
