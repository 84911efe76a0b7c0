import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PAGE_SIZE, Page } from './page.ts';
import { RecordType } from './record.ts';
import { SettledBatch } from './settled-batch.ts';

/** What the records in a page say: queue and positions, one entry a record. */
function recordsOf(page: Page): { queueId: number; positions: number[] }[] {
  const records: { queueId: number; positions: number[] }[] = [];
  for (let at = 0; at < page.end; at += page.u32[at >> 2]!) {
    assert.equal(page.u32[(at >> 2) + 1], RecordType.settled);
    const count = (page.u32[at >> 2]! - 16) / 8;
    const from = (at >> 3) + 2;
    records.push({ queueId: page.u32[(at >> 2) + 2]!, positions: [...page.f64.subarray(from, from + count)] });
  }
  return records;
}

function newBatch(): { batch: SettledBatch; page: Page; reserved: number[] } {
  const page = new Page(0, true, Buffer.from(new ArrayBuffer(PAGE_SIZE)), PAGE_SIZE);
  const reserved: number[] = [];
  const batch = new SettledBatch((size) => {
    reserved.push(size);
    return page;
  });
  return { batch, page, reserved };
}

test('runs of one queue share a record, and the order is kept', () => {
  const { batch, page, reserved } = newBatch();
  batch.add(1, 100);
  batch.add(1, 108);
  batch.add(2, 100);
  batch.add(1, 116);
  assert.equal(page.end, 0, 'nothing is written before the flush');
  batch.flush();
  assert.deepEqual(recordsOf(page), [
    { queueId: 1, positions: [100, 108] },
    { queueId: 2, positions: [100] },
    { queueId: 1, positions: [116] },
  ]);
  assert.equal(
    reserved.reduce((sum, size) => sum + size),
    page.end,
  );
  batch.flush();
  assert.equal(recordsOf(page).length, 3, 'a second flush has nothing to write');
});

test('a batch that is full writes itself, and loses nothing', () => {
  const { batch, page } = newBatch();
  const positions = Array.from({ length: 20_000 }, (_, i) => 8 * i);
  for (const position of positions) batch.add(7, position);
  batch.flush();
  assert.deepEqual(
    recordsOf(page).flatMap((record) => record.positions),
    positions,
  );
});
