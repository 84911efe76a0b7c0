/** The benchmark's results as a page: medians of the runs, each beside the floor's and RabbitMQ's. */

import { delayedGoals } from './delayed-load.ts';
import type { MachineDescription } from './machine.ts';
import type { Figures, Measurement } from './measure.ts';
import type { Merit, Scenario, ScenarioStep } from './scenarios.ts';
import { type TargetName, targets } from './targets.ts';

export interface ResultsPage {
  readonly scenarios: readonly Scenario[];
  readonly measurements: readonly Measurement[];
  readonly machine: MachineDescription;
  readonly runs: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly count: number;
}

/** Above this much CPU used by others in a run's median, the row is marked. */
const disturbedCores = 0.25;

/** The median of the values that are there, or null when none is. */
export function median(values: readonly (number | null)[]): number | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function writeResults(page: ResultsPage): string {
  return [
    '# Results of `npm run bench`',
    '',
    ...describeMachine(page),
    '',
    '## Messages',
    '',
    ...loadTable(page),
    '',
    '## Connections, start, memory',
    '',
    ...resourceTable(page),
    '',
    ...managementSection(page),
    ...delayedSection(page),
    ...faults(page),
    '## How this was measured',
    '',
    ...method(page),
    '',
  ].join('\n');
}

function describeMachine(page: ResultsPage): string[] {
  const { machine } = page;
  return [
    `- Machine: ${machine.cores} cores (${machine.processor}), ${machine.memoryGib} GiB of memory, ${machine.system}.`,
    `- Disk: ${machine.fileSystem}; appending 4 KiB and \`fdatasync\` takes ${machine.syncMs.toFixed(2)} ms (median of 100).`,
    `- Node ${machine.node}, ${machine.date}, commit ${machine.commit}.`,
    `- Medians of ${page.runs}; ${page.warmUpSeconds} s of warm-up, ${page.seconds} s measured; backlogs of ${page.count.toLocaleString('en')}.`,
  ];
}

const loadHead = [
  'scenario',
  'broker',
  'in /s',
  'out /s',
  'end to end p50 / p99 ms',
  'confirm p50 / p99 ms',
  'CPU us/msg',
  'generator us/msg',
  "generator's share",
  'peak MiB',
  'others, cores',
  'of the floor',
  'CPU to floor',
  'to RabbitMQ',
  'CPU to RabbitMQ',
];

function loadTable(page: ResultsPage): string[] {
  const rows: string[][] = [];
  for (const { step, text } of stepsOf(page, (candidate) => candidate.kind === 'load')) {
    const figures = mediansByTarget(page, step);
    for (const { name, title } of targets) {
      const own = figures.get(name);
      if (own === undefined) continue;
      rows.push([
        `${step.label}: ${text}`,
        title,
        count(own.inPerSecond),
        count(own.outPerSecond),
        pair(own.latencyP50Ms, own.latencyP99Ms),
        pair(own.confirmP50Ms, own.confirmP99Ms),
        digits(own.brokerCpuUs),
        digits(own.generatorCpuUs),
        percent(own.generatorCpuUs, own.brokerCpuUs),
        count(own.memoryMib),
        others(own.otherCores),
        ratio(name, 'floor', meritRatio(step.merit, own, figures.get('floor'))),
        ratio(name, 'floor', quotient(own.brokerCpuUs, figures.get('floor')?.brokerCpuUs)),
        ratio(name, 'rabbitmq', meritRatio(step.merit, own, figures.get('rabbitmq'))),
        ratio(name, 'rabbitmq', quotient(own.brokerCpuUs, figures.get('rabbitmq')?.brokerCpuUs)),
      ]);
    }
  }
  return table(loadHead, rows);
}

const resourceHead = [
  'scenario',
  'broker',
  'ready after ms',
  'memory MiB',
  'KiB a connection',
  'connections opened /s',
  'of the floor',
  'to RabbitMQ',
];

function resourceTable(page: ResultsPage): string[] {
  const rows: string[][] = [];
  for (const { step, text } of stepsOf(page, (candidate) => candidate.kind === 'idle' || candidate.kind === 'start')) {
    const figures = mediansByTarget(page, step);
    for (const { name, title } of targets) {
      const own = figures.get(name);
      if (own === undefined) continue;
      rows.push([
        `${step.label}: ${text}`,
        title,
        count(own.startMs),
        digits(own.memoryMib),
        digits(own.kibPerConnection),
        count(own.connectionsPerSecond),
        ratio(name, 'floor', meritRatio(step.merit, own, figures.get('floor'))),
        ratio(name, 'rabbitmq', meritRatio(step.merit, own, figures.get('rabbitmq'))),
      ]);
    }
  }
  return table(resourceHead, rows);
}

const managementRows: readonly (readonly [what: string, figure: keyof Figures])[] = [
  ['definitions imported, s', 'importSeconds'],
  ['a page of 100 queues, ms', 'pageMs'],
  ['the slowest of 30 pages, ms', 'pageWorstMs'],
  ['a page sorted by messages, ms', 'sortedPageMs'],
  ['the overview, ms', 'overviewMs'],
  ['all queues, ms', 'queuesMs'],
  ['all bindings, ms', 'bindingsMs'],
  ['all connections, ms', 'connectionsMs'],
  ['all users, ms', 'usersMs'],
  ['definitions exported, ms', 'exportMs'],
  ['their size, MiB', 'exportMib'],
  ['end to end p50 of 1,000 messages a second, ms', 'quietP50Ms'],
  ['the same while everything is listed', 'listingP50Ms'],
  ['p99, ms', 'quietP99Ms'],
  ['the same while everything is listed', 'listingP99Ms'],
  ['longest hold of the event loop, ms', 'quietHoldMs'],
  ['the same while everything is listed', 'listingHoldMs'],
  ['the same while definitions are imported', 'importHoldMs'],
  ['durable queues declared a second, one after the other', 'declaredPerSecond'],
  ['the same by 50 clients at the same time', 'declaredTogetherPerSecond'],
];

/** A column for each broker: there is one scenario, and it has many figures. */
function managementSection(page: ResultsPage): string[] {
  return stepsOf(page, (candidate) => candidate.kind === 'management').flatMap(({ step, text }) => {
    const figures = mediansByTarget(page, step);
    if (figures.size === 0) return [];
    const shown = targets.filter(({ name }) => figures.has(name));
    const rows = managementRows.map(([what, figure]) => [
      what,
      ...shown.map(({ name }) => digits(figures.get(name)![figure])),
    ]);
    return ['## Management', '', `${text}.`, '', ...table(['', ...shown.map(({ title }) => title)], rows), ''];
  });
}

type DelayedRow = readonly [
  what: string,
  goal: string,
  figure: keyof Figures,
  format: (value: number | null) => string,
];

const delayedRows: readonly DelayedRow[] = [
  ['published with confirms, not delayed, /s', '', 'plainInPerSecond', count],
  ['the same, delayed, /s', '', 'delayedInPerSecond', count],
  ['share of what is not delayed', `at least ${delayedGoals.shareLeast}`, 'delayedShare', digits],
  ['CPU of the broker a message that is not delayed, us', '', 'plainInCpuUs', digits],
  ['of one that is, us', '', 'delayedInCpuUs', digits],
  ['used by others meanwhile, cores', '', 'publishingOtherCores', others],
  ['released a second', '', 'releasedPerSecond', count],
  ['end to end of as many that are not delayed, p50, ms', '', 'pathP50Ms', digits],
  ['p99, ms', '', 'pathP99Ms', digits],
  ['lateness, p50, ms', '', 'latenessP50Ms', digits],
  ['p99, ms', `under ${delayedGoals.latenessP99MsMax}`, 'latenessP99Ms', digits],
  ['p99.9, ms', '', 'latenessP999Ms', digits],
  ['most, ms', '', 'latenessMaxMs', digits],
  ['used by others meanwhile, cores', '', 'latenessOtherCores', others],
  ['**waiting besides**', '', 'waitingCount', count],
  ['released a second', '', 'waitingReleasedPerSecond', count],
  ['end to end of as many that are not delayed, p50, ms', '', 'waitingPathP50Ms', digits],
  ['p99, ms', '', 'waitingPathP99Ms', digits],
  ['lateness, p50, ms', '', 'waitingLatenessP50Ms', digits],
  ['p99, ms', `under ${delayedGoals.waitingLatenessP99MsMax}`, 'waitingLatenessP99Ms', digits],
  ['p99.9, ms', '', 'waitingLatenessP999Ms', digits],
  ['most, ms', '', 'waitingLatenessMaxMs', digits],
  ['used by others meanwhile, cores', '', 'waitingOtherCores', others],
  ['memory at the peak, MiB', `under ${delayedGoals.waitingPeakMibMax}`, 'waitingPeakMib', count],
  ['ready again after kill -9, ms', `under ${count(delayedGoals.restartSecondsMax * 1e3)}`, 'waitingRestartMs', count],
  ['memory then, MiB', '', 'restartedMib', count],
];

/** All parts in one table, with a column for each broker. */
function delayedSection(page: ResultsPage): string[] {
  const columns = targets.flatMap(({ name, title }) => {
    const runs = page.measurements.filter(({ label, target }) => label.startsWith('delayed-') && target === name);
    return runs.length === 0 ? [] : [{ title, figures: medianFigures(runs.map((run) => run.figures)) }];
  });
  if (columns.length === 0) return [];
  const rows = delayedRows
    .filter(([, , figure]) => columns.some(({ figures }) => figures[figure] !== null))
    .map(([what, goal, figure, format]) => [what, goal, ...columns.map(({ figures }) => format(figures[figure]))]);
  return [
    '## Delayed messages',
    '',
    'Persistent messages of 1 KiB with confirms, one publisher, one consumer; one run.',
    '',
    ...table(['', 'goal', ...columns.map(({ title }) => title)], rows),
    '',
  ];
}

function stepsOf(page: ResultsPage, wanted: (step: ScenarioStep) => boolean): { step: ScenarioStep; text: string }[] {
  return page.scenarios.flatMap((scenario) => {
    return scenario.steps.filter(wanted).map((step) => ({ step, text: scenario.text }));
  });
}

function mediansByTarget(page: ResultsPage, step: ScenarioStep): Map<TargetName, Figures> {
  const medians = new Map<TargetName, Figures>();
  for (const { name } of targets) {
    const runs = page.measurements.filter((one) => one.label === step.label && one.target === name);
    if (runs.length > 0) medians.set(name, medianFigures(runs.map((run) => run.figures)));
  }
  return medians;
}

function medianFigures(runs: readonly Figures[]): Figures {
  const names = Object.keys(runs[0]!) as (keyof Figures)[];
  const entries = names.map((name) => [name, median(runs.map((run) => run[name]))]);
  return Object.fromEntries(entries) as Record<keyof Figures, number | null>;
}

/** How many times better: above 1 is better than the other, whichever way the figure counts. */
function meritRatio(merit: Merit, own: Figures, other: Figures | undefined): number | null {
  if (other === undefined) return null;
  const value = quotient(own[merit.figure], other[merit.figure]);
  return merit.better === 'more' || value === null ? value : 1 / value;
}

function quotient(value: number | null, by: number | null | undefined): number | null {
  return value === null || !value || !by ? null : value / by;
}

function ratio(own: TargetName, other: TargetName, value: number | null): string {
  return own === other || value === null ? '' : value.toPrecision(2);
}

function count(value: number | null): string {
  return value === null ? '' : Math.round(value).toLocaleString('en');
}

function digits(value: number | null): string {
  if (value === null) return '';
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(2);
}

function pair(first: number | null, second: number | null): string {
  return first === null ? '' : `${digits(first)} / ${digits(second)}`;
}

function percent(own: number | null, broker: number | null): string {
  return own === null || broker === null || own + broker === 0 ? '' : `${Math.round((100 * own) / (own + broker))} %`;
}

function others(cores: number | null): string {
  if (cores === null) return '';
  return cores > disturbedCores ? `**${cores.toFixed(2)}**` : cores.toFixed(2);
}

function table(head: readonly string[], rows: readonly string[][]): string[] {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

function faults(page: ResultsPage): string[] {
  const lines = page.measurements
    .filter((one) => one.fault !== null)
    .map((one) => `- ${one.label}, ${one.target}: ${one.fault?.trim().split('\n', 1)[0]}`);
  return lines.length === 0 ? [] : ['## Faults', '', ...lines, ''];
}

function method(page: ResultsPage): string[] {
  return [
    'Each run of each scenario starts the broker anew with an empty data directory and stops it afterwards; no other one runs',
    'meanwhile. The targets take turns run by run, so that a slow minute of the machine hits them alike.',
    'The load comes from `src/perf` in the same machine over loopback: one thread publishes in writes of at most 16 KiB, another',
    'consumes, and both share the cores with the broker. Latency counts from publishing, with a fixed rate from when the message',
    'was due. CPU is user and system time of the whole process from `/proc`, divided by messages delivered (published, where',
    "nothing is consumed). The generator's share is its part of the CPU that broker and generator used together.",
    `"Others" is what the rest of the machine used; above ${disturbedCores} cores (in bold) the row's rates and latencies are too low`,
    'and too high by as much, while CPU a message suffers less.',
    '',
    'The floor (`bench/floor.ts`) takes frames apart, copies each message in and out and writes, with canned answers to everything',
    'else; where messages are persistent it appends them to a file, one `fdatasync` after the other, and confirms after it. "Of the',
    'floor" and "to RabbitMQ" are how many times better: of the rate out (in, where nothing goes out), of the median latency at a',
    'fixed rate (of confirms in fp), of memory a connection, of the time to start. RabbitMQ runs classic queues with its defaults',
    'and, but for "Management", no management plugin. There all requests come one after the other, on one connection, and the',
    'holds of the event loop are those of a timer that is due each millisecond, without the time in which the process waited',
    'for a processor.',
    '',
    'Of delayed messages those that are published as fast as it goes, and those that wait besides, are due over a year, from an',
    'hour on, in any order. Those that are released are published at a fixed rate, each with a delay of 1 to 3 s. Lateness is the',
    'time at which the consumer has a message, minus the time at which the publisher wrote it and its delay, on one clock;',
    'nothing is taken off; brokers count in whole milliseconds, and what comes by less than one before its time counts as 0. What',
    'the way itself takes is beside it: messages at the same rate that are not delayed, from when they were to be published.',
    'RabbitMQ has a queue for a delay, with `x-message-ttl` and a dead letter exchange: of 30 days for those that wait (lazy',
    'where they are many, and as many as it takes in 12 s), of 1 s for those that are released. Where it does not hold the rate',
    'it is measured at a half or less of it, and the figure says which. Memory is the most that the process had from its start to',
    `its end.${page.machine.notes.length > 0 ? ` ${page.machine.notes.join(' ')}` : ''}`,
  ];
}
