/** `leveretctl` and the node: a broker that is a process of its own is waited for, watched and stopped. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'amqplib';
import { type Broker, startBroker } from '../../src/broker.ts';
import { LeveretProcess } from '../integration/leveret-process.ts';
import { leveretctl } from './leveretctl.ts';
import type { ToolUnderTest } from './transcript.ts';

const NODE = 'leveret@localhost';

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-ctl-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

interface Started {
  readonly process: LeveretProcess;
  readonly pidFile: string;
  readonly tool: ToolUnderTest;
}

async function processWith(t: TestContext, ...more: string[]): Promise<Started> {
  const directory = temporary(t);
  const socket = join(directory, `${NODE}.sock`);
  const flags = ['--port', '0', '--data-dir', join(directory, 'data'), '--node-name', NODE];
  const process = LeveretProcess.start(t, ...flags, '--control-socket', socket, '--without-management', ...more);
  return { process, pidFile: join(directory, 'data', 'leveret.pid'), tool: leveretctl(NODE, socket) };
}

async function done({ run }: ToolUnderTest, line: string): Promise<string> {
  const { exitCode, stdout, stderr } = await run(line.split(' '), '');
  assert.deepEqual([exitCode, stderr], [0, ''], line);
  return stdout;
}

test('a broker that is started is waited for by the file of its process number, and stopped by it', async (t) => {
  const { process, pidFile, tool } = await processWith(t);
  const { pid } = process.child;
  assert.equal(
    await done(tool, `wait ${pidFile} -t 60`),
    [
      `Waiting for pid file '${pidFile}' to appear`,
      `pid is ${pid}`,
      `Waiting for a broker on node '${NODE}' while OS process '${pid}' is running`,
      `The application of node '${NODE}' is running`,
      '',
    ].join('\n'),
  );
  assert.equal(await done(tool, `wait --pid ${pid} -q`), '');
  const stopped = await done(tool, `stop ${pidFile}`);
  assert.equal(stopped, `Stopping and halting node ${NODE} (will monitor pid file ${pidFile}) ...\n`);
  assert.equal((await process.ended).exit, 0);
  const { exitCode, stderr } = await tool.run(['wait', '--pid', String(pid)], '');
  assert.deepEqual([exitCode, stderr], [69, 'Error:\nprocess_not_running\n']);
});

test('a broker is shut down from here: its process has ended when the command does', async (t) => {
  const { process, tool } = await processWith(t);
  await process.port();
  const { pid } = process.child;
  assert.equal(
    await done(tool, 'shutdown -t 60'),
    [
      `Shutting down RabbitMQ node ${NODE} running at PID ${pid}`,
      `Waiting for PID ${pid} to terminate`,
      `RabbitMQ node ${NODE} running at PID ${pid} successfully shut down`,
      '',
    ].join('\n'),
  );
  assert.equal((await process.ended).exit, 0);
  assert.equal((await tool.run(['ping'], '')).exitCode, 69);
});

test('the settings of a broker are shown, without its secrets', async (t) => {
  const { process, tool } = await processWith(t, '--default-password', 'sesame');
  await process.port();
  const environment = await done(tool, 'environment -q');
  assert.match(environment, /^default_pass = \(hidden\)$/m);
  const { leveret } = JSON.parse(await done(tool, 'environment --formatter json'));
  assert.equal(leveret.node_name ?? leveret.nodename, NODE);
  const words = await done(tool, 'command_line_arguments -q');
  assert.match(words, /^--default-password\n\(hidden\)$/m);
  assert.doesNotMatch(environment + words, /sesame/);
});

async function started(t: TestContext): Promise<{ broker: Broker; tool: ToolUnderTest; log: string }> {
  const directory = temporary(t);
  const broker = await startBroker({
    port: 0,
    memory: true,
    nodeName: NODE,
    logging: { file: { directory, level: 'error' } },
    controlSocket: { path: join(directory, `${NODE}.sock`) },
  });
  t.after(() => broker.stop());
  return { broker, tool: leveretctl(NODE, broker.controlSocket!, broker.port), log: broker.logs.files[0]! };
}

test('the log is read where it is written, its level set and its file rotated', async (t) => {
  const { broker, tool, log } = await started(t);
  assert.equal(await done(tool, 'log_location -q'), `${log}\n`);
  assert.equal(await done(tool, 'log_tail -q'), '');
  await done(tool, 'set_log_level debug');
  await (await connect(broker.url)).close();
  assert.match(await done(tool, 'log_tail -q'), /accepting AMQP connection/);
  const last = (await done(tool, 'log_tail -N 1 -q')).trimEnd();
  assert.equal(last, readFileSync(log, 'utf8').trimEnd().split('\n').at(-1));
  await done(tool, 'set_log_level none');
  await done(tool, 'rotate_logs');
  assert.equal(readFileSync(log, 'utf8'), '');
  await done(tool, 'set_log_level info --category connection');
  const unknown = await tool.run('set_log_level info --category nonesuch'.split(' '), '');
  assert.equal(unknown.exitCode, 65);
});

test('lines of the log are shown as they come, for as long as it is asked for', async (t) => {
  const { tool, log } = await started(t);
  writeFileSync(log, 'before\n');
  const streamed = done(tool, 'log_tail_stream --duration 2 -q');
  const timer = setInterval(() => writeFileSync(log, 'line\n', { flag: 'a' }), 50);
  const shown = (await streamed).trimEnd().split('\n');
  clearInterval(timer);
  assert.ok(shown.length > 1, String(shown));
  assert.deepEqual([...new Set(shown)], ['line']);
});

test('a report has everything in it', async (t) => {
  const { tool } = await started(t);
  const report = await done(tool, 'report');
  for (const heading of [
    'Status of node',
    'Cluster status of node',
    'Application environment of node',
    'Listing connections',
    'Listing channels',
    'Listing queues for vhost /',
    'Listing exchanges for vhost /',
    'Listing permissions for vhost "/"',
    'Listing policies for vhost "/"',
  ]) {
    assert.ok(report.includes(`\n${heading}`), heading);
  }
  assert.match(report, /^guest\t\.\*\t\.\*\t\.\*$/m);
});

test('what a node is and uses is told in RabbitMQ’s sections, and as JSON', async (t) => {
  const { broker, tool } = await started(t);
  const client = await connect(broker.url);
  const text = await done(tool, 'status --unit mb');
  for (const line of [
    /^Status of node leveret@localhost \.\.\.\nRuntime\n\nOS PID: \d+$/m,
    /^Memory high watermark setting: 0\.4 of available memory, computed to: \d+\.\d+ mb$/m,
    /^Connection count: 1\nQueue count: 0\nVirtual host count: 1$/m,
    new RegExp(`^Interface: 127\\.0\\.0\\.1, port: ${broker.port}, protocol: amqp, purpose: AMQP 0-9-1$`, 'm'),
  ]) {
    assert.match(text, line);
  }
  const status = JSON.parse(await done(tool, 'status --formatter json'));
  assert.deepEqual([status.pid, status.rabbitmq_version, status.totals.connection_count], [process.pid, '3.10.8', 1]);
  const cluster = JSON.parse(await done(tool, 'cluster_status --formatter json'));
  assert.deepEqual([cluster.running_nodes, cluster.disk_nodes, cluster.partitions], [[NODE], [NODE], {}]);
  const memory = JSON.parse(await done(tool, 'memory_breakdown --formatter json'));
  assert.ok(memory.code.bytes > 0 && memory.code.percentage > 0);
  await client.close();
});

test('every port is tried, and one that is silent is named', async (t) => {
  const { broker, tool } = await started(t);
  assert.match(await done(tool, 'check_port_connectivity'), new RegExp(`connected to ports ${broker.port} on node`));
  const { exitCode, stderr } = await tool.run('check_port_connectivity --address 127.0.0.2 -q'.split(' '), '');
  assert.equal(exitCode, 69);
  assert.match(stderr, new RegExp(`failed:\nInterface: 127\\.0\\.0\\.1, port: ${broker.port}`));
  await done(tool, 'suspend_listeners');
  const missing = await tool.run(['check_port_listener', String(broker.port)], '');
  assert.equal(missing.exitCode, 69);
  await done(tool, 'resume_listeners');
  await done(tool, `check_port_listener ${broker.port}`);
});
