import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  decodeContentHeader,
  decodeMethod,
  encodeContentHeader,
  encodeFrame,
  encodeMethod,
  encodeTable,
  type MethodArguments,
  plain,
  type TypedTable,
  typed,
} from './wire-format.ts';

describe('the oracle reads and writes the bytes of the specification', () => {
  test('bits that follow each other share an octet, lowest first (AMQP 0-9-1 4.2.5.2)', () => {
    const payload = encodeMethod('queue.declare', { queue: 'q', durable: true, autoDelete: true });
    assert.equal(payload.toString('hex'), '0032000a00000171' + '0a' + '00000000');
  });

  test('a frame is type, channel, size, payload and 0xCE', () => {
    assert.equal(encodeFrame(1, 2, Buffer.from('ab')).toString('hex'), '01' + '0002' + '00000002' + '6162' + 'ce');
  });

  test('a content header flags its properties from the highest bit down', () => {
    const payload = encodeContentHeader(5, { contentType: 'a', deliveryMode: 2, clusterId: 'c' });
    assert.equal(payload.toString('hex'), '003c0000' + '0000000000000005' + '9004' + '0161' + '02' + '0163');
    assert.deepEqual(decodeContentHeader(payload), {
      bodySize: 5,
      properties: { contentType: 'a', deliveryMode: 2, clusterId: 'c' },
    });
  });

  test('a plain value gets the letter that clients use', () => {
    const bytes = encodeTable({ a: 'x', b: true, c: 1, d: 2 ** 40, e: 1.5, f: null, g: [1], h: {} });
    const expected =
      '016153' + '0000000178' + '01627401' + '01634900000001' + '01646c0000010000000000' + '0165643ff8000000000000';
    assert.equal(bytes.subarray(4, 4 + expected.length / 2).toString('hex'), expected);
    assert.equal(
      bytes.subarray(4 + expected.length / 2).toString('latin1'),
      '\x01fV\x01gA\0\0\0\x05I\0\0\0\x01\x01hF\0\0\0\0',
    );
  });

  test('a table keeps values and letters of every type on the way through', () => {
    const table = {
      b: typed('b', -5),
      B: typed('B', 200),
      s: typed('s', -500),
      u: typed('u', 60_000),
      I: typed('I', -70_000),
      i: typed('i', 4_000_000_000),
      l: typed('l', -5_000_000_000),
      T: typed('T', 1_700_000_000),
      f: typed('f', 1.5),
      d: typed('d', 2.25),
      D: typed('D', { scale: 2, unscaled: 314 }),
      x: typed('x', Buffer.from([0, 255])),
      A: typed('A', [typed('S', 'in')]),
      F: typed('F', { deep: typed('t', true) }),
      V: typed('V', null),
    };
    const { args } = decodeMethod(encodeMethod('queue.declare', { queue: 'q', arguments: table }));
    assert.deepEqual({ ...(args as MethodArguments & { arguments: TypedTable }).arguments }, table);
    assert.deepEqual(plain(args.arguments as TypedTable).A, ['in']);
  });

  test('a method that nobody knows is named by its numbers, so that a test sees it', () => {
    assert.deepEqual(decodeMethod(Buffer.from([0, 30, 0, 11])), { name: '30.11', args: {} });
  });

  test('a field that a method does not have is a mistake of the test, not left out in silence', () => {
    assert.throws(() => encodeMethod('queue.declare', { durabel: true }), /queue.declare has no field durabel/);
    assert.throws(() => encodeMethod('queue.declared'), /no method queue.declared/);
  });
});
