import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMemoryStore } from '../metadata/memory-store.ts';
import type { Change } from '../metadata/port.ts';
import { make, putPermission, putQueue, putUser, putVhost, userRecord } from '../metadata/test-records.ts';
import { Accounts } from './accounts.ts';

function withAccounts(...changes: Change[]) {
  const store = openMemoryStore({ clusterName: 'c' });
  make(store, ...changes);
  return { store, accounts: new Accounts(store) };
}

function limits(vhost: string, value: Record<string, number>): Change {
  return { kind: 'put-parameter', parameter: { vhost, component: 'vhost-limits', name: 'limits', value } };
}

test('what was there before is known, and so is what comes later', () => {
  const { store, accounts } = withAccounts(putVhost(), putUser(), putPermission());
  assert.equal(accounts.permission('alice', '/')?.read, '.*');
  make(store, putUser('bob'), putVhost('shop'), putPermission('bob', 'shop'));
  assert.equal(accounts.user('bob')?.name, 'bob');
  assert.ok(accounts.hasVhost('shop'));
  assert.equal(accounts.permission('bob', '/'), undefined);
  assert.equal(accounts.permission('bob', 'shop')?.write, '.*');
});

test('what is deleted is gone, with all that hung on it', () => {
  const { store, accounts } = withAccounts(putVhost(), putUser(), putPermission());
  make(store, { kind: 'delete-user', name: 'alice' });
  assert.equal(accounts.user('alice'), undefined);
  assert.equal(accounts.permission('alice', '/'), undefined);
  make(store, putUser());
  assert.equal(accounts.permission('alice', '/'), undefined, 'a new user of that name has not the old permissions');
  make(store, { kind: 'delete-vhost', name: '/' });
  assert.ok(!accounts.hasVhost('/'));
});

test('the generation changes with what may change an answer, and with nothing else', () => {
  const { store, accounts } = withAccounts(putVhost(), putUser());
  const before = accounts.generation;
  make(store, putQueue({ id: store.allocateQueueId() }));
  assert.equal(accounts.generation, before);
  make(store, putPermission());
  assert.notEqual(accounts.generation, before);
});

test('topic permissions are kept for each exchange', () => {
  const topic = (exchange: string): Change => {
    const topicPermission = { user: 'alice', vhost: '/', exchange, write: exchange, read: '' };
    return { kind: 'put-topic-permission', topicPermission };
  };
  const { store, accounts } = withAccounts(putVhost(), putUser(), topic('x'), topic('y'));
  assert.equal(accounts.topicPermission('alice', '/', 'x')?.write, 'x');
  make(store, { kind: 'delete-topic-permission', user: 'alice', vhost: '/', exchange: 'x' });
  assert.equal(accounts.topicPermission('alice', '/', 'x'), undefined);
  assert.equal(accounts.topicPermission('alice', '/', 'y')?.write, 'y');
});

test('names that run together are two, however they are divided', () => {
  const { accounts } = withAccounts(
    putVhost('b/c'),
    putVhost('c'),
    putUser('a'),
    putUser('ab/'),
    putPermission('a', 'b/c'),
  );
  assert.ok(accounts.permission('a', 'b/c') !== undefined);
  assert.equal(accounts.permission('ab/', 'c'), undefined);
});

test('limits of users and vhosts are told, and one below zero is none', () => {
  const user = { ...userRecord(), limits: { 'max-channels': 3, 'max-connections': -1 } };
  const { store, accounts } = withAccounts(putVhost(), { kind: 'put-user', user }, limits('/', { 'max-queues': 0 }));
  assert.equal(accounts.userLimit('alice', 'max-channels'), 3);
  assert.equal(accounts.userLimit('alice', 'max-connections'), undefined);
  assert.equal(accounts.userLimit('nobody', 'max-channels'), undefined);
  assert.equal(accounts.vhostLimit('/', 'max-queues'), 0);
  assert.equal(accounts.vhostLimit('/', 'max-connections'), undefined);
  make(store, { kind: 'delete-parameter', vhost: '/', component: 'vhost-limits', name: 'limits' });
  assert.equal(accounts.vhostLimit('/', 'max-queues'), undefined);
});

test('a closed one hears of nothing any more', () => {
  const { store, accounts } = withAccounts(putVhost());
  accounts.close();
  make(store, putUser('late'));
  assert.equal(accounts.user('late'), undefined);
});
