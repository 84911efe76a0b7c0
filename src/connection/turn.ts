/**
 * The end of a turn: everything that came in since the last one has been taken in; now, once for all of it,
 *
 *   what is due is released -> queues dispatch -> the store writes -> confirms up to the durable position -> one socket write a connection
 *
 * A turn is one pass of the event loop: sockets are read in its poll phase, and setImmediate comes right after that.
 */

import { ScratchList } from '../collections/scratch-list.ts';
import type { Timely } from '../queues/delay-environment.ts';
import type { Queue } from '../queues/queue.ts';
import type { Clock } from '../runtime/clock.ts';
import type { MessageStore } from '../storage/message-store.ts';

/** What waits for confirms: a channel. */
export interface Confirming {
  /** Sends the confirms that `durable` (bytes of the journal) allows. @returns true while more are waiting that have not asked anew. */
  confirm(appended: number, durable: number): boolean;
}

export interface Flushing {
  flush(): void;
}

/** What has read or been sent its share of a turn: a connection. */
export interface Sharing {
  nextTurn(): void;
}

/** From so many on, queues that went without come first: publishers wake all of them in the same order each time. */
const MANY_QUEUES = 64;

/** Clients that do something more than so often are at work all the time. */
const BUSY_MS = 20;

export class Turn {
  readonly #clock: Clock;
  /** Set once the store exists, which needs the turn first. */
  store!: MessageStore;
  /** The wall clock as of this turn, in ms. */
  nowMs: number;
  /** The same as of the last time that something came in: a turn may be long. */
  cameInMs: number;
  #scheduled = false;
  #stale = true;
  #queues: Queue[] = [];
  /** Queues that went without, where there are many; the one that waits longest is the first. */
  #waiting = new Set<Queue>();
  // Not sets: those take memory for each turn, which outlives it as long as there are turns enough.
  readonly #confirming = new ScratchList<Confirming>();
  readonly #flushing = new ScratchList<Flushing>();
  readonly #timely = new ScratchList<Timely>();
  #sharing: Sharing[] = [];
  #beganMs = Number.NEGATIVE_INFINITY;
  /** Octets that all connections have read in this turn. */
  readBytes = 0;
  readonly #run = (): void => this.hasten();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.nowMs = this.cameInMs = clock.nowMs();
  }

  /** To be called before anything of a turn happens. */
  begin(): void {
    this.cameInMs = this.#clock.nowMs();
    if (!this.#stale) return;
    this.#stale = false;
    this.nowMs = this.cameInMs;
    this.#beganMs = this.#clock.monotonicMs();
    this.schedule();
  }

  /** Whether something happened a moment ago: clients are at work. */
  get isBusy(): boolean {
    return this.#clock.monotonicMs() - this.#beganMs < BUSY_MS;
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

  /** It has not asked since `confirm` has said that nothing waits. */
  awaitConfirm(channel: Confirming): void {
    this.#confirming.add(channel);
    this.schedule();
  }

  /** It has not asked since its last flush. */
  awaitFlush(connection: Flushing): void {
    this.#flushing.add(connection);
    this.schedule();
  }

  /** See DelayTurn. */
  awaitTime(timely: Timely): void {
    this.#timely.add(timely);
  }

  /** A connection has had as much as it may in one turn: it goes on in the next one. */
  awaitNext(connection: Sharing): void {
    this.#sharing.push(connection);
    this.schedule();
  }

  /** A consumer's connection may get its share of a turn before all of its queues had theirs: those that wait longest go first. */
  #dispatchFair(queues: readonly Queue[]): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const queue of waiting) this.#dispatchInLine(queue);
    for (const queue of queues) if (queue.awake) this.#dispatchInLine(queue);
  }

  #dispatchInLine(queue: Queue): void {
    if (queue.awake) dispatch(queue);
    if (queue.wentWithout && !queue.deleted) this.#waiting.add(queue);
  }

  /** Runs now what is scheduled for this pass of the event loop: before long work goes on, say. */
  hasten(): void {
    if (this.#scheduled) this.run();
  }

  run(): void {
    this.#scheduled = false;
    if (this.#stale) this.nowMs = this.#clock.nowMs();
    if (this.#timely.count > 0) this.#timely.retain((timely) => timely.inTurn(this.nowMs));
    // A dispatch may dead-letter into other queues, which then dispatch too.
    while (this.#queues.length > 0) {
      const queues = this.#queues;
      this.#queues = [];
      if (queues.length >= MANY_QUEUES) this.#dispatchFair(queues);
      else for (const queue of queues) dispatch(queue);
    }
    this.store.commit();
    const { appended, durable } = this.store;
    this.#confirming.retain((channel) => channel.confirm(appended, durable));
    for (let i = 0; i < this.#flushing.count; i++) this.#flushing.at(i).flush();
    this.#flushing.clear();
    this.readBytes = 0;
    this.#stale = true;
    if (this.#sharing.length === 0) return;
    const sharing = this.#sharing;
    this.#sharing = [];
    for (const connection of sharing) connection.nextTurn();
  }
}

function dispatch(queue: Queue): void {
  queue.awake = false;
  if (queue.deleted) return;
  const { deliveredTotal } = queue;
  queue.dispatch();
  queue.wentWithout = queue.readyCount > 0 && queue.deliveredTotal === deliveredTotal;
}
