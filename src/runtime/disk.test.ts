/** The disk that the journal lives on: a write is whole or an error, also where the system takes only a part at a time. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, mock, test } from 'node:test';
import { openDurable, readFullySync, replaceFileSync, systemDisk } from './disk.ts';

declare const WebAssembly: {
  readonly Memory: new (pages: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
};

/** 64 KiB, aligned to the machine's pages. */
const alignedMemory = (): Buffer => Buffer.from(new WebAssembly.Memory({ initial: 1, maximum: 1 }).buffer);

let directory = '';
before(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'leveret-disk-'));
});
after(() => fs.rmSync(directory, { recursive: true }));

function write(fd: number, buffers: readonly Buffer[], offset: number): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => systemDisk.write(fd, buffers, offset, resolve));
}

/** While `work` runs, the system takes at most `most` bytes at a time, and fails with `code` once `room` bytes are written. */
async function withShortWrites<T>(most: number, room: number, code: string, work: () => Promise<T>): Promise<T> {
  let left = room;
  mock.method(fs, 'writev', (...args: unknown[]) => {
    const [fd, buffers, position, done] = args as [
      number,
      Buffer[],
      number,
      (error: Error | null, count: number) => void,
    ];
    if (left <= 0) return setImmediate(() => done(Object.assign(new Error(code), { code }), 0));
    const part = Buffer.concat(buffers).subarray(0, Math.min(most, left));
    left -= part.length;
    fs.writeSync(fd, part, 0, part.length, position);
    return setImmediate(() => done(null, part.length));
  });
  syncBuiltinESMExports();
  try {
    return await work();
  } finally {
    mock.restoreAll();
    syncBuiltinESMExports();
  }
}

test('a write that the system takes in parts is finished, across buffers and at their edges', async () => {
  const buffers = ['first ', 'second ', '', 'third'].map((text) => Buffer.from(text));
  for (let most = 1; most <= 20; most++) {
    const path = join(directory, `parts-${most}`);
    const fd = fs.openSync(path, 'w+');
    const error = await withShortWrites(most, Number.POSITIVE_INFINITY, '', () => write(fd, buffers, 3));
    assert.equal(error, null);
    fs.closeSync(fd);
    assert.equal(fs.readFileSync(path, 'utf8'), '\0\0\0first second third');
  }
});

test('a write that finds no room half-way is an error', async () => {
  const fd = fs.openSync(join(directory, 'full'), 'w+');
  const error = await withShortWrites(4, 10, 'ENOSPC', () => write(fd, [Buffer.alloc(8), Buffer.alloc(8)], 0));
  assert.equal(error?.code, 'ENOSPC');
  fs.closeSync(fd);
});

test('aligned memory goes past the page cache and reads back', async () => {
  const path = join(directory, 'direct');
  const fd = openDurable(path, { sync: true, create: true });
  const memory = alignedMemory();
  memory.fill('aligned ', 0, 8192);
  assert.equal(await write(fd, [memory.subarray(0, 8192)], 4096), null);
  const target = alignedMemory();
  const [error, count] = await new Promise<[Error | null, number]>((resolve) => {
    systemDisk.read(fd, target, 0, (...result) => resolve(result));
  });
  assert.equal(error, null);
  assert.equal(count, 12_288, 'fewer than asked for, at the end of the file');
  assert(target.subarray(4096, 12_288).equals(memory.subarray(0, 8192)));
  fs.closeSync(fd);
});

test('a file that must be there is not made', () => {
  assert.throws(() => openDurable(join(directory, 'nobody'), { sync: true, create: false }), { code: 'ENOENT' });
});

test('reading fully stops at the end of the file', () => {
  const path = join(directory, 'short');
  fs.writeFileSync(path, 'abcdef');
  const fd = fs.openSync(path, 'r');
  const target = Buffer.alloc(10);
  assert.equal(readFullySync(fd, target, 2), 4);
  assert.equal(target.toString('utf8', 0, 4), 'cdef');
  fs.closeSync(fd);
});

test('a file is replaced as a whole, and leaves nothing beside it', () => {
  const path = join(directory, 'replaced');
  replaceFileSync(path, 'one');
  replaceFileSync(path, Buffer.from('two'));
  assert.equal(fs.readFileSync(path, 'utf8'), 'two');
  assert.equal(fs.existsSync(`${path}.new`), false);
});
