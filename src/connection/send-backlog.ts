/**
 * What a peer has been sent and has not read: a slow reader stops its own consumers, and if it goes on asking, its requests;
 * one that takes nothing at all for `sendTimeoutMs` is to be cut off. Nobody else waits for it, and memory stays bounded.
 */
import type { Socket } from 'node:net';
import type { Limits } from '../config/limits.ts';
import type { Clock } from '../runtime/clock.ts';

export class SendBacklog {
  /** True from more than `maxSendBufferBytes` waiting until all of it has gone. */
  blocked = false;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #limits: Limits;
  /** Below the socket's own mark, nothing would tell that it has drained. */
  readonly #maxBytes: number;
  #answerBytes = 0;
  #lastTakenMs = 0;
  #taken = 0;

  constructor(socket: Socket, clock: Clock, limits: Limits) {
    this.#socket = socket;
    this.#clock = clock;
    this.#limits = limits;
    this.#maxBytes = Math.max(limits.maxSendBufferBytes, socket.writableHighWaterMark);
  }

  /** @returns whether more waits than may: the peer gets no more deliveries. */
  check(): boolean {
    if (this.#socket.writableLength <= this.#maxBytes) return false;
    if (this.blocked) return true;
    this.blocked = true;
    this.#lastTakenMs = this.#clock.monotonicMs();
    this.#taken = takenOctets(this.#socket);
    return true;
  }

  /** Octets of answers were written: what a peer asks for is its own doing, unlike deliveries. */
  addAnswers(size: number): void {
    this.#answerBytes = Math.min(this.#answerBytes, this.#socket.writableLength) + size;
  }

  /** Whether the peer asks and does not read. @param more octets of answers that were not added yet */
  tooManyAnswers(more: number): boolean {
    return this.blocked && this.#answerBytes + more > this.#maxBytes;
  }

  /** The socket has given everything to the kernel. */
  drained(): void {
    this.blocked = false;
    this.#answerBytes = 0;
  }

  /** Whether the peer is blocked and has taken nothing for too long. To be asked now and then. */
  isStalled(nowMs: number): boolean {
    if (!this.blocked) return false;
    const taken = takenOctets(this.#socket);
    if (taken !== this.#taken) {
      this.#taken = taken;
      this.#lastTakenMs = nowMs;
    }
    return nowMs - this.#lastTakenMs > this.#limits.sendTimeoutMs;
  }
}

interface Handle {
  readonly bytesWritten?: number;
  readonly writeQueueSize?: number;
  /** With TLS, what is encrypted goes into this one; the upper one counts a write when all of it is done. */
  readonly _parent?: Handle;
}

interface WithHandle {
  readonly _handle?: Handle | null;
}

/**
 * Octets that have gone to the kernel, which takes more only as the peer reads. A write of many chunks is reported when all of
 * it has gone, so a slow reader's progress is asked of the handle, as the runtime's own socket timeout does; without one
 * (another runtime) whole writes count.
 */
function takenOctets(socket: Socket): number {
  const handle = (socket as WithHandle)._handle;
  const { bytesWritten, writeQueueSize } = handle?._parent ?? handle ?? {};
  if (bytesWritten !== undefined && writeQueueSize !== undefined) return bytesWritten - writeQueueSize;
  return socket.bytesWritten - socket.writableLength;
}
