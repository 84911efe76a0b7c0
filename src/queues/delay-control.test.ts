import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { afterEach, describe, test } from 'node:test';
import { Slices } from '../runtime/slices.ts';
import { goneFilePath } from '../storage/gone-file.ts';
import type { Page } from '../storage/page.ts';
import { bodyAt } from '../storage/test-store.ts';
import {
  cancelOne,
  cancelWaiting,
  purgeWaiting,
  releaseOne,
  releaseWaiting,
  type Selection,
  visitWaiting,
  waitingRecord,
} from './delay-control.ts';
import type { WaitingId } from './delay-walk.ts';
import { TestLine } from './test-delay-line.ts';

const DAY_MS = 24 * 3600 * 1000;
const COUNT = 300;

let line: TestLine;
afterEach(() => line.abandon());

const slices = new Slices();
const idOf = (page: Page, offset: number) => bodyAt(page, offset).toString().split(' ')[0]!;
const ids = () => line.released.map(({ id }) => id);

/** Several segments, and a block with some more: due in an order of their own, a second each after a day. */
async function fill(): Promise<void> {
  line = new TestLine();
  for (let i = 0; i < COUNT; i++) line.publish(`m${i}`, { 'x-delay': DAY_MS + orderOf(i) * 1000 });
  await line.settle();
  assert(
    line.line.segments.length > 2 && line.line.blocks.length === 1,
    'some are in segments, and some in the journal',
  );
}
const orderOf = (i: number) => (i * 7919) % COUNT;
const inOrder = Array.from({ length: COUNT }, (_, i) => `m${i}`).sort(
  (a, b) => orderOf(Number(a.slice(1))) - orderOf(Number(b.slice(1))),
);

interface Seen extends WaitingId {
  readonly id: string;
}

async function list(selection: Selection = {}, count = 10_000, examined = 10_000): Promise<Seen[]> {
  const seen: Seen[] = [];
  await visitWaiting(line.line, selection, { count, examined }, slices, ({ place, page, offset }) => {
    seen.push({ id: idOf(page, offset), dueAtMs: place.dueAtMs, position: place.position });
  });
  return seen;
}

const listedIds = async (selection: Selection = {}) => (await list(selection)).map(({ id }) => id);
const named = (wanted: (id: string) => boolean): Selection => ({ wants: (page, offset) => wanted(idOf(page, offset)) });
const isEven = (id: string) => Number(id.slice(1)) % 2 === 0;

/** Until all of them should have come. */
async function passAll(): Promise<void> {
  line.clock.jump(DAY_MS + COUNT * 1000);
  await line.pass(4000, 200);
  assert.equal(line.line.count, 0);
}

describe('what waits', () => {
  test('is listed in the order in which it is due, wherever it is', async () => {
    await fill();
    assert.deepEqual(await listedIds(), inOrder);
  });

  test('is listed page by page, by the message that the last page ended with', async () => {
    await fill();
    const seen: string[] = [];
    for (let after: WaitingId | null | undefined; after !== null; ) {
      after = await visitWaiting(line.line, { after }, { count: 17, examined: 1000 }, slices, ({ page, offset }) => {
        seen.push(idOf(page, offset));
      });
      assert(seen.length <= inOrder.length, 'it comes to an end');
    }
    assert.deepEqual(seen, inOrder);
  });

  test('is listed by when it is due', async () => {
    await fill();
    const fromMs = line.clock.nowMs() + DAY_MS + 50_000;
    const after = { dueAtMs: fromMs, position: -1 };
    assert.deepEqual(await listedIds({ after, untilMs: fromMs + 20_000 }), inOrder.slice(50, 70));
  });

  test('is looked at no further than a page may, and goes on from there', async () => {
    await fill();
    const selection = named((id) => id === inOrder[250]);
    let after: WaitingId | null | undefined;
    const seen: string[] = [];
    for (let page = 0; page < 3; page++) {
      assert.notEqual(after, null);
      const from = { ...selection, after: after ?? undefined };
      after = await visitWaiting(line.line, from, { count: 10, examined: 100 }, slices, ({ page: bytes, offset }) => {
        seen.push(idOf(bytes, offset));
      });
      assert.equal(seen.length, page === 2 ? 1 : 0);
    }
  });

  test('is listed without a read of all of a large body, and looked at as a whole', async () => {
    line = new TestLine();
    const sizes = [400_000, 100, 60_000, 1000, 2_000_000, 100];
    for (const [i, size] of sizes.entries()) line.publish(`m${i}`, { 'x-delay': DAY_MS + i * 1000 }, size);
    await line.settle();
    assert(line.line.segments.length > 1);
    const all = await list();
    const names = sizes.map((_, i) => `m${i}`);
    assert.deepEqual(
      all.map(({ id }) => id),
      names,
    );
    assert.deepEqual(await listedIds(named(isEven)), names.filter(isEven));
    for (const [i, place] of all.entries()) {
      const { page, offset } = (await waitingRecord(line.line, place))!;
      assert.equal(bodyAt(page, offset).length, sizes[i]);
    }
    assert.equal(await releaseWaiting(line.line, named(isEven), slices), 3);
    assert.deepEqual(ids(), names.filter(isEven));
    assert.equal(
      await cancelWaiting(
        line.line,
        named((id) => !isEven(id)),
        slices,
      ),
      3,
    );
    assert.equal(line.line.count, 0);
  });

  test('is looked at one by one, and not once it is gone', async () => {
    await fill();
    for (const { id, ...place } of await list()) {
      const record = await waitingRecord(line.line, place);
      assert.equal(idOf(record!.page, record!.offset), id);
      assert.equal(await waitingRecord(line.line, { ...place, dueAtMs: place.dueAtMs + 1 }), null);
    }
    const [first] = await list();
    line.clock.jump(DAY_MS);
    await line.pass(2000, 100);
    assert.equal(await waitingRecord(line.line, first!), null);
  });
});

describe('cancelling', () => {
  test('takes out one, and no other; a second time there is nothing to cancel', async () => {
    await fill();
    const all = await list();
    for (const index of [0, 1, 2, 150, COUNT - 1]) {
      assert.equal(await cancelOne(line.line, all[index]!), true);
      assert.equal(await cancelOne(line.line, all[index]!), false);
    }
    assert.equal(line.line.count, COUNT - 5);
    assert.equal(line.line.cancelledTotal, 5);
    const left = inOrder.filter((_, index) => ![0, 1, 2, 150, COUNT - 1].includes(index));
    assert.deepEqual(await listedIds(), left);
    await line.settle();
    assert.equal(line.line.nextDueMs, all[3]!.dueAtMs, 'what is due next is known');
    await passAll();
    assert.deepEqual(ids(), left);
  });

  test('stays so after a kill, as soon as it was answered', async () => {
    await fill();
    const all = await list();
    for (let index = 0; index < COUNT; index += 3) await cancelOne(line.line, all[index]!);
    line = line.crash();
    const left = inOrder.filter((_, index) => index % 3 !== 0);
    assert.equal(line.line.count, left.length);
    assert.deepEqual(await listedIds(), left);
    line = line.crash();
    await passAll();
    assert.deepEqual(ids(), left);
    await line.until(() => line.line.marks.size === 0);
  });

  test('by a filter says how many', async () => {
    await fill();
    assert.equal(await cancelWaiting(line.line, named(isEven), slices), COUNT / 2);
    assert.equal(await cancelWaiting(line.line, named(isEven), slices), 0);
    line = line.crash();
    await passAll();
    assert.deepEqual(
      ids(),
      inOrder.filter((id) => !isEven(id)),
    );
  });

  test('of all leaves nothing: no message, no file, no mark, no timer', async () => {
    await fill();
    assert.equal(await purgeWaiting(line.line, slices), COUNT);
    assert.equal(line.line.count, 0);
    assert.equal(line.line.nextDueMs, Number.POSITIVE_INFINITY);
    await line.pass(3000, 1000);
    await line.until(() => line.files.segmentsOf(7).length === 0);
    await line.until(() => line.line.marks.size === 0);
    assert.equal(line.clock.waiting, 0);
    line = line.crash();
    assert.equal(line.line.count, 0);
  });

  test('of all is so after a kill', async () => {
    await fill();
    await purgeWaiting(line.line, slices);
    line = line.crash();
    assert.equal(line.line.count, 0);
    assert.deepEqual(await list(), []);
    line.publish('new', { 'x-delay': 1000 });
    await line.pass(1000, 100);
    assert.deepEqual(ids(), ['new']);
  });

  test('of each message of a segment by itself ends the segment', async () => {
    await fill();
    for (const place of await list()) await cancelOne(line.line, place);
    await line.pass(3000, 1000);
    await line.until(() => line.files.segmentsOf(7).length === 0);
    await line.until(() => line.line.marks.size === 0);
  });

  test('reaches what is being made a segment in that moment', async () => {
    line = new TestLine();
    for (let i = 0; i < COUNT; i++) line.publish(`m${i}`, { 'x-delay': DAY_MS + orderOf(i) * 1000 });
    const isMaking = () => line.line.blocks.some(({ segmentNumber }) => segmentNumber > 0);
    await line.until(isMaking);
    assert.equal(await cancelWaiting(line.line, named(isEven), slices), COUNT / 2);
    await line.settle();
    line = line.crash();
    await passAll();
    assert.deepEqual(
      ids(),
      inOrder.filter((id) => !isEven(id)),
    );
  });
});

describe('releasing now', () => {
  test('hands out one before its time, and not again', async () => {
    await fill();
    const all = await list();
    for (const index of [200, 0, 100]) assert.equal(await releaseOne(line.line, all[index]!, slices), true);
    assert.equal(await releaseOne(line.line, all[100]!, slices), false);
    assert.deepEqual(ids(), [inOrder[200], inOrder[0], inOrder[100]]);
    assert.equal(line.line.releasedTotal, 3);
    line.released.length = 0;
    await passAll();
    assert.equal(ids().length, COUNT - 3);
  });

  test('is on the disk with the message in its queue when it is answered', async () => {
    await fill();
    const all = await list();
    await releaseOne(line.line, all[200]!, slices);
    await releaseOne(line.line, all[0]!, slices);
    line = line.crash();
    assert.deepEqual([...line.queue.keys()], [inOrder[200], inOrder[0]]);
    await passAll();
    assert.equal(ids().length, COUNT - 2);
    assert(!ids().includes(inOrder[200]!) && !ids().includes(inOrder[0]!));
  });

  test('may be for nothing when the broker is killed: then the message comes at its time, and is marked', async () => {
    await fill();
    const all = await list();
    for (const place of [all[3]!, all[COUNT - 1]!]) {
      line.disk.holding = true;
      void releaseOne(line.line, place, slices);
      await line.until(() => line.disk.heldWrites === 1);
      assert.deepEqual(ids(), [], 'first the journal says that it may be handed out');
      line.disk.release();
      await line.until(() => ids().length === 1);
      line = line.crash();
      assert.equal(line.line.count, COUNT, 'that it was is not on the disk');
    }
    await passAll();
    assert.deepEqual(
      line.released.filter(({ isRepeated }) => isRepeated).map(({ id }) => id),
      [all[3]!.id, all[COUNT - 1]!.id],
    );
  });

  test('by a filter goes in the order of their times, at once', async () => {
    await fill();
    line.line.setRate(1);
    assert.equal(await releaseWaiting(line.line, named(isEven), slices), COUNT / 2);
    assert.deepEqual(ids(), inOrder.filter(isEven));
    assert.equal(line.line.count, COUNT / 2);
  });

  test('of all leaves nothing', async () => {
    await fill();
    assert.equal(await releaseWaiting(line.line, {}, slices), COUNT);
    assert.deepEqual(ids(), inOrder);
    assert.equal(line.line.count, 0);
    line = line.crash();
    assert.equal(line.queue.size, COUNT);
    assert.equal(line.line.count, 0);
  });
});

describe('many that are gone out of their turn', () => {
  const MANY = 1200;
  const left = Array.from({ length: MANY }, (_, i) => `m${i}`).filter((id) => Number(id.slice(1)) % 10 === 0);
  const isLeft = new Set(left);

  /** Small messages, of which a segment has hundreds; all but every tenth is cancelled. */
  async function cancelMost(): Promise<void> {
    line = new TestLine();
    for (let i = 0; i < MANY; i++) line.publish(`m${i}`, { 'x-delay': DAY_MS + i * 100 }, 100);
    await line.settle();
    const { segments } = line.line;
    assert(segments.length > 1 && segments[0]!.header.count > 300, `${segments[0]!.header.count} in a segment`);
    await cancelWaiting(
      line.line,
      named((id) => !isLeft.has(id)),
      slices,
    );
  }
  const goneFiles = () => fs.readdirSync(line.files.folderOf(7)).filter((name) => name.endsWith('.gone'));

  async function passAllMany(): Promise<void> {
    line.clock.jump(DAY_MS + MANY * 100);
    // As long as it takes: reads come when they come.
    for (let i = 0; line.line.count > 0; i++) {
      assert(i < 1000, `${line.line.count} never come`);
      await line.pass(200, 200);
    }
    // And some more, in which the files go.
    await line.pass(3000, 500);
  }

  test('are remembered in a file for each segment, and need no marks', async () => {
    await cancelMost();
    await line.until(() => goneFiles().length > 1);
    await line.settle();
    assert(line.line.marks.size < 500, `${line.line.marks.size} marks`);
    line = line.crash();
    assert.equal(line.line.count, left.length);
    assert.deepEqual(await listedIds(), left);
    await passAllMany();
    assert.deepEqual(ids(), left);
    await line.until(() => fs.readdirSync(line.files.folderOf(7)).length === 0);
  });

  test('are so after a kill at any moment of that', async () => {
    await cancelMost();
    for (let turn = 0; turn < 6; turn++) {
      line = line.crash();
      assert.equal(line.line.count, left.length);
      for (let i = 0; i < turn; i++) await new Promise((next) => setImmediate(next));
    }
    await passAllMany();
    assert.deepEqual(ids(), left);
  });

  test('come at their time where that file is damaged, and it is told', async () => {
    await cancelMost();
    await line.until(() => goneFiles().length > 1);
    await line.settle();
    const { directory, clock } = line;
    line.line.stop();
    await line.mover.idle();
    await line.store.close();
    const [name] = goneFiles();
    const path = `${line.files.folderOf(7)}/${name}`;
    const bytes = fs.readFileSync(path);
    bytes[20]! ^= 1;
    fs.writeFileSync(path, bytes);
    line = new TestLine(directory, clock);
    assert.match(line.store.damage[0]!, /\.gone cannot be read: it is damaged; messages that were cancelled/);
    await passAllMany();
    assert(ids().length > left.length && ids().length < MANY, `${ids().length} came`);
    for (const id of left) assert(ids().includes(id), id);
  });

  test('stay in the journal as long as the disk refuses the file', async () => {
    line = new TestLine();
    for (let i = 0; i < MANY; i++) line.publish(`m${i}`, { 'x-delay': DAY_MS + i * 100 }, 100);
    await line.settle();
    fs.mkdirSync(`${goneFilePath(line.line.segments[0]!.path)}.new`);
    await cancelWaiting(
      line.line,
      named((id) => !isLeft.has(id)),
      slices,
    );
    await line.until(() => line.logged.some((text) => text.includes('what is cancelled stays in the journal for now')));
    assert(line.line.marks.size > 300);
    fs.rmdirSync(`${goneFilePath(line.line.segments[0]!.path)}.new`);
    line = line.crash();
    assert.equal(line.line.count, left.length);
    await passAllMany();
    assert.deepEqual(ids(), left);
  });
});
