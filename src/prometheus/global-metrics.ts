/** What all clients together have done, by the type of the queue: counters that fall for nothing but a restart. */
import type { QueueCounts } from '../queues/queue-totals.ts';
import type { Deaths, DeathsByReason } from '../vhost/totals.ts';
import { PublishTotals } from '../vhost/totals.ts';
import { channelsOf } from './channel-families.ts';
import { labelText, type Metric, type Table } from './exposition.ts';
import { type PrometheusSources, routedTotal, type Scrape, table } from './family.ts';

const PREFIX = 'rabbitmq_global_';
const PROTOCOL = { protocol: 'amqp091' } as const;

interface Publishing {
  readonly totals: PublishTotals;
  readonly routed: number;
  readonly publishers: number;
  readonly consumers: number;
}

export function globalTables(scrape: Scrape): Table[] {
  const { classic, quorum } = scrape.queueTotals;
  const queueTypes: CountedType[] = [
    { type: 'rabbit_classic_queue', counts: classic },
    { type: 'rabbit_quorum_queue', counts: quorum },
  ];
  return [
    table({ prefix: PREFIX, metrics: PUBLISHING, objects: [publishingOf(scrape)], labels: () => labelText(PROTOCOL) }),
    table({
      prefix: PREFIX,
      metrics: DELIVERING,
      objects: queueTypes,
      labels: ({ type }) => labelText({ ...PROTOCOL, queue_type: type }),
    }),
    table({ prefix: PREFIX, metrics: DYING, objects: mortalities(scrape.sources), labels: labelsOfMortality }),
  ];
}

function publishingOf(scrape: Scrape): Publishing {
  const { vhosts } = scrape.sources;
  const channels = channelsOf(scrape);
  const totals = new PublishTotals();
  totals.add(vhosts.totals.channels);
  for (const channel of channels) totals.add(channel);
  return {
    totals,
    routed: routedTotal(scrape),
    publishers: channels.filter(({ publishedTotal }) => publishedTotal > 0).length,
    consumers: channels.reduce((sum, { consumers }) => sum + consumers.size, 0),
  };
}

const PUBLISHING: readonly Metric<Publishing>[] = [
  {
    name: 'publishers',
    type: 'gauge',
    help: 'Channels that have published',
    value: ({ publishers }) => publishers,
  },
  { name: 'consumers', type: 'gauge', help: 'Consumers of all channels', value: ({ consumers }) => consumers },
  {
    name: 'messages_received_total',
    type: 'counter',
    help: 'Messages that were published',
    value: ({ totals }) => totals.publishedTotal,
  },
  {
    name: 'messages_received_confirm_total',
    type: 'counter',
    help: 'Messages that were published on channels with confirms',
    value: ({ totals }) => totals.publishedForConfirmTotal,
  },
  {
    name: 'messages_confirmed_total',
    type: 'counter',
    help: 'Publishes that were confirmed',
    value: ({ totals }) => totals.confirmedTotal,
  },
  {
    name: 'messages_routed_total',
    type: 'counter',
    help: 'Copies of messages that publishers have put into queues',
    value: ({ routed }) => routed,
  },
  {
    name: 'messages_unroutable_returned_total',
    type: 'counter',
    help: 'Publishes that no queue took and that went back to their publishers',
    value: ({ totals }) => totals.returnedTotal,
  },
  {
    name: 'messages_unroutable_dropped_total',
    type: 'counter',
    help: 'Publishes that no queue took and that nobody wanted back',
    value: ({ totals }) => totals.droppedTotal,
  },
];

interface CountedType {
  readonly type: string;
  readonly counts: QueueCounts;
}

const DELIVERING: readonly Metric<CountedType>[] = [
  {
    name: 'messages_delivered_total',
    type: 'counter',
    help: 'Messages that consumers and basic.get were given',
    value: ({ counts }) => counts.deliveredTotal,
  },
  {
    name: 'messages_delivered_consume_manual_ack_total',
    type: 'counter',
    help: 'Messages that consumers were given, to be acknowledged',
    value: ({ counts }) => counts.deliveredTotal - counts.deliveredNoAckTotal - counts.gottenTotal,
  },
  {
    name: 'messages_delivered_consume_auto_ack_total',
    type: 'counter',
    help: 'Messages that consumers were given, acknowledged at once',
    value: ({ counts }) => counts.deliveredNoAckTotal - counts.gottenNoAckTotal,
  },
  {
    name: 'messages_delivered_get_manual_ack_total',
    type: 'counter',
    help: 'Messages that basic.get took, to be acknowledged',
    value: ({ counts }) => counts.gottenTotal,
  },
  {
    name: 'messages_delivered_get_auto_ack_total',
    type: 'counter',
    help: 'Messages that basic.get took, acknowledged at once',
    value: ({ counts }) => counts.gottenNoAckTotal,
  },
  {
    name: 'messages_get_empty_total',
    type: 'counter',
    help: 'How often basic.get found nothing',
    value: ({ counts }) => counts.gottenEmptyTotal,
  },
  {
    name: 'messages_redelivered_total',
    type: 'counter',
    help: 'Deliveries of messages that had been delivered before',
    value: ({ counts }) => counts.redeliveredTotal,
  },
  {
    name: 'messages_acknowledged_total',
    type: 'counter',
    help: 'Messages that consumers have acknowledged',
    value: ({ counts }) => counts.acknowledgedTotal,
  },
];

/** How messages leave queues of one type, with a dead-letter exchange or without. */
interface Mortality {
  readonly type: string;
  readonly deaths: DeathsByReason;
  readonly fate: keyof Deaths;
}

function mortalities({ vhosts }: PrometheusSources): Mortality[] {
  const { classicDeaths, quorumDeaths } = vhosts.totals;
  return (['deadLettered', 'dropped'] as const).flatMap((fate) => [
    { type: 'rabbit_classic_queue', deaths: classicDeaths, fate },
    { type: 'rabbit_quorum_queue', deaths: quorumDeaths, fate },
  ]);
}

function labelsOfMortality({ type, fate }: Mortality): string {
  return labelText({ queue_type: type, dead_letter_strategy: fate === 'dropped' ? 'disabled' : 'at_most_once' });
}

const DYING: readonly Metric<Mortality>[] = [
  {
    name: 'messages_dead_lettered_expired_total',
    type: 'counter',
    help: 'Messages whose time to live ran out',
    value: ({ deaths, fate }) => deaths.expired[fate],
  },
  {
    name: 'messages_dead_lettered_maxlen_total',
    type: 'counter',
    help: 'Messages that had no room in their queue',
    value: ({ deaths, fate }) => deaths.maxlen[fate],
  },
  {
    name: 'messages_dead_lettered_rejected_total',
    type: 'counter',
    help: 'Messages that consumers have refused',
    value: ({ deaths, fate }) => deaths.rejected[fate],
  },
  {
    name: 'messages_dead_lettered_delivery_limit_total',
    type: 'counter',
    help: 'Messages that came back too often',
    value: ({ type, deaths, fate }) => (type === 'rabbit_quorum_queue' ? deaths.delivery_limit[fate] : undefined),
  },
];
