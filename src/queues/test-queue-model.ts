/**
 * A queue as plain arrays, for tests: what RabbitMQ's documentation says of priorities, limits, times to live and returns, done
 * in the simplest way there is.
 */
import type { DeadLetterReason, QueueSettings } from './queue-settings.ts';

export interface ModelMessage {
  /** Counts up with every publish: the place that a returned message goes back to. */
  readonly number: number;
  readonly size: number;
  readonly priority: number;
  /** The message's own time to live. */
  readonly ttlMs: number;
  readonly publishedAtMs: number;
  redelivered: boolean;
  returns: number;
}

export interface ModelConsumer {
  readonly noAck: boolean;
  readonly prefetch: number;
  blocked: boolean;
}

export class QueueModel {
  settings: QueueSettings;
  readonly countsDeliveries: boolean;
  nowMs: number;
  consumer: ModelConsumer | null = null;
  /** Highest priority first, then in the order of publishing. */
  ready: ModelMessage[] = [];
  unacked: ModelMessage[] = [];
  /** How many of them the consumer holds: basic.get takes none of its credit. */
  held = new Set<ModelMessage>();
  readonly events: string[] = [];
  #published = 0;

  constructor(settings: QueueSettings, countsDeliveries: boolean, nowMs: number) {
    this.settings = settings;
    this.countsDeliveries = countsDeliveries;
    this.nowMs = nowMs;
  }

  get readyBytes(): number {
    return this.ready.reduce((sum, { size }) => sum + size, 0);
  }

  publish(size: number, priority: number, ttlMs: number): void {
    const { maxPriority = 0, overflow } = this.settings;
    if (overflow !== 'drop-head' && this.#wouldOverflow(size)) {
      this.dispatch();
      if (this.#wouldOverflow(size)) {
        this.#published++;
        this.events.push('refused');
        return;
      }
    }
    this.#enter({
      number: this.#published++,
      size,
      priority: Math.min(priority, maxPriority),
      ttlMs,
      publishedAtMs: this.nowMs,
      redelivered: false,
      returns: 0,
    });
    this.#dropOverflow();
  }

  /** What policies say now holds for what is there already. */
  applySettings(settings: QueueSettings): void {
    this.settings = settings;
    this.#dropOverflow();
  }

  #dropOverflow(): void {
    if (this.settings.overflow !== 'drop-head' || !this.#isOver()) return;
    this.dispatch();
    this.#dropToLimits();
  }

  dispatch(): void {
    for (let head = this.ready[0]; head !== undefined && this.#hasCredit(); head = this.ready[0]) {
      this.ready.shift();
      if (this.#expiresAtMs(head) <= this.nowMs && head.publishedAtMs < this.nowMs) this.#leave(head, 'expired');
      else this.#deliver(head);
    }
    this.#expire();
  }

  get(noAck: boolean): void {
    this.#expire();
    const head = this.ready.shift();
    if (head === undefined) {
      this.events.push('empty');
      return;
    }
    this.#expire();
    this.events.push(`get ${head.number}${head.redelivered ? ' again' : ''}`);
    if (!noAck) this.unacked.push(head);
  }

  acknowledge(message: ModelMessage): void {
    this.#take(message);
  }

  reject(message: ModelMessage): void {
    this.#take(message);
    this.#leave(message, 'rejected');
  }

  giveBack(message: ModelMessage): void {
    this.#take(message);
    const { deliveryLimit = Number.POSITIVE_INFINITY } = this.settings;
    if (this.countsDeliveries && ++message.returns > deliveryLimit) return this.#leave(message, 'delivery_limit');
    message.redelivered = true;
    this.#enter(message);
    if (this.settings.overflow === 'drop-head') this.#dropToLimits();
  }

  purge(): number {
    return this.ready.splice(0).length;
  }

  #hasCredit(): boolean {
    const { consumer } = this;
    if (consumer === null || consumer.blocked) return false;
    return consumer.noAck || consumer.prefetch === 0 || this.held.size < consumer.prefetch;
  }

  #deliver(message: ModelMessage): void {
    this.events.push(`deliver ${message.number}${message.redelivered ? ' again' : ''}`);
    if (this.consumer?.noAck === true) return;
    this.unacked.push(message);
    this.held.add(message);
  }

  #take(message: ModelMessage): void {
    this.unacked.splice(this.unacked.indexOf(message), 1);
    this.held.delete(message);
  }

  #enter(message: ModelMessage): void {
    this.ready.push(message);
    this.ready.sort((a, b) => b.priority - a.priority || a.number - b.number);
  }

  #leave({ number }: ModelMessage, reason: DeadLetterReason): void {
    if (this.settings.deadLetterExchange !== undefined) this.events.push(`dead ${number} ${reason}`);
  }

  #expiresAtMs({ publishedAtMs, ttlMs }: ModelMessage): number {
    return publishedAtMs + Math.min(ttlMs, this.settings.messageTtlMs ?? Number.POSITIVE_INFINITY);
  }

  /** At the head of each priority alone. */
  #expire(): void {
    const priorities = new Set(this.ready.map(({ priority }) => priority));
    for (const priority of priorities) {
      for (;;) {
        const head = this.ready.find((message) => message.priority === priority);
        if (head === undefined || this.#expiresAtMs(head) > this.nowMs) break;
        this.ready.splice(this.ready.indexOf(head), 1);
        this.#leave(head, 'expired');
      }
    }
  }

  #isOver(): boolean {
    const { maxLength = Number.POSITIVE_INFINITY, maxLengthBytes = Number.POSITIVE_INFINITY } = this.settings;
    return this.ready.length > maxLength || this.readyBytes > maxLengthBytes;
  }

  #wouldOverflow(size: number): boolean {
    const { maxLength = Number.POSITIVE_INFINITY, maxLengthBytes = Number.POSITIVE_INFINITY } = this.settings;
    return this.ready.length >= maxLength || this.readyBytes + size > maxLengthBytes;
  }

  #dropToLimits(): void {
    for (let head = this.ready[0]; head !== undefined && this.#isOver(); head = this.ready[0]) {
      this.ready.shift();
      this.#leave(head, 'maxlen');
    }
  }
}
