import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MachineDescription } from './machine.ts';
import { type Figures, type Measurement, noFigures } from './measure.ts';
import { median, writeResults } from './results-table.ts';
import { allScenarios } from './scenarios.ts';
import type { TargetName } from './targets.ts';

const MACHINE: MachineDescription = {
  cores: 2,
  processor: 'a processor',
  memoryGib: 8,
  system: 'Linux 6.1',
  fileSystem: 'ext2/ext3',
  syncMs: 0.2,
  node: 'v26.0.0',
  date: '2026-01-01',
  commit: 'abc1234',
  notes: ['RabbitMQ left out: it is not installed.'],
};

function measured(
  letter: string,
  target: TargetName,
  figures: Partial<Figures>,
  fault: string | null = null,
): Measurement {
  return { letter, label: letter, target, figures: { ...noFigures, ...figures }, fault };
}

/** The cells of the rows of one scenario and broker, without what is empty. */
function cells(page: string, scenario: string, broker: string): string[] {
  const row = page.split('\n').find((line) => line.startsWith(`| ${scenario}:`) && line.includes(`| ${broker} |`));
  assert.ok(row, `${scenario} of ${broker} in\n${page}`);
  const all = row.split('|').map((cell) => cell.trim());
  return all.slice(3, -1).filter((cell) => cell !== '');
}

function pageOf(measurements: readonly Measurement[]): string {
  const sizes = {
    seconds: 6,
    warmUpSeconds: 2,
    count: 1000,
    idleConnections: 10,
    management: { queues: 10, connections: 2, users: 1 },
    delayed: { seconds: 4, ratesPerSecond: [10_000, 5000], waiting: 1000 },
  };
  return writeResults({ ...sizes, scenarios: allScenarios(sizes), measurements, machine: MACHINE, runs: 3 });
}

test('the middle of an even number of values is the mean of the two in the middle', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, null, 2, 1, 3]), 2.5);
  assert.equal(median([null]), null);
});

test('a row has the median of its runs, beside the floor and RabbitMQ', () => {
  const runs = [100, 300, 200].map((outPerSecond) =>
    measured('a', 'leveret', { outPerSecond, brokerCpuUs: 2, generatorCpuUs: 1 }),
  );
  const page = pageOf([
    ...runs,
    measured('a', 'floor', { outPerSecond: 400, brokerCpuUs: 1, generatorCpuUs: 1 }),
    measured('a', 'rabbitmq', { outPerSecond: 50, brokerCpuUs: 16, generatorCpuUs: 1 }),
  ]);
  assert.deepEqual(cells(page, 'a', 'Leveret'), ['200', '2.0', '1.0', '33 %', '0.50', '2.0', '4.0', '0.13']);
});

test('where less is better the ratio is turned over: above 1 is always better', () => {
  const page = pageOf([
    measured('f', 'leveret', { latencyP50Ms: 0.1, latencyP99Ms: 0.3 }),
    measured('f', 'rabbitmq', { latencyP50Ms: 0.2, latencyP99Ms: 0.4 }),
    measured('i', 'leveret', { kibPerConnection: 20 }),
    measured('i', 'rabbitmq', { kibPerConnection: 80 }),
  ]);
  assert.deepEqual(cells(page, 'f', 'Leveret'), ['0.10 / 0.30', '2.0']);
  assert.deepEqual(cells(page, 'i', 'Leveret'), ['20', '4.0']);
});

test('a row that others on the machine disturbed is marked', () => {
  const page = pageOf([measured('a', 'leveret', { otherCores: 0.5 }), measured('b', 'leveret', { otherCores: 0.1 })]);
  assert.deepEqual([cells(page, 'a', 'Leveret'), cells(page, 'b', 'Leveret')], [['**0.50**'], ['0.10']]);
});

test('management has a column for each broker that was measured', () => {
  const page = pageOf([
    measured('management', 'leveret', { pageMs: 2, listingHoldMs: 1.5 }),
    measured('management', 'rabbitmq', { pageMs: 40 }),
  ]);
  assert.match(page, /^\| {2}\| Leveret \| RabbitMQ [\d.]+ \|$/m);
  assert.match(page, /^\| a page of 100 queues, ms \| 2\.0 \| 40 \|$/m);
  assert.match(
    page,
    /^\| longest hold of the event loop, ms \| {2}\| {2}\|\n\| the same while everything is listed \| 1\.5 \| {2}\|$/m,
  );
  assert.doesNotMatch(pageOf([]), /## Management/);
});

test('delayed messages have a column for each broker, and the goals beside them', () => {
  const page = pageOf([
    measured('delayed-in', 'leveret', { plainInPerSecond: 400_000, delayedInPerSecond: 300_000, delayedShare: 0.75 }),
    measured('delayed-late', 'leveret', { latenessP99Ms: 2.5, latenessOtherCores: 0.5 }),
    measured('delayed-waiting', 'leveret', { waitingCount: 1_000_000, waitingLatenessP99Ms: 12 }),
    measured('delayed-late', 'rabbitmq', { latenessP99Ms: 40 }),
  ]);
  const [, section] = page.split('## Delayed messages');
  assert.match(section!, /^\| {2}\| goal \| Leveret \| RabbitMQ [\d.]+ \|$/m);
  assert.match(section!, /^\| share of what is not delayed \| at least 0\.5 \| 0\.75 \| {2}\|$/m);
  assert.match(section!, /^\| p99, ms \| under 5 \| 2\.5 \| 40 \|$/m);
  assert.match(section!, /^\| p99, ms \| under 50 \| 12 \| {2}\|$/m);
  assert.match(section!, /^\| \*\*waiting besides\*\* \| {2}\| 1,000,000 \| {2}\|$/m);
  assert.match(section!, /^\| used by others meanwhile, cores \| {2}\| \*\*0\.50\*\* \| {2}\|$/m);
  assert.doesNotMatch(section!, /memory at the peak/, 'what nobody was measured for has no row');
  assert.doesNotMatch(pageOf([]), /## Delayed messages/);
});

test('what went wrong and what was left out is said', () => {
  const page = pageOf([measured('a', 'leveret', {}, 'missing 7')]);
  assert.match(page, /^- a, leveret: missing 7$/m);
  assert.match(page, /RabbitMQ left out: it is not installed\.$/m);
  assert.doesNotMatch(pageOf([measured('a', 'leveret', {})]), /Faults/);
});
