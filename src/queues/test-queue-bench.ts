/** A queue over a real store, and consumers that say what they are given: what the tests of a queue are played on. */
import assert from 'node:assert/strict';
import { createLog } from '../runtime/log.ts';
import { TestClock } from '../runtime/test-clock.ts';
import { MessageStore } from '../storage/message-store.ts';
import { PAGE_SIZE, type Page } from '../storage/page.ts';
import { NO_TTL } from '../storage/record.ts';
import { TestDisk } from '../storage/test-disk.ts';
import { bodyAt, newMessage } from '../storage/test-store.ts';
import type { Consumer } from './consumer.ts';
import { Queue } from './queue.ts';
import type { QueueSettings } from './queue-settings.ts';

interface Unacked {
  readonly number: number;
  readonly position: number;
  readonly sequence: number;
  readonly size: number;
  readonly lane: number;
  readonly holder: TestConsumer | null;
}

export class TestConsumer implements Consumer {
  readonly tag = 'consumer';
  readonly priority = 0;
  readonly exclusive = false;
  readonly noAck: boolean;
  readonly prefetch: number;
  readonly queue: Queue;
  readonly #receive: (consumer: TestConsumer, ...delivery: Parameters<Consumer['deliver']>) => void;
  parked = false;
  blocked = false;
  held = 0;

  constructor(queue: Queue, noAck: boolean, prefetch: number, receive: TestConsumer['receive']) {
    this.queue = queue;
    this.noAck = noAck;
    this.prefetch = prefetch;
    this.#receive = receive;
  }

  get receive(): (consumer: TestConsumer, ...delivery: Parameters<Consumer['deliver']>) => void {
    return this.#receive;
  }

  hasCredit(): boolean {
    return !this.blocked && (this.noAck || this.prefetch === 0 || this.held < this.prefetch);
  }

  deliver(...delivery: Parameters<Consumer['deliver']>): void {
    this.#receive(this, ...delivery);
  }

  cancelledByQueue(): void {}
}

interface BenchOptions {
  readonly settings: QueueSettings;
  readonly countsDeliveries?: boolean;
  readonly directory?: string;
  readonly memoryLimitBytes?: number;
}

/** A queue over a real store, and everything that happens to it as one list of events. */
export class QueueBench {
  readonly clock = new TestClock();
  readonly disk = new TestDisk();
  readonly events: string[] = [];
  readonly unacked: Unacked[] = [];
  readonly queue: Queue;
  readonly store: MessageStore;
  #isAwake = false;
  #published = 0;

  constructor({ settings, countsDeliveries = false, directory, memoryLimitBytes = 64 * PAGE_SIZE }: BenchOptions) {
    const log = createLog('none');
    this.store = new MessageStore(
      {
        directory: directory ?? null,
        disk: this.disk,
        clock: this.clock,
        log,
        fdatasync: true,
        journalFileBytes: 4 * PAGE_SIZE,
        memoryLimitBytes,
        unwrittenLimitBytes: 32 * PAGE_SIZE,
      },
      { onDurable: () => {}, onTrouble: () => {}, onRelief: () => {} },
      {
        visitLive: (wanted, visit) => {
          this.queue.visitLive(wanted, (position, size, priority) => visit(1, position, size, priority));
          for (const { position, size, lane } of this.unacked) {
            visit(1, position, size, this.queue.priorityOfLane(lane));
          }
        },
        marks: () => new Map([[1, this.queue]]),
      },
    );
    this.queue = new Queue(
      { vhost: '/', name: 'q', id: 1, durable: directory !== undefined, autoDelete: false, countsDeliveries },
      settings,
      {
        store: this.store,
        clock: this.clock,
        log,
        turnMs: () => this.clock.nowMs(),
        wake: (queue) => {
          queue.awake = true;
          this.#isAwake = true;
        },
        died: () => undefined,
        deadLetter: (_queue, page, offset, reason) => this.events.push(`dead ${numberAt(page, offset)} ${reason}`),
        unused: () => this.events.push('unused'),
      },
    );
    const found = this.store.recovered.get(1);
    if (found !== undefined) assert.equal(this.queue.adopt(found), 0);
    this.store.recoveryTaken();
  }

  /** @returns whether the queue took it. */
  publish(size: number, priority = 0, ttlMs = NO_TTL, persistent = false): boolean {
    const number = this.#published++;
    if (this.queue.refuses(size)) {
      this.events.push('refused');
      return false;
    }
    const message = newMessage(`${number}`.padEnd(size, ' '), { persistent });
    message.bodySize = size;
    message.bodyBytes = Buffer.from(`${number} `.padEnd(size, ' ')).subarray(0, size);
    Object.assign(message, { priority, ttlMs, publishedAtMs: this.clock.nowMs() });
    const durableCount = persistent && this.queue.durable ? 1 : 0;
    const position = this.store.append(message, [1], durableCount, 1);
    this.queue.publish(position, size, priority, ttlMs);
    return true;
  }

  /** The end of a turn: the queue is dispatched only if it has asked for it. */
  turn(): void {
    while (this.#isAwake) {
      this.#isAwake = false;
      this.queue.awake = false;
      this.queue.dispatch();
    }
    this.store.commit();
  }

  /** Turns until so much has happened: pages may have to come from the disk. */
  async turnUntil(eventCount: number): Promise<void> {
    for (let turn = 0; this.events.length < eventCount; turn++) {
      assert(turn < 10_000, `only ${this.events}`);
      this.turn();
      await new Promise((next) => setImmediate(next));
    }
  }

  consume(noAck: boolean, prefetch: number): TestConsumer {
    const consumer = new TestConsumer(this.queue, noAck, prefetch, (...args) => this.#receive('deliver', ...args));
    this.queue.addConsumer(consumer);
    return consumer;
  }

  get(noAck: boolean): void {
    const taker = { noAck } as TestConsumer;
    const taken = this.queue.get(noAck, (...delivery) => this.#receive('get', taker, ...delivery));
    if (!taken) this.events.push('empty');
  }

  #receive(word: string, consumer: TestConsumer, ...delivery: Parameters<Consumer['deliver']>): void {
    const [page, offset, position, sequence, size, redelivered] = delivery;
    const number = numberAt(page, offset);
    this.events.push(`${word} ${number}${redelivered ? ' again' : ''}`);
    if (consumer.noAck) return;
    const holder = word === 'deliver' ? consumer : null;
    if (holder !== null) holder.held++;
    this.unacked.push({ number, position, sequence, size, lane: this.queue.currentLane, holder });
  }

  settle(index: number, how: 'ack' | 'reject' | 'requeue'): void {
    const [{ position, sequence, size, lane, holder }] = this.unacked.splice(index, 1) as [Unacked];
    if (holder !== null) holder.held--;
    if (how === 'ack') this.queue.acknowledge(position);
    else if (how === 'reject') this.queue.reject(position);
    else this.queue.giveBack(position, sequence, size, lane);
    if (holder?.parked === true) this.queue.consumerReady(holder);
  }

  /** The rest of a real life: the store, which may be asked to forget. */
  async close(): Promise<void> {
    this.queue.stop();
    await this.store.close();
  }
}

/** Bodies begin with the message's number. Their length is part of what is tested, so numbers of short ones are found by place. */
export function numberAt(page: Page, offset: number): number {
  return Number.parseInt(bodyAt(page, offset).toString(), 10);
}
