/** basic.get: one message of a queue, or the word that there is none. */
import { preconditionFailed, resourceLocked } from '../protocol/errors.ts';
import type { Queue } from '../queues/queue.ts';
import type { Channel } from './channel.ts';
import type { DeliveryCounts } from './channel-counts.ts';
import { addDeliveryCount, Content, getOkPrefix, writeDelivery } from './delivery.ts';
import { existingQueue } from './topology-methods.ts';
import { traceDelivery } from './tracing.ts';
import type { Holder } from './unacked-ledger.ts';

/** @throws AmqpError 403, 404, 405; 406 when the channel holds as many unacked deliveries as it may */
export function get(channel: Channel, queueName: string, noAck: boolean): void {
  const name = channel.queueName(queueName);
  channel.access.check('queue', name, 'read');
  const queue = existingQueue(channel, name);
  if (queue.countsDeliveries && queue.settings.singleActiveConsumer) {
    throw resourceLocked(
      `cannot obtain access to locked queue '${name}' in vhost '${channel.vhost.name}'. basic.get operations are not supported by quorum queues with single active consumer`,
    );
  }
  if (!noAck) checkUnackedLimit(channel);
  const { connection, unacked, number } = channel;
  const { out, frameMax, nowMs } = connection;
  const counts = channel.counts?.deliveriesOf(queue) ?? null;
  const holder = new GetHolder(channel, queue, counts);
  const found = queue.get(noAck, (page, offset, position, sequence, size, redelivered) => {
    const lane = queue.currentLane;
    const tag = noAck ? unacked.skip() : unacked.add(position, sequence, size, lane, holder, nowMs);
    const content = new Content().ofRecord(page, offset);
    if (queue.countsDeliveries) addDeliveryCount(content, queue.deliveryCounts.get(position) ?? 0);
    if (counts !== null && redelivered) counts.redelivered++;
    writeDelivery(out, getOkPrefix(number), number, tag, redelivered, content, queue.readyCount, frameMax);
    if (channel.vhost.firehose !== null) traceDelivery(channel, queue, content, page, offset, redelivered);
    connection.touched();
  });
  if (counts !== null) countGet(counts, found, noAck);
  if (!found) channel.send({ name: 'basic.get-empty' });
}

/** Consumers wait at the limit; basic.get has no such way. @throws AmqpError 406 */
function checkUnackedLimit({ number, unacked, context }: Channel): void {
  const { maxUnackedPerChannel } = context.limits;
  if (unacked.count < maxUnackedPerChannel) return;
  throw preconditionFailed(
    `channel ${number} holds ${maxUnackedPerChannel} unacknowledged deliveries, as many as it may`,
  );
}

/** Who a delivery to basic.get was made to. */
class GetHolder implements Holder {
  readonly queue: Queue;
  readonly counts: DeliveryCounts | null;
  readonly #channel: Channel;
  #unacked = 0;

  constructor(channel: Channel, queue: Queue, counts: DeliveryCounts | null) {
    this.#channel = channel;
    this.queue = queue;
    this.counts = counts;
  }

  get unacked(): number {
    return this.#unacked;
  }

  set unacked(count: number) {
    this.#channel.countGotten(count - this.#unacked);
    this.#unacked = count;
  }
}

function countGet(counts: DeliveryCounts, found: boolean, noAck: boolean): void {
  if (!found) counts.gottenEmpty++;
  else if (noAck) counts.gottenNoAck++;
  else counts.gotten++;
}
