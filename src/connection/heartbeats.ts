/** When the peer is to be sent a heartbeat, and when it has been silent for too long (4.2.7 of the specification). */

/** Somebody has to ask at least this often: half of the shortest heartbeat interval. */
export const LONGEST_TICK_MS = 500;

export class Heartbeats {
  /** As it was agreed on; 0 is none. */
  intervalMs = 0;
  #receivedAtMs: number;
  #sentAtMs: number;

  /** @param nowMs monotonic, as everywhere here */
  constructor(nowMs: number) {
    this.#receivedAtMs = nowMs;
    this.#sentAtMs = nowMs;
  }

  /** Anything at all counts. */
  received(nowMs: number): void {
    this.#receivedAtMs = nowMs;
  }

  sent(nowMs: number): void {
    this.#sentAtMs = nowMs;
  }

  /** Nobody could be heard for so long: the process had no time to listen. */
  addUnheard(ms: number): void {
    this.#receivedAtMs += ms;
  }

  /** Half an interval, as RabbitMQ: some clients give up after one. Not much later for a tick that comes a little early. */
  isDue(nowMs: number): boolean {
    return this.intervalMs > 0 && nowMs - this.#sentAtMs >= (this.intervalMs - LONGEST_TICK_MS) / 2;
  }

  isSilent(nowMs: number): boolean {
    return this.intervalMs > 0 && nowMs - this.#receivedAtMs > 2 * this.intervalMs;
  }
}
