import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CountedDisk } from './counted-disk.ts';
import type { Done } from './disk.ts';

test('writes are counted when they end, and the octets of those that succeed', () => {
  const ends: Done[] = [];
  const outcomes: unknown[] = [];
  const disk = new CountedDisk({
    write: (_fd, _buffers, _offset, done) => ends.push(done),
    read: (_fd, _target, _offset, done) => done(null, 7),
    sync: (_fd, done) => done(null),
  });
  for (const text of ['one', 'three'])
    disk.write(1, [Buffer.from(text), Buffer.from('!')], 0, (error) => outcomes.push(error));
  assert.deepEqual([disk.writeCount, disk.writtenBytes], [0, 0]);
  ends[0]!(null);
  const failure = new Error('no room');
  ends[1]!(failure);
  assert.deepEqual([disk.writeCount, disk.writtenBytes, outcomes], [2, 4, [null, failure]]);
  assert.ok(disk.writingMs >= 0);
  disk.read(1, Buffer.alloc(1), 0, (_error, count) => assert.equal(count, 7));
});
