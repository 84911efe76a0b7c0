/**
 * A long backlog: published with confirms, the broker killed and started again, then consumed; with the memory that each of the
 * two processes took at most.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'amqplib';
import type { LoadReport } from '../../src/perf/load-report.ts';
import { runLoad } from '../../src/perf/load-run.ts';
import { peakResidentBytesOf } from '../../src/perf/process-usage.ts';
import { BrokerProcess, OWN_ERROR } from './broker-process.ts';

export interface BacklogOptions {
  /** An empty directory. */
  readonly directory: string;
  readonly messages: number;
  readonly bodySizeBytes: number;
  readonly settings?: readonly string[];
  readonly onStep?: (step: string) => void;
}

export interface BacklogReport {
  readonly publishSeconds: number;
  readonly consumeSeconds: number;
  /** From starting the process to its being ready, after kill -9. */
  readonly restartSeconds: number;
  readonly journalBytes: number;
  /** The most that each process had resident, from its start to its end. */
  readonly publishingPeakBytes: number;
  readonly consumingPeakBytes: number;
}

const QUEUE = 'backlog';

/** @throws AssertionError when a message is lost, doubled or out of order. */
export async function runBacklog(options: BacklogOptions): Promise<BacklogReport> {
  const dataDir = join(options.directory, 'data');
  mkdirSync(dataDir);
  const { settings = [], onStep = () => {} } = options;
  const broker = new BrokerProcess({ dataDir, settings });
  try {
    await broker.start();
    const published = await load(broker, options, 'publish');
    assert.equal(published.confirmed, options.messages);
    const publishingPeakBytes = peakOf(broker);
    await broker.kill();
    onStep(
      `published in ${published.seconds.toFixed(1)} s, at most ${mebibytes(publishingPeakBytes)} resident; killed`,
    );
    const restartSeconds = await restart(broker, options.messages);
    const journalBytes = sizeOf(broker.journal);
    onStep(`ready again in ${restartSeconds.toFixed(2)} s, over ${mebibytes(journalBytes)} of journal`);
    const consumed = await load(broker, options, 'consume');
    checkConsumed(consumed, options.messages);
    const consumingPeakBytes = peakOf(broker);
    onStep(`consumed in ${consumed.seconds.toFixed(1)} s, at most ${mebibytes(consumingPeakBytes)} resident`);
    return {
      publishSeconds: published.seconds,
      consumeSeconds: consumed.seconds,
      restartSeconds,
      journalBytes,
      publishingPeakBytes,
      consumingPeakBytes,
    };
  } finally {
    await broker.kill();
  }
}

function load(broker: BrokerProcess, options: BacklogOptions, mode: 'publish' | 'consume'): Promise<LoadReport> {
  return runLoad({
    port: broker.port,
    mode,
    queue: QUEUE,
    durable: true,
    persistent: true,
    bodySizeBytes: options.bodySizeBytes,
    count: options.messages,
    confirmWindow: mode === 'publish' ? 1000 : 0,
    ackEvery: 100,
    prefetch: 1000,
    drainSeconds: 60,
    keep: true,
  });
}

async function restart(broker: BrokerProcess, messages: number): Promise<number> {
  const startedAt = performance.now();
  await broker.start();
  const seconds = (performance.now() - startedAt) / 1000;
  assert.doesNotMatch(broker.stderr, OWN_ERROR);
  const connection = await connect(broker.url);
  const { messageCount } = await (await connection.createChannel()).checkQueue(QUEUE);
  await connection.close();
  assert.equal(messageCount, messages, 'all are there');
  return seconds;
}

function checkConsumed({ error, received, missing, gaps, duplicates }: LoadReport, messages: number): void {
  assert.deepEqual(
    { error, received, missing, gaps, duplicates },
    { error: null, received: messages, missing: 0, gaps: 0, duplicates: 0 },
  );
}

/** The most memory that the process had resident since it started. */
export function peakOf(broker: BrokerProcess): number {
  const bytes = peakResidentBytesOf([broker.pid!]);
  assert(bytes > 0);
  return bytes;
}

function sizeOf(directory: string): number {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}

export function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
