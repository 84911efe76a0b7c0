import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readBlock, sealBlock } from './block.ts';
import { type CompactedPage, compactPage, emptyPage } from './compacted-page.ts';
import { LiveSlots } from './live-slots.ts';
import { PAGE_SIZE, Page } from './page.ts';
import { queueCountOf, RecordType, recordSize, recordType, writeMessageRecord } from './record.ts';
import { newMessage } from './test-store.ts';
import { verifyPage } from './verify-page.ts';

const NUMBER = 5;
const BASE = NUMBER * PAGE_SIZE;
const SYNCED = BASE + PAGE_SIZE;
const QUEUE = 7;

interface Entry {
  readonly offset: number;
  readonly size: number;
}

/** A page of blocks; a number is a message with so large a body, or, below 0, a record that settles one message. */
function pageOf(blocks: readonly (readonly number[])[]): { page: Page; messages: Entry[] } {
  const page = new Page(NUMBER, true, Buffer.from(new ArrayBuffer(PAGE_SIZE)), PAGE_SIZE);
  const messages: Entry[] = [];
  let previousEnd = BASE - 1000;
  for (const records of blocks) {
    page.blockStart = page.end;
    page.end += 48;
    for (const size of records) {
      if (size < 0) putSettled(page);
      else messages.push(putMessage(page, size));
    }
    sealBlock(page, BASE, previousEnd, false);
    previousEnd = BASE + page.end;
  }
  return { page, messages };
}

function putSettled(page: Page): void {
  page.u32[page.end >> 2] = 24;
  page.u32[(page.end >> 2) + 1] = RecordType.settled;
  page.end += 24;
}

/** A message with hardly anything in it is smaller than a block's header. */
function putMessage(page: Page, bodySize: number): Entry {
  const message = newMessage(Buffer.alloc(bodySize, 0x78));
  [message.routeSize, message.propertiesSize] = [0, 0];
  const offset = page.end;
  const size = (32 + 4 + bodySize + 7) & ~7;
  writeMessageRecord(page, offset, size, message, 1);
  page.u32[(offset >> 2) + 8] = QUEUE;
  page.end += size;
  return { offset, size };
}

function liveOf(messages: readonly Entry[]): LiveSlots {
  const live = new LiveSlots();
  for (const { offset, size } of messages) live.add(offset, size);
  return live;
}

/** What a reader finds of the page: nothing but what was to be written. */
function compacted(page: Page, live: LiveSlots, following = -1): { page: Page; compacted: CompactedPage } {
  const target = Buffer.alloc(PAGE_SIZE, 0xee);
  const source = (page.bytes as Buffer).subarray(0, page.end);
  const found = compactPage({ source, target, number: NUMBER, live, following, synced: SYNCED });
  assert(found !== null);
  const bytes = Buffer.from(new ArrayBuffer(PAGE_SIZE));
  for (const { from, to } of found.extents) target.copy(bytes, from, from, to);
  const read = new Page(NUMBER, true, bytes, PAGE_SIZE);
  read.end = page.end;
  return { page: read, compacted: found };
}

/** Where a start that has to read the page itself finds messages of queues. */
function offsetsIn(page: Page): number[] {
  const bytes = (page.bytes as Buffer).subarray(0, page.end);
  const offsets: number[] = [];
  for (let at = 0; at < page.end; ) {
    const block = readBlock(bytes, at, BASE + at);
    assert(typeof block !== 'string');
    for (let record = block.from; record < block.to; record += recordSize(page, record)) {
      if (recordType(page, record) === RecordType.message && queueCountOf(page, record) > 0) offsets.push(record);
    }
    at = block.next;
  }
  return offsets;
}

/** Small ones stand so close to each other that no header fits between them. */
const record = fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 9000 }));
const blocks = fc.array(fc.array(record, { maxLength: 30 }), { minLength: 1, maxLength: 6 });

test('what is needed stays at its place, byte for byte, and what is not is gone; and once more with less of it', () => {
  fc.assert(
    fc.property(blocks, fc.infiniteStream(fc.boolean()), (sizes, coins) => {
      const { page, messages } = pageOf(sizes);
      let before = page;
      let needed = messages;
      for (let round = 0; round < 3; round++) {
        needed = needed.filter(() => coins.next().value);
        const { page: after } = compacted(before, liveOf(needed));
        assert.deepEqual(verifyPage(after), []);
        for (const { offset, size } of needed) {
          const [was, is] = [page, after].map(({ bytes }) => (bytes as Buffer).subarray(offset, offset + size));
          assert(is!.equals(was!));
        }
        assert.deepEqual(
          offsetsIn(after),
          needed.map(({ offset }) => offset),
        );
        before = after;
      }
    }),
    { numRuns: 200 },
  );
});

test('one message of many leaves the sectors that it touches, and the first one', () => {
  const { page, messages } = pageOf(new Array(10).fill(new Array(90).fill(1024)));
  const { compacted: found } = compacted(page, liveOf([messages[500]!]));
  const first = { from: 0, to: 4096 };
  const { offset, size } = messages[500]!;
  const last = { from: (offset - 48) & -4096, to: (offset + size + 4095) & -4096 };
  assert.deepEqual(found.extents, [first, last]);
});

test('every byte that is changed afterwards is damage, as it is in any other page', () => {
  const { page, messages } = pageOf([
    [100, 200, 5000],
    [300, -1, 9000, 20],
  ]);
  const { page: after, compacted: found } = compacted(page, liveOf([messages[1]!, messages[3]!]));
  const sound = Buffer.from(after.bytes as Buffer);
  let changed = 0;
  for (const { from, to } of found.extents) {
    for (let at = from; at < Math.min(to, page.end); at++) {
      if (sound[at] === 0) continue; // a hole reads as zeros, and is not looked into
      (after.bytes as Buffer)[at]! ^= 0x10;
      assert.notDeepEqual(verifyPage(after), [], `at ${at}`);
      sound.copy(after.bytes as Buffer);
      changed++;
    }
  }
  assert(changed > 500);
});

test('a page of which something is broken, or not there, is not taken apart', () => {
  const { page, messages } = pageOf([[100, 200], [300]]);
  const source = (page.bytes as Buffer).subarray(0, page.end);
  const options = { source, target: Buffer.alloc(PAGE_SIZE), number: NUMBER, following: -1, synced: SYNCED };
  const elsewhere = liveOf([{ offset: messages[1]!.offset + 8, size: 10 }]);
  assert.equal(compactPage({ ...options, live: elsewhere }), null);
  source[messages[2]!.offset + 50]! ^= 1;
  assert.equal(compactPage({ ...options, live: liveOf([messages[0]!]) }), null);
});

test('the last block says where the journal goes on, and the first one where it came from', () => {
  const { page, messages } = pageOf([[100, 200], [300]]);
  const following = BASE + 3 * PAGE_SIZE + 17 * 8;
  const { page: after, compacted: found } = compacted(page, liveOf([messages[0]!]), following);
  assert.equal(found.previousEnd, BASE - 1000);
  assert.equal((after.bytes as Buffer).readDoubleLE(40), following);
  const target = Buffer.alloc(PAGE_SIZE);
  const source = (page.bytes as Buffer).subarray(0, 4096);
  const empty = emptyPage({ source, target, number: NUMBER, live: null, following, synced: SYNCED });
  assert.deepEqual(empty, { extents: [{ from: 0, to: 4096 }], previousEnd: BASE - 1000 });
  assert.equal(target.readDoubleLE(40), following);
  assert(target.subarray(48).every((byte) => byte === 0));
});
