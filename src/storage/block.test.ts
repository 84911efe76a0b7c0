import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BLOCK_HEADER_SIZE, findBlock, readBlock, sealBlock } from './block.ts';
import { PAGE_SIZE, Page } from './page.ts';

/** A page with a block for each of the sizes, filled with what is told apart from zeros. */
function pageOf(number: number, sizes: readonly number[]): Page {
  const page = new Page(number, true, Buffer.from(new ArrayBuffer(PAGE_SIZE)), PAGE_SIZE);
  for (const size of sizes) {
    page.blockStart = page.end;
    page.end += BLOCK_HEADER_SIZE;
    (page.bytes as Buffer).fill(0x5a, page.end, page.end + size);
    page.end += size;
    const start = page.blockStart;
    sealBlock(page, 7 * 8, number * PAGE_SIZE + start, size === 24);
  }
  return page;
}

const bytesOf = (page: Page): Buffer => page.bytes as Buffer;

test('a block tells where it stands, what was durable, where the one before ended and whether a group goes on', () => {
  const page = pageOf(3, [16, 24]);
  const position = 3 * PAGE_SIZE;
  assert.deepEqual(readBlock(bytesOf(page), 0, position), {
    from: 48,
    to: 64,
    position,
    synced: 56,
    previousEnd: position,
    continues: false,
    next: 64,
    end: position + 64,
  });
  const second = readBlock(bytesOf(page), 64, position + 64);
  assert(typeof second !== 'string');
  assert.equal(second.continues, true);
  assert.equal(second.to, 136);
  assert.equal(page.blockStart, -1, 'the page has no open block now');
});

test('zeros end a page, and so does its very end', () => {
  const bytes = bytesOf(pageOf(0, [16]));
  assert.equal(readBlock(bytes, 64, 64), 'end');
  assert.equal(readBlock(bytes, PAGE_SIZE - 40, PAGE_SIZE - 40), 'end');
});

test('a block in another place than its own is none: the space was used before', () => {
  const bytes = bytesOf(pageOf(3, [16]));
  assert.equal(readBlock(bytes, 0, 4 * PAGE_SIZE), 'broken');
  assert.notEqual(readBlock(bytes, 0, -1), 'broken', 'unless nobody knows where it should be');
});

test('every flipped bit of a block breaks it', () => {
  const bytes = bytesOf(pageOf(1, [40]));
  for (let bit = 0; bit < 8 * 88; bit++) {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(readBlock(bytes, 0, PAGE_SIZE), 'broken', `bit ${bit}`);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
  assert.notEqual(readBlock(bytes, 0, PAGE_SIZE), 'broken');
});

test('a length beyond the page, or none of whole words, breaks a block before its checksum is asked', () => {
  const bytes = bytesOf(pageOf(1, [40]));
  for (const length of [PAGE_SIZE, 41, 0xffffffff]) {
    bytes.writeUInt32LE(length, 8);
    assert.equal(readBlock(bytes, 0, PAGE_SIZE), 'broken');
  }
});

test('the next sound block of a page is found, and none of another page', () => {
  const page = pageOf(2, [16, 32, 8]);
  const bytes = bytesOf(page);
  assert.equal(findBlock(bytes, 8, 2, 0), 64);
  assert.equal(findBlock(bytes, 72, 2, 0), 144);
  assert.equal(findBlock(bytes, 152, 2, 0), -1);
  bytes[64 + 50]! ^= 1;
  assert.equal(findBlock(bytes, 8, 2, 0), 144, 'a broken one is passed over');
  assert.equal(findBlock(bytes, 8, 3, 0), -1, 'they belong to another page');
  assert.equal(findBlock(bytes, 8, -1, 3), -1, 'they are older than the file');
  assert.equal(findBlock(bytes, 8, -1, 2), 144, 'the number of the page need not be known');
});
