import type { Queue } from '../queues/queue.ts';

/** Where messages of one exchange and routing key go: worked out once, used until the topology changes. */
export class Route {
  /** The durable queues come first, in the order of `durableIds`. */
  readonly queues: readonly Queue[];
  readonly durableIds: readonly number[];
  /** Some queue may refuse a publish, or there are more queues than one record names: the slow way. */
  readonly needsCare: boolean;
  /** A quorum queue is among them, which keeps what it is given whatever its delivery mode; the other durable ones then do, too. */
  readonly keepsTransient: boolean;

  constructor(queues: readonly Queue[]) {
    const durable = queues.filter((queue) => queue.durable);
    this.queues = [...durable, ...queues.filter((queue) => !queue.durable)];
    this.durableIds = durable.map((queue) => queue.id);
    this.keepsTransient = queues.some((queue) => queue.countsDeliveries);
    this.needsCare = durable.length > MAX_QUEUES_A_RECORD || queues.some(mayRefuse);
  }

  /** The same without queues that were deleted since, and with care for those that may refuse by now. */
  withoutDeleted(): Route {
    const isCurrent = this.needsCare || !this.queues.some(mayRefuse);
    if (isCurrent && !this.queues.some((queue) => queue.deleted)) return this;
    return new Route(this.queues.filter((queue) => !queue.deleted));
  }
}

function mayRefuse({ settings }: Queue): boolean {
  return settings.overflow !== 'drop-head';
}

/** A message record counts its queues in 16 bits. */
export const MAX_QUEUES_A_RECORD = 0xffff;

export const NO_ROUTE = new Route([]);
