/**
 * Delayed messages: what publishing them costs, how late they are with nothing and with millions waiting, and what those take. Each
 * part has a process of its own, so that nothing of one is waiting in another. Beside each figure is what the same broker does with
 * messages that are not delayed, in the same minute.
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { LoadDelayBy } from '../src/perf/load-options.ts';
import { defaultLoadOptions } from '../src/perf/load-options.ts';
import { faultsOf, type LoadReport } from '../src/perf/load-report.ts';
import { peakResidentBytesOf, residentBytesOf } from '../src/perf/process-usage.ts';
import { type DelayedTarget, holdsRate, leaveWaiting, measurePaced, publishFor } from './delayed-load.ts';
import type { DelayedCounts, DelayedPart } from './scenarios.ts';
import type { RunningTarget } from './targets.ts';

export interface DelayedFigures {
  /** Publishing with 1000 confirms outstanding: not delayed, delayed, and what the second is of the first. */
  readonly plainInPerSecond: number | null;
  readonly delayedInPerSecond: number | null;
  readonly delayedShare: number | null;
  /** CPU of the broker a message. */
  readonly plainInCpuUs: number | null;
  readonly delayedInCpuUs: number | null;
  readonly publishingOtherCores: number | null;
  /** With nothing else waiting. */
  readonly releasedPerSecond: number | null;
  readonly pathP50Ms: number | null;
  readonly pathP99Ms: number | null;
  readonly latenessP50Ms: number | null;
  readonly latenessP99Ms: number | null;
  readonly latenessP999Ms: number | null;
  readonly latenessMaxMs: number | null;
  readonly latenessOtherCores: number | null;
  /** With so many that are not due. */
  readonly waitingCount: number | null;
  readonly waitingReleasedPerSecond: number | null;
  readonly waitingPathP50Ms: number | null;
  readonly waitingPathP99Ms: number | null;
  readonly waitingLatenessP50Ms: number | null;
  readonly waitingLatenessP99Ms: number | null;
  readonly waitingLatenessP999Ms: number | null;
  readonly waitingLatenessMaxMs: number | null;
  readonly waitingOtherCores: number | null;
  /** The most of the process that took them all, from its start to its end. */
  readonly waitingPeakMib: number | null;
  /** After kill -9, to the first connection that opens. */
  readonly waitingRestartMs: number | null;
  readonly restartedMib: number | null;
}

export interface DelayedMeasurement {
  readonly figures: DelayedFigures;
  readonly fault: string | null;
}

const MIB = 1024 * 1024;
/** RabbitMQ is given so long to take what is to wait: all would be minutes. */
const LADDER_FILL_SECONDS_MAX = 12;
const SETTLE_MS = 2000;

export async function measureDelayed(
  running: RunningTarget,
  delayBy: LoadDelayBy,
  part: DelayedPart,
  counts: DelayedCounts,
): Promise<DelayedMeasurement> {
  const run = new DelayedRun(running, delayBy, counts);
  if (part === 'publishing') return run.measurePublishing();
  return part === 'lateness' ? run.measureLateness() : run.measureWaiting();
}

interface PacedReports {
  readonly path: LoadReport;
  readonly released: LoadReport;
  readonly otherCores: number;
}

class DelayedRun {
  readonly #running: RunningTarget;
  readonly #target: DelayedTarget;
  readonly #counts: DelayedCounts;
  readonly #faults: string[] = [];

  constructor(running: RunningTarget, delayBy: LoadDelayBy, counts: DelayedCounts) {
    const { host, vhost, user, password } = defaultLoadOptions;
    this.#running = running;
    this.#target = { host, port: running.port, vhost, user, password, brokerPids: running.pids, delayBy };
    this.#counts = counts;
  }

  async measurePublishing(): Promise<DelayedMeasurement> {
    const { seconds } = this.#counts;
    const plain = this.#noted(await publishFor(this.#target, false, seconds));
    const delayed = this.#noted(await publishFor(this.#target, true, seconds));
    return this.#measurement({
      plainInPerSecond: plain.confirmedPerSecond,
      delayedInPerSecond: delayed.confirmedPerSecond,
      delayedShare: delayed.confirmedPerSecond / plain.confirmedPerSecond,
      plainInCpuUs: plain.brokerCpuUsPerMessage,
      delayedInCpuUs: delayed.brokerCpuUsPerMessage,
      publishingOtherCores: Math.max(plain.otherCores, delayed.otherCores),
    });
  }

  async measureLateness(): Promise<DelayedMeasurement> {
    const { path, released, otherCores } = await this.#paced();
    return this.#measurement({
      releasedPerSecond: released.receivedPerSecond,
      pathP50Ms: path.latency.p50Ms,
      pathP99Ms: path.latency.p99Ms,
      latenessP50Ms: released.latency.p50Ms,
      latenessP99Ms: released.latency.p99Ms,
      latenessP999Ms: released.latency.p999Ms,
      latenessMaxMs: released.latency.maxMs,
      latenessOtherCores: otherCores,
    });
  }

  async measureWaiting(): Promise<DelayedMeasurement> {
    const fillSecondsMax = this.#target.delayBy === 'ladder' ? LADDER_FILL_SECONDS_MAX : 3600;
    const filled = this.#noted(await leaveWaiting(this.#target, this.#counts.waiting, fillSecondsMax));
    await delay(SETTLE_MS);
    const { path, released, otherCores } = await this.#paced();
    const waitingPeakMib = peakResidentBytesOf(this.#running.pids) / MIB;
    const waitingRestartMs = await this.#running.restart();
    await delay(SETTLE_MS);
    return this.#measurement({
      waitingCount: filled.confirmed,
      waitingReleasedPerSecond: released.receivedPerSecond,
      waitingPathP50Ms: path.latency.p50Ms,
      waitingPathP99Ms: path.latency.p99Ms,
      waitingLatenessP50Ms: released.latency.p50Ms,
      waitingLatenessP99Ms: released.latency.p99Ms,
      waitingLatenessP999Ms: released.latency.p999Ms,
      waitingLatenessMaxMs: released.latency.maxMs,
      waitingOtherCores: otherCores,
      waitingPeakMib,
      waitingRestartMs,
      restartedMib: residentBytesOf(this.#running.pids) / MIB,
    });
  }

  /** At the first of the rates that the broker holds when messages are delayed, or at the last one; an exchange at the first one. */
  async #paced(): Promise<PacedReports> {
    const { seconds, ratesPerSecond } = this.#counts;
    for (const [index, rate] of ratesPerSecond.entries()) {
      const path = await measurePaced(this.#target, false, rate, seconds);
      const released = await measurePaced(this.#target, true, rate, seconds);
      const isLast = index === ratesPerSecond.length - 1 || this.#target.delayBy === 'exchange';
      if (!isLast && !holdsRate(released, rate)) continue;
      this.#noted(released);
      this.#noted(path);
      return { path, released, otherCores: Math.max(path.otherCores, released.otherCores) };
    }
    throw new RangeError('no rate to measure at');
  }

  #noted(report: LoadReport): LoadReport {
    this.#faults.push(...faultsOf(report));
    return report;
  }

  #measurement(figures: Partial<DelayedFigures>): DelayedMeasurement {
    return { figures: { ...noDelayedFigures, ...figures }, fault: this.#faults.join(', ') || null };
  }
}

/** Of a part that was not measured. */
export const noDelayedFigures: DelayedFigures = {
  plainInPerSecond: null,
  delayedInPerSecond: null,
  delayedShare: null,
  plainInCpuUs: null,
  delayedInCpuUs: null,
  publishingOtherCores: null,
  releasedPerSecond: null,
  pathP50Ms: null,
  pathP99Ms: null,
  latenessP50Ms: null,
  latenessP99Ms: null,
  latenessP999Ms: null,
  latenessMaxMs: null,
  latenessOtherCores: null,
  waitingCount: null,
  waitingReleasedPerSecond: null,
  waitingPathP50Ms: null,
  waitingPathP99Ms: null,
  waitingLatenessP50Ms: null,
  waitingLatenessP99Ms: null,
  waitingLatenessP999Ms: null,
  waitingLatenessMaxMs: null,
  waitingOtherCores: null,
  waitingPeakMib: null,
  waitingRestartMs: null,
  restartedMib: null,
};
