/** What metrics are made of: families, as RabbitMQ groups and names them, each shown as sums or for each object. */
import type { Pattern } from '../auth/pattern.ts';
import type { Connection } from '../connection/connection.ts';
import type { ConnectionContext } from '../connection/context.ts';
import type { ResourceFigures } from '../metrics/resources.ts';
import { QueueTotals } from '../queues/queue-totals.ts';
import type { CountedDisk } from '../runtime/counted-disk.ts';
import type { Vhosts } from '../vhost/vhosts.ts';
import type { Metric, Table } from './exposition.ts';

/** What the broker hands over. */
export interface PrometheusSources {
  readonly context: ConnectionContext;
  readonly vhosts: Vhosts;
  readonly nodeName: string;
  /** Null for a broker in memory. */
  readonly dataDir: string | null;
  connections(): Iterable<Connection>;
  resources(): ResourceFigures;
  /** What messages are written with. */
  readonly disk: Pick<CountedDisk, 'writeCount' | 'writtenBytes' | 'writingMs'>;
}

/** One answer: what it shows, and what is worked out once for all that it holds. */
export class Scrape {
  readonly sources: PrometheusSources;
  readonly prefix: string;
  /** Whether there is a line for each queue, channel and connection, or one for all of them. */
  readonly perObject: boolean;
  /** Whose queues are shown; null: those of all. */
  readonly vhosts: ReadonlySet<string> | null;
  /** Queues whose names it matches are in no sum of `queue_metrics`. */
  readonly leftOut: Pattern | null;
  #queueTotals: ByQueueType<QueueTotals> | null = null;

  constructor(options: Pick<Scrape, 'sources' | 'prefix' | 'perObject'> & Partial<Pick<Scrape, 'vhosts' | 'leftOut'>>) {
    this.sources = options.sources;
    this.prefix = options.prefix;
    this.perObject = options.perObject;
    this.vhosts = options.vhosts ?? null;
    this.leftOut = options.leftOut ?? null;
  }

  /** What all queues have counted, those that were deleted among them. */
  get queueTotals(): ByQueueType<QueueTotals> {
    this.#queueTotals ??= totalsOfQueues(this.sources.vhosts);
    return this.#queueTotals;
  }
}

/** Copies of messages that publishers have sent to queues. */
export function routedTotal({ queueTotals: { classic, quorum } }: Scrape): number {
  return classic.publishedTotal + quorum.publishedTotal;
}

export interface ByQueueType<T> {
  readonly classic: T;
  readonly quorum: T;
}

function totalsOfQueues(vhosts: Vhosts): ByQueueType<QueueTotals> {
  const [classic, quorum] = [new QueueTotals(), new QueueTotals()];
  classic.add(vhosts.totals.classicQueues);
  quorum.add(vhosts.totals.quorumQueues);
  for (const queue of vhosts.queues()) (queue.countsDeliveries ? quorum : classic).add(queue);
  return { classic, quorum };
}

export interface Family {
  /** What `family` asks for. */
  readonly name: string;
  tables(scrape: Scrape): Table[];
}

export interface SummedMetric<T> extends Metric<T> {
  /** Of objects that are gone: it belongs to the sum, which never falls. */
  gone?(sources: PrometheusSources): number;
}

export interface ObjectFamily<T> {
  readonly name: string;
  readonly metrics: readonly SummedMetric<T>[];
  /** All there are now. */
  objects(scrape: Scrape): T[];
  labels(object: T): string;
}

/** A family of queues, channels or connections: the same metrics for each of them, or summed up. */
export function objectFamily<T>({ name, metrics, objects, labels }: ObjectFamily<T>): Family {
  return {
    name,
    tables: (scrape) => {
      const shown = objects(scrape);
      if (scrape.perObject) return [table({ prefix: scrape.prefix, metrics, objects: shown, labels })];
      return [sums(scrape, metrics, shown)];
    },
  };
}

export function sums<T>(
  { prefix, sources }: Scrape,
  metrics: readonly SummedMetric<T>[],
  objects: readonly T[],
): Table {
  const summed = metrics.map((metric) => ({ ...metric, value: () => sumOf(metric, objects, sources) }));
  return table({ prefix, metrics: summed, objects: ONE });
}

function sumOf<T>({ value, gone }: SummedMetric<T>, objects: readonly T[], sources: PrometheusSources): number {
  let sum = gone?.(sources) ?? 0;
  for (const object of objects) sum += value(object) ?? 0;
  return sum;
}

/** A family of the node: there is one of each metric. */
export function nodeFamily(name: string, metrics: readonly Metric<PrometheusSources>[]): Family {
  return {
    name,
    tables: ({ prefix, sources }) => [table({ prefix, metrics, objects: [sources] })],
  };
}

const ONE: readonly undefined[] = [undefined];

/** A table whose objects are of any kind: who writes it hands them to it alone. */
export function table<T>(typed: Table<T>): Table {
  return typed as Table;
}
