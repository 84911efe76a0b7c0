import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressTerm } from './address-term.ts';

test('addresses are written as Erlang has them', () => {
  assert.equal(addressTerm('127.0.0.1'), '{127,0,0,1}');
  assert.equal(addressTerm('::1'), '{0,0,0,0,0,0,0,1}');
  assert.equal(addressTerm('2001:db8::a:0:1'), '{8193,3512,0,0,0,10,0,1}');
  assert.equal(addressTerm('::ffff:127.0.0.1'), '{0,0,0,0,0,65535,32512,1}');
  assert.equal(addressTerm('fe80::1%eth0'), '{65152,0,0,0,0,0,0,1}');
  assert.equal(addressTerm('1:2:3:4:5:6:7:8'), '{1,2,3,4,5,6,7,8}');
});
