/**
 * One connection that consumes. Deliveries are counted and timed in place, out of the socket's read buffer; what is kept of one
 * while its frames go by stands in fields of this object.
 */

import { bodyStampBytes, type FrameSink, type ReadBuffer } from './frame-scanner.ts';
import { FrameWriter } from './frame-writer.ts';
import { type HistogramCounts, LatencyHistogram } from './latency-histogram.ts';
import { type LoadBoard, monotonicUs, slot } from './load-board.ts';
import { channelNumber, LoadConnection, type LoadConnectionError, methods } from './load-connection.ts';
import { type LoadOptions, queueName } from './load-options.ts';
import { SequenceCheck } from './sequence-check.ts';

/** What a consumer knows at its end. */
export interface ConsumerResult {
  readonly latency: HistogramCounts;
  readonly redelivered: number;
  /** Messages that came before their time. */
  readonly early: number;
  /** Messages that came again or out of order; counted with one consumer and one queue only. */
  readonly duplicates: number;
  /** Sequence numbers that were left out; counted with one consumer and one queue only. */
  readonly gaps: number;
}

const ackFrameBytes = 21;
const noAckBit = 2;
/** Brokers count in milliseconds, and look at the clock once for all that came in together: what comes early by less is no fault. */
const earlyUsMax = 20_000;

export class Consumer implements FrameSink {
  readonly #id: number;
  readonly #options: LoadOptions;
  readonly #board: LoadBoard;
  readonly #connection: LoadConnection;
  readonly #latency = new LatencyHistogram();
  readonly #ackEvery: number;
  readonly #order: SequenceCheck | null;
  readonly #acks: Buffer;
  #ackBytes = 0;
  #received = 0;
  #bodyLeft = 0;
  #bodyBegins = false;
  #tagHigh = 0;
  #tagLow = 0;
  #unacked = 0;
  #redelivered = 0;
  #early = 0;
  #nowUs = 0;
  #measuring = false;
  #subscriptionsLeft = 0;
  #onSubscribed: () => void = () => {};

  private constructor(id: number, options: LoadOptions, board: LoadBoard, connection: LoadConnection) {
    this.#id = id;
    this.#options = options;
    this.#board = board;
    this.#connection = connection;
    this.#ackEvery = options.ackEvery;
    this.#order = keepsOrder(options) ? new SequenceCheck() : null;
    this.#acks = Buffer.allocUnsafeSlow(ackFrameBytes * 1024);
  }

  /** Connects and sets the prefetch where acks are wanted. @throws LoadConnectionError */
  static async open(id: number, options: LoadOptions, board: LoadBoard, readBuffer: ReadBuffer): Promise<Consumer> {
    const connection = await LoadConnection.open(options, readBuffer);
    if (options.ackEvery > 0) {
      const qos = new FrameWriter().beginMethod(channelNumber, 60, 10).uint32(0).uint16(options.prefetch).uint8(0);
      await connection.request(qos.endFrame().take(), methods.basicQosOk);
    }
    return new Consumer(id, options, board, connection);
  }

  /** Consumes from its queues; resolves once the broker took every basic.consume. @throws LoadConnectionError */
  subscribe(onLost: (error: LoadConnectionError) => void): Promise<void> {
    const frames = new FrameWriter();
    for (const queue of this.#queues()) {
      frames.beginMethod(channelNumber, 60, 20).uint16(0).shortString(queue).shortString('');
      frames
        .uint8(this.#ackEvery > 0 ? 0 : noAckBit)
        .table({})
        .endFrame();
      this.#subscriptionsLeft++;
    }
    return new Promise((resolve, reject) => {
      this.#onSubscribed = resolve;
      this.#connection.onLost = (error) => {
        reject(error);
        onLost(error);
      };
      this.#connection.deliverTo(this);
      if (this.#subscriptionsLeft === 0) resolve();
      else this.#connection.socket.write(frames.take());
    });
  }

  /** Acknowledges what is left and closes. */
  async close(): Promise<ConsumerResult> {
    if (this.#unacked > 0) {
      this.#appendAck(true);
      this.#flushAcks();
    }
    await this.#connection.close();
    const { duplicates, gaps } = this.#order ?? { duplicates: 0, gaps: 0 };
    return { latency: this.#latency, redelivered: this.#redelivered, early: this.#early, duplicates, gaps };
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
    if (id === methods.basicDeliver) {
      const tagAt = at + 5 + view.getUint8(at + 4);
      this.#tagHigh = view.getUint32(tagAt);
      this.#tagLow = view.getUint32(tagAt + 4);
      this.#redelivered += view.getUint8(tagAt + 8) & 1;
    } else if (id === methods.basicConsumeOk) {
      if (--this.#subscriptionsLeft === 0) this.#onSubscribed();
    } else {
      this.#connection.method(view, at, size);
    }
  }

  header(view: DataView, at: number): void {
    this.#bodyLeft = view.getUint32(at + 4) * 0x1_0000_0000 + view.getUint32(at + 8);
    this.#bodyBegins = true;
    if (this.#bodyLeft === 0) this.#complete();
  }

  body(view: DataView, at: number, size: number): void {
    if (this.#bodyBegins && size >= bodyStampBytes) this.#readStamp(view, at);
    this.#bodyBegins = false;
    this.#bodyLeft -= size;
    if (this.#bodyLeft === 0) this.#complete();
  }

  chunkEnd(): void {
    if (this.#ackBytes > 0) this.#flushAcks();
    this.#board.setConsumer(this.#id, slot.received, this.#received);
    this.#board.setConsumer(this.#id, slot.lastActivityUs, this.#nowUs);
  }

  #queues(): string[] {
    const names: string[] = [];
    const { queues, consumers } = this.#options;
    for (let index = 0; index < queues; index++) {
      const mine = queues === 1 || index % consumers === this.#id % queues;
      if (mine) names.push(queueName(this.#options, index));
    }
    return names;
  }

  #readStamp(view: DataView, at: number): void {
    const latencyUs = this.#nowUs - view.getFloat64(at);
    if (this.#measuring) this.#latency.add(latencyUs);
    if (latencyUs < -earlyUsMax) this.#early++;
    if (this.#order) this.#order.take(view.getUint32(at + 8), view.getUint32(at + 12));
  }

  #complete(): void {
    this.#received++;
    if (this.#ackEvery > 0 && ++this.#unacked >= this.#ackEvery) this.#appendAck(this.#ackEvery > 1);
  }

  #appendAck(multiple: boolean): void {
    if (this.#ackBytes === this.#acks.length) this.#flushAcks();
    const frame = this.#acks;
    let at = this.#ackBytes;
    at = frame.writeUInt8(1, at);
    at = frame.writeUInt16BE(channelNumber, at);
    at = frame.writeUInt32BE(ackFrameBytes - 8, at);
    at = frame.writeUInt32BE(methods.basicAck, at);
    at = frame.writeUInt32BE(this.#tagHigh, at);
    at = frame.writeUInt32BE(this.#tagLow, at);
    at = frame.writeUInt8(multiple ? 1 : 0, at);
    this.#ackBytes = frame.writeUInt8(0xce, at);
    this.#unacked = 0;
  }

  #flushAcks(): void {
    // A copy, since the socket may keep what it could not write at once.
    const frames = Buffer.allocUnsafe(this.#ackBytes);
    this.#acks.copy(frames, 0, 0, this.#ackBytes);
    this.#connection.socket.write(frames);
    this.#ackBytes = 0;
  }
}

/** Order shows only where one consumer sees all of one queue, and messages wait for equally long. */
function keepsOrder({ consumers, queues, bodySizeBytes, delay }: LoadOptions): boolean {
  const waitEqually = delay === null || delay.leastMs === delay.mostMs;
  return consumers === 1 && queues === 1 && bodySizeBytes >= bodyStampBytes && waitEqually;
}
