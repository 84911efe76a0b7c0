/** Exchanges that delay messages: a line for each of them, or sums. RabbitMQ has no such metrics, so the names are ours. */
import { BUCKET_ENDS_MS } from '../metrics/duration-histogram.ts';
import type { DelayLine } from '../queues/delay-line.ts';
import { type DelayCounts, DelayTotals } from '../vhost/totals.ts';
import { labelText, type Metric } from './exposition.ts';
import { type Family, type Scrape, table } from './family.ts';

/** What is counted in a line, or in all together. */
interface Delaying extends DelayCounts {
  readonly count: number;
  readonly nextDueMs: number;
}

const METRICS: readonly Metric<Delaying>[] = [
  {
    name: 'delayed_messages',
    type: 'gauge',
    help: 'Messages that wait in exchanges of the type x-delayed-message, and dead letters that wait in amq.default',
    value: ({ count }) => count,
  },
  {
    name: 'delayed_next_due_timestamp_seconds',
    type: 'gauge',
    help: 'When the next of them is due, in seconds since 1970',
    value: ({ nextDueMs }) => (Number.isFinite(nextDueMs) ? nextDueMs / 1000 : undefined),
  },
  {
    name: 'delayed_messages_released_total',
    type: 'counter',
    help: 'Messages that were released, because they were due or before',
    value: ({ releasedTotal }) => releasedTotal,
  },
  {
    name: 'delayed_messages_unroutable_total',
    type: 'counter',
    help: 'Of those, messages that reached no queue',
    value: ({ unroutableTotal }) => unroutableTotal,
  },
  {
    name: 'delayed_messages_cancelled_total',
    type: 'counter',
    help: 'Messages that were cancelled',
    value: ({ cancelledTotal }) => cancelledTotal,
  },
  ...latenessMetrics(),
];

function latenessMetrics(): Metric<Delaying>[] {
  const name = 'delayed_lateness_seconds';
  const ends = [...BUCKET_ENDS_MS.map((ms) => ms / 1000), '+Inf'];
  const buckets = ends.map((end, bucket) => ({
    name,
    suffix: '_bucket',
    label: labelText({ le: String(end) }),
    value: ({ lateness }: Delaying) => lateness.upTo(bucket),
  }));
  const [first, ...others] = buckets;
  return [
    { ...first, type: 'histogram', help: 'How much later than their time messages were released' },
    ...others,
    { name, suffix: '_sum', value: ({ lateness }) => lateness.sumMs / 1000 },
    { name, suffix: '_count', value: ({ lateness }) => lateness.total },
  ];
}

export const delayedMetrics: Family = {
  name: 'delayed_metrics',
  tables: (scrape) => {
    const lines = linesOf(scrape);
    // leveret_, leveret_detailed_
    const prefix = scrape.prefix.replace('rabbitmq', 'leveret');
    if (!scrape.perObject) return [table({ prefix, metrics: METRICS, objects: [sumOf(scrape, lines)] })];
    return [table({ prefix, metrics: METRICS, objects: lines, labels: labelsOf })];
  },
};

function linesOf({ sources, vhosts }: Scrape): DelayLine[] {
  const lines = [...sources.vhosts.lines()];
  return vhosts === null ? lines : lines.filter(({ vhost }) => vhosts.has(vhost));
}

const labelsOf = (line: Delaying): string => {
  const { vhost, name } = line as DelayLine;
  return labelText({ vhost, exchange: name });
};

function sumOf({ sources }: Scrape, lines: readonly DelayLine[]): Delaying {
  const totals = new DelayTotals();
  totals.add(sources.vhosts.totals.goneDelays);
  let count = 0;
  let nextDueMs = Number.POSITIVE_INFINITY;
  for (const line of lines) {
    totals.add(line);
    count += line.count;
    nextDueMs = Math.min(nextDueMs, line.nextDueMs);
  }
  return Object.assign(totals, { count, nextDueMs });
}
