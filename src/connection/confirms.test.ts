import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Confirms } from './confirms.ts';

/** What is sent when the journal is durable up to a position. */
function acks(confirms: Confirms, appended: number, durable: number): (readonly [tag: number, multiple: boolean])[] {
  const sent: (readonly [number, boolean])[] = [];
  confirms.settle(appended, durable, (tag, multiple) => sent.push([tag, multiple]));
  return sent;
}

test('publishes of one turn are confirmed by one ack, once the journal has them', () => {
  const confirms = new Confirms();
  for (let i = 0; i < 3; i++) confirms.accepted(true);
  assert.deepEqual(acks(confirms, 100, 0), []);
  assert.deepEqual(acks(confirms, 100, 99), []);
  assert.deepEqual(acks(confirms, 100, 100), [[3, true]]);
  assert.deepEqual(acks(confirms, 100, 100), []);
});

test('a single publish is confirmed without multiple, as RabbitMQ does', () => {
  const confirms = new Confirms();
  confirms.accepted(false);
  assert.deepEqual(acks(confirms, 0, 0), [[1, false]]);
});

test('a transient publish waits for the persistent ones before it, because confirms keep their order', () => {
  const confirms = new Confirms();
  confirms.accepted(true);
  assert.deepEqual(acks(confirms, 50, 0), []);
  confirms.accepted(false);
  assert.deepEqual(acks(confirms, 50, 0), []);
  assert.deepEqual(acks(confirms, 50, 50), [[2, true]]);
});

test('a refused publish takes a tag, and does not make the ack after it one for several', () => {
  const confirms = new Confirms();
  confirms.accepted(false);
  assert.deepEqual(acks(confirms, 0, 0), [[1, false]]);
  assert.deepEqual(confirms.refused(), { tag: 2, multiple: true });
  confirms.accepted(false);
  assert.deepEqual(acks(confirms, 0, 0), [[3, false]]);
});

test('a refused publish is nacked alone while one before it waits, lest it is taken for refused too', () => {
  const confirms = new Confirms();
  confirms.accepted(true);
  assert.deepEqual(confirms.refused(), { tag: 2, multiple: false });
  assert.deepEqual(acks(confirms, 10, 0), []);
  assert.deepEqual(confirms.refused(), { tag: 3, multiple: false });
  assert.deepEqual(acks(confirms, 10, 10), [[1, false]]);
  assert.deepEqual(confirms.refused(), { tag: 4, multiple: true });
});
