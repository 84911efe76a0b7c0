/** How long a connection may take: for its handshake, to answer a close, to read what it is sent, and between signs of life. */
import type { Limits } from '../config/limits.ts';
import type { Heartbeats } from './heartbeats.ts';
import type { SendBacklog } from './send-backlog.ts';

/** How long a peer may take to answer connection.close before the socket is closed on it. */
const CLOSE_TIMEOUT_MS = 5_000;

export class TimeLimits {
  readonly #limits: Limits;
  readonly #heartbeats: Heartbeats;
  readonly #backlog: SendBacklog;
  #stateSinceMs: number;

  /** @param nowMs monotonic, as everywhere here */
  constructor(limits: Limits, heartbeats: Heartbeats, backlog: SendBacklog, nowMs: number) {
    this.#limits = limits;
    this.#heartbeats = heartbeats;
    this.#backlog = backlog;
    this.#stateSinceMs = nowMs;
  }

  /** The connection has another state since now. */
  stateChanged(nowMs: number): void {
    this.#stateSinceMs = nowMs;
  }

  /** Nobody could be heard for so long. */
  addUnheard(ms: number): void {
    this.#heartbeats.addUnheard(ms);
    this.#stateSinceMs += ms;
  }

  /** @param isRead whether its socket is read. @returns what has taken too long, or null */
  exceeded(state: 'handshake' | 'running' | 'closing' | 'closed', isRead: boolean, nowMs: number): string | null {
    const { handshakeTimeoutMs, sendTimeoutMs } = this.#limits;
    const inStateMs = nowMs - this.#stateSinceMs;
    if (state === 'handshake') return inStateMs > handshakeTimeoutMs ? 'the handshake took too long' : null;
    if (state === 'closing') return inStateMs > CLOSE_TIMEOUT_MS ? 'close was not answered' : null;
    if (this.#backlog.isStalled(nowMs)) return `it took nothing of what it was sent for ${sendTimeoutMs} ms`;
    // A connection that is not being read cannot be heard.
    if (!isRead) this.#heartbeats.received(nowMs);
    if (!this.#heartbeats.isSilent(nowMs)) return null;
    return `missed heartbeats from client, timeout: ${this.#heartbeats.intervalMs / 1000}s`;
  }
}
