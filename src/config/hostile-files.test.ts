/** Whatever stands in a file, reading it ends with settings, or with faults that say where; nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Findings } from './assignment.ts';
import { readClassic } from './classic-file.ts';
import { readLayer } from './configuration.ts';
import { DECLARED } from './setting-keys.ts';
import { readSysctl } from './sysctl-file.ts';

const keys = DECLARED.flatMap(([, { key, also = [] }]) => [key, ...also]).map((key) => key.replace('$name', 'x'));
const paths = DECLARED.flatMap(([, { classic = [] }]) => classic).map((path) => path.replace('.$name', '').split('.'));

const texts = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom(
    '',
    '0',
    '-1',
    '1e9',
    '5672',
    'true',
    'none',
    'infinity',
    '127.0.0.1:1',
    '[::1]:x',
    "'",
    '"a',
    '\\',
    '$D0',
  ),
);
const lines = fc.oneof(
  texts,
  fc.tuple(fc.constantFrom(...keys), texts).map(([key, value]) => `${key} = ${value}`),
  texts.map((path) => `include ${path}`),
);

test('lines of any kind', () => {
  const include = (named: string) => [{ path: 'included', content: `heartbeat = ${named.slice(1)}` }];
  fc.assert(
    fc.property(fc.array(lines, { maxLength: 8 }), (some) => {
      const findings = new Findings();
      readLayer(readSysctl('conf', some.join('\n'), findings, include), findings);
      for (const told of [...findings.faults, ...findings.notices]) assert.match(told, /^(conf|included):\d+: /);
    }),
    { numRuns: 2000 },
  );
});

const terms = fc.letrec<{ term: string }>((tie) => ({
  term: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(
      'a',
      "'b c'",
      '1',
      '-1',
      '0.5',
      '1.0e9',
      '"text"',
      '<<"x">>',
      '[]',
      '{}',
      '#{}',
      'true',
      'none',
      'undefined',
    ),
    fc.array(tie('term'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
    fc.array(tie('term'), { maxLength: 3 }).map((items) => `{${items.join(', ')}}`),
    fc.tuple(fc.constantFrom(...paths.flat()), tie('term')).map(([key, value]) => `{'${key}', ${value}}`),
  ),
})).term;

test('terms of any kind in the place of every setting', () => {
  fc.assert(
    fc.property(fc.constantFrom(...paths), terms, (path, term) => {
      const [application, ...within] = path;
      const inside = within.reduceRight((value, key) => `[{'${key}', ${value}}]`, term);
      const findings = new Findings();
      readLayer(readClassic('terms', `[{${application}, ${inside}}].`, findings), findings);
      for (const told of [...findings.faults, ...findings.notices]) assert.match(told, /^terms:1:\d+: /);
    }),
    { numRuns: 2000 },
  );
});
