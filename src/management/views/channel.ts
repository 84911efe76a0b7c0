/** A channel, as the API shows it. */
import type { Channel } from '../../connection/channel.ts';
import type { JsonView } from '../listing.ts';
import type { ManagementSources } from '../sources.ts';
import type { StatisticsWindows } from '../statistics.ts';
import { connectionDetails, connectionName } from './connection.ts';

/** That of the connection and the number: `127.0.0.1:40000 -> 127.0.0.1:5672 (1)` */
export function channelName({ connection, number }: Channel): string {
  return `${connectionName(connection)} (${number})`;
}

/** What consumers say of the channel that they are on. */
export function channelDetails(channel: Channel): JsonView {
  const { name, ...peer } = connectionDetails(channel.connection);
  return {
    connection_name: name,
    name: channelName(channel),
    number: channel.number,
    ...peer,
    user: channel.connection.identity.user,
  };
}

export function channelView(sources: ManagementSources, channel: Channel, windows: StatisticsWindows): JsonView {
  const { connection, confirms, tx } = channel;
  const messages = sources.statistics.channelMessages(channel, windows);
  return {
    acks_uncommitted: tx?.acks.length ?? 0,
    confirm: confirms !== null,
    connection_details: connectionDetails(connection),
    consumer_count: channel.consumers.size,
    global_prefetch_count: channel.globalPrefetch,
    ...(messages === undefined ? {} : { message_stats: messages }),
    messages_unacknowledged: channel.unacked.count,
    messages_uncommitted: tx?.publishes.length ?? 0,
    messages_unconfirmed: channel.unconfirmed,
    name: channelName(channel),
    node: sources.nodeName,
    number: channel.number,
    prefetch_count: channel.prefetch,
    state: channel.open ? channelState(channel) : 'closing',
    transactional: tx !== null,
    user: connection.identity.user,
    vhost: channel.vhost.name,
  };
}

function channelState({ waitsFor }: Channel): 'running' | 'flow' {
  return waitsFor === 'publishing' ? 'flow' : 'running';
}
