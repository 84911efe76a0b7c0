import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { readNodeName } from './node-name.ts';

test('a node is NAME@HOST, and a name alone is one on this host', () => {
  assert.equal(readNodeName('rabbit@mq-1.example.org'), 'rabbit@mq-1.example.org');
  assert.equal(readNodeName('my_node-2'), `my_node-2@${hostname()}`);
});

test('a name that Erlang would not take is refused, too', () => {
  for (const text of ['', '@host', 'a@', 'a@b@c', 'a b@host', 'a.b@host', 'ä@host', 'a@-host', 'a@ho st']) {
    assert.throws(() => readNodeName(text), /^Error: expected NAME@HOST/, text);
  }
});
