import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback } from './loopback.ts';

test('an address of this machine is known in all the ways that a socket gives it', () => {
  for (const address of ['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1', '::1%lo']) {
    assert.ok(isLoopback(address), address);
  }
});

test('no other address is, and neither is none', () => {
  for (const address of ['10.0.0.1', '128.0.0.1', '::2', '::ffff:10.0.0.1', 'fe80::1%eth0', '', 'localhost']) {
    assert.ok(!isLoopback(address), address);
  }
});
