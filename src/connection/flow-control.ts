/**
 * Stopping and going on. A channel that waits holds its frames, in order, and the others go on: so acks are taken while publishes
 * are not, on one connection too.
 *
 *   nothing --asked for something--> operation --it is done--> nothing
 *      '--a publish that may not be taken now--> publishing --it may be--> nothing
 *
 * What a connection may hold is bounded; then, and at once where it does nothing but publish, its socket is not read.
 */
import { FRAME_HEADER_SIZE, FRAME_OVERHEAD_SIZE } from '../protocol/constants.ts';
import type { Channel } from './channel.ts';
import type { ConnectionContext } from './context.ts';
import { HeldFrames } from './held-frames.ts';

/** The connection whose flow it is. */
export interface Flowing {
  readonly context: ConnectionContext;
  readonly channels: ReadonlyMap<number, Channel>;
  /** True while nothing at all may be taken. */
  readonly suspended: boolean;
  readonly running: boolean;
  /** Once the connection is closing, it is read whatever holds it. */
  readonly closing: boolean;
  /** Whether it has published ever. */
  readonly publishes: boolean;
  /** Takes a frame that was held; what goes wrong is told to the peer. */
  takeHeldFrame(bytes: Buffer, type: number, channel: number, from: number, to: number): void;
  setReading(reads: boolean): void;
  /** A publish of it has met an alarm (with its reason), or the alarm has gone (null). */
  tellBlocked(reason: string | null): void;
  nextTurn(): void;
}

export class FlowControl {
  readonly #connection: Flowing;
  /** Frames of channels that wait. */
  readonly #held = new HeldFrames();
  /** The channel whose held frames are being taken; 0 while none are. */
  #taken = 0;
  /** True while a publish may not be taken in: throttled, or an alarm. */
  publishingStopped = false;
  /** True while too much waits to be written, by anybody. */
  throttled = false;
  /** True once a publish of it has met an alarm, until there is none. */
  blocked = false;
  /** Whether the socket is read. */
  reads = true;

  constructor(connection: Flowing) {
    this.#connection = connection;
  }

  get holdsFrames(): boolean {
    return this.#held.size > 0;
  }

  /** A publish came that may not be taken now: its channel waits, with it as the first of its frames. */
  stopPublisher(channel: Channel, bytes: Buffer, from: number, to: number): void {
    channel.waitsFor = 'publishing';
    this.hold(channel.number, bytes, from, to);
    this.#block();
  }

  /** A frame of a channel that waits. @param from of its payload */
  hold(number: number, bytes: Buffer, from: number, to: number): void {
    this.#held.add(number, bytes, from - FRAME_HEADER_SIZE, to + 1);
  }

  /** Whether nothing of a channel is held before the frame that is being taken. */
  isFirst(number: number): boolean {
    return this.#taken === number || this.#held.of(number) === undefined;
  }

  /** Takes what is held for all channels, each until it waits again. */
  takeAll(): void {
    for (const number of this.#held.channels) this.take(number);
  }

  /** Takes the frames that were held for a channel, until it waits again. */
  take(number: number): void {
    const line = this.#held.of(number);
    if (line === undefined) return;
    const before = this.#taken;
    this.#taken = number;
    while (line.start < line.end && !this.#connection.suspended && !this.#waits(number)) {
      const { bytes, start } = line;
      const size = bytes.readUInt32BE(start + 3);
      const from = start + FRAME_HEADER_SIZE;
      this.#held.shift(line, size + FRAME_OVERHEAD_SIZE);
      this.#connection.takeHeldFrame(bytes, bytes[start], number, from, from + size);
      // It was put back.
      if (line.start === start) break;
    }
    this.#taken = before;
    if (line.start === line.end) this.#held.drop(number);
  }

  #waits(number: number): boolean {
    const channel = this.#connection.channels.get(number);
    return channel !== undefined && channel.waitsFor !== 'nothing' && channel.pipeline.isEmpty;
  }

  /** Nothing that is held is wanted any more. */
  drop(): void {
    for (const number of this.#held.channels) this.#held.drop(number);
  }

  /** Too much waits to be written: no more publishes until there is relief. */
  throttle(): void {
    this.throttled = true;
    this.#updatePublishing();
  }

  /** Publishers may go on, if nothing else holds them. */
  relieve(): void {
    if (!this.throttled) return;
    this.throttled = false;
    this.#updatePublishing();
  }

  #updatePublishing(): void {
    const { context } = this.#connection;
    this.publishingStopped = this.throttled || context.alarm() !== null;
    // Not here and now: the store tells of relief in the midst of its work.
    if (!this.publishingStopped && this.holdsFrames) context.turn.awaitNext(this.#connection);
    this.updateReading();
  }

  /** Takes the publishes that waited, if they still may be. */
  takeStopped(): void {
    if (this.publishingStopped) return;
    this.#connection.context.turn.begin();
    for (const number of this.#held.channels) {
      const channel = this.#connection.channels.get(number);
      if (channel?.waitsFor !== 'publishing') continue;
      channel.waitsFor = 'nothing';
      this.take(number);
    }
    this.updateReading();
  }

  /**
   * An alarm was raised or has gone. A connection is told when a publish of it meets the alarm, as in RabbitMQ, and not before:
   * clients that only consume may take `connection.blocked` for a reason to give up.
   * @param unwritten whether what it has published already may be what cannot be written
   */
  tellAlarm(unwritten: boolean): void {
    const { context, running, publishes } = this.#connection;
    if (!running) return;
    if (context.alarm() === null) this.#unblock();
    else if (this.throttled || this.#holdsPublish() || (unwritten && publishes)) this.#block();
    this.#updatePublishing();
  }

  #holdsPublish(): boolean {
    return this.#held.channels.some((number) => this.#connection.channels.get(number)?.waitsFor === 'publishing');
  }

  #block(): void {
    const reason = this.#connection.context.alarm();
    if (reason === null || this.blocked) return;
    this.blocked = true;
    this.#connection.tellBlocked(reason);
  }

  #unblock(): void {
    if (!this.blocked) return;
    this.blocked = false;
    this.#connection.tellBlocked(null);
  }

  updateReading(): void {
    const reads = this.#mayRead();
    if (reads === this.reads) return;
    this.reads = reads;
    this.#connection.setReading(reads);
  }

  #mayRead(): boolean {
    const { suspended, closing, context } = this.#connection;
    if (closing) return true;
    if (suspended || this.#held.size > context.limits.maxBlockedBytes) return false;
    const stops = this.throttled || (this.publishingStopped && this.holdsFrames);
    return !stops || this.#consumes();
  }

  /** Whether there is something to be acknowledged or taken by it, now or soon. */
  #consumes(): boolean {
    for (const { consumers, unacked, replyName } of this.#connection.channels.values()) {
      if (consumers.size > 0 || unacked.count > 0 || replyName !== null) return true;
    }
    return false;
  }
}
