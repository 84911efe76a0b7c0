/**
 * Delayed messages by the million: published with confirms, due over a year, the broker killed and started again; and beside them
 * a stream that is released at once, of which the lateness is measured. The loads are those of the benchmark.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type DelayedTarget, leaveWaiting, measurePaced, publishFor } from '../../bench/delayed-load.ts';
import { defaultLoadOptions } from '../../src/perf/load-options.ts';
import { faultsOf, type LatencySummary, type LoadReport } from '../../src/perf/load-report.ts';
import { bundledProgram } from '../../tools/bundled.ts';
import { mebibytes, peakOf } from './backlog.ts';
import { BrokerProcess } from './broker-process.ts';

const RELEASES_A_SECOND = 10_000;
const SECONDS = 5;
const FILL_SECONDS_MAX = 3600;

export interface DelayedBacklogOptions {
  /** An empty directory. */
  readonly directory: string;
  readonly messages: number;
  readonly onStep?: (step: string) => void;
}

export interface DelayedBacklogReport {
  /** Publishes a second with confirms, as a share of those that were not delayed. */
  readonly share: number;
  readonly peakBytes: number;
  readonly restartSeconds: number;
  readonly restartPeakBytes: number;
  /** With all others waiting, at 10,000 a second. */
  readonly lateness: LatencySummary;
}

export async function runDelayedBacklog(options: DelayedBacklogOptions): Promise<DelayedBacklogReport> {
  const { messages, onStep = () => {} } = options;
  const share = await measureShare(options);
  onStep(`delayed publishes are ${share.toFixed(2)} of the others`);
  const dataDir = join(options.directory, 'data');
  mkdirSync(dataDir);
  const broker = new BrokerProcess({ dataDir, program: bundledProgram() });
  try {
    await broker.start();
    const filled = faultless(await leaveWaiting(targetOf(broker), messages, FILL_SECONDS_MAX));
    const peakBytes = peakOf(broker);
    onStep(`${perSecond(filled)}, at most ${mebibytes(peakBytes)} resident; killed`);
    await broker.kill();
    const startedAt = performance.now();
    await broker.start();
    const restartSeconds = (performance.now() - startedAt) / 1000;
    onStep(`ready again in ${restartSeconds.toFixed(2)} s`);
    const { latency } = faultless(await measurePaced(targetOf(broker), true, RELEASES_A_SECOND, SECONDS));
    onStep(`lateness at ${RELEASES_A_SECOND} a second: ${JSON.stringify(latency)}`);
    return { share, peakBytes, restartSeconds, restartPeakBytes: peakOf(broker), lateness: latency };
  } finally {
    await broker.kill();
  }
}

/** Of a broker of its own, which has no memory of it later. */
async function measureShare({ directory, onStep = () => {} }: DelayedBacklogOptions): Promise<number> {
  const broker = new BrokerProcess({ dataDir: join(directory, 'share'), program: bundledProgram() });
  try {
    await broker.start();
    const plain = faultless(await publishFor(targetOf(broker), false, SECONDS));
    const delayed = faultless(await publishFor(targetOf(broker), true, SECONDS));
    onStep(`not delayed: ${perSecond(plain)}; delayed: ${perSecond(delayed)}`);
    return delayed.confirmedPerSecond / plain.confirmedPerSecond;
  } finally {
    await broker.kill();
  }
}

function targetOf(broker: BrokerProcess): DelayedTarget {
  const { host, vhost, user, password } = defaultLoadOptions;
  return { host, port: broker.port, vhost, user, password, brokerPids: [broker.pid!], delayBy: 'exchange' };
}

function faultless(report: LoadReport): LoadReport {
  assert.deepEqual(faultsOf(report), []);
  return report;
}

function perSecond({ confirmedPerSecond }: LoadReport): string {
  return `${Math.round(confirmedPerSecond)} publishes a second`;
}
