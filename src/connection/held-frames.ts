/**
 * Frames that were read and may not be taken yet, since their channel waits: for the end of what it asked for, or for publishes
 * to be taken in again. They keep their order within a channel; meanwhile the other channels go on.
 */

/** The frames of one channel: whole, one behind the other, from `start` to `end` of `bytes`. */
export interface HeldLine {
  bytes: Buffer;
  start: number;
  end: number;
}

const NO_BYTES = Buffer.alloc(0);
const FIRST_CAPACITY = 1024;

export class HeldFrames {
  readonly #lines = new Map<number, HeldLine>();
  /** Octets of all that is held. */
  size = 0;

  /** Channels of which something is held. */
  get channels(): number[] {
    return [...this.#lines.keys()];
  }

  of(channel: number): HeldLine | undefined {
    return this.#lines.get(channel);
  }

  /** Adds a frame, or puts one back that `shift` has just given. */
  add(channel: number, bytes: Buffer, from: number, to: number): void {
    this.size += to - from;
    let line = this.#lines.get(channel);
    if (line === undefined) {
      line = { bytes: NO_BYTES, start: 0, end: 0 };
      this.#lines.set(channel, line);
    }
    if (bytes === line.bytes && to === line.start) {
      line.start = from;
      return;
    }
    if (line.end + to - from > line.bytes.length) makeRoom(line, to - from);
    bytes.copy(line.bytes, line.end, from, to);
    line.end += to - from;
  }

  /** Takes the first frame of the line out: its octets stay where they are until the next one is added. */
  shift(line: HeldLine, frameSize: number): void {
    line.start += frameSize;
    this.size -= frameSize;
  }

  /** Nothing is left in the channel's line, or what is left is not wanted any more. */
  drop(channel: number): void {
    const line = this.#lines.get(channel);
    if (line === undefined) return;
    this.size -= line.end - line.start;
    line.start = line.end;
    this.#lines.delete(channel);
  }
}

function makeRoom(line: HeldLine, size: number): void {
  const used = line.end - line.start;
  const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_CAPACITY, 2 * (used + size)));
  line.bytes.copy(grown, 0, line.start, line.end);
  line.bytes = grown;
  line.start = 0;
  line.end = used;
}
