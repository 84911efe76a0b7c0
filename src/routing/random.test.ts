import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validateBinding } from './exchange-types.ts';
import type { RandomSource } from './random.ts';
import { newMessage, TestTopology, tableOf } from './test-topology.ts';

/** Draws the given numbers, one after the other and again from the first. */
function drawing(...numbers: readonly number[]): RandomSource {
  let count = 0;
  return () => numbers[count++ % numbers.length]!;
}

test('x-random picks the binding that was drawn, whatever the keys', () => {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'r', type: 'x-random', random: drawing(0, 0.34, 0.99) });
  for (const queue of ['a', 'b', 'c']) topology.bind(exchange, queue, `key of ${queue}`);
  assert.deepEqual(
    [1, 2, 3].flatMap(() => topology.route(exchange, 'k')),
    ['a', 'b', 'c'],
  );
});

test('x-random without bindings routes to nothing', () => {
  const topology = new TestTopology();
  assert.deepEqual(topology.route(topology.declare({ name: 'r', type: 'x-random' }), 'k'), []);
});

test('x-random may not be cached', () => {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'r', type: 'x-random' });
  topology.bind(exchange, 'a');
  assert.equal(topology.isCacheable(exchange, newMessage('k')), false);
});

test('x-random reaches every queue with the random numbers of the runtime', () => {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'r', type: 'x-random' });
  for (const queue of ['a', 'b', 'c']) topology.bind(exchange, queue);
  // The chance that 1,000 draws miss one of three queues is below 10^-175.
  const reached = new Set(Array.from({ length: 1000 }, () => topology.route(exchange, 'k')[0]));
  assert.deepEqual([...reached].sort(), ['a', 'b', 'c']);
});

test('x-local-random picks among the queues that this node leads', () => {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'l', type: 'x-local-random', random: drawing(0, 0.5, 0.99) });
  for (const queue of ['a', 'far', 'b', 'c']) topology.bind(exchange, queue);
  topology.queue('far').isLocal = false;
  assert.deepEqual(
    [1, 2, 3].flatMap(() => topology.route(exchange, '')),
    ['a', 'b', 'c'],
  );
});

test('x-local-random follows a queue whose leader moves, and routes to nothing when none is here', () => {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'l', type: 'x-local-random' });
  topology.bind(exchange, 'a');
  topology.queue('a').isLocal = false;
  assert.deepEqual(topology.route(exchange, ''), []);
  topology.queue('a').isLocal = true;
  assert.deepEqual(topology.route(exchange, ''), ['a']);
});

test('x-local-random takes bindings of queues with an empty key only', () => {
  const binding = { destinationKind: 'queue', routingKey: '', arguments: tableOf({}) } as const;
  validateBinding('x-local-random', binding);
  assert.throws(() => validateBinding('x-local-random', { ...binding, routingKey: 'k' }), {
    replyText: "PRECONDITION_FAILED - Non empty binding 'k' key not permitted",
  });
  assert.throws(() => validateBinding('x-local-random', { ...binding, destinationKind: 'exchange' }), {
    replyText: 'PRECONDITION_FAILED - Destination not found',
  });
});
