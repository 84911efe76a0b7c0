/** Channels: a line for each of them, for each exchange that it publishes to and each queue that it is given from; or sums. */
import type { Channel } from '../connection/channel.ts';
import type { DeliveryCounts, ExchangePublishes } from '../connection/channel-counts.ts';
import type { Queue } from '../queues/queue.ts';
import { type QueueCounts, QueueTotals } from '../queues/queue-totals.ts';
import { labelValue, type Metric, type Table } from './exposition.ts';
import { type Family, objectFamily, routedTotal, type Scrape, type SummedMetric, sums, table } from './family.ts';
import { connectionsOf } from './object-families.ts';

export function channelsOf(scrape: Scrape): Channel[] {
  return connectionsOf(scrape).flatMap(({ channels }) => [...channels.values()].filter(({ open }) => open));
}

/** The name that the HTTP API has for it; RabbitMQ shows an Erlang process here. */
function labelsOfChannel({ connection, number }: Channel): string {
  return `channel="${labelValue(`${connection.name} (${number})`)}"`;
}

export const channelMetrics = objectFamily<Channel>({
  name: 'channel_metrics',
  objects: channelsOf,
  labels: labelsOfChannel,
  metrics: [
    {
      name: 'channel_consumers',
      type: 'gauge',
      help: 'Consumers of a channel',
      value: ({ consumers }) => consumers.size,
    },
    {
      name: 'channel_messages_unacked',
      type: 'gauge',
      help: 'Deliveries of a channel that were not acknowledged yet',
      value: ({ unacked }) => unacked.count,
    },
    {
      name: 'channel_messages_unconfirmed',
      type: 'gauge',
      help: 'Publishes of a channel that were not confirmed yet',
      value: ({ unconfirmed }) => unconfirmed,
    },
    {
      name: 'channel_messages_uncommitted',
      type: 'gauge',
      help: 'Publishes in the open transaction of a channel',
      value: ({ tx }) => tx?.publishes.length ?? 0,
    },
    {
      name: 'channel_acks_uncommitted',
      type: 'gauge',
      help: 'Acknowledgements in the open transaction of a channel',
      value: ({ tx }) => tx?.acks.length ?? 0,
    },
    {
      name: 'consumer_prefetch',
      type: 'gauge',
      help: 'Deliveries that each new consumer of a channel may hold; 0 is no limit',
      value: ({ prefetch }) => prefetch,
    },
    {
      name: 'channel_prefetch',
      type: 'gauge',
      help: 'Deliveries that all consumers of a channel together may hold; 0 is no limit',
      value: ({ globalPrefetch }) => globalPrefetch,
    },
  ],
});

interface PublishesOfChannel {
  readonly channel: Channel;
  readonly exchange: string;
  readonly counts: ExchangePublishes;
}

/** Who publishes to what is known from `collect_statistics` fine upwards. */
export const channelExchangeMetrics: Family = {
  name: 'channel_exchange_metrics',
  tables: (scrape) => {
    const channels = channelsOf(scrape);
    if (!scrape.perObject) return [sums(scrape, [PUBLISHED, CONFIRMED, RETURNED, DROPPED], channels)];
    return [
      table<PublishesOfChannel>({
        prefix: scrape.prefix,
        metrics: [
          { ...PUBLISHED, value: ({ counts }) => counts.published },
          { ...CONFIRMED, value: ({ counts }) => counts.confirmed },
          { ...RETURNED, value: ({ counts }) => counts.returned },
          { ...DROPPED, value: ({ counts }) => counts.dropped },
        ],
        objects: channels.flatMap(publishesOf),
        labels: ({ channel, exchange }) => `${labelsInVhost(channel)},exchange="${labelValue(exchange)}"`,
      }),
    ];
  },
};

function publishesOf(channel: Channel): PublishesOfChannel[] {
  channel.publisher.carryCounts();
  return Array.from(channel.counts?.publishes ?? [], ([exchange, counts]) => ({ channel, exchange, counts }));
}

function labelsInVhost(channel: Channel): string {
  return `${labelsOfChannel(channel)},vhost="${labelValue(channel.vhost.name)}"`;
}

const PUBLISHED: SummedMetric<Channel> = {
  name: 'channel_messages_published_total',
  type: 'counter',
  help: 'Messages that were published on channels',
  value: ({ publishedTotal }) => publishedTotal,
  gone: ({ vhosts }) => vhosts.totals.channels.publishedTotal,
};

const CONFIRMED: SummedMetric<Channel> = {
  name: 'channel_messages_confirmed_total',
  type: 'counter',
  help: 'Publishes that were confirmed on channels',
  value: ({ confirmedTotal }) => confirmedTotal,
  gone: ({ vhosts }) => vhosts.totals.channels.confirmedTotal,
};

const RETURNED: SummedMetric<Channel> = {
  name: 'channel_messages_unroutable_returned_total',
  type: 'counter',
  help: 'Publishes that no queue took and that went back to their publishers',
  value: ({ returnedTotal }) => returnedTotal,
  gone: ({ vhosts }) => vhosts.totals.channels.returnedTotal,
};

const DROPPED: SummedMetric<Channel> = {
  name: 'channel_messages_unroutable_dropped_total',
  type: 'counter',
  help: 'Publishes that no queue took and that nobody wanted back',
  value: ({ droppedTotal }) => droppedTotal,
  gone: ({ vhosts }) => vhosts.totals.channels.droppedTotal,
};

type Deliveries = Omit<DeliveryCounts, 'add'>;

const DELIVERIES: readonly Metric<Deliveries>[] = [
  {
    name: 'channel_get_ack_total',
    type: 'counter',
    help: 'Messages that basic.get took, to be acknowledged',
    value: ({ gotten }) => gotten,
  },
  {
    name: 'channel_get_total',
    type: 'counter',
    help: 'Messages that basic.get took, acknowledged at once',
    value: ({ gottenNoAck }) => gottenNoAck,
  },
  {
    name: 'channel_messages_delivered_ack_total',
    type: 'counter',
    help: 'Messages that consumers were given, to be acknowledged',
    value: ({ delivered }) => delivered,
  },
  {
    name: 'channel_messages_delivered_total',
    type: 'counter',
    help: 'Messages that consumers were given, acknowledged at once',
    value: ({ deliveredNoAck }) => deliveredNoAck,
  },
  {
    name: 'channel_messages_redelivered_total',
    type: 'counter',
    help: 'Deliveries of messages that had been delivered before',
    value: ({ redelivered }) => redelivered,
  },
  {
    name: 'channel_messages_acked_total',
    type: 'counter',
    help: 'Messages that consumers have acknowledged',
    value: ({ acknowledged }) => acknowledged,
  },
  {
    name: 'channel_get_empty_total',
    type: 'counter',
    help: 'How often basic.get found nothing',
    value: ({ gottenEmpty }) => gottenEmpty,
  },
];

interface DeliveriesToChannel {
  readonly channel: Channel;
  readonly queue: Queue;
  readonly counts: DeliveryCounts;
}

/** The sums are those of what all queues gave out, which is what all channels were given. */
export const channelQueueMetrics: Family = {
  name: 'channel_queue_metrics',
  tables: (scrape) => {
    const { prefix, queueTotals } = scrape;
    if (scrape.perObject) return [deliveriesByQueue(scrape)];
    const all = new QueueTotals();
    all.add(queueTotals.classic);
    all.add(queueTotals.quorum);
    return [table<Deliveries>({ prefix, metrics: DELIVERIES, objects: [deliveriesOfQueues(all)] })];
  },
};

function deliveriesByQueue(scrape: Scrape): Table {
  return table<DeliveriesToChannel>({
    prefix: scrape.prefix,
    metrics: DELIVERIES.map((metric) => ({ ...metric, value: ({ counts }) => metric.value(counts) })),
    objects: channelsOf(scrape).flatMap((channel) => {
      return Array.from(channel.counts?.deliveries() ?? [], ([queue, counts]) => ({ channel, queue, counts }));
    }),
    labels: ({ channel, queue }) => `${labelsInVhost(channel)},queue="${labelValue(queue.name)}"`,
  });
}

function deliveriesOfQueues(counts: QueueCounts): Deliveries {
  return {
    delivered: counts.deliveredTotal - counts.deliveredNoAckTotal - counts.gottenTotal,
    deliveredNoAck: counts.deliveredNoAckTotal - counts.gottenNoAckTotal,
    gotten: counts.gottenTotal,
    gottenNoAck: counts.gottenNoAckTotal,
    gottenEmpty: counts.gottenEmptyTotal,
    redelivered: counts.redeliveredTotal,
    acknowledged: counts.acknowledgedTotal,
  };
}

interface PublishesToQueue {
  readonly queue: Queue;
  readonly exchange: string;
  readonly published: number;
}

/** From which exchange a queue has how many is known with `management.rates_mode` detailed alone, for all channels together. */
export const channelQueueExchangeMetrics: Family = {
  name: 'channel_queue_exchange_metrics',
  tables: (scrape) => {
    const { prefix, perObject } = scrape;
    if (!perObject) return [table<number>({ prefix, metrics: [TO_QUEUES], objects: [routedTotal(scrape)] })];
    for (const { publisher } of channelsOf(scrape)) publisher.carryCounts();
    const metric = { ...TO_QUEUES, value: ({ published }: PublishesToQueue) => published };
    return [table({ prefix, metrics: [metric], objects: publishesToQueues(scrape), labels: labelsOfPublishes })];
  },
};

const TO_QUEUES: Metric<number> = {
  name: 'queue_messages_published_total',
  type: 'counter',
  help: 'Copies of messages that publishers have put into queues',
  value: (routed) => routed,
};

function publishesToQueues({ sources }: Scrape): PublishesToQueue[] {
  if (sources.context.counting !== 'detailed') return [];
  const found: PublishesToQueue[] = [];
  for (const vhost of sources.vhosts.all()) {
    for (const queue of vhost.queues.values()) {
      for (const [exchange, { published }] of vhost.incomingOf(queue)) found.push({ queue, exchange, published });
    }
  }
  return found;
}

function labelsOfPublishes({ queue, exchange }: PublishesToQueue): string {
  const vhost = labelValue(queue.vhost);
  const to = `queue_vhost="${vhost}",queue="${labelValue(queue.name)}"`;
  return `${to},exchange_vhost="${vhost}",exchange="${labelValue(exchange)}"`;
}
