import assert from 'node:assert/strict';
import { test } from 'node:test';
import { putVhost } from '../metadata/test-records.ts';
import type { AmqpError } from '../protocol/errors.ts';
import { closeAbandoned } from './abandoned.ts';

class FakeConnection {
  readonly identity: { user: string; tags: readonly string[] };
  readonly vhost: { name: string } | null;
  closedWith: string | null = null;

  constructor(user: string, vhost: string | null) {
    this.identity = { user, tags: [] };
    this.vhost = vhost === null ? null : { name: vhost };
  }

  close({ replyText }: AmqpError): void {
    this.closedWith = replyText;
  }
}

function connections() {
  return [new FakeConnection('alice', 'shop'), new FakeConnection('bob', '/'), new FakeConnection('alice', null)];
}

test('the connections of a deleted vhost are told and closed, and no others', () => {
  const open = connections();
  closeAbandoned(open, { kind: 'delete-vhost', name: 'shop' });
  assert.deepEqual(
    open.map(({ closedWith }) => closedWith),
    ["CONNECTION_FORCED - vhost 'shop' is deleted", null, null],
  );
});

test('the connections of a deleted user are closed in every vhost, lest its permissions outlive it', () => {
  const open = connections();
  closeAbandoned(open, { kind: 'delete-user', name: 'alice' });
  const text = "CONNECTION_FORCED - user 'alice' is deleted";
  assert.deepEqual(
    open.map(({ closedWith }) => closedWith),
    [text, null, text],
  );
});

test('another change closes nothing', () => {
  const open = connections();
  closeAbandoned(open, putVhost('shop'));
  closeAbandoned(open, { kind: 'delete-queue', vhost: 'shop', name: 'alice' });
  assert.ok(open.every(({ closedWith }) => closedWith === null));
});
