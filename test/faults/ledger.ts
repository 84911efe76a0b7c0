/**
 * What a broker has promised, and whether it kept it.
 *
 * Promised is:
 *   a confirmed message is in each of its queues until somebody settles it there
 *   an ack (reject, requeue) is kept once a message was confirmed that was published after it on the same connection: the broker
 *     took in both in their order, and a confirm waits for everything that was taken in before
 *   a delivery is remembered in the same way: the message comes back marked as redelivered
 *   what is not yet kept so may be so or not, but from a start on it stays as it was found then
 *   a queue keeps the order of publishing of each channel, within a priority
 */
import assert from 'node:assert/strict';

export interface Found {
  readonly id: string;
  readonly redelivered: boolean;
  readonly priority: number;
  /** x-delivery-count, or 0. */
  readonly returns: number;
}

export interface QueueTraits {
  readonly name: string;
  readonly hasPriorities?: boolean;
  readonly countsReturns?: boolean;
  /** Where rejected messages go. */
  readonly deadLetters?: string;
}

type Fate = 'kept' | 'acknowledged' | 'rejected' | 'gone';

/** One message in one queue. */
class Copy {
  confirmed = false;
  fate: Fate = 'kept';
  /** Whether the fate is kept by the broker for certain. */
  fateIsDurable = false;
  deliveredDurably = false;
  returnsSent = 0;
  returnsDurable = 0;
}

/** An id is `publisher-number`; numbers of a publisher grow. */
export function publisherOf(id: string): string {
  return id.slice(0, id.indexOf('-'));
}

export function numberOf(id: string): number {
  return Number(id.slice(id.indexOf('-') + 1));
}

export class Ledger {
  readonly #queues = new Map<string, { traits: QueueTraits; copies: Map<string, Copy> }>();
  #dead = new Set<string>();
  /** Messages that were confirmed, acks and deliveries that were kept for certain: to tell a test that tested something. */
  readonly counts = {
    confirmed: 0,
    acknowledgedDurably: 0,
    rejectedDurably: 0,
    deliveredDurably: 0,
    returnedDurably: 0,
  };

  constructor(queues: readonly QueueTraits[]) {
    for (const traits of queues) this.#queues.set(traits.name, { traits, copies: new Map() });
  }

  /** Copies that nobody has settled, as far as this side knows. */
  unsettled = 0;

  // --- what happens ---

  published(id: string, queues: readonly string[]): void {
    for (const name of queues) this.#copies(name).set(id, new Copy());
    this.unsettled += queues.length;
  }

  confirmed(id: string, queues: readonly string[]): void {
    this.counts.confirmed++;
    for (const name of queues) this.#copy(name, id).confirmed = true;
  }

  /** @returns what to do once it is known that the broker keeps it. */
  delivered(queue: string, { id, redelivered, returns }: Found): () => void {
    const copy = this.#copies(queue).get(id);
    assert(copy !== undefined, `${queue} delivered ${id}, which nobody published to it`);
    assert(copy.fate === 'kept', `${queue} delivered ${id} again, which was ${copy.fate}`);
    if (copy.deliveredDurably) assert(redelivered, `${queue} delivered ${id} a second time without saying so`);
    this.#checkReturns(queue, id, copy, returns);
    return () => {
      if (!copy.deliveredDurably) this.counts.deliveredDurably++;
      copy.deliveredDurably = true;
    };
  }

  settled(queue: string, id: string, fate: 'acknowledged' | 'rejected'): () => void {
    const copy = this.#copy(queue, id);
    copy.fate = fate;
    this.unsettled--;
    return () => {
      copy.fateIsDurable = true;
      if (fate === 'acknowledged') this.counts.acknowledgedDurably++;
      else this.counts.rejectedDurably++;
    };
  }

  returned(queue: string, id: string): () => void {
    const copy = this.#copy(queue, id);
    const count = ++copy.returnsSent;
    return () => {
      this.counts.returnedDurably++;
      copy.returnsDurable = Math.max(copy.returnsDurable, count);
    };
  }

  /** The broker may have closed the connections in good order: what a consumer held was returned once more. */
  connectionsClosed(): void {
    for (const { copies } of this.#queues.values()) for (const copy of copies.values()) copy.returnsSent++;
  }

  /** Somebody took the dead letters away, for certain. */
  deadLettersTaken(): void {
    this.#dead.clear();
  }

  // --- what is found ---

  /** Checks what queues hold after a start; from then on that is what they hold. */
  audit(found: ReadonlyMap<string, readonly Found[]>): void {
    this.#auditDeadLetters(found);
    this.unsettled = 0;
    for (const [name, { traits }] of this.#queues) this.#auditQueue(traits, found.get(name) ?? [], found);
  }

  /** Nobody consumes them: one that was there once stays. */
  #auditDeadLetters(found: ReadonlyMap<string, readonly Found[]>): void {
    const names = new Set([...this.#queues.values()].map(({ traits }) => traits.deadLetters));
    names.delete(undefined);
    const dead = new Set([...names].flatMap((name) => found.get(name!) ?? []).map(({ id }) => id));
    for (const id of this.#dead) assert(dead.has(id), `the dead letter ${id} is lost`);
    this.#dead = dead;
  }

  #auditQueue(traits: QueueTraits, found: readonly Found[], all: ReadonlyMap<string, readonly Found[]>): void {
    const { name } = traits;
    checkOrder(traits, found);
    const byId = new Map(found.map((each) => [each.id, each]));
    assert.equal(byId.size, found.length, `${name} holds a message twice`);
    for (const id of byId.keys()) {
      assert(this.#copies(name).has(id), `${name} holds ${id}, which nobody published to it`);
    }
    const dead = new Set((all.get(traits.deadLetters ?? '') ?? []).map(({ id }) => id));
    for (const [id, copy] of this.#copies(name)) this.#auditCopy(name, id, copy, byId.get(id), dead.has(id));
  }

  #auditCopy(queue: string, id: string, copy: Copy, found: Found | undefined, isDead: boolean): void {
    const { fate, fateIsDurable, confirmed } = copy;
    if (found !== undefined) {
      assert(fate !== 'gone', `${queue} holds ${id} again, which was gone at an earlier start`);
      assert(!fateIsDurable, `${queue} holds ${id} again, whose being ${fate} was kept`);
      if (copy.deliveredDurably) assert(found.redelivered, `${queue} forgot that it delivered ${id}`);
      this.#checkReturns(queue, id, copy, found.returns);
    } else {
      assert(!confirmed || fate !== 'kept', `${queue} lost ${id}, which was confirmed`);
      if (confirmed && fate === 'rejected') assert(isDead, `${id} is neither in ${queue} nor among the dead letters`);
    }
    if (fateIsDurable && fate === 'rejected') assert(isDead, `${id}, rejected from ${queue}, is no dead letter`);
    if (found === undefined) return this.#forget(copy);
    this.unsettled++;
    copy.confirmed = true;
    copy.fate = 'kept';
    copy.deliveredDurably = found.redelivered;
    copy.returnsSent = found.returns;
    copy.returnsDurable = found.returns;
  }

  #forget(copy: Copy): void {
    copy.fate = 'gone';
    copy.fateIsDurable = false;
  }

  #checkReturns(queue: string, id: string, copy: Copy, returns: number): void {
    if (this.#queues.get(queue)?.traits.countsReturns !== true) return;
    const { returnsDurable, returnsSent } = copy;
    assert(
      returns >= returnsDurable && returns <= returnsSent,
      `${queue} says that ${id} was returned ${returns} times, it was from ${returnsDurable} to ${returnsSent}`,
    );
  }

  #copies(queue: string): Map<string, Copy> {
    const found = this.#queues.get(queue);
    assert(found !== undefined, `${queue} is a queue of this test`);
    return found.copies;
  }

  #copy(queue: string, id: string): Copy {
    const copy = this.#copies(queue).get(id);
    assert(copy !== undefined, `${id} was published to ${queue}`);
    return copy;
  }
}

/** Checks the order of messages as they were found or delivered: each publisher's ascend, within a priority if there are any. */
export function checkOrder({ name, hasPriorities = false }: QueueTraits, found: readonly Found[]): void {
  const last = new Map<string, string>();
  let priority = Number.POSITIVE_INFINITY;
  for (const each of found) {
    if (hasPriorities && each.priority !== priority) {
      assert(
        each.priority < priority,
        `${name}: ${each.id} of priority ${each.priority} stands behind one of ${priority}`,
      );
      priority = each.priority;
      last.clear();
    }
    const before = last.get(publisherOf(each.id));
    last.set(publisherOf(each.id), each.id);
    if (before !== undefined)
      assert(numberOf(before) < numberOf(each.id), `${name}: ${each.id} stands behind ${before}`);
  }
}
