/**
 * Delayed messages by the million: published with confirms, due over a year, the broker killed and started again; and beside them
 * a stream that is released at once, of which the lateness is measured.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { ReadBuffer } from '../../src/perf/frame-scanner.ts';
import { FrameWriter } from '../../src/perf/frame-writer.ts';
import { channelNumber, LoadConnection, methods } from '../../src/perf/load-connection.ts';
import { mebibytes, peakOf } from './backlog.ts';
import { BrokerProcess } from './broker-process.ts';
import { publishDelayed } from './delayed-publisher.ts';

const YEAR_MS = 365 * 24 * 3600 * 1000;
/** Nothing is due while this runs. */
const SOONEST_MS = 3_600_000;
const RELEASES = 50_000;
const RELEASES_A_SECOND = 10_000;
const ENDPOINT = { host: '127.0.0.1', vhost: '/', user: 'guest', password: 'guest' };
/** The bit of basic.consume. */
const NO_ACK = 2;
const PLAIN_MESSAGES = 300_000;

export interface DelayedBacklogOptions {
  /** An empty directory. */
  readonly directory: string;
  readonly messages: number;
  readonly bodySizeBytes: number;
  readonly onStep?: (step: string) => void;
}

export interface DelayedBacklogReport {
  /** Publishes a second with confirms, as a share of those that were not delayed. */
  readonly share: number;
  readonly peakBytes: number;
  readonly restartSeconds: number;
  readonly restartPeakBytes: number;
  /** With all others waiting, at 10,000 a second. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export async function runDelayedBacklog(options: DelayedBacklogOptions): Promise<DelayedBacklogReport> {
  const { messages, bodySizeBytes, onStep = () => {} } = options;
  const dataDir = join(options.directory, 'data');
  mkdirSync(dataDir);
  const plain = await measurePlain(options);
  onStep(`not delayed: ${Math.round(plain)} publishes a second`);
  const broker = new BrokerProcess({ dataDir });
  try {
    await broker.start();
    await declare(broker);
    const load = { port: broker.port, bodySizeBytes };
    const spread = (index: number) => SOONEST_MS + ((index * 2_654_435_761) % YEAR_MS);
    const delayed = await publishDelayed({ ...load, exchange: 'later', count: messages, delayOf: spread });
    const peakBytes = peakOf(broker);
    onStep(`delayed: ${Math.round(delayed)} publishes a second, at most ${mebibytes(peakBytes)} resident; killed`);
    await broker.kill();
    const startedAt = performance.now();
    await broker.start();
    const restartSeconds = (performance.now() - startedAt) / 1000;
    onStep(`ready again in ${restartSeconds.toFixed(2)} s`);
    const lateness = await measureLateness(broker, bodySizeBytes);
    onStep(`lateness at ${RELEASES_A_SECOND} a second: ${JSON.stringify(lateness)}`);
    return { share: delayed / plain, peakBytes, restartSeconds, restartPeakBytes: peakOf(broker), ...lateness };
  } finally {
    await broker.kill();
  }
}

/** Of a broker of its own, which has no memory of it later. */
async function measurePlain({ directory, bodySizeBytes }: DelayedBacklogOptions): Promise<number> {
  const broker = new BrokerProcess({ dataDir: join(directory, 'plain') });
  try {
    await broker.start();
    await declare(broker);
    const load = { port: broker.port, bodySizeBytes, exchange: 'plain', count: PLAIN_MESSAGES, delayOf: () => 0 };
    await publishDelayed(load);
    return await publishDelayed(load);
  } finally {
    await broker.kill();
  }
}

async function declare(broker: BrokerProcess): Promise<void> {
  const connection = await connect(broker.url);
  const channel = await connection.createChannel();
  await channel.assertExchange('later', 'x-delayed-message', { arguments: { 'x-delayed-type': 'fanout' } });
  await channel.assertExchange('plain', 'fanout');
  await channel.assertQueue('kept');
  await channel.bindQueue('kept', 'plain', '');
  await channel.assertQueue('released');
  await channel.bindQueue('released', 'later', '');
  await connection.close();
}

/** All are due at an even rate from a moment on, so that the number of a delivery says when it was due. */
async function measureLateness(
  broker: BrokerProcess,
  bodySizeBytes: number,
): Promise<{ p50Ms: number; p99Ms: number }> {
  const firstDueMs = Date.now() + 8000;
  const dueMs = (index: number) => firstDueMs + Math.floor((index * 1000) / RELEASES_A_SECOND);
  const consumer = await LoadConnection.open({ ...ENDPOINT, port: broker.port }, new ReadBuffer());
  const latenesses: number[] = [];
  const done = Promise.withResolvers<void>();
  consumer.onLost = done.reject;
  const consume = new FrameWriter().beginMethod(channelNumber, 60, 20).uint16(0);
  consume.shortString('released').shortString('').uint8(NO_ACK).table({}).endFrame();
  await consumer.request(consume.take(), methods.basicConsumeOk);
  consumer.deliverTo({
    chunkBegin: () => {},
    chunkEnd: () => {},
    header: () => {},
    body: () => {},
    method: (view, at, size) => {
      if (view.getUint32(at) !== methods.basicDeliver) return consumer.method(view, at, size);
      latenesses.push(Date.now() - dueMs(latenesses.length));
      if (latenesses.length === RELEASES) done.resolve();
    },
  });
  const delayOf = (index: number) => dueMs(index) - Date.now();
  await publishDelayed({ port: broker.port, exchange: 'later', count: RELEASES, bodySizeBytes, delayOf });
  assert(Date.now() < firstDueMs, 'all were there before the first was due');
  await done.promise;
  await consumer.close();
  latenesses.sort((a, b) => a - b);
  return { p50Ms: latenesses[RELEASES / 2]!, p99Ms: latenesses[Math.floor(RELEASES * 0.99)]! };
}
