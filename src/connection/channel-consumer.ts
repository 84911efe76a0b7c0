/** A consumer as its channel has it: who may be given more, and how a delivery is written. */
import type { FieldTable } from '../protocol/field-table.ts';
import { encodeText } from '../protocol/text.ts';
import type { Consumer } from '../queues/consumer.ts';
import type { Queue } from '../queues/queue.ts';
import type { Page } from '../storage/page.ts';
import type { Channel } from './channel.ts';
import type { DeliveryCounts } from './channel-counts.ts';
import { addDeliveryCount, Content, deliverPrefix, writeDelivery } from './delivery.ts';
import { traceDelivery } from './tracing.ts';
import type { Holder } from './unacked-ledger.ts';

export interface ConsumerOptions {
  readonly tag: string;
  readonly queue: Queue;
  readonly noAck: boolean;
  readonly exclusive: boolean;
  readonly priority: number;
  /** From basic.qos as it stood when the consumer came; 0 is no limit. */
  readonly prefetch: number;
  /** As basic.consume had them. */
  readonly arguments: FieldTable;
}

/** Filled anew for each delivery; nothing keeps it. */
const content = new Content();

export class ChannelConsumer implements Consumer, Holder {
  readonly tag: string;
  readonly queue: Queue;
  readonly noAck: boolean;
  readonly exclusive: boolean;
  readonly priority: number;
  readonly prefetch: number;
  readonly arguments: FieldTable;
  parked = false;
  unacked = 0;
  readonly counts: DeliveryCounts | null;
  readonly #channel: Channel;
  readonly #prefix: Buffer;

  constructor(channel: Channel, options: ConsumerOptions) {
    this.tag = options.tag;
    this.queue = options.queue;
    this.noAck = options.noAck;
    this.exclusive = options.exclusive;
    this.priority = options.priority;
    this.prefetch = options.prefetch;
    this.arguments = options.arguments;
    this.counts = channel.counts?.deliveriesOf(options.queue) ?? null;
    this.#channel = channel;
    this.#prefix = deliverPrefix(channel.number, encodeText(options.tag));
  }

  get channel(): Channel {
    return this.#channel;
  }

  hasCredit(): boolean {
    const channel = this.#channel;
    if (channel.connection.sendBlocked) return false;
    if (this.noAck) return true;
    if (this.prefetch !== 0 && this.unacked >= this.prefetch) return false;
    return channel.unacked.count < channel.unackedLimit;
  }

  deliver(page: Page, offset: number, position: number, sequence: number, size: number, redelivered: boolean): void {
    const channel = this.#channel;
    const { unacked, connection } = channel;
    const tag = this.noAck
      ? unacked.skip()
      : unacked.add(position, sequence, size, this.queue.currentLane, this, connection.nowMs);
    if (this.counts !== null) this.#count(this.counts, redelivered);
    const { out, frameMax } = connection;
    content.ofRecord(page, offset);
    if (redelivered && this.queue.countsDeliveries) this.#addDeliveryCount(position);
    writeDelivery(out, this.#prefix, channel.number, tag, redelivered, content, -1, frameMax);
    if (channel.vhost.firehose !== null) traceDelivery(channel, this.queue, content, page, offset, redelivered);
    connection.touched();
  }

  #count(counts: DeliveryCounts, redelivered: boolean): void {
    if (this.noAck) counts.deliveredNoAck++;
    else counts.delivered++;
    if (redelivered) counts.redelivered++;
  }

  #addDeliveryCount(position: number): void {
    const count = this.queue.deliveryCounts.get(position);
    if (count !== undefined) addDeliveryCount(content, count);
  }

  cancelledByQueue(): void {
    this.#channel.consumerCancelledByQueue(this);
  }
}
