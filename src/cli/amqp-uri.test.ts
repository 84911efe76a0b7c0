import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAmqpUri } from './amqp-uri.ts';

test('every part of a URI is read, percent-encoded ones decoded', () => {
  assert.deepEqual(readAmqpUri('amqp://al%40ice:s%2Fcret@broker.example:5673/a%2Fb'), {
    host: 'broker.example',
    port: 5673,
    user: 'al@ice',
    password: 's/cret',
    vhost: 'a/b',
  });
});

test('what is left out is where and who a fresh broker expects', () => {
  const defaults = { host: '127.0.0.1', port: 5672, user: 'guest', password: 'guest', vhost: '/' };
  assert.deepEqual(readAmqpUri('amqp://'), defaults);
  assert.deepEqual(readAmqpUri('amqp://[::1]'), { ...defaults, host: '::1' });
  assert.deepEqual(readAmqpUri('amqp://localhost/%2F'), { ...defaults, host: 'localhost' });
  assert.deepEqual(readAmqpUri('amqp://localhost/'), { ...defaults, host: 'localhost', vhost: '' });
});

test('what is no URI of a broker is refused with what one looks like', () => {
  for (const text of [
    '',
    'localhost',
    'localhost:5672',
    'http://localhost',
    'amqp:localhost',
    'amqp://a:b:c',
    'amqp://x%zz',
  ]) {
    assert.throws(() => readAmqpUri(text), /^Error: expected amqp:\/\/USER:PASSWORD@HOST:PORT\/VHOST/, text);
  }
  assert.throws(() => readAmqpUri('amqps://localhost'), /TLS is not there yet$/);
});
