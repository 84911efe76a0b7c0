/** `leveret perf` against a broker that does what it should, and against brokers that do not. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Broker, startBroker } from '../../src/broker.ts';
import type { LoadOptions } from '../../src/perf/load-options.ts';
import { faultsOf, type LoadReport } from '../../src/perf/load-report.ts';
import { runLoad } from '../../src/perf/load-run.ts';
import { RawClient } from '../differential/raw-client.ts';
import { LeveretProcess, runLeveret } from './leveret-process.ts';
import { type Tampering, tamperingLink } from './tampering-link.ts';

async function start(t: TestContext): Promise<Broker> {
  const broker = await startBroker({ port: 0, memory: true, logLevel: 'none' });
  t.after(() => broker.stop());
  return broker;
}

/** A counted run through a link that tampers. */
async function loadThrough(t: TestContext, tampering: Tampering, options: Partial<LoadOptions>): Promise<LoadReport> {
  const broker = await start(t);
  const port = await tamperingLink(t, broker.port, tampering);
  return runLoad({ port, count: 500, bodySizeBytes: 16, drainSeconds: 1, ...options });
}

test('a counted run through a broker that keeps everything has no fault', async (t) => {
  const report = await loadThrough(t, {}, { ackEvery: 10, confirmWindow: 50, persistent: true });
  assert.deepEqual(faultsOf(report), []);
  assert.deepEqual([report.published, report.confirmed, report.received, report.unconfirmed], [500, 500, 500, 0]);
  assert.deepEqual([report.latency.count, report.confirmLatency.count], [500, 500]);
});

test('a broker that loses a message is found out, and where', async (t) => {
  const delivery = (index: number, bytes: Buffer) => (index === 300 ? [] : [bytes]);
  const report = await loadThrough(t, { delivery }, {});
  assert.deepEqual([report.missing, report.gaps, report.duplicates], [1, 1, 0]);
  assert.deepEqual(faultsOf(report), ['nothing moved for 1 s', 'missing 1', 'gaps 1']);
});

test('a broker that delivers a message twice is found out', async (t) => {
  const delivery = (index: number, bytes: Buffer) => (index === 300 ? [bytes, bytes] : [bytes]);
  const report = await loadThrough(t, { delivery }, {});
  assert.deepEqual(faultsOf(report), ['duplicates 1']);
});

test('a broker that changes the order is found out', async (t) => {
  const held: Buffer[] = [];
  const delivery = (index: number, bytes: Buffer) => {
    if (index === 300) held.push(bytes);
    return index === 300 ? [] : [bytes, ...held.splice(0)];
  };
  const report = await loadThrough(t, { delivery }, {});
  assert.deepEqual(faultsOf(report), ['duplicates 1', 'gaps 1']);
  assert.equal(report.missing, 0);
});

for (const [name, delay] of [
  ['an exchange', { delayBy: 'exchange', delay: { leastMs: 1, mostMs: 200 } }],
  ['a ladder', { delayBy: 'ladder', delay: { leastMs: 100, mostMs: 100 } }],
] as const) {
  test(`messages that ${name} delays all come, none before its time, and nothing is left behind`, async (t) => {
    const broker = await start(t);
    const options = { port: broker.port, queue: 'late', count: 500, bodySizeBytes: 16, confirmWindow: 50 };
    const report = await runLoad({ ...options, ...delay });
    assert.deepEqual(faultsOf(report), []);
    assert.deepEqual([report.received, report.confirmed, report.latency.count], [500, 500, 500]);
    const client = await RawClient.connect(broker.port);
    await client.open();
    await client.call('exchange.declare', { exchange: 'late-x', type: 'direct' });
    for (const queue of ['late', 'late-100ms']) await client.call('queue.declare', { queue, autoDelete: true });
    await client.close();
  });
}

test('a broker that releases a message before its time is found out', async (t) => {
  const delivery = (index: number, bytes: Buffer) => {
    const stampAt = bytes.length - 1 - 16;
    if (index === 300) bytes.writeDoubleBE(bytes.readDoubleBE(stampAt) + 60e6, stampAt);
    return [bytes];
  };
  const report = await loadThrough(t, { delivery }, { delay: { leastMs: 1, mostMs: 1 } });
  assert.deepEqual(faultsOf(report), ['early 1']);
});

test('a broker that swallows a confirm is found out', async (t) => {
  const confirm = (index: number, bytes: Buffer) => (index === 1 ? [] : [single(bytes)]);
  const report = await loadThrough(t, { confirm }, { confirmWindow: 1000, batchBytes: 1, ratePerSecond: 5000 });
  assert.ok(report.unconfirmed > 0, `${report.unconfirmed} unconfirmed`);
  assert.match(faultsOf(report).join(), /unconfirmed/);
});

test('a broker that refuses messages is found out', async (t) => {
  const confirm = (_: number, bytes: Buffer) => [refusal(bytes)];
  const report = await loadThrough(t, { confirm }, { confirmWindow: 100 });
  assert.deepEqual([report.confirmed, report.nacked], [0, 500]);
  assert.deepEqual(faultsOf(report), ['nacked 500']);
});

test('a broker that confirms what was never published ends the run', async (t) => {
  const confirm = (_: number, bytes: Buffer) => {
    bytes.writeUInt32BE(1, 11);
    return [bytes];
  };
  const report = await loadThrough(t, { confirm }, { confirmWindow: 100 });
  assert.match(report.error ?? '', /^the broker confirmed message 42949\d+ when \d+ were published$/);
});

test('a broker that goes away ends the run, and the report says so', async (t) => {
  const broker = await start(t);
  const options = { port: broker.port, ratePerSecond: 100, warmUpSeconds: 0, seconds: 60, drainSeconds: 0 };
  const report = await runLoad(options, { onProgress: () => void broker.stop() });
  assert.match(report.error ?? '', /320 CONNECTION_FORCED/);
});

/** An ack of one message only, whatever it was. */
function single(ack: Buffer): Buffer {
  ack[19] = 0;
  return ack;
}

/** basic.nack of what an ack is of; both have a tag and one octet of bits. */
function refusal(ack: Buffer): Buffer {
  ack.writeUInt16BE(120, 9);
  return ack;
}

test('leveret perf tells what it is going to do, how it goes and what came of it', async (t) => {
  const broker = await start(t);
  const args = ['--uri', broker.url, '-z', '1', '--warm-up', '1', '-r', '500', '-c', '100', '--persistent', '-s', '64'];
  const { exit, stdout, stderr } = await runLeveret(t, 'perf', ...args, '--broker-pid', String(process.pid));
  assert.deepEqual({ exit, stderr }, { exit: 0, stderr: '' });
  assert.match(
    stdout,
    /^127\.0\.0\.1:\d+, 1 producer, 1 consumer, queue leveret-perf, 64 B, persistent, 1 s after 1 s of/,
  );
  assert.match(stdout, /^warm-up +1 s +published +[\d,]+ \/s +confirmed +[\d,]+ \/s +received +[\d,]+ \/s$/m);
  assert.match(stdout, /^ {2}published +[\d,]+ \/s +[\d,]+ in all$/m);
  assert.match(stdout, /^ {2}latency +p50 [\d.]+ +p99 [\d.]+ +p99\.9 [\d.]+ +max [\d.]+ ms$/m);
  assert.match(stdout, /^ {2}confirms +p50 /m);
  assert.match(stdout, /^ {2}CPU +generator [\d.]+ cores, [\d.]+ us a message, \d+ % of what the machine used$/m);
  assert.match(stdout, /^ +broker [\d.]+ cores, [\d.]+ us a message$/m);
  assert.match(stdout, /^ {2}memory +broker \d+ MiB at the begin, \d+ at the peak, \d+ at the end$/m);
  assert.match(stdout, /^ {2}faults +none$/m);
});

test('leveret perf --delay says how long messages wait, and how late they come', async (t) => {
  const broker = await start(t);
  const args = ['--uri', broker.url, '--count', '100', '--delay', '1-50', '--persistent'];
  const { exit, stdout, stderr } = await runLeveret(t, 'perf', ...args);
  assert.deepEqual({ exit, stderr }, { exit: 0, stderr: '' });
  assert.match(stdout, /, persistent, delayed by exchange for 1 to 50 ms, 100 messages$/m);
  assert.match(stdout, /^ {2}lateness +p50 [\d.]+ /m);
  assert.doesNotMatch(stdout, /latency/);
});

test('leveret perf --json prints the report and nothing else', async (t) => {
  const broker = await start(t);
  const args = ['--uri', broker.url, '--count', '100', '-A', '10', '--json'];
  const { exit, stdout, stderr } = await runLeveret(t, 'perf', ...args);
  assert.deepEqual({ exit, stderr }, { exit: 0, stderr: '' });
  const report = JSON.parse(stdout) as LoadReport;
  assert.deepEqual([report.published, report.received, report.missing, report.error], [100, 100, 0, null]);
  assert.ok(report.generatorCpuUsPerMessage > 0);
});

test('-y 0 leaves a backlog, -x 0 takes it away, and what is missing gives exit code 1', async (t) => {
  const broker = await start(t);
  const backlog = async (...args: string[]) => runLeveret(t, 'perf', '--uri', broker.url, '--drain', '1', ...args);
  assert.equal((await backlog('-y', '0', '--count', '50', '-u', 'kept')).exit, 0);
  const client = await RawClient.connect(broker.port);
  await client.open();
  assert.equal((await client.call('queue.declare', { queue: 'kept', passive: true })).args.messageCount, 50);
  await client.close();
  const taken = await backlog('-x', '0', '--count', '51', '-u', 'kept');
  assert.match(taken.stdout, /^ {2}faults +nothing moved for 1 s, missing 1$/m);
  assert.equal(taken.exit, 1);
});

test('--idle-connections tells what a connection costs', async (t) => {
  const broker = await start(t);
  const args = ['--uri', broker.url, '--idle-connections', '20', '--hold', '0', '--broker-pid', String(process.pid)];
  const { exit, stdout } = await runLeveret(t, 'perf', ...args);
  assert.match(
    stdout,
    /^20 connections, [\d,]+ opened a second\n {2}memory +-?[\d.]+ KiB a connection; broker \d+ MiB/,
  );
  assert.equal(exit, 0);
});

test('Ctrl-C ends a run early, with its report', async (t) => {
  const broker = await start(t);
  const perf = LeveretProcess.start(t, 'perf', '--uri', broker.url, '-z', '600', '--warm-up', '0', '-r', '100');
  await perf.printed(/^measured/m);
  perf.child.kill('SIGINT');
  const { exit, stdout } = await perf.ended;
  assert.match(stdout, /^ {2}faults +none$/m);
  assert.equal(exit, 0);
});

test('a broker that is not there, or refuses the login, is named with what it said', async (t) => {
  const broker = await start(t);
  const { port } = broker;
  const refused = await runLeveret(t, 'perf', '--uri', `amqp://guest:wrong@127.0.0.1:${port}`);
  assert.match(refused.stderr, new RegExp(`^leveret: no load on 127\\.0\\.0\\.1:${port}: .*403 ACCESS_REFUSED`));
  await broker.stop();
  const absent = await runLeveret(t, 'perf', '--uri', `amqp://127.0.0.1:${port}`);
  assert.match(absent.stderr, new RegExp(`^leveret: no load on 127\\.0\\.0\\.1:${port}: connect ECONNREFUSED`));
  assert.deepEqual([refused.exit, absent.exit], [1, 1]);
});
