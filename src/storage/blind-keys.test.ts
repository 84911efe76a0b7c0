import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blindKeysOf, decodeBlindKeys, encodeBlindKeys } from './blind-keys.ts';
import { PAGE_SIZE, Page } from './page.ts';
import {
  bodySizeOf,
  IncomingMessage,
  messageRecordSize,
  RecordType,
  recordType,
  writeMessageRecord,
} from './record.ts';

test('keys come back as they were, and no keys take no octets', () => {
  const keys = ['a', '', 'ключ', 'x'.repeat(255)];
  assert.deepEqual(decodeBlindKeys(encodeBlindKeys(keys), 0), keys);
  assert.equal(encodeBlindKeys([]).length, 0);
});

/** A record of two queues with a body of `size` octets. */
function written(size: number, keys: readonly string[]): { page: Page; recordSize: number } {
  const page = new Page(0, false, Buffer.alloc(PAGE_SIZE), PAGE_SIZE);
  const message = new IncomingMessage();
  message.routeBytes = Buffer.from([1, 120, 1, 107]);
  message.routeSize = 4;
  message.propertiesBytes = Buffer.alloc(2);
  message.propertiesSize = 2;
  message.bodyBytes = Buffer.alloc(size, 'b');
  message.bodySize = size;
  message.blindBytes = encodeBlindKeys(keys);
  message.blindSize = message.blindBytes.length;
  const recordSize = messageRecordSize(message, 2);
  writeMessageRecord(page, 0, recordSize, message, 2);
  return { page, recordSize };
}

test('a record tells its blind keys whatever the size of its body, and that it has none', () => {
  for (let size = 0; size < 12; size++) {
    const { page, recordSize } = written(size, ['one', 'two']);
    assert.deepEqual(blindKeysOf(page, 0), ['one', 'two']);
    assert.equal(bodySizeOf(page, 0), size);
    assert.equal(recordType(page, 0), RecordType.message);
    assert.equal(recordSize % 8, 0);
    assert.deepEqual(blindKeysOf(written(size, []).page, 0), []);
  }
});
