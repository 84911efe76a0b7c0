import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseTerms, type Term, TermError } from './erlang-terms.ts';

/** A term without places, in a form that can be compared: texts as they are, atoms and numbers in an object. */
type Plain =
  | string
  | number
  | { atom: string }
  | { binary: string }
  | { tuple: Plain[] }
  | { map: [Plain, Plain][] }
  | Plain[];

function plain(term: Term): Plain {
  if (term.kind === 'atom') return { atom: term.name };
  if (term.kind === 'number') return term.value;
  if (term.kind === 'binary') return { binary: term.text };
  if (term.kind === 'string') return term.text;
  if (term.kind === 'map') return { map: term.entries.map(([key, value]) => [plain(key), plain(value)]) };
  const items = term.items.map(plain);
  return term.kind === 'list' ? items : { tuple: items };
}

const parse = (text: string): Plain[] => parseTerms(text).map(plain);
const one = (text: string): Plain => {
  const [term, ...more] = parse(`${text}.`);
  assert.equal(more.length, 0);
  return term!;
};

const atom = (name: string): Plain => ({ atom: name });
const tuple = (...items: Plain[]): Plain => ({ tuple: items });

describe('terms are read as Erlang reads them', () => {
  for (const [text, expected] of [
    ['rabbit', atom('rabbit')],
    ['x@y_1', atom('x@y_1')],
    ["'rabbit@my-host'", atom('rabbit@my-host')],
    ["'it\\'s'", atom("it's")],
    ['été', atom('été')],
    ['0', 0],
    ['-12', -12],
    ['+12', 12],
    ['1_000', 1000],
    ['16#FF', 255],
    ['2#1_01', 5],
    ['36#zz', 1295],
    ['0.4', 0.4],
    ['1.0e3', 1000],
    ['-2.5E-1', -0.25],
    ['$a', 97],
    ['$\\n', 10],
    ['$ ', 32],
    ['""', ''],
    ['"a%b"', 'a%b'],
    ['"a\\"b\\\\c"', 'a"b\\c'],
    ['"\\x41\\x{1F600}\\101\\^A\\s\\d\\q"', 'A😀A\u0001 \x7fq'],
    ['"one" "two"', 'onetwo'],
    ['"two\nlines"', 'two\nlines'],
    ['<<>>', { binary: '' }],
    ['<<"guest">>', { binary: 'guest' }],
    ['<<"ä"/utf8>>', { binary: 'ä' }],
    ['<<"a", 98, $c>>', { binary: 'abc' }],
    ['[]', []],
    ['[ 1 , "a",[]]', [1, 'a', []]],
    ['{}', tuple()],
    ['{mem_relative, 1.0}', tuple(atom('mem_relative'), 1)],
    [
      '#{a => 1, "b" => [2]}',
      {
        map: [
          [atom('a'), 1],
          ['b', [2]],
        ],
      },
    ],
    ['#{}', { map: [] }],
  ] as const satisfies readonly (readonly [string, unknown])[]) {
    test(text, () => assert.deepEqual(one(text), expected));
  }

  test('with comments, and several of them in a file', () => {
    assert.deepEqual(parse('%% all\n[a % b]\n, c]\n].\n%[d].\n{e}.% the end'.replace('\n, c]', '\n, c')), [
      [atom('a'), atom('c')],
      tuple(atom('e')),
    ]);
    assert.deepEqual(parse(' \n% nothing\n'), []);
  });
});

describe('what Erlang would not read is refused, with line and column', () => {
  for (const [text, line, column, message] of [
    ['[a].\n[b', 2, 3, 'expected a comma or ], found the end of the file'],
    ['[a,\n  b,\n].', 3, 1, 'there is a comma in front of this ]'],
    ['{a, }.', 1, 5, 'there is a comma in front of this }'],
    ['[{a, 1}\n {b, 2}].', 2, 2, 'expected a comma or ], found "{"'],
    ['[a]', 1, 4, 'expected a full stop behind the term, found the end of the file'],
    ['[a].[b].', 1, 4, 'expected a full stop behind the term, found "."'],
    ['[a]]', 1, 4, 'expected a full stop behind the term, found "]"'],
    ['Rabbit.', 1, 1, 'expected a term, found "Rabbit."'],
    ['_.', 1, 1, 'expected a term, found "_."'],
    ['fun.', 1, 1, 'expected a term, found "fun."'],
    ['[a|b].', 1, 3, 'expected a comma or ], found "|"'],
    ['"abc', 1, 1, 'there is no " that ends what begins here'],
    ['[\n  "abc\\"].', 2, 3, 'there is no " that ends what begins here'],
    ["'abc", 1, 1, "there is no ' that ends what begins here"],
    ['12abc.', 1, 1, 'expected a term, found "12abc."'],
    ['1#0.', 1, 1, 'expected a base from 2 to 36'],
    ['8#9.', 1, 1, 'expected digits of base 8'],
    ['9007199254740993.', 1, 1, 'the number is too large'],
    ['1.0e999.', 1, 1, 'the number is too large'],
    ['<<"a".', 1, 6, 'expected a comma or >>, found "."'],
    ['<<256>>.', 1, 3, 'expected a byte, 0 to 255'],
    ['<<a>>.', 1, 3, 'expected a text or a byte, found "a"'],
    ['<<"ä">>.', 1, 1, 'this is no UTF-8: write it as <<"..."/utf8>>'],
    ['#{a, 1}.', 1, 4, 'expected =>, found ","'],
    ['"\\x{110000}".', 1, 3, 'there is no character 110000'],
    [`${'['.repeat(101)}`, 1, 101, 'it nests deeper than 100'],
  ] as const) {
    test(JSON.stringify(text.slice(0, 30)), () => {
      assert.throws(
        () => parseTerms(text),
        (error) => {
          assert.ok(error instanceof TermError);
          assert.deepEqual([error.line, error.column, error.message], [line, column, message]);
          return true;
        },
      );
    });
  }
});

/** As an Erlang programmer might write it: with any spaces and comments between. */
function print(term: Plain, gap: string): string {
  const list = (items: Plain[]) => items.map((item) => gap + print(item, gap) + gap).join(',');
  if (typeof term === 'number')
    return Number.isInteger(term) ? String(term) : term.toExponential().replace(/^(-?\d)e/, '$1.0e');
  if (typeof term === 'string') return quoted(term, '"');
  if (Array.isArray(term)) return `[${list(term)}${gap}]`;
  if ('atom' in term)
    return /^[a-z][a-z0-9_@]*$/.test(term.atom) && term.atom !== 'of' ? term.atom : quoted(term.atom, "'");
  if ('binary' in term) return `<<${gap}${quoted(term.binary, '"')}/utf8${gap}>>`;
  if ('tuple' in term) return `{${list(term.tuple)}${gap}}`;
  return `#{${term.map.map(([key, value]) => `${print(key, gap)}${gap}=>${gap}${print(value, gap)}`).join(',')}}`;
}

function quoted(text: string, quote: string): string {
  return quote + text.replace(/["'\\]/g, '\\$&').replaceAll('\n', '\\n') + quote;
}

const texts = fc.string({ unit: 'grapheme', maxLength: 8 });
const terms = fc.letrec<{ term: Plain }>((tie) => ({
  term: fc.oneof(
    { maxDepth: 4 },
    fc.maxSafeInteger().map((value) => value || 0),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Number.isInteger(value)),
    texts,
    texts.map((name): Plain => ({ atom: name })),
    texts.map((text): Plain => ({ binary: text })),
    fc.array(tie('term'), { maxLength: 4 }),
    fc.array(tie('term'), { maxLength: 4 }).map((items): Plain => ({ tuple: items })),
    fc.array(fc.tuple(tie('term'), tie('term')), { maxLength: 3 }).map((map): Plain => ({ map })),
  ),
})).term;

test('what is printed is read as what it was, however it is spaced', () => {
  const gaps = fc.constantFrom('', ' ', '\n\t', '% a ], "comment"\n');
  fc.assert(
    fc.property(terms, gaps, (term, gap) => {
      assert.deepEqual(one(gap + print(term, gap) + gap), term);
    }),
  );
});

test('whatever stands in a file, it is read or refused with a place in it', () => {
  const pieces = fc.constantFrom(
    '[',
    ']',
    '{',
    '}',
    ',',
    '.',
    '"',
    "'",
    '<<',
    '>>',
    'a',
    '1',
    '16#',
    '$',
    '\\',
    '#{',
    '=>',
    '%',
    '\n',
    ' ',
    '-',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 30 }), (some) => {
      try {
        parseTerms(some.join(''));
      } catch (error) {
        assert.ok(error instanceof TermError, String(error));
        assert.ok(error.line >= 1 && error.column >= 1);
      }
    }),
    { numRuns: 1000 },
  );
});
