/**
 * When a peer is to be sent no more: it has got its share of the turn, or it does not read. And when it is not to be listened to:
 * it asks for more than it reads.
 */
import type { OutBuffer } from './out-buffer.ts';
import type { SendBacklog } from './send-backlog.ts';

/** Octets that a connection is sent in one turn: a long backlog does not keep others waiting. */
const SHARE_BYTES = 512 * 1024;

export interface SendingEvents {
  /** The peer has got its share of this turn. */
  hadShare(): void;
  /** It asks for more than it reads. */
  tooManyAnswers(): void;
}

export class Sending {
  /** True while consumers get nothing more. */
  blocked = false;
  readonly #out: OutBuffer;
  readonly #backlog: SendBacklog;
  readonly #events: SendingEvents;
  #sentThisTurn = 0;
  /** What had been written when the parsing began that goes on now, or -1. */
  #answersFrom = -1;

  constructor(out: OutBuffer, backlog: SendBacklog, events: SendingEvents) {
    this.#out = out;
    this.#backlog = backlog;
    this.#events = events;
  }

  get #hasShare(): boolean {
    return this.#sentThisTurn >= SHARE_BYTES;
  }

  /** A chunk has gone to the socket. */
  chunkSent(size: number): void {
    const hadShare = this.#hasShare;
    this.#sentThisTurn += size;
    if (this.#hasShare && !hadShare) {
      this.#events.hadShare();
      this.blocked = true;
    }
    if (!this.#backlog.check()) return;
    this.blocked = true;
    const answersNow = this.#answersFrom < 0 ? 0 : this.#out.sentBytes - this.#answersFrom;
    if (this.#backlog.tooManyAnswers(answersNow)) this.#events.tooManyAnswers();
  }

  /** What is written from here on is what the peer asked for. @returns for `endAnswers`: false where it is so already */
  beginAnswers(): boolean {
    if (this.#answersFrom >= 0) return false;
    this.#answersFrom = this.#out.sentBytes + this.#out.end;
    return true;
  }

  endAnswers(isOutermost: boolean): void {
    if (!isOutermost) return;
    const answered = this.#out.sentBytes + this.#out.end - this.#answersFrom;
    this.#answersFrom = -1;
    if (answered > 0) this.#backlog.addAnswers(answered);
  }

  /** @returns whether it may be sent more, and could not be until now */
  drained(): boolean {
    this.#backlog.drained();
    return !this.#hasShare && this.#unblocked();
  }

  /** A new turn, a new share. @returns as `drained` does */
  nextTurn(): boolean {
    const hadShare = this.#hasShare;
    this.#sentThisTurn = 0;
    return hadShare && !this.#backlog.blocked && this.#unblocked();
  }

  #unblocked(): boolean {
    const { blocked } = this;
    this.blocked = false;
    return blocked;
  }
}
