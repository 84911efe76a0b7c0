import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { FieldValue } from '../protocol/field-table.ts';
import { Slices } from '../runtime/slices.ts';
import type { Change, MetadataStore } from './port.ts';
import { METADATA_FILE_NAME, openSqliteStore } from './sqlite-store.ts';
import {
  answerTo,
  bindingRecord,
  exchangeRecord,
  make,
  makeMany,
  policyRecord,
  putBinding,
  putExchange,
  putPermission,
  putQueue,
  putUser,
  putVhost,
  queueRecord,
} from './test-records.ts';

const VICTIM = fileURLToPath(new URL('test-store-process.ts', import.meta.url));

test('everything durable is there after a reopening, to the type of every argument', (t) => {
  const directory = emptyDirectory(t);
  const args = new Map<string, FieldValue>([
    ['I', { type: 'I', value: 1 }],
    ['l', { type: 'l', value: -(2n ** 62n) }],
    ['d', { type: 'd', value: -0 }],
    ['x', { type: 'x', value: Buffer.from([0, 255]) }],
    ['not UTF-8 \udcff', { type: 'S', value: '\udc80' }],
    ['F', { type: 'F', value: new Map([['A', { type: 'A', value: [{ type: 'V' }, { type: 't', value: true }] }]]) }],
  ]);
  const store = open(directory);
  make(
    store,
    {
      kind: 'put-vhost',
      vhost: { name: '/', description: 'é', tags: ['a'], defaultQueueType: 'quorum', tracing: true },
    },
    putUser(),
    putPermission(),
    {
      kind: 'put-topic-permission',
      topicPermission: { user: 'alice', vhost: '/', exchange: 'x', write: '^a', read: '' },
    },
    putExchange({ arguments: args }),
    putQueue({ arguments: args, name: 'invoices \udc80', type: 'quorum' }),
    putBinding({ destination: 'invoices \udc80', arguments: args }),
    { kind: 'put-policy', policy: policyRecord() },
    { kind: 'put-operator-policy', policy: policyRecord({ name: 'other' }) },
    {
      kind: 'put-parameter',
      parameter: { vhost: '/', component: 'shovel', name: 's', value: { uri: ['a', 1, null] } },
    },
    { kind: 'put-global-parameter', parameter: { name: 'cluster_name', value: 'warren' } },
  );
  const { nodeId } = store;
  const before = store.snapshot();
  store.close();
  const again = open(directory);
  assert.deepEqual(again.snapshot(), before);
  assert.equal(again.nodeId, nodeId);
  assert.equal(again.clusterName, 'warren');
  again.close();
});

test('transient exchanges and queues, exclusive queues, and bindings of any of them are gone after a reopening', (t) => {
  const directory = emptyDirectory(t);
  const store = open(directory);
  make(store, putVhost(), putExchange(), putExchange({ name: 'transient', durable: false }), putQueue());
  make(
    store,
    putQueue({ name: 'transient', id: 2, durable: false }),
    putQueue({ name: 'mine', id: 3, exclusive: true }),
  );
  make(store, putBinding(), putBinding({ source: 'transient' }), putBinding({ destination: 'transient' }));
  make(store, putBinding({ destination: 'mine' }));
  assert.equal(store.snapshot().bindings.length, 4);
  store.close();
  const again = open(directory);
  assert.deepEqual(again.snapshot().exchanges, [exchangeRecord()]);
  assert.deepEqual(again.snapshot().queues, [queueRecord()]);
  assert.deepEqual(again.snapshot().bindings, [bindingRecord()]);
  again.close();
});

test('what was deleted stays deleted after a reopening, and so does what went with it', (t) => {
  const directory = emptyDirectory(t);
  const store = open(directory);
  make(store, putVhost(), putVhost('b'), putExchange(), putQueue(), putBinding(), putExchange({ vhost: 'b' }));
  make(store, { kind: 'delete-queue', vhost: '/', name: 'invoices' }, { kind: 'delete-vhost', name: 'b' });
  const before = store.snapshot();
  store.close();
  const again = open(directory);
  assert.deepEqual(again.snapshot(), before);
  again.close();
});

test('a queue deleted and declared again in one batch is the new one after a reopening', (t) => {
  const directory = emptyDirectory(t);
  const store = open(directory);
  make(store, putVhost(), putQueue());
  make(store, { kind: 'delete-queue', vhost: '/', name: 'invoices' }, putQueue({ id: 2 }));
  store.close();
  const again = open(directory);
  assert.equal(again.snapshot().queues[0]!.id, 2);
  again.close();
});

test('queue ids go on after a reopening: a journal may still name the queues of before', (t) => {
  const directory = emptyDirectory(t);
  const store = open(directory);
  const ids = Array.from({ length: 3000 }, () => store.allocateQueueId());
  store.close();
  const again = open(directory);
  assert.ok(again.allocateQueueId() > ids.at(-1)!);
  again.close();
});

test('when all ids were given out, no id is given a second time', (t) => {
  const directory = emptyDirectory(t);
  open(directory).close();
  edit(directory, `UPDATE fact SET value = ${2 ** 32 - 2} WHERE name = 'queue_id_limit'`);
  const store = open(directory);
  assert.deepEqual([store.allocateQueueId(), store.allocateQueueId()], [2 ** 32 - 2, 2 ** 32 - 1]);
  assert.throws(() => store.allocateQueueId(), { name: 'MetadataError', fault: 'exhausted' });
  store.close();
});

test('a second store on the same directory is refused, for two brokers would ruin each other', (t) => {
  const directory = emptyDirectory(t);
  const store = open(directory);
  assert.throws(() => open(directory), faultNaming(directory, 'unavailable', 'in use by another process'));
  make(store, putVhost());
  store.close();
});

test('a file of a newer schema is refused and left as it is', (t) => {
  const directory = emptyDirectory(t);
  open(directory).close();
  edit(directory, 'PRAGMA user_version = 2');
  const before = readFileSync(join(directory, METADATA_FILE_NAME));
  assert.throws(() => open(directory), faultNaming(directory, 'newer', 'has schema version 2'));
  assert.deepEqual(readFileSync(join(directory, METADATA_FILE_NAME)), before);
});

test('a file that is no database is refused by its name and left as it is', (t) => {
  const directory = emptyDirectory(t);
  const path = join(directory, METADATA_FILE_NAME);
  writeFileSync(path, 'this is no database, and long enough to be looked at. '.repeat(100));
  const before = readFileSync(path);
  assert.throws(() => open(directory), faultNaming(directory, 'corrupt', 'not a database'));
  assert.deepEqual(readFileSync(path), before);
});

test("another program's database is refused and left as it is", (t) => {
  const directory = emptyDirectory(t);
  edit(directory, 'CREATE TABLE diary (day TEXT)');
  const before = readFileSync(join(directory, METADATA_FILE_NAME));
  assert.throws(() => open(directory), faultNaming(directory, 'corrupt', 'another program'));
  assert.deepEqual(readFileSync(join(directory, METADATA_FILE_NAME)), before);
});

test('a page overwritten with noise is found when the store is opened', async (t) => {
  const directory = await filledDirectory(t);
  const path = join(directory, METADATA_FILE_NAME);
  const file = openSync(path, 'r+');
  const middle = Math.floor(statSync(path).size / 8192) * 4096;
  writeSync(file, Buffer.alloc(4096, 0xa5), 0, 4096, middle);
  closeSync(file);
  assert.throws(() => open(directory), faultNaming(directory, 'corrupt', 'damaged'));
});

test('one flipped bit in a name is found, which SQLite itself does not notice', async (t) => {
  const directory = await filledDirectory(t);
  const path = join(directory, METADATA_FILE_NAME);
  const content = readFileSync(path);
  const at = content.indexOf('"name":"queue 500"');
  assert.ok(at > 0);
  content[at + 9]! ^= 1;
  writeFileSync(path, content);
  assert.throws(() => open(directory), faultNaming(directory, 'corrupt', 'checksum of ["queue","/","queue 500"]'));
});

test('an entity without what it hangs on is found when the store is opened', async (t) => {
  const directory = await filledDirectory(t);
  edit(directory, `DELETE FROM record WHERE key = '["vhost","/"]'`);
  assert.throws(() => open(directory), faultNaming(directory, 'corrupt', 'needs ["vhost","/"]'));
});

test('a store that was killed has everything that it said was applied', { timeout: 60_000 }, async (t) => {
  const directory = emptyDirectory(t);
  for (let round = 0; round < 3; round++) {
    const applied = await namesAppliedBeforeKill(directory, 40);
    const store = open(directory);
    const kept = new Set(store.snapshot().queues.map((queue) => queue.name));
    assert.ok(applied.length >= 40);
    assert.deepEqual(
      applied.filter((name) => !kept.has(name)),
      [],
    );
    const ids = store.snapshot().queues.map((queue) => queue.id);
    assert.equal(new Set(ids).size, ids.length, 'no id was given out twice over the kills');
    store.close();
  }
});

test('a full disk fails the proposal, leaves nothing of it, and the store goes on when there is room', async (t) => {
  const directory = emptyDirectory(t);
  const lines = await linesOf(['full-disk', directory]);
  assert.deepEqual(lines, [
    'unavailable',
    'queues as before',
    'followers heard nothing',
    'applied after there was room',
  ]);
  const store = open(directory);
  assert.deepEqual(
    store.snapshot().queues.map((queue) => queue.name),
    ['after'],
  );
  store.close();
});

test('definitions of 10,000 queues and bindings are one proposal', async (t) => {
  const directory = emptyDirectory(t);
  let store = open(directory);
  make(store, putVhost(), putExchange());
  const changes: Change[] = [];
  for (let index = 0; index < 10_000; index++) {
    changes.push(putQueue({ name: `queue ${index}`, id: store.allocateQueueId() }));
    changes.push(putBinding({ destination: `queue ${index}` }));
  }
  const beganMs = performance.now();
  await makeMany(store, ...changes);
  const proposeMs = performance.now() - beganMs;
  store.close();
  const openMs = elapsedMs(() => {
    store = open(directory);
  });
  assert.equal(store.snapshot().queues.length, 10_000);
  const oneMs = elapsedMs(() => {
    for (let index = 0; index < 100; index++)
      make(store, putQueue({ name: `one ${index}`, id: store.allocateQueueId() }));
  });
  const transientMs = elapsedMs(() => {
    for (let id = 20_000; id < 21_000; id++) make(store, putQueue({ name: `transient ${id}`, id, durable: false }));
  });
  const deletedMs = performance.now();
  await makeMany(store, { kind: 'delete-vhost', name: '/' });
  const deleteMs = performance.now() - deletedMs;
  store.close();
  t.diagnostic(
    `10,000 queues and 10,000 bindings: proposed ${ms(proposeMs)}, opened ${ms(openMs)}, vhost deleted ${ms(deleteMs)}`,
  );
  t.diagnostic(`one durable queue a proposal: ${ms(oneMs / 100)}; one transient queue: ${ms(transientMs / 1000)}`);
});

test('what is half written when the store is closed is given up, and no id of it is given again', async (t) => {
  const directory = emptyDirectory(t);
  const store = openSqliteStore({ directory, clusterName: 'rabbit@here', slices: new Slices() });
  await makeMany(store, putVhost());
  const ids: number[] = [];
  const queue = (): Change => {
    const id = store.allocateQueueId();
    ids.push(id);
    return putQueue({ name: `queue ${id}`, id });
  };
  const told: Change[] = [];
  store.follow((change) => told.push(change));
  store.propose(Array.from({ length: 5000 }, queue), () => assert.fail('it was to be given up'));
  // Ids are reserved in the transaction that is open by now.
  for (let turn = 0; turn < 5; turn++) await new Promise((next) => setImmediate(next));
  assert.equal(told.length, 0, 'it is not through yet');
  for (let count = 0; count < 3000; count++) queue();
  store.close();
  const again = open(directory);
  assert.deepEqual(again.snapshot().queues, []);
  assert.ok(!ids.slice(0, 5000).includes(again.allocateQueueId()));
  again.close();
});

test('a batch that fails after a deletion with all that hung on it is taken back whole', (t) => {
  const directory = emptyDirectory(t);
  const store = open(directory);
  make(store, putVhost(), putExchange(), putQueue(), putBinding());
  const before = store.snapshot();
  const bad = [{ kind: 'delete-exchange', vhost: '/', name: 'orders' } as const, putBinding()];
  assert.equal(answerTo(store, bad)?.fault, 'missing');
  assert.deepEqual(new Set(store.snapshot().bindings), new Set(before.bindings));
  make(store, { kind: 'delete-vhost', name: '/' });
  assert.deepEqual(Object.values(store.snapshot()).flat(), [], 'what was taken back still hangs on what it hung on');
  store.close();
});

function open(directory: string): MetadataStore {
  return openSqliteStore({ directory, clusterName: 'rabbit@here' });
}

function emptyDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-metadata-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** A store with a thousand queues, closed. */
async function filledDirectory(t: TestContext): Promise<string> {
  const directory = emptyDirectory(t);
  const store = open(directory);
  await makeMany(
    store,
    putVhost(),
    ...Array.from({ length: 1000 }, (_, index) => putQueue({ name: `queue ${index}`, id: index + 1 })),
  );
  store.close();
  return directory;
}

function edit(directory: string, sql: string): void {
  const database = new DatabaseSync(join(directory, METADATA_FILE_NAME));
  database.exec(sql);
  database.close();
}

function faultNaming(directory: string, fault: string, words: string) {
  return (error: unknown) => {
    assert.ok(error instanceof Error && 'fault' in error);
    assert.equal(error.fault, fault);
    assert.ok(error.message.includes(join(directory, METADATA_FILE_NAME)), error.message);
    assert.ok(error.message.includes(words), error.message);
    return true;
  };
}

/** Runs a process that declares queues without end, kills it after some, and gives the names that it had said were applied. */
async function namesAppliedBeforeKill(directory: string, count: number): Promise<string[]> {
  const child = spawn(process.execPath, [VICTIM, 'declare', directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const names: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    names.push(line);
    if (names.length === count) child.kill('SIGKILL');
  }
  await exited;
  return names;
}

async function linesOf(args: string[]): Promise<string[]> {
  const child = spawn(process.execPath, [VICTIM, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(line);
  return lines;
}

function elapsedMs(work: () => void): number {
  const startMs = performance.now();
  work();
  return performance.now() - startMs;
}

function ms(value: number): string {
  return `${value.toFixed(2)} ms`;
}
