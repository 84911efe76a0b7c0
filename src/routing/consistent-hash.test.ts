import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BasicProperties } from '../protocol/properties.ts';
import type { Exchange } from './exchange.ts';
import { validateBinding, validateExchangeArguments } from './exchange-types.ts';
import { hashText } from './hash.ts';
import { int, type NamedQueue, newMessage, TestTopology, tableOf, text } from './test-topology.ts';

const KEY_COUNT = 20_000;

interface HashTopology {
  readonly topology: TestTopology;
  readonly exchange: Exchange<NamedQueue>;
}

function hashTopology(weights: Record<string, number | string>, args = tableOf({})): HashTopology {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'ch', type: 'x-consistent-hash', arguments: args });
  for (const [queue, weight] of Object.entries(weights)) topology.bind(exchange, queue, String(weight));
  return { topology, exchange };
}

/** The queue of each of the keys `order.0`, `order.1` and so on. */
function placements({ topology, exchange }: HashTopology): string[] {
  return Array.from({ length: KEY_COUNT }, (_, key) => {
    const queues = topology.route(exchange, `order.${key}`);
    assert.equal(queues.length, 1, 'a message goes to exactly one queue');
    return queues[0]!;
  });
}

function shareOf(queue: string, placed: readonly string[]): number {
  return placed.filter((name) => name === queue).length / placed.length;
}

function movedCount(before: readonly string[], after: readonly string[]): number {
  return before.filter((queue, key) => after[key] !== queue).length;
}

function placeBy(hashed: HashTopology, properties: BasicProperties | undefined, routingKey = 'k'): string {
  const message = newMessage(routingKey, properties === undefined ? {} : { properties });
  return hashed.topology.route(hashed.exchange, message)[0]!;
}

function equalWeights(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, place) => [`q${place}`, 1]));
}

test('x-consistent-hash spreads keys evenly over queues of one weight', () => {
  const placed = placements(hashTopology(equalWeights(10)));
  for (let place = 0; place < 10; place++) {
    const share = shareOf(`q${place}`, placed);
    assert.ok(Math.abs(share - 0.1) < 0.01, `q${place} has ${share} of the keys`);
  }
});

test('x-consistent-hash gives a queue keys in proportion to its weight', () => {
  const placed = placements(hashTopology({ one: 1, two: 2, seven: 7 }));
  assert.ok(Math.abs(shareOf('one', placed) - 0.1) < 0.01);
  assert.ok(Math.abs(shareOf('two', placed) - 0.2) < 0.015);
  assert.ok(Math.abs(shareOf('seven', placed) - 0.7) < 0.015);
});

test('a weight as large as a key can hold costs no more than a small one', () => {
  const placed = placements(hashTopology({ light: 1, heavy: '9'.repeat(255) }));
  assert.equal(shareOf('heavy', placed), 1);
});

test('a queue that comes takes its share, and no key moves between the others', () => {
  const hashed = hashTopology(equalWeights(9));
  const before = placements(hashed);
  hashed.topology.bind(hashed.exchange, 'new', '1');
  const after = placements(hashed);
  for (const [key, queue] of after.entries()) assert.ok(queue === before[key] || queue === 'new', `key ${key} moved`);
  assert.ok(Math.abs(movedCount(before, after) / KEY_COUNT - 0.1) < 0.01, 'one key in ten moved');
});

test('a queue that goes leaves its keys to the others, and none of theirs moves', () => {
  const hashed = hashTopology(equalWeights(10));
  const before = placements(hashed);
  // From the middle: where RabbitMQ renumbers, so that keys of other queues move.
  hashed.topology.unbind(hashed.exchange, 'q4', '1');
  const after = placements(hashed);
  for (const [key, queue] of before.entries()) {
    if (queue === 'q4') assert.notEqual(after[key], 'q4');
    else assert.equal(after[key], queue, `key ${key} moved`);
  }
});

test('a queue that comes back gets exactly the keys it had', () => {
  const hashed = hashTopology(equalWeights(6));
  const before = placements(hashed);
  hashed.topology.unbind(hashed.exchange, 'q2', '1');
  hashed.topology.bind(hashed.exchange, 'q2', '1');
  assert.deepEqual(placements(hashed), before);
});

test('placement does not depend on the order of binding, so every node and every restart agrees', () => {
  const weights = { a: 3, b: 1, c: 2, d: 1 };
  const reversed = Object.fromEntries(Object.entries(weights).reverse());
  assert.deepEqual(placements(hashTopology(weights)), placements(hashTopology(reversed)));
});

test('placement is what it was in the release before: these are pinned', () => {
  const hashed = hashTopology({ a: 1, b: 1, c: 2 });
  const keys = ['', 'a', '\u4e2d', 'x'.repeat(255), ...Array.from({ length: 20 }, (_, key) => `order.${key}`)];
  const placed = keys.map((key) => hashed.topology.route(hashed.exchange, key)[0]).join('');
  assert.equal(placed, PINNED_PLACEMENTS);
  assert.deepEqual([hashText('', 0), hashText('a', 0), hashText('order.1', 0), hashText('order.1', 1)], PINNED_HASHES);
});

const PINNED_PLACEMENTS = 'ccbbcccccccccbabbcbaccbc';
const PINNED_HASHES = [0, 3_753_670_899, 1_065_573_000, 4_215_109_703];

test('a weight that grows only takes keys, and one that shrinks only gives', () => {
  const before = placements(hashTopology({ a: 1, b: 1, c: 1 }));
  const after = placements(hashTopology({ a: 1, b: 3, c: 1 }));
  for (const [key, queue] of after.entries()) assert.ok(queue === before[key] || queue === 'b');
  assert.ok(Math.abs(shareOf('b', after) - 0.6) < 0.015);
});

test('a queue bound twice counts with its lowest key, and keeps its place while one of the bindings stands', () => {
  const once = placements(hashTopology({ a: 1, b: 1 }));
  const hashed = hashTopology({ a: 3, b: 1 });
  hashed.topology.bind(hashed.exchange, 'a', '1');
  assert.deepEqual(placements(hashed), once);
  // RabbitMQ 3.10.8 sends nothing to a queue any more when either of its bindings goes.
  hashed.topology.unbind(hashed.exchange, 'a', '1');
  assert.deepEqual(placements(hashed), placements(hashTopology({ a: 3, b: 1 })));
});

test('hash-header places by the header alone, whatever the routing key', () => {
  const hashed = hashTopology(equalWeights(8), tableOf({ 'hash-header': text('id') }));
  const place = (value: string, key: string) => placeBy(hashed, { headers: tableOf({ id: text(value) }) }, key);
  assert.equal(place('7', 'k'), place('7', 'l'));
  const queues = new Set(Array.from({ length: 200 }, (_, id) => place(String(id), 'k')));
  assert.equal(queues.size, 8, 'other values go elsewhere');
});

test('messages without the header stay together', () => {
  const hashed = hashTopology(equalWeights(8), tableOf({ 'hash-header': text('id') }));
  const without = [undefined, {}, { headers: tableOf({ other: int(1) }) }, { headers: tableOf({ other: int(2) }) }];
  assert.equal(new Set(without.map((properties, key) => placeBy(hashed, properties, `k${key}`))).size, 1);
});

const BY_PROPERTY: readonly [name: string, withValue: (value: number) => BasicProperties][] = [
  ['message_id', (value) => ({ messageId: `m${value}` })],
  ['correlation_id', (value) => ({ correlationId: `c${value}` })],
  ['timestamp', (value) => ({ timestamp: 1_700_000_000 + value })],
];

for (const [name, withValue] of BY_PROPERTY) {
  test(`hash-property ${name} places by the property alone`, () => {
    const hashed = hashTopology(equalWeights(8), tableOf({ 'hash-property': text(name) }));
    assert.equal(placeBy(hashed, withValue(1), 'k'), placeBy(hashed, withValue(1), 'l'));
    const queues = new Set(Array.from({ length: 200 }, (_, value) => placeBy(hashed, withValue(value))));
    assert.equal(queues.size, 8);
    assert.equal(placeBy(hashed, undefined, 'k'), placeBy(hashed, {}, 'l'), 'without it they stay together');
  });
}

test('only a hash of the routing key may be cached by the routing key', () => {
  const byKey = hashTopology(equalWeights(2));
  const byHeader = hashTopology(equalWeights(2), tableOf({ 'hash-header': text('id') }));
  assert.equal(byKey.topology.isCacheable(byKey.exchange, newMessage('k')), true);
  assert.equal(byHeader.topology.isCacheable(byHeader.exchange, newMessage('k')), false);
});

const WEIGHTS_REFUSED: readonly [key: string, text: string][] = [
  ['abc', 'The binding key must be an integer: <<"abc">>'],
  ['', 'The binding key must be an integer: <<>>'],
  ['1.5', 'The binding key must be an integer: <<"1.5">>'],
  [' 1', 'The binding key must be an integer: <<" 1">>'],
  ['1 ', 'The binding key must be an integer: <<"1 ">>'],
  ['1\n', 'The binding key must be an integer: <<"1\\n">>'],
  ['1e3', 'The binding key must be an integer: <<"1e3">>'],
  ['1_000', 'The binding key must be an integer: <<"1_000">>'],
  ['+', 'The binding key must be an integer: <<"+">>'],
  ['a"b', 'The binding key must be an integer: <<"a\\"b">>'],
  ['\u0001', 'The binding key must be an integer: <<1>>'],
  ['0', 'The binding key must be greater than 0'],
  ['-0', 'The binding key must be greater than 0'],
  ['-3', 'The binding key must be greater than 0'],
];

for (const [routingKey, replyText] of WEIGHTS_REFUSED) {
  test(`weight ${JSON.stringify(routingKey)} is refused with the text of RabbitMQ`, () => {
    assert.throws(() => validateBinding('x-consistent-hash', weightOf(routingKey)), {
      replyCode: 406,
      scope: 'channel',
      replyText: `PRECONDITION_FAILED - ${replyText}`,
    });
  });
}

test('weights with a sign or leading zeros are taken, as RabbitMQ takes them', () => {
  for (const routingKey of ['1', '99', '+5', '007', '10000'])
    validateBinding('x-consistent-hash', weightOf(routingKey));
});

test('exchange arguments that make no sense are refused with the texts of RabbitMQ', () => {
  const refuse = (args: Parameters<typeof tableOf>[0], replyText: string) =>
    assert.throws(() => validateExchangeArguments('x-consistent-hash', tableOf(args)), { replyCode: 406, replyText });
  refuse(
    { 'hash-header': text('a'), 'hash-property': text('message_id') },
    'PRECONDITION_FAILED - hash-header and hash-property are mutually exclusive',
  );
  refuse({ 'hash-property': text('app_id') }, 'PRECONDITION_FAILED - Unsupported property: app_id');
  refuse({ 'hash-property': text('') }, 'PRECONDITION_FAILED - Unsupported property: ');
  // RabbitMQ 3.10.8 closes the connection with 541 on these two.
  refuse({ 'hash-property': int(5) }, 'PRECONDITION_FAILED - Unsupported property: 5');
  refuse({ 'hash-header': int(5) }, 'PRECONDITION_FAILED - Unsupported header name: 5');
});

function weightOf(routingKey: string) {
  return { destinationKind: 'queue', routingKey, arguments: tableOf({}) } as const;
}
