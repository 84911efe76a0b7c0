/** What a load run measured, in numbers with their units. */

import type { ConsumerResult } from './consumer.ts';
import type { LatencyHistogram } from './latency-histogram.ts';
import { type LoadBoard, slot } from './load-board.ts';
import { fanOut, type LoadOptions } from './load-options.ts';

/** Counters and CPU at one moment. */
export interface UsageSample {
  readonly timeUs: number;
  readonly published: number;
  readonly confirmed: number;
  readonly received: number;
  readonly brokerCpuSeconds: number;
  readonly ownCpuSeconds: number;
  readonly machineCpuSeconds: number;
  readonly residentBytes: number;
}

/** Quantiles in milliseconds; all zero when nothing was timed. */
export interface LatencySummary {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

export interface LoadReport {
  /** The measured time. */
  readonly seconds: number;
  readonly publishedPerSecond: number;
  readonly receivedPerSecond: number;
  readonly confirmedPerSecond: number;
  /** Counts of the whole run, warm-up and drain included. */
  readonly published: number;
  readonly received: number;
  readonly confirmed: number;
  readonly nacked: number;
  readonly unconfirmed: number;
  /** Deliveries that should have come and did not; 0 without consumers. */
  readonly missing: number;
  readonly redelivered: number;
  readonly duplicates: number;
  readonly gaps: number;
  /** Messages that came before their delay was over. */
  readonly early: number;
  /** Longest time that the broker kept a publisher blocked, with connection.blocked. */
  readonly blockedSecondsMax: number;
  /** From publishing (with a rate: from when it was to be published) to receiving; from when its delay was over, where it had one. */
  readonly latency: LatencySummary;
  /** From publishing (with a rate: from when it was due) to the confirm. */
  readonly confirmLatency: LatencySummary;
  /** CPU a message, a delivery where there are consumers; of `brokerPids`, and of this generator's process. */
  readonly brokerCpuUsPerMessage: number;
  readonly generatorCpuUsPerMessage: number;
  /** CPU in the measured time as cores kept busy; `otherCores` is the rest of the machine. */
  readonly brokerCores: number;
  readonly generatorCores: number;
  readonly otherCores: number;
  readonly brokerMemoryBeginBytes: number;
  readonly brokerMemoryPeakBytes: number;
  readonly brokerMemoryEndBytes: number;
  /** Why the run ended early, or null. */
  readonly error: string | null;
}

export interface RunMeasurements {
  readonly options: LoadOptions;
  readonly begin: UsageSample;
  readonly end: UsageSample;
  readonly board: LoadBoard;
  readonly latency: LatencyHistogram;
  readonly confirmLatency: LatencyHistogram;
  readonly consumed: readonly ConsumerResult[];
  readonly peakResidentBytes: number;
  readonly error: string | null;
}

export function buildReport(run: RunMeasurements): LoadReport {
  const { begin, end, board, consumed } = run;
  const seconds = (end.timeUs - begin.timeUs) / 1e6;
  const published = board.total(slot.published);
  const confirmed = board.total(slot.confirmed);
  const nacked = board.total(slot.nacked);
  const messages = run.options.consumers > 0 ? end.received - begin.received : end.published - begin.published;
  const brokerCpu = end.brokerCpuSeconds - begin.brokerCpuSeconds;
  const ownCpu = end.ownCpuSeconds - begin.ownCpuSeconds;
  const machineCpu = end.machineCpuSeconds - begin.machineCpuSeconds;
  return {
    seconds,
    publishedPerSecond: (end.published - begin.published) / seconds,
    receivedPerSecond: (end.received - begin.received) / seconds,
    confirmedPerSecond: (end.confirmed - begin.confirmed) / seconds,
    published,
    received: board.total(slot.received),
    confirmed,
    nacked,
    unconfirmed: run.options.confirmWindow > 0 ? published - confirmed - nacked : 0,
    missing: missingDeliveries(run, published),
    redelivered: sum(consumed, (consumer) => consumer.redelivered),
    duplicates: sum(consumed, (consumer) => consumer.duplicates),
    gaps: sum(consumed, (consumer) => consumer.gaps),
    early: sum(consumed, (consumer) => consumer.early),
    blockedSecondsMax: longestBlocked(run) / 1e6,
    latency: summarize(run.latency),
    confirmLatency: summarize(run.confirmLatency),
    brokerCpuUsPerMessage: messages > 0 ? (brokerCpu * 1e6) / messages : 0,
    generatorCpuUsPerMessage: messages > 0 ? (ownCpu * 1e6) / messages : 0,
    brokerCores: brokerCpu / seconds,
    generatorCores: ownCpu / seconds,
    otherCores: Math.max(0, machineCpu - brokerCpu - ownCpu) / seconds,
    brokerMemoryBeginBytes: begin.residentBytes,
    brokerMemoryPeakBytes: run.peakResidentBytes,
    brokerMemoryEndBytes: end.residentBytes,
    error: run.error,
  };
}

/** What a broker must not do, in words; empty when it did none of it. A broker that is fast because it drops messages is not fast. */
export function faultsOf(report: LoadReport): string[] {
  const faults = report.error === null ? [] : [report.error];
  for (const name of ['missing', 'duplicates', 'gaps', 'early', 'nacked', 'unconfirmed'] as const) {
    if (report[name] > 0) faults.push(`${name} ${report[name]}`);
  }
  return faults;
}

function missingDeliveries(run: RunMeasurements, published: number): number {
  const { options, board } = run;
  if (options.consumers === 0) return 0;
  const expected = (options.publishers > 0 ? published : options.count) * fanOut(options);
  return Math.max(0, expected - board.total(slot.received));
}

function longestBlocked(run: RunMeasurements): number {
  let longest = 0;
  for (let id = 0; id < run.options.publishers; id++) {
    longest = Math.max(longest, run.board.publisher(id, slot.blockedUs));
  }
  return longest;
}

function sum(consumed: readonly ConsumerResult[], value: (result: ConsumerResult) => number): number {
  return consumed.reduce((total, result) => total + value(result), 0);
}

function summarize(histogram: LatencyHistogram): LatencySummary {
  return {
    count: histogram.count,
    p50Ms: histogram.quantileUs(0.5) / 1e3,
    p99Ms: histogram.quantileUs(0.99) / 1e3,
    p999Ms: histogram.quantileUs(0.999) / 1e3,
    maxMs: histogram.maxUs / 1e3,
  };
}
