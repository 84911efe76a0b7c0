/**
 * Messages that are ready to be written: publish method, content header and body frames, one after the other in one buffer. A
 * publisher stamps a run of them and writes it as one slice; when the slice has gone the same bytes are stamped anew.
 */

import { bodyStampBytes } from './frame-scanner.ts';
import { FrameWriter, frameTypeBody, frameTypeHeader } from './frame-writer.ts';
import { channelNumber } from './load-connection.ts';
import { exchangeName, type LoadOptions, routingKey } from './load-options.ts';

const frameOverheadBytes = 8;
const deliveryModeFlag = 0x1000;

export class MessageRing {
  readonly bytes: Buffer<ArrayBuffer>;
  readonly length: number;
  readonly #view: DataView;
  readonly #begins: Uint32Array;
  readonly #stamps: Uint32Array;
  readonly #stamped: boolean;

  /** Round the queues from `firstQueue` on, at least `minBytes` in all. */
  constructor(options: LoadOptions, firstQueue: number, frameSizeMax: number, minBytes: number) {
    const writer = new FrameWriter();
    const begins: number[] = [];
    const stamps: number[] = [];
    do {
      for (let index = 0; index < options.queues; index++) {
        begins.push(writer.size);
        stamps.push(writer.size + writeMessage(writer, options, (firstQueue + index) % options.queues, frameSizeMax));
      }
    } while (writer.size < minBytes);
    begins.push(writer.size);
    this.bytes = writer.take();
    this.length = stamps.length;
    this.#view = new DataView(this.bytes.buffer);
    this.#begins = Uint32Array.from(begins);
    this.#stamps = Uint32Array.from(stamps);
    this.#stamped = options.bodySizeBytes >= bodyStampBytes;
  }

  /** Where message `index` begins; of `length`, where the last one ends. */
  begin(index: number): number {
    return this.#begins[index]!;
  }

  /** Writes send time, publisher and sequence number into the body of message `index`, where it has room. */
  stamp(index: number, sendTimeUs: number, publisher: number, sequence: number): void {
    if (!this.#stamped) return;
    const at = this.#stamps[index]!;
    this.#view.setFloat64(at, sendTimeUs);
    this.#view.setUint32(at + 8, publisher);
    this.#view.setUint32(at + 12, sequence);
  }
}

/** Writes one message and returns how far behind its begin the body's first byte lies. */
function writeMessage(writer: FrameWriter, options: LoadOptions, queue: number, frameSizeMax: number): number {
  const begin = writer.size;
  const mode = options.persistent ? 2 : 1;
  writer.beginMethod(channelNumber, 60, 40).uint16(0);
  writer.shortString(exchangeName(options)).shortString(routingKey(options, queue)).uint8(0).endFrame();
  writer.beginFrame(frameTypeHeader, channelNumber).uint16(60).uint16(0).uint64(options.bodySizeBytes);
  writer.uint16(deliveryModeFlag).uint8(mode).endFrame();
  const body = writer.size + 7 - begin;
  let left = options.bodySizeBytes;
  while (left > 0) {
    const size = Math.min(left, frameSizeMax - frameOverheadBytes);
    writer.beginFrame(frameTypeBody, channelNumber).fill(0x78, size).endFrame();
    left -= size;
  }
  return body;
}
