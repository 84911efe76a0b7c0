import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Logger } from '../runtime/log.ts';
import { openMemoryStore } from './memory-store.ts';
import { MetadataLog } from './metadata-log.ts';
import type { Change, UserRecord } from './port.ts';
import { userRecord, vhostRecord } from './test-records.ts';

/** What is said of these changes, made one after the other in an empty store. */
function linesOf(...changes: Change[]): string[] {
  const lines: string[] = [];
  const log = new Logger();
  log.add({ level: 'info', write: ({ message }) => lines.push(message) });
  const store = openMemoryStore({ clusterName: 'c' });
  store.follow(new MetadataLog(log, store.snapshot()).apply);
  for (const change of changes) store.propose([change], (error) => assert.equal(error, null));
  store.close();
  return lines;
}

const putUser = (values: Partial<UserRecord>): Change => ({
  kind: 'put-user',
  user: { ...userRecord(), name: 'u', ...values },
});

test('users: what has changed of them, and nothing of their passwords', () => {
  const lines = linesOf(
    putUser({ passwordHash: 'AAAA', tags: ['monitoring'] }),
    putUser({ passwordHash: 'BBBB', tags: ['monitoring'] }),
    putUser({ passwordHash: 'BBBB', tags: ['administrator', 'x'] }),
    putUser({ passwordHash: '', tags: [] }),
    { kind: 'delete-user', name: 'u' },
  );
  assert.deepEqual(lines, [
    "Created user 'u'",
    "Successfully set user tags for user 'u' to [monitoring]",
    "Successfully changed password for user 'u'",
    "Successfully set user tags for user 'u' to [administrator, x]",
    "Successfully cleared password for user 'u'",
    "Successfully set user tags for user 'u' to []",
    "Deleted user 'u'",
  ]);
});

test('vhosts and permissions, in RabbitMQ’s words', () => {
  const vhost = { ...vhostRecord(), name: 'v', description: 'd', tags: ['a', 'b'] };
  const permission = { user: 'u', vhost: 'v', configure: '.*', write: '^w', read: '^$' };
  const topicPermission = { user: 'u', vhost: 'v', exchange: 'amq.topic', write: '.*', read: '^$' };
  const lines = linesOf(
    { kind: 'put-vhost', vhost },
    { kind: 'put-vhost', vhost: { ...vhost, tracing: true } },
    putUser({ tags: [] }),
    { kind: 'put-permission', permission },
    { kind: 'put-topic-permission', topicPermission },
    { kind: 'delete-topic-permission', user: 'u', vhost: 'v', exchange: 'amq.topic' },
    { kind: 'delete-permission', user: 'u', vhost: 'v' },
    { kind: 'delete-vhost', name: 'v' },
  );
  assert.deepEqual(lines, [
    "Adding vhost 'v' (description: 'd', tags: [a,b])",
    "Created user 'u'",
    "Successfully set permissions for 'u' in virtual host 'v' to '.*', '^w', '^$'",
    "Successfully set topic permissions on exchange 'amq.topic' for 'u' in virtual host 'v' to '.*', '^$'",
    "Successfully cleared topic permissions on exchange 'amq.topic' for 'u' in virtual host 'v'",
    "Successfully cleared permissions for 'u' in virtual host 'v'",
    "Deleting vhost 'v'",
  ]);
});
