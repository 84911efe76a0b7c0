import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Exchange } from './exchange.ts';
import { EXCHANGE_TYPES, isExchangeType } from './exchange-types.ts';
import { int, type NamedQueue, newQueue, TestTopology, tableOf, text } from './test-topology.ts';

// The key is a number so that the same bindings fit x-consistent-hash; the arguments change no type's matching but headers'.
// x-delayed-message asks for it, the others take what they do not know.
const DELAYED_TYPE = tableOf({ 'x-delayed-type': text('direct') });

for (const type of EXCHANGE_TYPES) {
  test(`${type}: a binding is there once, however often it is made, and gone when it is unmade`, () => {
    const topology = new TestTopology();
    const exchange = topology.declare({ name: 'x', type, arguments: DELAYED_TYPE });
    assert.equal(topology.bind(exchange, 'q', '1'), true);
    assert.equal(topology.bind(exchange, 'q', '1'), false, 'the second time it was there');
    assert.equal(exchange.bindings.size, 1);
    assert.equal(topology.unbind(exchange, 'q', '2'), false, 'another key is another binding');
    assert.equal(topology.unbind(exchange, 'q', '1'), true);
    assert.equal(topology.unbind(exchange, 'q', '1'), false);
    assert.equal(exchange.bindings.size, 0);
    assert.deepEqual(topology.route(exchange, '1'), [], 'and nothing is routed');
  });

  test(`${type}: bindings of one key with different arguments are two, and one is left when the other goes`, () => {
    const topology = new TestTopology();
    const exchange = topology.declare({ name: 'x', type, arguments: DELAYED_TYPE });
    topology.bind(exchange, 'q', '1', tableOf({ 'x-z': int(1) }));
    assert.equal(topology.bind(exchange, 'q', '1', tableOf({ 'x-z': int(2) })), true);
    assert.deepEqual(topology.route(exchange, '1'), ['q'], 'one message for both');
    assert.equal(topology.unbind(exchange, 'q', '1', tableOf({ 'x-z': int(3) })), false);
    assert.equal(topology.unbind(exchange, 'q', '1', tableOf({ 'x-z': int(1) })), true);
    assert.deepEqual(topology.route(exchange, '1'), ['q'], 'the other binding still leads there');
    topology.unbind(exchange, 'q', '1', tableOf({ 'x-z': int(2) }));
    assert.deepEqual(topology.route(exchange, '1'), []);
  });

  test(`${type}: a destination that goes takes all its bindings and nobody else's`, () => {
    const topology = new TestTopology();
    const exchange = topology.declare({ name: 'x', type, arguments: DELAYED_TYPE });
    topology.bind(exchange, 'goes', '1');
    topology.bind(exchange, 'stays', '1');
    topology.bind(exchange, 'goes', '2');
    const removed = exchange.bindings.removeDestination(topology.queue('goes'));
    assert.deepEqual(removed.map((binding) => binding.routingKey).sort(), ['1', '2']);
    assert.deepEqual(exchange.bindings.removeDestination(topology.queue('goes')), []);
    assert.deepEqual(
      [...exchange.bindings.all()].map((binding) => binding.destination.name),
      ['stays'],
    );
    assert.equal(exchange.bindings.size, 1);
    assert.deepEqual(topology.route(exchange, '1'), ['stays']);
  });
}

test('the order of arguments does not make another binding, their types do', () => {
  const exchange = new Exchange<NamedQueue>({ name: 'x', type: 'direct' });
  const destination = newQueue('q');
  const bound = (args: Parameters<typeof tableOf>[0]) => ({ destination, routingKey: 'k', arguments: tableOf(args) });
  exchange.bindings.add(bound({ a: int(1), b: text('2') }));
  assert.equal(exchange.bindings.has(bound({ b: text('2'), a: int(1) })), true);
  assert.equal(exchange.bindings.has(bound({ a: { type: 'l', value: 1 }, b: text('2') })), false);
  assert.equal(exchange.bindings.has(bound({ a: int(1), b: { type: 'x', value: Buffer.from('2') } })), false);
  assert.equal(exchange.bindings.has(bound({ a: int(1) })), false);
  assert.equal(exchange.bindings.has(bound({ a: int(1), b: { type: 'V' } })), false);
});

test('arguments that only look alike when written down are different bindings', () => {
  const exchange = new Exchange<NamedQueue>({ name: 'x', type: 'direct' });
  const destination = newQueue('q');
  const bound = (args: Parameters<typeof tableOf>[0]) => ({ destination, routingKey: 'k', arguments: tableOf(args) });
  exchange.bindings.add(bound({ a: text('1",S"2') }));
  assert.equal(exchange.bindings.has(bound({ a: { type: 'A', value: [text('1'), text('2')] } })), false);
  exchange.bindings.add(bound({ a: { type: 'F', value: tableOf({ b: int(1) }) } }));
  assert.equal(exchange.bindings.has(bound({ a: { type: 'F', value: tableOf({ b: int(1), c: int(1) }) } })), false);
  assert.equal(exchange.bindings.has(bound({ a: { type: 'F', value: tableOf({ b: int(1) }) } })), true);
});

test('a queue and an exchange of the same name are two destinations', () => {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'x', type: 'fanout' });
  const other = topology.declare({ name: 'same', type: 'fanout' });
  topology.bind(exchange, 'same');
  assert.equal(topology.bind(exchange, other), true);
  assert.equal(exchange.bindings.size, 2);
  assert.deepEqual([...exchange.bindings.to(other)].length, 1);
});

test('types that do not exist are told from those that do', () => {
  assert.equal(isExchangeType('topic'), true);
  assert.equal(isExchangeType('nosuch'), false);
  assert.equal(isExchangeType('toString'), false);
});
