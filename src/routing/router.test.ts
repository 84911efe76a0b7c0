import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScratchList } from '../collections/scratch-list.ts';
import type { Exchange } from './exchange.ts';
import { int, type NamedQueue, newMessage, TestTopology, tableOf, text } from './test-topology.ts';

function alternate(name: string) {
  return tableOf({ 'alternate-exchange': text(name) });
}

test('direct routes by the exact key', () => {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'd', type: 'direct' });
  topology.bind(exchange, 'one', 'k');
  topology.bind(exchange, 'two', 'k');
  topology.bind(exchange, 'other', 'K');
  assert.deepEqual(topology.route(exchange, 'k'), ['one', 'two']);
  assert.deepEqual(topology.route(exchange, ''), []);
});

test('fanout routes to all, whatever the key, and once to a queue bound twice', () => {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'f', type: 'fanout' });
  topology.bind(exchange, 'one', 'k');
  topology.bind(exchange, 'one', 'l');
  topology.bind(exchange, 'two');
  assert.deepEqual(topology.route(exchange, 'z'), ['one', 'two']);
});

test('several keys of one message reach a queue once', () => {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'd', type: 'direct' });
  topology.bind(exchange, 'q', 'a');
  topology.bind(exchange, 'q', 'b');
  topology.bind(exchange, 'r', 'c');
  assert.deepEqual(topology.route(exchange, newMessage('none', { otherKeys: ['a', 'b', 'c'] })), ['q', 'r']);
});

test('each route starts afresh: the same message reaches the same queues again', () => {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'f', type: 'fanout' });
  topology.bind(exchange, 'q');
  assert.deepEqual(topology.route(exchange, ''), ['q']);
  assert.deepEqual(topology.route(exchange, ''), ['q']);
});

test('route adds to what the caller has collected already', () => {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'f', type: 'fanout' });
  topology.bind(exchange, 'q');
  const into = new ScratchList<NamedQueue>();
  into.add(topology.queue('before'));
  topology.router.route(exchange, newMessage(''), into);
  assert.deepEqual(
    into.toArray().map((queue) => queue.name),
    ['before', 'q'],
  );
});

test('exchanges bound in a circle end, and give each queue one message', () => {
  const topology = new TestTopology();
  const a = topology.declare({ name: 'a', type: 'fanout' });
  const b = topology.declare({ name: 'b', type: 'fanout' });
  topology.bind(a, b);
  topology.bind(b, a);
  topology.bind(a, a);
  topology.bind(a, 'q');
  topology.bind(b, 'q');
  topology.bind(b, 'r');
  assert.deepEqual(topology.route(a, 'k'), ['q', 'r']);
  assert.deepEqual(topology.route(b, 'k'), ['q', 'r']);
});

test('two ways to one exchange give its queues one message', () => {
  const topology = new TestTopology();
  const [top, left, right, bottom] = ['top', 'left', 'right', 'bottom'].map((name) =>
    topology.declare({ name, type: 'fanout' }),
  ) as [Exchange<NamedQueue>, Exchange<NamedQueue>, Exchange<NamedQueue>, Exchange<NamedQueue>];
  topology.bind(top, left);
  topology.bind(top, right);
  topology.bind(left, bottom);
  topology.bind(right, bottom);
  topology.bind(bottom, 'q');
  assert.deepEqual(topology.route(top, ''), ['q']);
});

test('a chain of 500 exchanges is walked to its end', () => {
  const topology = new TestTopology();
  const chain = Array.from({ length: 500 }, (_, place) => topology.declare({ name: `x${place}`, type: 'topic' }));
  for (const [place, exchange] of chain.entries()) {
    const next = chain[place + 1];
    topology.bind(exchange, next ?? 'end', '#');
  }
  assert.deepEqual(topology.route(chain[0]!, 'a.b'), ['end']);
});

// The alternate exchange cases were all measured on RabbitMQ 3.10.8.

test('what nothing matches goes to the alternate exchange, what something matches does not', () => {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'd', type: 'direct', arguments: alternate('rest') });
  topology.bind(topology.declare({ name: 'rest', type: 'fanout' }), 'unmatched');
  topology.bind(exchange, 'q', 'k');
  assert.deepEqual(topology.route(exchange, 'k'), ['q']);
  assert.deepEqual(topology.route(exchange, 'z'), ['unmatched']);
});

test('a CC key that matches keeps the message from the alternate exchange', () => {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'd', type: 'direct', arguments: alternate('rest') });
  topology.bind(topology.declare({ name: 'rest', type: 'fanout' }), 'unmatched');
  topology.bind(exchange, 'q', 'k');
  assert.deepEqual(topology.route(exchange, newMessage('z', { otherKeys: ['k'] })), ['q']);
});

test('a match that leads to an exchange where the message dies does not wake the alternate', () => {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'a', type: 'direct', arguments: alternate('rest') });
  topology.bind(exchange, topology.declare({ name: 'b', type: 'direct' }), 'k');
  topology.bind(topology.declare({ name: 'rest', type: 'fanout' }), 'unmatched');
  assert.deepEqual(topology.route(exchange, 'k'), []);
});

test('an exchange bound to nothing but itself has matched, so its alternate stays asleep', () => {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'a', type: 'direct', arguments: alternate('rest') });
  topology.bind(exchange, exchange, 'k');
  topology.bind(topology.declare({ name: 'rest', type: 'fanout' }), 'unmatched');
  assert.deepEqual(topology.route(exchange, 'k'), []);
});

test('an exchange on the way falls to its own alternate, beside what others match', () => {
  const topology = new TestTopology();
  const outer = topology.declare({ name: 'outer', type: 'fanout' });
  topology.bind(outer, topology.declare({ name: 'inner', type: 'direct', arguments: alternate('rest') }));
  topology.bind(outer, 'q');
  topology.bind(topology.declare({ name: 'rest', type: 'fanout' }), 'unmatched');
  assert.deepEqual(topology.route(outer, 'k'), ['q', 'unmatched']);
});

test('alternates are followed in a chain, and a circle of them ends', () => {
  const topology = new TestTopology();
  const first = topology.declare({ name: 'a', type: 'direct', arguments: alternate('b') });
  topology.declare({ name: 'b', type: 'direct', arguments: alternate('c') });
  const last = topology.declare({ name: 'c', type: 'direct', arguments: alternate('a') });
  topology.bind(last, 'q', 'k');
  assert.deepEqual(topology.route(first, 'k'), ['q']);
  assert.deepEqual(topology.route(first, 'z'), []);
});

test('an alternate that is the exchange itself, or does not exist, swallows the message', () => {
  const topology = new TestTopology();
  const own = topology.declare({ name: 'own', type: 'direct', arguments: alternate('own') });
  const lost = topology.declare({ name: 'lost', type: 'direct', arguments: alternate('nowhere') });
  assert.deepEqual(topology.route(own, 'k'), []);
  assert.deepEqual(topology.route(lost, 'k'), []);
});

test('an alternate that a policy sets later counts from then on', () => {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'd', type: 'direct' });
  topology.bind(topology.declare({ name: 'rest', type: 'fanout' }), 'unmatched');
  assert.deepEqual(topology.route(exchange, 'z'), []);
  exchange.alternateExchange = 'rest';
  assert.deepEqual(topology.route(exchange, 'z'), ['unmatched']);
});

test('route says when the routing key alone decided, all along the way', () => {
  const topology = new TestTopology();
  const direct = topology.declare({ name: 'd', type: 'direct' });
  assert.equal(topology.isCacheable(direct, newMessage('k')), true);
  assert.equal(topology.isCacheable(direct, newMessage('k', { otherKeys: ['l'] })), false, 'CC may change');
  topology.bind(direct, topology.declare({ name: 'h', type: 'headers' }), 'k');
  assert.equal(topology.isCacheable(direct, newMessage('k')), false, 'the headers exchange behind it looks at headers');
  assert.equal(topology.isCacheable(direct, newMessage('z')), true, 'and does not count where it is not reached');
  direct.alternateExchange = 'h';
  assert.equal(topology.isCacheable(direct, newMessage('z')), false);
});

test('a message whose properties cannot be decoded leaves nothing behind for the next one', () => {
  const topology = new TestTopology();
  const entry = topology.declare({ name: 'entry', type: 'fanout' });
  const headers = topology.declare({ name: 'h', type: 'headers' });
  const rest = topology.declare({ name: 'f', type: 'fanout' });
  topology.bind(entry, rest);
  topology.bind(entry, headers);
  topology.bind(rest, 'reached');
  topology.bind(headers, 'q', '', tableOf({ a: int(1) }));
  const broken = {
    routingKey: '',
    otherKeys: [],
    properties(): never {
      throw new Error('cannot be decoded');
    },
  };
  assert.throws(() => topology.route(entry, broken), /cannot be decoded/);
  const other = topology.declare({ name: 'other', type: 'fanout' });
  topology.bind(other, 'alone');
  assert.deepEqual(topology.route(other, ''), ['alone']);
});
