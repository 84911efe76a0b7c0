/** What passes between a channel, an exchange and a queue, as the API shows it beside each of them: `rates_mode` detailed. */
import type { Channel } from '../../connection/channel.ts';
import type { Queue } from '../../queues/queue.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { FlowStatistics } from '../flow-statistics.ts';
import type { JsonView } from '../listing.ts';
import type { ManagementSources } from '../sources.ts';
import type { StatisticsWindows } from '../statistics.ts';
import { channelDetails } from './channel.ts';
import type { ShownExchange } from './exchange.ts';

/** Null where it is not counted: RabbitMQ shows empty lists then. */
async function detailedFlows({ statistics: { flows } }: ManagementSources): Promise<FlowStatistics | null> {
  if (flows?.detailed !== true) return null;
  await flows.carry();
  return flows;
}

export async function channelFlows(
  sources: ManagementSources,
  channel: Channel,
  { rates }: StatisticsWindows,
): Promise<JsonView> {
  const flows = await detailedFlows(sources);
  const publishes: JsonView[] = [];
  const deliveries: JsonView[] = [];
  for (const [name, counts] of flows === null ? [] : (channel.counts?.publishes ?? [])) {
    publishes.push({ exchange: { name, vhost: channel.vhost.name }, stats: flows!.publishes(counts, rates) });
  }
  for (const [{ name, vhost }, counts] of flows === null ? [] : (channel.counts?.deliveries() ?? [])) {
    deliveries.push({ queue: { name, vhost }, stats: flows!.deliveries(counts, rates) });
  }
  return { deliveries, publishes };
}

export async function queueFlows(
  sources: ManagementSources,
  vhost: Vhost,
  queue: Queue,
  { rates }: StatisticsWindows,
): Promise<JsonView> {
  const flows = await detailedFlows(sources);
  const incoming: JsonView[] = [];
  const deliveries: JsonView[] = [];
  if (flows === null) return { incoming, deliveries };
  for (const [name, count] of vhost.incomingOf(queue)) {
    incoming.push({ exchange: { name, vhost: vhost.name }, stats: flows.incoming(count, rates) });
  }
  for (const channel of channelsOf(sources, vhost)) {
    const counts = channel.counts?.deliveries().get(queue);
    if (counts === undefined) continue;
    deliveries.push({ channel_details: channelDetails(channel), stats: flows.deliveries(counts, rates) });
  }
  return { incoming, deliveries };
}

export async function exchangeFlows(
  sources: ManagementSources,
  vhost: Vhost,
  { name }: ShownExchange,
  { rates }: StatisticsWindows,
): Promise<JsonView> {
  const flows = await detailedFlows(sources);
  const incoming: JsonView[] = [];
  const outgoing: JsonView[] = [];
  if (flows === null) return { incoming, outgoing };
  for (const channel of channelsOf(sources, vhost)) {
    const counts = channel.counts?.publishes.get(name);
    if (counts === undefined) continue;
    incoming.push({ channel_details: channelDetails(channel), stats: flows.publishes(counts, rates) });
  }
  for (const queue of vhost.queues.values()) {
    const count = vhost.incomingOf(queue).get(name);
    if (count === undefined) continue;
    outgoing.push({ queue: { name: queue.name, vhost: vhost.name }, stats: flows.incoming(count, rates) });
  }
  return { incoming, outgoing };
}

function* channelsOf(sources: ManagementSources, vhost: Vhost): Iterable<Channel> {
  for (const connection of sources.connections()) if (connection.vhost === vhost) yield* connection.channels.values();
}
