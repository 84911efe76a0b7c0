/**
 * From octets to whole frames, parsed in place in the buffer that the socket was read into; only a frame that is cut by the end
 * of what was read is copied, and completed with just what it lacks.
 *
 * Invariant: what is held begins with the first frame that was not taken yet. A fault in a frame is thrown by whoever finds it
 * and told to the sink, and reading goes on behind that frame, or at the end where its length cannot be trusted.
 */
import { FRAME_END, FRAME_HEADER_SIZE, FRAME_OVERHEAD_SIZE } from '../protocol/constants.ts';
import { unreadableFrame } from '../protocol/errors.ts';

/** What frames are read for: a connection. */
export interface FrameSink {
  /** True until the eight octets that come before any frame have been taken. */
  readonly awaitsHeader: boolean;
  /** Octets of a payload; a frame that announces more is refused as soon as its head is there. */
  readonly largestPayload: number;
  /** True while nothing may be taken: what comes in is held. May change with every frame. */
  readonly suspended: boolean;
  /** @returns false when nothing that follows is to be read. */
  takeHeader(bytes: Buffer, at: number): boolean;
  /** A whole frame, its payload from `from` to `to`. What it throws is given to `fail`. */
  takeFrame(bytes: Buffer, type: number, channel: number, from: number, to: number): void;
  /** @returns false when nothing that follows is to be read. */
  fail(error: unknown): boolean;
}

const HEADER_SIZE = 8;
const FIRST_HELD = 64;
/** A larger buffer for cut frames is given up once it is empty. */
const KEPT_HELD = 256 * 1024;
const NO_BYTES = Buffer.alloc(0);

export class FrameReader {
  readonly #sink: FrameSink;
  /** Octets that were read and not yet taken: a frame cut by the end of a read, or all that came while suspended. */
  #held: Buffer = NO_BYTES;
  #heldSize = 0;
  /** Where the next frame begins in what is being parsed. */
  #cursor = 0;
  #ended = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Takes what was read, octets 0 to `end`; they may be overwritten as soon as this returns. */
  feed(bytes: Buffer, end: number): void {
    let at = 0;
    if (this.#sink.suspended) return this.#hold(bytes, at, end);
    if (this.#heldSize > 0) at = this.#completeHeld(bytes, end);
    if (at === end) return;
    at = this.#parse(bytes, at, end);
    if (at < end) this.#hold(bytes, at, end);
  }

  /** The sink was suspended and is not any more. */
  readOn(): void {
    if (this.#heldSize > 0 && !this.#sink.suspended) this.#parseHeld();
  }

  /** Nothing is to be read any more. */
  end(): void {
    this.#ended = true;
    this.#held = NO_BYTES;
    this.#heldSize = 0;
  }

  /** Adds to what is held just what its first frame lacks, and parses that. @returns how much of `bytes` is used up. */
  #completeHeld(bytes: Buffer, end: number): number {
    let at = 0;
    while (at < end && this.#heldSize > 0 && !this.#sink.suspended) {
      const wanted = this.#heldSize < FRAME_HEADER_SIZE ? FRAME_HEADER_SIZE : this.#frameSize(this.#held, 0);
      const count = Math.min(end - at, wanted - this.#heldSize);
      this.#hold(bytes, at, at + count);
      at += count;
      if (this.#heldSize < FRAME_HEADER_SIZE) break;
      // A faulty frame head is complete as it is: parsing it finds the fault.
      if (this.#heldSize < this.#frameSize(this.#held, 0)) continue;
      this.#parseHeld();
    }
    return at;
  }

  #parseHeld(): void {
    const held = this.#held;
    const size = this.#heldSize;
    this.#heldSize = 0;
    const used = this.#parse(held, 0, size);
    if (used < size) this.#hold(held, used, size);
    else if (held.length > KEPT_HELD) this.#held = NO_BYTES;
  }

  /** Octets of the frame whose head is at `at`, or of the head alone when it is one that will be refused. */
  #frameSize(bytes: Buffer, at: number): number {
    if (this.#sink.awaitsHeader) return HEADER_SIZE;
    const size = bytes.readUInt32BE(at + 3);
    return size > this.#sink.largestPayload ? FRAME_HEADER_SIZE : size + FRAME_OVERHEAD_SIZE;
  }

  #hold(bytes: Buffer, from: number, to: number): void {
    if (this.#ended) return;
    const size = this.#heldSize + to - from;
    if (size > this.#held.length || bytes === this.#held) {
      const expected = to - from >= FRAME_HEADER_SIZE ? this.#frameSize(bytes, from) : FIRST_HELD;
      const grown = Buffer.allocUnsafe(Math.max(size, 2 * this.#heldSize, expected));
      this.#held.copy(grown, 0, 0, this.#heldSize);
      this.#held = grown;
    }
    bytes.copy(this.#held, this.#heldSize, from, to);
    this.#heldSize = size;
  }

  /** Parses whole frames. @returns where the first one that is not whole begins, or what is left unparsed. */
  #parse(bytes: Buffer, start: number, end: number): number {
    this.#cursor = start;
    for (;;) {
      try {
        this.#takeFrames(bytes, end);
        return this.#ended ? end : this.#cursor;
      } catch (error) {
        if (!this.#sink.fail(error)) return end;
      }
    }
  }

  #takeFrames(bytes: Buffer, end: number): void {
    const sink = this.#sink;
    if (sink.awaitsHeader && !this.#takeHeader(bytes, end)) return;
    while (end - this.#cursor >= FRAME_HEADER_SIZE && !sink.suspended) {
      const at = this.#cursor;
      const from = at + FRAME_HEADER_SIZE;
      const size = ((bytes[at + 3] << 24) | (bytes[at + 4] << 16) | (bytes[at + 5] << 8) | bytes[at + 6]) >>> 0;
      if (size > sink.largestPayload)
        this.#refuse(bytes, at, end, from, `{frame_too_large,${size},${sink.largestPayload - 8}}`);
      const to = from + size;
      if (to >= end) break;
      if (bytes[to] !== FRAME_END) this.#refuse(bytes, at, end, to, `{invalid_frame_end_marker,${bytes[to]}}`);
      this.#cursor = to + 1;
      sink.takeFrame(bytes, bytes[at], (bytes[at + 1] << 8) | bytes[at + 2], from, to);
    }
  }

  /** @returns whether frames may follow. */
  #takeHeader(bytes: Buffer, end: number): boolean {
    const at = this.#cursor;
    if (end - at < HEADER_SIZE) return false;
    this.#cursor = at + HEADER_SIZE;
    if (this.#sink.takeHeader(bytes, at)) return true;
    this.#cursor = end;
    return false;
  }

  /** Where the next frame begins is not known any more. */
  #refuse(bytes: Buffer, at: number, end: number, to: number, reason: string): never {
    this.#cursor = end;
    throw unreadableFrame(bytes[at], bytes, at + FRAME_HEADER_SIZE, to, reason);
  }
}
