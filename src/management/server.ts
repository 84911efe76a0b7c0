/**
 * Where the API is served: on a TCP port for users, on the control socket for the operator. Starts, takes connections, stops.
 * Loaded only by a broker that is asked for one of them.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { OPERATOR } from '../auth/access.ts';
import { HourlyFile } from '../runtime/hourly-file.ts';
import { listenError } from '../runtime/listen-error.ts';
import type { Asked } from './app.ts';
import { authenticate } from './caller.ts';
import { type ControlSocketOptions, listenAtControlSocket } from './control-socket.ts';
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

/** Where it is to be served; nowhere else. */
export interface Doors {
  readonly http: ManagementOptions | undefined;
  readonly controlSocket: ControlSocketOptions | undefined;
}

export interface ManagementServer {
  readonly http: { readonly host: string; readonly port: number } | null;
  /** The path. */
  readonly controlSocket: string | null;
  stop(): Promise<void>;
}

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = 15_672;
/** Connections of callers at a time; one more is closed at once. */
const CONNECTIONS_MAX = 1000;
const IDLE_TIMEOUT_MS = 60_000;
const BODY_BYTES_MAX = 20_000_000;
/** RabbitMQ's command line knows no limit for definitions that it imports. */
const OPERATORS_BODY_BYTES_MAX = 1_000_000_000;
const ACCESS_LOG = 'access.log';

/** @throws Error that says what to do when the port or the socket cannot be had */
export async function startManagement(broker: BrokerSources, doors: Doors): Promise<ManagementServer> {
  const server = new RunningServer(broker);
  try {
    if (doors.http !== undefined) await server.listen(doors.http);
    if (doors.controlSocket !== undefined) await server.listenToOperator(doors.controlSocket);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

class RunningServer implements ManagementServer {
  http: ManagementServer['http'] = null;
  controlSocket: string | null = null;
  readonly #broker: BrokerSources;
  readonly #acceptors: Acceptor[] = [];
  readonly #stopping = new AbortController();
  #statistics: Statistics | null = null;
  #accessLog: HourlyFile | null = null;

  constructor(broker: BrokerSources) {
    this.#broker = broker;
  }

  async listen(options: ManagementOptions): Promise<void> {
    const { host = DEFAULT_HOST, port = DEFAULT_PORT, httpLogDir: directory } = options;
    const { context } = this.#broker;
    const { clock, log } = context;
    this.#accessLog = directory === undefined ? null : new HourlyFile({ directory, name: ACCESS_LOG, clock, log });
    const acceptor = this.#acceptor(options, {
      options: httpOptions(options),
      accessLog: this.#accessLog,
      whoAsks: ({ authorization, peer }) => {
        return authorization === undefined ? null : authenticate(authorization, peer, context);
      },
    });
    this.http = { host, port: await listenAt(acceptor.server, host, port) };
    this.#sampling();
  }

  /** A broker does without the usual place where it cannot be had, as in a container that is read-only; not without a chosen one. */
  async listenToOperator(options: ControlSocketOptions): Promise<void> {
    const { nodeName, context } = this.#broker;
    const acceptor = this.#acceptor(
      {},
      {
        options: httpOptions({ bodyBytesMax: OPERATORS_BODY_BYTES_MAX, compress: false }),
        accessLog: null,
        whoAsks: () => OPERATOR,
      },
    );
    try {
      this.controlSocket = await listenAtControlSocket(acceptor.server, nodeName, options);
    } catch (error) {
      if (options.path !== undefined) throw error;
      context.log.warning('management', `no control socket: ${(error as Error).message}`);
    }
  }

  #acceptor(options: ManagementOptions, door: Door): Acceptor {
    const acceptor = new Acceptor(this.#sources(options), door, options.idleTimeoutMs ?? IDLE_TIMEOUT_MS);
    this.#acceptors.push(acceptor);
    return acceptor;
  }

  #sources(options: ManagementOptions): ManagementSources {
    const { disableStats = false, enableQueueTotals = false, pathPrefix } = options;
    const statistics = () => this.#sampling();
    return {
      ...this.#broker,
      get statistics() {
        return statistics();
      },
      disableStats,
      enableQueueTotals,
      pathPrefix: pathPrefixOf(pathPrefix),
      httpListener: () => this.http,
      stopping: this.#stopping.signal,
    };
  }

  /** For those who look often; for an operator, who comes once in a while, samples are taken from the first time on. */
  #sampling(): Statistics {
    this.#statistics ??= new Statistics(this.#broker);
    return this.#statistics;
  }

  async stop(): Promise<void> {
    this.#statistics?.stop();
    this.#stopping.abort();
    await Promise.all(this.#acceptors.map((acceptor) => acceptor.close()));
    await this.#accessLog?.close();
  }
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

/** How those who come in are spoken to. */
interface Door {
  readonly options: HttpOptions;
  readonly whoAsks: Asked;
  readonly accessLog: HourlyFile | null;
}

class Acceptor {
  readonly server: Server;
  readonly #load: () => Promise<NodeJS.EventEmitter>;
  readonly #idleTimeoutMs: number;
  readonly #sockets = new Set<Socket>();
  #http: Promise<NodeJS.EventEmitter> | null = null;

  constructor(sources: ManagementSources, door: Door, idleTimeoutMs: number) {
    this.#load = async () => (await import('./http-server.ts')).httpServer(sources, door);
    this.#idleTimeoutMs = idleTimeoutMs;
    this.server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.#accept(socket));
    this.server.maxConnections = CONNECTIONS_MAX;
  }

  async #accept(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {}); // 'close' follows, and says all there is to say
    socket.setTimeout(this.#idleTimeoutMs, () => socket.destroy());
    this.#http ??= this.#load();
    const http = await this.#http;
    http.emit('connection', socket);
    socket.resume();
  }

  /** Also before it listens. */
  close(): Promise<void> {
    return new Promise((done) => {
      this.server.close(() => done());
      for (const socket of this.#sockets) socket.destroy();
    });
  }
}

/** @returns the port */
function listenAt(server: Server, host: string, port: number): Promise<number> {
  return new Promise((ready, refuse) => {
    server.once('error', (error) => refuse(listenError(host, port, error, 'management.tcp.port')));
    server.listen({ host, port }, () => {
      const address = server.address();
      ready(address !== null && typeof address === 'object' ? address.port : port);
    });
  });
}
