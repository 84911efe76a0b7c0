import type { DelayLine } from '../queues/delay-line.ts';
import type { Queue } from '../queues/queue.ts';

/** Where messages of one exchange and routing key go: worked out once, used until the topology changes. */
export class Route {
  /** The durable queues come first, in the order of `durableIds`. */
  readonly queues: readonly Queue[];
  /** Where the message waits on its way to more queues. */
  readonly lines: readonly DelayLine[];
  /** Those of durable lines stand behind those of the queues. */
  readonly durableIds: readonly number[];
  /** Some queue may refuse a publish, there are more queues than one record names, or lines: the slow way. */
  readonly needsCare: boolean;
  /**
   * A quorum queue or a line is among them, which keep what they are given whatever its delivery mode; the other durable ones
   * then do, too.
   */
  readonly keepsTransient: boolean;

  constructor(queues: readonly Queue[], lines: readonly DelayLine[] = []) {
    const durable = queues.filter((queue) => queue.durable);
    this.queues = [...durable, ...queues.filter((queue) => !queue.durable)];
    this.lines = lines;
    this.durableIds = [...durable, ...lines.filter((line) => line.durable)].map(({ id }) => id);
    this.keepsTransient = queues.some((queue) => queue.countsDeliveries) || lines.some((line) => line.durable);
    this.needsCare = lines.length > 0 || durable.length > MAX_QUEUES_A_RECORD || queues.some(mayRefuse);
  }

  /** The message waits in one place and is nowhere else, so that it is known there whether any queue gets it. */
  get isOneLine(): boolean {
    return this.lines.length === 1 && this.queues.length === 0;
  }

  /** The same without queues that were deleted since, and with care for those that may refuse by now. */
  withoutDeleted(): Route {
    const isCurrent = this.needsCare || !this.queues.some(mayRefuse);
    if (isCurrent && !this.queues.some(isGone) && !this.lines.some(isDeleted)) return this;
    return new Route(
      this.queues.filter((queue) => !isGone(queue)),
      this.lines.filter((line) => !line.deleted),
    );
  }
}

function isDeleted({ deleted }: { readonly deleted: boolean }): boolean {
  return deleted;
}

function isGone({ deleted, isLeaving }: Queue): boolean {
  return deleted || isLeaving;
}

function mayRefuse({ settings }: Queue): boolean {
  return settings.overflow !== 'drop-head';
}

/** A message record counts its queues in 16 bits. */
export const MAX_QUEUES_A_RECORD = 0xffff;

export const NO_ROUTE = new Route([]);
