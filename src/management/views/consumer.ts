/** Consumers, as the API shows them. */
import type { Channel } from '../../connection/channel.ts';
import type { ChannelConsumer } from '../../connection/channel-consumer.ts';
import { toPlain } from '../../protocol/field-table.ts';
import type { Queue } from '../../queues/queue.ts';
import type { JsonView } from '../listing.ts';
import type { ManagementSources } from '../sources.ts';
import { channelDetails } from './channel.ts';

export interface ShownConsumer {
  readonly consumer: ChannelConsumer;
  readonly channel: Channel;
}

/** All consumers of clients, in the order of their connections. */
export function* consumersOf(sources: ManagementSources): Iterable<ShownConsumer> {
  for (const { channels } of sources.connections()) {
    for (const channel of channels.values()) {
      for (const consumer of channel.consumers.values()) yield { consumer, channel };
    }
  }
}

export function consumersOfQueue(sources: ManagementSources, queue: Queue): ShownConsumer[] {
  return [...consumersOf(sources)].filter(({ consumer }) => consumer.queue === queue);
}

export function consumerView(sources: ManagementSources, { consumer, channel }: ShownConsumer): JsonView {
  const { queue } = consumer;
  const { active } = queue.consumers;
  const isActive = !queue.settings.singleActiveConsumer || active === consumer;
  return {
    ack_required: !consumer.noAck,
    active: isActive,
    activity_status: isActive ? 'up' : 'waiting',
    arguments: toPlain(consumer.arguments),
    channel_details: { ...channelDetails(channel), node: sources.nodeName },
    consumer_tag: consumer.tag,
    exclusive: consumer.exclusive,
    prefetch_count: consumer.prefetch,
    queue: { name: queue.name, vhost: queue.vhost },
  };
}
