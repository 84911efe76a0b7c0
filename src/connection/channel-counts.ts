/**
 * What a channel counts of its work, by queue and by exchange: there from `collect_statistics` fine upwards.
 *
 * Nothing is looked up per message. A consumer holds the counts of its queue. A publisher counts on the route that it has at
 * hand, and the sums are carried to channel, exchange and queue when the route goes, or when somebody looks.
 */
import type { Queue } from '../queues/queue.ts';
import type { Exchange } from '../routing/exchange.ts';
import type { Route } from '../vhost/route.ts';
import type { Vhost } from '../vhost/vhost.ts';
import { UnconfirmedByExchange } from './unconfirmed-by-exchange.ts';

/** What went from one queue to one channel. */
export class DeliveryCounts {
  delivered = 0;
  deliveredNoAck = 0;
  gotten = 0;
  gottenNoAck = 0;
  gottenEmpty = 0;
  redelivered = 0;
  acknowledged = 0;

  add(other: DeliveryCounts): void {
    this.delivered += other.delivered;
    this.deliveredNoAck += other.deliveredNoAck;
    this.gotten += other.gotten;
    this.gottenNoAck += other.gottenNoAck;
    this.gottenEmpty += other.gottenEmpty;
    this.redelivered += other.redelivered;
    this.acknowledged += other.acknowledged;
  }
}

/** What one channel published to one exchange. */
export class ExchangePublishes {
  published = 0;
  confirmed = 0;
  returned = 0;
  dropped = 0;
}

/** With more than these, those of what is gone are looked for. */
const MANY = 256;

export class ChannelCounts {
  readonly #vhost: Vhost;
  readonly #detailed: boolean;
  readonly #deliveries = new Map<Queue, DeliveryCounts>();
  readonly #publishes = new Map<string, ExchangePublishes>();
  /** Of queues that were deleted. */
  readonly #gone = new DeliveryCounts();
  /** Null until the channel asks for confirms. */
  #unconfirmed: UnconfirmedByExchange | null = null;
  #pruneAt = MANY;

  constructor(vhost: Vhost, detailed: boolean) {
    this.#vhost = vhost;
    this.#detailed = detailed;
  }

  /** Stays the same for as long as the queue is there. */
  deliveriesOf(queue: Queue): DeliveryCounts {
    let counts = this.#deliveries.get(queue);
    if (counts === undefined) {
      if (this.#deliveries.size + this.#publishes.size >= this.#pruneAt) this.#prune();
      counts = new DeliveryCounts();
      this.#deliveries.set(queue, counts);
    }
    return counts;
  }

  publishesTo(exchange: string): ExchangePublishes {
    let counts = this.#publishes.get(exchange);
    if (counts === undefined) {
      if (this.#deliveries.size + this.#publishes.size >= this.#pruneAt) this.#prune();
      counts = new ExchangePublishes();
      this.#publishes.set(exchange, counts);
    }
    return counts;
  }

  /** Publishes from now on are confirmed. */
  awaitConfirms(): void {
    this.#unconfirmed ??= new UnconfirmedByExchange();
  }

  /** So many more are confirmed, of those that were carried here and not refused. */
  confirmed(count: number): void {
    this.#unconfirmed?.confirm(count);
  }

  /** Carries `count` publishes on one route to where they are shown. @param refusedCount of these, those that were nacked */
  published(exchange: Exchange<Queue> | null, route: Route, count: number, refusedCount: number): void {
    const name = exchange?.name ?? '';
    const publishes = this.publishesTo(name);
    publishes.published += count;
    this.#unconfirmed?.add(publishes, count - refusedCount);
    const flow = exchange?.flow ?? this.#vhost.defaultFlow;
    flow.publishedIn += count;
    flow.publishedOut += count * route.queues.length;
    if (this.#detailed) for (const queue of route.queues) this.#vhost.countIncoming(queue, name, count);
  }

  /** By queue, of those that are there. */
  deliveries(): ReadonlyMap<Queue, DeliveryCounts> {
    this.#dropDeletedQueues();
    return this.#deliveries;
  }

  /** By the name of the exchange. */
  get publishes(): ReadonlyMap<string, ExchangePublishes> {
    return this.#publishes;
  }

  /** Adds up what all queues gave the channel, those that are gone, too. */
  totalDeliveries(into: DeliveryCounts): void {
    into.add(this.#gone);
    for (const counts of this.#deliveries.values()) into.add(counts);
  }

  #prune(): void {
    this.#dropDeletedQueues();
    for (const name of this.#publishes.keys()) {
      if (name !== '' && !this.#vhost.exchanges.has(name)) this.#publishes.delete(name);
    }
    this.#pruneAt = Math.max(MANY, 2 * (this.#deliveries.size + this.#publishes.size));
  }

  #dropDeletedQueues(): void {
    for (const [queue, counts] of this.#deliveries) {
      if (!queue.deleted) continue;
      this.#gone.add(counts);
      this.#deliveries.delete(queue);
    }
  }
}
