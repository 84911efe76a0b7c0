/** basic.ack, basic.nack, basic.reject and basic.recover: what becomes of a delivery, and who may be given more after it. */
import { type AmqpError, notImplemented, preconditionFailed } from '../protocol/errors.ts';
import { METHOD_IDS } from '../protocol/methods.generated.ts';
import type { Channel } from './channel.ts';
import type { ChannelConsumer } from './channel-consumer.ts';
import type { Holder } from './unacked-ledger.ts';

const BASIC_ACK = METHOD_IDS['basic.ack'];

export type Settlement = 'ack' | 'requeue' | 'reject';

/**
 * @param tag of one delivery; with `multiple` of the last of many, or 0 for all
 * @throws AmqpError 406 on an unknown delivery tag
 */
export function settle(channel: Channel, tag: number, multiple: boolean, kind: Settlement): void {
  const { unacked, tx } = channel;
  const single = !multiple || tag !== 0;
  if (single && (!unacked.has(tag) || tx?.settled.has(tag) === true)) throw unknownTag(tag, kind);
  const wasFull = unacked.count >= channel.unackedLimit;
  if (!multiple) settleOne(channel, tag, kind);
  else {
    unacked.visitTags(tag, (each) => {
      if (tx?.settled.has(each) !== true) settleOne(channel, each, kind);
    });
  }
  if (wasFull) channel.wakeConsumers();
}

function settleOne(channel: Channel, tag: number, kind: Settlement): void {
  if (channel.tx !== null) return channel.tx.settle({ tag, kind });
  settleNow(channel, tag, kind);
}

/** Settles a delivery that the channel holds, transaction or not. */
export function settleNow(channel: Channel, tag: number, kind: Settlement): void {
  channel.unacked.take(tag, SETTLE[kind]);
}

export function recover(channel: Channel, requeue: boolean): void {
  if (!requeue) throw notImplemented('requeue=false');
  giveAllBack(channel);
  channel.wakeConsumers();
}

/** The oldest first, so that a queue that is too long then drops what it would have dropped if all had come back at once. */
export function giveAllBack(channel: Channel): void {
  channel.unacked.takeAll(SETTLE.requeue);
}

const SETTLE = {
  ack(holder: Holder, position: number): void {
    const { queue, counts } = holder;
    if (counts !== null) counts.acknowledged++;
    if (queue.deleted) queue.releaseUnacked(position);
    else queue.acknowledge(position);
    wake(holder);
  },
  reject(holder: Holder, position: number): void {
    const { queue } = holder;
    if (queue.deleted) queue.releaseUnacked(position);
    else queue.reject(position);
    wake(holder);
  },
  requeue(holder: Holder, position: number, sequence: number, size: number, lane: number): void {
    const { queue } = holder;
    if (queue.deleted) queue.releaseUnacked(position);
    else queue.giveBack(position, sequence, size, lane);
    wake(holder);
  },
} as const;

function wake(holder: Holder): void {
  const consumer = holder as Partial<ChannelConsumer> & Holder;
  if (consumer.parked === true) consumer.queue.consumerReady(consumer as ChannelConsumer);
}

function unknownTag(tag: number, kind: Settlement): AmqpError {
  const error = preconditionFailed(`unknown delivery tag ${tag}`);
  return kind === 'ack' ? error.at(BASIC_ACK) : error;
}
