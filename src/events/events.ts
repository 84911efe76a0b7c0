/** What publishes events: everything that is to be told of what happens in the broker. */
import type { Lifecycle } from '../connection/lifecycle.ts';
import type { Pids } from '../connection/pids.ts';
import { declareInternalTopic } from '../metadata/bootstrap.ts';
import type { MetadataStore } from '../metadata/port.ts';
import type { AlarmedResource } from '../metrics/alarms.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { InternalPublisher } from '../vhost/internal-publisher.ts';
import { ConnectionEvents } from './connection-events.ts';
import { EVENT_EXCHANGE, EventExchange, text } from './event-exchange.ts';
import { MetadataWatch } from './metadata-watch.ts';

export interface EventsOptions {
  readonly publisher: InternalPublisher;
  /** Where the exchange is. */
  readonly vhost: string;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly pids: Pids;
  readonly metadata: MetadataStore;
  readonly log: Log;
}

/** @throws MetadataError as propose() says */
export async function startEvents(options: EventsOptions): Promise<Events> {
  await declareInternalTopic(options.metadata, options.vhost, EVENT_EXCHANGE, options.log);
  return new Events(options);
}

export class Events {
  readonly lifecycle: Lifecycle;
  readonly #exchange: EventExchange;

  constructor({ publisher, vhost, nodeName, clock, pids, metadata }: EventsOptions) {
    this.#exchange = new EventExchange(publisher, vhost, nodeName, () => clock.nowMs());
    this.lifecycle = new ConnectionEvents(this.#exchange, pids);
    const watch = new MetadataWatch(this.#exchange, metadata.snapshot());
    metadata.follow((change, by) => watch.apply(change, by));
  }

  resourceChanged(resource: AlarmedResource, isLow: boolean): void {
    if (!this.#exchange.isHeard) return;
    const headers = [text('node', this.#exchange.nodeName), text('source', resource)];
    this.#exchange.publish({ key: isLow ? 'alarm.set' : 'alarm.cleared', headers });
  }
}
