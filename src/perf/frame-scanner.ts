/**
 * Frames out of what a socket brings, in place: a sink gets the view, the offset and the size of each payload and must be done
 * with it when it returns. A frame that is cut by the end of a chunk is put in front of the next chunk, into room that the read
 * buffer keeps there, so that it lies in one piece without the chunk being moved. A body frame is never kept: the sink needs its
 * first bytes only, and the rest is skipped as it comes.
 *
 *   read buffer   | headroom ...... cut frame | chunk ........................ | cut frame |
 *                                             ^ the socket reads to here       `-> kept, and next time before the chunk
 */

import { frameEnd, frameTypeBody, frameTypeHeader, frameTypeMethod } from './frame-writer.ts';

/** The first bytes of a body frame's payload that a sink may look at: send time, publisher and sequence number. */
export const bodyStampBytes = 16;

const frameHeaderBytes = 7;
const headroomBytes = 65_536;
const chunkBytes = 65_536;

export interface FrameSink {
  /** A chunk came in; its frames follow. */
  chunkBegin(): void;
  /** All frames of the chunk were handed out. */
  chunkEnd(): void;
  /** A method frame; class and method number stand at `at`. */
  method(view: DataView, at: number, size: number): void;
  /** A content header frame. */
  header(view: DataView, at: number, size: number): void;
  /** A body frame of `size` bytes, of which the first `bodyStampBytes` (or all, if fewer) are there. */
  body(view: DataView, at: number, size: number): void;
}

/** What sockets read into. Sockets of one thread may share one: a chunk is taken apart before the next one is read. */
export class ReadBuffer {
  readonly bytes = Buffer.allocUnsafeSlow(headroomBytes + chunkBytes);
  readonly view = new DataView(this.bytes.buffer);
  /** The part that a socket fills. */
  readonly chunk = this.bytes.subarray(headroomBytes);
}

export class FrameScanner {
  sink: FrameSink;
  readonly #buffer: ReadBuffer;
  #carry = Buffer.allocUnsafeSlow(256);
  #carried = 0;
  #skip = 0;

  constructor(sink: FrameSink, buffer: ReadBuffer) {
    this.sink = sink;
    this.#buffer = buffer;
  }

  /** Takes `size` new bytes of the read buffer's chunk apart. @throws Error on a frame that does not end where it says. */
  scan(size: number): void {
    const end = headroomBytes + size;
    let at = headroomBytes;
    this.sink.chunkBegin();
    if (this.#skip > 0) at = this.#skipBody(at, end);
    if (this.#carried > 0) at = this.#uncarry(at);
    at = this.#scanFrames(at, end);
    if (at < end) this.#keep(at, end);
    this.sink.chunkEnd();
  }

  #scanFrames(from: number, end: number): number {
    const view = this.#buffer.view;
    let at = from;
    while (at + frameHeaderBytes < end) {
      const type = view.getUint8(at);
      const size = view.getUint32(at + 3);
      const payloadAt = at + frameHeaderBytes;
      const next = payloadAt + size + 1;
      if (next > end) {
        if (type !== frameTypeBody || end - payloadAt < Math.min(size, bodyStampBytes)) return at;
        this.sink.body(view, payloadAt, size);
        this.#skip = next - end;
        return end;
      }
      if (view.getUint8(next - 1) !== frameEnd) throw new Error('the broker sent a frame with a wrong end');
      if (type === frameTypeMethod) this.sink.method(view, payloadAt, size);
      else if (type === frameTypeHeader) this.sink.header(view, payloadAt, size);
      else if (type === frameTypeBody) this.sink.body(view, payloadAt, size);
      at = next;
    }
    return at;
  }

  #skipBody(from: number, end: number): number {
    const at = Math.min(from + this.#skip, end);
    this.#skip -= at - from;
    if (this.#skip === 0 && this.#buffer.view.getUint8(at - 1) !== frameEnd) {
      throw new Error('the broker sent a body frame with a wrong end');
    }
    return at;
  }

  /** Puts the cut frame's begin in front of the chunk that has its rest. */
  #uncarry(at: number): number {
    const begin = at - this.#carried;
    this.#carry.copy(this.#buffer.bytes, begin, 0, this.#carried);
    this.#carried = 0;
    return begin;
  }

  #keep(at: number, end: number): void {
    this.#carried = end - at;
    if (this.#carried > headroomBytes) throw new Error('the broker sent a method frame that is out of all proportion');
    if (this.#carried > this.#carry.length) this.#carry = Buffer.allocUnsafeSlow(this.#carried * 2);
    this.#buffer.bytes.copy(this.#carry, 0, at, end);
  }
}
