/** The journal over a disk that waits, fails and stops: nothing is called durable that was not written whole. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { TestClock } from '../runtime/test-clock.ts';
import { BLOCK_HEADER_SIZE } from './block.ts';
import { Journal, JournalFile } from './journal.ts';
import { JournalReader } from './journal-reader.ts';
import { PAGE_SIZE, type Page, PagePool } from './page.ts';
import { TestDisk } from './test-disk.ts';
import { newMemoryDirectory } from './test-store.ts';

const RETRY_MS = 250;
/** The record that fills a page. */
const FULL = PAGE_SIZE - 2 * BLOCK_HEADER_SIZE;

class Fixture {
  readonly directory = newMemoryDirectory();
  readonly disk = new TestDisk();
  readonly clock = new TestClock();
  readonly events: string[] = [];
  readonly written: Page[] = [];
  readonly journal: Journal;
  #nextPage = 0;

  constructor(fileSizeBytes = 4 * PAGE_SIZE) {
    const { directory, disk, clock } = this;
    this.journal = new Journal(
      { directory, disk, clock, fileSizeBytes, fdatasync: true },
      new PagePool(),
      {
        onDurable: () => {
          this.events.push(`durable ${this.journal.durable}`);
          this.journal.commit();
        },
        onPageWritten: (page) => this.written.push(page),
        onFileFull: () => this.events.push('file full'),
        onTrouble: (error) => this.events.push(error === null ? 'no more trouble' : `trouble ${error.code}`),
      },
      { endPosition: -1, nextPage: 0 },
    );
  }

  /** Appends a record of this type, whose content is its size. */
  append(size: number, type = 77): Page {
    const page = this.journal.reserve(size, (span) => {
      const number = this.#nextPage;
      this.#nextPage += span;
      return number;
    });
    page.u32[page.end >> 2] = size;
    page.u32[(page.end >> 2) + 1] = type;
    (page.bytes as Buffer).fill(size & 0xff, page.end + 8, page.end + size);
    page.end += size;
    return page;
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Sizes of the records that the files hold, as somebody finds them who starts now. */
  onDisk(): number[] {
    const sizes: number[] = [];
    for (const name of fs
      .readdirSync(this.directory)
      .filter((each) => each.endsWith('.journal'))
      .sort()) {
      const file = new JournalFile(this.directory, name, fs.openSync(join(this.directory, name), 'r'));
      file.size = fs.statSync(file.path).size;
      new JournalReader().read(file, {
        block: ({ bytes, block }) => {
          for (let at = block.from; at < block.to; at += sizes.at(-1)!) sizes.push(bytes.readUInt32LE(at));
          return true;
        },
        broken: () => {},
      });
      fs.closeSync(file.fd);
    }
    return sizes;
  }
}

let own: Fixture;
beforeEach(() => {
  own = new Fixture();
});
afterEach(() => {
  own.journal.close();
  fs.rmSync(own.directory, { recursive: true });
});

test('what is appended is durable once its write has returned, and not before', async () => {
  own.disk.holding = true;
  own.append(64);
  own.append(32);
  own.journal.commit();
  assert.equal(own.journal.appended, 96);
  assert.equal(own.disk.heldWrites, 1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(own.journal.durable, 0);
  assert.deepEqual(own.onDisk(), []);
  own.disk.release();
  await own.until(() => own.journal.durable === 96);
  assert.deepEqual(own.onDisk(), [64, 32]);
  assert.deepEqual(own.events, ['durable 96']);
});

test('what comes in during a write is not durable with it: it makes the next write, all of it at once', async () => {
  own.disk.holding = true;
  own.append(64);
  own.journal.commit();
  for (const size of [16, 24, 40]) {
    own.append(size);
    own.journal.commit();
  }
  assert.equal(own.disk.heldWrites, 1, 'one write at a time');
  own.disk.release();
  await own.until(() => own.disk.heldWrites === 1);
  assert.equal(own.journal.durable, 64);
  assert.deepEqual(own.onDisk(), [64]);
  own.disk.release();
  await own.until(() => own.journal.durable === 144);
  assert.deepEqual(own.onDisk(), [64, 16, 24, 40]);
  assert.equal(own.disk.writeCount, 2);
});

test('a block that is sealed says what was durable then, and where the one before ended', async () => {
  const page = own.append(64);
  own.journal.commit();
  await own.until(() => own.journal.durable === 64);
  own.append(16);
  own.journal.commit();
  await own.until(() => own.journal.durable === 80);
  const bytes = page.bytes as Buffer;
  assert.equal(bytes.readDoubleLE(32), -1, 'nothing before the first');
  assert.equal(bytes.readDoubleLE(24), 0);
  const second = 48 + 64;
  assert.equal(bytes.readDoubleLE(second + 32), second, 'the first ended where the second begins');
  assert.equal(bytes.readDoubleLE(second + 24), second, 'and was durable');
});

for (const code of ['ENOSPC', 'EIO']) {
  test(`a write that fails with ${code} half-way confirms nothing, and is repeated whole until it succeeds`, async () => {
    own.append(8192);
    own.append(5000);
    own.disk.failures = [code, code];
    own.disk.writtenBeforeFailure = 4096;
    own.journal.commit();
    await own.until(() => own.events.includes(`trouble ${code}`));
    assert.equal(own.journal.durable, 0);
    own.append(16);
    own.journal.commit();
    assert.equal(own.disk.writeCount, 1, 'nothing overtakes what failed');
    own.disk.writtenBeforeFailure = 0;
    own.clock.advance(RETRY_MS - 1);
    assert.equal(own.disk.writeCount, 1);
    own.clock.advance(1);
    await own.until(() => own.events.filter((event) => event.startsWith('trouble')).length === 2);
    assert.equal(own.journal.durable, 0);
    own.clock.advance(RETRY_MS);
    await own.until(() => own.journal.durable === own.journal.appended);
    assert.deepEqual(own.events, [
      `trouble ${code}`,
      `trouble ${code}`,
      'no more trouble',
      'durable 13192',
      'durable 13208',
    ]);
    assert.deepEqual(own.onDisk(), [8192, 5000, 16]);
    assert.equal(own.clock.waiting, 0);
  });
}

test('a batch over several files fails as a whole when its last file does', async () => {
  own.journal.close();
  fs.rmSync(own.directory, { recursive: true });
  own = new Fixture(PAGE_SIZE);
  for (let i = 0; i < 3; i++) own.append(700_000);
  own.disk.failures = [];
  own.disk.holding = true;
  own.journal.commit();
  own.disk.release();
  await own.until(() => own.disk.heldWrites === 1);
  own.disk.release();
  await own.until(() => own.disk.heldWrites === 1);
  own.disk.failures = ['EIO'];
  own.disk.release();
  await own.until(() => own.events.includes('trouble EIO'));
  assert.equal(own.journal.durable, 0, 'two of three files are written, and nothing counts');
  assert.equal(own.disk.writeCount, 3);
  own.disk.holding = false;
  own.clock.advance(RETRY_MS);
  await own.until(() => own.journal.durable === 2_100_000);
  assert.equal(own.disk.writeCount, 6, 'all three were written again');
});

test('a file that cannot be opened is waited for like a write that fails', async () => {
  fs.rmSync(own.directory, { recursive: true });
  own.append(64);
  own.journal.commit();
  assert.deepEqual(own.events, ['trouble ENOENT']);
  fs.mkdirSync(own.directory);
  own.clock.advance(RETRY_MS);
  await own.until(() => own.journal.durable === 64);
  assert.deepEqual(own.onDisk(), [64]);
});

test('pages that lie end to end go in one write, and files stay within their size', async () => {
  for (let i = 0; i < 6; i++) own.append(FULL);
  own.journal.commit();
  await own.until(() => own.journal.durable === 6 * FULL);
  assert.equal(own.disk.writeCount, 2, 'four pages in the first file, two in the second');
  const names = fs.readdirSync(own.directory).sort();
  assert.deepEqual(names, ['000000000000.journal', '000000000004.journal']);
  assert.deepEqual(own.events, ['file full', `durable ${6 * FULL}`]);
  for (const name of names) assert(fs.statSync(join(own.directory, name)).size <= 4 * PAGE_SIZE);
  assert.equal(own.onDisk().length, 6);
});

test('a record that is larger than a file has a file of its own', async () => {
  own.append(16);
  const page = own.append(5 * PAGE_SIZE);
  own.append(24);
  assert.equal(page.capacity, 6 * PAGE_SIZE);
  own.journal.commit();
  await own.until(() => own.journal.durable === own.journal.appended);
  assert.deepEqual(own.onDisk(), [16, 5 * PAGE_SIZE, 24]);
  assert.deepEqual(fs.readdirSync(own.directory).sort(), ['000000000000.journal', '000000000001.journal']);
});

test('files that are done with are written over, two of them; what is behind the new end in them is never read', async () => {
  for (let i = 0; i < 16; i++) own.append(FULL);
  own.journal.commit();
  await own.until(() => own.journal.durable === own.journal.appended);
  for (const file of own.journal.files.slice(0, 3)) own.journal.remove(file);
  const spares = fs.readdirSync(own.directory).filter((name) => name.endsWith('.spare'));
  assert.deepEqual(spares, ['000000000000.journal.spare', '000000000004.journal.spare']);
  own.append(64);
  own.journal.commit();
  await own.until(() => own.journal.durable === own.journal.appended);
  assert.equal(fs.readdirSync(own.directory).filter((name) => name.endsWith('.spare')).length, 1);
  assert.equal(fs.statSync(join(own.directory, '000000000016.journal')).size, 4 * PAGE_SIZE, 'it is an old file');
  assert.deepEqual(own.onDisk(), [FULL, FULL, FULL, FULL, 64]);
});

test('a disk that is short of room gets the spare files back', async () => {
  for (let i = 0; i < 8; i++) own.append(900_000);
  own.journal.commit();
  await own.until(() => own.journal.durable === own.journal.appended);
  own.journal.remove(own.journal.files[0]!);
  own.disk.failures = ['ENOSPC'];
  own.append(900_000);
  own.journal.commit();
  await own.until(() => own.events.includes('trouble ENOSPC'));
  assert.equal(fs.readdirSync(own.directory).filter((name) => name.endsWith('.spare')).length, 0);
  own.clock.advance(RETRY_MS);
  await own.until(() => own.journal.durable === own.journal.appended);
});

test('who waits for a position is told when it is durable, and when it never will be', async () => {
  own.disk.holding = true;
  own.append(64);
  own.journal.commit();
  own.append(16);
  const told: string[] = [];
  own.journal.untilDurable(0).then(() => told.push('nothing'));
  own.journal.untilDurable(64).then(() => told.push('first'));
  const second = own.journal.untilDurable(80);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(told, ['nothing']);
  own.disk.release();
  await own.until(() => told.length === 2);
  assert.deepEqual(told, ['nothing', 'first']);
  own.journal.close();
  await assert.rejects(second, /the journal was closed/);
});

test('draining ends when all is durable, or with the reason why it cannot be', async () => {
  assert.equal(await own.journal.drain(), null);
  own.append(64);
  assert.equal(await own.journal.drain(), null);
  assert.equal(own.journal.durable, 64);
  own.append(16);
  own.disk.failures = ['ENOSPC'];
  const error = await own.journal.drain();
  assert.equal(error?.code, 'ENOSPC');
  assert.equal(own.journal.durable, 64);
});

test('a journal that rests says, once, that all of it is durable', async () => {
  const page = own.append(64);
  own.journal.noteDurable();
  assert.equal(own.disk.writeCount, 0, 'what is there is not even written');
  own.journal.commit();
  await own.until(() => own.journal.durable === 64);
  own.journal.noteDurable();
  own.journal.noteDurable();
  await own.until(() => own.written.length === 2);
  own.journal.noteDurable();
  assert.equal(own.disk.writeCount, 2);
  assert.equal(own.journal.appended, 64);
  const note = 48 + 64;
  assert.equal((page.bytes as Buffer).readUInt32LE(note + 8), 0, 'it has no records');
  assert.equal((page.bytes as Buffer).readDoubleLE(note + 24), note);
  own.append(16);
  own.journal.commit();
  await own.until(() => own.journal.durable === 80);
  own.journal.noteDurable();
  await own.until(() => own.written.length === 4);
  assert.deepEqual(own.onDisk(), [64, 16]);
});

test('a page tells its owner up to where it is written', async () => {
  const page = own.append(64);
  own.journal.commit();
  await own.until(() => own.written.length === 1);
  assert.equal(own.written[0], page);
  assert.equal(page.written, 48 + 64);
  own.disk.holding = true;
  own.append(16);
  own.journal.commit();
  own.append(24);
  own.disk.release();
  await own.until(() => own.written.length === 2);
  assert.equal(page.written, 48 + 64 + 48 + 16, 'what came during the write is not written');
  assert(page.end > page.written);
  own.disk.holding = false;
  own.disk.release();
});
