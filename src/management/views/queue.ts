/** A queue, as the API shows it. What Leveret does not measure is left out. */

import type { Connection } from '../../connection/connection.ts';
import { toPlain } from '../../protocol/field-table.ts';
import type { Queue } from '../../queues/queue.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import { type AppliedPolicies, NO_POLICIES } from '../../vhost/vhost-policies.ts';
import type { JsonView } from '../listing.ts';
import type { ManagementSources } from '../sources.ts';
import type { StatisticsWindows } from '../statistics.ts';
import { connectionDetails } from './connection.ts';
import { consumersOfQueue, consumerView } from './consumer.ts';
import { queueFlows } from './flows.ts';

/** What the queue was declared as. */
function declaredQueueView(sources: ManagementSources, queue: Queue): JsonView {
  const { durable, autoDelete, exclusive, type, arguments: args } = sources.vhosts.recordOf(queue);
  return {
    arguments: toPlain(args),
    auto_delete: autoDelete,
    durable,
    exclusive,
    name: queue.name,
    node: sources.nodeName,
    state: 'running',
    type,
    vhost: queue.vhost,
  };
}

/** The same in RabbitMQ's word for a queue of which nothing else is looked at. */
export function bareQueueView(sources: ManagementSources, queue: Queue): JsonView {
  return { ...declaredQueueView(sources, queue), state: 'live' };
}

/** What it was declared as, and how much is in it. */
export function queueTotalsView(sources: ManagementSources, queue: Queue): JsonView {
  const { readyCount, unackedCount } = queue;
  return {
    ...declaredQueueView(sources, queue),
    messages: readyCount + unackedCount,
    messages_ready: readyCount,
    messages_unacknowledged: unackedCount,
  };
}

/** With what is in it and what happens to it. */
export function queueView(sources: ManagementSources, queue: Queue, windows: StatisticsWindows): JsonView {
  const { statistics } = sources;
  const messages = statistics.queueMessages(queue, windows);
  const { consumers, exclusiveConsumer, settings } = queue;
  const { policy, operatorPolicy, definition } = policiesOf(sources, queue);
  return {
    ...declaredQueueView(sources, queue),
    consumers: consumers.all.length,
    effective_policy_definition: definition ?? {},
    exclusive_consumer_tag: exclusiveConsumer?.tag ?? null,
    message_bytes_ready: queue.readyBytes,
    ...statistics.queueLengths(queue, windows),
    ...(messages === undefined ? {} : { message_stats: messages }),
    operator_policy: operatorPolicy?.name ?? null,
    policy: policy?.name ?? null,
    single_active_consumer_tag: settings.singleActiveConsumer ? (consumers.active?.tag ?? null) : null,
    ...ownerOf(queue),
  };
}

/** The same with each of its consumers, and with where its messages come from and go. */
export async function queueDetailView(
  sources: ManagementSources,
  vhost: Vhost,
  queue: Queue,
  windows: StatisticsWindows,
): Promise<JsonView> {
  const details = consumersOfQueue(sources, queue).map((consumer) => consumerView(sources, consumer));
  const flows = await queueFlows(sources, vhost, queue, windows);
  return { ...queueView(sources, queue, windows), consumer_details: details, ...flows };
}

function policiesOf({ vhosts }: ManagementSources, { vhost, name }: Queue): AppliedPolicies {
  return vhosts.get(vhost)?.policies.of('queue', name) ?? NO_POLICIES;
}

function ownerOf({ owner }: Queue): JsonView {
  return owner === null ? {} : { owner_pid_details: connectionDetails(owner as Connection) };
}
