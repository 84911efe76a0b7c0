import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compilePattern, PatternError, quotePattern } from './pattern.ts';

/** Each pattern with texts that it matches and texts that it does not; all of it as Erlang's re:run answers. */
const ANSWERS: readonly (readonly [pattern: string, matches: readonly string[], others: readonly string[]])[] = [
  ['', ['', 'a'], []],
  ['.*', ['', 'a', 'é', 'a\nb'], []],
  ['^$', ['', '\n'], ['a']],
  ['^[ca]', ['cat', 'abc'], ['bc', '']],
  ['^([wa]|amq.default)', ['w', 'amq.default', 'amqXdefault'], ['b', '']],
  ['^may\\.', ['may.read'], ['mayXread']],
  ['a.b', ['a.b'], ['a\nb', 'ab']],
  ['(?s)a.b', ['a\nb'], ['ab']],
  ['(?i)ABC', ['abc', 'ABC'], ['ab']],
  ['(?m)^b$', ['a\nb\nc', 'b'], ['ab']],
  ['^b$', ['b', 'b\n'], ['ab', 'a\nb\nc']],
  ['^b\\z', ['b'], ['b\n']],
  ['\\Aab\\Z', ['ab', 'ab\n'], ['b', 'aab']],
  ['[]a]', [']', 'a'], ['b']],
  ['[^]a]', ['b', 'ab'], ['a', ']']],
  ['[a-c-e]', ['a', 'c', '-', 'e'], ['d']],
  ['[[:alpha:]]+$', ['ab', 'ê'], ['1', '']],
  ['^[[:digit:][:upper:]]$', ['1', 'A'], ['a', 'ab']],
  ['a{2,3}$', ['aa', 'aaa'], ['a', 'aab']],
  ['a{,3}', ['a{,3}'], ['a', '']],
  ['^{username}$', ['{username}'], ['name']],
  ['\\Qa.b\\E', ['a.b'], ['aXb']],
  ['\\Qa.bE', ['a.bE'], ['a.b']],
  ['a\\Eb', ['ab'], ['aEb']],
  ['\\x41', ['A'], ['x41']],
  ['\\xc3\\xa9', ['é'], ['e']],
  ['\\h', ['a b', '\t'], ['\n']],
  ['[\\H]', ['a'], [' ', '\t']],
  ['\\v', ['\n', '\r'], [' ', '\t']],
  ['[\\b]', ['\b'], ['b']],
  ['\\bcat\\b', ['cat', 'a cat!'], ['concat', 'cats']],
  ['\\w', ['a', '_', 'é'], ['-', ' ']],
  ['^\\W$', ['-'], ['é', 'a']],
  ['\\s', [' ', '\t'], ['\u00a0', 'a']],
  ['(?P<n>a)b', ['ab'], ['a']],
  ['(a)(b)\\2', ['abb'], ['ab']],
  ['^amq\\.(?!gen)', ['amq.topic'], ['amq.gen-1']],
  ['(?#comment)ab', ['ab'], ['a']],
  ['a|b|', ['a', 'c', ''], []],
  ['[.]', ['.'], ['a']],
  ['/', ['a/b'], ['a']],
];

describe('a pattern matches as PCRE in RabbitMQ does', () => {
  for (const [source, matches, others] of ANSWERS) {
    test(`'${source}'`, () => {
      const pattern = compilePattern(source);
      for (const text of matches) assert.ok(pattern.matches(text), `${JSON.stringify(text)} should match`);
      for (const text of others) assert.ok(!pattern.matches(text), `${JSON.stringify(text)} should not match`);
    });
  }

  test('a character beyond ASCII is as many as it has octets', () => {
    assert.ok(compilePattern('^..$').matches('é'));
    assert.ok(!compilePattern('^.$').matches('é'));
  });
});

describe('a pattern is refused, never guessed', () => {
  for (const source of ['(', ')', '[a-z', '*a', '[z-a]', 'a{3,2}', 'a\\']) {
    test(`'${source}', which is no regular expression`, () => {
      assert.throws(() => compilePattern(source), PatternError);
    });
  }

  for (const source of ['a++', '(?>a)b', '\\p{L}', '(?R)', '\\K', '(?x)a b', '[[:^alpha:]]', '[[.a.]]', '\\x{100}']) {
    test(`'${source}', which JavaScript cannot do`, () => {
      assert.throws(() => compilePattern(source), PatternError);
    });
  }

  test('the error tells the pattern and the reason, for whoever wrote it', () => {
    assert.throws(
      () => compilePattern('a\\p{L}'),
      /^PatternError: invalid regular expression 'a\\p\{L\}': \\p is not supported$/,
    );
  });
});

test('a pattern that backtracks without end matches nothing instead of stopping the broker', () => {
  const startMs = performance.now();
  assert.equal(compilePattern('^(a+)+$').matches(`${'a'.repeat(60)}!`), false);
  assert.ok(performance.now() - startMs < 10_000);
});

test('of many texts, those that a pattern takes too long for are no match, and do not stop the broker one by one', () => {
  const startMs = performance.now();
  const endless = `${'a'.repeat(60)}!`;
  const pattern = compilePattern('^(a+)+$');
  assert.deepEqual(pattern.matchesEach(['aaa', endless, 'b', 'aa']), [true, false, false, true]);
  const found = pattern.matchesEach(['aaa', ...Array.from({ length: 1000 }, () => endless)]);
  assert.deepEqual([found[0], found.length, found.filter(Boolean).length], [true, 1001, 1]);
  assert.ok(performance.now() - startMs < 30_000);
});

test('many texts are matched as each of them is', () => {
  const texts = ['queue.a', 'queuequeue.a', 'a', 'é', ''];
  for (const source of ['^queue', '^(?:queue)+\\.a$', '^..$']) {
    const pattern = compilePattern(source);
    assert.deepEqual(
      pattern.matchesEach(texts),
      texts.map((text) => pattern.matches(text)),
    );
  }
});

test('a pattern that could backtrack is as good as another where it does not', () => {
  const pattern = compilePattern('^(?:queue|exchange)+\\.[a-z]+\\.[a-z]+$');
  assert.ok(pattern.matches('queue.orders.new'));
  assert.ok(!pattern.matches('queue.orders'));
});

test('a quoted text matches itself and nothing else', () => {
  const odd = 'a.c*[x]{2}(y)|^$\\/-+?';
  assert.ok(compilePattern(`^${quotePattern(odd)}$`).matches(odd));
  assert.ok(!compilePattern(`^${quotePattern('a.c')}$`).matches('abc'));
});
