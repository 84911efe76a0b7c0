import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { bodyStampBytes, FrameScanner, type FrameSink, ReadBuffer } from './frame-scanner.ts';
import { FrameWriter, frameTypeBody, frameTypeHeader, frameTypeMethod } from './frame-writer.ts';

const HEARTBEAT = 8;
const KINDS: Readonly<Record<number, string>> = {
  [frameTypeMethod]: 'method',
  [frameTypeHeader]: 'header',
  [frameTypeBody]: 'body',
};

/** What a scanner handed out: of a body its size and begin, of everything else all of it. */
class Seen implements FrameSink {
  readonly events: string[] = [];
  chunks = 0;

  chunkBegin(): void {
    this.chunks++;
  }

  chunkEnd(): void {
    this.chunks--;
  }

  method(view: DataView, at: number, size: number): void {
    this.events.push(`method ${hex(view, at, size)}`);
  }

  header(view: DataView, at: number, size: number): void {
    this.events.push(`header ${hex(view, at, size)}`);
  }

  body(view: DataView, at: number, size: number): void {
    this.events.push(`body ${size} ${hex(view, at, Math.min(size, bodyStampBytes))}`);
  }
}

function hex(view: DataView, at: number, size: number): string {
  return Buffer.from(view.buffer as ArrayBuffer, at, size).toString('hex');
}

interface Frame {
  readonly type: number;
  readonly payload: Uint8Array;
}

const frames: fc.Arbitrary<Frame[]> = fc.array(
  fc.record({
    type: fc.constantFrom(frameTypeMethod, frameTypeHeader, frameTypeBody, HEARTBEAT),
    payload: fc.uint8Array({ maxLength: 60 }),
  }),
  { maxLength: 12 },
);

function encode(list: readonly Frame[]): Buffer {
  const writer = new FrameWriter();
  for (const { type, payload } of list) writer.beginFrame(type, 1).raw(payload).endFrame();
  return writer.take();
}

function expected(list: readonly Frame[]): string[] {
  return list
    .filter(({ type }) => KINDS[type] !== undefined)
    .map(({ type, payload }) => {
      const isBody = type === frameTypeBody;
      const bytes = Buffer.from(payload)
        .subarray(0, isBody ? bodyStampBytes : payload.length)
        .toString('hex');
      return `${KINDS[type]} ${isBody ? `${payload.length} ` : ''}${bytes}`;
    });
}

/** Brings bytes the way a socket does: into the buffer's chunk, a piece at a time. */
function feed(scanner: FrameScanner, buffer: ReadBuffer, bytes: Buffer): void {
  buffer.chunk.fill(0xaa);
  bytes.copy(buffer.chunk);
  scanner.scan(bytes.length);
}

test('frames come out whole and in order, however the stream is cut', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (list, cuts) => {
      const [seen, buffer] = [new Seen(), new ReadBuffer()];
      const scanner = new FrameScanner(seen, buffer);
      const bytes = encode(list);
      for (let at = 0, cut = 0; at < bytes.length; cut++) {
        const size = cuts[cut % cuts.length]!;
        feed(scanner, buffer, bytes.subarray(at, at + size));
        at += size;
      }
      assert.deepEqual(seen.events, expected(list));
      assert.equal(seen.chunks, 0, 'each chunk that began has ended');
    }),
  );
});

test('two streams share one read buffer without mixing what was cut', () => {
  const buffer = new ReadBuffer();
  const streams = [1, 2].map((fill) => {
    const list = [{ type: frameTypeMethod, payload: new Uint8Array(30).fill(fill) }];
    const seen = new Seen();
    return { list, seen, scanner: new FrameScanner(seen, buffer), bytes: encode(list) };
  });
  for (const [from, to] of [
    [0, 10],
    [10, 20],
    [20, 99],
  ]) {
    for (const { scanner, bytes } of streams) feed(scanner, buffer, bytes.subarray(from, to));
  }
  for (const { list, seen } of streams) assert.deepEqual(seen.events, expected(list));
});

test('of a body that is larger than a chunk the begin is handed out once, and the rest is skipped', () => {
  const [seen, buffer] = [new Seen(), new ReadBuffer()];
  const scanner = new FrameScanner(seen, buffer);
  const list = [
    { type: frameTypeBody, payload: new Uint8Array(150_000).fill(7) },
    { type: frameTypeMethod, payload: new Uint8Array(4) },
  ];
  const bytes = encode(list);
  const size = buffer.chunk.length;
  for (let at = 0; at < bytes.length; at += size) feed(scanner, buffer, bytes.subarray(at, at + size));
  assert.deepEqual(seen.events, expected(list));
});

test('a frame that does not end where it says is an error, of a skipped body too', () => {
  for (const size of [4, 100_000]) {
    const buffer = new ReadBuffer();
    const scanner = new FrameScanner(new Seen(), buffer);
    const bytes = encode([{ type: frameTypeBody, payload: new Uint8Array(size) }]);
    bytes[bytes.length - 1] = 0;
    assert.throws(() => {
      for (let at = 0; at < bytes.length; at += 60_000) feed(scanner, buffer, bytes.subarray(at, at + 60_000));
    }, /wrong end/);
  }
});

test('a method frame without measure is an error, not memory', () => {
  const buffer = new ReadBuffer();
  const scanner = new FrameScanner(new Seen(), buffer);
  const bytes = encode([{ type: frameTypeMethod, payload: new Uint8Array(200_000) }]);
  assert.throws(() => {
    for (let at = 0; at < bytes.length; at += 60_000) feed(scanner, buffer, bytes.subarray(at, at + 60_000));
  }, /out of all proportion/);
});
