import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { crc32 } from 'node:zlib';
import { systemDisk } from '../runtime/disk.ts';
import { createLog } from '../runtime/log.ts';
import { type SegmentSource, unfinishedPath } from './delay-draft.ts';
import { DelaySegment } from './delay-segment.ts';
import { RestingFile } from './resting-file.ts';
import { PlainSegmentWriter, type SegmentWriter, ThreadedSegmentWriter } from './segment-writer.ts';
import { newMemoryDirectory } from './test-store.ts';

const RECORD_SIZE = 40;

/** Due in the order that is asked for; each record is filled with the number of its place. */
function sourceOf(dues: readonly number[], missing: readonly number[] = [], size = RECORD_SIZE): SegmentSource {
  const records = new Uint8Array(new SharedArrayBuffer(dues.length * size + 100));
  dues.forEach((_, place) => {
    records.fill(place, place * size, (place + 1) * size);
  });
  return {
    lineId: 7,
    number: 10,
    dues: Float64Array.from(dues),
    positions: Float64Array.from(dues, (_, place) => 1000 + 8 * place),
    sizes: new Uint32Array(dues.length).fill(size),
    missing: Uint8Array.from(dues, (_, place) => (missing.includes(place) ? 1 : 0)),
    records,
  };
}

function pathIn(t: TestContext): string {
  const directory = newMemoryDirectory();
  t.after(() => fs.rmSync(directory, { recursive: true }));
  return join(directory, 'one.segment');
}

function threaded(t: TestContext, logged: string[] = [], file?: URL): ThreadedSegmentWriter {
  const writer = new ThreadedSegmentWriter(
    createLog('debug', (text) => logged.push(text)),
    file,
  );
  t.after(() => writer.rest());
  return writer;
}

/** The places of its records, as it has them; -1 where none is. */
async function placesIn(writer: SegmentWriter, source: SegmentSource, path: string): Promise<number[]> {
  const size = source.sizes[0]!;
  const header = await writer.write(source, path);
  const file = unfinishedPath(path);
  const bytes = fs.readFileSync(file);
  assert.equal(bytes.length % 4096, 0);
  const segment = new DelaySegment(new RestingFile(file, systemDisk), header, null);
  const places: number[] = [];
  for (let from = 0; from < header.count; ) {
    const entries = await segment.entriesFrom(from);
    assert(entries.length > 0, 'the index is sound');
    for (const { offset, checksum } of entries) {
      const record = bytes.subarray(offset, offset + size);
      assert(record.equals(Buffer.alloc(size, record[0]!)), 'the record is whole');
      places.push(checksum === crc32(record) ? record[0]! : -1);
    }
    from += entries.length;
  }
  segment.close();
  return places;
}

const writers = { plain: () => new PlainSegmentWriter(systemDisk), threaded };

for (const [name, writerFor] of Object.entries(writers)) {
  describe(`a segment that is written ${name}`, () => {
    test('has its messages in the order in which they are due, those of one time in that of their positions', async (t) => {
      const late = Date.UTC(9999, 11, 31);
      const source = sourceOf([70_000, late, 65_536, 3, 70_000, 65_535, 0], [4]);
      assert.deepEqual(await placesIn(writerFor(t), source, pathIn(t)), [6, 3, 5, 2, 0, -1, 1]);
    });

    test('may have as many as there can be, and be larger than a piece of it', async (t) => {
      const dues = Array.from({ length: 65_536 }, (_, place) => 1_000_000 - place);
      const places = await placesIn(writerFor(t), sourceOf(dues, [], 160), pathIn(t));
      assert.deepEqual(
        places,
        dues.map((_, i) => (65_535 - i) & 0xff),
      );
    });

    test('leaves nothing behind where it cannot be written', async (t) => {
      const path = join(pathIn(t), 'in a file', 'one.segment');
      const writer = writerFor(t);
      await assert.rejects(writer.write(sourceOf([1]), path), /ENOENT/);
      const other = pathIn(t);
      assert.deepEqual(await placesIn(writer, sourceOf([1, 2]), other), [0, 1]);
    });
  });
}

describe('the thread', () => {
  test('may rest, and comes back', async (t) => {
    const writer = threaded(t);
    const path = pathIn(t);
    await writer.write(sourceOf([1]), path);
    writer.rest();
    assert.deepEqual(await placesIn(writer, sourceOf([2, 1]), path), [1, 0]);
  });

  test('is done without where there is none, which is said', async (t) => {
    const logged: string[] = [];
    const writer = threaded(t, logged, new URL('./no-such-thread.ts', import.meta.url));
    const path = pathIn(t);
    await assert.rejects(writer.write(sourceOf([1]), path), /no-such-thread/);
    assert.match(logged.join(''), /delayed messages are moved to disk without a thread: .*no-such-thread/);
    assert.deepEqual(await placesIn(writer, sourceOf([2, 1]), path), [1, 0]);
  });

  test('leaves nothing behind when it ends in the midst of a segment', async (t) => {
    const program = `
      const { parentPort } = require('node:worker_threads');
      parentPort.on('message', ({ path }) => {
        require('node:fs').writeFileSync(path + '.new', 'half of it');
        process.exit(3);
      });
      parentPort.postMessage('ready');`;
    const folder = pathIn(t).replace(/one.segment$/, '');
    fs.writeFileSync(join(folder, 'thread.cjs'), program);
    const writer = threaded(t, [], pathToFileURL(join(folder, 'thread.cjs')));
    const path = join(folder, 'one.segment');
    for (let attempt = 0; attempt < 2; attempt++) {
      await assert.rejects(writer.write(sourceOf([1]), path), /the thread that writes them ended with code 3/);
      assert(!fs.existsSync(unfinishedPath(path)));
    }
  });
});
