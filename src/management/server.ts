/**
 * Where the API is served: on TCP ports for users, on the control socket for the operator. Starts and stops. Loaded only by a
 * broker that is asked for one of them.
 */
import type { Server } from 'node:http';
import { OPERATOR } from '../auth/access.ts';
import { Acceptor } from '../http/acceptor.ts';
import { HttpListeners, type HttpListening } from '../http/http-listeners.ts';
import { HourlyFile, type HourlyFileOptions } from '../runtime/hourly-file.ts';
import type { Asked } from './app.ts';
import { authenticate } from './caller.ts';
import { type ControlSocketOptions, listenAtControlSocket } from './control-socket.ts';
import { type HttpOptions, pathPrefixOf, type SecurityHeaders } from './http-options.ts';
import type { BrokerSources, ManagementSources } from './sources.ts';
import { Statistics } from './statistics.ts';

/** Ports are 15672 and, with TLS, 15671 unless told. */
export interface ManagementOptions extends HttpListening {
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
  readonly http: HttpListeners | null;
  /** The path. */
  readonly controlSocket: string | null;
  /** The application stops: whoever waits for an answer of it is answered, and no samples are taken. */
  pause(): void;
  /** It runs again, as another one. */
  resume(broker: BrokerSources): void;
  stop(): Promise<void>;
}

const DEFAULT_PORT = 15_672;
const DEFAULT_TLS_PORT = 15_671;
const BODY_BYTES_MAX = 20_000_000;
/** RabbitMQ's command line knows no limit for definitions that it imports. */
const OPERATORS_BODY_BYTES_MAX = 1_000_000_000;
/** A change may take its time; it is the operator's own --timeout that ends it. */
const OPERATORS_IDLE_TIMEOUT_MS = 3_600_000;
const ACCESS_LOG = 'access.log';

/** @throws Error that says what to do when a port or the socket cannot be had, or a certificate cannot be used */
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
  http: HttpListeners | null = null;
  controlSocket: string | null = null;
  #broker: BrokerSources;
  #stopping = new AbortController();
  #toOperator: Acceptor | null = null;
  #statistics: Statistics | null = null;
  #accessLog: HourlyFile | null = null;

  constructor(broker: BrokerSources) {
    this.#broker = broker;
  }

  async listen(options: ManagementOptions): Promise<void> {
    const { httpLogDir: directory, idleTimeoutMs } = options;
    const { clock, log, limits } = this.#broker.context;
    this.#accessLog = directory === undefined ? null : openAccessLog({ directory, name: ACCESS_LOG, clock, log });
    const door: Door = {
      options: httpOptions(options),
      accessLog: this.#accessLog,
      whoAsks: ({ authorization, peer }) => {
        return authorization === undefined ? null : authenticate(authorization, peer, this.#broker.context);
      },
    };
    this.http = new HttpListeners({
      clock,
      log,
      tlsHandshakeTimeoutMs: limits.tlsHandshakeTimeoutMs,
      load: () => this.#load(options, door),
      title: 'Management plugin',
      settings: 'management',
      defaultPort: DEFAULT_PORT,
      defaultTlsPort: DEFAULT_TLS_PORT,
      ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
    });
    await this.http.listen(options);
    this.#sampling();
  }

  /** A broker does without the usual place where it cannot be had, as in a container that is read-only; not without a chosen one. */
  async listenToOperator(options: ControlSocketOptions): Promise<void> {
    const { nodeName, context } = this.#broker;
    const door: Door = {
      options: httpOptions({ bodyBytesMax: OPERATORS_BODY_BYTES_MAX, compress: false }),
      accessLog: null,
      whoAsks: () => OPERATOR,
    };
    const { tlsHandshakeTimeoutMs } = context.limits;
    const limits = { tlsHandshakeTimeoutMs, idleTimeoutMs: OPERATORS_IDLE_TIMEOUT_MS };
    this.#toOperator = new Acceptor(() => this.#load({}, door), limits);
    try {
      this.controlSocket = await listenAtControlSocket(this.#toOperator.server, nodeName, options);
    } catch (error) {
      if (options.path !== undefined) throw error;
      context.log.warning('management', `no control socket: ${(error as Error).message}`);
    }
  }

  async #load(options: ManagementOptions, door: Door): Promise<Server> {
    const { httpServer } = await import('./http-server.ts');
    return httpServer(this.#sources(options), door);
  }

  /** As of the broker that there is when they are asked for. */
  #sources(options: ManagementOptions): () => ManagementSources {
    const { disableStats = false, enableQueueTotals = false, pathPrefix } = options;
    const statistics = () => this.#sampling();
    let made: ManagementSources | null = null;
    let madeOf: BrokerSources | null = null;
    return () => {
      if (made !== null && madeOf === this.#broker) return made;
      madeOf = this.#broker;
      made = {
        ...madeOf,
        get statistics() {
          return statistics();
        },
        disableStats,
        enableQueueTotals,
        pathPrefix: pathPrefixOf(pathPrefix),
        httpListeners: () => this.http?.shown() ?? [],
        stopping: this.#stopping.signal,
      };
      return made;
    };
  }

  pause(): void {
    this.#statistics?.stop();
    this.#stopping.abort();
  }

  resume(broker: BrokerSources): void {
    this.#statistics?.stop();
    this.#statistics = null;
    this.#broker = broker;
    this.#stopping = new AbortController();
    if (this.http !== null) this.#sampling();
  }

  /** For those who look often; for an operator, who comes once in a while, samples are taken from the first time on. */
  #sampling(): Statistics {
    if (this.#statistics === null) {
      this.#statistics = new Statistics(this.#broker);
      // A list that began before the end asks for figures behind it.
      if (this.#stopping.signal.aborted) this.#statistics.stop();
    }
    return this.#statistics;
  }

  async stop(): Promise<void> {
    this.#statistics?.stop();
    this.#stopping.abort();
    await Promise.all([this.http?.close(), this.#toOperator?.close()]);
    await this.#accessLog?.close();
  }
}

/** @throws Error that says which setting is wrong */
function openAccessLog(options: HourlyFileOptions): HourlyFile {
  try {
    return new HourlyFile(options);
  } catch (error) {
    throw new Error(`management.http_log_dir = ${options.directory} cannot be used: ${(error as Error).message}`);
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
