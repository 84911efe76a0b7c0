/**
 * What is ready in a queue, of one priority: new messages in a ring, and before them those that were returned, each at the
 * place it had. Sequence numbers grow with every message and tell that place.
 */
import { MessageRing } from '../collections/message-ring.ts';
import { ReturnedHeap } from '../collections/returned-heap.ts';

export class Lane {
  readonly priority: number;
  readonly ring = new MessageRing();
  readonly returned = new ReturnedHeap();
  /** Of the message that was last looked into at the head: its sequence number, or -1, and when it expires. */
  timedSequence = -1;
  expiresAtMs = Number.POSITIVE_INFINITY;

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

  clear(): void {
    this.ring.clear();
    this.returned.clear();
  }
}
