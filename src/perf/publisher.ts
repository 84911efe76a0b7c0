/**
 * One connection that publishes. `#resume` decides everything from counters: it is called whenever something may have changed
 * (the socket took the last batch, confirms came in, time has passed) and writes one batch or none.
 *
 * With a fixed rate the batches are written by a thread of their own (see paced-writer.ts), and what is left here is to count
 * the confirms.
 */

import { allocateSendTimes, ConfirmTracker, SendTimes } from './confirm-tracker.ts';
import type { FrameSink, ReadBuffer } from './frame-scanner.ts';
import { FrameWriter } from './frame-writer.ts';
import { type HistogramCounts, LatencyHistogram } from './latency-histogram.ts';
import { type LoadBoard, monotonicUs, slot } from './load-board.ts';
import { channelNumber, LoadConnection, type LoadConnectionError, methods } from './load-connection.ts';
import { fanOut, type LoadOptions, publisherShare } from './load-options.ts';
import { MessageRing } from './message-ring.ts';

/** What a publisher knows at its end. */
export interface PublisherResult {
  readonly confirmLatency: HistogramCounts;
}

export class Publisher implements FrameSink {
  readonly id: number;
  readonly sendTimesMemory = allocateSendTimes();
  readonly #options: LoadOptions;
  readonly #board: LoadBoard;
  readonly #connection: LoadConnection;
  readonly #ring: MessageRing;
  readonly #sendTimes = new SendTimes(this.sendTimesMemory);
  readonly #confirms = new ConfirmTracker(this.#sendTimes);
  readonly #confirmLatency = new LatencyHistogram();
  readonly #share: number;
  readonly #fanOut: number;
  #next = 0;
  #published = 0;
  #nacked = 0;
  #writing = false;
  #scheduled = false;
  #stopped = false;
  #finish: (() => void) | null = null;
  #nowUs = 0;
  #measuring = false;
  #blockedSinceUs = 0;
  #blockedUs = 0;
  readonly #onWritten = (): void => {
    this.#writing = false;
    this.#schedule();
  };
  readonly #onTurn = (): void => {
    this.#scheduled = false;
    this.#resume();
  };

  private constructor(id: number, options: LoadOptions, board: LoadBoard, connection: LoadConnection) {
    this.id = id;
    this.#options = options;
    this.#board = board;
    this.#connection = connection;
    this.#ring = new MessageRing(options, id % options.queues, connection.frameSizeMax, options.batchBytes);
    this.#share = options.count > 0 ? publisherShare(options, id) : Number.POSITIVE_INFINITY;
    this.#fanOut = fanOut(options);
  }

  /** Connects and selects confirms where they are wanted. @throws LoadConnectionError */
  static async open(id: number, options: LoadOptions, board: LoadBoard, readBuffer: ReadBuffer): Promise<Publisher> {
    const connection = await LoadConnection.open(options, readBuffer);
    if (options.confirmWindow > 0) {
      const select = new FrameWriter().beginMethod(channelNumber, 85, 10).uint8(0).endFrame();
      await connection.request(select.take(), methods.confirmSelectOk);
    }
    return new Publisher(id, options, board, connection);
  }

  get frameSizeMax(): number {
    return this.#connection.frameSizeMax;
  }

  /** The socket's descriptor, for a thread that writes to it. @throws Error where the platform has none. */
  get fileDescriptor(): number {
    // Node has no public way to a socket's descriptor; a fixed rate needs one because timers of the event loop tick once a ms.
    const handle = (this.#connection.socket as unknown as { _handle?: { fd?: number } })._handle;
    if (typeof handle?.fd !== 'number' || handle.fd < 0)
      throw new Error('a fixed rate needs a socket with a descriptor');
    return handle.fd;
  }

  /** Publishes until stopped or its share of the count is sent, then until all is confirmed. @throws LoadConnectionError */
  run(): Promise<void> {
    return new Promise((resolve, reject: (error: LoadConnectionError) => void) => {
      this.#finish = resolve;
      this.#connection.onLost = reject;
      this.#connection.deliverTo(this);
      this.#resume();
    });
  }

  /** Publishes no more. `run` ends when everything is confirmed, or at once when `abandon`. */
  stop(abandon: boolean): void {
    this.#stopped = true;
    if (abandon) this.#end();
    else this.#schedule();
  }

  async close(): Promise<PublisherResult> {
    await this.#connection.close();
    return { confirmLatency: this.#confirmLatency };
  }

  destroy(): void {
    this.#connection.destroy();
  }

  chunkBegin(): void {
    this.#nowUs = monotonicUs();
    this.#measuring = this.#board.measuring;
  }

  method(view: DataView, at: number, size: number): void {
    const id = view.getUint32(at);
    if (id === methods.basicAck || id === methods.basicNack) {
      const tag = view.getUint32(at + 4) * 0x1_0000_0000 + view.getUint32(at + 8);
      const multiple = (view.getUint8(at + 12) & 1) === 1;
      const published = this.#publishedSoFar();
      if (tag > published) throw new Error(`the broker confirmed message ${tag} when ${published} were published`);
      const settled = this.#confirms.settle(tag, multiple, this.#nowUs, this.#measuring ? this.#confirmLatency : null);
      if (id === methods.basicNack) this.#nacked += settled;
    } else if (id === methods.connectionBlocked) {
      this.#blockedSinceUs = this.#nowUs;
    } else if (id === methods.connectionUnblocked) {
      this.#endBlocked();
    } else {
      this.#connection.method(view, at, size);
    }
  }

  header(): void {}

  body(): void {}

  chunkEnd(): void {
    this.#board.setPublisher(this.id, slot.confirmed, this.#confirms.settled - this.#nacked);
    this.#board.setPublisher(this.id, slot.nacked, this.#nacked);
    this.#board.setPublisher(this.id, slot.oldestUnsettled, this.#confirms.oldest);
    this.#board.setPublisher(this.id, slot.lastActivityUs, this.#nowUs);
    if (!this.#writing) this.#resume();
  }

  #resume(): void {
    if (this.#writing || this.#scheduled || this.#finish === null) return;
    if (this.#isDone()) {
      this.#end();
      return;
    }
    if (this.#stopped || this.#options.ratePerSecond > 0) return;
    const limit = this.#limit();
    if (limit > 0) this.#writeBatch(limit);
    else if (this.#options.inflightMax > 0) this.#scheduleLater();
  }

  #isDone(): boolean {
    const published = this.#publishedSoFar();
    if (!this.#stopped && published < this.#share) return false;
    return this.#options.confirmWindow === 0 || this.#confirms.settled >= published;
  }

  /** With a fixed rate another thread publishes, and counts before it writes. */
  #publishedSoFar(): number {
    return this.#options.ratePerSecond > 0 ? this.#board.publisher(this.id, slot.published) : this.#published;
  }

  #end(): void {
    this.#endBlocked();
    this.#finish?.();
    this.#finish = null;
  }

  /** How many messages may go now. */
  #limit(): number {
    let limit = this.#share - this.#published;
    const { confirmWindow, inflightMax } = this.#options;
    if (confirmWindow > 0) limit = Math.min(limit, this.#confirms.room(this.#published, confirmWindow));
    if (inflightMax > 0) limit = Math.min(limit, Math.ceil((inflightMax - this.#inflight()) / this.#fanOut));
    return limit;
  }

  #inflight(): number {
    return this.#board.total(slot.published) * this.#fanOut - this.#board.total(slot.received);
  }

  /** Stamps a run of messages up to the end of the ring, the batch or the limit, and writes it as one slice. */
  #writeBatch(limit: number): void {
    const ring = this.#ring;
    const nowUs = monotonicUs();
    const confirming = this.#options.confirmWindow > 0;
    const first = this.#next;
    const firstAt = ring.begin(first);
    const lastBegin = firstAt + this.#options.batchBytes;
    const end = Math.min(ring.length, first + limit);
    let index = first;
    do {
      const sequence = ++this.#published;
      ring.stamp(index, nowUs, this.id, sequence);
      if (confirming) this.#sendTimes.set(sequence, nowUs);
      index++;
    } while (index < end && ring.begin(index) < lastBegin);
    this.#next = index === ring.length ? 0 : index;
    this.#writing = true;
    this.#board.setPublisher(this.id, slot.published, this.#published);
    this.#board.setPublisher(this.id, slot.lastActivityUs, nowUs);
    this.#connection.socket.write(ring.bytes.subarray(firstAt, ring.begin(index)), this.#onWritten);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#onTurn);
  }

  #scheduleLater(): void {
    this.#scheduled = true;
    setTimeout(this.#onTurn, 1);
  }

  #endBlocked(): void {
    if (this.#blockedSinceUs === 0) return;
    this.#blockedUs += monotonicUs() - this.#blockedSinceUs;
    this.#blockedSinceUs = 0;
    this.#board.setPublisher(this.id, slot.blockedUs, this.#blockedUs);
  }
}
