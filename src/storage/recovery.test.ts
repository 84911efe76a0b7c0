/**
 * Damage of every kind that a disk can do to a small journal: each byte flipped, each length cut, files gone. What must come of
 * it is told by a model that knows which block holds which record.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createLog } from '../runtime/log.ts';
import { sealBlock } from './block.ts';
import { DamageReport } from './damage.ts';
import { JournalFile } from './journal.ts';
import { JournalReader } from './journal-reader.ts';
import { PAGE_SIZE, Page } from './page.ts';
import { type Recovered, recover } from './recovery.ts';
import { bodyAt, newMemoryDirectory, TestStore } from './test-store.ts';
import { verifyPage } from './verify-page.ts';

type Files = Map<string, Buffer>;

/** What one turn did: the records of one block. */
interface Batch {
  readonly publishes: readonly { readonly body: string; readonly queues: readonly number[] }[];
  readonly settles: readonly { readonly body: string; readonly queue: number }[];
}

interface BlockPlace {
  readonly from: number;
  readonly to: number;
}

const BATCHES: readonly Batch[] = [
  { publishes: [publishing('a', 1), publishing('b', 1, 2)], settles: [] },
  { publishes: [publishing('c', 1, 2), publishing('d', 2)], settles: [settling('a', 1)] },
  { publishes: [publishing('e', 2)], settles: [settling('d', 2), settling('c', 1)] },
  { publishes: [publishing('f', 1, 2, 3)], settles: [] },
  { publishes: [publishing('g', 3), publishing('h', 1)], settles: [settling('b', 2)] },
];

function publishing(body: string, ...queues: number[]) {
  return { body: body.repeat(20), queues };
}

function settling(body: string, queue: number) {
  return { body: body.repeat(20), queue };
}

async function perform(store: TestStore, { publishes, settles }: Batch): Promise<void> {
  for (const { body, queues } of publishes) store.publish(body, queues);
  for (const { body, queue } of settles) store.settle(queue, store.bodies(queue).indexOf(body));
  await store.commit();
}

/** What each queue holds after the batches. */
function stateAfter(batches: readonly Batch[]): Record<string, string[]> {
  const state: Record<string, string[]> = {};
  for (const { publishes } of batches) {
    for (const { body, queues } of publishes) for (const id of queues) state[id] = [...(state[id] ?? []), body];
  }
  for (const { settles } of batches) {
    for (const { body, queue } of settles) state[queue] = (state[queue] ?? []).filter((each) => each !== body);
  }
  return Object.fromEntries(Object.entries(state).filter(([, bodies]) => bodies.length > 0));
}

function readFiles(directory: string): Files {
  const names = fs.readdirSync(directory).filter((name) => fs.statSync(join(directory, name)).isFile());
  return new Map(names.map((name) => [name, fs.readFileSync(join(directory, name))]));
}

function writeFiles(directory: string, files: Files): void {
  fs.rmSync(directory, { recursive: true, force: true });
  fs.mkdirSync(directory, { recursive: true });
  for (const [name, bytes] of files) fs.writeFileSync(join(directory, name), bytes);
}

interface Outcome {
  readonly state: Record<string, (string | null)[]>;
  /** Told at the start, and told when the messages were read. */
  readonly damage: readonly string[];
  readonly logged: readonly string[];
  readonly recovered: Recovered;
}

/** Recovers, reads every message as the store would, and lets go of the files. */
function outcomeOf(directory: string): Outcome {
  const logged: string[] = [];
  const log = createLog('debug', (line) => logged.push(line));
  const report = new DamageReport(directory, log);
  const recovered = recover(directory, report, log);
  const pages = new Map(recovered.files.flatMap(({ pages }) => pages.map((page) => [page.number, page])));
  for (const page of pages.values()) load(page, report);
  const state: Outcome['state'] = {};
  for (const [id, { messages }] of recovered.queues) {
    if (messages.count === 0) continue;
    state[id] = Array.from(messages.positions.subarray(0, messages.count), (position) => {
      const page = pages.get(Math.floor(position / PAGE_SIZE));
      return page === undefined ? null : readBody(page, position);
    });
  }
  for (const { fd } of recovered.files) fs.closeSync(fd);
  return { state, damage: report.sentences, logged, recovered };
}

function load(page: Page, report: DamageReport): void {
  const file = page.file as JournalFile;
  const bytes = Buffer.from(new ArrayBuffer(Math.ceil((page.end + 1) / 8) * 8));
  fs.readSync(file.fd, bytes, 0, page.end, page.fileOffset);
  page.attach(bytes);
  for (const { offset, length } of verifyPage(page)) report.tellBroken(file.path, page.fileOffset + offset, length);
}

function readBody(page: Page, position: number): string | null {
  const offset = position - page.number * PAGE_SIZE;
  return page.u32[offset >> 2] === 0 ? null : bodyAt(page, offset).toString();
}

/** Where the blocks of a file lie. */
function blocksOf(directory: string, name: string): BlockPlace[] {
  const file = new JournalFile(directory, name, fs.openSync(join(directory, name), 'r'));
  file.size = fs.statSync(file.path).size;
  const places: BlockPlace[] = [];
  new JournalReader().read(file, {
    block: ({ block, pageOffset }) => {
      places.push({ from: pageOffset + block.from - 48, to: pageOffset + block.to });
      return true;
    },
    broken: () => assert.fail('the journal was whole'),
  });
  fs.closeSync(file.fd);
  return places;
}

/** A sentence that names the file and a range with the offset in it. */
function names(damage: readonly string[], name: string, offset: number): boolean {
  return damage.some((sentence) => {
    const found = /^(\S+) is damaged at offset (\d+) \((\d+) bytes\)/.exec(sentence);
    if (found === null || !found[1]!.endsWith(name)) return false;
    const [from, length] = [Number(found[2]), Number(found[3])];
    return from <= offset && offset < from + length;
  });
}

const JOURNAL = '000000000000.journal';
const INDEX = '000000000000.index';
let root = '';
/** Its files as a process left them that was killed in the midst of work, or when it had rested, or that stopped in good order. */
let killed: Files;
let rested: Files;
let stopped: Files;
let blocks: BlockPlace[];
let scratch = '';

before(async () => {
  root = newMemoryDirectory();
  const store = new TestStore({ directory: join(root, 'made') });
  for (const batch of BATCHES) await perform(store, batch);
  killed = readFiles(join(root, 'made', 'journal'));
  blocks = blocksOf(join(root, 'made', 'journal'), JOURNAL);
  assert.equal(blocks.length, BATCHES.length);
  store.store.tick();
  await store.until(() => blocksOf(join(root, 'made', 'journal'), JOURNAL).length === BATCHES.length + 1);
  rested = readFiles(join(root, 'made', 'journal'));
  await store.store.close();
  stopped = readFiles(join(root, 'made', 'journal'));
  scratch = join(root, 'scratch');
});

after(() => fs.rmSync(root, { recursive: true }));

function withFlip(files: Files, name: string, offset: number): Files {
  const bytes = Buffer.from(files.get(name)!);
  bytes[offset]! ^= 0x41;
  return new Map(files).set(name, bytes);
}

function withLength(files: Files, name: string, length: number): Files {
  return new Map(files).set(name, files.get(name)!.subarray(0, length));
}

function without(files: Files, ...names: string[]): Files {
  return new Map([...files].filter(([name]) => !names.includes(name)));
}

describe('a journal whose process was killed', () => {
  test('comes back whole', () => {
    writeFiles(scratch, killed);
    const { state, damage, recovered } = outcomeOf(scratch);
    assert.deepEqual(state, stateAfter(BATCHES));
    assert.deepEqual(damage, []);
    assert.equal(recovered.endPosition, blocks.at(-1)!.to);
    assert.equal(recovered.nextPage, 1);
  });

  test('cut at any length, has what lay before', () => {
    for (let length = 0; length < blocks.at(-1)!.to + 64; length++) {
      writeFiles(scratch, withLength(killed, JOURNAL, length));
      const whole = BATCHES.filter((_, i) => blocks[i]!.to <= length);
      const { state, damage } = outcomeOf(scratch);
      assert.deepEqual(state, stateAfter(whole), `cut at ${length}`);
      assert.deepEqual(damage, [], 'what is missing at the end was never promised');
    }
  });

  test('with any byte flipped, has all but the block that it stood in', () => {
    for (let offset = 0; offset < blocks.at(-1)!.to + 64; offset++) {
      writeFiles(scratch, withFlip(killed, JOURNAL, offset));
      const { state, damage, logged } = outcomeOf(scratch);
      const hit = blocks.findIndex(({ from, to }) => from <= offset && offset < to);
      assert.deepEqual(state, stateAfter(BATCHES.filter((_, i) => i !== hit)), `flipped at ${offset}`);
      if (hit >= 0 && hit < blocks.length - 1) {
        assert(names(damage, JOURNAL, offset), `flipped at ${offset}: ${damage}`);
        const copy = fs.readFileSync(join(scratch, 'damaged', `${JOURNAL}.${blocks[hit]!.from}`));
        const { from, to } = blocks[hit]!;
        assert.deepEqual(copy, withFlip(killed, JOURNAL, offset).get(JOURNAL)!.subarray(from, to));
      } else {
        // The last write: whether it came to its end cannot be told, and nothing behind it is lost.
        assert.deepEqual(damage, []);
        if (hit >= 0)
          assert.match(logged.join(), new RegExp(`${JOURNAL}: an unfinished write at offset ${blocks[hit]!.from}`));
      }
    }
  });

  test('starts although the damage cannot be set aside', () => {
    writeFiles(scratch, withFlip(killed, JOURNAL, blocks[1]!.from));
    fs.writeFileSync(join(scratch, 'damaged'), 'a file where the folder should be');
    const { state, damage } = outcomeOf(scratch);
    assert.deepEqual(state, stateAfter(BATCHES.filter((_, i) => i !== 1)));
    assert.match(damage.join(), /is damaged at offset \d+ .*; it could not be set aside \(/);
  });

  test('starts a second time as it did the first', () => {
    for (const offset of [blocks[1]!.from, blocks[1]!.from + 60, blocks[4]!.from + 1]) {
      writeFiles(scratch, withFlip(killed, JOURNAL, offset));
      const first = outcomeOf(scratch);
      const second = outcomeOf(scratch);
      assert.deepEqual(second.state, first.state);
      assert.equal(second.recovered.endPosition, first.recovered.endPosition);
    }
  });
});

describe('a journal whose process was killed when it had rested', () => {
  test('with any byte of a record flipped, tells what is lost: nothing passes for an unfinished write', () => {
    for (let offset = 0; offset < blocks.at(-1)!.to; offset++) {
      writeFiles(scratch, withFlip(rested, JOURNAL, offset));
      const { state, damage } = outcomeOf(scratch);
      const hit = blocks.findIndex(({ from, to }) => from <= offset && offset < to);
      assert.deepEqual(state, stateAfter(BATCHES.filter((_, i) => i !== hit)), `flipped at ${offset}`);
      assert(names(damage, JOURNAL, offset), `flipped at ${offset}: ${damage}`);
    }
  });

  test('with any byte behind flipped, has everything', () => {
    for (let offset = blocks.at(-1)!.to; offset < rested.get(JOURNAL)!.length; offset++) {
      writeFiles(scratch, withFlip(rested, JOURNAL, offset));
      const { state, damage } = outcomeOf(scratch);
      assert.deepEqual(state, stateAfter(BATCHES));
      assert.deepEqual(damage, []);
    }
  });
});

describe('a journal whose broker stopped in good order', () => {
  test('is not read again at the start', () => {
    writeFiles(scratch, stopped);
    const { state, damage, recovered } = outcomeOf(scratch);
    assert.deepEqual(state, stateAfter(BATCHES));
    assert.deepEqual(damage, []);
    assert.equal(recovered.endPosition, -1, 'no block was replayed');
  });

  test('with any byte of the journal flipped, tells it when the message is asked for, and has all others', () => {
    for (let offset = 0; offset < blocks.at(-1)!.to; offset++) {
      writeFiles(scratch, withFlip(stopped, JOURNAL, offset));
      const { state, damage } = outcomeOf(scratch);
      const hit = BATCHES[blocks.findIndex(({ from, to }) => from <= offset && offset < to)]!;
      const lost = new Set(hit.publishes.map(({ body }) => body));
      const expected = Object.entries(stateAfter(BATCHES)).map(([id, bodies]) => [
        id,
        bodies.map((body) => (lost.has(body) ? null : body)),
      ]);
      assert.deepEqual(state, Object.fromEntries(expected), `flipped at ${offset}`);
      assert(names(damage, JOURNAL, offset), `flipped at ${offset}: ${damage}`);
      assert.equal(damage.length, 1, 'told once, however many messages were read');
    }
  });

  test('cut at any length, tells what is missing', () => {
    for (let length = 1; length < blocks.at(-1)!.to; length++) {
      writeFiles(scratch, withLength(stopped, JOURNAL, length));
      const { state, damage } = outcomeOf(scratch);
      assert.deepEqual(Object.keys(state), Object.keys(stateAfter(BATCHES)));
      const isWhole = ({ to }: BlockPlace) =>
        stopped
          .get(JOURNAL)!
          .subarray(length, to)
          .every((byte) => byte === 0);
      const whole = BATCHES.filter((_, i) => isWhole(blocks[i]!));
      const kept = new Set(whole.flatMap(({ publishes }) => publishes.map(({ body }) => body)));
      for (const [id, bodies] of Object.entries(stateAfter(BATCHES))) {
        assert.deepEqual(
          state[id],
          bodies.map((body) => (kept.has(body) ? body : null)),
          `cut at ${length}`,
        );
      }
      assert.match(damage[0]!, new RegExp(`${JOURNAL} is damaged: the \\d+ bytes behind offset ${length} are missing`));
    }
  });

  test('with any byte of the index flipped, is read instead of it, and loses nothing', () => {
    for (let offset = 0; offset < stopped.get(INDEX)!.length; offset++) {
      writeFiles(scratch, withFlip(stopped, INDEX, offset));
      const { state, damage } = outcomeOf(scratch);
      assert.deepEqual(state, stateAfter(BATCHES), `flipped at ${offset}`);
      assert.equal(damage.length, 1);
      assert.match(damage[0]!, new RegExp(`${INDEX} is damaged; ${JOURNAL} and all after it are read instead`));
      assert(fs.existsSync(join(scratch, 'damaged', INDEX)));
    }
  });

  test('without its index, loses nothing and says so', () => {
    writeFiles(scratch, without(stopped, INDEX));
    const { state, damage } = outcomeOf(scratch);
    assert.deepEqual(state, stateAfter(BATCHES));
    assert.match(damage.join(), new RegExp(`^[^,]*${INDEX} is missing`));
  });

  test('with any byte of the checkpoint flipped, loses nothing and says so', () => {
    const { length } = stopped.get('checkpoint')!;
    for (let offset = 0; offset < length; offset++) {
      writeFiles(scratch, withFlip(stopped, 'checkpoint', offset));
      const { state, damage } = outcomeOf(scratch);
      assert.deepEqual(state, stateAfter(BATCHES), `flipped at ${offset}`);
      // The last byte ends the line: nothing hangs on it.
      if (offset < length - 1) assert.match(damage.join(), /checkpoint is damaged; the whole journal is read/);
    }
  });

  test('without its checkpoint, loses nothing', () => {
    writeFiles(scratch, without(stopped, 'checkpoint'));
    assert.deepEqual(outcomeOf(scratch).state, stateAfter(BATCHES));
  });

  test('without index and checkpoint, loses nothing', () => {
    writeFiles(scratch, without(stopped, 'checkpoint', INDEX));
    const { state, damage } = outcomeOf(scratch);
    assert.deepEqual(state, stateAfter(BATCHES));
    assert.deepEqual(damage, []);
  });

  test('without its journal, tells how much is lost', () => {
    writeFiles(scratch, without(stopped, JOURNAL));
    const { state, damage } = outcomeOf(scratch);
    assert.deepEqual(state, {});
    const count = Object.values(stateAfter(BATCHES)).flat().length;
    assert.match(damage.join(), new RegExp(`${JOURNAL} is missing: ${count} messages are lost`));
    assert(fs.existsSync(join(scratch, 'damaged', INDEX)));
  });
});

describe('what a newer leveret wrote', () => {
  test('is refused with file and offset, for a record', () => {
    const page = new Page(0, true, Buffer.from(new ArrayBuffer(PAGE_SIZE)), PAGE_SIZE);
    page.u32.set([16, 99], 12);
    page.end = 64;
    sealBlock(page, 0, -1, false);
    writeFiles(scratch, new Map([[JOURNAL, (page.bytes as Buffer).subarray(0, 4096)]]));
    assert.throws(
      () => outcomeOf(scratch),
      new RegExp(`${JOURNAL} holds a record of type 99 and 16 bytes at offset 48`),
    );
  });

  test('is refused with its file, for a checkpoint', () => {
    const text = stopped.get('checkpoint')!.toString().split('\n')[0]!.replace('"version":2', '"version":3');
    const { crc32 } = process.getBuiltinModule('node:zlib');
    writeFiles(scratch, new Map([['checkpoint', Buffer.from(`${text}\n${crc32(text)}\n`)]]));
    assert.throws(
      () => outcomeOf(scratch),
      /checkpoint cannot be read: it has version 3, and this leveret reads versions 1 to 2/,
    );
  });
});
