/** Follows the metadata and publishes an event for each change. */
import type { Change, MetadataSnapshot, UserRecord, VhostRecord } from '../metadata/port.ts';
import type { EventExchange } from './event-exchange.ts';
import { eventsOf } from './metadata-events.ts';

export class MetadataWatch {
  readonly #exchange: EventExchange;
  /** As they are, so that what has changed of them can be told. */
  readonly #users: Map<string, UserRecord>;
  readonly #vhosts: Map<string, VhostRecord>;

  constructor(exchange: EventExchange, { users, vhosts }: MetadataSnapshot) {
    this.#exchange = exchange;
    this.#users = new Map(users.map((user) => [user.name, user]));
    this.#vhosts = new Map(vhosts.map((vhost) => [vhost.name, vhost]));
  }

  apply(change: Change, by: string | undefined): void {
    if (this.#exchange.isHeard) {
      const { nodeName } = this.#exchange;
      const user = change.kind === 'put-user' ? this.#users.get(change.user.name) : undefined;
      const vhost = change.kind === 'put-vhost' ? this.#vhosts.get(change.vhost.name) : undefined;
      for (const event of eventsOf(change, { by, nodeName, user, vhost })) this.#exchange.publish(event);
    }
    this.#remember(change);
  }

  #remember(change: Change): void {
    if (change.kind === 'put-user') this.#users.set(change.user.name, change.user);
    else if (change.kind === 'delete-user') this.#users.delete(change.name);
    else if (change.kind === 'put-vhost') this.#vhosts.set(change.vhost.name, change.vhost);
    else if (change.kind === 'delete-vhost') this.#vhosts.delete(change.name);
  }
}
