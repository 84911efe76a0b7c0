import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openMemoryStore } from '../metadata/memory-store.ts';
import type { Change } from '../metadata/port.ts';
import { make, putUser, putVhost } from '../metadata/test-records.ts';
import type { Log } from '../runtime/log.ts';
import { Accounts } from './accounts.ts';
import { Permissions } from './permissions.ts';

function permission(values: { configure?: string; write?: string; read?: string }): Change {
  return {
    kind: 'put-permission',
    permission: { user: 'alice', vhost: '/', configure: '', write: '', read: '', ...values },
  };
}

function topic(write: string, read: string, user = 'alice'): Change {
  return { kind: 'put-topic-permission', topicPermission: { user, vhost: '/', exchange: 'events', write, read } };
}

function withPermissions(...changes: Change[]) {
  const store = openMemoryStore({ clusterName: 'c' });
  make(store, putVhost(), putUser(), ...changes);
  const errors: string[] = [];
  const log = { error: (_area: string, text: string) => errors.push(text) } as unknown as Log;
  return { store, errors, permissions: new Permissions(new Accounts(store), log) };
}

describe('permissions', () => {
  test('are patterns over the name, one an operation', () => {
    const { permissions } = withPermissions(permission({ configure: '^a', write: '^b', read: 'c$' }));
    const allows = (operation: 'configure' | 'write' | 'read', name: string) => {
      return permissions.allows('alice', '/', operation, 'queue', name);
    };
    assert.deepEqual([allows('configure', 'ab'), allows('configure', 'ba')], [true, false]);
    assert.deepEqual([allows('write', 'ba'), allows('write', 'ab')], [true, false]);
    assert.deepEqual([allows('read', 'abc'), allows('read', 'ca')], [true, false]);
  });

  test('that are empty allow nothing', () => {
    const { permissions } = withPermissions(permission({ configure: '.*' }));
    assert.ok(!permissions.allows('alice', '/', 'write', 'queue', 'q'));
    assert.ok(permissions.allows('alice', '/', 'configure', 'queue', 'q'));
  });

  test('do not reach into another vhost, or to another user', () => {
    const { permissions } = withPermissions(permission({ read: '.*' }), putVhost('shop'), putUser('bob'));
    assert.ok(!permissions.allows('alice', 'shop', 'read', 'queue', 'q'));
    assert.ok(!permissions.allows('bob', '/', 'read', 'queue', 'q'));
  });

  test('know the default exchange as amq.default, as RabbitMQ does', () => {
    const { permissions } = withPermissions(permission({ write: '^amq\\.default$' }));
    assert.ok(permissions.allows('alice', '/', 'write', 'exchange', ''));
    assert.throws(() => permissions.check('alice', '/', 'read', 'exchange', ''), {
      replyText: "ACCESS_REFUSED - access to exchange 'amq.default' in vhost '/' refused for user 'alice'",
      replyCode: 403,
      scope: 'channel',
    });
  });

  test('count from the moment when they are changed', () => {
    const { store, permissions } = withPermissions(permission({ read: '^a' }));
    const { generation } = permissions;
    assert.ok(permissions.allows('alice', '/', 'read', 'queue', 'a'));
    make(store, permission({ read: '^b' }));
    assert.ok(!permissions.allows('alice', '/', 'read', 'queue', 'a'));
    assert.notEqual(permissions.generation, generation);
  });

  test('with a pattern that cannot be used allow nothing, and the log says so', () => {
    const { permissions, errors } = withPermissions(permission({ read: '(' }));
    assert.ok(!permissions.allows('alice', '/', 'read', 'queue', '('));
    assert.match(errors.join(), /a permission that allows nothing: invalid regular expression '\('/);
  });
});

describe('topic permissions', () => {
  test('let every key through where there is none', () => {
    const { permissions } = withPermissions(permission({}));
    assert.ok(permissions.allowsTopic('alice', '/', 'write', 'events', 'any.key'));
  });

  test('are patterns over the routing key, for writing and for reading', () => {
    const { permissions } = withPermissions(topic('^w\\.', '^r\\.'));
    assert.ok(permissions.allowsTopic('alice', '/', 'write', 'events', 'w.x'));
    assert.ok(!permissions.allowsTopic('alice', '/', 'write', 'events', 'r.x'));
    assert.ok(permissions.allowsTopic('alice', '/', 'read', 'events', 'r.x'));
    assert.ok(permissions.allowsTopic('alice', '/', 'write', 'another', 'r.x'));
    assert.throws(() => permissions.checkTopic('alice', '/', 'write', 'events', 'r.x'), {
      replyText: "ACCESS_REFUSED - access to topic 'r.x' in exchange 'events' in vhost '/' refused for user 'alice'",
    });
  });

  test('may name the user and the vhost', () => {
    const { permissions } = withPermissions(topic('^{username}\\.{vhost}$', ''));
    assert.ok(permissions.allowsTopic('alice', '/', 'write', 'events', 'alice./'));
    assert.ok(!permissions.allowsTopic('alice', '/', 'write', 'events', 'bob./'));
  });

  test('take a name for itself, not for a pattern: a.c must not get what belongs to abc', () => {
    const { permissions } = withPermissions(putUser('a.c'), topic('^{username}$', '', 'a.c'));
    assert.ok(permissions.allowsTopic('a.c', '/', 'write', 'events', 'a.c'));
    assert.ok(!permissions.allowsTopic('a.c', '/', 'write', 'events', 'abc'));
  });
});

test('a vhost takes queues up to its limit, and refuses the next in the words of RabbitMQ', () => {
  const value = { 'max-queues': 2 };
  const { store, permissions } = withPermissions();
  const access = permissions.access({ user: 'alice', tags: [] }, '/');
  access.checkQueueCount('q', 1_000);
  make(store, { kind: 'put-parameter', parameter: { vhost: '/', component: 'vhost-limits', name: 'limits', value } });
  access.checkQueueCount('q', 1);
  assert.throws(() => access.checkQueueCount('q', 2), {
    replyCode: 406,
    replyText: "PRECONDITION_FAILED - cannot declare queue 'q': queue limit in vhost '/' (2) is reached",
  });
});
