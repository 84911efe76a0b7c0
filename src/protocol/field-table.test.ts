import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmqpError } from './errors.ts';
import type { FieldTable, FieldValue, PlainValue } from './field-table.ts';
import {
  decodeFieldTable,
  EMPTY_TABLE,
  encodeFieldTable,
  fieldTypeName,
  fromPlain,
  MAX_TABLE_DEPTH,
  tableFromJson,
  tableToJson,
  toPlain,
} from './field-table.ts';

/** A table with one value named k, from the octets of the value. */
function tableWith(value: string | Buffer): Buffer {
  const entry = Buffer.concat([
    Buffer.from([1, 0x6b]),
    typeof value === 'string' ? Buffer.from(value, 'latin1') : value,
  ]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(entry.length);
  return Buffer.concat([size, entry]);
}

function decode(bytes: Buffer): FieldTable {
  return decodeFieldTable(bytes, 0, bytes.length);
}

function nested(type: 'A' | 'F', levels: number): Buffer {
  let value = Buffer.from('t\x01', 'latin1');
  for (let level = 0; level < levels; level++) {
    const inside = type === 'A' ? value : Buffer.concat([Buffer.from([1, 0x6b]), value]);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(inside.length);
    value = Buffer.concat([Buffer.from(type), size, inside]);
  }
  return tableWith(value);
}

function isSyntaxError(text: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof AmqpError && error.replyCode === 502 && text.test(error.replyText);
}

/** Each type that RabbitMQ 3.10.8 takes and gives back unchanged in a header, and its name for it in reply texts. */
const TYPES: [octets: string, value: FieldValue, name: string][] = [
  ['t\x01', { type: 't', value: true }, 'bool'],
  ['t\x00', { type: 't', value: false }, 'bool'],
  ['b\x81', { type: 'b', value: -127 }, 'byte'],
  ['B\x81', { type: 'B', value: 129 }, 'unsignedbyte'],
  ['s\x81\x02', { type: 's', value: -32510 }, 'short'],
  ['u\x81\x02', { type: 'u', value: 33026 }, 'unsignedshort'],
  ['I\x81\x00\x00\x02', { type: 'I', value: -2130706430 }, 'signedint'],
  ['i\x81\x00\x00\x02', { type: 'i', value: 2164260866 }, 'unsignedint'],
  ['l\x81\x00\x00\x00\x00\x00\x00\x02', { type: 'l', value: -9151314442816847870n }, 'long'],
  ['l\xff\xff\xff\xff\xff\xff\xff\xfe', { type: 'l', value: -2 }, 'long'],
  ['L\x00\x00\x01\x00\x00\x00\x00\x02', { type: 'L', value: 1099511627778 }, 'long'],
  ['T\x81\x00\x00\x00\x00\x00\x00\x02', { type: 'T', value: 9295429630892703746n }, 'timestamp'],
  ['f\x3f\xc0\x00\x00', { type: 'f', value: 1.5 }, 'float'],
  ['d\xbf\xf8\x00\x00\x00\x00\x00\x00', { type: 'd', value: -1.5 }, 'double'],
  ['D\x02\x80\x00\x00\x05', { type: 'D', scale: 2, value: 2147483653 }, 'decimal'],
  ['S\x00\x00\x00\x02hi', { type: 'S', value: 'hi' }, 'longstr'],
  ['S\x00\x00\x00\x02\xff\xfe', { type: 'S', value: '\udcff\udcfe' }, 'longstr'],
  ['x\x00\x00\x00\x02\xff\xfe', { type: 'x', value: Buffer.from([0xff, 0xfe]) }, 'binary'],
  ['A\x00\x00\x00\x03t\x01V', { type: 'A', value: [{ type: 't', value: true }, { type: 'V' }] }, 'array'],
  ['F\x00\x00\x00\x03\x01nV', { type: 'F', value: new Map([['n', { type: 'V' }]]) }, 'table'],
  ['V', { type: 'V' }, 'void'],
];

for (const [octets, value, name] of TYPES) {
  const shown = Buffer.from(octets, 'latin1').toString('hex');
  test(`the field ${octets[0]} (${shown}) is read as ${name} and written back octet by octet`, () => {
    const bytes = tableWith(octets);
    const table = decode(bytes);
    assert.deepEqual(table.get('k'), value);
    assert.equal(fieldTypeName(value), name);
    assert.deepEqual(encodeFieldTable(table), bytes);
    assert.deepEqual(tableFromJson(JSON.parse(JSON.stringify(tableToJson(table)))), table);
  });
}

test('any octet but 0 is true, as in RabbitMQ', () => {
  assert.deepEqual(decode(tableWith('t\x05')).get('k'), { type: 't', value: true });
});

test('octets in a table are copied, so that the chunk they came in can be reused', () => {
  const bytes = tableWith('x\x00\x00\x00\x01a');
  const table = decode(bytes);
  bytes.fill(0);
  assert.deepEqual(table.get('k'), { type: 'x', value: Buffer.from('a') });
});

test('of a name that comes twice the first value counts, as in RabbitMQ', () => {
  const entries = Buffer.from('\x01kB\x01\x01kB\x02', 'latin1');
  const bytes = Buffer.concat([Buffer.from([0, 0, 0, entries.length]), entries]);
  assert.deepEqual(decode(bytes), new Map([['k', { type: 'B', value: 1 }]]));
});

test('a table keeps the order of its names, numbers among them, on the wire and in JSON', () => {
  const table = new Map<string, FieldValue>(['b', '10', 'a', '9'].map((name) => [name, { type: 'V' }]));
  assert.deepEqual([...decode(encodeFieldTable(table)).keys()], ['b', '10', 'a', '9']);
  assert.deepEqual([...tableFromJson(JSON.parse(JSON.stringify(tableToJson(table)))).keys()], ['b', '10', 'a', '9']);
});

test('the empty table is four zeros', () => {
  assert.deepEqual(encodeFieldTable(EMPTY_TABLE), Buffer.alloc(4));
  assert.deepEqual(decode(Buffer.alloc(4)), EMPTY_TABLE);
});

test('a table is read at its offset, and no octet may be left before the end', () => {
  const bytes = Buffer.concat([Buffer.from([9, 9]), tableWith('B\x07'), Buffer.from([9])]);
  assert.deepEqual(decodeFieldTable(bytes, 2, bytes.length - 1).get('k'), { type: 'B', value: 7 });
  assert.throws(() => decodeFieldTable(bytes, 2, bytes.length), isSyntaxError(/1 octets too many/));
});

test('a letter that RabbitMQ does not know, a float that is no number and a value cut short are malformed', () => {
  assert.throws(() => decode(tableWith('Q')), isSyntaxError(/unknown field type 81/));
  assert.throws(() => decode(tableWith('f\x7f\xc0\x00\x00')), isSyntaxError(/NaN/));
  assert.throws(() => decode(tableWith('d\xff\xf0\x00\x00\x00\x00\x00\x00')), isSyntaxError(/Infinity/));
  assert.throws(() => decode(tableWith('S\x00\x00\x00\x09ab')), isSyntaxError(/7 octets too soon/));
  assert.throws(() => decode(tableWith('A\x00\x00\x00\x02S\x00')), isSyntaxError(/too soon/));
});

test(`tables and arrays may nest ${MAX_TABLE_DEPTH} levels, the outermost table included, and no deeper`, () => {
  for (const type of ['A', 'F'] as const) {
    const deepest = nested(type, MAX_TABLE_DEPTH - 1);
    assert.deepEqual(encodeFieldTable(decode(deepest)), deepest);
    assert.throws(() => decode(nested(type, MAX_TABLE_DEPTH)), isSyntaxError(/nested deeper/));
    assert.throws(() => decode(nested(type, 5000)), isSyntaxError(/nested deeper/), 'the stack must not overflow');
  }
});

test('no table that could not be read back is written or made from plain values', () => {
  let plain: PlainValue = 1;
  for (let level = 0; level < 50_000; level++) plain = level % 2 === 0 ? [plain] : { k: plain };
  assert.throws(() => fromPlain({ k: plain }), isSyntaxError(/nested deeper/));
  let array: FieldValue = { type: 'V' };
  let table: FieldValue = { type: 'V' };
  for (let level = 0; level < MAX_TABLE_DEPTH; level++) {
    array = { type: 'A', value: [array] };
    table = { type: 'F', value: new Map([['k', table]]) };
  }
  assert.throws(() => encodeFieldTable(new Map([['k', array]])), isSyntaxError(/nested deeper/));
  assert.throws(() => encodeFieldTable(new Map([['k', table]])), isSyntaxError(/nested deeper/));
  assert.throws(() => encodeFieldTable(fromPlain({ ['k'.repeat(256)]: 1 })), isSyntaxError(/longer than 255/));
});

test('fromPlain takes the smallest of I, l and d that holds a number', () => {
  const types = [
    0,
    -1,
    2147483647,
    -2147483648,
    2147483648,
    -2147483649,
    2 ** 53,
    2 ** 63,
    -(2 ** 63),
    1.5,
    -0,
    1e300,
  ].map((number) => fromPlain({ number }).get('number'));
  assert.deepEqual(types, [
    { type: 'I', value: 0 },
    { type: 'I', value: -1 },
    { type: 'I', value: 2147483647 },
    { type: 'I', value: -2147483648 },
    { type: 'l', value: 2147483648 },
    { type: 'l', value: -2147483649 },
    { type: 'l', value: 9007199254740992n },
    { type: 'd', value: 2 ** 63 },
    { type: 'l', value: -(2n ** 63n) },
    { type: 'd', value: 1.5 },
    { type: 'd', value: -0 },
    { type: 'd', value: 1e300 },
  ]);
  assert.throws(() => fromPlain({ number: Number.NaN }), isSyntaxError(/not finite/));
});

test('plain objects come back from a table as they were, a name that is special to JavaScript included', () => {
  const plain = JSON.parse('{"a":[1,true,null,"s",{"b":2.5}],"__proto__":{"c":"d"},"l":4294967296}');
  assert.deepEqual(toPlain(fromPlain(plain)), plain);
  assert.equal(Object.getPrototypeOf(toPlain(fromPlain(plain))), Object.prototype);
});

test('toPlain gives values that JSON can hold for types that JSON has not', () => {
  const table = new Map<string, FieldValue>([
    ['decimal', { type: 'D', scale: 2, value: 314 }],
    ['octets', { type: 'x', value: Buffer.from('hi') }],
    ['long', { type: 'l', value: 2n ** 60n }],
    ['time', { type: 'T', value: 7 }],
  ]);
  assert.deepEqual(toPlain(table), { decimal: 3.14, octets: 'hi', long: 2 ** 60, time: 7 });
});

test('-0, which JSON has no number for, survives the store', () => {
  const table = new Map<string, FieldValue>([
    ['f', { type: 'f', value: -0 }],
    ['d', { type: 'd', value: -0 }],
  ]);
  assert.deepEqual(tableFromJson(JSON.parse(JSON.stringify(tableToJson(table)))), table);
});

test('JSON that tableToJson did not write is refused rather than turned into a table that cannot be sent', () => {
  const broken: unknown[] = [
    null,
    {},
    [['k', 'Q', 1]],
    [['k', 'constructor', 1]],
    [['k', 't']],
    [[1, 'V', null]],
    [['k', 't', 'yes']],
    [['k', 'b', 128]],
    [['k', 'B', -1]],
    [['k', 'u', 65536]],
    [['k', 'I', 1.5]],
    [['k', 'i', '1']],
    [['k', 'f', 0.1]],
    [['k', 'd', null]],
    [['k', 'l', '0x10']],
    [['k', 'l', '9223372036854775808']],
    [['k', 'T', -1]],
    [['k', 'D', [256, 1]]],
    [['k', 'D', 1]],
    [['k', 'S', 7]],
    [['k', 'x', 7]],
    [['k', 'A', [['V']]]],
    [['k', 'F', 7]],
  ];
  for (const json of broken) assert.throws(() => tableFromJson(json), TypeError, JSON.stringify(json));
});
