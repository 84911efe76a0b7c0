import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toPlain } from '../protocol/field-table.ts';
import { whole } from '../runtime/slices.ts';
import { DefinitionsError } from './definition-fields.ts';
import { definitionChanges, readDefinitions } from './definitions.ts';
import { type DefinitionLists, writeDefinitions, writeVhostDefinitions } from './definitions-writer.ts';
import { openMemoryStore } from './memory-store.ts';
import type { MetadataStore } from './port.ts';
import { make, putExchange, putQueue, putVhost } from './test-records.ts';

const read = (json: unknown) => whole(readDefinitions(json, (password) => `hash of ${password}`));

/** Every field that RabbitMQ 3.10.8 writes when it exports, one entity of each kind. */
const EXPORTED = {
  rabbit_version: '3.10.8',
  rabbitmq_version: '3.10.8',
  product_name: 'RabbitMQ',
  product_version: '3.10.8',
  users: [
    {
      name: 'alice',
      password_hash: 'AQIDBA==',
      hashing_algorithm: 'rabbit_password_hashing_sha512',
      tags: ['monitoring', 'management'],
      limits: { 'max-channels': 5 },
    },
  ],
  vhosts: [{ name: 'shop', limits: [], metadata: { description: 'Orders', tags: ['live'] } }],
  permissions: [{ user: 'alice', vhost: 'shop', configure: '^a', write: '', read: '.*' }],
  topic_permissions: [{ user: 'alice', vhost: 'shop', exchange: 'events', write: '^a', read: '.*' }],
  parameters: [
    { vhost: 'shop', component: 'vhost-limits', name: 'limits', value: { 'max-queues': 7 } },
    {
      value: { pattern: '.*', definition: { 'max-length': 1000 }, priority: 1, 'apply-to': 'queues' },
      vhost: 'shop',
      component: 'operator_policy',
      name: 'all-have-an-end',
    },
  ],
  global_parameters: [{ name: 'cluster_name', value: 'rabbit@shop' }],
  policies: [
    {
      vhost: 'shop',
      name: 'orders',
      pattern: '^ord',
      'apply-to': 'all',
      definition: { 'message-ttl': 5000, overflow: 'reject-publish' },
      priority: 3,
    },
  ],
  queues: [
    { name: 'orders', vhost: 'shop', durable: true, auto_delete: false, arguments: { 'x-message-ttl': 60_000 } },
  ],
  exchanges: [
    {
      name: 'events',
      vhost: 'shop',
      type: 'topic',
      durable: true,
      auto_delete: false,
      internal: true,
      arguments: { 'alternate-exchange': 'rest' },
    },
  ],
  bindings: [
    {
      source: 'events',
      vhost: 'shop',
      destination: 'orders',
      destination_type: 'queue',
      routing_key: 'order.*',
      arguments: {},
    },
  ],
};

describe('reading definitions', () => {
  test('a file as RabbitMQ exports it is read whole, so that a broker can be moved', () => {
    const found = read(EXPORTED);
    const limits = { 'max-channels': 5 };
    const alice = {
      name: 'alice',
      passwordHash: 'AQIDBA==',
      hashing: 'sha512',
      tags: ['monitoring', 'management'],
      limits,
    };
    assert.deepEqual(found.users, [alice]);
    assert.deepEqual(found.vhosts, [{ name: 'shop', description: 'Orders', tags: ['live'], tracing: false }]);
    assert.deepEqual(found.permissions, [{ user: 'alice', vhost: 'shop', configure: '^a', write: '', read: '.*' }]);
    const topics = [{ user: 'alice', vhost: 'shop', exchange: 'events', write: '^a', read: '.*' }];
    assert.deepEqual(found.topicPermissions, topics);
    const value = { 'max-queues': 7 };
    assert.deepEqual(found.parameters, [{ vhost: 'shop', component: 'vhost-limits', name: 'limits', value }]);
    assert.deepEqual(found.globalParameters, [{ name: 'cluster_name', value: 'rabbit@shop' }]);
    const definition = { 'message-ttl': 5000, overflow: 'reject-publish' };
    const policy = { vhost: 'shop', name: 'orders', pattern: '^ord', applyTo: 'all', priority: 3, definition };
    assert.deepEqual(found.policies, [policy]);
    const kept = { pattern: '.*', applyTo: 'queues', priority: 1, definition: { 'max-length': 1000 } };
    assert.deepEqual(found.operatorPolicies, [{ vhost: 'shop', name: 'all-have-an-end', ...kept }]);
    const [exchange] = found.exchanges;
    assert.deepEqual([exchange!.name, exchange!.type, exchange!.internal], ['events', 'topic', true]);
    assert.deepEqual(toPlain(exchange!.arguments), { 'alternate-exchange': 'rest' });
    const [queue] = found.queues;
    assert.deepEqual(
      [queue!.name, queue!.durable, queue!.autoDelete, queue!.exclusive],
      ['orders', true, false, false],
    );
    assert.deepEqual(toPlain(queue!.arguments), { 'x-message-ttl': 60_000 });
    const [binding] = found.bindings;
    assert.deepEqual([binding!.source, binding!.destinationType, binding!.routingKey], ['events', 'queue', 'order.*']);
  });

  test('an empty file defines nothing, because every list may be missing', () => {
    for (const list of Object.values(read({}))) assert.deepEqual(list, []);
  });

  test('tags may be one text with commas, as RabbitMQ before 3.9 wrote them', () => {
    assert.deepEqual(read({ users: [{ name: 'a', tags: 'administrator, policymaker' }] }).users[0]!.tags, [
      'administrator',
      'policymaker',
    ]);
    assert.deepEqual(read({ users: [{ name: 'a', tags: '' }] }).users[0]!.tags, []);
  });

  test('a user is read with a hash, a password, or neither, which is no login by password', () => {
    const users = [
      { name: 'a', tags: '', password_hash: 'AQID' },
      { name: 'b', tags: '', password: 'secret' },
      { name: 'c', tags: '' },
    ];
    const hashes = read({ users }).users.map(({ passwordHash, hashing }) => [passwordHash, hashing]);
    assert.deepEqual(hashes, [
      ['AQID', 'sha256'],
      ['hash of secret', 'sha256'],
      ['', 'sha256'],
    ]);
  });

  test('limits in a vhost become its parameter, as a list of pairs or as an object', () => {
    const value = { 'max-connections': 3, 'max-queues': 1 };
    for (const limits of [value, Object.entries(value)]) {
      const { parameters } = read({ vhosts: [{ name: 'v', limits }] });
      assert.deepEqual(parameters, [{ vhost: 'v', component: 'vhost-limits', name: 'limits', value }]);
    }
  });

  test('the default queue type of a vhost is read, because its clients count on it', () => {
    const metadata = { description: '', tags: [], default_queue_type: 'quorum' };
    assert.equal(read({ vhosts: [{ name: 'v', metadata }] }).vhosts[0]!.defaultQueueType, 'quorum');
    for (const undecided of ['undefined', '']) {
      const [vhost] = read({ vhosts: [{ name: 'v', default_queue_type: undecided }] }).vhosts;
      assert.equal('defaultQueueType' in vhost!, false);
    }
  });

  test('a policy that does not say so applies to queues and exchanges, with the priority 0', () => {
    const policy = { vhost: '/', name: 'p', pattern: '.*', definition: { 'max-length': 1 } };
    assert.deepEqual(read({ policies: [policy] }).policies, [{ ...policy, applyTo: 'all', priority: 0 }]);
  });

  const faults: readonly (readonly [what: string, json: unknown, message: RegExp])[] = [
    ['the file is a list', [], /definitions: the file: expected an object, found \[\]/],
    ['a list is an object', { users: {} }, /definitions: users: expected a list, found \{\}/],
    ['an entry is a text', { queues: ['q'] }, /definitions: queues\[0\]: expected an object, found "q"/],
    ['a list has a name with a fault', { queue: [{}] }, /definitions: queue: is none of the lists users, vhosts/],
    ['a name is missing', { vhosts: [{}] }, /definitions: vhosts\[0\]\.name: is missing; expected a text/],
    ['a name is empty', { vhosts: [{ name: '' }] }, /definitions: vhosts\[0\]\.name: is empty/],
    [
      'a name is too long for the protocol',
      { vhosts: [{ name: 'é'.repeat(128) }] },
      /vhosts\[0\]\.name: has more than 255 octets/,
    ],
    [
      'a policy is for what there is not',
      { policies: [{ vhost: '/', name: 'p', pattern: '', definition: {}, 'apply-to': 'shards' }] },
      /policies\[0\]\.apply-to: expected one of all, queues, .*, exchanges, found "shards"/,
    ],
    [
      'the priority of an operator policy is a text',
      { parameters: [{ vhost: '/', component: 'operator_policy', name: 'p', value: { pattern: '', priority: '1' } }] },
      /parameters\[0\]\.value\.priority: expected a number, found "1"/,
    ],
    ['tags are missing', { users: [{ name: 'a' }] }, /users\[0\]\.tags: is missing/],
    [
      'a flag is a text',
      { queues: [{ name: 'a', vhost: '/', durable: 'true', auto_delete: false }] },
      /queues\[0\]\.durable: expected true or false, found "true"/,
    ],
    [
      'a hash is of an unknown algorithm',
      { users: [{ name: 'a', tags: '', hashing_algorithm: 'sha1' }] },
      /users\[0\]\.hashing_algorithm: expected one of rabbit_password_hashing_sha256,/,
    ],
    [
      'a user has a password and a hash',
      { users: [{ name: 'a', tags: '', password: 'x', password_hash: 'AQID' }] },
      /users\[0\]\.password: stands beside a password_hash/,
    ],
    [
      'a limit is a text',
      { users: [{ name: 'a', tags: '', limits: { 'max-channels': '5' } }] },
      /users\[0\]\.limits: expected an object of whole numbers/,
    ],
    [
      'a destination is a user',
      { bindings: [{ vhost: '/', source: 'x', destination: 'q', destination_type: 'user' }] },
      /bindings\[0\]\.destination_type: expected one of queue, exchange, found "user"/,
    ],
  ];
  for (const [what, json, message] of faults) {
    test(`it is refused with the place and the reason when ${what}`, () => {
      assert.throws(
        () => read(json),
        (error) => error instanceof DefinitionsError && message.test(error.message),
      );
    });
  }
});

describe('the changes that definitions make', () => {
  const changes = (json: unknown, store: MetadataStore) => whole(definitionChanges(read(json), store, () => 'classic'));

  test('a new vhost comes with its predeclared exchanges, an old one is only updated', () => {
    const store = openMemoryStore({ clusterName: 'c' });
    make(store, putVhost('old'));
    const kinds = changes({ vhosts: [{ name: 'old' }, { name: 'new' }] }, store).map((change) => {
      return change.kind === 'put-exchange' ? `${change.exchange.vhost} ${change.exchange.name}` : change.kind;
    });
    assert.deepEqual(kinds.slice(0, 4), ['put-vhost', 'put-vhost', 'new ', 'new amq.direct']);
    assert.ok(!kinds.includes('old amq.direct'), kinds.join());
    store.close();
  });

  test('queues and exchanges that exist stay as they are, as in RabbitMQ: a queue must keep its id', () => {
    const store = openMemoryStore({ clusterName: 'c' });
    make(store, putVhost(), putExchange({ name: 'x' }), putQueue({ name: 'q', id: store.allocateQueueId() }));
    const file = {
      exchanges: ['x', 'y', 'y'].map((name) => ({ ...EXPORTED.exchanges[0], name, vhost: '/' })),
      queues: ['q', 'r', 'r'].map((name) => ({ ...EXPORTED.queues[0], name, vhost: '/' })),
    };
    const made = changes(file, store);
    assert.deepEqual(
      made.map(({ kind }) => kind),
      ['put-exchange', 'put-queue'],
    );
    make(store, ...made);
    const { exchanges, queues } = store.snapshot();
    assert.deepEqual(exchanges.map(({ name }) => name).sort(), ['x', 'y']);
    assert.equal(new Set(queues.map(({ id }) => id)).size, 2);
    assert.deepEqual(queues.map(({ name }) => name).sort(), ['q', 'r']);
    store.close();
  });

  test('a whole export can be proposed to an empty store, and once more to the store that it made', () => {
    const store = openMemoryStore({ clusterName: 'c' });
    make(store, ...changes(EXPORTED, store));
    const once = JSON.stringify(store.snapshot());
    make(store, ...changes(EXPORTED, store));
    assert.equal(JSON.stringify(store.snapshot()), once);
    assert.equal(store.clusterName, 'rabbit@shop');
    store.close();
  });

  test('what is written of a store makes the same store: policies and operator policies are not lost on a move', () => {
    const store = openMemoryStore({ clusterName: 'c' });
    make(store, ...changes(EXPORTED, store));
    const { policies, parameters } = EXPORTED;
    const writtenIn = (lists: DefinitionLists) => [[...lists.policies!], [...lists.parameters!]];
    assert.deepEqual(writtenIn(writeDefinitions(store.snapshot())), [policies, parameters]);
    assert.deepEqual(writtenIn(writeVhostDefinitions(store.snapshot(), 'shop')), [policies, parameters]);
    assert.deepEqual(writtenIn(writeVhostDefinitions(store.snapshot(), 'other')), [[], []]);
    store.close();
  });
});
