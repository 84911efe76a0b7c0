/**
 * What is ready in a queue, of one priority: new messages in a ring, and before them those that were returned, each at the
 * place it had. Sequence numbers grow with every message and tell that place.
 */
import { MessageRing } from '../collections/message-ring.ts';
import { ReturnedHeap } from '../collections/returned-heap.ts';
import type { HeadTimes } from '../storage/checkpoint.ts';
import type { Page } from '../storage/page.ts';
import { NO_TTL, publishedAtOf, ttlOf } from '../storage/record.ts';

export class Lane {
  readonly priority: number;
  readonly ring = new MessageRing();
  readonly returned = new ReturnedHeap();
  /** Of the message that was last looked into at the head: its sequence number, or -1, and its times. */
  timedSequence = -1;
  publishedAtMs = 0;
  /** Of its own, or NO_TTL. */
  ttlMs = 0;

  constructor(priority: number) {
    this.priority = priority;
  }

  get count(): number {
    return this.ring.count + this.returned.count;
  }

  /** True when the head is a message that was returned. */
  headIsReturned(): boolean {
    if (this.returned.count === 0) return false;
    return this.ring.count === 0 || this.returned.headSequence() < this.ring.headSequence;
  }

  headSequence(): number {
    return this.headIsReturned() ? this.returned.headSequence() : this.ring.headSequence;
  }

  headPosition(): number {
    return this.headIsReturned() ? this.returned.headPosition() : this.ring.headPosition();
  }

  /** Notes the times of the head, which stands there. */
  noteTimes(page: Page, offset: number): void {
    this.timedSequence = this.headSequence();
    this.publishedAtMs = publishedAtOf(page, offset);
    this.ttlMs = ttlOf(page, offset);
  }

  /** The times of the head, where they are known. */
  get headTimes(): HeadTimes | null {
    if (this.count === 0 || this.timedSequence !== this.headSequence()) return null;
    return { position: this.headPosition(), publishedAtMs: this.publishedAtMs, ttlMs: this.ttlMs };
  }

  /** Takes over the times of the head, where a checkpoint has them. */
  adoptTimes(heads: readonly HeadTimes[]): void {
    if (this.count === 0) return;
    const position = this.headPosition();
    const times = heads.find((head) => head.position === position);
    if (times === undefined) return;
    this.timedSequence = this.headSequence();
    this.publishedAtMs = times.publishedAtMs;
    this.ttlMs = times.ttlMs;
  }

  clear(): void {
    this.ring.clear();
    this.returned.clear();
  }
}

export const headTimesOf = (lanes: readonly Lane[]): HeadTimes[] =>
  lanes.map(({ headTimes }) => headTimes).filter((times) => times !== null);

/** @param ttlMs the message's own, or NO_TTL @param queueTtlMs that of its queue, if it has one */
export function expiresAt(publishedAtMs: number, ttlMs: number, queueTtlMs: number | undefined): number {
  const own = ttlMs === NO_TTL ? Number.POSITIVE_INFINITY : ttlMs;
  return publishedAtMs + Math.min(own, queueTtlMs ?? Number.POSITIVE_INFINITY);
}
