import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootstrap, completeVhosts, newVhostChanges } from './bootstrap.ts';
import { openMemoryStore } from './memory-store.ts';
import type { VhostRecord } from './port.ts';
import { make, putVhost, userRecord, vhostRecord } from './test-records.ts';

const DEFAULTS = {
  vhost: '/',
  user: { ...userRecord('guest'), tags: ['administrator'] },
  permissions: { configure: '.*', write: '.*', read: '.*' },
};

/** What RabbitMQ 3.10.8's HTTP API lists in a new vhost: name, type, internal. */
const PREDECLARED = [
  ['', 'direct', false],
  ['amq.direct', 'direct', false],
  ['amq.fanout', 'fanout', false],
  ['amq.headers', 'headers', false],
  ['amq.match', 'headers', false],
  ['amq.rabbitmq.trace', 'topic', true],
  ['amq.topic', 'topic', false],
];

test('an empty store gets a vhost, a user with full permissions, and the predeclared exchanges', async () => {
  const store = openMemoryStore({ clusterName: 'rabbit@here' });
  assert.equal(await bootstrap(store, DEFAULTS), true);
  const { vhosts, users, permissions, exchanges } = store.snapshot();
  assert.deepEqual(vhosts, [{ name: '/', description: 'Default virtual host', tags: [], tracing: false, lineId: 1 }]);
  assert.deepEqual(users, [DEFAULTS.user]);
  assert.deepEqual(permissions, [{ user: 'guest', vhost: '/', configure: '.*', write: '.*', read: '.*' }]);
  assert.deepEqual(exchanges.map(({ name, type, internal }) => [name, type, internal]).sort(), PREDECLARED);
  assert.ok(exchanges.every((exchange) => exchange.durable && !exchange.autoDelete && exchange.arguments.size === 0));
});

test('a store in which an operator deleted guest does not get it back at the next start', async () => {
  const store = openMemoryStore({ clusterName: 'rabbit@here' });
  await bootstrap(store, DEFAULTS);
  make(store, { kind: 'delete-user', name: 'guest' });
  assert.equal(await bootstrap(store, DEFAULTS), false);
  assert.deepEqual(store.snapshot().users, []);
});

test('creating a vhost that is there replaces what is said of it and leaves its exchanges', () => {
  const store = openMemoryStore({ clusterName: 'rabbit@here' });
  make(store, ...newVhostChanges(vhostRecord('a'), store));
  make(store, ...newVhostChanges({ ...vhostRecord('a'), description: 'new' }, store));
  assert.equal(store.snapshot().vhosts[0]!.description, 'new');
  assert.equal(store.snapshot().exchanges.length, PREDECLARED.length);
});

test('a vhost keeps the id of what waits in it, whatever else of it is replaced', () => {
  const store = openMemoryStore({ clusterName: 'rabbit@here' });
  make(store, ...newVhostChanges(vhostRecord('a'), store));
  const [{ lineId }] = store.snapshot().vhosts as [VhostRecord];
  make(store, ...newVhostChanges(vhostRecord('a'), store), {
    kind: 'put-vhost',
    vhost: { ...vhostRecord('a'), tracing: true },
  });
  assert.deepEqual(store.snapshot().vhosts, [{ ...vhostRecord('a'), tracing: true, lineId }]);
  assert.equal(lineId, 1);
});

test('vhosts of an older version get an id for what waits in them, each its own, and once', async () => {
  const store = openMemoryStore({ clusterName: 'rabbit@here' });
  make(store, putVhost('a'), putVhost('b'));
  await completeVhosts(store);
  await completeVhosts(store);
  assert.deepEqual(
    store.snapshot().vhosts.map(({ lineId }) => lineId),
    [1, 2],
  );
});

test('bootstrap tells its caller when the store refuses', async () => {
  const store = openMemoryStore({ clusterName: 'rabbit@here' });
  make(store, putVhost(), { kind: 'delete-vhost', name: '/' });
  const refusing = Object.assign(Object.create(store), {
    snapshot: () => store.snapshot(),
    allocateQueueId: () => store.allocateQueueId(),
    propose: (_changes: unknown, applied: (error: Error) => void) => applied(new Error('no room')),
  });
  await assert.rejects(bootstrap(refusing, DEFAULTS), /no room/);
});
