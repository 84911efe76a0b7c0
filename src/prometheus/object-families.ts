/** Queues and connections: a line for each of them, or sums. */
import type { Connection } from '../connection/connection.ts';
import type { Queue } from '../queues/queue.ts';
import { labelValue, type Metric } from './exposition.ts';
import { objectFamily, type Scrape } from './family.ts';

function queuesOf({ sources, vhosts }: Scrape): Queue[] {
  const queues = [...sources.vhosts.queues()];
  return vhosts === null ? queues : queues.filter(({ vhost }) => vhosts.has(vhost));
}

/** Without those that sums are to be made without. */
function countedQueuesOf(scrape: Scrape): Queue[] {
  const queues = queuesOf(scrape);
  if (scrape.perObject || scrape.leftOut === null) return queues;
  const isLeftOut = scrape.leftOut.matchesEach(queues.map(({ name }) => name));
  return queues.filter((_, index) => !isLeftOut[index]);
}

function labelsOfQueue({ vhost, name }: Queue): string {
  return `vhost="${labelValue(vhost)}",queue="${labelValue(name)}"`;
}

export function connectionsOf({ sources }: Scrape): Connection[] {
  return [...sources.connections()].filter(({ vhost }) => vhost !== null);
}

/** RabbitMQ calls it a channel, too. */
function labelsOfConnection({ name }: Connection): string {
  return `channel="${labelValue(name)}"`;
}

const QUEUE_CONSUMERS: Metric<Queue> = {
  name: 'queue_consumers',
  type: 'gauge',
  help: 'Consumers of a queue',
  value: ({ consumers }) => consumers.all.length,
};

export const queueCoarseMetrics = objectFamily<Queue>({
  name: 'queue_coarse_metrics',
  objects: queuesOf,
  labels: labelsOfQueue,
  metrics: [
    {
      name: 'queue_messages_ready',
      type: 'gauge',
      help: 'Messages that wait for a consumer',
      value: ({ readyCount }) => readyCount,
    },
    {
      name: 'queue_messages_unacked',
      type: 'gauge',
      help: 'Messages that consumers hold and have not acknowledged',
      value: ({ unackedCount }) => unackedCount,
    },
    {
      name: 'queue_messages',
      type: 'gauge',
      help: 'Messages in a queue, ready and unacknowledged',
      value: ({ readyCount, unackedCount }) => readyCount + unackedCount,
    },
  ],
});

export const queueConsumerCount = objectFamily<Queue>({
  name: 'queue_consumer_count',
  objects: countedQueuesOf,
  labels: labelsOfQueue,
  metrics: [QUEUE_CONSUMERS],
});

export const queueMetrics = objectFamily<Queue>({
  name: 'queue_metrics',
  objects: countedQueuesOf,
  labels: labelsOfQueue,
  metrics: [
    QUEUE_CONSUMERS,
    {
      name: 'queue_messages_ready_bytes',
      type: 'gauge',
      help: 'Octets of the bodies of messages that wait for a consumer',
      value: ({ readyBytes }) => readyBytes,
    },
  ],
});

export const connectionCoarseMetrics = objectFamily<Connection>({
  name: 'connection_coarse_metrics',
  objects: connectionsOf,
  labels: labelsOfConnection,
  metrics: [
    {
      name: 'connection_incoming_bytes_total',
      type: 'counter',
      help: 'Octets that came over connections',
      value: ({ receivedBytes }) => receivedBytes,
      gone: ({ context }) => context.churn.closedReceivedBytes,
    },
    {
      name: 'connection_outgoing_bytes_total',
      type: 'counter',
      help: 'Octets that went over connections',
      value: ({ out }) => out.sentBytes,
      gone: ({ context }) => context.churn.closedSentBytes,
    },
  ],
});

export const connectionMetrics = objectFamily<Connection>({
  name: 'connection_metrics',
  objects: connectionsOf,
  labels: labelsOfConnection,
  metrics: [
    {
      name: 'connection_channels',
      type: 'gauge',
      help: 'Channels of a connection',
      value: ({ channels }) => channels.size,
    },
  ],
});
