import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeContentHeader, decodeMethod } from '../../test/differential/wire-format.ts';
import { frameEnd } from './frame-writer.ts';
import { completeLoadOptions, type LoadOptions } from './load-options.ts';
import { MessageRing } from './message-ring.ts';

interface Message {
  readonly args: Record<string, unknown>;
  readonly bodySize: number;
  readonly deliveryMode: unknown;
  readonly headers: unknown;
  readonly body: Buffer;
  readonly bodyFrames: number[];
}

/** Takes the bytes of messages apart with a codec that is not the load generator's. */
function messagesIn(bytes: Buffer): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at < bytes.length; ) {
    const type = bytes[at]!;
    const size = bytes.readUInt32BE(at + 3);
    const payload = bytes.subarray(at + 7, at + 7 + size);
    assert.deepEqual([bytes.readUInt16BE(at + 1), bytes[at + 7 + size]], [1, frameEnd]);
    const last = messages.at(-1);
    if (type === 1) {
      const { name, args } = decodeMethod(payload);
      assert.equal(name, 'basic.publish');
      messages.push({
        args,
        bodySize: Number.NaN,
        deliveryMode: 0,
        headers: null,
        body: Buffer.alloc(0),
        bodyFrames: [],
      });
    } else if (type === 2) {
      const { bodySize, properties } = decodeContentHeader(payload);
      const { deliveryMode, headers = null } = properties;
      Object.assign(last!, { bodySize, deliveryMode, headers });
    } else {
      Object.assign(last!, { body: Buffer.concat([last!.body, payload]) });
      last!.bodyFrames.push(size + 8);
    }
    at += size + 8;
  }
  return messages;
}

function ringOf(
  options: Partial<LoadOptions>,
  { firstQueue = 0, frameSizeMax = 131_072, minBytes = 1 } = {},
): MessageRing {
  return new MessageRing(completeLoadOptions(options), firstQueue, frameSizeMax, minBytes);
}

test('a message is a publish, a header and a body of the wanted size', () => {
  const [message, ...others] = messagesIn(ringOf({ bodySizeBytes: 100, queue: 'q' }).bytes);
  assert.equal(others.length, 0);
  assert.equal(message!.args.exchange, '');
  assert.equal(message!.args.routingKey, 'q');
  assert.deepEqual([message!.bodySize, message!.body.length, message!.deliveryMode], [100, 100, 1]);
});

test('persistent messages have delivery mode 2, empty ones no body frame', () => {
  const [message] = messagesIn(ringOf({ bodySizeBytes: 0, persistent: true }).bytes);
  assert.deepEqual([message!.deliveryMode, message!.bodySize, message!.bodyFrames], [2, 0, []]);
});

test('a body is cut into frames that the broker takes', () => {
  const [message] = messagesIn(ringOf({ bodySizeBytes: 10_000 }, { frameSizeMax: 4096 }).bytes);
  assert.deepEqual(message!.bodyFrames, [4096, 4096, 10_000 - 2 * 4088 + 8]);
  assert.equal(message!.body.length, 10_000);
});

test('messages go round the queues from the first one on, as often as a write has room for', () => {
  const options = { queues: 3, queue: 'q', bodySizeBytes: 20 };
  const ring = ringOf(options, { firstQueue: 1, minBytes: 400 });
  assert.equal(ring.length, 6);
  const keys = messagesIn(ring.bytes).map(({ args }) => args.routingKey);
  assert.deepEqual(keys, ['q-1', 'q-2', 'q-0', 'q-1', 'q-2', 'q-0']);
  for (let index = 0; index < ring.length; index++) {
    const one = messagesIn(ring.bytes.subarray(ring.begin(index), ring.begin(index + 1)));
    assert.deepEqual(
      one.map(({ args }) => args.routingKey),
      [keys[index]],
    );
  }
});

test('through a topic exchange each key matches what its queue is bound with', () => {
  const [first, second] = messagesIn(ringOf({ queues: 2, queue: 'q', routing: 'topic-one' }).bytes);
  assert.deepEqual([first!.args.exchange, first!.args.routingKey], ['q-x', 'lg.0.m']);
  assert.equal(second!.args.routingKey, 'lg.1.m');
});

test('a stamp goes into its own message and nowhere else', () => {
  const ring = ringOf({ queues: 2, bodySizeBytes: 24 });
  ring.stamp(1, 1234.5, 7, 4_000_000_000);
  const [untouched, stamped] = messagesIn(ring.bytes);
  assert.equal(untouched!.body.toString(), 'x'.repeat(24));
  const { body } = stamped!;
  assert.deepEqual([body.readDoubleBE(0), body.readUInt32BE(8), body.readUInt32BE(12)], [1234.5, 7, 4_000_000_000]);
  assert.equal(body.subarray(16).toString(), 'x'.repeat(8));
});

test('a delay is written into the header of its own message, and the stamp is the time when that is over', () => {
  const delay = { leastMs: 2 ** 32 + 5, mostMs: 2 ** 32 + 5 };
  const ring = ringOf({ queues: 2, bodySizeBytes: 16, mode: 'publish', persistent: true, delay });
  ring.stamp(1, 1000, 7, 9);
  const [untouched, stamped] = messagesIn(ring.bytes);
  assert.equal(untouched!.body.toString(), 'x'.repeat(16));
  assert.deepEqual(stamped!.headers, { 'x-delay': { letter: 'l', value: delay.leastMs } });
  assert.deepEqual([stamped!.deliveryMode, stamped!.bodySize], [2, 16]);
  assert.equal(stamped!.body.readDoubleBE(0), 1000 + delay.leastMs * 1e3);
});

test('through a ladder the delay is that of the queue, and no header tells it', () => {
  const ring = ringOf({ bodySizeBytes: 16, delay: { leastMs: 20, mostMs: 20 }, delayBy: 'ladder' });
  ring.stamp(0, 1000, 0, 1);
  const [message] = messagesIn(ring.bytes);
  assert.deepEqual([message!.headers, message!.args.routingKey], [null, 'leveret-perf-20ms']);
  assert.equal(message!.body.readDoubleBE(0), 21_000);
});

test('a body too small for a stamp is left as it is', () => {
  const ring = ringOf({ bodySizeBytes: 15 });
  ring.stamp(0, 1, 1, 1);
  assert.equal(messagesIn(ring.bytes)[0]!.body.toString(), 'x'.repeat(15));
});
