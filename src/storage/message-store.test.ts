import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { PAGE_SIZE, type Page } from './page.ts';
import { TestDisk } from './test-disk.ts';
import { newMemoryDirectory, TestStore, type TestStoreOptions } from './test-store.ts';

let directory = '';
let disk: TestDisk;
let opened: TestStore[] = [];

beforeEach(() => {
  directory = newMemoryDirectory();
  disk = new TestDisk();
});

afterEach(async () => {
  for (const { store } of opened) await store.close();
  opened = [];
  fs.rmSync(directory, { recursive: true });
});

function open(options: Partial<TestStoreOptions> = {}): TestStore {
  const store = new TestStore({ directory, disk, ...options });
  opened.push(store);
  return store;
}

const journal = (): string => join(directory, 'journal');
const filesOf = (ending: string): string[] => fs.readdirSync(journal()).filter((name) => name.endsWith(ending));
/** Fills a page, and a file with it. */
const large = (name: string): string => name.padEnd(900_000, '.');

async function reopened(own: TestStore): Promise<TestStore> {
  await own.store.close();
  opened = opened.filter((each) => each !== own);
  return open();
}

/** A page that was full and written, out of memory. */
async function pageOnDisk(): Promise<{ own: TestStore; page: Page; position: number }> {
  const before = open();
  const position = before.publish(large('m0'), [1]);
  before.publish(large('m1'), [1]);
  await before.commit();
  const own = await reopened(before);
  const page = own.store.pageAt(position);
  assert.equal(page.bytes, null);
  return { own, page, position };
}

function load(own: TestStore, page: Page): Promise<void> {
  return new Promise((resolve) => own.store.load(page, resolve));
}

test('a store without a directory keeps everything in memory, and has nothing to wait for', async () => {
  const own = open({ directory: null });
  for (let i = 0; i < 10; i++) own.publish(large(`m${i}`), [1]);
  own.publish('small', [1, 2]);
  own.store.commit();
  assert.equal(own.store.appended, 0);
  assert.equal(own.store.durable, 0);
  assert.equal(own.bodies(1).length, 11);
  for (let i = 0; i < 11; i++) own.settle(1);
  assert.deepEqual(own.bodies(2), ['small']);
  own.settle(2);
  assert(own.store.memoryBytes <= PAGE_SIZE, 'pages that are done with are given back');
});

test('a message lives until the last of its queues is done with it, and its file with it', async () => {
  const own = open();
  own.publish(large('shared'), [1, 2, 3]);
  own.publish(large('next'), [4]);
  await own.commit();
  own.settle(1);
  own.settle(3);
  await own.commit();
  assert.deepEqual(filesOf('.journal'), ['000000000000.journal', '000000000001.journal']);
  assert.match(own.bodies(2)[0]!, /^shared/);
  own.settle(2);
  await own.commit();
  await own.until(() => filesOf('.journal').length === 1);
});

test('a queue that does not last leaves nothing in the journal when it is done', async () => {
  const own = open();
  const position = own.publish('both', [1], { transientReferences: 1 });
  await own.commit();
  const { appended } = own.store;
  own.store.settle(99, position, false);
  await own.commit();
  assert.equal(own.store.appended, appended);
  own.settle(1);
  await own.commit();
  assert.equal(own.store.appended, appended + 24);
});

test('reads that end in another order give each page its own bytes', async () => {
  const before = open();
  const positions = Array.from({ length: 6 }, (_, i) => before.publish(large(`m${i}`), [1]));
  await before.commit();
  const own = await reopened(before);
  disk.holdingReads = true;
  const pages = positions.map((position) => own.store.pageAt(position));
  const loads = pages.map((page) => (page.loading ? Promise.resolve() : load(own, page)));
  disk.holdingReads = false;
  disk.releaseReads();
  await Promise.all(loads);
  await own.until(() => pages.every((page) => page.bytes !== null));
  assert.deepEqual(
    own.bodies(1).map((body) => body!.slice(0, 2)),
    ['m0', 'm1', 'm2', 'm3', 'm4', 'm5'],
  );
});

test('a page that is asked for twice is read once, and both are told', async () => {
  const { own, page } = await pageOnDisk();
  const reads = disk.readCount;
  await Promise.all([load(own, page), load(own, page)]);
  assert(disk.readCount <= reads + 2, 'once, and the page behind it');
  assert.notEqual(page.bytes, null);
});

test('a page that cannot wait is read at once, and the read that was under way does no harm', async () => {
  const { own, page, position } = await pageOnDisk();
  disk.holdingReads = true;
  const loaded = load(own, page);
  assert.match(own.body(position)!.toString(), /^m0/);
  const used = own.store.memoryBytes;
  disk.holdingReads = false;
  disk.releaseReads();
  await loaded;
  assert.match(own.body(position)!.toString(), /^m0/);
  assert(own.store.memoryBytes < used, 'the memory of the second read is given back');
});

test('a read that fails is tried again, and loses nothing if it then succeeds', async () => {
  const { own, page, position } = await pageOnDisk();
  disk.readFailure = 'EIO';
  const loaded = load(own, page);
  for (let attempt = 1; attempt < 4; attempt++) own.clock.advance(1000);
  disk.readFailure = null;
  own.clock.advance(1000);
  await loaded;
  assert.match(own.body(position)!.toString(), /^m0/);
  assert.deepEqual(own.store.damage, []);
  assert.match(own.logged.join(), /000\.journal at offset 0 could not be read, trying again: EIO/);
});

test('a page that cannot be read at all is told as lost, once, and its queue goes on', async () => {
  const { own, page, position } = await pageOnDisk();
  disk.readFailure = 'EIO';
  const loaded = load(own, page);
  for (let attempt = 1; attempt < 5; attempt++) own.clock.advance(1000);
  await loaded;
  disk.readFailure = null;
  assert.equal(own.body(position), null);
  assert.equal(own.store.damage.length >= 1, true);
  assert.match(
    own.store.damage[0]!,
    /000\.journal at offset 0 cannot be read: EIO.*messages that stood there are lost/,
  );
});

test('a page whose bytes changed on the disk is told with file and offset, and set aside', async () => {
  const { own, page, position } = await pageOnDisk();
  const path = join(journal(), '000000000000.journal');
  const fd = fs.openSync(path, 'r+');
  fs.writeSync(fd, Buffer.from('changed'), 0, 7, 5000);
  fs.closeSync(fd);
  await load(own, page);
  assert.equal(own.body(position), null);
  assert.equal(own.store.damage.length, 1);
  assert.match(own.store.damage[0]!, /000\.journal is damaged at offset 0 \(9\d+ bytes\): .* set aside in .*damaged/);
  const copy = fs.readFileSync(join(journal(), 'damaged', '000000000000.journal.0'));
  assert.equal(copy.subarray(5000, 5007).toString(), 'changed');
});

test('on a full disk, what is consumed makes room before the journal can say so', async () => {
  const own = open();
  own.publish(large('m0'), [1]);
  own.publish(large('m1'), [1]);
  await own.commit();
  disk.failures = new Array(100).fill('ENOSPC');
  own.publish(large('m2'), [1]);
  own.store.commit();
  await own.until(() => own.troubles.length === 1);
  own.settle(1);
  own.store.commit();
  own.clock.advance(250);
  await own.until(() => filesOf('.journal').every((name) => name !== '000000000000.journal'));
  disk.failures = [];
  own.clock.advance(250);
  await own.until(() => own.store.durable === own.store.appended);
  assert.equal(own.troubles.at(-1), null);
});

test('a message that gave way to another stays on the disk until the other is there', async () => {
  const own = open();
  const position = own.publish(large('m0'), [1]);
  own.publish(large('m1'), [2]);
  await own.commit();
  disk.holding = true;
  own.publish('its copy', [3]);
  own.queues.get(1)!.pop();
  own.store.replace(1, position, true);
  own.publish(large('m2'), [2]);
  own.store.commit();
  await new Promise((resolve) => setImmediate(resolve));
  assert(filesOf('.journal').includes('000000000000.journal'));
  disk.holding = false;
  disk.release();
  await own.until(() => !filesOf('.journal').includes('000000000000.journal'));
});

test('a checkpoint that fails is made up for by the next one', async () => {
  const own = open();
  fs.mkdirSync(join(directory, 'journal', '000000000000.index.new'), { recursive: true });
  own.publish(large('m0'), [1]);
  own.publish('small', [1]);
  own.publish(large('m1'), [1]);
  await own.commit();
  await own.until(() => own.logged.some((line) => line.includes('a checkpoint failed')));
  assert.deepEqual(filesOf('.index'), []);
  fs.rmSync(join(journal(), '000000000000.index.new'), { recursive: true, force: true });
  own.publish(large('m2'), [1]);
  await own.commit();
  await own.until(() => filesOf('.index').length === 2 && fs.existsSync(join(journal(), 'checkpoint')));
  const after = await reopened(own);
  assert.deepEqual(
    after.bodies(1).map((body) => body!.slice(0, 5)),
    ['m0...', 'small', 'm1...', 'm2...'],
  );
});

test('a stop on a disk that refuses everything ends, and says what is not kept', async () => {
  const own = open();
  own.publish('kept', [1]);
  await own.commit();
  disk.failures = new Array(100).fill('ENOSPC');
  own.publish('not confirmed', [1]);
  await own.store.close();
  opened = [];
  assert.match(own.logged.join(), /what was not yet confirmed is not kept: ENOSPC/);
  assert.equal(own.clock.waiting, 0);
  disk.failures = [];
  assert.deepEqual(open().bodies(1), ['kept']);
});

test('a stop in good order leaves nothing to be read again', async () => {
  const own = open();
  for (let i = 0; i < 5; i++) own.publish(large(`m${i}`), [1]);
  own.settle(1, 2);
  await own.store.close();
  opened = [];
  assert.equal(filesOf('.index').length, filesOf('.journal').length);
  // Blocks that nobody may look at: a start that read them would report them.
  for (const name of filesOf('.journal')) {
    const fd = fs.openSync(join(journal(), name), 'r+');
    fs.writeSync(fd, Buffer.from('x'), 0, 1, 100);
    fs.closeSync(fd);
  }
  const after = open();
  assert.equal(after.queues.get(1)!.length, 4);
  assert.deepEqual(after.store.damage, []);
});

test('a journal file that tells of delay segments stays, dead or not, until a checkpoint tells it too', async () => {
  const own = open();
  own.store.progressed(7, 18, 5);
  own.publish(large('m0'), [1]);
  own.settle(1);
  own.publish(large('m1'), [1]);
  await own.commit();
  const [first] = filesOf('.journal');
  assert.equal(filesOf('.journal').length, 2);
  // Until the checkpoint is there, a start after a kill has to find it in the journal.
  await own.until(() => {
    if (filesOf('checkpoint').length > 0) return true;
    assert(filesOf('.journal').includes(first!), 'it is gone, and nothing else knows');
    return false;
  });
  await own.until(() => !filesOf('.journal').includes(first!));
});
