import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  readBytes,
  readChoice,
  readCount,
  readHost,
  readListener,
  readMilliseconds,
  readPort,
  readText,
} from './setting-values.ts';

test('a text is anything but nothing', () => {
  assert.equal(readText(' a b '), ' a b ');
  assert.throws(() => readText(''), /^Error: expected a text$/);
});

test('a count is a whole number from 0 up, or no limit', () => {
  assert.deepEqual(['0', '12', 'infinity'].map(readCount), [0, 12, Number.POSITIVE_INFINITY]);
  for (const text of ['', '-1', '1.5', '1e3', '0x10', ' 1', 'Infinity', '9007199254740992']) {
    assert.throws(() => readCount(text), /^Error: expected a whole number, or infinity$/, text);
  }
});

test('milliseconds are a whole number', () => {
  assert.equal(readMilliseconds('1800000'), 1_800_000);
  for (const text of ['30s', 'infinity', ''])
    assert.throws(() => readMilliseconds(text), /expected milliseconds/, text);
});

test('bytes come as a number, with a unit or without, and units of 1000 and 1024 are told apart', () => {
  const sizes: readonly [text: string, bytes: number][] = [
    ['0', 0],
    ['1048576', 1_048_576],
    ['1kB', 1000],
    ['1KiB', 1024],
    ['2MB', 2_000_000],
    ['2 MiB', 2_097_152],
    ['3gb', 3_000_000_000],
    ['1gib', 1_073_741_824],
    ['2k', 2048],
    ['2M', 2_097_152],
    ['2g', 2_147_483_648],
  ];
  for (const [text, bytes] of sizes) assert.equal(readBytes(text), bytes, text);
  for (const text of ['', 'MiB', '1.5MiB', '-1', '5 apples', '1TB', '1  MiB']) {
    assert.throws(() => readBytes(text), /^Error: expected a number of bytes/, text);
  }
});

test('a choice is one of those that there are, to the letter', () => {
  const read = readChoice(['info', 'none']);
  assert.equal(read('none'), 'none');
  for (const text of ['None', '', 'inf']) assert.throws(() => read(text), /^Error: expected one of info, none$/, text);
});

test('a port is a number from 0 to 65535', () => {
  assert.deepEqual(['0', '5672', '65535'].map(readPort), [0, 5672, 65_535]);
  for (const text of ['', '65536', '-1', '5672.0', 'amqp', '000001'])
    assert.throws(() => readPort(text), /expected a port/, text);
});

test('a host is an address or a name, without a port', () => {
  const hosts = ['127.0.0.1', '::1', '::', 'fe80::1%eth0', 'localhost', 'my_host.example', 'a'];
  assert.deepEqual(hosts.map(readHost), hosts);
  assert.equal(readHost('[::1]'), '::1');
  for (const text of ['', '127.0.0.1:5672', 'a b', '-a', 'amqp://h', '[::1', '*']) {
    assert.throws(() => readHost(text), /^Error: expected an address/, text);
  }
});

test('a listener is a port, or an address and a port, as RabbitMQ writes them', () => {
  assert.deepEqual(readListener('5672'), { port: 5672 });
  assert.deepEqual(readListener('127.0.0.1:5672'), { host: '127.0.0.1', port: 5672 });
  assert.deepEqual(readListener('[::1]:5672'), { host: '::1', port: 5672 });
  assert.deepEqual(readListener(':::5672'), { host: '::', port: 5672 });
  assert.deepEqual(readListener('::1:5672'), { host: '::1', port: 5672 });
  for (const text of ['', 'localhost', ':5672', '127.0.0.1:', '1:2:3']) {
    assert.throws(() => readListener(text), /^Error: expected/, text);
  }
  assert.throws(() => readListener('127.0.0.1:70000'), /expected a port from 0 to 65535/);
});
