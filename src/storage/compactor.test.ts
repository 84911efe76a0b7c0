import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { test } from 'node:test';
import { PAGE_SIZE } from './page.ts';
import { BUSY, COMPACTION, CompactionBench, FORGOTTEN, LOOK_MS } from './test-compaction.ts';
import { TestDisk } from './test-disk.ts';
import { randomFrom } from './test-random.ts';

const FILE_SIZE = 2 * PAGE_SIZE;
const FORGOTTEN_NUMBERS = [0, 20, 40, 60, 80];
/** Messages of this memory are read from the disk again. */
const LITTLE_MEMORY = { memoryLimitBytes: 4 * PAGE_SIZE };

test('a forgotten message keeps the sectors that it lies in, and not the journal file', async (t) => {
  const bench = new CompactionBench(t, LITTLE_MEMORY);
  await bench.fill();
  const names = bench.journalFiles;
  assert(names.length >= 3);
  const before = names.map((name) => bench.allocated(name));
  await bench.compact();
  assert.deepEqual(bench.journalFiles, names);
  for (const [i, name] of names.slice(0, -1).entries()) {
    assert.equal(fs.statSync(bench.path(name)).size, FILE_SIZE);
    assert(bench.allocated(name) < before[i]! / 4, `${name} takes ${bench.allocated(name)} of ${before[i]}`);
  }
  assert.deepEqual(bench.forgotten(), FORGOTTEN_NUMBERS);
  await bench.restart();
  assert.deepEqual(bench.forgotten(), FORGOTTEN_NUMBERS);
  assert.deepEqual(bench.store.store.damage, []);
  assert.deepEqual(
    bench.files.filter((name) => name.endsWith('.new')),
    [],
  );
});

test('a start that has to read compacted files themselves finds what they hold, and tells of no other damage', async (t) => {
  const bench = new CompactionBench(t);
  await bench.fill();
  await bench.compact();
  await bench.restart();
  await bench.store.store.close();
  for (const name of bench.files) if (name.endsWith('.index')) fs.rmSync(bench.path(name));
  const reopened = bench.reopened();
  assert.deepEqual(reopened.forgotten(), FORGOTTEN_NUMBERS);
  for (const sentence of reopened.store.store.damage) assert.match(sentence, /\.index is missing/);
  fs.rmSync(bench.path('checkpoint'));
  const anew = bench.reopened();
  assert.deepEqual(anew.forgotten(), FORGOTTEN_NUMBERS);
  assert.deepEqual(anew.store.store.damage, []);
});

test('what becomes less and less is compacted again, and goes in the end', async (t) => {
  const bench = new CompactionBench(t);
  await bench.fill(100, 5);
  await bench.compact(0.8 * PAGE_SIZE);
  const name = bench.journalFiles[0]!;
  const before = bench.allocated(name);
  while (bench.forgotten()[1]! < 36) bench.store.settle(FORGOTTEN, 1);
  await bench.store.commit();
  await bench.compactUntil(() => bench.allocated(name) < before / 2);
  await bench.idle();
  await bench.restart();
  assert.equal(bench.forgotten()[0], 0);
  await bench.settleAll(FORGOTTEN);
  await bench.until(() => bench.journalFiles.length <= 1);
});

test('a file that is being consumed right now is left alone, since it will be gone soon', async (t) => {
  const bench = new CompactionBench(t);
  await bench.fill(100, 4);
  const name = bench.journalFiles[0]!;
  await bench.checkpointed();
  const syncs = bench.disk.syncCount;
  for (let look = 0; look < 4; look++) {
    bench.store.clock.advance(LOOK_MS);
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    // Of each file a quarter goes between two looks.
    for (let i = bench.forgotten().length - 1; i >= 0; i -= 3) bench.store.settle(FORGOTTEN, i);
    await bench.store.commit();
  }
  assert.equal(bench.disk.syncCount, syncs, 'nothing was written anew');
  assert(bench.allocated(name) > PAGE_SIZE);
});

test('a page that a queue refers to which is not durable is kept whole', async (t) => {
  const bench = new CompactionBench(t, { ...LITTLE_MEMORY, journalFileBytes: 4 * PAGE_SIZE });
  const position = bench.store.publish('kept'.padEnd(1000, '.'), [BUSY], { transientReferences: 1 });
  await bench.fill(240, 60);
  const [first, second] = bench.journalFiles;
  await bench.compactUntil(() => bench.allocated(first!) < 1.5 * PAGE_SIZE && bench.allocated(second!) < PAGE_SIZE / 2);
  await bench.idle();
  assert.equal(bench.store.body(position)?.toString().slice(0, 4), 'kept');
  assert(bench.allocated(first!) >= PAGE_SIZE * 0.9);
});

test('a large message stays whole, and leaves a hole when it is gone', async (t) => {
  const bench = new CompactionBench(t, { ...LITTLE_MEMORY, journalFileBytes: 16 * PAGE_SIZE });
  const large = (name: string) => Buffer.alloc(3 * PAGE_SIZE - 1000, name);
  bench.store.publish(large('a'), [BUSY]);
  await bench.store.commit();
  const kept = bench.store.publish(large('b'), [FORGOTTEN]);
  await bench.store.commit();
  for (let i = 0; i < 4; i++) {
    bench.store.publish(large('c'), [BUSY]);
    await bench.store.commit();
  }
  await bench.settleAll(BUSY);
  const [name] = bench.journalFiles;
  await bench.compact(4 * PAGE_SIZE);
  assert(bench.store.body(kept)?.equals(large('b')));
  await bench.restart();
  assert(bench.store.body(kept)?.equals(large('b')));
  await bench.store.store.close();
  fs.rmSync(bench.path(name!.replace('.journal', '.index')));
  const reopened = bench.reopened();
  assert(reopened.store.body(kept)?.equals(large('b')));
  assert.equal(reopened.store.store.damage.length, 1, 'that of the index');
});

test('damage that was there before is reported as ever, and what is sound beside it is kept', async (t) => {
  const bench = new CompactionBench(t, LITTLE_MEMORY);
  await bench.fill();
  await bench.restart(LITTLE_MEMORY);
  const [name] = bench.journalFiles;
  // In the midst of message 20, in the file's second page.
  const fd = fs.openSync(bench.path(name!), 'r+');
  fs.writeSync(fd, 'changed', bench.store.queues.get(FORGOTTEN)![1]!.position + 1000);
  fs.closeSync(fd);
  await bench.compactUntil(() => bench.allocated(bench.journalFiles[1]!) < PAGE_SIZE / 2);
  await bench.compactUntil(() => bench.allocated(name!) < 1.5 * PAGE_SIZE);
  await bench.idle();
  assert.deepEqual(bench.forgotten(), [0, null, 40, 60, 80]);
  assert.equal(bench.store.store.damage.length, 1);
  assert.match(bench.store.store.damage[0]!, /is damaged at offset \d+ .* set aside/);
});

test('crash at every step: there is the old file or the new one, and all that is needed in it', async (t) => {
  const bench = new CompactionBench(t);
  await bench.fill();
  await bench.checkpointed();
  bench.disk.holding = true;
  const before = bench.endings;
  bench.store.clock.advance(LOOK_MS);
  bench.store.clock.advance(LOOK_MS);
  let steps = 0;
  while (bench.endings === before) {
    await bench.until(() => bench.disk.heldWrites > 0 || bench.endings > before);
    const reopened = bench.reopened();
    assert.deepEqual(reopened.store.store.damage, []);
    assert.deepEqual(reopened.forgotten(), FORGOTTEN_NUMBERS);
    assert.deepEqual(reopened.store.queues.get(BUSY) ?? [], []);
    bench.disk.release();
    steps++;
  }
  assert(steps >= 4, `${steps} steps`);
});

test('a file gets its name when it is synced, and not before', async (t) => {
  const bench = new CompactionBench(t);
  await bench.fill();
  await bench.checkpointed();
  bench.disk.holding = true;
  await bench.look();
  const [name] = bench.journalFiles;
  const before = bench.allocated(name!);
  while (!bench.disk.isSyncHeld) {
    await bench.until(() => bench.disk.heldWrites > 0);
    if (!bench.disk.isSyncHeld) bench.disk.release();
  }
  const temporary = bench.files.filter((each) => each.endsWith('.journal.new'));
  assert.equal(temporary.length, 1);
  assert.equal(bench.allocated(name!), before);
  bench.disk.holding = false;
  while (bench.disk.heldWrites > 0) bench.disk.release();
  await bench.until(() => bench.endings > 0);
});

test('a disk that refuses leaves the old file, and nothing else; later it is tried again', async (t) => {
  const bench = new CompactionBench(t);
  await bench.fill();
  await bench.checkpointed();
  const [name] = bench.journalFiles;
  const before = bench.allocated(name!);
  bench.disk.temporaryFailure = 'ENOSPC';
  await bench.look();
  await bench.until(() => bench.store.logged.some((line) => line.includes('could not be compacted')));
  assert.deepEqual(bench.store.troubles, [], 'no publisher is stopped for it');
  await bench.until(() => !bench.files.some((each) => each.endsWith('.new')));
  assert.equal(bench.allocated(name!), before);
  bench.disk.temporaryFailure = null;
  await bench.compact();
  assert.deepEqual(bench.forgotten(), FORGOTTEN_NUMBERS);
});

test('where there is no room for a copy the file stays, until there is', async (t) => {
  const bench = new CompactionBench(t);
  await bench.fill();
  await bench.checkpointed();
  const { syncCount } = bench.disk;
  const { mock } = t.mock.method(fs.promises, 'statfs', async () => ({ bavail: 2, bsize: 4096 }));
  await bench.look();
  await bench.until(() => mock.callCount() > 0);
  await bench.store.store.compact();
  assert.equal(bench.disk.syncCount, syncCount);
  mock.restore();
  await bench.compact();
  assert.deepEqual(bench.forgotten(), FORGOTTEN_NUMBERS);
});

test('where a file system keeps no holes nothing is gained, which is noticed once', async (t) => {
  const disk = new TestDisk();
  disk.fillsHoles = true;
  const bench = new CompactionBench(t, { disk });
  await bench.fill();
  await bench.look();
  await bench.until(() => bench.store.logged.some((line) => line.includes('keeps no holes')));
  await bench.until(() => !bench.files.some((each) => each.endsWith('.new')));
  const { syncCount } = disk;
  for (let look = 0; look < 5; look++) {
    bench.store.clock.advance(LOOK_MS);
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(disk.syncCount, syncCount);
  assert.deepEqual(bench.forgotten(), FORGOTTEN_NUMBERS);
});

test('a page that is being read while its file is replaced is read from the one that it began with', async (t) => {
  const bench = new CompactionBench(t, LITTLE_MEMORY);
  await bench.fill();
  await bench.restart(LITTLE_MEMORY);
  const { store } = bench.store;
  const held = bench.store.queues.get(FORGOTTEN)!.map(({ position }) => store.pageAt(position));
  const pages = [...new Set(held)].filter((page) => page.bytes === null);
  assert(pages.length > 1, 'some are on the disk alone');
  bench.disk.holdingReads = true;
  let loaded = 0;
  for (const page of pages) if (page.bytes === null) store.load(page, () => loaded++);
  const waiting = bench.disk.heldReads;
  assert(waiting > 0);
  bench.disk.holdingReads = false;
  await bench.compactUntil(() => bench.store.logged.some((line) => line.includes('bytes in place of')));
  bench.disk.releaseReads();
  await bench.until(() => loaded === pages.length);
  await bench.compactUntil(() => bench.endings > 0);
  assert.deepEqual(bench.forgotten(), FORGOTTEN_NUMBERS);
  assert.deepEqual(store.damage, []);
});

/** Until a file is copied but for the sync of its copy, which waits, and so does all that is written from here on. */
async function holdSync(bench: CompactionBench): Promise<void> {
  await bench.fill();
  await bench.checkpointed();
  bench.disk.holding = true;
  await bench.look();
  while (!bench.disk.isSyncHeld) {
    await bench.until(() => bench.disk.heldWrites > 0);
    if (!bench.disk.isSyncHeld) bench.disk.release();
  }
}

test('a copy that cannot take the place of its file is given up, with its descriptor', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const bench = new CompactionBench(t);
  await holdSync(bench);
  const copy = bench.files.find((each) => each.endsWith('.journal.new'))!;
  fs.rmSync(bench.path(copy));
  bench.disk.holding = false;
  while (bench.disk.heldWrites > 0) bench.disk.release();
  await bench.until(() => bench.store.logged.some((line) => line.includes('could not be compacted: ENOENT')));
  await bench.until(() => bench.endings > 0);
  const open = fs.readdirSync('/proc/self/fd').map((fd) => `/proc/self/fd/${fd}`);
  const copies = open.filter((path) => isLink(path) && fs.readlinkSync(path).includes(bench.path(copy)));
  assert.deepEqual(copies, []);
  assert.deepEqual(bench.forgotten(), FORGOTTEN_NUMBERS);
});

function isLink(path: string): boolean {
  return fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

test('a file that is removed while it is being compacted does not come back', async (t) => {
  const bench = new CompactionBench(t);
  await holdSync(bench);
  const temporary = bench.files.find((each) => each.endsWith('.journal.new'))!;
  bench.disk.holding = false;
  while ((bench.store.queues.get(FORGOTTEN)?.length ?? 0) > 0) bench.store.settle(FORGOTTEN);
  bench.store.store.commit();
  while (bench.disk.heldWrites > 0) bench.disk.release();
  await bench.until(() => bench.store.store.durable === bench.store.store.appended);
  await bench.until(() => !bench.files.some((each) => each.endsWith('.new')));
  await bench.restart();
  assert(!bench.files.includes(temporary.replace('.new', '')) || bench.forgotten().length === 0);
  assert.deepEqual(bench.store.store.damage, []);
});

test('a stop gives up what is under way', async (t) => {
  const bench = new CompactionBench(t, { compaction: { ...COMPACTION, bytesPerSecond: 1 } });
  await bench.fill();
  await bench.checkpointed();
  await bench.look();
  await bench.until(() => bench.files.some((each) => each.endsWith('.journal.new')));
  await bench.restart();
  assert(!bench.files.some((each) => each.endsWith('.new')));
  assert.deepEqual(bench.forgotten(), FORGOTTEN_NUMBERS);
});

test('random histories with a compaction after each turn are what they would be without', async (t) => {
  const seed = Number(process.env.LEVERET_SEED ?? Date.now() % 1_000_000);
  t.diagnostic(`LEVERET_SEED=${seed}`);
  const random = randomFrom(seed);
  // Whether it is worth while or not.
  const compaction = { ...COMPACTION, ratio: -100 };
  const bench = new CompactionBench(t, { compaction, memoryLimitBytes: 4 * PAGE_SIZE });
  let compacted = 0;
  // Which files are in a checkpoint by the time of a look is not always the same.
  for (let round = 0; round < 12 || (compacted === 0 && round < 100); round++) {
    for (let turn = 0; turn < 8; turn++) await anyTurn(bench, random);
    // At the first look nothing is known of how it was at the one before, and files may wait for their checkpoint.
    for (let look = 0; look < 4; look++) {
      await bench.store.store.compact();
      await bench.store.commit();
    }
    compacted += bench.compactedFiles;
    const expected = bench.contents();
    const crashed = bench.reopened({ compaction, memoryLimitBytes: 4 * PAGE_SIZE });
    assert.deepEqual(crashed.contents(), expected);
    assert.deepEqual(crashed.store.store.damage, []);
    await bench.restart({ compaction, memoryLimitBytes: 4 * PAGE_SIZE });
    assert.deepEqual(bench.contents(), expected);
    assert.deepEqual(bench.store.store.damage, []);
  }
  assert(compacted > 0);
});

/** Publishes to any of the queues, and settles anything anywhere. */
async function anyTurn({ store }: CompactionBench, random: (below: number) => number): Promise<void> {
  for (let count = random(30); count > 0; count--) {
    const queues = [BUSY, FORGOTTEN].filter(() => random(2) === 0);
    const size = [10, 24, 300, 5000, 100_000][random(5)]!;
    store.publish(`${random(1e9)};`.padEnd(size, 'x'), queues.length === 0 ? [BUSY] : queues);
  }
  for (const queue of [BUSY, FORGOTTEN]) {
    for (let count = random(25); count > 0; count--) {
      const held = store.queues.get(queue)?.length ?? 0;
      if (held > 0) store.settle(queue, random(held));
    }
  }
  await store.commit();
}
