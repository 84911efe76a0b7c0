import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FieldValue } from './field-table.ts';
import { fieldText } from './field-text.ts';

function double(value: number): FieldValue {
  return { type: 'd', value };
}

function longstr(value: string): FieldValue {
  return { type: 'S', value };
}

/** What RabbitMQ 3.10.8 wrote behind `received` for a queue argument of this value. */
const TEXTS: [value: FieldValue, text: string][] = [
  [{ type: 't', value: true }, 'true'],
  [{ type: 'b', value: -127 }, '-127'],
  [{ type: 'l', value: -9151314442816847870n }, '-9151314442816847870'],
  [{ type: 'T', value: 9295429630892703746n }, '9295429630892703746'],
  [longstr('hi'), 'hi'],
  [longstr("é'q"), "é'q"],
  [{ type: 'x', value: Buffer.from('hi') }, 'hi'],
  [double(1.5), '1.5'],
  [double(3), '3.0'],
  [double(1e20), '1.0e20'],
  [{ type: 'A', value: [] }, '[]'],
  [{ type: 'F', value: new Map() }, '[]'],
  [
    {
      type: 'A',
      value: [
        { type: 't', value: true },
        { type: 'b', value: 2 },
      ],
    },
    '[{bool,true},{byte,2}]',
  ],
  [{ type: 'A', value: [{ type: 'D', scale: 2, value: 2147483653 }] }, '[{decimal,{2,2147483653}}]'],
  [{ type: 'A', value: [{ type: 'f', value: Math.fround(0.1) }] }, '[{float,0.10000000149011612}]'],
  [{ type: 'A', value: [{ type: 'L', value: 0 }] }, '[{long,0}]'],
  [{ type: 'A', value: [{ type: 'V' }, longstr('')] }, '[{void,undefined},{longstr,<<>>}]'],
  [{ type: 'A', value: [longstr('\x01\x02\x03')] }, '[{longstr,<<1,2,3>>}]'],
  [{ type: 'A', value: [longstr('é'), longstr("it's")] }, '[{longstr,<<"é">>},{longstr,<<"it\'s">>}]'],
  [
    {
      type: 'F',
      value: new Map<string, FieldValue>([
        ['a', { type: 'F', value: new Map([['b', longstr('x')]]) }],
        ['é', { type: 'V' }],
      ]),
    },
    '[{<<"a">>,table,[{<<"b">>,longstr,<<"x">>}]},{<<"é">>,void,undefined}]',
  ],
];

for (const [value, text] of TEXTS) {
  test(`a value in a reply text is printed as RabbitMQ prints it: ${text}`, () => assert.equal(fieldText(value), text));
}

/** What `io:format("~p", [X])` of Erlang/OTP 25, on which RabbitMQ 3.10.8 runs here, printed. */
const FLOATS: [value: number, text: string][] = [
  [10, '10.0'],
  [100, '100.0'],
  [1000, '1.0e3'],
  [123456, '123456.0'],
  [123000, '1.23e5'],
  [1234.5, '1234.5'],
  [4294967296, '4294967296.0'],
  [1.5e10, '1.5e10'],
  [9007199254740991, '9007199254740991.0'],
  [9007199254740992, '9.007199254740992e15'],
  [0.001, '0.001'],
  [-0.001, '-0.001'],
  [0.0001, '0.0001'],
  [0.00001, '1.0e-5'],
  [0.00012, '1.2e-4'],
  [0.0015, '0.0015'],
  [1e-7, '1.0e-7'],
  [5e-324, '5.0e-324'],
  [-1e20, '-1.0e20'],
  [-0, '-0.0'],
  [123456789012345680, '1.2345678901234568e17'],
];

test('floats are printed as Erlang prints them', () => {
  for (const [value, text] of FLOATS) assert.equal(fieldText(double(value)), text);
});

test('strings inside terms have the escapes of Erlang', () => {
  assert.equal(
    fieldText({ type: 'A', value: [longstr('a"b\\c\n\t\r\v\b\f\x1b')] }),
    '[{longstr,<<"a\\"b\\\\c\\n\\t\\r\\v\\b\\f\\e">>}]',
  );
  assert.equal(fieldText({ type: 'A', value: [longstr('\x7f')] }), '[{longstr,<<127>>}]');
});
