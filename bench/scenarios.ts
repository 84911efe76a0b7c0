/**
 * What the benchmark runs, by letter. The letters and their settings are the project's yardstick for every broker, so that figures
 * taken at different times can be laid side by side: change none, add new ones.
 */

import type { LoadOptions } from '../src/perf/load-options.ts';

/** The figure that ratios are made of, and which way is better. */
export interface Merit {
  readonly figure:
    | 'pageMs'
    | 'inPerSecond'
    | 'outPerSecond'
    | 'latencyP50Ms'
    | 'confirmP50Ms'
    | 'startMs'
    | 'kibPerConnection'
    | 'delayedInPerSecond'
    | 'latenessP99Ms'
    | 'waitingLatenessP99Ms';
  readonly better: 'more' | 'less';
}

export interface LoadStep {
  readonly kind: 'load';
  readonly label: string;
  readonly options: Partial<LoadOptions>;
  readonly merit: Merit;
}

/** So many connections that do nothing. */
export interface IdleStep {
  readonly kind: 'idle';
  readonly label: string;
  readonly connections: number;
  readonly merit: Merit;
}

/** From the start of the process to the first connection that opens, and the memory it then takes. */
export interface StartStep {
  readonly kind: 'start';
  readonly label: string;
  readonly merit: Merit;
}

/** What the HTTP API and definitions take where there is much of everything, and what that does to messages. */
export interface ManagementStep {
  readonly kind: 'management';
  readonly label: string;
  readonly counts: ManagementCounts;
  readonly merit: Merit;
}

export interface ManagementCounts {
  /** Each with a binding. */
  readonly queues: number;
  readonly connections: number;
  readonly users: number;
}

/** What delayed messages cost to publish, how late they are, or what many of them that wait do to that. */
export type DelayedPart = 'publishing' | 'lateness' | 'waiting';

export interface DelayedStep {
  readonly kind: 'delayed';
  readonly label: string;
  readonly part: DelayedPart;
  readonly counts: DelayedCounts;
  readonly merit: Merit;
}

export interface DelayedCounts {
  /** Measured, of each load. */
  readonly seconds: number;
  /** Releases a second; who does not hold the first is measured at the next one. */
  readonly ratesPerSecond: readonly number[];
  /** Messages that are not due, with which lateness is measured once more. */
  readonly waiting: number;
}

export type ScenarioStep = LoadStep | IdleStep | StartStep | ManagementStep | DelayedStep;

export interface Scenario {
  readonly letter: string;
  readonly text: string;
  /** One after the other against the same process. */
  readonly steps: readonly ScenarioStep[];
  /** With the HTTP API. */
  readonly manages: boolean;
  /** Lines of `rabbitmq.conf`, for targets that read it; with it comes the HTTP API, unless `observed` is false. */
  readonly settings?: readonly string[];
  readonly observed?: boolean;
  /** Is run once, however many runs the others have: it takes long. */
  readonly once?: boolean;
  /** What the floor program needs to be told: it has no routing and no queues to find it out by. Null where it has no part. */
  readonly floor: { readonly journal: boolean; readonly fanOut: boolean } | null;
}

export interface ScenarioSizes {
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Messages of a backlog. */
  readonly count: number;
  readonly idleConnections: number;
  readonly management: ManagementCounts;
  readonly delayed: DelayedCounts;
}

const mostOut: Merit = { figure: 'outPerSecond', better: 'more' };
const mostIn: Merit = { figure: 'inPerSecond', better: 'more' };

export function allScenarios(sizes: ScenarioSizes): Scenario[] {
  return [
    ...throughput(sizes),
    ...backlog(sizes),
    ...latency(sizes),
    ...routing(sizes),
    ...resources(sizes),
    management(sizes),
    ...statistics(sizes),
    ...delayed(sizes),
  ];
}

function throughput(sizes: ScenarioSizes): Scenario[] {
  return [
    timed(sizes, 'a', '16 B, auto-ack', { bodySizeBytes: 16, durable: true }),
    timed(sizes, 'b', '1 KiB, auto-ack', { durable: true }),
    timed(sizes, 'c', '1 KiB, persistent, 1000 confirms out, ack each 100', confirmed),
    timed(sizes, 'd', '64 KiB, persistent, 1000 confirms out, ack each 100', { ...confirmed, bodySizeBytes: 65_536 }),
    timed(sizes, 'm', '1 KiB, auto-ack, 4 publishers and 4 consumers on one queue', {
      durable: true,
      publishers: 4,
      consumers: 4,
    }),
  ];
}

const confirmed: Partial<LoadOptions> = { persistent: true, confirmWindow: 1000, ackEvery: 100, prefetch: 1000 };

function backlog(sizes: ScenarioSizes): Scenario[] {
  const counted = { count: sizes.count, drainSeconds: 30 };
  const text = `backlog of ${sizes.count.toLocaleString('en')} x 1 KiB`;
  return [
    {
      letter: 'e',
      text: `${text}: published, then consumed`,
      manages: false,
      floor: { journal: false, fanOut: false },
      steps: [
        { kind: 'load', label: 'e in', options: { ...counted, mode: 'publish', durable: true }, merit: mostIn },
        { kind: 'load', label: 'e out', options: { ...counted, mode: 'consume', durable: true }, merit: mostOut },
      ],
    },
    {
      letter: 'ep',
      text: `${text}, persistent: published with 1000 confirms out, then consumed with ack each 100`,
      manages: false,
      floor: { journal: true, fanOut: false },
      steps: [
        {
          kind: 'load',
          label: 'ep in',
          options: { ...counted, mode: 'publish', persistent: true, confirmWindow: 1000 },
          merit: mostIn,
        },
        {
          kind: 'load',
          label: 'ep out',
          options: { ...counted, mode: 'consume', durable: true, ackEvery: 100 },
          merit: mostOut,
        },
      ],
    },
  ];
}

function latency(sizes: ScenarioSizes): Scenario[] {
  const rate = { ratePerSecond: 5000 };
  return [
    timed(
      sizes,
      'f',
      '1 KiB, 5,000 /s, auto-ack',
      { ...rate, durable: true },
      { figure: 'latencyP50Ms', better: 'less' },
    ),
    timed(
      sizes,
      'fp',
      '1 KiB, 5,000 /s, persistent, confirms, ack each 10',
      { ...rate, persistent: true, confirmWindow: 1000, ackEvery: 10 },
      { figure: 'confirmP50Ms', better: 'less' },
    ),
  ];
}

function routing(sizes: ScenarioSizes): Scenario[] {
  const queues = { bodySizeBytes: 16, queues: 1000, durable: true };
  return [
    timed(sizes, 'g1', '16 B, topic exchange with 1000 queues, one matches', { ...queues, routing: 'topic-one' }),
    {
      ...timed(sizes, 'g2', '16 B, topic exchange with 1000 queues, all match', {
        ...queues,
        routing: 'topic-all',
        inflightMax: 50_000,
      }),
      floor: { journal: false, fanOut: true },
    },
  ];
}

function resources(sizes: ScenarioSizes): Scenario[] {
  const nothing = { journal: false, fanOut: false };
  return [
    {
      letter: 'i',
      text: `${sizes.idleConnections.toLocaleString('en')} idle connections, one channel each`,
      manages: false,
      floor: nothing,
      steps: [
        {
          kind: 'idle',
          label: 'i',
          connections: sizes.idleConnections,
          merit: { figure: 'kibPerConnection', better: 'less' },
        },
      ],
    },
    {
      letter: 'start',
      text: 'from the start of the process to the first open connection; memory 2 s later',
      manages: false,
      floor: nothing,
      steps: [{ kind: 'start', label: 'start', merit: { figure: 'startMs', better: 'less' } }],
    },
  ];
}

function management({ management: counts }: ScenarioSizes): Scenario {
  const [queues, connections, users] = [counts.queues, counts.connections, counts.users].map((count) =>
    count.toLocaleString('en'),
  );
  return {
    letter: 'management',
    text: `${queues} queues with a binding each, ${connections} connections, ${users} users`,
    manages: true,
    floor: null,
    steps: [{ kind: 'management', label: 'management', counts, merit: { figure: 'pageMs', better: 'less' } }],
  };
}

/** What counting costs: the smallest messages there are, of which the most are counted. */
function statistics(sizes: ScenarioSizes): Scenario[] {
  const counting = (letter: string, text: string, setting: string, observed = true): Scenario => ({
    ...timed(sizes, letter, `a with ${text}`, { bodySizeBytes: 16, durable: true }),
    settings: [setting],
    observed,
    floor: null,
  });
  return [
    counting('s-none', 'collect_statistics none, no HTTP API', 'collect_statistics = none', false),
    counting('s-coarse', 'rates_mode none', 'management.rates_mode = none'),
    counting('s-fine', 'rates_mode basic', 'management.rates_mode = basic'),
    counting('s-detailed', 'rates_mode detailed', 'management.rates_mode = detailed'),
  ];
}

/** In three processes: what waits in one part must not be there in another. */
function delayed({ delayed: counts }: ScenarioSizes): Scenario[] {
  const rate = counts.ratesPerSecond[0]!.toLocaleString('en');
  const waiting = counts.waiting.toLocaleString('en');
  const part = (letter: string, text: string, part: DelayedPart, merit: Merit): Scenario => ({
    letter,
    text,
    manages: false,
    once: true,
    floor: null,
    steps: [{ kind: 'delayed', label: letter, part, counts, merit }],
  });
  const { mostDelayed, leastLate, leastLateWaiting } = delayedMerits;
  return [
    part('delayed-in', 'publishing delayed messages', 'publishing', mostDelayed),
    part('delayed-late', `lateness at ${rate} releases a second`, 'lateness', leastLate),
    part('delayed-waiting', `the same with ${waiting} others waiting`, 'waiting', leastLateWaiting),
  ];
}

const delayedMerits = {
  mostDelayed: { figure: 'delayedInPerSecond', better: 'more' },
  leastLate: { figure: 'latenessP99Ms', better: 'less' },
  leastLateWaiting: { figure: 'waitingLatenessP99Ms', better: 'less' },
} as const satisfies Record<string, Merit>;

function timed(
  sizes: ScenarioSizes,
  letter: string,
  text: string,
  options: Partial<LoadOptions>,
  merit: Merit = mostOut,
): Scenario {
  const { seconds, warmUpSeconds } = sizes;
  return {
    letter,
    text,
    manages: false,
    floor: { journal: options.persistent === true, fanOut: false },
    steps: [{ kind: 'load', label: letter, options: { ...options, seconds, warmUpSeconds }, merit }],
  };
}
