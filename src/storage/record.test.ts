import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PAGE_SIZE, Page } from './page.ts';
import {
  bodySizeOf,
  copyBytes,
  IncomingMessage,
  MESSAGE_HEADER_SIZE,
  messageRecordSize,
  NO_TTL,
  priorityOf,
  propertiesSizeOf,
  publishedAtOf,
  queueCountOf,
  RecordType,
  recordSize,
  recordType,
  routeOffsetOf,
  routeSizeOf,
  ttlOf,
  writeMessageRecord,
} from './record.ts';

const newPage = (): Page => new Page(0, true, Buffer.from(new ArrayBuffer(PAGE_SIZE)), PAGE_SIZE);

/** A message whose parts lie somewhere in larger buffers, as they do in what was read from a socket. */
function messageOf(route: Uint8Array, properties: Uint8Array, body: Uint8Array): IncomingMessage {
  const message = new IncomingMessage();
  message.routeBytes = Buffer.concat([Buffer.from('xx'), route, Buffer.from('y')]);
  message.routeOffset = 2;
  message.routeSize = route.length;
  message.propertiesBytes = Buffer.concat([Buffer.from('xxx'), properties]);
  message.propertiesOffset = 3;
  message.propertiesSize = properties.length;
  message.bodyBytes = Buffer.concat([Buffer.from('x'), body, Buffer.from('yyy')]);
  message.bodyOffset = 1;
  message.bodySize = body.length;
  return message;
}

test('a message reads back as it was written, whatever its parts are', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 512, size: 'max' }),
      fc.uint8Array({ maxLength: 300, size: 'max' }),
      fc.uint8Array({ maxLength: 2000, size: 'max' }),
      fc.record({
        ttlMs: fc.oneof(fc.constant(NO_TTL), fc.integer({ min: 0, max: NO_TTL })),
        priority: fc.integer({ min: 0, max: 255 }),
        publishedAtMs: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
        queueCount: fc.integer({ min: 1, max: 20 }),
        offset: fc.integer({ min: 0, max: 1000 }).map((words) => 8 * words),
      }),
      (route, properties, body, { ttlMs, priority, publishedAtMs, queueCount, offset }) => {
        const page = newPage();
        (page.bytes as Buffer).fill(0xee);
        const message = messageOf(route, properties, body);
        Object.assign(message, { ttlMs, priority, publishedAtMs });
        const size = messageRecordSize(message, queueCount);
        assert.equal(size % 8, 0);
        assert(size - (MESSAGE_HEADER_SIZE + 4 * queueCount + route.length + properties.length + body.length) < 8);
        writeMessageRecord(page, offset, size, message, queueCount);
        assert.equal(recordSize(page, offset), size);
        assert.equal(recordType(page, offset), RecordType.message);
        assert.equal(queueCountOf(page, offset), queueCount);
        assert.equal(ttlOf(page, offset), ttlMs);
        assert.equal(priorityOf(page, offset), priority);
        assert.equal(publishedAtOf(page, offset), publishedAtMs);
        const routeAt = routeOffsetOf(page, offset);
        const propertiesAt = routeAt + routeSizeOf(page, offset);
        const bodyAt = propertiesAt + propertiesSizeOf(page, offset);
        const bytes = page.bytes as Buffer;
        assert.deepEqual(bytes.subarray(routeAt, propertiesAt), Buffer.from(route));
        assert.deepEqual(bytes.subarray(propertiesAt, bodyAt), Buffer.from(properties));
        assert.deepEqual(bytes.subarray(bodyAt, bodyAt + bodySizeOf(page, offset)), Buffer.from(body));
      },
    ),
  );
});

test('a time to live has 40 bits, and all of them set is none', () => {
  for (const ttlMs of [0, 1, 0xffffffff, 0x100000000, 0x1_2345_6789, NO_TTL - 1, NO_TTL]) {
    const page = newPage();
    const message = messageOf(Buffer.alloc(3), Buffer.alloc(2), Buffer.alloc(0));
    message.ttlMs = ttlMs;
    message.priority = 255;
    writeMessageRecord(page, 0, messageRecordSize(message, 1), message, 1);
    assert.equal(ttlOf(page, 0), ttlMs);
    assert.equal(priorityOf(page, 0), 255, 'its neighbour in the word is left alone');
    assert.equal(routeSizeOf(page, 0), 3);
  }
});

test('short and long copies are the same', () => {
  for (const size of [0, 1, 39, 40, 41, 500]) {
    const source = Buffer.from(Array.from({ length: size + 5 }, (_, i) => i));
    const target = Buffer.alloc(size + 10, 0xff);
    copyBytes(source, 5, target, 3, size);
    assert.deepEqual(target.subarray(3, 3 + size), source.subarray(5));
    assert.deepEqual([...target.subarray(0, 3), ...target.subarray(3 + size)], new Array(10).fill(0xff));
  }
});
