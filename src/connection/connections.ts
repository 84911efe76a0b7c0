/** All connections of a broker: how they come, how many there are of whom, what all of them are told, and how they end. */
import type { Socket } from 'node:net';
import type { TlsPeer } from '../auth/access.ts';
import type { ConnectionCounts } from '../auth/login.ts';
import type { AmqpError } from '../protocol/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import { Connection } from './connection.ts';
import type { ConnectionContext } from './context.ts';
import { SocketReader } from './socket-reader.ts';

/** How long clients may take to answer the close at a stop. */
const STOP_GRACE_MS = 2000;

export class Connections implements Iterable<Connection>, ConnectionCounts {
  readonly #all = new Set<Connection>();
  readonly #reader = new SocketReader();

  [Symbol.iterator](): Iterator<Connection> {
    return this.#all.values();
  }

  /** Takes an accepted socket over. @returns the one that is written to, which closes when the connection does */
  accept(context: ConnectionContext, accepted: Socket, tls: TlsPeer | null): Socket {
    const peer = accepted.remoteAddress ?? '';
    const socket = this.#reader.read(accepted, (bytes, end) => connection.receive(bytes, end));
    const closed = (connection: Connection) => {
      this.#all.delete(connection);
    };
    const connection = new Connection(context, socket, peer, { closed }, tls);
    this.#all.add(connection);
    return socket;
  }

  ofUser(user: string): number {
    return this.#countRunning((connection) => connection.identity.user === user);
  }

  ofVhost(vhost: string): number {
    return this.#countRunning((connection) => connection.vhost?.name === vhost);
  }

  channelsOfUser(user: string): number {
    let count = 0;
    for (const { identity, channels } of this.#all) if (identity.user === user) count += channels.size;
    return count;
  }

  #countRunning(which: (connection: Connection) => boolean): number {
    let count = 0;
    for (const connection of this.#all) if (connection.running && which(connection)) count++;
    return count;
  }

  /** The store has caught up: publishers may go on, if nothing else holds them. */
  relieve(): void {
    for (const connection of this.#all) connection.relieve();
  }

  /** An alarm was raised or has gone. @param unwritten whether what was published already may be what cannot be written */
  tellAlarm(unwritten: boolean): void {
    for (const connection of this.#all) connection.tellAlarm(unwritten);
  }

  close(error: AmqpError): void {
    for (const connection of this.#all) connection.close(error);
  }

  /** Clients are told that the broker stops; those that do not answer in time are cut off. @returns when all are gone */
  async shutDown(clock: Clock): Promise<void> {
    for (const connection of this.#all) connection.shutDown();
    const grace = clock.after(STOP_GRACE_MS, () => {
      for (const connection of this.#all) connection.destroy();
    });
    while (this.#all.size > 0) await new Promise((next) => setTimeout(next, 5));
    grace.cancel();
  }
}
