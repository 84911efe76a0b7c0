import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openMemoryStore } from '../metadata/memory-store.ts';
import type { Change } from '../metadata/port.ts';
import { make, putPermission, putVhost, userRecord } from '../metadata/test-records.ts';
import type { Identity } from './access.ts';
import { Accounts } from './accounts.ts';
import { AccountAuthenticator, type ConnectionCounts, loginRefused } from './login.ts';
import { hashPassword } from './passwords.ts';
import { SaslMechanisms } from './sasl.ts';

const ALICE = { ...userRecord('alice'), passwordHash: hashPassword('wonder'), tags: ['monitoring'] };
const IDENTITY: Identity = { user: 'alice', tags: [] };

interface Given {
  readonly changes?: readonly Change[];
  readonly loopbackUsers?: readonly string[];
  readonly connections?: Partial<ConnectionCounts>;
}

function authenticator({ changes = [], loopbackUsers = [], connections = {} }: Given = {}) {
  const store = openMemoryStore({ clusterName: 'c' });
  make(store, putVhost(), { kind: 'put-user', user: ALICE }, ...changes);
  const none = { ofUser: () => 0, ofVhost: () => 0, channelsOfUser: () => 0 };
  return new AccountAuthenticator(new Accounts(store), {
    mechanisms: new SaslMechanisms(),
    loopbackUsers,
    connections: { ...none, ...connections },
  });
}

function limited(limits: Record<string, number>): Given['changes'] {
  return [{ kind: 'put-user', user: { ...ALICE, limits } }, putPermission()];
}

describe('a login', () => {
  test('with the right password gives the user and its tags', () => {
    const login = authenticator().login('PLAIN', '\0alice\0wonder', '10.0.0.1');
    assert.deepEqual(login, { kind: 'accepted', identity: { user: 'alice', tags: ['monitoring'] } });
  });

  for (const [what, response] of [
    ['a wrong password', '\0alice\0wander'],
    ['an empty password', '\0alice\0'],
    ['a name that is not there', '\0bob\0wonder'],
  ] as const) {
    test(`with ${what} is refused, and the reason is for the log alone`, () => {
      const login = authenticator().login('PLAIN', response, '10.0.0.1');
      const name = response.split('\0')[1];
      assert.deepEqual(login, { kind: 'refused', username: name, reason: `user '${name}' - invalid credentials` });
    });
  }

  test('of a user without a password is refused whatever it says', () => {
    const changes: Change[] = [{ kind: 'put-user', user: userRecord('cert') }];
    const { kind } = authenticator({ changes }).login('PLAIN', '\0cert\0', '127.0.0.1');
    assert.equal(kind, 'refused');
  });

  test('of a user for this machine only is refused from elsewhere', () => {
    const it = authenticator({ loopbackUsers: ['alice'] });
    assert.equal(it.login('PLAIN', '\0alice\0wonder', '::ffff:127.0.0.1').kind, 'accepted');
    const refused = it.login('PLAIN', '\0alice\0wonder', '10.0.0.1');
    const reason = "user 'alice' can only connect via localhost";
    assert.deepEqual(refused, { kind: 'refused', username: 'alice', reason });
  });

  test('that is refused is told by a text that is the same for every reason', () => {
    const { replyCode, replyText, scope } = loginRefused('PLAIN');
    assert.deepEqual([replyCode, scope], [403, 'connection']);
    const why = 'Login was refused using authentication mechanism PLAIN. For details see the broker logfile.';
    assert.equal(replyText, `ACCESS_REFUSED - ${why}`);
  });
});

describe('entering a vhost', () => {
  const refused = (given: Given, replyText: string, vhost = '/') => {
    assert.throws(() => authenticator(given).enter(IDENTITY, vhost), {
      replyCode: 530,
      scope: 'connection',
      replyText,
    });
  };

  test('takes a permission of any kind', () => {
    authenticator({ changes: [putPermission()] }).enter(IDENTITY, '/');
  });

  test('is refused where there is none, or no such vhost', () => {
    refused({}, "NOT_ALLOWED - access to vhost '/' refused for user 'alice'");
    refused({ changes: [putPermission()] }, 'NOT_ALLOWED - vhost nowhere not found', 'nowhere');
  });

  test('is refused when the vhost has as many connections as it may', () => {
    const value = { 'max-connections': 2 };
    const parameter = { vhost: '/', component: 'vhost-limits', name: 'limits', value };
    const changes: Change[] = [{ kind: 'put-parameter', parameter }, putPermission()];
    authenticator({ changes, connections: { ofVhost: () => 1 } }).enter(IDENTITY, '/');
    const text = "NOT_ALLOWED - access to vhost '/' refused for user 'alice': connection limit (2) is reached";
    refused({ changes, connections: { ofVhost: () => 2 } }, text);
  });

  test('is refused when the user has as many connections as it may', () => {
    const changes = limited({ 'max-connections': 1 })!;
    authenticator({ changes }).enter(IDENTITY, '/');
    const text = "NOT_ALLOWED - connection refused for user 'alice': user connection limit (1) is reached";
    refused({ changes, connections: { ofUser: () => 1 } }, text);
  });
});

test('a channel is refused when the user has as many as it may, over all its connections', () => {
  const changes = limited({ 'max-channels': 3 })!;
  authenticator({ changes, connections: { channelsOfUser: () => 2 } }).checkChannelCount(IDENTITY);
  assert.throws(
    () => authenticator({ changes, connections: { channelsOfUser: () => 3 } }).checkChannelCount(IDENTITY),
    {
      replyCode: 530,
      replyText:
        "NOT_ALLOWED - number of channels opened for user 'alice' has reached the maximum allowed user limit of (3)",
    },
  );
  authenticator({ connections: { channelsOfUser: () => 10_000 } }).checkChannelCount(IDENTITY);
});
