import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootstrap, newVhostChanges } from './bootstrap.ts';
import { openMemoryStore } from './memory-store.ts';
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
  assert.deepEqual(vhosts, [{ name: '/', description: 'Default virtual host', tags: [], tracing: false }]);
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
  make(store, ...newVhostChanges(vhostRecord('a')));
  make(store, ...newVhostChanges({ ...vhostRecord('a'), description: 'new' }));
  assert.equal(store.snapshot().vhosts[0]!.description, 'new');
  assert.equal(store.snapshot().exchanges.length, PREDECLARED.length);
});

test('bootstrap tells its caller when the store refuses', async () => {
  const store = openMemoryStore({ clusterName: 'rabbit@here' });
  make(store, putVhost(), { kind: 'delete-vhost', name: '/' });
  const refusing = Object.assign(Object.create(store), {
    snapshot: () => store.snapshot(),
    propose: (_changes: unknown, applied: (error: Error) => void) => applied(new Error('no room')),
  });
  await assert.rejects(bootstrap(refusing, DEFAULTS), /no room/);
});
