/** A connection, as the API shows it. */
import type { Connection } from '../../connection/connection.ts';
import type { Window } from '../../metrics/sampled.ts';
import { toPlain } from '../../protocol/field-table.ts';
import type { JsonView } from '../listing.ts';
import type { ManagementSources } from '../sources.ts';
import { tlsView } from './tls.ts';

export function connectionName({ name }: Connection): string {
  return name;
}

/** What channels and consumers say of the connection that they are on. */
export function connectionDetails(connection: Connection): JsonView {
  const { peerHost, peerPort } = connection.describe();
  return { name: connectionName(connection), peer_host: peerHost, peer_port: peerPort };
}

/** Who is connected where. */
export function bareConnectionView({ nodeName }: ManagementSources, connection: Connection): JsonView {
  const { identity, vhost } = connection;
  return { name: connectionName(connection), vhost: vhost?.name ?? '', user: identity.user, node: nodeName };
}

export function connectionView(sources: ManagementSources, connection: Connection, window?: Window): JsonView {
  const described = connection.describe();
  const clientProperties = toPlain(described.clientProperties);
  const { connection_name: givenName } = clientProperties;
  return {
    auth_mechanism: described.mechanism,
    channel_max: described.channelMax,
    channels: connection.channels.size,
    client_properties: clientProperties,
    connected_at: described.openedAtMs,
    frame_max: described.frameMaxBytes,
    host: described.host,
    name: connectionName(connection),
    node: sources.nodeName,
    peer_host: described.peerHost,
    peer_port: described.peerPort,
    port: described.port,
    protocol: 'AMQP 0-9-1',
    ...sources.statistics.connectionOctets(connection, window),
    send_pend: connection.unsentBytes,
    ...tlsView(described.tls),
    state: described.state,
    timeout: described.heartbeatSeconds,
    type: 'network',
    user: connection.identity.user,
    ...(typeof givenName === 'string' ? { user_provided_name: givenName } : {}),
    vhost: connection.vhost?.name ?? '',
  };
}
