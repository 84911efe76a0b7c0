/** What queues have counted, summed up. What a deleted queue had counted is added to such sums: totals over queues never fall. */
import type { Queue } from './queue.ts';

const TOTALS = [
  'publishedTotal',
  'deliveredTotal',
  'deliveredNoAckTotal',
  'gottenTotal',
  'gottenNoAckTotal',
  'gottenEmptyTotal',
  'redeliveredTotal',
  'acknowledgedTotal',
] as const;

/** What a queue counts, under its names: see queue.ts. */
export type QueueCounts = Pick<Queue, (typeof TOTALS)[number]>;

export class QueueTotals implements QueueCounts {
  publishedTotal = 0;
  deliveredTotal = 0;
  deliveredNoAckTotal = 0;
  gottenTotal = 0;
  gottenNoAckTotal = 0;
  gottenEmptyTotal = 0;
  redeliveredTotal = 0;
  acknowledgedTotal = 0;

  add(counts: QueueCounts): void {
    this.publishedTotal += counts.publishedTotal;
    this.deliveredTotal += counts.deliveredTotal;
    this.deliveredNoAckTotal += counts.deliveredNoAckTotal;
    this.gottenTotal += counts.gottenTotal;
    this.gottenNoAckTotal += counts.gottenNoAckTotal;
    this.gottenEmptyTotal += counts.gottenEmptyTotal;
    this.redeliveredTotal += counts.redeliveredTotal;
    this.acknowledgedTotal += counts.acknowledgedTotal;
  }
}
