/** What a channel in tx mode holds back until tx.commit, its publishes and its acks, each in their order; and the commit. */
import { preconditionFailed, resourceError } from '../protocol/errors.ts';
import { METHOD_IDS } from '../protocol/methods.generated.ts';
import { messageRecordSize } from '../storage/record.ts';
import type { Channel } from './channel.ts';
import type { HeldPublish } from './publisher.ts';
import { type Settlement, settleNow } from './settling.ts';

interface HeldAck {
  readonly tag: number;
  readonly kind: Settlement;
}

/** What a held publish costs beside its octets, about: without it, a transaction of empty messages would have no limit. */
const HELD_PUBLISH_SIZE = 512;

export class Transaction {
  readonly #channel: Channel;
  readonly #maxBytes: number;
  publishes: HeldPublish[] = [];
  acks: HeldAck[] = [];
  /** Delivery tags in `acks`. */
  readonly settled = new Set<number>();
  #bytes = 0;
  /** The journal position that a tx.commit-ok waits for, and whether a queue refused a message of it. */
  #committing: { need: number; isPartial: boolean } | null = null;

  constructor(channel: Channel) {
    this.#channel = channel;
    this.#maxBytes = channel.context.limits.maxTransactionBytes;
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

  rollBack(): void {
    this.publishes = [];
    this.acks = [];
    this.settled.clear();
    this.#bytes = 0;
  }

  /** All of it is one group in the journal. The channel waits until that is durable, and is then answered. */
  commit(): void {
    const channel = this.#channel;
    const { store } = channel.context;
    const [publishes, acks] = [this.publishes, this.acks];
    let isPartial = false;
    this.rollBack();
    store.beginAtomic();
    try {
      for (const held of publishes) if (!channel.publisher.publishHeld(held)) isPartial = true;
      for (const { tag, kind } of acks) if (channel.unacked.has(tag)) settleNow(channel, tag, kind);
    } finally {
      store.endAtomic();
    }
    this.#committing = { need: store.appended, isPartial };
    if (store.appended > store.durable) channel.connection.wait(channel);
    channel.askForConfirm();
    if (store.appended <= store.durable) this.#committed();
  }

  /** Answers a commit that is durable by now. @returns true while one waits; another may have waited behind the first */
  confirm(durable: number): boolean {
    if (this.#committing !== null && this.#committing.need <= durable) this.#committed();
    return this.#committing !== null;
  }

  #committed(): void {
    const channel = this.#channel;
    const isPartial = this.#committing?.isPartial === true;
    this.#committing = null;
    channel.connection.goOn(channel, () => {
      if (!channel.open) return;
      if (isPartial) throw preconditionFailed('partial tx completion', METHOD_IDS['tx.commit']);
      channel.send({ name: 'tx.commit-ok' });
      channel.wakeConsumers();
    });
  }
}
