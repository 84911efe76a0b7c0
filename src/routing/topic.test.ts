import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hashWord } from './hash.ts';
import { newMessage, TestTopology } from './test-topology.ts';

function matches(pattern: string, routingKey: string): boolean {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'logs', type: 'topic' });
  topology.bind(exchange, 'q', pattern);
  return topology.route(exchange, routingKey).length === 1;
}

/** The definition of a match, without a thought for speed. */
function naiveMatches(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...restOfPattern] = pattern;
  if (first === undefined) return words.length === 0;
  if (first === '#') {
    return naiveMatches(restOfPattern, words) || (words.length > 0 && naiveMatches(pattern, words.slice(1)));
  }
  const [word, ...restOfWords] = words;
  return word !== undefined && (first === '*' || first === word) && naiveMatches(restOfPattern, restOfWords);
}

function wordsOf(key: string): string[] {
  return key === '' ? [] : key.split('.');
}

// Every row was published to RabbitMQ 3.10.8 and routed, or not, as it says here.
const MEASURED: readonly [pattern: string, matching: readonly string[], other: readonly string[]][] = [
  ['#', ['', '.', 'a'], []],
  ['*', ['a'], ['', '.']],
  ['', [''], ['a']],
  ['*.*', ['.', 'a.', '.a'], ['a']],
  ['#.#', ['', 'a', 'a.b'], []],
  ['a.#.b', ['a.b', 'a..b', 'a.x.y.b'], ['a']],
  ['a.', ['a.'], ['a']],
  ['a.*', ['a.', 'a.b'], ['a']],
  ['#.*', ['a', 'a.b'], ['']],
  ['*.#', ['a', '.'], ['']],
  ['.#', ['.', '.a'], ['', 'a']],
  ['a*', ['a*'], ['ab']],
  ['a.#', ['a', 'a.', 'a.#'], []],
];

for (const [pattern, matching, other] of MEASURED) {
  test(`topic pattern "${pattern}" matches the keys that RabbitMQ lets it match, and no other`, () => {
    for (const key of matching) assert.equal(matches(pattern, key), true, `key "${key}"`);
    for (const key of other) assert.equal(matches(pattern, key), false, `key "${key}"`);
  });
}

test('topic matches what the definition says, for any set of patterns and any key', () => {
  const word = fc.constantFrom('a', 'b', 'ab', '', '*', '#');
  const key = fc.array(fc.constantFrom('a', 'b', 'ab', '', '*', '#'), { maxLength: 6 }).map((words) => words.join('.'));
  const pattern = fc.array(word, { maxLength: 6 }).map((words) => words.join('.'));
  fc.assert(
    fc.property(fc.array(pattern, { minLength: 1, maxLength: 12 }), key, (patterns, routingKey) => {
      const topology = new TestTopology();
      const exchange = topology.declare({ name: 'logs', type: 'topic' });
      for (const bound of patterns) topology.bind(exchange, bound, bound);
      const expected = new Set(patterns.filter((bound) => naiveMatches(wordsOf(bound), wordsOf(routingKey))));
      assert.deepEqual(topology.route(exchange, routingKey), [...expected].sort());
    }),
    { numRuns: 12_000 },
  );
});

test('topic forgets exactly the bindings that are taken out, whatever is left of their paths', () => {
  const pattern = fc.array(fc.constantFrom('a', 'b', '*', '#', ''), { maxLength: 4 }).map((words) => words.join('.'));
  const step = fc.record({ pattern, isAdd: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.array(pattern, { maxLength: 8 }), (steps, keys) => {
      const topology = new TestTopology();
      const exchange = topology.declare({ name: 'logs', type: 'topic' });
      const bound = new Set<string>();
      for (const { pattern: name, isAdd } of steps) {
        if (isAdd) assert.equal(topology.bind(exchange, name, name), !bound.has(name));
        else assert.equal(topology.unbind(exchange, name, name), bound.has(name));
        if (isAdd) bound.add(name);
        else bound.delete(name);
      }
      for (const key of keys) {
        const expected = [...bound].filter((name) => naiveMatches(wordsOf(name), wordsOf(key)));
        assert.deepEqual(topology.route(exchange, key), expected.sort());
      }
    }),
    { numRuns: 3000 },
  );
});

test('topic tells words of the same hash apart, and either may go first', () => {
  const pair = wordsOfOneHash();
  for (const [gone, left] of [pair, [pair[1], pair[0]] as const]) {
    const topology = new TestTopology();
    const exchange = topology.declare({ name: 'logs', type: 'topic' });
    for (const word of pair) topology.bind(exchange, word, `x.${word}`);
    for (const word of pair) assert.deepEqual(topology.route(exchange, `x.${word}`), [word]);
    topology.unbind(exchange, gone, `x.${gone}`);
    assert.deepEqual(topology.route(exchange, `x.${gone}`), []);
    assert.deepEqual(topology.route(exchange, `x.${left}`), [left]);
    topology.bind(exchange, gone, `x.${gone}`);
    assert.deepEqual(topology.route(exchange, `x.${gone}`), [gone]);
  }
});

/** Two words that the trie hashes alike, found by trying: its hash has 30 bits, so some 40,000 words hold a pair. */
function wordsOfOneHash(): [string, string] {
  const byHash = new Map<number, string>();
  for (let count = 0; ; count++) {
    const word = `w${count}`;
    const hash = hashWord(word);
    const twin = byHash.get(hash);
    if (twin !== undefined) return [twin, word];
    byHash.set(hash, word);
  }
}

test('a pattern of many # does not make a long key explode', () => {
  // Backtracking over this takes some 10^20 steps, so a matcher that backtracks never comes back.
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'logs', type: 'topic' });
  topology.bind(exchange, 'q', '#.a.#.a.#.a.#.a.#.a.#.a.#.a.#.a.#.a.#.a.#.a.#.a.#.b');
  const key = Array.from({ length: 127 }, () => 'a').join('.');
  assert.deepEqual(topology.route(exchange, key), []);
  assert.deepEqual(topology.route(exchange, `${key}.b`), ['q']);
});

test('a topic exchange gives a queue one message, however many of its patterns and of the keys match', () => {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'logs', type: 'topic' });
  for (const pattern of ['#', 'a.*', '*.b', 'a.b', '#.b.#']) topology.bind(exchange, 'q', pattern);
  assert.deepEqual(topology.route(exchange, newMessage('a.b', { otherKeys: ['x', 'a.c'] })), ['q']);
});
