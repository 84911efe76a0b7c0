/** Journals of several files: what one file settles of another, what was removed, torn or lost between them. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { createLog } from '../runtime/log.ts';
import { DamageReport } from './damage.ts';
import { PAGE_SIZE } from './page.ts';
import { recover } from './recovery.ts';
import { TestDisk } from './test-disk.ts';
import { newMemoryDirectory, TestStore, type TestStoreOptions } from './test-store.ts';

let root = '';
let opened: TestStore[] = [];

beforeEach(() => {
  root = newMemoryDirectory();
});

afterEach(async () => {
  for (const { store } of opened) await store.close();
  opened = [];
  fs.rmSync(root, { recursive: true });
});

/** Ends a store before its test does, and makes room. */
async function discard(store: TestStore, name: string): Promise<void> {
  await store.store.close();
  opened = opened.filter((each) => each !== store);
  fs.rmSync(join(root, name), { recursive: true });
}

function open(name: string, options: Partial<TestStoreOptions> = {}): TestStore {
  const store = new TestStore({ directory: join(root, name), ...options });
  opened.push(store);
  return store;
}

/** What a process leaves that is killed now, under another name. */
function kill(name: string, copy: string): string {
  const directory = join(root, copy, 'journal');
  fs.cpSync(join(root, name, 'journal'), directory, { recursive: true });
  return directory;
}

/** A body that fills a page, and with it a journal file, so far that the next one needs another. */
const large = (name: string): string => name.padEnd(700_000, '.');
const nameOf = (body: string | null): string | null => (body === null ? null : body.slice(0, body.indexOf('.')));
const namesOf = (store: TestStore, id: number): (string | null)[] => store.bodies(id).map(nameOf);

const journalName = (page: number): string => `${String(page).padStart(12, '0')}.journal`;
const indexName = (page: number): string => `${String(page).padStart(12, '0')}.index`;
const list = (directory: string, ending: string): string[] =>
  fs.readdirSync(directory).filter((name) => name.endsWith(ending));

async function fill(store: TestStore, queue: number, ...names: string[]): Promise<void> {
  for (const name of names) {
    store.publish(large(name), [queue]);
    await store.commit();
  }
}

function flip(path: string, offset: number): void {
  const fd = fs.openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  fs.readSync(fd, byte, 0, 1, offset);
  byte[0]! ^= 0xff;
  fs.writeSync(fd, byte, 0, 1, offset);
  fs.closeSync(fd);
}

test('damage in any file loses the messages of its block and no others', async () => {
  const store = open('a');
  await fill(store, 1, 'm0', 'm1', 'm2', 'm3', 'm4');
  for (const file of [0, 1, 2, 3]) {
    for (const offset of [0, 9, 17, 60, 700_000]) {
      const directory = kill('a', `${file}-${offset}`);
      // Without a checkpoint all of the journal is read.
      for (const name of [...list(directory, '.index'), 'checkpoint'])
        fs.rmSync(join(directory, name), { force: true });
      flip(join(directory, journalName(file)), offset);
      const after = open(`${file}-${offset}`);
      assert.deepEqual(
        namesOf(after, 1),
        ['m0', 'm1', 'm2', 'm3', 'm4'].filter((name) => name !== `m${file}`),
      );
      assert.equal(after.store.damage.length, 1);
      assert.match(after.store.damage[0]!, new RegExp(`${journalName(file)} is damaged at offset 0 `));
      await discard(after, `${file}-${offset}`);
    }
  }
});

test('a damaged header of a record that is larger than a page hides nothing behind it', async () => {
  const store = open('a', { journalFileBytes: 16 * PAGE_SIZE });
  store.publish('small before', [1]);
  await store.commit();
  store.publish('huge'.padEnd(2_500_000, '.'), [1]);
  await store.commit();
  for (let i = 0; i < 4; i++) {
    store.publish(large(`m${i}`), [1]);
    await store.commit();
  }
  // The length, the position, the checksum and the magic of the block that starts the large page.
  for (const offset of [0, 4, 8, 10, 11, 22, 23]) {
    const directory = kill('a', `${offset}`);
    for (const name of [...list(directory, '.index'), 'checkpoint']) fs.rmSync(join(directory, name), { force: true });
    flip(join(directory, journalName(0)), PAGE_SIZE + offset);
    const after = open(`${offset}`, { journalFileBytes: 16 * PAGE_SIZE });
    assert.deepEqual(
      after.bodies(1).map((body) => body!.split('.')[0]),
      ['small before', 'm0', 'm1', 'm2', 'm3'],
    );
    assert(after.store.damage.some((sentence) => sentence.includes(`is damaged at offset ${PAGE_SIZE} `)));
    await discard(after, `${offset}`);
  }
});

test('a journal file that is gone is missed', async () => {
  const store = open('a');
  await fill(store, 1, 'm0', 'm1', 'm2', 'm3');
  await store.until(() => list(join(root, 'a', 'journal'), '.index').length === 3);
  const directory = kill('a', 'b');
  for (const name of [...list(directory, '.index'), ...list(directory, '.new')]) fs.rmSync(join(directory, name));
  fs.rmSync(join(directory, journalName(3)));
  fs.rmSync(join(directory, journalName(1)));
  fs.rmSync(join(directory, 'checkpoint'));
  const after = open('b');
  assert.deepEqual(namesOf(after, 1), ['m0', 'm2']);
  // Nobody can tell whether it was removed because all in it was settled; the log says so.
  assert.match(
    after.logged.join(),
    /what stood before .*2\.journal is not there: all of it was settled, or it is lost/,
  );
});

test('a torn write over two files is cut where it tore, and what was behind is set aside', async () => {
  const disk = new TestDisk();
  const store = open('a', { disk });
  await fill(store, 1, 'm0');
  disk.holding = true;
  for (const name of ['m1', 'm2', 'm3']) store.publish(large(name), [1]);
  store.store.commit();
  // The second file of three is missing, the third is there.
  disk.release();
  await store.until(() => disk.heldWrites === 1);
  disk.release();
  await store.until(() => disk.heldWrites === 1);
  disk.release();
  await store.until(() => store.store.durable === store.store.appended);
  const directory = kill('a', 'b');
  for (const name of [...list(directory, '.index'), 'checkpoint']) fs.rmSync(join(directory, name), { force: true });
  fs.truncateSync(join(directory, journalName(2)), 4096);
  const after = open('b');
  assert.deepEqual(namesOf(after, 1), ['m0', 'm1']);
  assert.deepEqual(after.store.damage, [], 'it was not promised');
  assert.match(after.logged.join(), /3\.journal: an unfinished write was cut off at offset 0; it was set aside in/);
  assert.equal(fs.statSync(join(directory, 'damaged', `${journalName(3)}.0`)).size > 700_000, true);
  await fill(after, 1, 'new');
  kill('b', 'c');
  assert.deepEqual(namesOf(open('c'), 1), ['m0', 'm1', 'new'], 'what was cut off does not come back');
});

test('the first write of a file tears: the next file does not take its name', async () => {
  const disk = new TestDisk();
  const store = open('a', { disk });
  store.publish(large('m0'), [1]);
  disk.failures = ['EIO'];
  disk.writtenBeforeFailure = 300_000;
  store.store.commit();
  await store.until(() => store.troubles.length === 1);
  kill('a', 'b');
  disk.failures = [];
  store.clock.advance(250);
  const after = open('b');
  assert.deepEqual(after.bodies(1), []);
  await fill(after, 1, 'm1', 'm2');
  assert.deepEqual(list(join(root, 'b', 'journal'), '.journal'), [journalName(1), journalName(2)]);
  kill('b', 'c');
  assert.deepEqual(namesOf(open('c'), 1), ['m1', 'm2']);
});

test('what an older use of a file left behind does not come back', async () => {
  const store = open('a', { journalFileBytes: 4 * PAGE_SIZE });
  await fill(store, 1, 'm0', 'm1', 'm2', 'm3', 'm4');
  for (let i = 0; i < 4; i++) store.settle(1);
  await store.commit();
  await store.until(() => list(join(root, 'a', 'journal'), '.spare').length === 1);
  // The next file is written over the first one: its first page is new, the three behind it are old.
  await fill(store, 1, 'm5', 'm6', 'm7', 'm8');
  const directory = kill('a', 'b');
  assert.equal(list(directory, '.spare').length, 0, 'the spare file is in use');
  assert(fs.statSync(join(directory, journalName(8))).size > 3 * PAGE_SIZE);
  const after = open('b', { journalFileBytes: 4 * PAGE_SIZE });
  assert.deepEqual(namesOf(after, 1), ['m4', 'm5', 'm6', 'm7', 'm8']);
  assert.deepEqual(after.store.damage, []);
});

test('what was settled in a later file stays settled after two crashes in a row', async () => {
  const store = open('a');
  await fill(store, 1, 'm0', 'm1', 'm2');
  await store.until(() => list(join(root, 'a', 'journal'), '.index').length === 2);
  await store.until(() => fs.existsSync(join(root, 'a', 'journal', 'checkpoint')));
  // A small message keeps each file alive; what is settled here is told by the last file alone.
  store.publish('keeps the last file', [2]);
  store.settle(1, 1);
  await store.commit();
  kill('a', 'b');
  const second = open('b');
  assert.deepEqual(namesOf(second, 1), ['m0', 'm2']);
  // The second one takes a checkpoint at its start, after which the file that told it is not read again.
  await second.until(() => fs.existsSync(join(root, 'b', 'journal', indexName(2))));
  await second.store.close();
  assert.deepEqual(namesOf(open('b'), 1), ['m0', 'm2']);
});

test('files that are removed in the midst are not missed, whatever index or checkpoint is lost', async () => {
  const store = open('a');
  const directory = join(root, 'a', 'journal');
  await fill(store, 1, 'm0', 'm1', 'm2', 'm3', 'm4');
  await store.until(() => list(directory, '.index').length === 4);
  // m1 and m3 are settled by records in the last file, m2's file in between stays.
  store.settle(1, 3);
  store.settle(1, 1);
  await store.commit();
  await fill(store, 1, 'm5');
  await store.until(() => list(directory, '.journal').length === 4);
  assert.deepEqual(list(directory, '.journal'), [0, 2, 4, 5].map(journalName));
  await store.until(() => list(directory, '.new').length === 0);
  for (const lost of [['checkpoint'], [indexName(0)], [indexName(2)], [indexName(0), 'checkpoint']]) {
    const name = `without ${lost.join(' and ')}`;
    const copy = kill('a', name);
    for (const each of lost) fs.rmSync(join(copy, each));
    const after = open(name);
    assert.deepEqual(namesOf(after, 1), ['m0', 'm2', 'm4', 'm5'], name);
    assert(
      after.store.damage.every((sentence) => lost.some((each) => sentence.includes(each))),
      `${after.store.damage}`,
    );
    await discard(after, name);
  }
});

test('a file whose removal was interrupted is removed by the next start, and nothing of it comes back', async () => {
  const store = open('a');
  const directory = join(root, 'a', 'journal');
  await fill(store, 1, 'm0', 'm1', 'm2');
  await store.until(() => list(directory, '.index').length === 2 && fs.existsSync(join(directory, 'checkpoint')));
  // The first message is acked, and nothing of that is in the journal: its file goes all the same.
  for (const step of ['before', 'behind']) {
    const copy = kill('a', step);
    fs.renameSync(join(copy, indexName(0)), join(copy, '000000000000.removed'));
    if (step === 'behind') fs.rmSync(join(copy, journalName(0)));
    const after = open(step);
    assert.deepEqual(namesOf(after, 1), ['m1', 'm2']);
    assert.deepEqual(after.store.damage, []);
    assert.deepEqual(list(copy, '.removed'), []);
    assert.equal(fs.existsSync(join(copy, journalName(0))), false);
  }
});

test('an index that is newer than the checkpoint is right', async () => {
  const store = open('a');
  const directory = join(root, 'a', 'journal');
  await fill(store, 1, 'm0', 'm1');
  await store.until(() => fs.existsSync(join(directory, 'checkpoint')));
  const old = fs.readFileSync(join(directory, 'checkpoint'));
  store.publish('keeps the first file', [2]);
  store.settle(1, 0);
  await store.commit();
  await fill(store, 1, 'm2', 'm3');
  await store.until(
    () => list(directory, '.index').length >= 2 && !fs.readFileSync(join(directory, 'checkpoint')).equals(old),
  );
  const copy = kill('a', 'b');
  fs.writeFileSync(join(copy, 'checkpoint'), old);
  const after = open('b');
  assert.deepEqual(namesOf(after, 1), ['m1', 'm2', 'm3']);
  assert.deepEqual(after.bodies(2), ['keeps the first file']);
  assert.deepEqual(after.store.damage, []);
});

test('messages come back in the order of publishing, whatever order the queue told them in', async () => {
  const store = open('a');
  for (let i = 0; i < 50; i++) store.publish(`m${i}`, [1]);
  await store.commit();
  await fill(store, 2, 'first file', 'next file');
  // The test's queues tell theirs backwards, as unacked and returned messages come in no order either.
  await store.until(() => fs.existsSync(join(root, 'a', 'journal', indexName(0))));
  await store.store.close();
  assert.deepEqual(
    open('a').bodies(1),
    Array.from({ length: 50 }, (_, i) => `m${i}`),
  );
});

test('what a queue remembers comes back: up to where it delivered, and how often each message returned', async () => {
  const store = open('a');
  const [first, second] = [store.publish('first', [1]), store.publish('second', [1])];
  const third = store.publish('third', [1]);
  store.delivered(1, second);
  store.returned(1, first, 1);
  store.returned(1, first, 2);
  store.returned(1, second, 1);
  await store.commit();
  await fill(store, 2, 'first file', 'next file');
  await store.until(() => fs.existsSync(join(root, 'a', 'journal', 'checkpoint')));
  store.delivered(1, third);
  store.returned(1, third, 1);
  // The second is done with: its count goes too.
  store.settle(1, 1);
  await store.commit();
  for (const lost of [[], [indexName(0)]]) {
    const name = `b${lost.length}`;
    const copy = kill('a', name);
    for (const each of lost) fs.rmSync(join(copy, each));
    const { deliveredPosition, deliveryCounts } = open(name).marks.get(1)!;
    assert.equal(deliveredPosition, third);
    assert.deepEqual(
      [...deliveryCounts],
      [
        [first, 2],
        [third, 1],
      ],
    );
  }
});

test('files of queues that are gone go too', async () => {
  const store = open('a');
  await fill(store, 1, 'm0', 'm1', 'm2');
  kill('a', 'b');
  const log = createLog('none');
  // The queue was deleted: nobody adopts its messages, and the start leaves nothing of them behind.
  const directory = join(root, 'b', 'journal');
  assert.equal(recover(directory, new DamageReport(directory, log), log).queues.get(1)!.messages.count, 3);
  const after = open('b', { adopts: [] });
  await after.until(() => list(directory, '.journal').length === 0);
});

test('numbers grow over restarts, even if all files are gone', async () => {
  const store = open('a');
  await fill(store, 1, 'm0', 'm1', 'm2');
  for (let i = 0; i < 3; i++) store.settle(1);
  await store.store.close();
  const second = open('a');
  await second.until(() => list(join(root, 'a', 'journal'), '.journal').length === 0);
  assert.equal(Math.floor(second.publish('m3', [1]) / PAGE_SIZE), 3);
});

test('a replay holds one page in memory at a time', async () => {
  const store = open('a', { journalFileBytes: 8 * PAGE_SIZE });
  await fill(store, 1, ...Array.from({ length: 20 }, (_, i) => `m${i}`));
  const directory = kill('a', 'b');
  for (const name of [...list(directory, '.index'), 'checkpoint']) fs.rmSync(join(directory, name), { force: true });
  const log = createLog('none');
  const before = process.memoryUsage().arrayBuffers;
  const recovered = recover(directory, new DamageReport(directory, log), log);
  assert(process.memoryUsage().arrayBuffers - before < 4 * PAGE_SIZE);
  assert.equal(recovered.queues.get(1)!.messages.count, 20);
  for (const { fd } of recovered.files) fs.closeSync(fd);
});
