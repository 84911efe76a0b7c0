import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nextRotationMs, readRotationDate } from './rotation-date.ts';

/** 26 November 2026 is a Thursday. By local time, as dates in the settings are. */
const now = new Date(2026, 10, 26, 13, 45, 10).getTime();

function next(text: string, fromMs = now): string {
  const at = new Date(nextRotationMs(readRotationDate(text), fromMs));
  const two = (value: number) => String(value).padStart(2, '0');
  return `${at.getMonth() + 1}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

describe('a date of rotation', () => {
  test('is a time of the day, of the week or of the month, or of every hour', () => {
    assert.equal(next('$D0'), '11-27 00:00');
    assert.equal(next('$D23'), '11-26 23:00');
    assert.equal(next('$D13H50'), '11-26 13:50');
    assert.equal(next('$H30'), '11-26 14:30');
    assert.equal(next('$H50'), '11-26 13:50');
    assert.equal(next('$W4D13'), '12-03 13:00');
    assert.equal(next('$W0'), '11-29 00:00');
    assert.equal(next('$M1D0'), '12-01 00:00');
    assert.equal(next('$M26D14'), '11-26 14:00');
  });

  test('on a day that a month has not is on its last', () => {
    assert.equal(next('$M31D5'), '11-30 05:00');
    assert.equal(next('$M31D5', new Date(2027, 0, 31, 6).getTime()), '2-28 05:00');
  });

  test('is always ahead, also right at the moment of one', () => {
    for (const text of ['$D0', '$H0', '$W1D4H30', '$M1D0']) {
      let at = now;
      for (let count = 0; count < 500; count++) {
        const following = nextRotationMs(readRotationDate(text), at);
        assert.ok(following > at, text);
        at = following;
      }
    }
  });

  test('that is none is refused with examples', () => {
    for (const text of ['', '$', 'D0', '$D24', '$H60', '$W7D0', '$M0D0', '$M32D0', '$W1M1', 'daily']) {
      assert.throws(() => readRotationDate(text), /expected a date such as \$D0/, text);
    }
  });
});
