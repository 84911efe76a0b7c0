import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FieldValue, fromPlain, toPlain } from '../protocol/field-table.ts';
import type { BasicProperties } from '../protocol/properties.ts';
import {
  type Death,
  deadLetteredProperties,
  deadLetterRoutingKeys,
  deathCountOf,
  isDeadLetterCycle,
} from './dead-letter-headers.ts';

const NOW_SECONDS = 1_000_000;

function death(values: Partial<Death> = {}): Death {
  const fixed = { properties: {}, queue: 'q', reason: 'rejected' as const, exchange: 'x', routingKey: 'k' };
  return { ...fixed, nowSeconds: NOW_SECONDS, blindKeys: [], ...values };
}

/** Dies once more in another queue, or for another reason. */
function dieAgain(properties: BasicProperties, queue: string, reason: Death['reason'] = 'rejected'): BasicProperties {
  return deadLetteredProperties(death({ properties, queue, reason }));
}

function headers(properties: BasicProperties) {
  return toPlain(properties.headers!);
}

/** `queue reason count` of each entry of x-death. */
function deaths(properties: BasicProperties): string[] {
  const entries = headers(properties)['x-death'] as { queue: string; reason: string; count: number }[];
  return entries.map(({ queue, reason, count }) => `${queue} ${reason} ${count}`);
}

function withDeaths(...entries: readonly Record<string, string | number>[]): BasicProperties {
  return { headers: fromPlain({ 'x-death': entries }) };
}

describe('x-death', () => {
  test('tells of the first death all there is to tell', () => {
    const properties = deadLetteredProperties(
      death({ properties: { messageId: 'm', headers: fromPlain({ mine: 1 }) } }),
    );
    assert.equal(properties.messageId, 'm');
    assert.deepEqual(headers(properties), {
      mine: 1,
      'x-death': [
        { count: 1, reason: 'rejected', queue: 'q', time: NOW_SECONDS, exchange: 'x', 'routing-keys': ['k'] },
      ],
      'x-first-death-exchange': 'x',
      'x-first-death-queue': 'q',
      'x-first-death-reason': 'rejected',
    });
  });

  test('has a count and a time of the types that clients read', () => {
    const entries = deadLetteredProperties(death()).headers!.get('x-death') as { value: readonly FieldValue[] };
    const { value } = entries.value[0] as unknown as { value: Map<string, FieldValue> };
    assert.deepEqual([value.get('count')!.type, value.get('time')!.type], ['l', 'T']);
  });

  test('counts the same queue and reason, and keeps the time and keys of the first of them', () => {
    const once = deadLetteredProperties(death());
    const twice = deadLetteredProperties(death({ properties: once, nowSeconds: NOW_SECONDS + 9, routingKey: 'other' }));
    assert.deepEqual(deaths(twice), ['q rejected 2']);
    const [entry] = headers(twice)['x-death'] as { time: number; 'routing-keys': string[] }[];
    assert.deepEqual([entry!.time, entry!['routing-keys']], [NOW_SECONDS, ['k']]);
  });

  test('has the latest death first, and the first-death headers stay those of the first', () => {
    const properties = dieAgain(dieAgain({}, 'one'), 'two', 'expired');
    assert.deepEqual(deaths(properties), ['two expired 1', 'one rejected 1']);
    assert.equal(headers(properties)['x-first-death-queue'], 'one');
    assert.equal(headers(properties)['x-first-death-reason'], 'rejected');
  });

  test('turns the order of older deaths around, as RabbitMQ 3.10.8 does', () => {
    const three = dieAgain(dieAgain(dieAgain({}, 'one'), 'two'), 'three');
    assert.deepEqual(deaths(three), ['three rejected 1', 'one rejected 1', 'two rejected 1']);
    assert.deepEqual(deaths(dieAgain(three, 'two')), ['two rejected 2', 'one rejected 1', 'three rejected 1']);
  });

  test('of a client with one entry a death and no count is counted', () => {
    const old = { queue: 'q', reason: 'rejected' };
    const properties = withDeaths(old, { queue: 'other', reason: 'expired' }, old);
    assert.deepEqual(deaths(dieAgain(properties, 'q')), ['q rejected 3', 'other expired 1']);
  });

  test('of a client with a count of another type, or none, is counted on or begun anew', () => {
    const counted = (count: number | string) => withDeaths({ queue: 'q', reason: 'rejected', count });
    assert.deepEqual(deaths(dieAgain(counted(4), 'q')), ['q rejected 5']);
    assert.deepEqual(deaths(dieAgain(counted('many'), 'q')), ['q rejected 1']);
    assert.deepEqual(deaths(dieAgain(withDeaths({ queue: 'q', reason: 'rejected' }), 'q')), ['q rejected 1']);
  });

  test('of a client that is no array is replaced, and is no first death', () => {
    const properties = dieAgain({ headers: fromPlain({ 'x-death': 'me' }) }, 'q');
    assert.deepEqual(deaths(properties), ['q rejected 1']);
    assert.equal('x-first-death-queue' in headers(properties), false);
  });

  test('keeps entries that are no tables, because they belong to the client', () => {
    const properties = dieAgain({ headers: fromPlain({ 'x-death': ['odd', 1] }) }, 'q');
    assert.deepEqual((headers(properties)['x-death'] as unknown[]).slice(1), [1, 'odd']);
  });

  test('tells the expiration, which the dead letter no longer has: it must not die where it goes', () => {
    const properties = deadLetteredProperties(death({ properties: { expiration: '50' }, reason: 'expired' }));
    assert.equal('expiration' in properties, false);
    const [entry] = headers(properties)['x-death'] as { 'original-expiration': string }[];
    assert.equal(entry!['original-expiration'], '50');
  });
});

describe('the keys of a dead letter', () => {
  const copied = { headers: fromPlain({ CC: ['c1', 'c2'] }) };

  test('are those that it was published with, those of CC and BCC included', () => {
    const keys = deadLetterRoutingKeys(death({ properties: copied, blindKeys: ['b'] }));
    assert.deepEqual(keys, { routingKey: 'k', copies: ['c1', 'c2'], blindKeys: ['b'] });
    const [entry] = headers(deadLetteredProperties(death({ properties: copied, blindKeys: ['b'] })))['x-death'] as {
      'routing-keys': string[];
    }[];
    assert.deepEqual(entry!['routing-keys'], ['k', 'c1', 'c2'], 'a blind key is told to nobody');
  });

  test('are replaced by the one of the queue, and the CC header goes with them', () => {
    const dying = death({ properties: copied, blindKeys: ['b'], deadLetterRoutingKey: 'dead' });
    assert.deepEqual(deadLetterRoutingKeys(dying), { routingKey: 'dead', copies: [], blindKeys: [] });
    assert.equal('CC' in headers(deadLetteredProperties(dying)), false);
  });

  test('leave out of CC what is no string', () => {
    assert.deepEqual(deadLetterRoutingKeys(death({ properties: { headers: fromPlain({ CC: [1, 'c'] }) } })).copies, [
      'c',
    ]);
    assert.deepEqual(deadLetterRoutingKeys(death({ properties: { headers: fromPlain({ CC: 'c' }) } })).copies, []);
  });
});

describe('a cycle', () => {
  test('is a return to a queue by expiry and length alone, which would never end', () => {
    const properties = dieAgain(dieAgain({}, 'one', 'expired'), 'two', 'maxlen');
    assert.equal(isDeadLetterCycle(properties, 'one'), true);
    assert.equal(isDeadLetterCycle(properties, 'two'), true);
    assert.equal(isDeadLetterCycle(properties, 'three'), false);
  });

  test('is none when a consumer rejected the message on the way', () => {
    assert.equal(isDeadLetterCycle(dieAgain(dieAgain({}, 'one', 'expired'), 'two'), 'one'), false);
    assert.equal(isDeadLetterCycle(dieAgain({}, 'one'), 'one'), false);
  });

  test('is none where a client has forged x-death', () => {
    for (const forged of ['text', ['text'], [{ queue: 1 }]]) {
      assert.equal(isDeadLetterCycle({ headers: fromPlain({ 'x-death': forged }) }, 'q'), false);
    }
    assert.equal(isDeadLetterCycle({}, 'q'), false);
  });
});

describe('the count of the latest death', () => {
  test('grows by queue and reason', () => {
    const twice = dieAgain(dieAgain({}, 'q'), 'q');
    const elsewhere = dieAgain(twice, 'other');
    const expired = dieAgain(elsewhere, 'q', 'expired');
    const thrice = dieAgain(expired, 'q');
    assert.deepEqual([twice, elsewhere, expired, thrice].map(deathCountOf), [2, 1, 1, 3]);
  });

  test('is a count, whatever a client has put there', () => {
    const counts = ['many', -7, 0, 1.5, 2 ** 40].map((count) => {
      return deathCountOf(dieAgain(withDeaths({ queue: 'q', reason: 'rejected', count }), 'q'));
    });
    assert.deepEqual(counts, [1, 1, 1, 2, 2 ** 40 + 1]);
    assert.equal(deathCountOf({}), 1);
    assert.equal(deathCountOf({ headers: fromPlain({ 'x-death': ['x'] }) }), 1);
    const noNumber = {
      headers: new Map([['x-death', { type: 'A', value: [tableWithCount(Number.NaN)] }]]),
    } as BasicProperties;
    assert.equal(deathCountOf(dieAgain(noNumber, 'q')), 1);
  });
});

function tableWithCount(count: number): FieldValue {
  const fields = new Map<string, FieldValue>([
    ['queue', { type: 'S', value: 'q' }],
    ['reason', { type: 'S', value: 'rejected' }],
    ['count', { type: 'd', value: count }],
  ]);
  return { type: 'F', value: fields };
}
