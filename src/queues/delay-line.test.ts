import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { afterEach, describe, test } from 'node:test';
import { CHUNK_ENTRIES } from '../storage/delay-format.ts';
import { TestLine } from './test-delay-line.ts';

const DAY_MS = 24 * 3600 * 1000;

let line: TestLine;
afterEach(() => line.abandon());

const ids = () => line.released.map(({ id }) => id);

describe('what is due', () => {
  test('is released in the order of its time, and of publishing where that is the same', async () => {
    line = new TestLine();
    for (const [id, delay] of [
      ['a', 300],
      ['b', 100],
      ['c', 200],
      ['d', 100],
    ] as const)
      line.publish(id, { 'x-delay': delay });
    assert.equal(line.line.count, 4);
    await line.pass(99);
    assert.deepEqual(ids(), [], 'none is early');
    await line.pass(1);
    assert.deepEqual(ids(), ['b', 'd']);
    await line.pass(200);
    assert.deepEqual(ids(), ['b', 'd', 'c', 'a']);
    assert.equal(line.line.count, 0);
    assert.equal(line.clock.waiting, 0, 'and no timer is left');
  });

  test('is released years later, beyond what setTimeout can wait', async () => {
    line = new TestLine();
    line.publish('far', { 'x-delay': 400 * DAY_MS });
    for (let days = 0; days < 400; days += 50) {
      assert.deepEqual(ids(), []);
      line.clock.jump(50 * DAY_MS);
      await line.pass(1100, 100);
    }
    assert.deepEqual(ids(), ['far']);
  });

  test('is released once a clock that was set back has come there, and no message is stuck', async () => {
    line = new TestLine();
    line.publish('a', { 'x-delay': 60_000 });
    line.clock.jump(-3_600_000);
    await line.pass(3_659_000, 100_000);
    assert.deepEqual(ids(), []);
    await line.pass(2000, 500);
    assert.deepEqual(ids(), ['a']);
  });

  test('may bring another one into the line in the midst of its release, and one that is due before it', async () => {
    line = new TestLine();
    line.publish('a', { 'x-delay': 100 });
    line.meanwhile = (id) => {
      if (id !== 'a') return;
      line.clock.jump(-60_000);
      line.publish('b', { 'x-delay': 50 });
    };
    await line.pass(1200, 100);
    assert.deepEqual(ids(), ['a', 'b']);
    assert.equal(line.line.count, 0);
    line = line.crash();
    assert.equal(line.line.count, 0);
  });

  test('is released by a turn where one comes before the timer', async () => {
    line = new TestLine();
    for (const [id, delay] of Object.entries({ a: 1, b: 2, c: 3, d: 5000 })) line.publish(id, { 'x-delay': delay });
    await line.commit();
    const released = [0, 1, 2, 3].map((ms) => {
      if (ms > 0) line.clock.stall(1);
      line.turn();
      return ids().join('');
    });
    assert.deepEqual(released, ['', 'a', 'ab', 'abc']);
    line.clock.stall(4997);
    line.turn();
    assert.deepEqual(ids(), ['a', 'b', 'c'], 'what was not due soon is left to the timer');
    await line.pass(100);
    assert.deepEqual(ids(), ['a', 'b', 'c', 'd']);
  });

  test('is released within a second of a jump of the clock beyond its time', async () => {
    line = new TestLine();
    line.publish('a', { 'x-delay': 3_600_000 });
    line.clock.jump(3_600_000);
    await line.pass(1100, 100);
    assert.deepEqual(ids(), ['a']);
  });

  test('goes no faster than the rate says', async () => {
    line = new TestLine(undefined, undefined, 10);
    for (let i = 0; i < 30; i++) line.publish(`m${i}`, { 'x-delay': 1000 });
    await line.pass(1000, 100);
    assert.equal(ids().length, 1);
    await line.pass(1000, 50);
    assert(ids().length >= 10 && ids().length <= 12, `${ids().length} in the first second`);
    await line.pass(2000, 50);
    assert.equal(ids().length, 30);
  });
});

describe('a restart', () => {
  test('finds what waits in the journal, and marks nothing', async () => {
    line = new TestLine();
    line.publish('a', { 'x-delay': 1000 });
    line = await line.restart();
    assert.equal(line.line.count, 1);
    await line.pass(1000);
    assert.deepEqual(
      line.released.map(({ id, isRepeated }) => [id, isRepeated]),
      [['a', false]],
    );
  });

  test('after a kill marks what may have been handed out, and only that', async () => {
    line = new TestLine();
    line.publish('due', { 'x-delay': 1000 });
    line.publish('later', { 'x-delay': 5000 });
    await line.commit();
    line.clock.advance(2000);
    assert.deepEqual(ids(), ['due'], 'it was handed out, and the journal does not know yet');
    line = line.crash();
    await line.pass(5000);
    assert.deepEqual(
      line.released.map(({ id, isRepeated }) => [id, isRepeated]),
      [
        ['due', true],
        ['later', false],
      ],
    );
  });

  test('finds no more of what was released and is known to be', async () => {
    line = new TestLine();
    line.publish('a', { 'x-delay': 1000 });
    await line.commit();
    await line.pass(1000);
    line = line.crash();
    assert.equal(line.line.count, 0);
    assert.deepEqual([...line.queue.keys()], ['a']);
  });
});

describe('many messages', () => {
  /** More than one segment, of which the last is open. */
  async function fill(count = 300): Promise<void> {
    line = new TestLine();
    for (let i = 0; i < count; i++) line.publish(`m${i}`, { 'x-delay': DAY_MS + ((i * 7919) % count) * 10 });
    await line.settle();
  }
  /** Of this process. */
  const openSegments = (): string[] =>
    fs.readdirSync('/proc/self/fd').flatMap((fd) => {
      const path = fs.existsSync(`/proc/self/fd/${fd}`) ? fs.readlinkSync(`/proc/self/fd/${fd}`) : '';
      return path.endsWith('.segment') ? [path] : [];
    });
  const inOrder = (count: number) =>
    Array.from({ length: count }, (_, i) => i)
      .sort((a, b) => ((a * 7919) % count) - ((b * 7919) % count))
      .map((i) => `m${i}`);

  test('are moved out of the journal, whose files go', async () => {
    await fill(3000);
    assert(line.line.segments.length > 20, `${line.line.segments.length} segments`);
    assert(line.line.blocks.length === 1);
    assert.equal(line.line.count, 3000);
    await line.until(
      () => fs.readdirSync(`${line.directory}/journal`).filter((name) => name.endsWith('.journal')).length < 3,
    );
  });

  test('have no files open while nothing of them is due soon', { skip: process.platform !== 'linux' }, async () => {
    await fill(3000);
    await line.pass(2000);
    assert.deepEqual(openSegments(), []);
    line = await line.restart();
    assert(line.line.segments.length > 20, `${line.line.segments.length} segments`);
    assert.deepEqual(openSegments(), []);
    line.clock.jump(DAY_MS - 2000);
    await line.pass(1000, 50);
    assert(openSegments().length > 0, 'those are read that are due next');
  });

  test('come out in the order of their time, from all segments together', async () => {
    await fill();
    assert.equal(line.line.nextDueMs, line.clock.nowMs() + DAY_MS);
    line.clock.jump(DAY_MS);
    await line.pass(4000, 250);
    assert.deepEqual(ids(), inOrder(300));
    await line.pass(2000, 500);
    // And the files go, and what had to be known of them.
    await line.until(() => fs.readdirSync(line.files.folderOf(7)).length === 0 && line.line.marks.size === 0);
  });

  test('stay in the journal while they cannot be moved, and are moved when they can', async () => {
    line = new TestLine();
    fs.writeFileSync(line.files.folderOf(7), 'in the way');
    for (let i = 0; i < 200; i++) line.publish(`m${i}`, { 'x-delay': DAY_MS });
    await line.settle();
    assert.equal(line.line.segments.length, 0);
    assert.match(line.logged.join(''), /delayed messages cannot be moved to disk, trying again/);
    fs.rmSync(line.files.folderOf(7));
    await line.pass(1000, 250);
    assert(line.line.segments.length > 1);
    line = line.crash();
    assert.equal(line.line.count, 200);
  });

  test('are found by a restart, those in segments without being read', async () => {
    await fill();
    const { clock } = line;
    line = await line.restart();
    assert.equal(line.disk.readCount, 0);
    assert.equal(line.line.count, 300);
    line.clock.jump(DAY_MS);
    await line.pass(4000, 250);
    assert.deepEqual(ids(), inOrder(300));
    assert.equal(line.clock, clock);
  });

  test('take a bounded part of memory and of descriptors when all of them are late', async () => {
    line = new TestLine(undefined, undefined, 1);
    for (let i = 0; i < 14_000; i++) {
      line.publish(`m${i}`, { 'x-delay': DAY_MS }, 4300);
      if (i % 500 === 499) await line.settle();
    }
    line = await line.restart();
    const { length } = line.line.segments;
    assert(length > 800, `${length} segments`);
    line.disk.holdingReads = true;
    line.clock.jump(DAY_MS);
    await line.pass(1000, 50);
    assert(openSegments().length <= 257, `${openSegments().length} files at a time`);
    line.disk.holdingReads = false;
    line.disk.releaseReads();
    await line.pass(10_000, 250);
    assert(line.disk.readCount >= 2 * length, 'the index and the records of each were read');
    assert(line.disk.readBytes < 36 * 1024 * 1024 + length * 4096, `${line.disk.readBytes} bytes`);
    assert(openSegments().length < 256, `${openSegments().length} files`);
  });

  test('are released once each when the broker is killed in their midst', async () => {
    await fill();
    line.clock.jump(DAY_MS);
    await line.pass(1500, 50);
    const before = ids();
    assert(before.length > 50 && before.length < 250, `${before.length} were released`);
    line = line.crash();
    assert.equal(line.line.count + before.length, 300);
    await line.pass(4000, 500);
    assert.deepEqual([...before, ...ids()].sort(), inOrder(300).sort());
  });
});

describe('a segment that is damaged', () => {
  /** The first of some segments, of which no broker has read anything. */
  async function damage(change: (path: string) => void, count = 200, size = 1000): Promise<void> {
    line = new TestLine();
    for (let i = 0; i < count; i++) line.publish(`m${i}`, { 'x-delay': DAY_MS + i }, size);
    await line.settle();
    const { path } = line.line.segments[0]!;
    line.line.stop();
    await line.mover.idle();
    await line.store.close();
    change(path);
    line = new TestLine(line.directory, line.clock);
    line.clock.jump(DAY_MS);
    await line.pass(3000, 100);
    assert.equal(line.line.count, 0, 'nothing is stuck');
  }

  function flip(path: string, offset: number): void {
    const bytes = fs.readFileSync(path);
    bytes[offset]! ^= 0x40;
    fs.writeFileSync(path, bytes);
  }

  const found = (): number => new Set(ids()).size;

  test('in its header is read by the copy at its end', async () => {
    await damage((path) => flip(path, 40));
    assert.equal(found(), 200);
    assert.match(line.store.damage[0]!, /damaged at offset 0; the copy at its end was used, nothing is lost/);
  });

  test('in a record loses that message alone, and says so', async () => {
    await damage((path) => flip(path, 128 + 4096 + 500));
    assert.equal(found(), 199);
    assert.match(line.store.damage[0]!, /is damaged at offset \d+ \(\d+ bytes\): messages that stood there are lost/);
  });

  test('in its index loses the messages of that part, and says so', async () => {
    await damage((path) => flip(path, 128 + 100));
    assert(found() > 100 && found() < 200);
    assert.match(line.store.damage[0]!, /is damaged at offset 128/);
  });

  test('in its index counts what is lost once, and releases all that stands behind it', async () => {
    await damage((path) => flip(path, 128 + 100), 1500, 10);
    assert(line.files.segmentsOf(7).length <= 4, 'many are in one');
    assert.equal(found(), 1500 - CHUNK_ENTRIES);
  });

  test('and cut off loses what was there, and says so', async () => {
    await damage((path) => fs.truncateSync(path, 128 + 4096 + 5000));
    assert(found() > 140 && found() < 200);
    assert(line.store.damage.length > 0);
  });

  test('beyond use is set aside, and the others are read', async () => {
    await damage((path) => fs.truncateSync(path, 50));
    assert(found() > 100 && found() < 200);
    assert.match(line.store.damage[0]!, /delayed messages that stood there are lost; it was set aside in/);
  });

  test('or was not finished when the broker was killed is made anew', async () => {
    line = new TestLine();
    for (let i = 0; i < 200; i++) line.publish(`m${i}`, { 'x-delay': DAY_MS });
    await line.settle();
    const folder = line.files.folderOf(7);
    fs.writeFileSync(`${folder}/0000000000000002.segment.new`, 'half of it');
    line = line.crash();
    assert.equal(line.line.count, 200);
    assert(!fs.readdirSync(line.files.folderOf(7)).some((name) => name.endsWith('.new')));
  });
});
