/** The contract of the port, held against every embedded store. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { FieldTable, FieldValue } from '../protocol/field-table.ts';
import { Slices } from '../runtime/slices.ts';
import { openMemoryStore } from './memory-store.ts';
import type { Change, MetadataStore } from './port.ts';
import { openSqliteStore } from './sqlite-store.ts';
import {
  answerTo,
  bindingRecord,
  exchangeRecord,
  laterAnswerTo,
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
  userRecord,
} from './test-records.ts';

type Open = (directory: string, paced?: { readonly slices: Slices }) => MetadataStore;

const STORES: readonly (readonly [name: string, open: Open])[] = [
  ['the memory store', (_, paced) => openMemoryStore({ clusterName: 'rabbit@here', ...paced })],
  ['the SQLite store', (directory, paced) => openSqliteStore({ directory, clusterName: 'rabbit@here', ...paced })],
];

function manyQueues(store: MetadataStore, count: number): Change[] {
  return Array.from({ length: count }, () => {
    const id = store.allocateQueueId();
    return putQueue({ name: `queue ${id}`, id });
  });
}

function manyDeletions(store: MetadataStore): Change[] {
  return store.snapshot().queues.map(({ vhost, name }) => ({ kind: 'delete-queue', vhost, name }));
}

/** Looks in every pass of the event loop until it is done. */
async function meanwhile(work: Promise<unknown>, look: () => void): Promise<void> {
  let done = false;
  const ended = work.finally(() => {
    done = true;
  });
  while (!done) {
    look();
    await new Promise((next) => setImmediate(next));
  }
  await ended;
}

for (const [name, open] of STORES) {
  describe(name, () => {
    type Run = (store: MetadataStore) => void | Promise<void>;
    const contract = (sentence: string, run: Run, paced?: { readonly slices: Slices }) =>
      test(sentence, async () => {
        const directory = mkdtempSync(join(tmpdir(), 'leveret-metadata-'));
        const store = open(directory, paced);
        try {
          await run(store);
        } finally {
          store.close();
          rmSync(directory, { recursive: true });
        }
      });
    const pacedContract = (sentence: string, run: Run) => contract(sentence, run, { slices: new Slices() });

    contract('an empty store has nothing in its snapshot, and a node id', (store) => {
      assert.deepEqual(Object.values(store.snapshot()).flat(), []);
      assert.match(store.nodeId, /^[0-9a-f-]{36}$/);
    });

    contract('followers hear a batch in its order, before the proposer hears of it', (store) => {
      const heard: string[] = [];
      store.follow((change) => heard.push(change.kind));
      store.propose([putVhost(), putExchange(), putQueue(), putBinding()], () => heard.push('applied'));
      assert.deepEqual(heard, ['put-vhost', 'put-exchange', 'put-queue', 'put-binding', 'applied']);
    });

    pacedContract(
      'a long proposal leaves room for others, and is seen meanwhile as far as followers were told',
      async (store) => {
        await makeMany(store, putVhost(), ...manyQueues(store, 50));
        let queueCount = 50;
        store.follow(({ kind }) => {
          if (kind === 'put-queue') queueCount++;
          if (kind === 'delete-queue') queueCount--;
        });
        const seen: number[] = [];
        const look = () => {
          const { vhosts, queues } = store.snapshot();
          assert.deepEqual([vhosts.length, queues.length], [1, queueCount]);
          seen.push(queueCount);
        };
        await meanwhile(makeMany(store, ...manyQueues(store, 5000)), look);
        await meanwhile(makeMany(store, ...manyDeletions(store)), look);
        assert.equal(queueCount, 0);
        assert.ok(seen.filter((count) => count > 50 && count < 5050).length > 0, `in the midst of it: ${seen}`);
      },
    );

    pacedContract('what is proposed while a long proposal is taken is answered after it, in order', async (store) => {
      await makeMany(store, putVhost());
      const heard: string[] = [];
      store.follow((change) => heard.push(change.kind));
      const long = makeMany(store, ...manyQueues(store, 1000)).then(() => heard.push('long'));
      store.propose([putExchange()], () => heard.push('second'));
      store.propose([putUser()], () => heard.push('third'));
      await Promise.all([long, laterAnswerTo(store, [putUser('bob')])]);
      const [later] = [heard.slice(1000)];
      assert.deepEqual(later.filter((word) => word !== 'long').slice(0, 4), [
        'put-exchange',
        'second',
        'put-user',
        'third',
      ]);
    });

    pacedContract('a long proposal that fails leaves nothing, and nothing of it is seen meanwhile', async (store) => {
      await makeMany(store, putVhost());
      store.follow(() => assert.fail('followers hear of it'));
      const before = store.snapshot();
      const bad = [...manyQueues(store, 3000), putBinding({ source: 'none' })];
      const answer = laterAnswerTo(store, bad);
      await meanwhile(answer, () => assert.deepEqual(store.snapshot(), before));
      assert.equal((await answer)?.fault, 'missing');
      assert.deepEqual(store.snapshot(), before);
    });

    pacedContract('many short proposals leave room for others, too, and are answered in order', async (store) => {
      await makeMany(store, putVhost());
      const answered: number[] = [];
      const proposals = manyQueues(store, 3000).map((change, index) => {
        return laterAnswerTo(store, [change]).then((error) => {
          assert.equal(error, null);
          answered.push(index);
        });
      });
      await Promise.resolve();
      assert.ok(answered.length < 3000, 'not all of them are done at once');
      let passes = 0;
      await meanwhile(Promise.all(proposals), () => passes++);
      assert.ok(passes > 1);
      assert.deepEqual(
        answered,
        answered.toSorted((one, other) => one - other),
      );
      assert.equal(store.snapshot().queues.length, 3000);
    });

    pacedContract(
      'of proposals that are persisted together, one that fails takes none of the others with it',
      async (store) => {
        await makeMany(store, putVhost());
        const changes = manyQueues(store, 2000);
        changes[1500] = putBinding({ source: 'none' });
        const errors = await Promise.all(changes.map((change) => laterAnswerTo(store, [change])));
        const failed = errors.flatMap((error, index) => (error === null ? [] : [[index, error.fault]]));
        assert.deepEqual(failed, [[1500, 'missing']]);
        assert.equal(store.snapshot().queues.length, 1999);
      },
    );

    contract('a follower that left hears nothing more', (store) => {
      const heard: string[] = [];
      const leave = store.follow((change) => heard.push(change.kind));
      make(store, putVhost());
      leave();
      make(store, putQueue());
      assert.deepEqual(heard, ['put-vhost']);
    });

    contract('a batch with one bad change changes nothing, so that half a definition is never there', (store) => {
      const heard: Change[] = [];
      make(store, putVhost());
      store.follow((change) => heard.push(change));
      const before = store.snapshot();
      const bad = [putQueue(), { kind: 'delete-vhost', name: '/' } as const, putQueue({ vhost: 'nowhere' })];
      assert.equal(answerTo(store, bad)?.fault, 'missing');
      assert.deepEqual(store.snapshot(), before);
      assert.deepEqual(heard, []);
    });

    contract('what a change refers to has to be there: a race with its deletion is lost, not half-won', (store) => {
      make(store, putVhost(), putUser(), putExchange(), putQueue());
      const homeless: Change[] = [
        putQueue({ vhost: 'nowhere' }),
        putExchange({ vhost: 'nowhere' }),
        putBinding({ source: 'missing' }),
        putBinding({ destination: 'missing' }),
        putBinding({ destination: 'invoices', destinationType: 'exchange' }),
        putPermission('nobody', '/'),
        putPermission('alice', 'nowhere'),
        { kind: 'put-policy', policy: policyRecord({ vhost: 'nowhere' }) },
      ];
      for (const change of homeless) assert.equal(answerTo(store, [change])?.fault, 'missing', JSON.stringify(change));
    });

    contract('a queue keeps its id: another one of the same name is a conflict', (store) => {
      make(store, putVhost(), putQueue({ id: 7 }));
      assert.equal(answerTo(store, [putQueue({ id: 8 })])?.fault, 'conflict');
      make(store, { kind: 'delete-queue', vhost: '/', name: 'invoices' }, putQueue({ id: 8 }));
      assert.equal(store.snapshot().queues[0]!.id, 8);
    });

    contract('an exchange may be put again as it is, of which nobody hears, and not otherwise', (store) => {
      const heard: Change[] = [];
      make(store, putVhost(), putExchange());
      store.follow((change) => heard.push(change));
      make(store, putExchange());
      assert.equal(answerTo(store, [putExchange({ type: 'fanout' })])?.fault, 'conflict');
      assert.deepEqual(heard, []);
    });

    contract('a user, a vhost and a policy are replaced by another put', (store) => {
      make(store, putVhost(), putUser(), { kind: 'put-policy', policy: policyRecord() });
      const user = { ...userRecord(), tags: ['monitoring'] };
      const policy = policyRecord({ priority: 5 });
      make(store, { kind: 'put-user', user }, { kind: 'put-policy', policy });
      assert.deepEqual(store.snapshot().users, [user]);
      assert.deepEqual(store.snapshot().policies, [policy]);
    });

    contract('replacing a vhost or a user takes nothing of theirs away', (store) => {
      make(store, putVhost(), putUser(), putPermission(), putExchange(), putQueue(), putBinding());
      make(store, putVhost(), putUser());
      const { permissions, queues, bindings } = store.snapshot();
      assert.deepEqual([permissions.length, queues.length, bindings.length], [1, 1, 1]);
    });

    contract('the same binding twice is one, whatever the order of its arguments', (store) => {
      const heard: Change[] = [];
      const a: [string, FieldValue] = ['a', { type: 'I', value: 1 }];
      const b: [string, FieldValue] = ['b', { type: 'S', value: 'x' }];
      make(store, putVhost(), putExchange(), putQueue(), putBinding({ arguments: new Map([a, b]) }));
      store.follow((change) => heard.push(change));
      make(store, putBinding({ arguments: new Map([b, a]) }));
      assert.deepEqual(heard, []);
      make(store, putBinding({ arguments: new Map([a]) }), putBinding({ routingKey: 'other' }));
      assert.equal(store.snapshot().bindings.length, 3);
      make(store, { kind: 'delete-binding', binding: bindingRecord({ arguments: new Map([b, a]) }) });
      assert.equal(store.snapshot().bindings.length, 2);
    });

    contract('deleting a queue deletes its bindings first', (store) => {
      make(store, putVhost(), putExchange(), putQueue(), putBinding(), putBinding({ routingKey: 'sent' }));
      assert.deepEqual(kindsHeard(store, { kind: 'delete-queue', vhost: '/', name: 'invoices' }), [
        'delete-binding',
        'delete-binding',
        'delete-queue',
      ]);
      assert.deepEqual(store.snapshot().bindings, []);
    });

    contract('deleting an exchange deletes its bindings on both sides, one to itself among them', (store) => {
      make(store, putVhost(), putExchange(), putExchange({ name: 'all' }), putQueue(), putBinding());
      make(store, putBinding({ source: 'all', destination: 'orders', destinationType: 'exchange' }));
      make(store, putBinding({ destination: 'orders', destinationType: 'exchange' }));
      make(store, putBinding({ source: 'all' }));
      make(store, { kind: 'delete-exchange', vhost: '/', name: 'orders' });
      assert.deepEqual(store.snapshot().bindings, [bindingRecord({ source: 'all' })]);
    });

    contract('deleting a user deletes its permissions, and no other user has lost any', (store) => {
      make(store, putVhost(), putUser(), putUser('bob'), putPermission(), putPermission('bob'));
      const topicPermission = { user: 'alice', vhost: '/', exchange: 'amq.topic', write: '', read: '' };
      make(store, { kind: 'put-topic-permission', topicPermission });
      make(store, { kind: 'delete-user', name: 'alice' });
      const { users, permissions, topicPermissions } = store.snapshot();
      assert.deepEqual(
        users.map((user) => user.name),
        ['bob'],
      );
      assert.deepEqual(
        permissions.map((permission) => permission.user),
        ['bob'],
      );
      assert.deepEqual(topicPermissions, []);
    });

    contract('deleting a vhost deletes all in it and nothing in another one', (store) => {
      make(store, putUser(), ...oneOfEach('b'));
      const before = store.snapshot();
      make(store, ...oneOfEach('a'));
      for (const [list, records] of Object.entries(before)) {
        const isOfVhosts = list !== 'users' && list !== 'globalParameters';
        assert.equal(store.snapshot()[list as keyof typeof before].length, records.length + (isOfVhosts ? 1 : 0), list);
      }
      make(store, { kind: 'delete-vhost', name: 'a' });
      assert.deepEqual(store.snapshot(), before);
    });

    contract('deleting what is not there changes nothing, and nobody is told', (store) => {
      make(store, putVhost());
      const missing: Change[] = [
        { kind: 'delete-queue', vhost: '/', name: 'x' },
        { kind: 'delete-binding', binding: bindingRecord() },
        { kind: 'delete-user', name: 'nobody' },
        { kind: 'delete-vhost', name: 'nowhere' },
      ];
      assert.deepEqual(kindsHeard(store, ...missing), []);
    });

    contract(
      'a proposal of a follower waits until all heard of the present one, and is done before its proposer hears',
      (store) => {
        const heard: string[] = [];
        store.follow((change) => {
          if (change.kind !== 'put-vhost') return;
          store.propose([putQueue()], () => heard.push('nested applied'));
        });
        store.follow((change) => heard.push(change.kind));
        store.propose([putVhost(), putExchange()], () => heard.push('applied'));
        assert.deepEqual(heard, ['put-vhost', 'put-exchange', 'put-queue', 'nested applied', 'applied']);
      },
    );

    contract('names that differ in any octet are different entities', (store) => {
      const names = [
        'a',
        'A',
        'a ',
        '',
        '"',
        '","',
        '\\',
        '\0',
        'a\n',
        '\udcff',
        'é',
        'e\u0301',
        '["queue"]',
        '\u{1f430}',
      ];
      make(store, putVhost(), ...names.map((name, index) => putQueue({ name, id: index + 1 })));
      assert.equal(new Set(store.snapshot().queues.map((queue) => queue.name)).size, names.length);
    });

    contract('queue ids are never given twice', (store) => {
      const ids = Array.from({ length: 5000 }, () => store.allocateQueueId());
      assert.equal(new Set(ids).size, 5000);
      assert.ok(ids.every((id) => id > 0));
    });

    contract(
      'the cluster has the name it was opened with until one is set, and again when that is cleared',
      (store) => {
        assert.equal(store.clusterName, 'rabbit@here');
        make(store, { kind: 'put-global-parameter', parameter: { name: 'cluster_name', value: 'warren' } });
        assert.equal(store.clusterName, 'warren');
        make(store, { kind: 'delete-global-parameter', name: 'cluster_name' });
        assert.equal(store.clusterName, 'rabbit@here');
      },
    );

    contract('following from a snapshot on gives what a later snapshot shows', (store) => {
      make(store, putUser(), ...oneOfEach('a'));
      const names = new Set(store.snapshot().queues.map((queue) => queue.name));
      store.follow((change) => {
        if (change.kind === 'put-queue') names.add(change.queue.name);
        if (change.kind === 'delete-queue') names.delete(change.name);
      });
      make(store, putQueue({ vhost: 'a', name: 'more', id: 2 }), {
        kind: 'delete-queue',
        vhost: 'a',
        name: 'invoices',
      });
      assert.deepEqual(
        [...names],
        store.snapshot().queues.map((queue) => queue.name),
      );
    });

    contract('arguments keep their types, as clients compare them in later declarations', (store) => {
      const args: FieldTable = new Map<string, FieldValue>([
        ['x-max-length', { type: 'l', value: 2n ** 60n }],
        ['x-expires', { type: 's', value: 5 }],
      ]);
      make(store, putVhost(), putExchange({ arguments: args }), putQueue({ arguments: args }));
      assert.deepEqual(store.snapshot().exchanges, [exchangeRecord({ arguments: args })]);
      assert.deepEqual(store.snapshot().queues, [queueRecord({ arguments: args })]);
    });
  });
}

function kindsHeard(store: MetadataStore, ...changes: Change[]): string[] {
  const heard: string[] = [];
  const leave = store.follow((change) => heard.push(change.kind));
  make(store, ...changes);
  leave();
  return heard;
}

/** A vhost, and one of everything that can be in one; the user alice has to be there. */
function oneOfEach(vhost: string): Change[] {
  const topicPermission = { user: 'alice', vhost, exchange: 'amq.topic', write: '', read: '' };
  return [
    putVhost(vhost),
    putPermission('alice', vhost),
    { kind: 'put-topic-permission', topicPermission },
    putExchange({ vhost }),
    putQueue({ vhost }),
    putBinding({ vhost }),
    { kind: 'put-policy', policy: policyRecord({ vhost }) },
    { kind: 'put-operator-policy', policy: policyRecord({ vhost }) },
    { kind: 'put-parameter', parameter: { vhost, component: 'shovel', name: 'move', value: { a: [1, null] } } },
  ];
}
