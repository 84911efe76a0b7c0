/**
 * What a publisher knows of its unconfirmed messages: when each was sent, and which are settled. Delivery tags of the channel
 * are sequence numbers from 1; the oldest unsettled one bounds how far the ring of send times may run ahead.
 */

import type { LatencyHistogram } from './latency-histogram.ts';
import { confirmWindowMax } from './load-options.ts';

const ringLength = 2 * confirmWindowMax;

/** How far the newest message's sequence number may be ahead of the oldest unsettled one's. */
export const sequenceSpanMax = ringLength - 1;

/** Send times in shared memory: with a fixed rate another thread writes them than the one that reads the confirms. */
export function allocateSendTimes(): SharedArrayBuffer {
  return new SharedArrayBuffer(ringLength * 8);
}

export class SendTimes {
  readonly #timesUs: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#timesUs = new Float64Array(memory);
  }

  set(sequence: number, timeUs: number): void {
    this.#timesUs[sequence % ringLength] = timeUs;
  }

  get(sequence: number): number {
    return this.#timesUs[sequence % ringLength]!;
  }
}

export class ConfirmTracker {
  /** Messages settled, by ack or nack. */
  settled = 0;
  /** Sequence number of the oldest message that is not settled. */
  oldest = 1;
  readonly #sendTimes: SendTimes;
  readonly #settledOutOfOrder = new Uint8Array(ringLength);

  constructor(sendTimes: SendTimes) {
    this.#sendTimes = sendTimes;
  }

  /** How many more messages may be published with `published` of them sent and `window` allowed unconfirmed. */
  room(published: number, window: number): number {
    return Math.min(window - (published - this.settled), sequenceSpanMax - (published + 1 - this.oldest));
  }

  /**
   * Takes one basic.ack or basic.nack and returns how many messages it settled; their latencies go to `latencies` unless null.
   * A tag that was settled already settles nothing.
   */
  settle(tag: number, multiple: boolean, nowUs: number, latencies: LatencyHistogram | null): number {
    const before = this.settled;
    for (let sequence = multiple ? this.oldest : tag; sequence <= tag; sequence++) {
      const index = sequence % ringLength;
      if (sequence < this.oldest || this.#settledOutOfOrder[index] === 1) continue;
      this.#settledOutOfOrder[index] = 1;
      this.settled++;
      if (latencies) latencies.add(nowUs - this.#sendTimes.get(sequence));
    }
    this.#advance();
    return this.settled - before;
  }

  #advance(): void {
    let index = this.oldest % ringLength;
    while (this.#settledOutOfOrder[index] === 1) {
      this.#settledOutOfOrder[index] = 0;
      this.oldest++;
      index = this.oldest % ringLength;
    }
  }
}
