/**
 * When a connection has been read enough for one turn: others are read too, and what came in goes out first. Without this, libuv
 * reads a busy socket 32 times before anything goes out, and queues grow for no reason.
 */
import type { Turn } from './turn.ts';

/** Octets that one connection, and all of them, may read in one turn; a connection may always read once. */
const SHARE_BYTES = 256 * 1024;
const TURN_BYTES = 384 * 1024;

export class Reading {
  readonly #turn: Turn;
  #readThisTurn = 0;

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  /** So many octets came in. @returns whether it may read more in this turn */
  count(size: number): boolean {
    const turn = this.#turn;
    turn.readBytes += size;
    this.#readThisTurn += size;
    return this.#readThisTurn < SHARE_BYTES && turn.readBytes < TURN_BYTES;
  }

  nextTurn(): void {
    this.#readThisTurn = 0;
  }
}
