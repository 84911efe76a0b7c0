/** Where the API listens: starts, takes connections, stops. Loaded only by a broker that is asked for the API. */
import { createServer, type Server, type Socket } from 'node:net';
import { HourlyFile } from '../runtime/hourly-file.ts';
import { listenError } from '../runtime/listen-error.ts';
import { type HttpOptions, pathPrefixOf, type SecurityHeaders } from './http-options.ts';
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
  /** In front of every path. Default: nothing is. */
  readonly pathPrefix?: string;
  /** Sent with every answer. Default: a content security policy alone. */
  readonly headers?: SecurityHeaders;
  /** Where a file an hour is written with a line for every request. Default: nowhere. */
  readonly httpLogDir?: string;
  /** Octets of a request's body. Default 20,000,000. */
  readonly bodyBytesMax?: number;
  /** Whether callers that take gzip are given it. Default: true. */
  readonly compress?: boolean;
  /** A caller who says nothing for so long is cut off. Default: a minute. */
  readonly idleTimeoutMs?: number;
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
const IDLE_TIMEOUT_MS = 60_000;
const BODY_BYTES_MAX = 20_000_000;
const ACCESS_LOG = 'access.log';

/** @throws Error that says what to do when the port cannot be had */
export async function startManagement(sources: BrokerSources, options: ManagementOptions): Promise<ManagementServer> {
  const { host = DEFAULT_HOST, httpLogDir: directory } = options;
  const { clock, log } = sources.context;
  const accessLog = directory === undefined ? null : new HourlyFile({ directory, name: ACCESS_LOG, clock, log });
  const statistics = new Statistics(sources);
  const stopping = new AbortController();
  const httpListener = { host, port: options.port ?? DEFAULT_PORT };
  const { disableStats = false, enableQueueTotals = false } = options;
  const pathPrefix = pathPrefixOf(options.pathPrefix);
  const shown = { statistics, disableStats, enableQueueTotals, pathPrefix, httpListener };
  const acceptor = new Acceptor({ ...sources, ...shown, stopping: stopping.signal }, options, accessLog);
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
    stop: async () => {
      statistics.stop();
      stopping.abort();
      await acceptor.close();
      await accessLog?.close();
    },
  };
}

function httpOptions(options: ManagementOptions): HttpOptions {
  const { corsAllowOrigins: allowOrigins = [], corsMaxAgeSeconds: maxAgeSeconds } = options;
  return {
    cors: { allowOrigins, ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }) },
    pathPrefix: pathPrefixOf(options.pathPrefix),
    headers: options.headers ?? {},
    bodyBytesMax: options.bodyBytesMax ?? BODY_BYTES_MAX,
    compress: options.compress ?? true,
  };
}

class Acceptor {
  readonly #sources: ManagementSources;
  readonly #options: ManagementOptions;
  readonly #accessLog: HourlyFile | null;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #http: Promise<NodeJS.EventEmitter> | null = null;

  constructor(sources: ManagementSources, options: ManagementOptions, accessLog: HourlyFile | null) {
    this.#sources = sources;
    this.#options = options;
    this.#accessLog = accessLog;
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
    socket.setTimeout(this.#options.idleTimeoutMs ?? IDLE_TIMEOUT_MS, () => socket.destroy());
    this.#http ??= this.#openHttp();
    const http = await this.#http;
    http.emit('connection', socket);
    socket.resume();
  }

  async #openHttp(): Promise<NodeJS.EventEmitter> {
    const { httpServer } = await import('./http-server.ts');
    return httpServer(this.#sources, httpOptions(this.#options), this.#accessLog);
  }

  close(): Promise<void> {
    return new Promise((done) => {
      this.#server.close(() => done());
      for (const socket of this.#sockets) socket.destroy();
    });
  }
}
