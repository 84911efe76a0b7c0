import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FieldValue } from '../protocol/field-table.ts';
import { validateBinding } from './exchange-types.ts';
import { int, messageWithHeaders, newMessage, TestTopology, tableOf, text } from './test-topology.ts';

type Fields = Record<string, FieldValue>;

const VOID: FieldValue = { type: 'V' };
const float = (value: number): FieldValue => ({ type: 'f', value });
const double = (value: number): FieldValue => ({ type: 'd', value });
const long = (value: number | bigint): FieldValue => ({ type: 'l', value });
const timestamp = (value: number | bigint): FieldValue => ({ type: 'T', value });
const bool = (value: boolean): FieldValue => ({ type: 't', value });
const binary = (value: string): FieldValue => ({ type: 'x', value: Buffer.from(value) });
const decimal = (scale: number, value: number): FieldValue => ({ type: 'D', scale, value });
const array = (...value: FieldValue[]): FieldValue => ({ type: 'A', value });
const table = (fields: Fields): FieldValue => ({ type: 'F', value: tableOf(fields) });

function matches(args: Fields, headers: Fields | undefined): boolean {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'h', type: 'headers' });
  topology.bind(exchange, 'q', '', tableOf(args));
  const message = headers === undefined ? newMessage('') : messageWithHeaders(headers);
  return topology.route(exchange, message).length === 1;
}

// Every row was bound and published on RabbitMQ 3.10.8, and routed, or not, as it says here.
const VALUES: readonly [what: string, wanted: FieldValue, given: FieldValue, isEqual: boolean][] = [
  ['a text of digits and the number', text('1'), int(1), false],
  ['int and long', int(1), long(1), true],
  ['int 1 and double 1.0', int(1), double(1), true],
  ['float 0.5 and double 0.5, which both hold exactly', float(0.5), double(0.5), true],
  ['float 0.1 and double 0.1, which differ', float(Math.fround(0.1)), double(0.1), false],
  ['timestamp and int', timestamp(5), int(5), true],
  ['byte and short', { type: 'B', value: 1 }, { type: 's', value: 1 }, true],
  ['true and 1', bool(true), int(1), false],
  ['true and true', bool(true), bool(true), true],
  ['true and the text true', bool(true), text('true'), false],
  ['binary and text of the same octets', binary('ab'), text('ab'), true],
  ['a value and void in the message', int(1), VOID, false],
  ['decimals of the same scale', decimal(1, 15), decimal(1, 15), true],
  ['decimal 1.0 and int 1', decimal(1, 10), int(1), false],
  ['decimals of one worth and two scales', decimal(1, 10), decimal(0, 1), false],
  ['arrays', array(int(1)), array(int(1)), true],
  ['an int and a long inside arrays', array(int(1)), array(long(1)), false],
  ['empty arrays', array(), array(), true],
  ['an empty array and an empty table', array(), table({}), true],
  ['a text and binary inside arrays', array(text('x')), array(binary('x')), false],
  ['tables', table({ k: int(1) }), table({ k: int(1) }), true],
  ['tables in another order', table({ k: int(1), j: int(2) }), table({ j: int(2), k: int(1) }), false],
  ['an int and a long inside tables', table({ k: int(1) }), table({ k: long(1) }), false],
  ['2^53 + 1 and double 2^53', long(9_007_199_254_740_993n), double(2 ** 53), false],
  ['2^53 and double 2^53', long(9_007_199_254_740_992n), double(2 ** 53), true],
  ['longs that differ where a double would not', long(2n ** 62n + 1n), long(2n ** 62n), false],
  ['timestamp 2^63 and double 2^63', timestamp(2n ** 63n), double(2 ** 63), true],
  ['a long beyond 2^53 and double 0.5', long(2n ** 62n), double(0.5), false],
  ['tables of one value under two names', table({ k: int(1) }), table({ j: int(1) }), false],
  ['tables of which one has more', table({ k: int(1) }), table({ k: int(1), j: int(1) }), false],
  ['arrays of which one has more', array(int(1)), array(int(1), int(2)), false],
  ['the two letters of long inside arrays', array(long(1)), array({ type: 'L', value: 1 }), true],
  ['minus zero and zero', double(-0), int(0), true],
];

for (const [what, wanted, given, isEqual] of VALUES) {
  test(`headers: ${what} are ${isEqual ? 'equal' : 'different'}, whichever side has which`, () => {
    assert.equal(matches({ a: wanted }, { a: given }), isEqual);
    if (given.type !== 'V') assert.equal(matches({ a: given }, { a: wanted }), isEqual);
  });
}

// Measured on RabbitMQ 3.10.8 as well.
const MODES: readonly [why: string, args: Fields, headers: Fields | undefined, isMatch: boolean][] = [
  ['no arguments match a message without headers', {}, undefined, true],
  ['no arguments match a message with empty headers', {}, {}, true],
  ['any of no arguments is none', { 'x-match': text('any') }, { a: int(1) }, false],
  ['without x-match all must match', { a: int(1), b: int(2) }, { b: int(2) }, false],
  ['all wants every one', { 'x-match': text('all'), a: int(1), b: int(2) }, { a: int(1), b: int(2), c: int(3) }, true],
  ['any wants one', { 'x-match': text('any'), a: int(1), b: int(2) }, { b: int(2) }, true],
  ['x- arguments do not count for all', { 'x-a': int(1) }, {}, true],
  ['x- arguments do not count for any', { 'x-match': text('any'), 'x-a': int(1) }, { 'x-a': int(1) }, false],
  ['x- alone is an x- argument', { 'x-': int(1) }, {}, true],
  ['x without a dash is an argument like others', { x: int(1) }, {}, false],
  ['X- in capitals is an argument like others', { 'X-a': int(1) }, {}, false],
  ['any-with-x counts them', { 'x-match': text('any-with-x'), 'x-a': int(1) }, { 'x-a': int(1) }, true],
  ['all-with-x wants them', { 'x-match': text('all-with-x'), 'x-a': int(1) }, {}, false],
  ['all-with-x is met by them', { 'x-match': text('all-with-x'), 'x-a': int(1) }, { 'x-a': int(1) }, true],
  ['x-match itself never counts', { 'x-match': text('all-with-x') }, {}, true],
  ['any-with-x of no arguments is none', { 'x-match': text('any-with-x') }, { a: int(1) }, false],
  ['void is met by any value', { a: VOID }, { a: text('') }, true],
  ['void is met by void', { a: VOID }, { a: VOID }, true],
  ['void is not met by absence', { a: VOID }, {}, false],
  ['void is not met by absence in any', { 'x-match': text('any'), a: VOID }, { b: int(1) }, false],
];

for (const [why, args, headers, isMatch] of MODES) {
  test(`headers: ${why}`, () => assert.equal(matches(args, headers), isMatch));
}

const REFUSED: readonly [mode: FieldValue, text: string][] = [
  [text('foo'), 'value <<"foo">>'],
  [text(''), 'value <<>>'],
  [text('h\u00e9\u4e2d'), 'value <<"h\u00e9\u4e2d">>'],
  [text('a"b\\c\n\t'), 'value <<"a\\"b\\\\c\\n\\t">>'],
  [text('a\u0001'), 'value <<97,1>>'],
];

for (const [mode, shown] of REFUSED) {
  test(`headers: x-match ${JSON.stringify(mode)} is refused with the text of RabbitMQ`, () => {
    assert.throws(() => validateBinding('headers', proposed({ 'x-match': mode })), {
      replyCode: 406,
      scope: 'channel',
      replyText: `PRECONDITION_FAILED - Invalid x-match field ${shown}; expected all, any, all-with-x, or any-with-x`,
    });
  });
}

const WRONG_TYPES: readonly [mode: FieldValue, shown: string][] = [
  [int(-7), 'signedint (value -7)'],
  [bool(true), 'bool (value true)'],
  [VOID, 'void (value undefined)'],
  [long(2 ** 40), 'long (value 1099511627776)'],
  [decimal(1, 15), 'decimal (value {1,15})'],
  [table({ a: int(1) }), 'table (value [{<<"a">>,signedint,1}])'],
  [array(int(1), text('b')), 'array (value [{signedint,1},{longstr,<<"b">>}])'],
];

for (const [mode, shown] of WRONG_TYPES) {
  test(`headers: x-match of type ${shown} is refused with the text of RabbitMQ`, () => {
    assert.throws(() => validateBinding('headers', proposed({ 'x-match': mode })), {
      replyCode: 406,
      replyText: `PRECONDITION_FAILED - Invalid x-match field type ${shown}; expected longstr`,
    });
  });
}

test('headers: the four modes and no mode are let pass', () => {
  for (const mode of ['all', 'any', 'all-with-x', 'any-with-x']) {
    validateBinding('headers', proposed({ 'x-match': text(mode) }));
  }
  validateBinding('headers', proposed({ a: int(1) }));
});

test('headers: routing keys and CC do not matter, and a queue gets one message from several bindings', () => {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'h', type: 'headers' });
  topology.bind(exchange, 'q', 'one', tableOf({ a: int(1) }));
  topology.bind(exchange, 'q', 'two', tableOf({ b: VOID }));
  const properties = { headers: tableOf({ a: int(1), b: int(2) }) };
  assert.deepEqual(topology.route(exchange, newMessage('other', { otherKeys: ['x'], properties })), ['q']);
});

test('headers: a binding that is taken out matches no more, the others go on', () => {
  const topology = new TestTopology();
  const exchange = topology.declare({ name: 'h', type: 'headers' });
  topology.bind(exchange, 'first', '', tableOf({ a: int(1) }));
  topology.bind(exchange, 'second', '', tableOf({ a: int(1) }));
  topology.unbind(exchange, 'first', '', tableOf({ a: int(1) }));
  assert.deepEqual(topology.route(exchange, messageWithHeaders({ a: int(1) })), ['second']);
});

function proposed(args: Fields) {
  return { destinationKind: 'queue', routingKey: '', arguments: tableOf(args) } as const;
}
