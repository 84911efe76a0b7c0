/**
 * Connections whose vhost or user is deleted are closed. By then the store has deleted what was in the vhost, so that consumers
 * are told first. RabbitMQ has a text for both, but cuts the connections of a vhost before it can say it.
 */
import type { Identity } from '../auth/access.ts';
import type { Change } from '../metadata/port.ts';
import { type AmqpError, connectionForced } from '../protocol/errors.ts';

/** What is to be known of a connection. */
export interface Closable {
  readonly identity: Identity;
  /** Null before connection.open. */
  readonly vhost: { readonly name: string } | null;
  close(error: AmqpError): void;
}

export function closeAbandoned(connections: Iterable<Closable>, change: Change): void {
  if (change.kind === 'delete-vhost') {
    const error = connectionForced(`vhost '${change.name}' is deleted`);
    for (const connection of connections) if (connection.vhost?.name === change.name) connection.close(error);
  } else if (change.kind === 'delete-user') {
    const error = connectionForced(`user '${change.name}' is deleted`);
    for (const connection of connections) if (connection.identity.user === change.name) connection.close(error);
  }
}
