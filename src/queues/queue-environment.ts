/** What a queue is told when it is made: who it is, and what it needs of the world above it. */
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { MessageStore } from '../storage/message-store.ts';
import type { Page } from '../storage/page.ts';
import type { Queue } from './queue.ts';
import type { DeadLetterReason, QueueSettings } from './queue-settings.ts';

export interface QueueEnvironment {
  readonly store: MessageStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Asks for `dispatch` at the end of this turn. */
  wake(queue: Queue): void;
  /** When this turn began, by the clock of what is published. */
  turnMs(): number;
  /** Hands a message over before the queue settles it. The bytes are in `page`, for the time of the call. */
  deadLetter(queue: Queue, page: Page, offset: number, reason: DeadLetterReason, settings: QueueSettings): void;
  /** A message leaves that nobody has acknowledged, whether or not there is a dead-letter exchange. */
  died(queue: Queue, reason: DeadLetterReason): void;
  /** x-expires has run out, or the last consumer of an auto-delete queue has gone. */
  unused(queue: Queue): void;
}

export interface QueueIdentity {
  readonly vhost: string;
  readonly name: string;
  readonly id: number;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  /** Counts deliveries (x-delivery-count), as quorum queues do. */
  readonly countsDeliveries: boolean;
}
