import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatted } from './log-format.ts';

const entry = { atMs: Date.UTC(2026, 10, 26, 1, 47, 59, 945), level: 'info', category: 'connection' } as const;

/** RabbitMQ prints local time with its offset. */
const IN_UTC = /^2026-11-2\d \d\d:\d\d:59\.945000[+-]\d\d:\d\d/;

test('a line of text has RabbitMQ’s form, the category where the process is there', () => {
  const line = formatted({ ...entry, message: 'accepting' }, 'plaintext');
  assert.match(line, IN_UTC);
  assert.equal(line.slice(32), ' [info] <connection> accepting\n');
  assert.equal(Date.parse(line.slice(0, 32).replace(' ', 'T')), entry.atMs);
});

test('every line of a message has the same head, so that each can be found by itself', () => {
  const lines = formatted({ ...entry, message: 'one\ntwo' }, 'plaintext')
    .trimEnd()
    .split('\n');
  assert.deepEqual(
    lines.map((line) => line.slice(32)),
    [' [info] <connection> one', ' [info] <connection> two'],
  );
});

test('a line of JSON is one line, whatever the message is', () => {
  const line = formatted({ ...entry, message: 'one\n"two"' }, 'json');
  assert.equal(line.indexOf('\n'), line.length - 1);
  const { time, ...others } = JSON.parse(line);
  assert.match(time, IN_UTC);
  assert.deepEqual(others, { level: 'info', msg: 'one\n"two"', domain: 'rabbitmq.connection' });
});
