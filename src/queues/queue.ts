/**
 * The queue: which messages are ready, who gets the next one, and what makes a message leave.
 *
 *            publish                     deliver                      ack, reject without requeue
 *   (vhost) ---------> ready (a lane a   --------> unacked (held by   ---------------------------> settled
 *                      priority)         <-------- the channel)
 *                        |    |           return: requeue, channel closed
 *            expired,    |    | dropped: maxlen
 *            dead-letter v    v
 *
 * Messages are positions in the store; the queue never holds their bytes. It knows no channel and no exchange: consumers and
 * the dead-letter sink are interfaces that the folders above implement. Nothing here waits: `dispatch` runs at the end of a
 * turn, and again when a page that was on disk has arrived or a consumer has credit again.
 */
import assert from 'node:assert/strict';
import type { RoutableQueue } from '../routing/destination.ts';
import type { Timer } from '../runtime/clock.ts';
import type { HeadTimes, IndexedMessages } from '../storage/checkpoint.ts';
import { PAGE_SIZE, type Page } from '../storage/page.ts';
import { NO_TTL, publishedAtOf, RecordType, recordType, ttlOf } from '../storage/record.ts';
import type { RecoveredQueue } from '../storage/recovery.ts';
import type { Consumer } from './consumer.ts';
import { ConsumerSet } from './consumer-set.ts';
import { expiresAt, headTimesOf, Lane } from './lane.ts';
import type { QueueEnvironment, QueueIdentity } from './queue-environment.ts';
import type { DeadLetterReason, QueueSettings } from './queue-settings.ts';

/**
 * How many messages leave in one go because they have expired or no longer fit: after a change of policies it may be millions,
 * and others have to have their turn in between.
 */
const LEAVING_AT_ONCE = 1000;

export class Queue implements QueueIdentity, RoutableQueue {
  readonly kind = 'queue';
  readonly isLocal = true;
  /** Written by the vhost's router alone. */
  lastRoute = 0;
  readonly vhost: string;
  readonly name: string;
  readonly id: number;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly countsDeliveries: boolean;
  readonly consumers: ConsumerSet;
  /** Replaced as a whole, by `applySettings`. */
  settings: QueueSettings;
  /** The connection that an exclusive queue belongs to; unlike the rest it is not of this folder, so it is only compared. */
  owner: object | null = null;
  exclusiveConsumer: Consumer | null = null;
  deleted = false;
  /** Its deletion is decided and on its way: written by its vhost. */
  isLeaving = false;
  /** True while `dispatch` has been asked for. */
  awake = false;
  /** Its last turn came when its consumers could not be given more. */
  wentWithout = false;
  readyCount = 0;
  readyBytes = 0;
  unackedCount = 0;
  /** Totals since the queue was made. Published are copies that clients have sent to it, those that it refused among them. */
  publishedTotal = 0;
  deliveredTotal = 0;
  acknowledgedTotal = 0;
  /** Of those delivered: to consumers and to basic.get that settle at once, and those that were delivered before. */
  deliveredNoAckTotal = 0;
  redeliveredTotal = 0;
  gottenTotal = 0;
  gottenNoAckTotal = 0;
  gottenEmptyTotal = 0;
  /** Whether messages may have a time to live, by the queue's settings or of their own. */
  mayExpire = false;
  readonly deliveryCounts = new Map<number, number>();
  deliveredPosition = -1;

  readonly #env: QueueEnvironment;
  /** Highest priority first. */
  readonly #lanes: Lane[] = [];
  /** The lane of the highest priority that may hold something. */
  #firstLane = 0;
  #redeliveredUpTo = -1;
  #recordedDelivery = -1;
  #expiryTimer: Timer | null = null;
  #expiryAtMs = Number.POSITIVE_INFINITY;
  #unusedTimer: Timer | null = null;
  #dropTimer: Timer | null = null;
  #waitingForPage = false;

  constructor(identity: QueueIdentity, settings: QueueSettings, env: QueueEnvironment) {
    this.vhost = identity.vhost;
    this.name = identity.name;
    this.id = identity.id;
    this.durable = identity.durable;
    this.autoDelete = identity.autoDelete;
    this.countsDeliveries = identity.countsDeliveries;
    this.settings = settings;
    this.#env = env;
    this.consumers = new ConsumerSet(settings.singleActiveConsumer);
    for (let priority = settings.maxPriority ?? 0; priority >= 0; priority--) this.#lanes.push(new Lane(priority));
    this.mayExpire = settings.messageTtlMs !== undefined;
    this.touch();
  }

  // --- in ---

  /** Takes in a message that the store holds for it. @param ttlMs the message's own, or NO_TTL. */
  publish(position: number, size: number, priority: number, ttlMs: number): void {
    const lanes = this.#lanes;
    let index = 0;
    if (lanes.length > 1) index = lanes.length - 1 - Math.min(priority, lanes.length - 1);
    lanes[index].ring.push(position, size);
    if (index < this.#firstLane) this.#firstLane = index;
    this.readyCount++;
    this.readyBytes += size;
    this.publishedTotal++;
    if (ttlMs !== NO_TTL) this.mayExpire = true;
    if (!this.awake) this.#env.wake(this);
    if (this.readyCount > this.#maxLength() || this.readyBytes > this.#maxLengthBytes()) this.#dropOverflow();
  }

  /**
   * Whether a publish is to be refused (reject-publish). Consumers are served first: what they take makes room.
   * @param size octets of its body
   */
  refuses(size: number): boolean {
    if (this.settings.overflow === 'drop-head' || !this.#wouldOverflow(size)) return false;
    this.dispatch();
    return this.#wouldOverflow(size);
  }

  #wouldOverflow(size: number): boolean {
    return this.readyCount >= this.#maxLength() || this.readyBytes + size > this.#maxLengthBytes();
  }

  #maxLength(): number {
    return this.settings.maxLength ?? Number.POSITIVE_INFINITY;
  }

  #maxLengthBytes(): number {
    return this.settings.maxLengthBytes ?? Number.POSITIVE_INFINITY;
  }

  #dropOverflow(): void {
    if (this.settings.overflow !== 'drop-head') return;
    this.dispatch();
    this.#dropToLimits();
  }

  #isOver(): boolean {
    return this.readyCount > this.#maxLength() || this.readyBytes > this.#maxLengthBytes();
  }

  #dropToLimits(): void {
    for (let i = 0; this.#isOver(); i++) {
      if (i === LEAVING_AT_ONCE) return this.#dropLater();
      this.#dropHead('maxlen');
    }
  }

  #dropLater(): void {
    this.#dropTimer?.cancel();
    this.#dropTimer = this.#env.clock.after(0, () => {
      if (!this.awake) this.#env.wake(this);
      this.#dropOverflow();
    });
  }

  /** Takes over what recovery found, in its order. @returns how many messages could not be found again. */
  adopt(found: RecoveredQueue): number {
    const messages: IndexedMessages = found.messages;
    const last = this.#lanes.length - 1;
    let lost = 0;
    for (let i = 0; i < messages.count; i++) {
      if (!this.#env.store.adopt(messages.positions[i])) {
        lost++;
        continue;
      }
      this.#lanes[last - Math.min(messages.priorities[i], last)].ring.push(messages.positions[i], messages.sizes[i]);
      this.readyCount++;
      this.readyBytes += messages.sizes[i];
    }
    this.#redeliveredUpTo = found.deliveredPosition;
    this.deliveredPosition = found.deliveredPosition;
    this.#recordedDelivery = found.deliveredPosition;
    for (const [position, count] of found.deliveryCounts) this.deliveryCounts.set(position, count);
    if (found.mayExpire) this.mayExpire = true;
    for (const lane of this.#lanes) lane.adoptTimes(found.heads);
    if (this.readyCount > 0) this.#env.wake(this);
    // A stop may have come while there was still to be dropped what a policy has left no room for.
    if (this.#isOver()) this.#dropLater();
    return lost;
  }

  // --- out ---

  /** Delivers while a message is ready and a consumer has credit; then expires what has to. */
  dispatch(): void {
    const { store } = this.#env;
    let now = -1;
    while (this.readyCount > 0) {
      const consumer = this.consumers.next();
      if (consumer === null) break;
      const lane = this.#headLane();
      const fromReturned = lane.headIsReturned();
      const source = fromReturned ? lane.returned : lane.ring;
      const position = source.headPosition();
      const page = store.pageAt(position);
      if (page.bytes === null) {
        // The turn was not used: the consumer keeps its place at the front.
        this.consumers.unpark(consumer);
        this.#load(page);
        break;
      }
      const offset = position - page.number * PAGE_SIZE;
      if (this.mayExpire) {
        if (now < 0) now = this.#env.clock.nowMs();
        const expiresAtMs = expiresAt(publishedAtOf(page, offset), ttlOf(page, offset), this.settings.messageTtlMs);
        // What came in this turn was offered to nobody yet: with a time to live of 0 it still goes to a consumer that waits.
        if (expiresAtMs <= now && publishedAtOf(page, offset) < this.#env.turnMs()) {
          this.#dropHead('expired');
          continue;
        }
      }
      if (recordType(page, offset) !== RecordType.message) {
        this.#dropLost(lane);
        continue;
      }
      this.#deliverHead(lane, fromReturned, consumer, page, offset, position);
    }
    this.#recordDelivery();
    if (this.mayExpire) this.#expire(false, LEAVING_AT_ONCE);
  }

  #deliverHead(
    lane: Lane,
    fromReturned: boolean,
    consumer: Consumer,
    page: Page,
    offset: number,
    position: number,
  ): void {
    const source = fromReturned ? lane.returned : lane.ring;
    const sequence = fromReturned ? lane.returned.headSequence() : lane.ring.headSequence;
    const size = source.headSize();
    source.shift();
    this.readyCount--;
    this.readyBytes -= size;
    this.deliveredTotal++;
    const redelivered = fromReturned || position <= this.#redeliveredUpTo;
    if (redelivered) this.redeliveredTotal++;
    consumer.deliver(page, offset, position, sequence, size, redelivered);
    if (consumer.noAck) {
      this.deliveredNoAckTotal++;
      this.#env.store.settle(this.id, position, this.durable);
      this.#forget(position);
    } else {
      this.unackedCount++;
      if (page.persistent && position > this.deliveredPosition) this.deliveredPosition = position;
    }
  }

  #headLane(): Lane {
    const lanes = this.#lanes;
    while (lanes[this.#firstLane].count === 0) this.#firstLane++;
    assert(this.#firstLane < lanes.length);
    return lanes[this.#firstLane];
  }

  /** Reads a page at the head; `dispatch` goes on when it is there. */
  #load(page: Page): void {
    if (this.#waitingForPage) return;
    this.#waitingForPage = true;
    this.#env.store.load(page, () => {
      this.#waitingForPage = false;
      if (!this.deleted && !this.awake) this.#env.wake(this);
    });
  }

  /** A consumer may have credit again. */
  consumerReady(consumer: Consumer): void {
    if (this.consumers.unpark(consumer) && this.readyCount > 0 && !this.awake) this.#env.wake(this);
  }

  /**
   * basic.get: takes the head out for `receive`, who owns it unless `noAck`.
   * @returns false when nothing is ready.
   */
  get(noAck: boolean, receive: Consumer['deliver']): boolean {
    this.touch();
    this.#expire(true);
    while (this.readyCount > 0) {
      const lane = this.#headLane();
      const fromReturned = lane.headIsReturned();
      const source = fromReturned ? lane.returned : lane.ring;
      const position = source.headPosition();
      const page = this.#env.store.pageAt(position);
      this.#env.store.loadSync(page);
      const offset = position - page.number * PAGE_SIZE;
      if (recordType(page, offset) !== RecordType.message) {
        this.#dropLost(lane);
        continue;
      }
      this.#deliverHead(lane, fromReturned, this.#taker(noAck, receive), page, offset, position);
      this.#recordDelivery();
      if (noAck) this.gottenNoAckTotal++;
      else this.gottenTotal++;
      return true;
    }
    this.gottenEmptyTotal++;
    return false;
  }

  /** What is behind the message that is taken may have expired: get-ok counts without it, as in RabbitMQ. */
  #taker(noAck: boolean, receive: Consumer['deliver']): Consumer {
    const deliver: Consumer['deliver'] = (page, ...rest) => {
      this.#expire(true);
      this.#env.store.loadSync(page);
      receive(page, ...rest);
    };
    return { noAck, deliver } as Consumer;
  }

  /** Tells the journal up to where messages were delivered, once a turn. */
  #recordDelivery(): void {
    if (!this.durable || this.deliveredPosition <= this.#recordedDelivery) return;
    this.#recordedDelivery = this.deliveredPosition;
    this.#env.store.delivered(this.id, this.deliveredPosition);
  }

  // --- back and away ---

  /** basic.ack: the message is done with. */
  acknowledge(position: number): void {
    this.unackedCount--;
    this.acknowledgedTotal++;
    this.#settle(position);
  }

  /** basic.reject or basic.nack without requeue: dead-letters once. */
  reject(position: number): void {
    this.unackedCount--;
    this.#leave(position, 'rejected');
  }

  /** A message comes back to its place: requeued, or its channel is gone. */
  giveBack(position: number, sequence: number, size: number, priorityLane: number): void {
    this.unackedCount--;
    if (this.deleted) return;
    if (this.countsDeliveries && this.#countDelivery(position)) return;
    const lane = this.#lanes[priorityLane];
    lane.returned.push(sequence, position, size);
    if (priorityLane < this.#firstLane) this.#firstLane = priorityLane;
    this.readyCount++;
    this.readyBytes += size;
    if (!this.awake) this.#env.wake(this);
    // Before any consumer gets something, as in RabbitMQ: what came back may be what is dropped.
    if (this.settings.overflow === 'drop-head') this.#dropToLimits();
  }

  priorityOfLane(lane: number): number {
    return this.#lanes[lane].priority;
  }

  /** A message that a consumer held when the queue was deleted. */
  releaseUnacked(position: number): void {
    this.#env.store.release(position);
  }

  /** The index of the lane that a message at the head was taken from: what `giveBack` needs. */
  get currentLane(): number {
    return this.#firstLane;
  }

  /** @returns true when the delivery limit is passed and the message has left. */
  #countDelivery(position: number): boolean {
    const count = (this.deliveryCounts.get(position) ?? 0) + 1;
    if (this.settings.deliveryLimit !== undefined && count > this.settings.deliveryLimit) {
      this.#leave(position, 'delivery_limit');
      return true;
    }
    this.deliveryCounts.set(position, count);
    if (this.durable) this.#env.store.returned(this.id, position, count);
    return false;
  }

  #settle(position: number): void {
    this.#env.store.settle(this.id, position, this.durable);
    this.#forget(position);
  }

  #forget(position: number): void {
    if (this.deliveryCounts.size > 0) this.deliveryCounts.delete(position);
  }

  /** A message leaves by way of the dead-letter exchange, if there is one. */
  #leave(position: number, reason: DeadLetterReason): void {
    this.#env.died(this, reason);
    if (this.settings.deadLetterExchange !== undefined) {
      const { store } = this.#env;
      const page = store.pageAt(position);
      store.loadSync(page);
      const offset = position - page.number * PAGE_SIZE;
      if (recordType(page, offset) === RecordType.message) {
        this.#env.deadLetter(this, page, offset, reason, this.settings);
      }
    }
    const givesWay = reason === 'maxlen' || this.settings.deadLetterExchange !== undefined;
    if (givesWay) this.#env.store.replace(this.id, position, this.durable);
    else this.#env.store.settle(this.id, position, this.durable);
    this.#forget(position);
  }

  #dropHead(reason: DeadLetterReason): void {
    const lane = this.#headLane();
    const source = lane.headIsReturned() ? lane.returned : lane.ring;
    const position = source.headPosition();
    this.readyBytes -= source.headSize();
    this.readyCount--;
    source.shift();
    this.#leave(position, reason);
  }

  /** The head's bytes did not survive on the disk: the store has reported it. */
  #dropLost(lane: Lane): void {
    const source = lane.headIsReturned() ? lane.returned : lane.ring;
    this.readyBytes -= source.headSize();
    this.readyCount--;
    const position = source.headPosition();
    source.shift();
    this.#settle(position);
  }

  // --- time ---

  /**
   * Drops what has expired at the head of each lane, as RabbitMQ does, and sets the timer for what is next.
   * @param atOnce also where the head has to be read from disk; otherwise `dispatch` comes back to it once it was
   */
  #expire(atOnce: boolean, most = Number.POSITIVE_INFINITY): void {
    if (!this.mayExpire) return;
    const now = this.#env.clock.nowMs();
    let left = most;
    let next = Number.POSITIVE_INFINITY;
    const firstLane = this.#firstLane;
    for (let i = firstLane; i < this.#lanes.length; i++) {
      this.#firstLane = i;
      while (this.#lanes[i].count > 0) {
        const expiresAtMs = this.#headExpiresAt(this.#lanes[i], now, atOnce);
        if (expiresAtMs > now) {
          next = Math.min(next, expiresAtMs);
          break;
        }
        if (left-- <= 0) {
          next = now;
          break;
        }
        this.#dropHead('expired');
      }
    }
    this.#firstLane = Math.min(firstLane, this.#lanes.length - 1);
    this.#setExpiryTimer(next, now);
  }

  /** A head that does not expire yet is looked into once. Infinite while it is being read. */
  #headExpiresAt(lane: Lane, now: number, atOnce: boolean): number {
    const ttlMs = this.settings.messageTtlMs;
    if (lane.headSequence() === lane.timedSequence) {
      const expiresAtMs = expiresAt(lane.publishedAtMs, lane.ttlMs, ttlMs);
      if (expiresAtMs > now) return expiresAtMs;
    }
    const { store } = this.#env;
    const position = lane.headPosition();
    const page = store.pageAt(position);
    if (atOnce) store.loadSync(page);
    else if (page.bytes === null) {
      this.#load(page);
      return Number.POSITIVE_INFINITY;
    }
    lane.noteTimes(page, position - page.number * PAGE_SIZE);
    return expiresAt(lane.publishedAtMs, lane.ttlMs, ttlMs);
  }

  #setExpiryTimer(atMs: number, nowMs: number): void {
    if (atMs === this.#expiryAtMs) return;
    this.#expiryTimer?.cancel();
    this.#expiryTimer = null;
    this.#expiryAtMs = atMs;
    if (atMs === Number.POSITIVE_INFINITY) return;
    this.#expiryTimer = this.#env.clock.after(atMs - nowMs, () => {
      this.#expiryAtMs = Number.POSITIVE_INFINITY;
      if (!this.awake) this.#env.wake(this);
    });
  }

  /** The queue was used: x-expires starts anew. */
  touch(): void {
    const { expiresMs } = this.settings;
    if (expiresMs === undefined) return;
    this.#unusedTimer?.cancel();
    this.#unusedTimer = this.#env.clock.after(expiresMs, () => {
      if (this.consumers.all.length === 0) this.#env.unused(this);
    });
  }

  /**
   * Policies have changed: what no longer fits leaves at once, and x-expires starts anew. What only arguments can set, the
   * priorities and the single active consumer, stays as it is.
   */
  applySettings(settings: QueueSettings): void {
    assert(settings.maxPriority === this.settings.maxPriority);
    assert(settings.singleActiveConsumer === this.settings.singleActiveConsumer);
    if (this.deleted) return;
    this.settings = settings;
    this.#unusedTimer?.cancel();
    this.touch();
    if (settings.messageTtlMs !== undefined) this.mayExpire = true;
    // What has expired goes with the turn, and so does to the journal what is dropped here.
    if (!this.awake) this.#env.wake(this);
    if (this.#isOver()) this.#dropOverflow();
  }

  // --- consumers ---

  addConsumer(consumer: Consumer): void {
    this.consumers.add(consumer);
    if (consumer.exclusive) this.exclusiveConsumer = consumer;
    this.touch();
    if (this.readyCount > 0 && !this.awake) this.#env.wake(this);
  }

  removeConsumer(consumer: Consumer): void {
    this.consumers.remove(consumer);
    if (this.exclusiveConsumer === consumer) this.exclusiveConsumer = null;
    if (this.deleted) return;
    this.touch();
    if (this.readyCount > 0 && !this.awake) this.#env.wake(this);
    if (this.autoDelete && this.consumers.all.length === 0) this.#env.unused(this);
  }

  // --- the end ---

  /** queue.purge: drops what is ready. @returns how many messages. */
  purge(): number {
    const count = this.readyCount;
    this.#visitReady(EVERYTHING, (position) => this.#settle(position));
    this.#clear();
    return count;
  }

  /** The queue is gone: its ready messages are released, its consumers told. Unacked ones are released by their channels. */
  destroy(): void {
    this.deleted = true;
    this.#expiryTimer?.cancel();
    this.#unusedTimer?.cancel();
    this.#dropTimer?.cancel();
    this.#visitReady(EVERYTHING, (position) => this.#env.store.release(position));
    this.#clear();
    for (const consumer of [...this.consumers.all]) consumer.cancelledByQueue();
  }

  /** Stops the timers when the broker stops; the messages stay. */
  stop(): void {
    this.deleted = true;
    this.#expiryTimer?.cancel();
    this.#unusedTimer?.cancel();
    this.#dropTimer?.cancel();
  }

  #clear(): void {
    for (const lane of this.#lanes) lane.clear();
    this.readyCount = 0;
    this.readyBytes = 0;
    this.#setExpiryTimer(Number.POSITIVE_INFINITY, 0);
  }

  #visitReady(
    wanted: (lowest: number, highest: number) => boolean,
    each: (position: number, size: number, priority: number) => void,
  ): void {
    for (const { ring, returned, priority } of this.#lanes) {
      returned.visit((position, size) => each(position, size, priority));
      ring.visit(wanted, (position, size) => each(position, size, priority));
    }
  }

  /** For the checkpoint: what is known of the messages at the head, where they may expire. */
  get heads(): HeadTimes[] {
    return this.mayExpire ? headTimesOf(this.#lanes) : [];
  }

  /** For the index files: what is ready. What is unacked is told by the channels that hold it. */
  visitLive(
    wanted: (lowest: number, highest: number) => boolean,
    each: (position: number, size: number, priority: number) => void,
  ): void {
    if (this.durable) this.#visitReady(wanted, each);
  }
}

const EVERYTHING = (): boolean => true;
