import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AuthAttempts } from './auth-attempts.ts';

test('attempts are counted by protocol, and by name and address', () => {
  const attempts = new AuthAttempts();
  attempts.count('amqp091', '10.0.0.1', 'alice', true);
  attempts.count('amqp091', '10.0.0.1', 'alice', false);
  attempts.count('http', '10.0.0.1', 'alice', true);
  attempts.count('amqp091', '10.0.0.2', 'alice', false);
  assert.deepEqual(attempts.amqp091, { succeeded: 1, failed: 2 });
  assert.deepEqual(attempts.http, { succeeded: 1, failed: 0 });
  const shown = attempts.sources().map(({ address, protocol, succeeded, failed }) => {
    return `${protocol} ${address} ${succeeded} ${failed}`;
  });
  assert.deepEqual(shown, ['amqp091 10.0.0.1 1 1', 'http 10.0.0.1 1 0', 'amqp091 10.0.0.2 0 1']);
  attempts.reset();
  assert.deepEqual([attempts.amqp091.failed, attempts.http.succeeded, attempts.sources()], [0, 0, []]);
});

test('who guesses names makes the memory of them no larger, and does not push out who logs in all the time', () => {
  const attempts = new AuthAttempts();
  for (let guess = 0; guess < 5000; guess++) {
    attempts.count('amqp091', '10.0.0.1', 'alice', true);
    attempts.count('amqp091', '10.0.0.2', `guess ${guess} ${'x'.repeat(1000)}`, false);
  }
  const sources = attempts.sources();
  assert.equal(sources.length, 1000);
  assert.equal(sources.find(({ user }) => user === 'alice')?.succeeded, 5000);
  assert.ok(sources.every(({ user }) => user.length <= 255));
  assert.deepEqual(attempts.amqp091, { succeeded: 5000, failed: 5000 });
});
