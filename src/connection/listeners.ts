/**
 * Where a broker listens: any number of addresses, each with TLS or without. What is accepted is counted here, from the accept to
 * the close, so that handshakes that are never finished stand against the limit on connections, too.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TlsPeer } from '../auth/access.ts';
import type { Limits } from '../config/limits.ts';
import { listenError } from '../runtime/listen-error.ts';
import type { Log } from '../runtime/log.ts';
import type { TlsCertificates } from './tls-certificates.ts';
import type { TlsHandshakes } from './tls-handshakes.ts';

export interface ListenerOptions {
  /** Its part in the name of the setting: `listeners.tcp.NAME`. */
  readonly name: string;
  /** An address of this machine, or the name of one. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly tls: boolean;
}

/** Where to listen, as a program says it. */
export interface ListenerGiven {
  /** 0 takes a free one. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly tls?: boolean;
  readonly name?: string;
}

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = 5672;

/** @throws Error when there is none */
export function listenersOf(given: {
  readonly port?: number;
  readonly host?: string;
  readonly listeners?: readonly ListenerGiven[];
}): ListenerOptions[] {
  const { port = DEFAULT_PORT, host = DEFAULT_HOST, listeners = [{ port, host }] } = given;
  if (listeners.length === 0) throw new Error('there is no listener: nobody could connect');
  return listeners.map(({ port, host = DEFAULT_HOST, tls = false, name = 'default' }) => ({ port, host, tls, name }));
}

/** One that is open. */
export interface Listener {
  readonly name: string;
  readonly protocol: 'amqp' | 'amqps';
  readonly host: string;
  readonly port: number;
}

interface Door {
  readonly server: Server;
  /** With the port that it was given. */
  readonly listener: Listener;
}

/** Takes a socket over. @returns the one that it goes on with, which closes when the connection does */
export type Accepted = (socket: Socket, tls: TlsPeer | null) => Socket;

export class Listeners {
  readonly #limits: Limits;
  readonly #log: Log;
  readonly #accepted: Accepted;
  readonly #handshakes: TlsHandshakes | null;
  readonly #doors: Door[] = [];
  #connectionCount = 0;
  #isClosing = false;
  readonly #gone = (): void => {
    this.#connectionCount--;
  };

  /** @param certificates null where no listener has TLS */
  constructor(limits: Limits, log: Log, certificates: TlsCertificates | null, accepted: Accepted) {
    this.#limits = limits;
    this.#log = log;
    this.#accepted = accepted;
    const secured = (socket: Socket, tls: TlsPeer) => this.#secured(socket, tls);
    this.#handshakes = certificates?.handshakes(limits.tlsHandshakeTimeoutMs, secured) ?? null;
  }

  /** All that were opened, in their order, suspended ones too. */
  get all(): readonly Listener[] {
    return this.#doors.map(({ listener }) => listener);
  }

  /** Those where clients are accepted now. */
  get open(): readonly Listener[] {
    return this.#opened().map(({ listener }) => listener);
  }

  /** @throws Error that says what to do when nobody can listen there */
  async listen({ name, host, port, tls }: ListenerOptions): Promise<void> {
    const server = tls
      ? createServer({ noDelay: true }, (socket) => this.#accept(socket, true))
      : createServer({ noDelay: true, pauseOnConnect: true }, (socket) => this.#accept(socket, false));
    const protocol = tls ? 'amqps' : 'amqp';
    const given = await listenAt(server, { name, protocol, host, port });
    const listener = { name, protocol, host, port: given } as const;
    this.#doors.push({ server, listener });
    this.#tell('started', listener);
  }

  /** Accepts nobody until resume(); whoever is connected stays. */
  suspend(): void {
    for (const { server, listener } of this.#opened()) {
      server.close();
      this.#tell('stopped', listener);
    }
  }

  /** Where it listened before. @throws Error when somebody else has a port meanwhile */
  async resume(): Promise<void> {
    for (const { server, listener } of this.#doors.filter((door) => !door.server.listening)) {
      await listenAt(server, listener);
      this.#tell('started', listener);
    }
  }

  #opened(): Door[] {
    return this.#doors.filter(({ server }) => server.listening);
  }

  /** In RabbitMQ's words. */
  #tell(what: 'started' | 'stopped', { protocol, host, port }: Listener): void {
    this.#log.info('broker', `${what} ${protocol === 'amqps' ? 'TLS (SSL)' : 'TCP'} listener on ${host}:${port}`);
  }

  #accept(socket: Socket, tls: boolean): void {
    if (this.#connectionCount >= this.#limits.maxConnections) {
      this.#log.warning('connection', `refused ${socket.remoteAddress}: ${this.#limits.maxConnections} are open`);
      socket.destroy();
      return;
    }
    this.#connectionCount++;
    if (!tls) {
      this.#accepted(socket, null).once('close', this.#gone);
      return;
    }
    socket.once('close', this.#gone);
    this.#handshakes!.begin(socket);
  }

  #secured(socket: Socket, tls: TlsPeer): void {
    if (this.#isClosing) socket.destroy();
    else this.#accepted(socket, tls);
  }

  /** Accepts nobody from now on. @returns when all that was accepted is gone, too */
  async close(): Promise<void> {
    this.#isClosing = true;
    const listening = this.#opened();
    for (const { listener } of listening) this.#tell('stopped', listener);
    await Promise.all(listening.map(({ server }) => new Promise((closed) => server.close(closed))));
  }

  /** Cuts off those that have not got as far as being accepted. */
  destroyHandshakes(): void {
    this.#handshakes?.destroy();
  }
}

/** @returns the port. @throws Error that says what to do */
function listenAt(server: Server, { name, protocol, host, port }: Listener): Promise<number> {
  const setting = `listeners.${protocol === 'amqps' ? 'ssl' : 'tcp'}.${name}`;
  return new Promise((ready, refuse) => {
    server.once('error', (error) => refuse(listenError(host, port, error, setting)));
    server.listen({ port, host, backlog: 1024 }, () => ready((server.address() as AddressInfo).port));
  });
}
