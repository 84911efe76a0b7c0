/** A node under maintenance: it accepts no clients, and those that it has are sent away; until it is revived, or stops. */
import { connectionForced } from '../protocol/errors.ts';
import type { Connections } from './connections.ts';
import type { Listeners } from './listeners.ts';

export class Maintenance {
  readonly #connections: Connections;
  /** Null while nobody can connect anyway. */
  readonly #listeners: () => Listeners | null;
  #isDrained = false;

  constructor(connections: Connections, listeners: () => Listeners | null) {
    this.#connections = connections;
    this.#listeners = listeners;
  }

  get isDrained(): boolean {
    return this.#isDrained;
  }

  /** Accepts nobody until `resume`; whoever is connected stays. */
  suspend(): void {
    this.#listeners()?.suspend();
  }

  /** @throws Error when somebody else has a port meanwhile */
  async resume(): Promise<void> {
    await this.#listeners()?.resume();
  }

  drain(): void {
    this.#isDrained = true;
    this.suspend();
    this.#connections.close(connectionForced('Node was put into maintenance mode'));
  }

  /** @throws Error when somebody else has a port meanwhile */
  async revive(): Promise<void> {
    this.#isDrained = false;
    await this.resume();
  }

  /** The node stops: the next start is not under maintenance. */
  end(): void {
    this.#isDrained = false;
  }
}
