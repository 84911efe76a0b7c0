import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMethod } from '../../test/differential/wire-format.ts';
import { FrameWriter, frameEnd, frameTypeMethod } from './frame-writer.ts';

/** What another codec makes of a queue.declare with these arguments. */
function declaredArguments(fields: Parameters<FrameWriter['table']>[0]): unknown {
  const writer = new FrameWriter().beginMethod(1, 50, 10).uint16(0).shortString('q').uint8(0).table(fields).endFrame();
  const bytes = writer.take();
  const { name, args } = decodeMethod(bytes.subarray(7, -1));
  assert.equal(name, 'queue.declare');
  return args.arguments;
}

test('a frame has its type, its channel, the size of its payload and its end', () => {
  const bytes = new FrameWriter().beginFrame(frameTypeMethod, 7).uint32(1).fill(0xaa, 3).endFrame().take();
  assert.deepEqual([...bytes], [1, 0, 7, 0, 0, 0, 7, 0, 0, 0, 1, 0xaa, 0xaa, 0xaa, frameEnd]);
});

test('arguments keep their kind: texts, truth, whole numbers up to 2^53, tables', () => {
  assert.deepEqual(
    declaredArguments({ text: 'lazy', yes: true, no: false, small: -5, large: 2 ** 40, inner: { a: 1 } }),
    {
      text: { letter: 'S', value: 'lazy' },
      yes: { letter: 't', value: true },
      no: { letter: 't', value: false },
      small: { letter: 'I', value: -5 },
      large: { letter: 'l', value: 1_099_511_627_776 },
      inner: { letter: 'F', value: { a: { letter: 'I', value: 1 } } },
    },
  );
});

test('what has no place in a frame is refused', () => {
  const writer = new FrameWriter();
  assert.throws(() => writer.table({ half: 0.5 }), /no field type for 0\.5/);
  assert.throws(() => writer.shortString('x'.repeat(256)), /a short string holds 255 bytes/);
  assert.throws(
    () => writer.shortString('ä'.repeat(128)),
    /a short string holds 255 bytes/,
    'bytes count, not letters',
  );
});

test('it grows with what is written, and begins anew once that is taken', () => {
  const writer = new FrameWriter();
  writer.fill(1, 10_000).raw(Buffer.alloc(20_000, 2));
  assert.equal(writer.size, 30_000);
  const taken = writer.take();
  assert.deepEqual([taken[9999], taken[10_000], taken.length, writer.size], [1, 2, 30_000, 0]);
  writer.uint8(3);
  assert.equal(taken[0], 1, 'what was taken is the caller’s');
});
