/**
 * A channel: what a client does on it, in order, and what it holds.
 *
 *   open --channel.close--> (gone)
 *    '--an error of the channel--> closing --close-ok--> (gone)      closing ignores all but close and close-ok
 */
import { randomBytes } from 'node:crypto';
import type { ChannelAccess } from '../auth/access.ts';
import type { QueueRecord } from '../metadata/port.ts';
import {
  accessRefused,
  commandInvalid,
  notAllowed,
  notFound,
  notImplemented,
  preconditionFailed,
} from '../protocol/errors.ts';
import {
  type BasicCancel,
  type BasicConsume,
  METHOD_IDS,
  type Method,
  methodFrame,
  type OutgoingMethod,
} from '../protocol/methods.generated.ts';
import type { Queue } from '../queues/queue.ts';
import type { IncomingMessage } from '../storage/record.ts';
import { readRoute } from '../vhost/route-bytes.ts';
import type { Vhost } from '../vhost/vhost.ts';
import { get } from './basic-get.ts';
import { ChannelConsumer } from './channel-consumer.ts';
import { ChannelCounts } from './channel-counts.ts';
import { Confirms } from './confirms.ts';
import type { Connection } from './connection.ts';
import { readConsumerArguments } from './consumer-arguments.ts';
import type { ConnectionContext } from './context.ts';
import { Content, deliverPrefix, writeContent, writeDelivery, writeTag } from './delivery.ts';
import type { ReturnTarget } from './late-returns.ts';
import { Pipeline } from './pipeline.ts';
import { Publisher } from './publisher.ts';
import { REPLY_TO, type ReplyTarget } from './reply-targets.ts';
import { giveAllBack, recover, settle } from './settling.ts';
import * as topology from './topology-methods.ts';
import { Transaction } from './transaction.ts';
import type { Confirming } from './turn.ts';
import { UnackedLedger } from './unacked-ledger.ts';

export class Channel implements Confirming, ReplyTarget, ReturnTarget {
  readonly number: number;
  readonly pid: number;
  readonly connection: Connection;
  readonly context: ConnectionContext;
  readonly vhost: Vhost;
  readonly access: ChannelAccess;
  readonly unacked = new UnackedLedger();
  readonly consumers = new Map<string, ChannelConsumer>();
  readonly publisher: Publisher;
  open = true;
  /** While it is not `nothing` the connection holds the channel's frames. Written by the connection. */
  waitsFor: 'nothing' | 'operation' | 'publishing' = 'nothing';
  confirms: Confirms | null = null;
  tx: Transaction | null = null;
  /** What it has asked for, of which the answers are still to come. */
  readonly pipeline = new Pipeline();
  /** The queue that an empty name stands for. */
  lastQueue: string | null = null;
  /** basic.qos global: deliveries that all consumers together may hold; at most what the broker allows a channel. */
  unackedLimit: number;
  /** What replies to this channel's requests are published to. */
  replyName: string | null = null;
  /** Totals since it was opened. */
  publishedTotal = 0;
  returnedTotal = 0;
  droppedTotal = 0;
  /** The same by exchange, and deliveries by queue; null with `collect_statistics` none and coarse. */
  readonly counts: ChannelCounts | null;
  #replyTag: string | null = null;
  /** Where what waits is returned to; null as long as nothing of this channel's is to be. */
  #returnAddress: Buffer | null = null;
  #prefetch = 0;
  /** 0 is no limit. */
  #globalPrefetch = 0;
  /** Deliveries to basic.get that wait for their ack. */
  #gotten = 0;
  #confirmAsked = false;

  constructor(connection: Connection, number: number, vhost: Vhost, access: ChannelAccess) {
    this.connection = connection;
    this.context = connection.context;
    this.number = number;
    this.vhost = vhost;
    this.access = access;
    this.unackedLimit = this.context.limits.maxUnackedPerChannel;
    const { counting } = this.context;
    this.counts = counting === 'coarse' ? null : new ChannelCounts(vhost, counting === 'detailed');
    this.publisher = new Publisher(this);
    this.pid = this.context.pids.next();
    this.context.lifecycle?.channelOpened(this);
  }

  send(method: OutgoingMethod): void {
    this.connection.send(this.number, method);
  }

  answer(noWait: boolean, method: OutgoingMethod): void {
    if (!noWait) this.send(method);
  }

  /** A method that is neither basic.publish nor basic.ack. */
  handle(method: Method): void {
    switch (method.name) {
      case 'channel.flow':
        if (!method.active) throw notImplemented('active=false');
        return this.send({ name: 'channel.flow-ok', active: true });
      case 'access.request':
        return this.send({ name: 'access.request-ok', ticket: 1 });
      case 'exchange.declare':
        return topology.declareExchange(this, method);
      case 'exchange.delete':
        return topology.deleteExchange(this, method);
      case 'exchange.bind':
      case 'exchange.unbind':
        return topology.bindExchange(this, method);
      case 'queue.declare':
        return topology.declareQueue(this, method);
      case 'queue.bind':
      case 'queue.unbind':
        return topology.bindQueue(this, method);
      case 'queue.purge':
        return topology.purgeQueue(this, method);
      case 'queue.delete':
        return topology.deleteQueue(this, method);
      case 'basic.qos':
        return this.#qos(method.prefetchSize, method.prefetchCount, method.global);
      case 'basic.consume':
        return this.#consume(method);
      case 'basic.cancel':
        return this.#cancelAndAnswer(method);
      case 'basic.get':
        return get(this, method.queue, method.noAck);
      case 'basic.reject':
        return settle(this, method.deliveryTag, false, method.requeue ? 'requeue' : 'reject');
      case 'basic.nack':
        return settle(this, method.deliveryTag, method.multiple, method.requeue ? 'requeue' : 'reject');
      case 'basic.recover':
        recover(this, method.requeue);
        return this.send({ name: 'basic.recover-ok' });
      case 'basic.recover-async':
        return recover(this, method.requeue);
      case 'confirm.select':
        if (this.tx !== null) throw preconditionFailed('cannot switch from tx to confirm mode');
        if (this.confirms === null) this.#awaitConfirms();
        return this.answer(method.noWait, { name: 'confirm.select-ok' });
      case 'tx.select':
        if (this.confirms !== null) throw preconditionFailed('cannot switch from confirm to tx mode');
        this.tx ??= new Transaction(this);
        return this.send({ name: 'tx.select-ok' });
      case 'tx.commit':
        return this.#transaction().commit();
      case 'tx.rollback':
        this.#transaction().rollBack();
        return this.send({ name: 'tx.rollback-ok' });
      default:
        throw commandInvalid('unimplemented method');
    }
  }

  /** @throws AmqpError 404 when no queue was declared on this channel. */
  queueName(name: string): string {
    if (name !== '') return name;
    if (this.lastQueue === null) throw notFound('no previously declared queue');
    return this.lastQueue;
  }

  queueRecord(queue: Queue): QueueRecord {
    return this.context.queueRecord(queue);
  }

  // --- publishing ---

  #awaitConfirms(): void {
    this.confirms = new Confirms();
    // What was published before is not confirmed.
    this.publisher.carryCounts();
    this.counts?.awaitConfirms();
  }

  confirmPublish(durable: boolean): void {
    this.confirms?.accepted(durable);
    this.askForConfirm();
  }

  nackPublish(): void {
    if (this.confirms === null) return;
    const { tag: deliveryTag, multiple } = this.confirms.refused();
    // `requeue` says nothing to a publisher; RabbitMQ leaves it as it is by default.
    this.send({ name: 'basic.nack', deliveryTag, multiple, requeue: true });
  }

  /** Something waits until it is durable. */
  askForConfirm(): void {
    if (this.#confirmAsked) return;
    this.#confirmAsked = true;
    this.context.turn.awaitConfirm(this);
  }

  confirm(appended: number, durable: number): boolean {
    if (!this.open) return false;
    this.#confirmAsked = false;
    let waiting = this.confirms !== null && this.#settleConfirms(this.confirms, appended, durable);
    if (this.tx?.confirm(durable) === true) waiting = true;
    // What was taken in meanwhile may have asked already.
    const isAsked = this.#confirmAsked;
    this.#confirmAsked = waiting || isAsked;
    return waiting && !isAsked;
  }

  #settleConfirms(confirms: Confirms, appended: number, durable: number): boolean {
    const { confirmed } = confirms;
    const waiting = confirms.settle(appended, durable, (tag, multiple) => this.#ack(tag, multiple));
    if (this.counts !== null) {
      // Each turn, so that those of one exchange come before what is published to another later.
      this.publisher.carryCounts();
      this.counts.confirmed(confirms.confirmed - confirmed);
    }
    return waiting;
  }

  /** basic.ack to a publisher, written in place. */
  #ack(tag: number, multiple: boolean): void {
    const { out } = this.connection;
    out.reserve(21);
    const { bytes, end } = out;
    ACK_FRAME.copy(bytes, end);
    bytes.writeUInt16BE(this.number, end + 1);
    writeTag(bytes, end + 11, tag);
    bytes[end + 19] = multiple ? 1 : 0;
    out.end = end + 21;
    this.connection.touched();
  }

  /** No queue takes the message: it is returned, if the publisher wants it back. */
  unroutable(message: IncomingMessage, mandatory: boolean, exchange: string): void {
    const counts = this.counts?.publishesTo(exchange);
    if (mandatory) {
      this.returnedTotal++;
      if (counts !== undefined) counts.returned++;
      this.#return(message);
    } else {
      this.droppedTotal++;
      if (counts !== undefined) counts.dropped++;
    }
  }

  /** For records of mandatory messages that wait; null: they are not returned. */
  returnAddress(): Buffer | null {
    this.#returnAddress ??= this.context.lateReturns?.add(this) ?? null;
    return this.#returnAddress;
  }

  /** Unlike what is returned at once, it comes without being asked for: who does not read loses it. */
  returnLate(message: IncomingMessage): void {
    if (this.connection.unsentBytes > this.context.limits.maxReplyBufferBytes) return;
    this.unroutable(message, true, readRoute(message.routeBytes, message.routeOffset).exchange);
  }

  #return(message: IncomingMessage): void {
    const { exchange, routingKey } = readRoute(message.routeBytes, message.routeOffset);
    this.send({ name: 'basic.return', replyCode: 312, replyText: 'NO_ROUTE', exchange, routingKey });
    const content = new Content();
    content.bytes = message.propertiesBytes;
    content.propertiesOffset = message.propertiesOffset;
    content.propertiesSize = message.propertiesSize;
    content.bodyBytes = message.bodyBytes;
    content.bodyOffset = message.bodyOffset;
    content.bodySize = message.bodySize;
    const { out, frameMax } = this.connection;
    writeContent(out, this.number, content, frameMax);
  }

  // --- consuming ---

  #qos(prefetchSize: number, count: number, global: boolean): void {
    if (prefetchSize !== 0) throw notImplemented(`prefetch_size!=0 (${prefetchSize})`);
    if (!global) this.#prefetch = count;
    // A prefetch for consumers to come lifts the one over all consumers, as in RabbitMQ; not the other way round.
    this.#globalPrefetch = global ? count : 0;
    this.#limitUnacked();
    this.send({ name: 'basic.qos-ok' });
    this.wakeConsumers();
  }

  #limitUnacked(): void {
    const { maxUnackedPerChannel } = this.context.limits;
    const prefetch = this.#globalPrefetch === 0 ? maxUnackedPerChannel : this.#globalPrefetch + this.#gotten;
    this.unackedLimit = Math.min(prefetch, maxUnackedPerChannel);
  }

  get publishedForConfirmTotal(): number {
    return this.confirms?.published ?? 0;
  }

  get confirmedTotal(): number {
    return this.confirms?.confirmed ?? 0;
  }

  /** Publishes that wait for their confirm. */
  get unconfirmed(): number {
    return this.confirms?.waitingCount ?? 0;
  }

  get prefetch(): number {
    return this.#prefetch;
  }

  get globalPrefetch(): number {
    return this.#globalPrefetch;
  }

  /** What basic.get gave out is unacked too, but it takes nothing from the consumers' prefetch. */
  countGotten(change: number): void {
    this.#gotten += change;
    this.#limitUnacked();
  }

  #consume(method: BasicConsume): void {
    const tag = method.consumerTag === '' ? `amq.ctag-${randomBytes(16).toString('base64url')}` : method.consumerTag;
    if (this.consumers.has(tag)) {
      throw notAllowed(`attempt to reuse consumer tag '${tag}'`);
    }
    if (method.queue === REPLY_TO) return this.#consumeReplies(tag, method);
    const name = this.queueName(method.queue);
    this.access.check('queue', name, 'read');
    const queue = topology.existingQueue(this, name);
    const { priority } = readConsumerArguments(queue, method.arguments);
    if (queue.countsDeliveries && this.#globalPrefetch > 0) {
      const text = `queue '${name}' in vhost '${this.vhost.name}' does not support global qos`;
      throw notImplemented(text, METHOD_IDS['basic.consume']);
    }
    if (!mayConsume(queue, method.exclusive)) {
      throw accessRefused(`queue '${name}' in vhost '${this.vhost.name}' in exclusive use`);
    }
    const { noAck } = method;
    const exclusive = method.exclusive && !queue.countsDeliveries;
    const options = { tag, queue, noAck, exclusive, priority, prefetch: this.#prefetch, arguments: method.arguments };
    const consumer = new ChannelConsumer(this, options);
    this.consumers.set(tag, consumer);
    this.context.lifecycle?.consumerAdded(consumer);
    this.answer(method.noWait, { name: 'basic.consume-ok', consumerTag: tag });
    queue.addConsumer(consumer);
  }

  #consumeReplies(tag: string, method: BasicConsume): void {
    if (!method.noAck) throw preconditionFailed('reply consumer cannot acknowledge');
    if (this.replyName !== null) throw preconditionFailed('reply consumer already set');
    this.#replyTag = tag;
    this.replyName = this.context.replyTargets.add(this);
    this.answer(method.noWait, { name: 'basic.consume-ok', consumerTag: tag });
  }

  /**
   * There is nothing to ack, and as in RabbitMQ no delivery tag is used up. A requester that does not read loses replies: whoever
   * answers it is not held up.
   */
  deliverReply(content: Content): void {
    const { out, frameMax } = this.connection;
    if (this.connection.unsentBytes > this.context.limits.maxReplyBufferBytes) return;
    const prefix = deliverPrefix(this.number, Buffer.from(this.#replyTag ?? ''));
    writeDelivery(out, prefix, this.number, this.unacked.next, false, content, -1, frameMax);
    this.connection.touched();
  }

  /** As in RabbitMQ, a queue that goes with its last consumer has gone when the client hears of the end. */
  #cancelAndAnswer({ consumerTag, noWait }: BasicCancel): void {
    const takesQueue = this.consumers.get(consumerTag)?.queue.autoDelete === true;
    this.cancel(consumerTag);
    const answer = () => this.answer(noWait, { name: 'basic.cancel-ok', consumerTag });
    if (takesQueue) topology.afterProposals(this, answer);
    else answer();
  }

  /** Whether a queue may go with one of its consumers. */
  get maySpendQueues(): boolean {
    for (const { queue } of this.consumers.values()) if (queue.autoDelete) return true;
    return false;
  }

  /** Cancels a consumer, if there is one; what it holds stays unacked. */
  cancel(tag: string): void {
    if (tag === this.#replyTag) return this.#forgetReplies();
    const consumer = this.consumers.get(tag);
    if (consumer === undefined) return;
    this.consumers.delete(tag);
    consumer.queue.removeConsumer(consumer);
    this.context.lifecycle?.consumerGone(consumer);
  }

  consumerCancelledByQueue(consumer: ChannelConsumer): void {
    if (!this.consumers.delete(consumer.tag)) return;
    this.context.lifecycle?.consumerGone(consumer);
    if (!this.connection.hasCapability('consumer_cancel_notify')) return;
    this.send({ name: 'basic.cancel', consumerTag: consumer.tag, noWait: true });
  }

  #forgetReplies(): void {
    if (this.replyName !== null) this.context.replyTargets.remove(this.replyName);
    this.replyName = null;
    this.#replyTag = null;
  }

  /** Consumers that waited may have credit again. */
  wakeConsumers(): void {
    for (const consumer of this.consumers.values()) if (consumer.parked) consumer.queue.consumerReady(consumer);
  }

  /** @throws AmqpError 406 */
  #transaction(): Transaction {
    if (this.tx === null) throw preconditionFailed('channel is not transactional');
    return this.tx;
  }

  // --- time and the end ---

  /** Closes the channel when a delivery has waited too long for its ack. @throws AmqpError 406 */
  checkConsumerTimeout(nowMs: number, limitMs: number): void {
    if (nowMs - this.unacked.oldestDeliveryMs() <= limitMs) return;
    throw preconditionFailed(
      `delivery acknowledgement on channel ${this.number} timed out. Timeout value used: ${limitMs} ms. This timeout value can be configured, see consumers doc guide to learn more`,
    );
  }

  /** Consumers go first, so that what comes back is not delivered here again. */
  destroy(): void {
    this.open = false;
    this.#forgetReplies();
    if (this.#returnAddress !== null) this.context.lateReturns?.remove(this);
    for (const tag of [...this.consumers.keys()]) this.cancel(tag);
    giveAllBack(this);
    this.publisher.release();
    this.publisher.carryCounts();
    this.tx = null;
    this.vhost.channelClosed(this);
    this.context.lifecycle?.channelClosed(this);
  }
}

/** Whether a consumer may join those of a queue; quorum queues know no exclusive ones. */
function mayConsume(queue: Queue, exclusive: boolean): boolean {
  if (queue.countsDeliveries) return true;
  if (queue.settings.singleActiveConsumer) return !exclusive;
  return queue.exclusiveConsumer === null && !(exclusive && queue.consumers.all.length > 0);
}

/** basic.ack on channel 0 with tag 0: what every confirm starts from. */
const ACK_FRAME = methodFrame(0, { name: 'basic.ack', deliveryTag: 0, multiple: false });
