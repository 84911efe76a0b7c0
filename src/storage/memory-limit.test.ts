/** Memory is bounded whatever comes, and whoever was stopped for it goes on by itself: nothing has to be consumed for that. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, test } from 'node:test';
import { PAGE_SIZE } from './page.ts';
import { TestDisk } from './test-disk.ts';
import { newDirectory, TestStore, type TestStoreOptions } from './test-store.ts';

const MEMORY = 8 * PAGE_SIZE;
const MOST = MEMORY + MEMORY / 2;
const BODY = Buffer.alloc(100_000, 'b');

const directories: string[] = [];
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true });
});

function open(options: Partial<TestStoreOptions> = {}): TestStore {
  const directory = newDirectory();
  directories.push(directory);
  return new TestStore({ directory, memoryLimitBytes: MEMORY, journalFileBytes: 16 * PAGE_SIZE, ...options });
}

/** Publishes as the broker lets publishers: not while the store is congested. @returns the most that was in memory */
async function publishBacklog(own: TestStore, queue: number, count: number, persistent: boolean): Promise<number> {
  let most = 0;
  for (let i = 0; i < count; i++) {
    await own.until(() => !own.store.congested);
    own.publish(Buffer.concat([Buffer.from(`${i} `), BODY]), [queue], { persistent });
    own.store.commit();
    most = Math.max(most, own.store.memoryBytes);
  }
  await own.commit();
  return most;
}

for (const persistent of [true, false]) {
  test(`a backlog of ${persistent ? 'persistent' : 'transient'} messages stays within the memory, and none waits for ever`, async () => {
    const own = open();
    const most = await publishBacklog(own, 1, 400, persistent);
    assert.ok(most <= MOST + 2 * PAGE_SIZE, `${most} bytes in memory`);
    await own.until(() => own.store.memoryBytes <= MEMORY);
    const bodies = own.bodies(1);
    assert.deepEqual(
      bodies.map((body) => body?.split(' ')[0]),
      Array.from({ length: 400 }, (_, i) => `${i}`),
    );
    await own.store.close();
  });

  test(`a ${persistent ? 'persistent' : 'transient'} message larger than the memory stops nobody for long`, async () => {
    const own = open();
    const large = Buffer.alloc(2 * MEMORY, 'l');
    for (const queue of [1, 2, 3]) {
      await own.until(() => !own.store.congested);
      own.publish(large, [queue], { persistent });
      own.store.commit();
    }
    await own.until(() => !own.store.congested);
    await own.until(() => own.store.memoryBytes <= MEMORY);
    assert.ok(own.reliefCount > 0);
    assert.ok(own.body(own.queues.get(1)![0]!.position)!.equals(large));
    await own.store.close();
  });
}

test('messages that were loaded back and are not consumed make way for those that come', async () => {
  const own = open();
  await publishBacklog(own, 1, 200, true);
  const held = own.queues.get(1)!;
  for (let i = 0; i < held.length; i += 10) {
    const page = own.store.pageAt(held[i]!.position);
    if (page.bytes !== null) continue;
    const loaded = Promise.withResolvers<void>();
    own.store.load(page, loaded.resolve);
    await loaded.promise;
    own.store.commit();
    assert.ok(own.store.memoryBytes <= MOST, `${own.store.memoryBytes} bytes in memory`);
  }
  const most = await publishBacklog(own, 2, 100, true);
  assert.ok(most <= MOST + 2 * PAGE_SIZE, `${most} bytes in memory`);
  await own.store.close();
});

test('a spill that fails is tried again, and publishers go on when it succeeds', async () => {
  const disk = new TestDisk();
  const own = open({ disk });
  disk.failures = new Array(1000).fill('ENOSPC');
  for (let i = 0; i < 200 && !own.store.congested; i++) {
    own.publish(BODY, [1], { persistent: false });
    own.store.commit();
  }
  assert.equal(own.store.congested, true);
  await own.until(() => own.clock.waiting > 0);
  own.clock.advance(1000);
  await own.until(() => own.clock.waiting > 0);
  assert.equal(own.store.congested, true);
  disk.failures = [];
  own.clock.advance(1000);
  await own.until(() => !own.store.congested);
  assert.equal(own.reliefCount, 1);
  assert.equal(
    own.bodies(1).every((body) => body === BODY.toString()),
    true,
  );
  await own.store.close();
});

test('a thousand queues that wait for their pages get them a few at a time', async () => {
  const own = open();
  await publishBacklog(own, 1, 400, true);
  const before = own.store.memoryBytes;
  const pages = new Set(own.queues.get(1)!.map(({ position }) => own.store.pageAt(position)));
  const absent = [...pages].filter((page) => page.bytes === null);
  assert.ok(absent.length > 24, 'or nothing is shown');
  let most = 0;
  const loads = absent.map((page) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    own.store.load(page, () => {
      assert.notEqual(page.bytes, null);
      most = Math.max(most, own.store.memoryBytes);
      resolve();
      own.store.commit();
    });
    return promise;
  });
  most = Math.max(most, own.store.memoryBytes);
  await Promise.all(loads);
  assert.ok(most <= before + 20 * PAGE_SIZE, `${most - before} bytes more in memory`);
  await own.store.close();
});
