import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeText, encodeText, isEscaped, textByteLength, writeText } from './text.ts';

function textOf(...octets: number[]): string {
  return decodeText(Buffer.from(octets), 0, octets.length);
}

test('UTF-8 decodes to what it says, a sent U+FFFD and a byte order mark included', () => {
  for (const text of ['', 'amq.topic', 'é', 'очередь', '\u{1f600}', '\ufffd', '\ufeffa', 'a\0b']) {
    const octets = Buffer.from(text, 'utf8');
    assert.equal(decodeText(octets, 0, octets.length), text);
    assert.equal(isEscaped(text), false);
  }
});

test('octets that are not UTF-8 are escaped, so that the string is not that of the Latin-1 text written in UTF-8', () => {
  assert.equal(textOf(0xff, 0xfe), '\udcff\udcfe');
  assert.equal(textOf(0x61, 0xe9), 'a\udce9');
  assert.notEqual(textOf(0xff, 0xfe), textOf(0xc3, 0xbf, 0xc3, 0xbe));
});

test('a string of ASCII is read from its range only', () => {
  assert.equal(decodeText(Buffer.from([0xff, 0x61, 0x62, 0xff]), 1, 3), 'ab');
});

test('different octets give different strings, and each string gives its octets back', () => {
  const someOctets = fc.uint8Array({ maxLength: 40 });
  fc.assert(
    fc.property(someOctets, someOctets, (first, second) => {
      const one = Buffer.from(first);
      const other = Buffer.from(second);
      const text = decodeText(one, 0, one.length);
      assert.deepEqual(encodeText(text), one);
      assert.equal(textByteLength(text), one.length);
      assert.equal(text === decodeText(other, 0, other.length), one.equals(other));
    }),
    { numRuns: 2000 },
  );
});

test('writeText writes what encodeText gives and returns the offset behind it', () => {
  for (const text of ['abc', 'é', '\udcff\udc80a', '']) {
    const target = Buffer.alloc(8, 0x2e);
    const octets = encodeText(text);
    assert.equal(writeText(target, 1, text), 1 + octets.length);
    assert.deepEqual(target.subarray(1, 1 + octets.length), octets);
    assert.equal(target[1 + octets.length], 0x2e);
  }
});

test('a lone surrogate that no octet stands for is written as U+FFFD, since UTF-8 has no way to write it', () => {
  assert.equal(isEscaped('\ud800'), false);
  assert.deepEqual(encodeText('\ud800'), Buffer.from('\ufffd', 'utf8'));
});
