/**
 * Messages that are ready to be written: publish method, content header and body frames, one after the other in one buffer. A
 * publisher stamps a run of them and writes it as one slice; when the slice has gone the same bytes are stamped anew.
 */

import { bodyStampBytes } from './frame-scanner.ts';
import { FrameWriter, frameTypeBody, frameTypeHeader } from './frame-writer.ts';
import { channelNumber } from './load-connection.ts';
import { exchangeName, isDelayedBy, type LoadOptions, routingKey } from './load-options.ts';
import { type DelayRange, delayMsOf } from './message-delay.ts';

const frameOverheadBytes = 8;
const deliveryModeFlag = 0x1000;
const headersFlag = 0x2000;
/** A header of 64 bits whatever its value, so that it can be written anew in its place. */
const delayHeader = { 'x-delay': 2 ** 40 };
const delayValueAt = 4 + 1 + 'x-delay'.length + 1;

/** Where in a message its delay and its stamp stand, from its begin on. */
interface MessageOffsets {
  readonly delay: number;
  readonly body: number;
}

export class MessageRing {
  readonly bytes: Buffer<ArrayBuffer>;
  readonly length: number;
  readonly #view: DataView;
  readonly #begins: Uint32Array;
  readonly #stamps: Uint32Array;
  readonly #stamped: boolean;
  readonly #delay: DelayRange | null;
  /** Where the values of the delays stand; empty where messages have none. */
  readonly #delays: Uint32Array;

  /** Round the queues from `firstQueue` on, at least `minBytes` in all. */
  constructor(options: LoadOptions, firstQueue: number, frameSizeMax: number, minBytes: number) {
    const writer = new FrameWriter();
    const begins: number[] = [];
    const stamps: number[] = [];
    const delays: number[] = [];
    do {
      for (let index = 0; index < options.queues; index++) {
        const begin = writer.size;
        const offsets = writeMessage(writer, options, (firstQueue + index) % options.queues, frameSizeMax);
        begins.push(begin);
        stamps.push(begin + offsets.body);
        delays.push(begin + offsets.delay);
      }
    } while (writer.size < minBytes);
    begins.push(writer.size);
    this.bytes = writer.take();
    this.length = stamps.length;
    this.#view = new DataView(this.bytes.buffer);
    this.#begins = Uint32Array.from(begins);
    this.#stamps = Uint32Array.from(stamps);
    this.#stamped = options.bodySizeBytes >= bodyStampBytes;
    this.#delay = options.delay;
    this.#delays = Uint32Array.from(isDelayedBy(options, 'exchange') ? delays : []);
  }

  /** Where message `index` begins; of `length`, where the last one ends. */
  begin(index: number): number {
    return this.#begins[index]!;
  }

  /**
   * Writes publisher, sequence number and the time from which latency counts into the body of message `index`, where it has room:
   * when it was sent, or when it is due. Where it has a header for its delay, this is written, too.
   */
  stamp(index: number, sendTimeUs: number, publisher: number, sequence: number): void {
    const delayMs = this.#delay === null ? 0 : delayMsOf(this.#delay, publisher, sequence);
    if (this.#delays.length > 0) this.#writeDelay(this.#delays[index]!, delayMs);
    if (!this.#stamped) return;
    const at = this.#stamps[index]!;
    this.#view.setFloat64(at, sendTimeUs + delayMs * 1e3);
    this.#view.setUint32(at + 8, publisher);
    this.#view.setUint32(at + 12, sequence);
  }

  #writeDelay(at: number, delayMs: number): void {
    this.#view.setUint32(at, delayMs / 0x1_0000_0000);
    this.#view.setUint32(at + 4, delayMs);
  }
}

function writeMessage(writer: FrameWriter, options: LoadOptions, queue: number, frameSizeMax: number): MessageOffsets {
  const begin = writer.size;
  const mode = options.persistent ? 2 : 1;
  writer.beginMethod(channelNumber, 60, 40).uint16(0);
  writer.shortString(exchangeName(options)).shortString(routingKey(options, queue)).uint8(0).endFrame();
  writer.beginFrame(frameTypeHeader, channelNumber).uint16(60).uint16(0).uint64(options.bodySizeBytes);
  const hasDelay = isDelayedBy(options, 'exchange');
  writer.uint16(hasDelay ? deliveryModeFlag | headersFlag : deliveryModeFlag);
  const delay = writer.size + delayValueAt - begin;
  if (hasDelay) writer.table(delayHeader);
  writer.uint8(mode).endFrame();
  const body = writer.size + 7 - begin;
  let left = options.bodySizeBytes;
  while (left > 0) {
    const size = Math.min(left, frameSizeMax - frameOverheadBytes);
    writer.beginFrame(frameTypeBody, channelNumber).fill(0x78, size).endFrame();
    left -= size;
  }
  return { delay, body };
}
