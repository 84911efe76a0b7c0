/** Takes in connections for a server that speaks HTTP, with TLS or without: how many, how long they may be silent, their end. */
import type { EventEmitter } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { TlsCertificates } from '../connection/tls-certificates.ts';
import type { TlsHandshakes } from '../connection/tls-handshakes.ts';

/** Connections of callers at a time; one more is closed at once. */
const CONNECTIONS_MAX = 1000;

/** Gives a `node:http` server, which listens nowhere: sockets are handed to it as its event `connection`. */
export type HttpServerLoader = () => Promise<EventEmitter>;

const IDLE_TIMEOUT_MS = 60_000;

export interface AcceptorLimits {
  /** A caller who says nothing for so long is cut off. Default: a minute. */
  readonly idleTimeoutMs?: number;
  readonly tlsHandshakeTimeoutMs: number;
}

export class Acceptor {
  readonly server: Server;
  readonly #load: HttpServerLoader;
  readonly #limits: AcceptorLimits;
  readonly #handshakes: TlsHandshakes | null;
  readonly #sockets = new Set<Socket>();
  #http: Promise<EventEmitter> | null = null;

  /** @param load called when the first caller comes */
  constructor(load: HttpServerLoader, limits: AcceptorLimits, certificates: TlsCertificates | null = null) {
    this.#load = load;
    this.#limits = limits;
    const serve = (socket: Socket) => this.#serve(socket);
    this.#handshakes = certificates?.handshakes(limits.tlsHandshakeTimeoutMs, serve) ?? null;
    const handshakes = this.#handshakes;
    this.server =
      handshakes === null
        ? createServer({ pauseOnConnect: true, noDelay: true }, serve)
        : createServer({ noDelay: true }, (socket) => handshakes.begin(socket));
    this.server.maxConnections = CONNECTIONS_MAX;
  }

  async #serve(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {}); // 'close' follows, and says all there is to say
    socket.setTimeout(this.#limits.idleTimeoutMs ?? IDLE_TIMEOUT_MS, () => socket.destroy());
    this.#http ??= this.#load();
    const http = await this.#http;
    http.emit('connection', socket);
    socket.resume();
  }

  /** Also before it listens. */
  close(): Promise<void> {
    return new Promise((done) => {
      this.server.close(() => done());
      this.#handshakes?.destroy();
      for (const socket of this.#sockets) socket.destroy();
    });
  }
}
