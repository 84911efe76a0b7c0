/**
 * The loads by which delayed messages are measured, the same for the benchmark and for `npm run soak -- delayed`: persistent
 * messages of 1 KiB with confirms.
 *
 * RabbitMQ has no delayed exchange without a plugin, so there a queue with a time to live takes its place, which dead-letters into
 * the target. Such a queue has one delay, and at most one of 49 days.
 */

import type { Endpoint } from '../src/perf/load-connection.ts';
import { completeLoadOptions, type LoadDelayBy, type LoadOptions } from '../src/perf/load-options.ts';
import { faultsOf, type LoadReport } from '../src/perf/load-report.ts';
import { runLoad } from '../src/perf/load-run.ts';
import type { DelayRange } from '../src/perf/message-delay.ts';
import { deleteTopology } from '../src/perf/topology.ts';

/** What is asked of this broker; the page of results has it beside the figures. */
export const delayedGoals = {
  /** Publishes a second with confirms, of those that are not delayed. */
  shareLeast: 0.5,
  latenessP99MsMax: 5,
  /** With millions waiting. */
  waitingLatenessP99MsMax: 50,
  waitingPeakMibMax: 300,
  restartSecondsMax: 10,
} as const;

/** The broker that is measured, and how it delays. */
export interface DelayedTarget extends Endpoint {
  readonly brokerPids: readonly number[];
  readonly delayBy: LoadDelayBy;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Nothing of it is due while anything is measured. */
const FAR: Readonly<Record<LoadDelayBy, DelayRange>> = {
  exchange: { leastMs: HOUR_MS, mostMs: HOUR_MS + 365 * DAY_MS },
  ladder: { leastMs: 30 * DAY_MS, mostMs: 30 * DAY_MS },
};
const NEAR: Readonly<Record<LoadDelayBy, DelayRange>> = {
  exchange: { leastMs: 1000, mostMs: 3000 },
  ladder: { leastMs: 1000, mostMs: 1000 },
};
/** A broker that keeps the pace has this much of it at least. */
const HELD_SHARE = 0.97;
const WINDOW = 1000;
/** At a fixed rate nobody is to wait for confirms but where the broker is far behind. */
const PACED_WINDOW = 10_000;
/** Of the queue that messages are released to. An exchange has those that wait and those that are released. */
const QUEUE = 'delayed';

const persistent: Partial<LoadOptions> = { persistent: true, bodySizeBytes: 1024 };

/** Publishing as fast as it goes, with 1000 confirms outstanding, for so long. What was published is deleted afterwards. */
export async function publishFor(target: DelayedTarget, isDelayed: boolean, seconds: number): Promise<LoadReport> {
  const options: Partial<LoadOptions> = {
    ...target,
    ...persistent,
    mode: 'publish',
    queue: isDelayed ? QUEUE : 'plain',
    delay: isDelayed ? FAR[target.delayBy] : null,
    confirmWindow: WINDOW,
    warmUpSeconds: 1,
    seconds,
  };
  const report = await runLoad(options);
  await deleteTopology(completeLoadOptions(options));
  return report;
}

/**
 * Leaves so many waiting, due over a year from an hour on; a ladder's queue is lazy.
 * @param secondsMax ends it before, with fewer
 */
export async function leaveWaiting(target: DelayedTarget, count: number, secondsMax: number): Promise<LoadReport> {
  const isLadder = target.delayBy === 'ladder';
  const options: Partial<LoadOptions> = {
    ...target,
    ...persistent,
    mode: 'publish',
    queue: isLadder ? 'waiting' : QUEUE,
    queueArguments: isLadder ? { 'x-queue-mode': 'lazy' } : {},
    delay: FAR[target.delayBy],
    confirmWindow: WINDOW,
    count,
    drainSeconds: 60,
  };
  return runLoad(options, { signal: AbortSignal.timeout(secondsMax * 1e3) });
}

/** At a fixed rate, end to end; delayed by 1 to 3 s (a ladder: by 1 s), or not. What waits besides stays. */
export async function measurePaced(
  target: DelayedTarget,
  isDelayed: boolean,
  ratePerSecond: number,
  seconds: number,
): Promise<LoadReport> {
  const delay = isDelayed ? NEAR[target.delayBy] : null;
  return runLoad({
    ...target,
    ...persistent,
    queue: isDelayed ? QUEUE : 'plain',
    delay,
    confirmWindow: PACED_WINDOW,
    ratePerSecond,
    // From then on as many are released as are published.
    warmUpSeconds: 1 + (delay === null ? 0 : delay.mostMs / 1e3),
    seconds,
    // In the exchange are those that wait, too.
    keep: isDelayed && target.delayBy === 'exchange',
  });
}

/** Whether as many came as were to come. */
export function holdsRate(report: LoadReport, ratePerSecond: number): boolean {
  const least = ratePerSecond * HELD_SHARE;
  return report.publishedPerSecond >= least && report.receivedPerSecond >= least && faultsOf(report).length === 0;
}
