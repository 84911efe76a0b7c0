/**
 * The programs that are measured. Each run of each scenario gets a process of its own with an empty data directory, and no other
 * target runs meanwhile.
 */

import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { awaitReady } from '../src/perf/idle-connections.ts';
import { monotonicUs } from '../src/perf/load-board.ts';
import { defaultLoadOptions, type LoadDelayBy } from '../src/perf/load-options.ts';
import { isRabbitMqInstalled, startRabbitMq } from '../test/differential/rabbitmq.ts';
import { bundledProgram } from '../tools/bundled.ts';
import { freePort, startNode } from './child.ts';
import type { LoopHolds } from './loop-hold.ts';
import type { Scenario } from './scenarios.ts';

export type TargetName = 'leveret' | 'floor' | 'rabbitmq';

export interface RunningTarget {
  readonly port: number;
  /** Of the HTTP API, where the scenario needs it. */
  readonly managementPort: number | null;
  /** A restart changes them. */
  readonly pids: readonly number[];
  /** From the start of the process to the first connection that opened. */
  readonly startMs: number;
  /** How long its event loop was held since this was asked last; null for what has none, and unless the scenario needs it. */
  loopHolds(): Promise<LoopHolds | null>;
  /** Kills it as kill -9 does and starts it again with its data. @returns milliseconds from the start to the first connection */
  restart(): Promise<number>;
  /** Ends the process and removes its data. */
  stop(): Promise<void>;
}

export interface Target {
  readonly name: TargetName;
  readonly title: string;
  /** What makes messages wait in it without a plugin. */
  readonly delayBy: LoadDelayBy;
  /** Why it cannot be measured here, or null. */
  unavailable(): string | null;
  /** @throws Error when it does not come up. `directory` is where data directories go. */
  start(scenario: Scenario, directory: string): Promise<RunningTarget>;
}

const root = path.resolve(import.meta.dirname, '..');
const readyMsMax = 60_000;
const loopHoldProgram = path.join(root, 'bench/loop-hold.ts');
/** What `npm start` runs, of the sources as they are when it is measured first. */
let brokerProgram: string | null = null;

export const targets: readonly Target[] = [
  {
    name: 'leveret',
    title: 'Leveret',
    delayBy: 'exchange',
    unavailable: () => null,
    start: async (scenario, directory) => {
      brokerProgram ??= bundledProgram();
      const program = brokerProgram;
      const managementPort = scenario.manages ? await freePort() : null;
      const probe = managementPort === null ? [] : ['--import', loopHoldProgram];
      return startNodeTarget(directory, managementPort, (port, data) => {
        const api = isObserved(scenario)
          ? ['--management-port', String(managementPort ?? 0)]
          : ['--without-management'];
        const flags = ['--port', String(port), '--without-prometheus', ...api, ...settingsFile(scenario, data)];
        return ['--enable-source-maps', ...probe, program, ...flags, '--data-dir', path.join(data, 'data')];
      });
    },
  },
  {
    name: 'floor',
    title: 'floor',
    delayBy: 'exchange',
    unavailable: () => null,
    start: (scenario, directory) => {
      return startNodeTarget(directory, null, (port, data) => {
        const args = [path.join(root, 'bench/floor.ts'), '--port', String(port)];
        if (scenario.floor?.journal) args.push('--journal', path.join(data, 'journal'));
        if (scenario.floor?.fanOut) args.push('--fan-out');
        return args;
      });
    },
  },
  {
    name: 'rabbitmq',
    title: 'RabbitMQ 3.10.8',
    delayBy: 'ladder',
    unavailable: () => (isRabbitMqInstalled() ? null : 'rabbitmq-server is not installed'),
    start: startRabbitMqTarget,
  },
];

function isObserved({ observed = true }: Scenario): boolean {
  return observed;
}

/** @returns the flag that names the file */
function settingsFile({ settings }: Scenario, directory: string): string[] {
  if (settings === undefined) return [];
  const file = path.join(directory, 'rabbitmq.conf');
  writeFileSync(file, `${settings.join('\n')}\n`);
  return ['--config', file];
}

/** With a `managementPort` its event loop is watched. */
async function startNodeTarget(
  directory: string,
  managementPort: number | null,
  args: (port: number, data: string) => string[],
): Promise<RunningTarget> {
  const data = await mkdtemp(path.join(directory, 'leveret-bench-'));
  const port = await freePort();
  const startChild = () => startNode(args(port, data), data, managementPort !== null);
  const ready = (sinceUs: number) =>
    awaitReady({ ...defaultLoadOptions, port }, sinceUs, readyMsMax, () => child.hasEnded());
  const beganUs = monotonicUs();
  let child = startChild();
  const loopHolds = async () => (managementPort === null ? null : ((await child.ask('loop-holds')) as LoopHolds));
  const stop = async (): Promise<void> => {
    await child.stop();
    await rm(data, { recursive: true, force: true });
  };
  try {
    const startMs = await ready(beganUs);
    const restart = async (): Promise<number> => {
      await child.kill();
      const sinceUs = monotonicUs();
      child = startChild();
      return ready(sinceUs);
    };
    return {
      port,
      managementPort,
      get pids() {
        return [child.pid];
      },
      startMs,
      loopHolds,
      restart,
      stop,
    };
  } catch (error) {
    await stop();
    throw new Error(`it did not come up: ${(error as Error).message}\n${child.errorText()}`);
  }
}

async function startRabbitMqTarget(scenario: Scenario): Promise<RunningTarget> {
  const sinceUs = monotonicUs();
  const { manages, settings: config = [] } = scenario;
  const management = manages || (config.length > 0 && isObserved(scenario));
  const broker = await startRabbitMq({ management, config });
  const startMs = await awaitReady({ ...defaultLoadOptions, port: broker.port }, sinceUs, readyMsMax);
  const restart = async (): Promise<number> => {
    const againUs = monotonicUs();
    await broker.restart();
    return awaitReady({ ...defaultLoadOptions, port: broker.port }, againUs, readyMsMax);
  };
  return {
    port: broker.port,
    managementPort: scenario.manages ? broker.managementPort : null,
    // The node is the first process; the other maps Erlang's ports and takes no part.
    get pids() {
      return broker.pids.slice(0, 1);
    },
    startMs,
    loopHolds: async () => null,
    restart,
    stop: broker.stop,
  };
}
