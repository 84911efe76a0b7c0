import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import {
  decodeCheckpoint,
  decodeFileIndex,
  encodeCheckpoint,
  encodeFileIndex,
  type FileIndex,
  IndexedMessages,
} from './checkpoint.ts';

interface Entry {
  readonly position: number;
  readonly size: number;
  readonly priority: number;
}

const entry = fc.record<Entry>(
  {
    position: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    size: fc.integer({ min: 0, max: 0xffffffff }),
    priority: fc.integer({ min: 0, max: 255 }),
  },
  { noNullPrototype: true },
);
const entries = fc.array(entry, { maxLength: 200, size: 'max' });
const unique = fc.uniqueArray(entry, { maxLength: 200, size: 'max', selector: ({ position }) => position });

function listOf(all: readonly Entry[]): IndexedMessages {
  const list = new IndexedMessages();
  for (const { position, size, priority } of all) list.push(position, size, priority);
  return list;
}

function entriesOf({ positions, sizes, priorities, count }: IndexedMessages): Entry[] {
  return Array.from({ length: count }, (_, i) => ({
    position: positions[i]!,
    size: sizes[i]!,
    priority: priorities[i]!,
  }));
}

const byPosition = (a: Entry, b: Entry): number => a.position - b.position;

test('an index reads back as it was written', () => {
  const page = fc.record(
    {
      number: fc.maxSafeNat(),
      offset: fc.maxSafeNat(),
      capacity: fc.integer({ min: 0, max: 0xffffffff }),
      end: fc.integer({ min: 0, max: 0xffffffff }),
    },
    { noNullPrototype: true },
  );
  const queues = fc.dictionary(fc.integer({ min: 0, max: 0xffffffff }).map(String), entries, { maxKeys: 5 });
  fc.assert(
    fc.property(fc.array(page, { maxLength: 10 }), queues, (pages, named) => {
      const index: FileIndex = {
        pages,
        queues: new Map(Object.entries(named).map(([id, all]) => [Number(id), listOf(all)])),
      };
      const decoded = decodeFileIndex(encodeFileIndex(index));
      assert(decoded !== null);
      assert.deepEqual(decoded.pages, pages);
      assert.deepEqual(
        [...decoded.queues].map(([id, list]) => [id, entriesOf(list)]),
        [...index.queues].map(([id, list]) => [id, entriesOf(list)]),
      );
    }),
  );
});

test('an index that was read takes more messages', () => {
  const decoded = decodeFileIndex(encodeFileIndex({ pages: [], queues: new Map([[1, listOf([])]]) }));
  const list = decoded!.queues.get(1)!;
  for (let i = 0; i < 100; i++) list.push(i, 1, 0);
  assert.equal(list.count, 100);
  assert.equal(list.positions[99], 99);
});

test('an index that is cut, grown or flipped anywhere is none', () => {
  const bytes = encodeFileIndex({
    pages: [{ number: 1, offset: 2, capacity: 3, end: 4 }],
    queues: new Map([[9, listOf([{ position: 8, size: 5, priority: 1 }])]]),
  });
  assert.notEqual(decodeFileIndex(bytes), null);
  for (let length = 0; length < bytes.length; length++) assert.equal(decodeFileIndex(bytes.subarray(0, length)), null);
  assert.equal(decodeFileIndex(Buffer.concat([bytes, Buffer.alloc(1)])), null);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i]! ^= 0x10;
    assert.equal(decodeFileIndex(bytes), null);
    bytes[i]! ^= 0x10;
  }
});

test('messages are sorted, joined, kept and removed as an array would', () => {
  fc.assert(
    fc.property(unique, unique, fc.array(fc.nat()), (first, second, chosen) => {
      const list = listOf(first);
      list.append(listOf(second));
      assert.deepEqual(entriesOf(list), [...first, ...second]);
      list.sort();
      assert.deepEqual(
        entriesOf(list).map(({ position }) => position),
        [...first, ...second].sort(byPosition).map(({ position }) => position),
      );
      const before = entriesOf(list);
      const gone = Float64Array.from([...chosen, ...first.map(({ position }) => position)]).sort();
      const removed: number[] = [];
      list.remove(gone, (position) => removed.push(position));
      assert.deepEqual(
        entriesOf(list),
        before.filter(({ position }) => !gone.includes(position)),
      );
      assert.deepEqual(
        removed,
        before.map(({ position }) => position).filter((position) => gone.includes(position)),
      );
      const left = entriesOf(list);
      const count = list.keep((position) => position % 2 === 0);
      assert.equal(count, left.filter(({ position }) => position % 2 !== 0).length);
      assert.deepEqual(
        entriesOf(list),
        left.filter(({ position }) => position % 2 === 0),
      );
    }),
  );
});

test('a checkpoint reads back as it was written', () => {
  const head = { position: 2 ** 45, publishedAtMs: 1.7e12, ttlMs: 2 ** 40 - 1 };
  const checkpoint = {
    replayFromPage: 12,
    nextPage: 2 ** 40,
    marks: new Map([
      [1, { deliveredPosition: 2 ** 50, deliveryCounts: new Map([[8, 2]]), mayExpire: false, heads: [] }],
      [0xffffffff, { deliveredPosition: -1, deliveryCounts: new Map(), mayExpire: true, heads: [head] }],
    ]),
  };
  assert.deepEqual(decodeCheckpoint(encodeCheckpoint(checkpoint)), { ...checkpoint, tellsExpiry: true });
});

test('of a checkpoint that does not tell, any queue may have messages that expire', () => {
  const text = JSON.stringify({ version: 1, replayFromPage: 1, nextPage: 2, marks: [[7, 3, []]] });
  const { tellsExpiry, marks } = decodeCheckpoint(`${text}\n${crc32(text)}\n`)!;
  assert.deepEqual([tellsExpiry, marks.get(7)?.mayExpire], [false, true]);
});

test('a checkpoint that is cut or changed anywhere is none, and one of a newer leveret is refused', () => {
  const text = encodeCheckpoint({ replayFromPage: 1, nextPage: 2, marks: new Map() });
  for (let length = 0; length < text.length - 1; length++) assert.equal(decodeCheckpoint(text.slice(0, length)), null);
  for (let i = 0; i < text.length - 1; i++) {
    const changed = `${text.slice(0, i)}${text[i] === '7' ? '8' : '7'}${text.slice(i + 1)}`;
    assert.equal(decodeCheckpoint(changed), null);
  }
  const newer = text.split('\n')[0]!.replace('"version":2', '"version":3');
  assert.throws(() => decodeCheckpoint(`${newer}\n${crc32(newer)}\n`), /version 3.*reads versions 1 to 2/);
});
