import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blindKeysOf, encodeBlindKeys } from './blind-keys.ts';
import { PAGE_SIZE, Page } from './page.ts';
import { IncomingMessage, isPublished, messageRecordSize, recordSize, writeMessageRecord } from './record.ts';
import { encodeReturnAddress, type ReturnAddress, returnAddressOf } from './return-address.ts';

const ADDRESS = { start: 2 ** 48 - 1, channel: 2 ** 40 };

/** A record with a body of `size` octets, and behind it one whose octets are all set. */
function written(size: number, keys: readonly string[], address: ReturnAddress | null): Page {
  const page = new Page(0, false, Buffer.alloc(PAGE_SIZE, 0xff), PAGE_SIZE);
  const message = new IncomingMessage();
  message.bodyBytes = Buffer.alloc(size, 'b');
  message.bodySize = size;
  message.blindBytes = encodeBlindKeys(keys);
  message.blindSize = message.blindBytes.length;
  if (address !== null) {
    message.returnBytes = encodeReturnAddress(address);
    message.returnSize = message.returnBytes.length;
  }
  writeMessageRecord(page, 0, messageRecordSize(message, 1), message, 1);
  return page;
}

test('a record tells its return address, with blind keys and without, whatever the size of its body', () => {
  for (let size = 0; size < 12; size++) {
    for (const keys of [[], ['one', 'two']]) {
      const page = written(size, keys, ADDRESS);
      assert.deepEqual(returnAddressOf(page, 0), ADDRESS);
      assert.deepEqual(blindKeysOf(page, 0), keys);
      const end = recordSize(page, 0);
      assert(
        (page.bytes as Buffer).subarray(end, end + 64).every((octet) => octet === 0xff),
        'it stays in its record',
      );
      assert.equal(returnAddressOf(written(size, keys, null), 0), null);
      assert.equal(isPublished(page, 0), false);
    }
  }
});
