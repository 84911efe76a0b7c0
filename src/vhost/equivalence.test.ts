import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exchangeRecord, queueRecord } from '../metadata/test-records.ts';
import { AmqpError } from '../protocol/errors.ts';
import { EMPTY_TABLE, type FieldTable, type FieldValue, fromPlain } from '../protocol/field-table.ts';
import {
  checkExchangeEquivalence,
  checkQueueEquivalence,
  type RequestedExchange,
  type RequestedQueue,
} from './equivalence.ts';

const QUEUE: RequestedQueue = { durable: true, exclusive: false, autoDelete: false, arguments: EMPTY_TABLE };
const EXCHANGE: RequestedExchange = {
  type: 'direct',
  durable: true,
  autoDelete: false,
  internal: false,
  arguments: EMPTY_TABLE,
};

/** What a client is told, without the code's name and what the queue or exchange is called; null when it is the same. */
function differenceOf(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    assert.ok(error instanceof AmqpError && error.replyCode === 406 && error.scope === 'channel');
    return error.replyText
      .replace(/^PRECONDITION_FAILED - inequivalent arg /, '')
      .replace(/ for (queue|exchange) .* in vhost '\/'/, '');
  }
}

function queueDifference(current: FieldTable, requested: FieldTable, values: Partial<RequestedQueue> = {}) {
  const record = queueRecord({ arguments: current });
  return differenceOf(() => checkQueueEquivalence(record, { ...QUEUE, ...values, arguments: requested }));
}

function exchangeDifference(values: Partial<RequestedExchange>) {
  return differenceOf(() => checkExchangeEquivalence(exchangeRecord(), { ...EXCHANGE, ...values }));
}

function args(name: string, value: FieldValue): FieldTable {
  return new Map([[name, value]]);
}

describe('a queue that is declared again', () => {
  test('the same is the same, and arguments that nobody knows do not count', () => {
    assert.equal(queueDifference(EMPTY_TABLE, EMPTY_TABLE), null);
    assert.equal(queueDifference(fromPlain({ mine: 1 }), fromPlain({ mine: 2, other: 'x' })), null);
  });

  test('is told by its name and vhost', () => {
    const record = queueRecord({ name: 'orders', vhost: 'shop' });
    assert.throws(() => checkQueueEquivalence(record, { ...QUEUE, durable: false }), {
      replyText:
        "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'orders' in vhost 'shop': received 'false' but current is 'true'",
    });
  });

  test('otherwise tells the first property that differs', () => {
    const values = { durable: false, autoDelete: true };
    assert.equal(
      queueDifference(EMPTY_TABLE, EMPTY_TABLE, values),
      "'durable': received 'false' but current is 'true'",
    );
    const text = "'auto_delete': received 'true' but current is 'false'";
    assert.equal(queueDifference(EMPTY_TABLE, EMPTY_TABLE, { autoDelete: true }), text);
  });

  test('is not durable when it is exclusive, whatever either declaration says', () => {
    const record = queueRecord({ exclusive: true, durable: true });
    assert.equal(
      differenceOf(() => checkQueueEquivalence(record, { ...QUEUE, exclusive: true, durable: false })),
      null,
    );
  });

  test('tells a missing argument with the value and type of the other', () => {
    const ttl = fromPlain({ 'x-message-ttl': 60_000 });
    const present = "the value '60000' of type 'signedint'";
    assert.equal(queueDifference(ttl, EMPTY_TABLE), `'x-message-ttl': received none but current is ${present}`);
    assert.equal(queueDifference(EMPTY_TABLE, ttl), `'x-message-ttl': received ${present} but current is none`);
  });

  test('tells two values', () => {
    const difference = queueDifference(
      fromPlain({ 'x-overflow': 'drop-head' }),
      fromPlain({ 'x-overflow': 'reject-publish' }),
    );
    assert.equal(difference, "'x-overflow': received 'reject-publish' but current is 'drop-head'");
  });

  test('compares integers by value, whatever their types: clients of other languages send others', () => {
    for (const type of ['b', 'B', 's', 'u', 'I', 'i', 'l', 'L'] as const) {
      const requested = args('x-max-length', { type, value: 10 } as FieldValue);
      assert.equal(queueDifference(fromPlain({ 'x-max-length': 10 }), requested), null, type);
    }
    const text = args('x-max-length', { type: 'S', value: '10' });
    assert.notEqual(queueDifference(fromPlain({ 'x-max-length': 10 }), text), null);
  });

  test('is classic when it names no type', () => {
    assert.equal(queueDifference(EMPTY_TABLE, fromPlain({ 'x-queue-type': 'classic' })), null);
    assert.equal(queueDifference(fromPlain({ 'x-queue-type': 'classic' }), EMPTY_TABLE), null);
    assert.match(queueDifference(EMPTY_TABLE, fromPlain({ 'x-queue-type': 'quorum' })) ?? '', /^'x-queue-type'/);
  });

  test('is compared by the arguments of its own type', () => {
    const record = queueRecord({ type: 'quorum', arguments: fromPlain({ 'x-queue-type': 'quorum' }) });
    const compare = (requested: FieldTable) => {
      return differenceOf(() => checkQueueEquivalence(record, { ...QUEUE, arguments: requested }));
    };
    assert.equal(compare(fromPlain({ 'x-queue-type': 'quorum', 'x-max-priority': 3 })), null);
    assert.match(compare(fromPlain({ 'x-queue-type': 'quorum', 'x-delivery-limit': 3 })) ?? '', /^'x-delivery-limit'/);
  });
});

describe('an exchange that is declared again', () => {
  test('the same is the same, and arguments that nobody knows do not count', () => {
    assert.equal(exchangeDifference({}), null);
    assert.equal(exchangeDifference({ arguments: fromPlain({ mine: 1 }) }), null);
  });

  for (const [values, difference] of [
    [{ type: 'fanout' }, "'type': received 'fanout' but current is 'direct'"],
    [{ durable: false }, "'durable': received 'false' but current is 'true'"],
    [{ autoDelete: true }, "'auto_delete': received 'true' but current is 'false'"],
    [{ internal: true }, "'internal': received 'true' but current is 'false'"],
  ] as const) {
    test(`otherwise tells ${Object.keys(values)[0]}`, () => {
      assert.equal(exchangeDifference(values), difference);
    });
  }

  test('tells of all properties the first in the order of RabbitMQ', () => {
    const difference = exchangeDifference({ type: 'fanout', durable: false, internal: true });
    assert.equal(difference, "'type': received 'fanout' but current is 'direct'");
  });

  test('compares its alternate exchange', () => {
    const difference = exchangeDifference({ arguments: fromPlain({ 'alternate-exchange': 'rest' }) });
    assert.equal(difference, "'alternate-exchange': received the value 'rest' of type 'longstr' but current is none");
  });
});
