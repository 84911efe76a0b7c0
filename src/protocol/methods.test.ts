import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { generateMethods, readSpecification } from '../../tools/generate-methods.ts';
import {
  FRAME_BODY,
  FRAME_END,
  FRAME_HEADER,
  FRAME_HEADER_SIZE,
  FRAME_HEARTBEAT,
  FRAME_METHOD,
  FRAME_MIN_SIZE,
  PROTOCOL_HEADER,
  REPLY_SUCCESS,
} from './constants.ts';
import type { AmqpError } from './errors.ts';
import { EMPTY_TABLE, fromPlain } from './field-table.ts';
import { CONTENT_METHODS, decodeMethod, METHOD_IDS, type Method, methodFrame } from './methods.generated.ts';

/** The method in a payload given in hexadecimal; blanks are for the reader. */
function decodeHex(hex: string): Method {
  const payload = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  return decodeMethod(payload, 0, payload.length);
}

/** Checks the answer to a payload: `501 50,10 text`. */
function assertAnswer(hex: string, answer: string, scope = 'connection'): void {
  assert.throws(
    () => decodeHex(hex),
    (error: AmqpError) => {
      assert.equal(`${error.replyCode} ${error.classId},${error.methodId} ${error.replyText}`, answer);
      assert.equal(error.scope, scope);
      return true;
    },
  );
}

test('methods.generated.ts is what the generator writes: nobody edited it', () => {
  const committed = readFileSync(new URL('./methods.generated.ts', import.meta.url), 'utf8');
  assert.equal(committed, generateMethods(readSpecification()));
});

test('the constants are those of the specification', () => {
  const facts = readSpecification().constants.filter((constant) => constant.scope === undefined);
  assert.deepEqual(Object.fromEntries(facts.map(({ name, value }) => [name, value])), {
    'frame-method': FRAME_METHOD,
    'frame-header': FRAME_HEADER,
    'frame-body': FRAME_BODY,
    'frame-heartbeat': FRAME_HEARTBEAT,
    'frame-min-size': FRAME_MIN_SIZE,
    'frame-end': FRAME_END,
    'reply-success': REPLY_SUCCESS,
  });
  assert.equal(PROTOCOL_HEADER.toString('latin1'), 'AMQP\0\0\x09\x01');
});

test('the extensions of RabbitMQ have the numbers that its clients use', () => {
  assert.deepEqual(METHOD_IDS['basic.nack'], { classId: 60, methodId: 120 });
  assert.deepEqual(METHOD_IDS['confirm.select'], { classId: 85, methodId: 10 });
  assert.deepEqual(METHOD_IDS['exchange.unbind-ok'], { classId: 40, methodId: 51 });
  assert.deepEqual(METHOD_IDS['connection.blocked'], { classId: 10, methodId: 60 });
  assert.deepEqual(METHOD_IDS['connection.update-secret-ok'], { classId: 10, methodId: 71 });
  assert.deepEqual([...CONTENT_METHODS], ['basic.publish', 'basic.return', 'basic.deliver', 'basic.get-ok']);
});

test('a method frame is type, channel, length, class, method, fields and 0xCE', () => {
  const frame = methodFrame(258, { name: 'queue.declare', queue: 'q', durable: true, noWait: true });
  assert.equal(frame.toString('hex'), '010102' + '0000000d' + '0032000a' + '0000' + '0171' + '12' + '00000000' + 'ce');
});

test('what is left out of an outgoing method is false or empty when read', () => {
  const frame = methodFrame(1, { name: 'queue.declare', queue: 'q' });
  assert.deepEqual(decodeMethod(frame, FRAME_HEADER_SIZE, frame.length - 1), {
    name: 'queue.declare',
    queue: 'q',
    passive: false,
    durable: false,
    exclusive: false,
    autoDelete: false,
    noWait: false,
    arguments: EMPTY_TABLE,
  });
});

test('reserved fields may hold anything when read and are zeros when written', () => {
  assert.deepEqual(decodeHex('0032001e ffff 0171 00'), { name: 'queue.purge', queue: 'q', noWait: false });
  assert.deepEqual(decodeHex('000a0028 012f 03ffffff 01'), { name: 'connection.open', virtualHost: '/' });
  const open = methodFrame(0, { name: 'connection.open', virtualHost: '/' });
  assert.equal(open.toString('hex'), '01000000000008' + '000a0028' + '012f' + '00' + '00' + 'ce');
});

test('bits beyond the last are ignored, as RabbitMQ ignores them', () => {
  assert.deepEqual(decodeHex('003c000a 00000000 0005 fe'), {
    name: 'basic.qos',
    prefetchSize: 0,
    prefetchCount: 5,
    global: false,
  });
});

test('fields that do not fit the octets get the 501 of RabbitMQ, with the octets behind class and method', () => {
  assertAnswer('0032000a 0000 05 6162', '501 50,10 FRAME_ERROR - cannot decode <<0,0,5,97,98>>');
  assertAnswer('005a000a 78', '501 90,10 FRAME_ERROR - cannot decode <<120>>');
  assertAnswer('0032000a 0000 00', '501 50,10 FRAME_ERROR - cannot decode <<0,0,0>>');
  assertAnswer(
    '0032000a 0000 00 08 00000050 616263',
    '501 50,10 FRAME_ERROR - cannot decode <<0,0,0,8,0,0,0,80,97,98,99>>',
  );
  assertAnswer('0032000a 0000 00 08 00000000 65', '501 50,10 FRAME_ERROR - cannot decode <<0,0,0,8,0,0,0,0,101>>');
});

test('the octets in a 501 are cut at 252 as RabbitMQ cuts them', () => {
  const octets = Buffer.from(Array.from({ length: 200 }, (_, index) => index)).toString('hex');
  const shown = Array.from({ length: 75 }, (_, index) => index).join(',');
  assertAnswer(`0032000a 0000 ff ${octets}`, `501 50,10 FRAME_ERROR - cannot decode <<0,0,255,${shown}...`);
});

test('a malformed method of the class connection gets the bare 541 of RabbitMQ', () => {
  assertAnswer('000a0032 00', '541 0,0 INTERNAL_ERROR');
  assertAnswer('000a0032 0001 00 0000 0000 7a', '541 0,0 INTERNAL_ERROR');
});

test('a payload without class and method is no frame that RabbitMQ knows', () => {
  assertAnswer('003200', '501 0,0 FRAME_ERROR - type 1, all octets = <<0,50,0>>: unknown_frame');
  assertAnswer('', '501 0,0 FRAME_ERROR - type 1, all octets = <<>>: unknown_frame');
});

test('an unknown method gets a 503, where RabbitMQ drops the connection', () => {
  assertAnswer('0063000a', '503 99,10 COMMAND_INVALID - unimplemented method');
  assertAnswer('00320063', '503 50,99 COMMAND_INVALID - unimplemented method');
});

test('a malformed table in arguments gets a 502, where RabbitMQ drops the connection', () => {
  const [head, type] = ['0032000a 0000 00 08', '01 6b 51'];
  assertAnswer(`${head} 00000003 ${type}`, '502 50,10 SYNTAX_ERROR - malformed field table: unknown field type 81');
});

test('a shortstr that is not UTF-8 gets the 501 of RabbitMQ', () => {
  assertAnswer('0032000a 0000 02fffe 08 00000000', '501 0,0 FRAME_ERROR - Malformed UTF-8 in shortstr');
  assertAnswer('003c001e 01ff 00', '501 0,0 FRAME_ERROR - Malformed UTF-8 in shortstr');
});

test('a shortstr of UTF-8 that has a surrogate in it is refused as well, though RabbitMQ takes it: it is not UTF-8', () => {
  assertAnswer('0032000a 0000 03eda080 08 00000000', '501 0,0 FRAME_ERROR - Malformed UTF-8 in shortstr');
});

test('exchange and routing key of basic.publish may be any octets, as in RabbitMQ', () => {
  assert.deepEqual(decodeHex('003c0028 0000 02fffe 01e9 01'), {
    name: 'basic.publish',
    exchange: '\udcff\udcfe',
    routingKey: '\udce9',
    mandatory: true,
    immediate: false,
  });
});

test('a delivery tag that cannot have been given out closes the channel with the 406 of RabbitMQ', () => {
  const text = '406 60,80 PRECONDITION_FAILED - unknown delivery tag 9223372036854775807';
  assertAnswer('003c0050 7fffffffffffffff 00', text, 'channel');
  assertAnswer(
    '003c0078 ffffffffffffffff 01',
    '406 60,120 PRECONDITION_FAILED - unknown delivery tag 18446744073709551615',
    'channel',
  );
  const ack = decodeHex('003c0050 001fffffffffffff 01');
  assert.deepEqual(ack, { name: 'basic.ack', deliveryTag: Number.MAX_SAFE_INTEGER, multiple: true });
});

test('a method is read between offset and end only', () => {
  const frame = methodFrame(1, { name: 'basic.cancel', consumerTag: 'c', noWait: true });
  const chunk = Buffer.concat([Buffer.alloc(3, 0xff), frame, Buffer.alloc(3, 0xff)]);
  const offset = 3 + FRAME_HEADER_SIZE;
  assert.deepEqual(decodeMethod(chunk, offset, 3 + frame.length - 1), {
    name: 'basic.cancel',
    consumerTag: 'c',
    noWait: true,
  });
});

test('a shortstr of more than 255 octets cannot be written', () => {
  assert.throws(() => methodFrame(1, { name: 'basic.cancel', consumerTag: 'c'.repeat(256) }), /SYNTAX_ERROR/);
});

test('a frame larger than the first buffer of its writer is whole', () => {
  const method = { name: 'queue.bind', queue: 'q', exchange: 'x', routingKey: 'r' } as const;
  const table = fromPlain({ long: 'y'.repeat(100_000), after: 1 });
  const frame = methodFrame(1, { ...method, arguments: table });
  assert.deepEqual(decodeMethod(frame, FRAME_HEADER_SIZE, frame.length - 1), {
    ...method,
    noWait: false,
    arguments: table,
  });
});
