/** One run of one scenario against one target, and the figures that come of it. */

import { setTimeout as delay } from 'node:timers/promises';
import { openIdleConnections } from '../src/perf/idle-connections.ts';
import { defaultLoadOptions } from '../src/perf/load-options.ts';
import { faultsOf, type LoadReport } from '../src/perf/load-report.ts';
import { runLoad } from '../src/perf/load-run.ts';
import { residentBytesOf } from '../src/perf/process-usage.ts';
import { type DelayedFigures, measureDelayed, noDelayedFigures } from './delayed.ts';
import { type ManagementFigures, measureManagement, noManagementFigures } from './management.ts';
import type { Scenario, ScenarioStep } from './scenarios.ts';
import type { RunningTarget, Target, TargetName } from './targets.ts';

/** What was measured in one step; a figure that the step does not have is null. */
export interface Figures extends ManagementFigures, DelayedFigures {
  readonly inPerSecond: number | null;
  readonly outPerSecond: number | null;
  readonly latencyP50Ms: number | null;
  readonly latencyP99Ms: number | null;
  readonly confirmP50Ms: number | null;
  readonly confirmP99Ms: number | null;
  readonly brokerCpuUs: number | null;
  readonly generatorCpuUs: number | null;
  /** CPU of everything but broker and generator, in cores: work of the kernel that nobody is billed for, and disturbance. */
  readonly otherCores: number | null;
  readonly memoryMib: number | null;
  readonly startMs: number | null;
  readonly connectionsPerSecond: number | null;
  readonly kibPerConnection: number | null;
}

export interface Measurement {
  readonly letter: string;
  readonly label: string;
  readonly target: TargetName;
  readonly figures: Figures;
  /** What went wrong: an error, or messages lost, doubled or out of order. Null when nothing did. */
  readonly fault: string | null;
}

export const noFigures: Figures = {
  ...noManagementFigures,
  ...noDelayedFigures,
  inPerSecond: null,
  outPerSecond: null,
  latencyP50Ms: null,
  latencyP99Ms: null,
  confirmP50Ms: null,
  confirmP99Ms: null,
  brokerCpuUs: null,
  generatorCpuUs: null,
  otherCores: null,
  memoryMib: null,
  startMs: null,
  connectionsPerSecond: null,
  kibPerConnection: null,
};

const mib = 1024 * 1024;
const pauseBetweenStepsMs = 2000;
const idleHoldSeconds = 3;

/** Starts the target, runs the scenario's steps against it and stops it. What fails is a fault in the measurement, not an error. */
export async function measure(scenario: Scenario, target: Target, directory: string): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  let running: RunningTarget | null = null;
  try {
    running = await target.start(scenario, directory);
    for (const step of scenario.steps) {
      if (measurements.length > 0) await delay(pauseBetweenStepsMs);
      measurements.push(await measureStep(scenario, step, target, running));
    }
  } catch (error) {
    const step = scenario.steps[measurements.length]!;
    measurements.push(measurementOf(scenario, step, target, noFigures, (error as Error).message));
  } finally {
    await running?.stop();
  }
  return measurements;
}

async function measureStep(
  scenario: Scenario,
  step: ScenarioStep,
  target: Target,
  running: RunningTarget,
): Promise<Measurement> {
  if (step.kind === 'start') {
    await delay(pauseBetweenStepsMs);
    const figures = { ...noFigures, startMs: running.startMs, memoryMib: residentBytesOf(running.pids) / mib };
    return measurementOf(scenario, step, target, figures, null);
  }
  const endpoint = { ...defaultLoadOptions, port: running.port, brokerPids: running.pids };
  if (step.kind === 'management') {
    const managed = await measureManagement(endpoint, running, step.counts);
    return measurementOf(scenario, step, target, { ...noFigures, ...managed }, null);
  }
  if (step.kind === 'delayed') {
    const { figures, fault } = await measureDelayed(running, target.delayBy, step.part, step.counts);
    return measurementOf(scenario, step, target, { ...noFigures, ...figures }, fault);
  }
  if (step.kind === 'load') {
    const report = await runLoad({ ...endpoint, queue: `lg-${scenario.letter}`, ...step.options });
    return measurementOf(
      scenario,
      step,
      target,
      loadFigures(report, step.options),
      faultsOf(report).join(', ') || null,
    );
  }
  const idle = await openIdleConnections({
    ...endpoint,
    connections: step.connections,
    holdSeconds: idleHoldSeconds,
  });
  const figures = {
    ...noFigures,
    connectionsPerSecond: idle.openedPerSecond,
    kibPerConnection: idle.bytesPerConnection / 1024,
    memoryMib: idle.memoryEndBytes / mib,
  };
  return measurementOf(scenario, step, target, figures, null);
}

function measurementOf(
  scenario: Scenario,
  step: ScenarioStep,
  target: Target,
  figures: Figures,
  fault: string | null,
): Measurement {
  return { letter: scenario.letter, label: step.label, target: target.name, figures, fault };
}

function loadFigures(report: LoadReport, options: { readonly mode?: string }): Figures {
  const publishes = options.mode !== 'consume';
  // What waits in a backlog on purpose has no latency worth the name.
  const timesDeliveries = (options.mode ?? 'both') === 'both' && report.latency.count > 0;
  const timesConfirms = report.confirmLatency.count > 0;
  return {
    ...noFigures,
    inPerSecond: publishes ? report.publishedPerSecond : null,
    outPerSecond: options.mode === 'publish' ? null : report.receivedPerSecond,
    latencyP50Ms: timesDeliveries ? report.latency.p50Ms : null,
    latencyP99Ms: timesDeliveries ? report.latency.p99Ms : null,
    confirmP50Ms: timesConfirms ? report.confirmLatency.p50Ms : null,
    confirmP99Ms: timesConfirms ? report.confirmLatency.p99Ms : null,
    brokerCpuUs: report.brokerCpuUsPerMessage,
    generatorCpuUs: report.generatorCpuUsPerMessage,
    otherCores: report.otherCores,
    memoryMib: report.brokerMemoryPeakBytes / mib,
  };
}
