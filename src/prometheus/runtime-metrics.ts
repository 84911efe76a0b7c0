/**
 * What Node tells of itself, under the names that its dashboards know: delays of the event loop, garbage collection, memory.
 * Delays and collections are watched from the first scrape on: who is not asked does not pay.
 */
import {
  constants,
  type ELDHistogram,
  monitorEventLoopDelay,
  type PerformanceEntry,
  PerformanceObserver,
} from 'node:perf_hooks';
import { openFiles, openFilesMax } from '../runtime/open-files.ts';
import { labelText, type Metric, type Table } from './exposition.ts';
import { table } from './family.ts';

const DELAY_RESOLUTION_MS = 10;

const COLLECTIONS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
};

/** As entries of type `gc` are. */
interface CollectionEntry extends PerformanceEntry {
  readonly detail: { readonly kind: number };
}

interface Collections {
  readonly kind: string;
  count: number;
  seconds: number;
}

export class RuntimeMetrics {
  readonly #delays = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  readonly #collections = new Map<string, Collections>();
  readonly #observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as CollectionEntry[]) this.#collected(entry.detail.kind, entry.duration);
  });
  readonly #startedAtSeconds = Math.round(performance.timeOrigin / 1000);

  constructor() {
    this.#delays.enable();
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  stop(): void {
    this.#delays.disable();
    this.#observer.disconnect();
  }

  #collected(collection: number, durationMs: number): void {
    const kind = COLLECTIONS[collection] ?? 'other';
    const collections = this.#collections.get(kind) ?? { kind, count: 0, seconds: 0 };
    collections.count++;
    collections.seconds += durationMs / 1000;
    this.#collections.set(kind, collections);
  }

  /** Delays are those since the last time that they were asked for. */
  tables(): Table[] {
    const node = { memory: process.memoryUsage(), cpu: process.cpuUsage(), startedAtSeconds: this.#startedAtSeconds };
    const collections = [...this.#collections.values()];
    const [major] = process.versions.node.split('.') as [string];
    const version = { version: process.version, major };
    const tables = [
      table({ prefix: 'process_', metrics: PROCESS, objects: [node] }),
      table({ prefix: 'nodejs_', metrics: HEAP, objects: [node] }),
      table({ prefix: 'nodejs_', metrics: DELAYS, objects: [readDelays(this.#delays)] }),
      table({ prefix: 'nodejs_', metrics: GC, objects: collections, labels: ({ kind }) => labelText({ kind }) }),
      table({ prefix: 'nodejs_', metrics: RUNTIME_VERSION, objects: [version], labels: labelText }),
    ];
    this.#delays.reset();
    return tables;
  }
}

interface NodeProcess {
  readonly memory: NodeJS.MemoryUsage;
  readonly cpu: NodeJS.CpuUsage;
  readonly startedAtSeconds: number;
}

const PROCESS: readonly Metric<NodeProcess>[] = [
  {
    name: 'start_time_seconds',
    type: 'gauge',
    help: 'When the process was started, in seconds since 1970',
    value: ({ startedAtSeconds }) => startedAtSeconds,
  },
  {
    name: 'cpu_user_seconds_total',
    type: 'counter',
    help: 'Processor time of the process itself',
    value: ({ cpu }) => cpu.user / 1e6,
  },
  {
    name: 'cpu_system_seconds_total',
    type: 'counter',
    help: 'Processor time of the system for the process',
    value: ({ cpu }) => cpu.system / 1e6,
  },
  {
    name: 'cpu_seconds_total',
    type: 'counter',
    help: 'Processor time of the process and of the system for it',
    value: ({ cpu }) => (cpu.user + cpu.system) / 1e6,
  },
  {
    name: 'resident_memory_bytes',
    type: 'gauge',
    help: 'Memory that the process takes of the machine',
    value: ({ memory }) => memory.rss,
  },
  { name: 'open_fds', type: 'gauge', help: 'Files and sockets that are open', value: () => openFiles() },
  { name: 'max_fds', type: 'gauge', help: 'How many files and sockets may be open', value: () => openFilesMax() },
];

const HEAP: readonly Metric<NodeProcess>[] = [
  {
    name: 'heap_size_total_bytes',
    type: 'gauge',
    help: 'Memory of the heap for objects of JavaScript',
    value: ({ memory }) => memory.heapTotal,
  },
  {
    name: 'heap_size_used_bytes',
    type: 'gauge',
    help: 'What is in use of the heap',
    value: ({ memory }) => memory.heapUsed,
  },
  {
    name: 'external_memory_bytes',
    type: 'gauge',
    help: 'Memory outside of the heap that objects hold, such as pages of messages',
    value: ({ memory }) => memory.external,
  },
];

interface Delays {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly stddev: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** In seconds, and without the time between two looks, which the histogram counts in. */
function readDelays(histogram: ELDHistogram): Delays {
  const seconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - DELAY_RESOLUTION_MS / 1000);
  const isEmpty = histogram.count === 0;
  return {
    min: isEmpty ? 0 : seconds(histogram.min),
    max: seconds(histogram.max),
    mean: isEmpty ? 0 : seconds(histogram.mean),
    stddev: isEmpty ? 0 : histogram.stddev / 1e9,
    p50: seconds(histogram.percentile(50)),
    p90: seconds(histogram.percentile(90)),
    p99: seconds(histogram.percentile(99)),
  };
}

const delay = (name: string, which: string, value: (delays: Delays) => number): Metric<Delays> => ({
  name: `eventloop_lag_${name}`,
  type: 'gauge',
  help: `${which} delay of the event loop since the last scrape`,
  value,
});

const DELAYS: readonly Metric<Delays>[] = [
  delay('seconds', 'Mean', ({ mean }) => mean),
  delay('min_seconds', 'Least', ({ min }) => min),
  delay('max_seconds', 'Greatest', ({ max }) => max),
  delay('mean_seconds', 'Mean', ({ mean }) => mean),
  delay('stddev_seconds', 'Standard deviation of the', ({ stddev }) => stddev),
  delay('p50_seconds', 'Half of the time at most this', ({ p50 }) => p50),
  delay('p90_seconds', '90% of the time at most this', ({ p90 }) => p90),
  delay('p99_seconds', '99% of the time at most this', ({ p99 }) => p99),
];

const GC: readonly Metric<Collections>[] = [
  {
    name: 'gc_duration_seconds',
    suffix: '_count',
    type: 'summary',
    help: 'Garbage collections since the first scrape, by kind',
    value: ({ count }) => count,
  },
  { name: 'gc_duration_seconds', suffix: '_sum', value: ({ seconds }) => seconds },
];

const RUNTIME_VERSION: readonly Metric<Readonly<Record<string, string>>>[] = [
  { name: 'version_info', type: 'gauge', help: 'The version of Node', value: () => 1 },
];
