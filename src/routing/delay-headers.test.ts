import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FieldTable, FieldValue } from '../protocol/field-table.ts';
import { type BasicProperties, encodeProperties } from '../protocol/properties.ts';
import { delayIn, delayOf, dueAtIn, LATEST_MS, releasedHeaders } from './delay-headers.ts';

const NOW_MS = 1_700_000_000_000;
const VALUES: readonly (readonly [FieldValue, number])[] = [
  [{ type: 'b', value: 5 }, 5],
  [{ type: 'B', value: 200 }, 200],
  [{ type: 's', value: -3 }, -3],
  [{ type: 'u', value: 40_000 }, 40_000],
  [{ type: 'I', value: 100_000 }, 100_000],
  [{ type: 'i', value: 4_000_000_000 }, 4_000_000_000],
  [{ type: 'l', value: 2 ** 45 }, 2 ** 45],
  [{ type: 'f', value: 1.5 }, 1],
  [{ type: 'd', value: -7.9 }, -7],
  [{ type: 'S', value: '+250' }, 250],
  [{ type: 'x', value: Buffer.from('60') }, 60],
  [{ type: 'S', value: '1.5' }, Number.NaN],
  [{ type: 'S', value: '' }, Number.NaN],
  [{ type: 't', value: true }, 0],
  [{ type: 'V' }, 0],
  [{ type: 'D', scale: 0, value: 9 }, 0],
  [{ type: 'F', value: new Map() }, 0],
];

/** By the decoded headers and by the bytes: both have to say the same. */
function delay(headers: FieldTable, others: BasicProperties = {}): number {
  const bytes = encodeProperties({ ...others, headers });
  const padded = Buffer.concat([Buffer.alloc(3, 0xff), bytes, Buffer.alloc(3, 0xff)]);
  const byBytes = delayIn(padded, 3, 3 + bytes.length, NOW_MS);
  assert.equal(byBytes, delayOf(headers, NOW_MS));
  return byBytes;
}

test('x-delay is read in every form that the plugin takes, wherever it stands among properties and headers', () => {
  for (const [value, expected] of VALUES) {
    const around = VALUES.map(([other], i) => [`h${i}`, other] as const);
    assert.equal(delay(new Map([['x-delay', value]])), expected);
    const headers = new Map<string, FieldValue>([...around, ['x-delay', value], ['x-delays', { type: 'I', value: 1 }]]);
    assert.equal(
      delay(headers, { contentType: 'text/plain', contentEncoding: 'gzip', messageId: 'x-delay' }),
      expected,
    );
  }
  assert.equal(delayIn(encodeProperties({ deliveryMode: 2 }), 0, 3, NOW_MS), 0);
});

test('x-deliver-at is a moment in seconds as a timestamp, in milliseconds otherwise, and x-delay goes before it', () => {
  const at = (value: FieldValue, delayValue?: FieldValue): number => {
    const headers = new Map([['x-deliver-at', value]]);
    if (delayValue !== undefined) headers.set('x-delay', delayValue);
    return delay(headers);
  };
  assert.equal(at({ type: 'T', value: NOW_MS / 1000 + 60 }), 60_000);
  assert.equal(at({ type: 'l', value: NOW_MS + 50 }), 50);
  assert.equal(at({ type: 'S', value: String(NOW_MS + 50) }), 50);
  assert(at({ type: 'T', value: 1000 }) < 0);
  assert.equal(at({ type: 't', value: true }), 0);
  assert.equal(at({ type: 'l', value: NOW_MS + 50 }, { type: 'I', value: 7 }), 7);
});

test('nothing is due later than the year 9999, whatever a header that nobody checked says', () => {
  const bytes = encodeProperties({ headers: new Map([['x-delay', { type: 'l', value: 2 ** 52 }]]) });
  assert.equal(dueAtIn(bytes, 0, bytes.length, NOW_MS), LATEST_MS);
});

test('on release x-delay is the negative of what was waited, in 64 bits where 32 are too few', () => {
  const released = (headers: FieldTable) => releasedHeaders(headers, NOW_MS, false).get('x-delay');
  assert.deepEqual(released(new Map([['x-delay', { type: 'S', value: '250' }]])), { type: 'I', value: -250 });
  assert.deepEqual(released(new Map([['x-delay', { type: 'l', value: 2 ** 40 }]])), { type: 'l', value: -(2 ** 40) });
  const moment = new Map<string, FieldValue>([['x-deliver-at', { type: 'l', value: NOW_MS + 9 }]]);
  assert.deepEqual(
    [...releasedHeaders(moment, NOW_MS, true)],
    [
      ['x-deliver-at', { type: 'l', value: NOW_MS + 9 }],
      ['x-delay', { type: 'I', value: -9 }],
      ['x-delay-repeated', { type: 't', value: true }],
    ],
  );
});
