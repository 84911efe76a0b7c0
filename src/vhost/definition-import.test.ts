import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hashPassword, isPassword } from '../auth/passwords.ts';
import { openMemoryStore } from '../metadata/memory-store.ts';
import { Slices, whole } from '../runtime/slices.ts';
import { checkedDefinitions, importDefinitions } from './definition-import.ts';

const ALL = { configure: '.*', write: '.*', read: '.*' };
const EXCHANGE = { vhost: 'v', name: 'x', type: 'direct', durable: true, auto_delete: false, arguments: {} };
const QUEUE = { vhost: 'v', name: 'q', durable: true, auto_delete: false, arguments: {} };
const BINDING = {
  vhost: 'v',
  source: 'x',
  destination: 'q',
  destination_type: 'queue',
  routing_key: '',
  arguments: {},
};

async function imported(json: unknown) {
  const store = openMemoryStore({ clusterName: 'c' });
  try {
    await importDefinitions(store, whole(checkedDefinitions(json)), new Slices());
    return store.snapshot();
  } finally {
    store.close();
  }
}

describe('importing definitions', () => {
  test('a password is kept as a hash that it fits', async () => {
    const { users } = await imported({ users: [{ name: 'a', tags: '', password: 'secret' }] });
    assert.ok(isPassword('secret', users[0]!.passwordHash, users[0]!.hashing));
  });

  test('the type of a queue comes from its arguments', async () => {
    const quorum = { ...QUEUE, arguments: { 'x-queue-type': 'quorum' } };
    const { queues } = await imported({ vhosts: [{ name: 'v' }], queues: [quorum] });
    assert.equal(queues[0]!.type, 'quorum');
  });

  test('a file that cannot be used whole changes nothing', async () => {
    const store = openMemoryStore({ clusterName: 'c' });
    const file = whole(checkedDefinitions({ vhosts: [{ name: 'v' }], bindings: [BINDING] }));
    await assert.rejects(importDefinitions(store, file, new Slices()), /exchange.*x.*is not there/);
    assert.deepEqual(store.snapshot().vhosts, []);
    store.close();
  });

  test('bindings may be from exchanges that are predeclared in a vhost of the file', async () => {
    const binding = { ...BINDING, source: 'amq.topic' };
    const { bindings } = await imported({ vhosts: [{ name: 'v' }], queues: [QUEUE], bindings: [binding] });
    assert.equal(bindings[0]!.source, 'amq.topic');
  });

  test('a pattern may have the variables of topic permissions', async () => {
    const user = { name: 'a', tags: '', password_hash: hashPassword('a') };
    const topic = { user: 'a', vhost: 'v', exchange: 'x', write: '^{username}-{vhost}$', read: '' };
    const { topicPermissions } = await imported({
      users: [user],
      vhosts: [{ name: 'v' }],
      topic_permissions: [topic],
    });
    assert.equal(topicPermissions[0]!.write, '^{username}-{vhost}$');
  });

  const faults: readonly (readonly [what: string, json: unknown, message: RegExp])[] = [
    [
      'a hash is too short for its algorithm',
      { users: [{ name: 'a', tags: '', password_hash: 'AQID' }] },
      /users\[0\]\.password_hash: is not base64 of a salt and a sha256 digest/,
    ],
    [
      'a pattern is none',
      { permissions: [{ user: 'a', vhost: 'v', ...ALL, write: '(' }] },
      /permissions\[0\]\.write: invalid regular expression '\('/,
    ],
    [
      'an exchange is of an unknown type',
      { exchanges: [{ ...EXCHANGE, type: 'x-delayed' }] },
      /exchanges\[0\]: unknown exchange type 'x-delayed'/,
    ],
    [
      'a queue has an argument that a client could not declare',
      { queues: [{ ...QUEUE, arguments: { 'x-message-ttl': -1 } }] },
      /queues\[0\]: invalid arg 'x-message-ttl' for queue 'q' in vhost 'v': \{value_negative,-1\}/,
    ],
    [
      'a binding to a consistent hash exchange has no weight',
      { exchanges: [{ ...EXCHANGE, type: 'x-consistent-hash' }], bindings: [{ ...BINDING, routing_key: 'heavy' }] },
      /bindings\[0\]: .*heavy/,
    ],
    [
      'a policy says what none may say',
      { policies: [{ vhost: 'v', name: 'p', pattern: '(', definition: { 'max-length': -1 } }] },
      /policies: 'p' in vhost 'v': -1 is not a valid maximum length; pattern should be regular expression/,
    ],
    [
      'an operator policy says what only a policy may say',
      {
        parameters: [
          { vhost: 'v', component: 'operator_policy', name: 'p', value: { pattern: '', definition: { overflow: '' } } },
        ],
      },
      /operator policies: 'p' in vhost 'v': \[\{<<"overflow">>,<<>>\}\] are not recognised policy settings/,
    ],
    [
      'a parameter is of a component that nothing here acts upon',
      { parameters: [{ vhost: 'v', component: 'shovel', name: 's', value: {} }] },
      /parameters\[0\]: this version has no parameters of component 'shovel'/,
    ],
    [
      'a limit of a vhost is unknown',
      { parameters: [{ vhost: 'v', component: 'vhost-limits', name: 'limits', value: { 'max-que': 1 } }] },
      /parameters\[0\]: there is no limit 'max-que', only max-connections,max-queues/,
    ],
  ];
  for (const [what, json, message] of faults) {
    test(`it is refused with the place and the reason when ${what}`, async () => {
      await assert.rejects(imported(json), message);
    });
  }
});
