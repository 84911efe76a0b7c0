/**
 * The end of a turn: everything that came in since the last one has been taken in; now, once for all of it,
 *
 *   queues dispatch -> the store writes -> confirms up to the durable position -> one socket write a connection
 *
 * A turn is one pass of the event loop: sockets are read in its poll phase, and setImmediate comes right after that.
 */

import type { Queue } from '../queues/queue.ts';
import type { Clock } from '../runtime/clock.ts';
import type { MessageStore } from '../storage/message-store.ts';

/** What waits for confirms: a channel. */
export interface Confirming {
  /** Sends the confirms that `durable` (bytes of the journal) allows. @returns true while more are waiting. */
  confirm(appended: number, durable: number): boolean;
}

export interface Flushing {
  flush(): void;
}

/** What has read or been sent its share of a turn: a connection. */
export interface Sharing {
  nextTurn(): void;
}

/** From so many on, the queues of a turn take turns in being the first: publishers wake them in the same order each time. */
const MANY_QUEUES = 64;
const GOLDEN_RATIO = 0.618_034;

export class Turn {
  readonly #clock: Clock;
  /** Set once the store exists, which needs the turn first. */
  store!: MessageStore;
  /** The wall clock as of this turn, in ms. */
  nowMs: number;
  #scheduled = false;
  #stale = true;
  #queues: Queue[] = [];
  #confirming = new Set<Confirming>();
  readonly #flushing = new Set<Flushing>();
  #sharing: Sharing[] = [];
  #spread = 0;
  /** Octets that all connections have read in this turn. */
  readBytes = 0;
  readonly #run = (): void => this.run();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.nowMs = clock.nowMs();
  }

  /** To be called before anything of a turn happens. */
  begin(): void {
    if (!this.#stale) return;
    this.#stale = false;
    this.nowMs = this.#clock.nowMs();
    this.schedule();
  }

  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }

  wake(queue: Queue): void {
    queue.awake = true;
    this.#queues.push(queue);
    this.schedule();
  }

  awaitConfirm(channel: Confirming): void {
    this.#confirming.add(channel);
    this.schedule();
  }

  forget(channel: Confirming): void {
    this.#confirming.delete(channel);
  }

  awaitFlush(connection: Flushing): void {
    this.#flushing.add(connection);
    this.schedule();
  }

  /** A connection has had as much as it may in one turn: it goes on in the next one. */
  awaitNext(connection: Sharing): void {
    this.#sharing.push(connection);
    this.schedule();
  }

  /** Places spread evenly over the turns: a consumer's connection may get its share before all of its queues had theirs. */
  #nextFirst(count: number): number {
    this.#spread = (this.#spread + GOLDEN_RATIO) % 1;
    return Math.floor(this.#spread * count);
  }

  run(): void {
    this.#scheduled = false;
    if (this.#stale) this.nowMs = this.#clock.nowMs();
    // A dispatch may dead-letter into other queues, which then dispatch too.
    while (this.#queues.length > 0) {
      const queues = this.#queues;
      this.#queues = [];
      const first = queues.length < MANY_QUEUES ? 0 : this.#nextFirst(queues.length);
      for (let i = 0; i < queues.length; i++) {
        const queue = queues[(first + i) % queues.length];
        queue.awake = false;
        if (!queue.deleted) queue.dispatch();
      }
    }
    this.store.commit();
    const { appended, durable } = this.store;
    for (const channel of this.#confirming) {
      if (!channel.confirm(appended, durable)) this.#confirming.delete(channel);
    }
    for (const connection of this.#flushing) connection.flush();
    this.#flushing.clear();
    this.readBytes = 0;
    this.#stale = true;
    if (this.#sharing.length === 0) return;
    const sharing = this.#sharing;
    this.#sharing = [];
    for (const connection of sharing) connection.nextTurn();
  }
}
