/**
 * basic.return long after the publish: a mandatory message waited, and when it was released no queue took it. Its record says
 * which channel published it, by a number that is never used twice, so that nothing has to be kept in memory for what waits.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from '../storage/record.ts';
import { encodeReturnAddress, type ReturnAddress } from '../storage/return-address.ts';

/** A channel. */
export interface ReturnTarget {
  readonly pid: number;
  returnLate(message: IncomingMessage): void;
}

export class LateReturns {
  readonly #start = randomBytes(6).readUIntLE(0, 6);
  readonly #targets = new Map<number, ReturnTarget>();

  /** @returns what records of its messages carry */
  add(target: ReturnTarget): Buffer {
    this.#targets.set(target.pid, target);
    return encodeReturnAddress({ start: this.#start, channel: target.pid });
  }

  remove({ pid }: ReturnTarget): void {
    this.#targets.delete(pid);
  }

  /** Nothing happens where the channel is not there any more. */
  giveBack({ start, channel }: ReturnAddress, message: IncomingMessage): void {
    if (start === this.#start) this.#targets.get(channel)?.returnLate(message);
  }
}
