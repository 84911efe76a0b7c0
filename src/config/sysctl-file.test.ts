import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Setting } from './setting.ts';
import { SETTINGS } from './settings.ts';
import { readSettings } from './test-settings.ts';

const read = (...lines: string[]) => readSettings('leveret.conf', lines.join('\n'));

test('keys fill settings, in values of their kind', () => {
  assert.deepEqual(read('data_dir = /var/lib/leveret', 'heartbeat=30', '  message_memory_limit =  64MiB  ', ''), {
    dataDir: '/var/lib/leveret',
    heartbeatSeconds: 30,
    messageMemoryBytes: 67_108_864,
  });
});

test('a size of frames has RabbitMQ’s units, which are of 1024', () => {
  assert.deepEqual(read('frame_max = 128KB', 'max_message_size = 128KB'), {
    frameMaxBytes: 131_072,
    maxMessageBytes: 128_000,
  });
});

test('comments and empty lines say nothing; lines may end as on Windows', () => {
  assert.deepEqual(readSettings('x', '# all\r\n\r\nheartbeat = 5 # seconds\r\n#heartbeat = 6\r\n'), {
    heartbeatSeconds: 5,
  });
});

test('a mark of the order of bytes at the start is no part of the first key', () => {
  assert.deepEqual(readSettings('x', '\uFEFFheartbeat = 5'), { heartbeatSeconds: 5 });
});

test('a value in quotes keeps what would be a comment, spaces and equals signs', () => {
  assert.deepEqual(read(`default_pass = 'a#b = c '  # a comment`, 'default_user = "x y"'), {
    defaultPassword: 'a#b = c ',
    defaultUser: 'x y',
  });
});

test('the last of two lines for one key counts', () => {
  assert.deepEqual(read('heartbeat = 5', 'heartbeat = 6'), { heartbeatSeconds: 6 });
});

test('what cannot be used is named with file, line and reason', () => {
  const faults: readonly [lines: string[], message: string][] = [
    [['', 'heartbeet = 1'], 'leveret.conf:2: there is no setting heartbeet; did you mean heartbeat?'],
    [
      ['log.consol.level = info'],
      'leveret.conf:1: there is no setting log.consol.level; did you mean log.console.level?',
    ],
    [['heartbeat = x'], 'leveret.conf:1: heartbeat = x: expected seconds as a whole number'],
    [['heartbeat ='], 'leveret.conf:1: heartbeat = : expected seconds as a whole number'],
    [['heartbeat 30'], 'leveret.conf:1: expected KEY = VALUE, found "heartbeat 30"'],
  ];
  for (const [lines, message] of faults) assert.throws(() => read(...lines), { message });
});

test('every default could stand in a file, and no key is there twice', () => {
  for (const { key, default: fallback } of Object.values(SETTINGS) as Setting<unknown>[]) {
    if (fallback !== undefined && !key.includes('$')) read(`${key} = ${fallback}`);
  }
  const keys = Object.values(SETTINGS).map(({ key }) => key);
  assert.equal(new Set(keys).size, keys.length);
});
