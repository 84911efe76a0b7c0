/** The command line as somebody who types it meets it: what it prints, what it refuses and how it ends. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SETTING_FLAGS } from '../../src/cli/serve-options.ts';
import { RawClient } from '../differential/raw-client.ts';
import { type Ended, LeveretProcess, runLeveret } from './leveret-process.ts';

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-cli-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function configuration(t: TestContext, ...lines: string[]): string {
  const path = join(temporaryDirectory(t), 'leveret.conf');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

/** It went no further than to say so: nothing on standard output, no stack trace, exit code 1. */
function assertRefused({ exit, stdout, stderr }: Ended, message: RegExp): void {
  assert.match(stderr, message);
  assert.doesNotMatch(stderr, /^ +at /m, 'no stack trace');
  assert.equal(stdout, '');
  assert.equal(exit, 1);
}

test('--help lists every flag, with its default, and goes to standard output', async (t) => {
  const { exit, stdout } = await runLeveret(t, '--help');
  const flags = SETTING_FLAGS.map(([flag]) => /--[\w-]+/.exec(flag)![0]);
  for (const flag of ['--config', '--port', '--host', '--memory', '--version', ...flags]) {
    assert.match(stdout, new RegExp(`^  .*${flag}\\b`, 'm'));
  }
  assert.match(stdout.replace(/\s+/g, ' '), /TCP port; 0 takes a free one\. \(default: 5672\)/);
  assert.match(stdout, /^ {2}perf /m);
  assert.equal(exit, 0);
});

test("--version prints the version, which is package.json's", async (t) => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
  assert.deepEqual(await runLeveret(t, '--version'), { exit: 0, stdout: `${version}\n`, stderr: '' });
});

for (const [args, message] of [
  [
    ['--prot', '5672'],
    /^leveret: unknown option '--prot'\n\(Did you mean --port\?\)\n\(--help lists what there is\)\n$/,
  ],
  [['start'], /^leveret: there is no command 'start'\n\(--help lists what there is\)\n$/],
  [['perf', '--sise', '3'], /^leveret: unknown option '--sise'\n\(Did you mean --size\?\)\n/],
] as const) {
  test(`leveret ${args.join(' ')} is refused in words`, async (t) => {
    assertRefused(await runLeveret(t, ...args), message);
  });
}

test('a mistyped key in a configuration file is named with file, line and the nearest key', async (t) => {
  const path = configuration(t, '# a comment', 'heartbeat = 30', 'chanel_max = 100');
  assertRefused(
    await runLeveret(t, '--config', path),
    new RegExp(`^leveret: ${path}:3: there is no setting chanel_max; did you mean channel_max\\?\n$`),
  );
});

test('a value that cannot be used is named with file, line, key and what is expected', async (t) => {
  const path = configuration(t, 'heartbeat = often');
  assertRefused(
    await runLeveret(t, '--config', path),
    new RegExp(`^leveret: ${path}:1: heartbeat = often: expected seconds as a whole number\n$`),
  );
});

test('a configuration file that is not there is named', async (t) => {
  const path = join(temporaryDirectory(t), 'none.conf');
  assertRefused(await runLeveret(t, '--config', path), new RegExp(`^leveret: --config ${path} cannot be read: ENOENT`));
});

test('a broker says in eight lines where it listens, where its data lies and who can log in', async (t) => {
  const directory = join(temporaryDirectory(t), 'data');
  const leveret = LeveretProcess.start(t, '--port', '0', '--data-dir', directory);
  const port = await leveret.port();
  const lines = leveret.stdout.trimEnd().split('\n');
  assert.match(lines[0]!, /^Leveret \d+\.\d+\.\d+$/);
  assert.equal(lines[1], `  listens on   amqp://127.0.0.1:${port}`);
  assert.match(lines[2]!, /^ {2}HTTP API {5}http:\/\/127\.0\.0\.1:\d+\/api\/$/);
  assert.match(lines[3]!, /^ {2}metrics {6}http:\/\/127\.0\.0\.1:\d+\/metrics$/);
  assert.match(lines[4]!, /^ {2}control {6}\/.*\/leveret@\S+\.sock$/);
  assert.deepEqual(lines.slice(5, 7), [
    `  data         ${directory}`,
    '  users        guest (from this machine only; password guest unless it was changed)',
  ]);
  assert.match(lines[7]!, /^ {2}ready in \d+ ms; Ctrl-C stops it$/);
  assert.equal(lines.length, 8);
  leveret.child.kill('SIGTERM');
  const { exit, stderr } = await leveret.ended;
  assert.deepEqual({ exit, stderr }, { exit: 0, stderr: '' });
});

test('flags go before the configuration file, which goes before the defaults', async (t) => {
  const directory = temporaryDirectory(t);
  const path = configuration(
    t,
    'listeners.tcp.default = 127.0.0.2:1',
    `data_dir = ${join(directory, 'from-file')}`,
    'default_user = alice',
    'default_pass = "a#b"  # quoted, so the first # is part of it',
    'channel_max = 7',
  );
  const leveret = LeveretProcess.start(t, '--config', path, '--port', '0', '--data-dir', join(directory, 'from-flag'));
  const port = await leveret.port();
  assert.match(leveret.stdout, /listens on +amqp:\/\/127\.0\.0\.2:/);
  assert.match(leveret.stdout, /data .*from-flag$/m);
  assert.match(leveret.stdout, /users +alice$/m);
  leveret.child.kill('SIGTERM');
  await leveret.ended;
  assert.notEqual(port, 1);

  const onLoopback = LeveretProcess.start(t, '--config', path, '--host', '127.0.0.1', '--port', '0', '--memory');
  const client = await RawClient.connect(await onLoopback.port());
  assert.match(onLoopback.stdout, /data +in memory, gone when it stops$/m);
  client.sendProtocolHeader();
  await client.channel(0).expect('connection.start');
  client.startOk({ user: 'alice', password: 'a#b' });
  assert.equal((await client.channel(0).expect('connection.tune')).args.channelMax, 7);
  client.abort();
});

test('who can log in is told from the data, not from the flags of this start', async (t) => {
  const directory = temporaryDirectory(t);
  const first = LeveretProcess.start(t, '--port', '0', '--data-dir', directory, '--default-user', 'alice');
  await first.port();
  first.child.kill('SIGTERM');
  await first.ended;
  const second = LeveretProcess.start(t, '--port', '0', '--data-dir', directory);
  await second.port();
  assert.match(second.stdout, /^ {2}users +alice$/m);
});

test('a port in use is said to be, with what to do', async (t) => {
  const server = createServer();
  t.after(() => server.close());
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as { port: number };
  const expected = new RegExp(`^leveret: 127\\.0\\.0\\.1:${port} is in use: .* with --port\n$`);
  assertRefused(await runLeveret(t, '--memory', '--port', String(port)), expected);
});

test("an address that is not this machine's is refused", async (t) => {
  const message = /^leveret: cannot listen on 192\.0\.2\.1:0: this machine has no such address\n$/;
  assertRefused(await runLeveret(t, '--memory', '--port', '0', '--host', '192.0.2.1'), message);
});

test('a data directory is one broker’s at a time, and the message names who has it', async (t) => {
  const directory = temporaryDirectory(t);
  const first = LeveretProcess.start(t, '--port', '0', '--data-dir', directory);
  await first.port();
  const message = new RegExp(`^leveret: .* is in use by process ${first.child.pid}: stop it, or choose another`);
  assertRefused(await runLeveret(t, '--port', '0', '--data-dir', directory), message);
});

test('a data directory that cannot be made is refused', async (t) => {
  const file = join(temporaryDirectory(t), 'file');
  writeFileSync(file, '');
  const message = new RegExp(`^leveret: the data directory ${file} cannot be used: there is a file of that name`);
  assertRefused(await runLeveret(t, '--port', '0', '--data-dir', file), message);
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  test(`${signal} closes connections with 320 and ends with exit code 0`, async (t) => {
    const leveret = LeveretProcess.start(t, '--port', '0', '--memory');
    const client = await RawClient.connect(await leveret.port());
    await client.open();
    leveret.child.kill(signal);
    const close = await client.channel(0).expect('connection.close');
    assert.equal(close.args.replyCode, 320);
    client.channel(0).send('connection.close-ok');
    const { exit, stdout, stderr } = await leveret.ended;
    assert.deepEqual({ exit, stderr }, { exit: 0, stderr: '' });
    assert.match(stdout, new RegExp(`\nLeveret: ${signal}, stopping\n$`));
    client.abort();
  });
}

test('a signal that a parent process passes on as well is one stop', async (t) => {
  const leveret = LeveretProcess.start(t, '--port', '0', '--memory');
  const client = await RawClient.connect(await leveret.port());
  await client.open();
  leveret.child.kill('SIGINT');
  leveret.child.kill('SIGTERM');
  await client.channel(0).expect('connection.close');
  client.channel(0).send('connection.close-ok');
  const { exit, stdout } = await leveret.ended;
  assert.equal(exit, 0);
  assert.equal(stdout.match(/stopping$/gm)?.length, 1);
  client.abort();
});

test('somebody who does not want to wait ends the process, while a client keeps it waiting', async (t) => {
  const leveret = LeveretProcess.start(t, '--port', '0', '--memory');
  const client = await RawClient.connect(await leveret.port());
  await client.open();
  const impatience = setInterval(() => leveret.child.kill('SIGTERM'), 20);
  const { exit } = await leveret.ended;
  clearInterval(impatience);
  assert.equal(exit, 143);
  client.abort();
});

test('a reader of its output that goes away does not take the broker with it', async (t) => {
  const leveret = LeveretProcess.start(t, '--port', '0', '--memory');
  const client = await RawClient.connect(await leveret.port());
  leveret.child.stdout!.destroy();
  leveret.child.stderr!.destroy();
  await client.open();
  leveret.child.kill('SIGTERM');
  assert.equal((await client.channel(0).expect('connection.close')).args.replyCode, 320);
  client.channel(0).send('connection.close-ok');
  assert.equal((await leveret.ended).exit, 0);
  client.abort();
});
