/**
 * The consumers of a queue: groups by priority, round robin within a group among those that have credit. One without credit
 * is parked: it costs nothing until it asks for more.
 */
import type { Consumer } from './consumer.ts';

/** Whoever is served goes behind all others: the turns go round from `next` over the end of the list to just before it. */
class Group {
  readonly priority: number;
  readonly ready: Consumer[] = [];
  next = 0;

  constructor(priority: number) {
    this.priority = priority;
  }

  /** Its turn is the last of this round. */
  join(consumer: Consumer): void {
    if (this.next >= this.ready.length) this.next = this.ready.push(consumer);
    else this.ready.splice(this.next++, 0, consumer);
  }
}

export class ConsumerSet {
  readonly all: Consumer[] = [];
  readonly #groups: Group[] = [];
  readonly #singleActive: boolean;
  /** With x-single-active-consumer: the one that is served. */
  active: Consumer | null = null;

  constructor(singleActive: boolean) {
    this.#singleActive = singleActive;
  }

  /** How many different priorities it tells apart at the moment. */
  get priorityCount(): number {
    return this.#groups.length;
  }

  add(consumer: Consumer): void {
    this.all.push(consumer);
    if (this.#singleActive) {
      this.active ??= consumer;
      consumer.parked = true;
      if (this.active === consumer) this.unpark(consumer);
      return;
    }
    consumer.parked = true;
    this.unpark(consumer);
  }

  remove(consumer: Consumer): void {
    const index = this.all.indexOf(consumer);
    if (index < 0) return;
    this.all.splice(index, 1);
    this.#unready(consumer);
    this.#forgetPriority(consumer.priority);
    // Acks of what it still holds must not bring it back.
    consumer.parked = false;
    if (this.active !== consumer) return;
    this.active = this.#nextActive();
    if (this.active !== null) this.unpark(this.active);
  }

  /** The one of the highest priority that has waited longest. */
  #nextActive(): Consumer | null {
    let next: Consumer | null = null;
    for (const consumer of this.all) if (next === null || consumer.priority > next.priority) next = consumer;
    return next;
  }

  /** The consumer may have credit again. @returns true when it was waiting. */
  unpark(consumer: Consumer): boolean {
    if (!consumer.parked || (this.#singleActive && this.active !== consumer)) return false;
    consumer.parked = false;
    this.#group(consumer.priority).join(consumer);
    return true;
  }

  /** The consumer whose turn it is, or null when none has credit. */
  next(): Consumer | null {
    for (const group of this.#groups) {
      const { ready } = group;
      while (ready.length > 0) {
        if (group.next >= ready.length) group.next = 0;
        const consumer = ready[group.next];
        if (consumer.hasCredit()) {
          group.next++;
          return consumer;
        }
        consumer.parked = true;
        ready.splice(group.next, 1);
      }
    }
    return null;
  }

  #unready(consumer: Consumer): void {
    for (let i = 0; i < this.#groups.length; i++) {
      const group = this.#groups[i];
      if (group.priority !== consumer.priority) continue;
      const index = group.ready.indexOf(consumer);
      if (index < 0) return;
      group.ready.splice(index, 1);
      if (index < group.next) group.next--;
    }
  }

  /** A client may come with any number of priorities, one after the other. */
  #forgetPriority(gone: number): void {
    if (this.all.some(({ priority }) => priority === gone)) return;
    const index = this.#groups.findIndex(({ priority }) => priority === gone);
    if (index >= 0) this.#groups.splice(index, 1);
  }

  #group(priority: number): Group {
    let at = 0;
    while (at < this.#groups.length && this.#groups[at].priority > priority) at++;
    if (this.#groups[at]?.priority !== priority) this.#groups.splice(at, 0, new Group(priority));
    return this.#groups[at];
  }
}
