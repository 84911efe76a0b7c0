import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSpecification } from '../../tools/generate-methods.ts';
import { AmqpError } from './errors.ts';
import type { BasicProperties } from './properties.ts';
import { decodeProperties, encodeProperties, PROPERTY_FLAGS } from './properties.ts';

const ALL: BasicProperties = {
  contentType: 'text/plain',
  contentEncoding: 'utf-8',
  headers: new Map([['k', { type: 'V' }]]),
  deliveryMode: 2,
  priority: 9,
  correlationId: 'c',
  replyTo: 'r',
  expiration: '60000',
  messageId: 'm',
  timestamp: 1700000000,
  type: 't',
  userId: 'guest',
  appId: 'a',
  clusterId: 'k',
};

function isInternalError(error: unknown): boolean {
  return error instanceof AmqpError && error.replyText === 'INTERNAL_ERROR' && error.classId === 0;
}

test('the properties and their flags are those of the specification, in its order', () => {
  const basic = readSpecification().classes.find((each) => each.name === 'basic');
  const names = basic?.properties?.map(({ name }) =>
    name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
  );
  assert.deepEqual(Object.keys(PROPERTY_FLAGS), names);
  assert.deepEqual(
    Object.values(PROPERTY_FLAGS),
    names?.map((_, index) => 2 ** (15 - index)),
  );
});

test('all properties are written in order behind their flags', () => {
  const octets = encodeProperties(ALL);
  const written =
    'fffc0a746578742f706c61696e057574662d3800000003016b560209016301720536303030300' +
    '16d000000006553f100017405677565737401 61016b'.replace(' ', '');
  assert.equal(octets.toString('hex'), written);
  assert.deepEqual(decodeProperties(octets, 0, octets.length), ALL);
});

test('properties that a message lacks are neither written nor present when read', () => {
  const octets = encodeProperties({ deliveryMode: 1, priority: undefined });
  assert.equal(octets.toString('hex'), '100001');
  assert.deepEqual(Object.keys(decodeProperties(octets, 0, octets.length)), ['deliveryMode']);
  assert.equal(encodeProperties({}).toString('hex'), '0000');
});

test('properties are read at their offset', () => {
  const octets = Buffer.from('ffff1000027f', 'hex');
  assert.deepEqual(decodeProperties(octets, 2, 5), { deliveryMode: 2 });
});

test('a string that is not UTF-8 and the unused flag are taken, as RabbitMQ takes them', () => {
  const octets = Buffer.from('800202fffe', 'hex');
  assert.deepEqual(decodeProperties(octets, 0, octets.length), { contentType: '\udcff\udcfe' });
});

test('malformed properties get the bare 541 of RabbitMQ', () => {
  const malformed = {
    'no flags': '00',
    'a missing value': '8000',
    'a string cut short': '800003ff',
    'octets too many': '00007a7a7a',
    'more flags to follow': '00010000',
    'more flags announced and missing': '0001',
    'a table longer than the rest': '200000000050616263',
    'an unknown type in a table': '200000000003016b51',
    'a value cut short in a table': '200000000004016b4900',
  };
  for (const [fault, hex] of Object.entries(malformed)) {
    const octets = Buffer.from(hex, 'hex');
    assert.throws(() => decodeProperties(octets, 0, octets.length), isInternalError, fault);
  }
});

test('a string of more than 255 octets cannot be written', () => {
  assert.throws(() => encodeProperties({ replyTo: 'é'.repeat(128) }), /SYNTAX_ERROR/);
});
