import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newMessage, TestTopology } from './test-topology.ts';

const QUEUES = ['a', 'b', 'c', 'd'];

function topologyBoundAs(queues: readonly string[]) {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'm', type: 'x-modulus-hash' });
  for (const queue of queues) topology.bind(exchange, queue, 'any');
  return { topology, exchange };
}

test('x-modulus-hash sends a key to one queue, always the same, and uses all queues', () => {
  const { topology, exchange } = topologyBoundAs(QUEUES);
  const counts = new Map<string, number>();
  for (let key = 0; key < 4000; key++) {
    const queues = topology.route(exchange, `key.${key}`);
    assert.equal(queues.length, 1);
    assert.deepEqual(topology.route(exchange, `key.${key}`), queues);
    counts.set(queues[0]!, (counts.get(queues[0]!) ?? 0) + 1);
  }
  for (const queue of QUEUES) assert.ok(Math.abs(counts.get(queue)! - 1000) < 120, `${queue} has ${counts.get(queue)}`);
});

test('x-modulus-hash does not depend on the order of binding, so every node and every restart agrees', () => {
  const forwards = topologyBoundAs(QUEUES);
  const backwards = topologyBoundAs([...QUEUES].reverse());
  for (let key = 0; key < 200; key++) {
    const expected = forwards.topology.route(forwards.exchange, `key.${key}`);
    assert.deepEqual(backwards.topology.route(backwards.exchange, `key.${key}`), expected);
  }
});

test('x-modulus-hash routes to nothing without bindings, and goes on after one is taken out', () => {
  const { topology, exchange } = topologyBoundAs([]);
  assert.deepEqual(topology.route(exchange, 'k'), []);
  topology.bind(exchange, 'a', '1');
  topology.bind(exchange, 'b', '2');
  topology.route(exchange, 'k');
  topology.unbind(exchange, 'a', '1');
  for (let key = 0; key < 20; key++) assert.deepEqual(topology.route(exchange, `key.${key}`), ['b']);
});

test('x-modulus-hash hashes the CC keys too', () => {
  const { topology, exchange } = topologyBoundAs(QUEUES);
  const queues = new Set(
    Array.from({ length: 50 }, (_, key) => topology.route(exchange, newMessage('k', { otherKeys: [`${key}`] }))[0]),
  );
  assert.equal(queues.size, 4);
});
