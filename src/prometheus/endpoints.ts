/** Which metrics are served where. */
import type { Pattern } from '../auth/pattern.ts';
import {
  channelExchangeMetrics,
  channelMetrics,
  channelQueueExchangeMetrics,
  channelQueueMetrics,
} from './channel-families.ts';
import { exchangeBindings, exchangeNames, vhostStatus } from './cluster-families.ts';
import { delayedMetrics } from './delay-families.ts';
import type { Table } from './exposition.ts';
import { type Family, type PrometheusSources, Scrape } from './family.ts';
import { globalTables } from './global-metrics.ts';
import {
  alarms,
  authAttemptMetrics,
  connectionChurnMetrics,
  infoTables,
  nodeCoarseMetrics,
  nodeMetrics,
  nodePersisterMetrics,
  objectCounts,
} from './node-families.ts';
import {
  connectionCoarseMetrics,
  connectionMetrics,
  queueCoarseMetrics,
  queueConsumerCount,
  queueMetrics,
} from './object-families.ts';
import type { RuntimeMetrics } from './runtime-metrics.ts';

/** Those that one may choose from: RabbitMQ’s, and `delayed_metrics`. */
const CHOSEN_FAMILIES: readonly Family[] = [
  connectionChurnMetrics,
  nodeCoarseMetrics,
  nodeMetrics,
  nodePersisterMetrics,
  authAttemptMetrics,
  queueCoarseMetrics,
  queueConsumerCount,
  queueMetrics,
  channelMetrics,
  channelExchangeMetrics,
  channelQueueMetrics,
  channelQueueExchangeMetrics,
  connectionCoarseMetrics,
  connectionMetrics,
  delayedMetrics,
  vhostStatus,
  exchangeNames,
  exchangeBindings,
];

/** What is not asked for by name. `queue_consumer_count` is a part of `queue_metrics`. */
const ALL_FAMILIES: readonly Family[] = [
  alarms,
  ...CHOSEN_FAMILIES.filter(
    (family) => ![queueConsumerCount, vhostStatus, exchangeNames, exchangeBindings].includes(family),
  ),
  objectCounts,
];

export interface ScrapeOptions {
  readonly sources: PrometheusSources;
  readonly runtime: RuntimeMetrics;
  readonly leftOut: Pattern | null;
}

/** `/metrics`, `/metrics/per-object` */
export function* allTables({ sources, runtime, leftOut }: ScrapeOptions, perObject: boolean): Iterable<Table> {
  const scrape = new Scrape({ sources, prefix: 'rabbitmq_', perObject, leftOut });
  for (const family of ALL_FAMILIES) yield* family.tables(scrape);
  yield* infoTables(sources, perObject ? 'per-object' : 'aggregated');
  yield* globalTables(scrape);
  yield* runtime.tables();
}

/**
 * `/metrics/detailed`: the families that are asked for, of the queues in some vhosts. Names that are none are passed over, as
 * in RabbitMQ, whose families for Erlang and Raft dashboards may ask for.
 * @param vhosts empty: all
 */
export function* detailedTables(
  sources: PrometheusSources,
  families: readonly string[],
  vhosts: readonly string[],
): Iterable<Table> {
  const scrape = new Scrape({
    sources,
    prefix: 'rabbitmq_detailed_',
    perObject: true,
    vhosts: vhosts.length === 0 ? null : new Set(vhosts),
  });
  const isAsked = ({ name }: Family) => families.includes(name);
  const asked = CHOSEN_FAMILIES.filter(isAsked).filter(
    (family) => family !== queueConsumerCount || !isAsked(queueMetrics),
  );
  for (const family of asked) yield* family.tables(scrape);
  yield* infoTables(sources, 'detailed');
}
