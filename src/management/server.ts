/** Where the API listens: starts, takes connections, stops. Loaded only by a broker that is asked for the API. */
import { createServer, type Server, type Socket } from 'node:net';
import { listenError } from '../runtime/listen-error.ts';
import type { Cors } from './cors.ts';
import type { BrokerSources, ManagementSources } from './sources.ts';
import { Statistics } from './statistics.ts';

export interface ManagementOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** 0 takes a free one. Default 15672. */
  readonly port?: number;
  /** Origins whose pages may use the API from a browser; `*` is any. Default: none. */
  readonly corsAllowOrigins?: readonly string[];
  readonly corsMaxAgeSeconds?: number;
  /** Lists show what things are, and not what is counted of them; callers may ask for that, too. Default: false. */
  readonly disableStats?: boolean;
  /** And yet how many messages are in each queue. Default: false. */
  readonly enableQueueTotals?: boolean;
}

export interface ManagementServer {
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = 15_672;
/** Connections of callers at a time; one more is closed at once. */
const CONNECTIONS_MAX = 1000;
/** A caller who says nothing for so long is cut off. */
const IDLE_MS_MAX = 60_000;

/** @throws Error that says what to do when the port cannot be had */
export async function startManagement(sources: BrokerSources, options: ManagementOptions): Promise<ManagementServer> {
  const { host = DEFAULT_HOST, corsAllowOrigins: allowOrigins = [], corsMaxAgeSeconds: maxAgeSeconds } = options;
  const cors: Cors = { allowOrigins, ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }) };
  const statistics = new Statistics(sources);
  const stopping = new AbortController();
  const httpListener = { host, port: options.port ?? DEFAULT_PORT };
  const { disableStats = false, enableQueueTotals = false } = options;
  const shown = { statistics, disableStats, enableQueueTotals, httpListener };
  const acceptor = new Acceptor({ ...sources, ...shown, stopping: stopping.signal }, cors);
  try {
    httpListener.port = await acceptor.listen(host, httpListener.port);
  } catch (error) {
    statistics.stop();
    throw error;
  }
  const { port } = httpListener;
  return {
    host,
    port,
    stop: () => {
      statistics.stop();
      stopping.abort();
      return acceptor.close();
    },
  };
}

class Acceptor {
  readonly #sources: ManagementSources;
  readonly #cors: Cors;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #http: Promise<NodeJS.EventEmitter> | null = null;

  constructor(sources: ManagementSources, cors: Cors) {
    this.#sources = sources;
    this.#cors = cors;
    this.#server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** @returns the port */
  listen(host: string, port: number): Promise<number> {
    const server = this.#server;
    return new Promise((ready, refuse) => {
      server.once('error', (error) => refuse(listenError(host, port, error, 'management.tcp.port')));
      server.listen({ host, port }, () => {
        const address = server.address();
        ready(address !== null && typeof address === 'object' ? address.port : port);
      });
    });
  }

  async #accept(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {}); // 'close' follows, and says all there is to say
    socket.setTimeout(IDLE_MS_MAX, () => socket.destroy());
    this.#http ??= import('./http-server.ts').then(({ httpServer }) => httpServer(this.#sources, this.#cors));
    const http = await this.#http;
    http.emit('connection', socket);
    socket.resume();
  }

  close(): Promise<void> {
    return new Promise((done) => {
      this.#server.close(() => done());
      for (const socket of this.#sockets) socket.destroy();
    });
  }
}
