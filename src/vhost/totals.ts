/** What is gone had counted: without it, totals would fall when a channel is closed or a queue is deleted. */
import { DurationHistogram } from '../metrics/duration-histogram.ts';
import type { DeadLetterReason } from '../queues/queue-settings.ts';
import { QueueTotals } from '../queues/queue-totals.ts';

/** What channels count of their publishes. */
export class PublishTotals {
  publishedTotal = 0;
  /** Of those, the ones that a confirm was asked for. */
  publishedForConfirmTotal = 0;
  confirmedTotal = 0;
  returnedTotal = 0;
  droppedTotal = 0;

  add(totals: Readonly<Omit<PublishTotals, 'add'>>): void {
    this.publishedTotal += totals.publishedTotal;
    this.publishedForConfirmTotal += totals.publishedForConfirmTotal;
    this.confirmedTotal += totals.confirmedTotal;
    this.returnedTotal += totals.returnedTotal;
    this.droppedTotal += totals.droppedTotal;
  }
}

/** What delay lines count. */
export class DelayTotals {
  releasedTotal = 0;
  unroutableTotal = 0;
  cancelledTotal = 0;
  readonly lateness = new DurationHistogram();

  add(totals: DelayCounts): void {
    this.releasedTotal += totals.releasedTotal;
    this.unroutableTotal += totals.unroutableTotal;
    this.cancelledTotal += totals.cancelledTotal;
    this.lateness.add(totals.lateness);
  }
}

export type DelayCounts = Readonly<Omit<DelayTotals, 'add'>>;

/** Of channels that were closed and queues that were deleted, in a vhost or in the whole broker. */
export class GoneTotals {
  readonly channels = new PublishTotals();
  readonly classicQueues = new QueueTotals();
  readonly quorumQueues = new QueueTotals();

  ofQueuesLike({ countsDeliveries }: { readonly countsDeliveries: boolean }): QueueTotals {
    return countsDeliveries ? this.quorumQueues : this.classicQueues;
  }
}

/** How often messages left queues for one reason: with a dead-letter exchange, and where there is none. */
export interface Deaths {
  deadLettered: number;
  dropped: number;
}

export type DeathsByReason = Readonly<Record<DeadLetterReason, Deaths>>;

function noDeaths(): DeathsByReason {
  const none = (): Deaths => ({ deadLettered: 0, dropped: 0 });
  return { rejected: none(), expired: none(), maxlen: none(), delivery_limit: none() };
}

/** Of the whole broker: vhosts that were deleted are in it, too. */
export class BrokerTotals extends GoneTotals {
  readonly classicDeaths = noDeaths();
  readonly quorumDeaths = noDeaths();
  /** Of x-delayed-message exchanges that were deleted. */
  readonly goneDelays = new DelayTotals();
}
