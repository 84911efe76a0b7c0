/**
 * `npm run bench`: Leveret, the floor and RabbitMQ through the same scenarios, interleaved run by run; prints the results and
 * writes them to bench/RESULTS.md.
 *
 *     npm run bench -- --scenarios a,b,c --runs 3 --seconds 6 --targets leveret,floor,rabbitmq --count 1000000
 *     npm run bench -- --scenarios delayed-in,delayed-late,delayed-waiting --delayed-waiting 10000000
 *
 * The same settings are taken from SCENARIOS, RUNS, SECONDS, TARGETS, COUNT and DELAYED_WAITING; a flag goes before the environment.
 */

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine } from './machine.ts';
import { type Measurement, measure } from './measure.ts';
import { writeResults } from './results-table.ts';
import { allScenarios, type Scenario } from './scenarios.ts';
import { type Target, targets } from './targets.ts';

interface BenchSettings {
  readonly scenarios: Scenario[];
  readonly targets: Target[];
  readonly leftOut: string[];
  readonly runs: number;
  readonly seconds: number;
  readonly count: number;
  readonly directory: string;
  readonly out: string;
}

const warmUpSeconds = 2;
const idleConnections = 1000;
const management = { queues: 10_000, connections: 2000, users: 500 };
const delayed = { seconds: 4, ratesPerSecond: [10_000, 5000, 2500, 1000] };

/** @throws Error on a setting that is none: a mistyped letter must not pass for a fast benchmark. */
function readSettings(args: readonly string[]): BenchSettings {
  const { env } = process;
  const { values } = parseArgs({
    args: [...args],
    options: {
      scenarios: { type: 'string', default: env.SCENARIOS ?? 'all' },
      targets: { type: 'string', default: env.TARGETS ?? 'leveret,floor,rabbitmq' },
      runs: { type: 'string', default: env.RUNS ?? '3' },
      seconds: { type: 'string', default: env.SECONDS ?? '6' },
      count: { type: 'string', default: env.COUNT ?? '1000000' },
      'delayed-waiting': { type: 'string', default: env.DELAYED_WAITING ?? '1000000' },
      directory: { type: 'string', default: os.tmpdir() },
      out: { type: 'string', default: path.join(import.meta.dirname, 'RESULTS.md') },
    },
  });
  const seconds = positive('seconds', values.seconds);
  const count = positive('count', values.count);
  const waiting = positive('delayed-waiting', values['delayed-waiting']);
  const sizes = { seconds, warmUpSeconds, count, idleConnections, management, delayed: { ...delayed, waiting } };
  const known = allScenarios(sizes);
  const letters = values.scenarios === 'all' ? known.map((scenario) => scenario.letter) : values.scenarios.split(',');
  const wanted = pick('target', values.targets.split(','), targets, (target) => target.name);
  const reasons = wanted.map((target) => ({ target, reason: target.unavailable() }));
  return {
    scenarios: pick('scenario', letters, known, (scenario) => scenario.letter),
    targets: reasons.filter(({ reason }) => reason === null).map(({ target }) => target),
    leftOut: reasons.filter(({ reason }) => reason).map(({ target, reason }) => `${target.title} left out: ${reason}.`),
    runs: positive('runs', values.runs),
    seconds,
    count,
    directory: values.directory,
    out: values.out,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) throw new Error(`${name} is ${text}, expected a whole number above 0`);
  return value;
}

function pick<T>(kind: string, names: readonly string[], known: readonly T[], nameOf: (one: T) => string): T[] {
  return names.map((name) => {
    const found = known.find((one) => nameOf(one) === name);
    if (found === undefined) throw new Error(`no ${kind} ${name}; there are ${known.map(nameOf).join(', ')}`);
    return found;
  });
}

async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2));
  const measurements: Measurement[] = [];
  for (const line of settings.leftOut) console.error(line);
  for (const scenario of settings.scenarios) {
    for (let run = 1; run <= (scenario.once ? 1 : settings.runs); run++) {
      for (const target of settings.targets) {
        if (target.name === 'floor' && scenario.floor === null) continue;
        for (const measurement of await measure(scenario, target, settings.directory)) {
          measurements.push(measurement);
          printMeasurement(measurement, run);
        }
      }
    }
  }
  const page = writeResults({
    ...settings,
    measurements,
    warmUpSeconds,
    machine: describeMachine(settings.directory, settings.leftOut),
  });
  fs.writeFileSync(settings.out, page);
  console.log(`\n${page}`);
}

/** A line a run, so that somebody who waits sees it go on. */
function printMeasurement(measurement: Measurement, run: number): void {
  const present = Object.entries(measurement.figures).filter(([, value]) => value !== null);
  const figures = present.map(([name, value]) => `${name} ${Number(value).toPrecision(4)}`).join(', ');
  const fault = measurement.fault === null ? '' : `  FAULT ${measurement.fault}`;
  console.error(`${measurement.label} ${measurement.target} ${run}: ${figures}${fault}`);
}

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

try {
  await main();
} catch (error) {
  console.error(`npm run bench: ${(error as Error).message}`);
  process.exitCode = 1;
}
