import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { addServeOptions, type ServeFlags } from './serve-options.ts';

/** What a command line comes to. @throws Error with what would be printed of it */
function parse(...args: string[]): ServeFlags {
  const command = addServeOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  return command.parse(args, { from: 'user' }).opts();
}

for (const [args, message] of [
  [['--port', 'amqp'], /--port <port>' argument 'amqp' is invalid\. expected a port from 0 to 65535/],
  [['--port', '65536'], /--port <port>' argument '65536' is invalid\. expected a port from 0 to 65535/],
  [['--port', '-1'], /--port <port>' argument '-1' is invalid\. expected a port from 0 to 65535/],
  [['--port', '5672.5'], /--port <port>' argument '5672.5' is invalid\. expected a port from 0 to 65535/],
  [['--port'], /'--port <port>' argument missing/],
  [['--host', '127.0.0.1:5672'], /--host <address>' argument '127\.0\.0\.1:5672' is invalid\. .*the port has a flag/],
  [['--host', ''], /--host <address>' argument '' is invalid\. expected an address/],
  [['--data-dir', ''], /--data-dir <directory>' argument '' is invalid\. expected a text/],
  [
    ['--log-level', 'loud'],
    /argument 'loud' is invalid\. expected one of debug, info, notice, warning, error, critical, alert, emergency, none/,
  ],
  [['--confirm-when', 'never'], /argument 'never' is invalid\. expected one of fdatasync, operating-system/],
  [['--message-memory-bytes', '5 apples'], /argument '5 apples' is invalid\. expected a number of bytes, with kB/],
  [['--memory', '--data-dir', 'x'], /'--memory' cannot be used with option '--data-dir <directory>'/],
] as const) {
  test(`${args.join(' ')} is refused, naming the flag`, () => {
    assert.throws(() => parse(...args), message);
  });
}

test('flags are kept as they were typed: settings are read from them as from any other source', () => {
  assert.deepEqual(
    { ...parse('--port', '0', '--host', '[::1]', '--message-memory-bytes', '1MiB', '--log-level', 'none') },
    { port: '0', host: '[::1]', messageMemoryBytes: '1MiB', logLevel: 'none' },
  );
});

test('what no flag says is left to the file and the defaults', () => {
  assert.deepEqual({ ...parse() }, {});
});
