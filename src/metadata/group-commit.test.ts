/** What is proposed in one pass of the event loop is one transaction with one sync, and nobody hears of it before. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Done, type Sync, systemSync } from '../runtime/disk.ts';
import { Slices } from '../runtime/slices.ts';
import type { Change, MetadataError, MetadataStore, ProposalLine } from './port.ts';
import { METADATA_FILE_NAME, openSqliteStore } from './sqlite-store.ts';
import {
  laterAnswerTo,
  makeMany,
  putBinding,
  putExchange,
  putQueue,
  putUser,
  putVhost,
  userRecord,
} from './test-records.ts';

const VICTIM = fileURLToPath(new URL('test-store-process.ts', import.meta.url));

/** A disk that syncs when the test lets it. */
class HeldSync {
  readonly held: (() => void)[] = [];
  count = 0;
  isHeld = false;
  error: NodeJS.ErrnoException | null = null;
  #cameIn: () => void = () => {};

  readonly sync: Sync = (fd, done) => {
    this.count++;
    const answer: Done = (error) => done(this.error ?? error);
    if (!this.isHeld) return systemSync(fd, answer);
    this.held.push(() => systemSync(fd, answer));
    this.#cameIn();
  };

  async untilHeld(): Promise<void> {
    while (this.held.length === 0) await new Promise<void>((came) => (this.#cameIn = came));
  }

  release(): void {
    this.isHeld = false;
    for (const go of this.held.splice(0)) go();
  }
}

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-metadata-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

function open(directory: string, sync: Sync = systemSync): MetadataStore {
  return openSqliteStore({ directory, clusterName: 'rabbit@here', slices: new Slices(), sync });
}

async function openWithVhost(t: TestContext): Promise<{ store: MetadataStore; disk: HeldSync; directory: string }> {
  const directory = directoryOf(t);
  const disk = new HeldSync();
  const store = open(directory, disk.sync);
  await makeMany(store, putVhost(), putExchange());
  disk.count = 0;
  return { store, disk, directory };
}

const queue = (number: number): Change => putQueue({ name: `queue ${number}`, id: number + 1 });
const transient = (name: string, id: number): Change => putQueue({ name, id, durable: false });
const namesOf = (store: MetadataStore): string[] => store.snapshot().queues.map(({ name }) => name);

function reopenedNames(directory: string): string[] {
  const store = open(directory);
  const names = namesOf(store);
  store.close();
  return names;
}

test('proposals of one pass are one sync, answered in order, and one that fails takes no other with it', async (t) => {
  const { store, disk } = await openWithVhost(t);
  const answered: string[] = [];
  const propose = (name: string, ...changes: Change[]) =>
    laterAnswerTo(store, changes).then((error) => answered.push(`${name} ${error?.fault ?? 'done'}`));
  await Promise.all([
    propose('first', queue(0)),
    propose('conflict', putQueue({ name: 'queue 0', id: 99 })),
    propose('half', queue(1), putBinding({ source: 'none', destination: 'queue 1' })),
    propose('bound', putBinding({ destination: 'queue 0' })),
    propose('transient', transient('passing', 50)),
    propose('last', { kind: 'delete-queue', vhost: '/', name: 'queue 0' }, queue(2)),
  ]);
  assert.deepEqual(answered, [
    'first done',
    'conflict conflict',
    'half missing',
    'bound done',
    'transient done',
    'last done',
  ]);
  assert.deepEqual(namesOf(store), ['passing', 'queue 2']);
  assert.equal(disk.count, 1);
  store.close();
});

test('while a sync goes on nobody hears of what it is for, and what is proposed meanwhile is the next one', async (t) => {
  const { store, disk } = await openWithVhost(t);
  const heard: string[] = [];
  store.follow(({ kind }) => heard.push(kind));
  disk.isHeld = true;
  const first = laterAnswerTo(store, [queue(0)]).then(() => heard.push('answer'));
  await disk.untilHeld();
  const next = [1, 2, 3].map((number) => laterAnswerTo(store, [queue(number)]));
  const passing = laterAnswerTo(store, [transient('passing', 50)]);
  for (let pass = 0; pass < 5; pass++) await new Promise((begin) => setImmediate(begin));
  assert.deepEqual(heard, []);
  assert.deepEqual(namesOf(store), []);
  disk.release();
  await Promise.all([first, ...next, passing]);
  assert.deepEqual(heard, ['put-queue', 'answer', ...Array(4).fill('put-queue')]);
  assert.equal(disk.count, 2);
  store.close();
});

test('what is not kept, and what changes nothing, waits for no sync', async (t) => {
  const { store, disk } = await openWithVhost(t);
  disk.isHeld = true;
  const unkept: Change[][] = [
    [transient('passing', 50), putBinding({ destination: 'passing' })],
    [{ kind: 'delete-queue', vhost: '/', name: 'nobody' }],
    [{ kind: 'delete-queue', vhost: '/', name: 'passing' }],
    [putExchange()],
  ];
  for (const changes of unkept) assert.equal(await laterAnswerTo(store, changes), null);
  assert.equal(disk.count, 0);
  store.close();
});

test('what a follower proposes is durable before the proposer hears that all is done', async (t) => {
  const { store, disk, directory } = await openWithVhost(t);
  await makeMany(store, queue(0), putBinding({ destination: 'queue 0' }));
  store.follow(({ kind }) => {
    if (kind === 'delete-binding') store.propose([{ kind: 'delete-exchange', vhost: '/', name: 'orders' }], () => {});
  });
  disk.count = 0;
  assert.equal(await laterAnswerTo(store, [{ kind: 'delete-queue', vhost: '/', name: 'queue 0' }]), null);
  assert.deepEqual(store.snapshot().exchanges, []);
  assert.equal(disk.count, 2);
  store.close();
  const again = open(directory);
  assert.deepEqual(again.snapshot().exchanges, []);
  again.close();
});

test('after a sync that failed nothing of it is there, nothing more is kept, and all from before is found again', async (t) => {
  const { store, disk, directory } = await openWithVhost(t);
  await makeMany(store, queue(0));
  const heard: Change[] = [];
  store.follow((change) => heard.push(change));
  disk.error = Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
  const errors = await Promise.all([laterAnswerTo(store, [queue(1)]), laterAnswerTo(store, [queue(2)])]);
  for (const error of errors) assertUnavailable(error);
  assert.deepEqual(heard, []);
  assert.deepEqual(namesOf(store), ['queue 0']);
  disk.error = null;
  assertUnavailable(await laterAnswerTo(store, [queue(3)]));
  assert.equal(await laterAnswerTo(store, [transient('passing', 50)]), null);
  store.close();
  assert.deepEqual(reopenedNames(directory), ['queue 0']);
});

test('a deletion that was refused since its sync failed has not happened after a start either, nor a change', async (t) => {
  const { store, disk, directory } = await openWithVhost(t);
  await makeMany(store, queue(0), putBinding({ destination: 'queue 0' }), putUser());
  const before = store.snapshot();
  disk.error = Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
  const changed: Change = { kind: 'put-user', user: { ...userRecord(), tags: ['administrator'] } };
  const refused = [[{ kind: 'delete-queue', vhost: '/', name: 'queue 0' } as const], [changed], [queue(0), queue(1)]];
  const errors = await Promise.all(refused.map((changes) => laterAnswerTo(store, changes)));
  for (const error of errors) assertUnavailable(error);
  assert.deepEqual(store.snapshot(), before);
  store.close();
  const again = open(directory);
  assert.deepEqual(again.snapshot(), before);
  again.close();
});

test('ids for what is not kept do not run out after a sync that failed', async (t) => {
  const { store, disk } = await openWithVhost(t);
  disk.error = Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
  assertUnavailable(await laterAnswerTo(store, [queue(0)]));
  const ids = new Set(Array.from({ length: 5000 }, () => store.allocateQueueId()));
  assert.equal(ids.size, 5000);
  store.close();
});

test('what is proposed behind something that fails, in the same line, has not happened', async (t) => {
  const { store } = await openWithVhost(t);
  const line = { hasFailed: false };
  const answered: string[] = [];
  const propose = (name: string, change: Change, of?: ProposalLine) =>
    new Promise<void>((done) => {
      const applied = (error: MetadataError | null) => done(void answered.push(`${name} ${error?.fault ?? 'done'}`));
      store.propose([change], applied, undefined, of);
    });
  await Promise.all([
    propose('other', queue(0)),
    propose('before', queue(1), line),
    propose('conflict', putQueue({ name: 'queue 0', id: 99 }), line),
    propose('behind', queue(2), line),
    propose('unkept', transient('passing', 50), line),
    propose('another', queue(3)),
  ]);
  assert.deepEqual(answered, [
    'other done',
    'before done',
    'conflict conflict',
    'behind abandoned',
    'unkept abandoned',
    'another done',
  ]);
  assert.deepEqual(namesOf(store), ['queue 0', 'queue 1', 'queue 3']);
  store.close();
});

test('nothing comes between the last change that followers are given and its proposer', async (t) => {
  const { store } = await openWithVhost(t);
  let hasCome = false;
  store.follow(() => {
    setImmediate(() => (hasCome = true));
    for (const endMs = performance.now() + 3; performance.now() < endMs; );
  });
  await new Promise<void>((done) => {
    store.propose([queue(0)], () => {
      assert.equal(hasCome, false);
      done();
    });
  });
  store.close();
});

function assertUnavailable(error: MetadataError | null): void {
  assert.equal(error?.fault, 'unavailable');
  assert.match(
    error.message,
    /metadata\.sqlite cannot be used: a sync failed \(EIO: .*until the broker is started again/,
  );
}

test('what was proposed before the store is closed is kept, though nobody hears of it any more', async (t) => {
  const { store, directory } = await openWithVhost(t);
  store.propose([queue(0)], () => assert.fail('it is too late'));
  store.propose([queue(1)], () => assert.fail('it is too late'));
  store.close();
  assert.deepEqual(reopenedNames(directory), ['queue 0', 'queue 1']);
});

test('a store that is closed while it syncs has what was written', async (t) => {
  const { store, disk, directory } = await openWithVhost(t);
  disk.isHeld = true;
  store.propose([queue(0)], () => assert.fail('it is too late'));
  await disk.untilHeld();
  store.propose([queue(1)], () => assert.fail('it is too late'));
  store.close();
  disk.release();
  assert.deepEqual(reopenedNames(directory), ['queue 0', 'queue 1']);
});

/**
 * Power is lost at random moments: of the log, the disk has what stood there at the last sync that was answered, and of what was
 * written since then any octets or none. LEVERET_SEED=1234 repeats one run.
 */
test('whatever a loss of power leaves of what was not synced, all that was answered is there, and the rest in order', async (t) => {
  const seed = Number(process.env.LEVERET_SEED ?? Date.now() % 1_000_000);
  t.diagnostic(`seed ${seed}`);
  const random = randomOf(seed);
  for (let round = 0; round < 10; round++) {
    const { store, disk, directory } = await openWithVhost(t);
    const proposed: string[] = [];
    const answered: string[] = [];
    const propose = () => {
      const number = proposed.length;
      proposed.push(`queue ${number}`);
      return laterAnswerTo(store, [queue(number)]).then(() => answered.push(`queue ${number}`));
    };
    for (let batch = 0; batch < 1 + random(5); batch++)
      await Promise.all(Array.from({ length: 1 + random(20) }, propose));
    const log = join(directory, `${METADATA_FILE_NAME}-wal`);
    const synced = readFileSync(log);
    const expected = [...answered];
    disk.isHeld = true;
    for (let count = 1 + random(20); count > 0; count--) void propose();
    await disk.untilHeld();
    const after = readFileSync(log);
    const copy = directoryOf(t);
    copyFileSync(join(directory, METADATA_FILE_NAME), join(copy, METADATA_FILE_NAME));
    writeFileSync(join(copy, `${METADATA_FILE_NAME}-wal`), tornFrom(synced.length, after, random));
    const names = new Set(reopenedNames(copy));
    assert.deepEqual(proposed.slice(0, names.size), [...names].sort(byNumber));
    for (const name of expected) assert.ok(names.has(name), `${name} was answered, seed ${seed}`);
    disk.release();
    store.close();
  }
});

const byNumber = (one: string, other: string) => Number(one.slice(6)) - Number(other.slice(6));

/** The log as a disk may have it: the blocks behind `syncedSize` are there or not, each by itself. */
function tornFrom(syncedSize: number, log: Buffer, random: (limit: number) => number): Buffer {
  const torn = Buffer.from(log);
  for (let at = syncedSize; at < torn.length; at += 512) {
    if (random(3) === 0) torn.fill(random(256), at, Math.min(at + 512, torn.length));
  }
  return torn.subarray(0, syncedSize + random(torn.length - syncedSize + 1));
}

/** Whole numbers from 0 up to, but not including, `limit` (mulberry32). */
function randomOf(seed: number): (limit: number) => number {
  let state = seed | 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * limit);
  };
}

test('a store that is killed while many propose at once has all that it answered, in the order of proposing', {
  timeout: 120_000,
}, async (t) => {
  const directory = directoryOf(t);
  for (let round = 0; round < 3; round++) {
    const answered = await namesAnsweredBeforeKill(directory, 200 + 150 * round);
    const store = open(directory);
    const kept = new Set(namesOf(store).filter((name) => name.startsWith(`${answered.pid} `)));
    store.close();
    assert.deepEqual(
      answered.names.filter((name) => !kept.has(name)),
      [],
    );
    for (let number = 0; number < kept.size; number++) assert.ok(kept.has(`${answered.pid} ${number}`), `${number}`);
  }
});

async function namesAnsweredBeforeKill(directory: string, count: number): Promise<{ pid: number; names: string[] }> {
  const child = spawn(process.execPath, [VICTIM, 'declare-many', directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  const names: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    names.push(line);
    if (names.length === count) child.kill('SIGKILL');
  }
  return { pid: child.pid!, names };
}

test('a proposal that is too large for what is left of the disk takes no small one with it', async (t) => {
  const child = spawn(process.execPath, [VICTIM, 'full-disk-together', directoryOf(t)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(line);
  assert.deepEqual(lines, ['before applied', 'large unavailable', 'after applied', 'before, after']);
});
