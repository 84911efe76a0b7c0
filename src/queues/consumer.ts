/** What a queue knows of a consumer. The channel implements it. */
import type { Page } from '../storage/page.ts';
import type { Queue } from './queue.ts';

export interface Consumer {
  readonly tag: string;
  readonly queue: Queue;
  /** x-priority: consumers of a higher one are served first while they have credit. */
  readonly priority: number;
  /** True: a message is settled as soon as it is delivered (no-ack). */
  readonly noAck: boolean;
  readonly exclusive: boolean;
  /** True while the queue waits for the consumer to ask for more (see Queue.consumerReady). */
  parked: boolean;
  /** Whether another message may be delivered now: prefetch limits, channel.flow, the socket's back-pressure. */
  hasCredit(): boolean;
  /** Writes the delivery; unless `noAck`, the consumer now owns the message until it settles or returns it. */
  deliver(page: Page, offset: number, position: number, sequence: number, size: number, redelivered: boolean): void;
  /** The queue is gone, or the consumer lost its place: consumer cancel notification. */
  cancelledByQueue(): void;
}
