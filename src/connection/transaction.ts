/** What a channel in tx mode holds back until tx.commit: its publishes and its acks, each in their order. */
import { resourceError } from '../protocol/errors.ts';
import { messageRecordSize } from '../storage/record.ts';
import type { HeldPublish } from './publisher.ts';

export interface HeldAck {
  readonly tag: number;
  readonly kind: 'ack' | 'requeue' | 'reject';
}

/** What a held publish costs beside its octets, about: without it, a transaction of empty messages would have no limit. */
const HELD_PUBLISH_SIZE = 512;

export class Transaction {
  publishes: HeldPublish[] = [];
  acks: HeldAck[] = [];
  /** Delivery tags in `acks`. */
  readonly settled = new Set<number>();
  #bytes = 0;
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @throws AmqpError 506 when the transaction becomes larger than may be held. */
  publish(held: HeldPublish): void {
    this.#bytes += messageRecordSize(held.message, 8);
    if (this.#bytes + HELD_PUBLISH_SIZE * this.publishes.length > this.#maxBytes) {
      throw resourceError(`the open transaction holds more than ${this.#maxBytes} bytes; commit more often`);
    }
    this.publishes.push(held);
  }

  settle(ack: HeldAck): void {
    this.acks.push(ack);
    this.settled.add(ack.tag);
  }

  clear(): void {
    this.publishes = [];
    this.acks = [];
    this.settled.clear();
    this.#bytes = 0;
  }
}
