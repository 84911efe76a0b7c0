import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSpecification } from '../../tools/generate-methods.ts';
import type { ErrorOfCode } from './errors.ts';
import * as errors from './errors.ts';
import { encodeText } from './text.ts';

const { AmqpError, notFound, internalError, accessRefused, misplacedFrame, unreadableFrame, octetsText } = errors;

test('every reply code of the specification has its constructor, with its name, number and scope', () => {
  const codes = readSpecification().constants.filter((constant) => constant.scope !== undefined);
  assert.equal(codes.length, 18);
  const constructors = errors as unknown as Record<string, ErrorOfCode>;
  for (const { name, value, scope } of codes) {
    const errorOfCode = constructors[name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())];
    assert.ok(errorOfCode, name);
    const error = errorOfCode('why', { classId: 50, methodId: 10 });
    assert.equal(error.replyCode, value);
    assert.equal(error.replyText, `${name.toUpperCase().replaceAll('-', '_')} - why`);
    assert.deepEqual([error.scope, error.classId, error.methodId], [scope, 50, 10]);
  }
});

test('an error without a text has the bare name, as in the 541 that RabbitMQ sends', () => {
  const error = internalError('');
  assert.equal(error.replyText, 'INTERNAL_ERROR');
  assert.deepEqual([error.classId, error.methodId], [0, 0]);
});

test('a text of 255 octets is left alone, a longer one is cut after 252 as RabbitMQ cuts it', () => {
  assert.equal(notFound('a'.repeat(243)).replyText, `NOT_FOUND - ${'a'.repeat(243)}`);
  assert.equal(notFound('a'.repeat(244)).replyText, `NOT_FOUND - ${'a'.repeat(240)}...`);
});

test('a cut never splits a character, where RabbitMQ sends half of one', () => {
  for (let lead = 0; lead < 4; lead++) {
    const { replyText } = notFound('a'.repeat(lead) + '\u{1f600}'.repeat(80));
    assert.ok(encodeText(replyText).length <= errors.REPLY_TEXT_MAX_BYTES);
    assert.ok(encodeText(replyText).length > errors.REPLY_TEXT_MAX_BYTES - 4);
    assert.match(replyText, /^NOT_FOUND - a{0,3}\u{1f600}+\.\.\.$/u);
  }
});

test('a long text of octets that are not UTF-8 is cut to 255 octets as well', () => {
  assert.equal(encodeText(notFound('\udc80'.repeat(300)).replyText).length <= 255, true);
});

test('at() gives the method that was found out later, closing() another scope, both keep the rest', () => {
  const error = accessRefused('no').closing('connection').at({ classId: 10, methodId: 40 });
  assert.ok(error instanceof AmqpError);
  assert.deepEqual(
    [error.replyCode, error.replyText, error.scope, error.classId, error.methodId],
    [403, 'ACCESS_REFUSED - no', 'connection', 10, 40],
  );
  assert.equal(accessRefused('no').scope, 'channel');
});

test('an unreadable frame is told with at most 16 octets, in the words of RabbitMQ 3.10.8', () => {
  const octets = Buffer.from(Array.from({ length: 200 }, (_, index) => index));
  assert.equal(
    unreadableFrame(9, octets, 0, 200, 'unknown_frame').replyText,
    'FRAME_ERROR - type 9, first 16 octets = <<0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15>>: unknown_frame',
  );
  assert.equal(
    unreadableFrame(1, Buffer.from([0, 90, 0, 10]), 0, 4, '{invalid_frame_end_marker,0}').replyText,
    'FRAME_ERROR - type 1, all octets = <<0,90,0,10>>: {invalid_frame_end_marker,0}',
  );
  assert.equal(
    unreadableFrame(9, octets, 0, 0, 'unknown_frame').replyText,
    'FRAME_ERROR - type 9, all octets = <<>>: unknown_frame',
  );
});

test('a frame of printable octets is told as a text, as Erlang prints it, because RabbitMQ uses ~p there', () => {
  const shown = (octets: Buffer) => misplacedFrame(3, octets, 0, octets.length).replyText;
  assert.equal(shown(Buffer.from('abc')), 'UNEXPECTED_FRAME - type 3, all octets = <<"abc">>');
  assert.equal(shown(Buffer.from('a"\\\n\x1b')), 'UNEXPECTED_FRAME - type 3, all octets = <<"a\\"\\\\\\n\\e">>');
  assert.equal(shown(Buffer.from([97, 127])), 'UNEXPECTED_FRAME - type 3, all octets = <<97,127>>');
  assert.equal(
    shown(Buffer.from('0123456789abcdefg')),
    'UNEXPECTED_FRAME - type 3, first 16 octets = <<"0123456789abcdef">>',
  );
});

test('octetsText stops where no reply text could hold more', () => {
  assert.equal(octetsText(Buffer.alloc(100_000), 0, 100_000).length, '<<>>'.length + 255 * 2 - 1);
});
