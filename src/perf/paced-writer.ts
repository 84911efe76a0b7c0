/**
 * Publishing at a fixed rate, from a thread of its own that blocks until the next message is due: timers of an event loop tick
 * once a millisecond, and a loop that spins would take a core from the broker under test. It writes straight to the sockets'
 * descriptors; the publishers' thread reads the confirms meanwhile.
 *
 * Every message carries the time it was due, not the time it went: a stall of the broker, or of this thread, counts in full. One
 * that is to wait carries the time it went and its delay: what is asked of the broker begins with the message.
 */

import fs from 'node:fs';
import path from 'node:path';
import { SendTimes, sequenceSpanMax } from './confirm-tracker.ts';
import { type LoadBoard, monotonicUs, slot } from './load-board.ts';
import { type LoadOptions, publisherShare } from './load-options.ts';
import { MessageRing } from './message-ring.ts';

export interface PacedConnection {
  readonly publisherId: number;
  readonly fileDescriptor: number;
  readonly frameSizeMax: number;
  readonly sendTimesMemory: SharedArrayBuffer;
}

const retryMs = 0.2;
/** To wait on for a time, and for nothing else. */
const neverNotified = new Int32Array(new SharedArrayBuffer(4));

export class PacedWriter {
  readonly #options: LoadOptions;
  readonly #board: LoadBoard;
  readonly #lanes: PacedLane[];

  constructor(options: LoadOptions, board: LoadBoard, connections: readonly PacedConnection[]) {
    this.#options = options;
    this.#board = board;
    this.#lanes = connections.map((connection) => new PacedLane(options, board, connection));
  }

  /** Blocks the thread until publishing stops or every share of the count is sent. @throws Error when a write fails. */
  run(): void {
    makeTimersPrecise();
    const beginUs = monotonicUs();
    const intervalUs = (1e6 / this.#options.ratePerSecond) * this.#options.publishers;
    for (const lane of this.#lanes) lane.schedule(beginUs, intervalUs);
    while (!this.#board.stopping) {
      let nextDueUs = Number.POSITIVE_INFINITY;
      for (const lane of this.#lanes) nextDueUs = Math.min(nextDueUs, lane.writeDue(monotonicUs()));
      if (nextDueUs === Number.POSITIVE_INFINITY) return;
      const waitMs = (nextDueUs - monotonicUs()) / 1e3;
      if (waitMs > 0) this.#board.waitForStop(waitMs);
    }
  }
}

/** One connection's schedule. */
class PacedLane {
  #done = false;
  readonly #options: LoadOptions;
  readonly #board: LoadBoard;
  readonly #connection: PacedConnection;
  readonly #ring: MessageRing;
  readonly #sendTimes: SendTimes;
  readonly #share: number;
  #published = 0;
  #beginUs = 0;
  #intervalUs = 0;
  #next = 0;

  constructor(options: LoadOptions, board: LoadBoard, connection: PacedConnection) {
    this.#options = options;
    this.#board = board;
    this.#connection = connection;
    const firstQueue = connection.publisherId % options.queues;
    this.#ring = new MessageRing(options, firstQueue, connection.frameSizeMax, options.batchBytes);
    this.#sendTimes = new SendTimes(connection.sendTimesMemory);
    this.#share = options.count > 0 ? publisherShare(options, connection.publisherId) : Number.POSITIVE_INFINITY;
  }

  /** Publishers take turns: each one's first message is due a part of the interval after the one before. */
  schedule(beginUs: number, intervalUs: number): void {
    this.#intervalUs = intervalUs;
    this.#beginUs = beginUs + (intervalUs * this.#connection.publisherId) / this.#options.publishers;
  }

  /** Writes what is due at `nowUs`, as slices of the ring, and returns when to come back: never, once its share is sent. */
  writeDue(nowUs: number): number {
    while (!this.#done && this.#dueUs() <= nowUs) {
      if (this.#room() <= 0) return nowUs + retryMs * 1e3;
      this.#writeSlice(nowUs);
      this.#done = this.#published >= this.#share;
    }
    return this.#done ? Number.POSITIVE_INFINITY : this.#dueUs();
  }

  #dueUs(): number {
    return this.#beginUs + this.#published * this.#intervalUs;
  }

  #room(): number {
    const { confirmWindow } = this.#options;
    if (confirmWindow === 0) return Number.POSITIVE_INFINITY;
    const id = this.#connection.publisherId;
    const settled = this.#board.publisher(id, slot.confirmed) + this.#board.publisher(id, slot.nacked);
    const span = this.#published + 1 - this.#board.publisher(id, slot.oldestUnsettled);
    return Math.min(confirmWindow - (this.#published - settled), sequenceSpanMax - span);
  }

  #writeSlice(nowUs: number): void {
    const first = this.#next;
    const limit = Math.min(this.#room(), this.#share - this.#published);
    const end = Math.min(this.#ring.length, first + limit);
    let index = first;
    do {
      const dueUs = this.#dueUs();
      const sequence = ++this.#published;
      this.#ring.stamp(index, this.#options.delay === null ? dueUs : nowUs, this.#connection.publisherId, sequence);
      this.#sendTimes.set(sequence, dueUs);
      index++;
    } while (index < end && this.#dueUs() <= nowUs);
    this.#next = index === this.#ring.length ? 0 : index;
    // Counted before the write: the confirm may be read before the write has returned.
    this.#board.setPublisher(this.#connection.publisherId, slot.published, this.#published);
    this.#write(this.#ring.begin(first), this.#ring.begin(index));
  }

  #write(from: number, to: number): void {
    let at = from;
    // To the end of the slice, even when publishing stops meanwhile: half a message would be the end of the connection.
    while (at < to) {
      try {
        at += fs.writeSync(this.#connection.fileDescriptor, this.#ring.bytes, at, to - at);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        Atomics.wait(neverNotified, 0, 0, retryMs);
      }
    }
  }
}

/** Linux lets a thread's timers fire up to 50 us late to save wake-ups; a schedule in microseconds does without. */
function makeTimersPrecise(): void {
  try {
    const threadId = path.basename(fs.readlinkSync('/proc/thread-self'));
    fs.writeFileSync(`/proc/${threadId}/timerslack_ns`, '1');
  } catch {
    // Not Linux, or not allowed: the schedule is kept up to 50 us less exactly, and the latencies say so.
  }
}
