/**
 * The composition root: what a broker is made of, and how it starts and stops. The only file that knows everything.
 *
 * ```ts
 * const broker = await startBroker({ port: 0, memory: true });
 * // connect any AMQP 0-9-1 client to broker.url
 * await broker.stop();
 * ```
 */
import { statfsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { resolve } from 'node:path';
import type { Authenticator, TlsPeer } from './auth/access.ts';
import { Accounts } from './auth/accounts.ts';
import { AccountAuthenticator } from './auth/login.ts';
import { mechanismsNamed } from './auth/mechanisms.ts';
import { hashPassword } from './auth/passwords.ts';
import { compilePattern } from './auth/pattern.ts';
import { Permissions } from './auth/permissions.ts';
import { type AlarmOptions, DEFAULT_ALARMS, type ResourceLimit } from './config/alarm-options.ts';
import { DEFAULT_LIMITS, type Limits } from './config/limits.ts';
import type { AuthMechanism, CertificateLogin } from './config/login-options.ts';
import { DEFAULT_NODE_NAME, readNodeName } from './config/node-name.ts';
import { countingOf, DEFAULT_STATISTICS, type StatisticsOptions } from './config/statistics-options.ts';
import type { TlsOptions } from './config/tls-options.ts';
import { closeAbandoned } from './connection/abandoned.ts';
import { Connection } from './connection/connection.ts';
import type { ConnectionContext } from './connection/context.ts';
import { LONGEST_TICK_MS } from './connection/heartbeats.ts';
import { type Listener, type ListenerGiven, Listeners, listenersOf } from './connection/listeners.ts';
import { ChunkPool } from './connection/out-buffer.ts';
import { Pids } from './connection/pids.ts';
import { ReplyTargets } from './connection/reply-targets.ts';
import { serverProperties } from './connection/server-properties.ts';
import { SocketReader } from './connection/socket-reader.ts';
import type { TlsCertificates } from './connection/tls-certificates.ts';
import { Turn } from './connection/turn.ts';
import type { Events } from './events/events.ts';
import { type HttpListeners, urlOf } from './http/http-listeners.ts';
import type { ControlSocketOptions } from './management/control-socket.ts';
import type { ManagementOptions, ManagementServer } from './management/server.ts';
import type { ShownListener } from './management/sources.ts';
import { bootstrap, declareInternalTopic, endTracing } from './metadata/bootstrap.ts';
import { openMemoryStore } from './metadata/memory-store.ts';
import { MetadataLog } from './metadata/metadata-log.ts';
import type { Change, MetadataStore, PermissionRecord } from './metadata/port.ts';
import { openSqliteStore } from './metadata/sqlite-store.ts';
import type { AlarmCause } from './metrics/alarms.ts';
import { AuthAttempts } from './metrics/auth-attempts.ts';
import { Churn } from './metrics/churn.ts';
import { type ResourceFigures, Resources } from './metrics/resources.ts';
import type { PrometheusOptions } from './prometheus/server.ts';
import type { Queue } from './queues/queue.ts';
import { type Clock, systemClock, type Timer } from './runtime/clock.ts';
import { openDataDirectory } from './runtime/data-directory.ts';
import { type Disk, systemDisk } from './runtime/disk.ts';
import type { Log, LogLevel } from './runtime/log.ts';
import type { LogOptions } from './runtime/log-options.ts';
import { type LogControl, Logs, type OwnLog } from './runtime/logs.ts';
import { freeDiskBytes, systemMemory } from './runtime/machine.ts';
import { writePidFile } from './runtime/pid-file.ts';
import { Slices, whole } from './runtime/slices.ts';
import type { QueueMarks } from './storage/checkpoint.ts';
import { type LiveMessages, MessageStore } from './storage/message-store.ts';
import { PAGE_SIZE } from './storage/page.ts';
import { VERSION } from './version.ts';
import { checkedDefinitions, importDefinitions } from './vhost/definition-import.ts';
import { LOG_EXCHANGE, logExchange } from './vhost/log-exchange.ts';
import { Vhosts } from './vhost/vhosts.ts';

export type { AlarmOptions, ResourceLimit } from './config/alarm-options.ts';
export type { Limits } from './config/limits.ts';
export type { StatisticsOptions } from './config/statistics-options.ts';
export type { TlsOptions } from './config/tls-options.ts';
export type { Listener, ListenerGiven } from './connection/listeners.ts';
export type { HttpAddress, HttpListening } from './http/http-listeners.ts';
export type { ControlSocketOptions } from './management/control-socket.ts';
export type { ManagementOptions } from './management/server.ts';
export type { Alarm, AlarmCause, AlarmedResource } from './metrics/alarms.ts';
export type { ResourceFigures } from './metrics/resources.ts';
export type { PrometheusOptions } from './prometheus/server.ts';
export type { LogCategory, LogLevel } from './runtime/log.ts';
export type { LogOptions } from './runtime/log-options.ts';
export type { LogControl, OwnLog as Log } from './runtime/logs.ts';
export { VERSION } from './version.ts';

export interface EventOptions {
  /** Where the exchange is. Default: the default vhost. */
  readonly vhost?: string;
}

export interface BrokerOptions {
  /** TCP port; 0 takes a free one. Default 5672. */
  readonly port?: number;
  /** Address to listen on. Default 127.0.0.1. */
  readonly host?: string;
  /** Where to listen, in place of `port` and `host`: several addresses, with TLS or without. */
  readonly listeners?: readonly ListenerGiven[];
  /** The certificate of the listeners with TLS, and what is asked of clients. */
  readonly tls?: TlsOptions;
  /** SASL mechanisms that clients are offered. Default: AMQPLAIN and PLAIN. */
  readonly authMechanisms?: readonly AuthMechanism[];
  /** Where in a client's certificate the name of its user stands, for the mechanism EXTERNAL. */
  readonly certificateLogin?: Partial<CertificateLogin>;
  /** Where messages and definitions are kept. Default `./data`; not with `memory`. */
  readonly dataDir?: string;
  /** Keep everything in memory and leave nothing behind. */
  readonly memory?: boolean;
  /** NAME@HOST, or NAME for one on this host; what the broker is called in answers and in the log. Default: leveret@HOST. */
  readonly nodeName?: string;
  /** The user that an empty broker is given. Default guest, guest: from this machine only. */
  readonly defaultUser?: string;
  readonly defaultPassword?: string;
  /** Default: administrator. */
  readonly defaultUserTags?: readonly string[];
  /** The vhost that an empty broker is given. Default `/`. */
  readonly defaultVhost?: string;
  /** What the default user may do in the default vhost. Default: all. */
  readonly defaultPermissions?: Partial<Pick<PermissionRecord, 'configure' | 'write' | 'read'>>;
  /**
   * What RabbitMQ's definitions file holds, as JSON.parse() gives it; applied at every start, over what is there. One with users
   * takes the place of the default user and vhost, as in RabbitMQ.
   */
  readonly definitions?: object;
  /** Users that may connect from this machine only. Default: guest. */
  readonly loopbackUsers?: readonly string[];
  /** Reported in the server properties. Default: the node's name. */
  readonly clusterName?: string;
  /** The HTTP API; none unless it is asked for. `{ port: 0 }` takes a free port. */
  readonly management?: ManagementOptions;
  /** The Unix socket that `leveretctl` finds the broker by; none unless it is asked for. `{}` is the usual place. */
  readonly controlSocket?: ControlSocketOptions;
  /** Metrics for Prometheus; none unless they are asked for. `{ port: 0 }` takes a free port. */
  readonly prometheus?: PrometheusOptions;
  readonly limits?: Partial<Limits>;
  /** How much memory and how little free disk stop publishers. */
  readonly alarms?: Partial<AlarmOptions>;
  /** What is counted of messages, and how often samples are taken. */
  readonly statistics?: Partial<StatisticsOptions>;
  /**
   * Bytes of messages that are kept in memory before they are moved to disk, at least 4 MiB. Default: 128 MiB, or half of what
   * the memory watermark leaves, where that is less.
   */
  readonly messageMemoryBytes?: number;
  /**
   * Bytes of a journal file, at least 1 MiB; it goes when all messages in it are done with. Default: 64 MiB, or a sixteenth of a
   * disk that is small.
   */
  readonly journalFileBytes?: number;
  /**
   * How a confirm of a persistent message is earned. `fdatasync` (default): the disk has it. `operating-system`: the kernel
   * has it, and a power failure or a crash of the machine may lose what was confirmed.
   */
  readonly confirmWhen?: 'fdatasync' | 'operating-system';
  /** How much goes to standard error. Default `warning`, unless `logging` says where the log goes. */
  readonly logLevel?: LogLevel;
  /** Publishes what comes and goes in the broker to the topic exchange `amq.rabbitmq.event`; not unless it is asked for. */
  readonly events?: EventOptions;
  /** In place of standard error: an object of the program's own. */
  readonly log?: OwnLog;
  /** Log files, the console, and the exchange `amq.rabbitmq.log`. */
  readonly logging?: LogOptions;
  /** What messages are written with; for tests of what becomes of a full or failing disk. */
  readonly disk?: Disk;
}

export interface Broker {
  /** Of the first listener, with the default user in it, and the default vhost where that is not `/`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** All that are open. */
  readonly listeners: readonly Listener[];
  /** Where the HTTP API is, such as `http://127.0.0.1:15672`; null when it was not asked for. */
  readonly managementUrl: string | null;
  /** The path of the control socket; null when it was not asked for. */
  readonly controlSocket: string | null;
  /** Where metrics are for Prometheus, such as `http://127.0.0.1:15692/metrics`; null when they were not asked for. */
  readonly prometheusUrl: string | null;
  /** Null for a broker in memory. */
  readonly dataDir: string | null;
  /** Who could log in when it started. */
  readonly users: readonly string[];
  /** What recovery had to set aside at the start, one sentence each. */
  readonly damage: readonly string[];
  /** Whether anything is served with TLS. */
  readonly hasCertificates: boolean;
  /** Reads all certificate files again, for connections from now on. @returns why old ones stay in use, or null */
  reloadCertificates(): string | null;
  /** Memory and disk as they were at the last look, their limits, and the alarms in force. */
  resources(): ResourceFigures;
  /** Until the broker stops; takes effect at once. @throws RangeError for what is no limit */
  setMemoryHighWatermark(watermark: ResourceLimit): void;
  /** Until the broker stops; resolves once it has taken effect. @throws RangeError for what is no limit */
  setDiskFreeLimit(limit: ResourceLimit): Promise<void>;
  /** Levels and files of the log. */
  readonly logs: LogControl;
  /** Closes connections with 320, makes everything durable, frees all resources. */
  stop(): Promise<void>;
}

const DEFAULT_MESSAGE_MEMORY = 128 * 1024 * 1024;
/** With less there is no room for what is being written and what is being read. */
const LEAST_MESSAGE_MEMORY = 4 * 1024 * 1024;
const UNWRITTEN_LIMIT = 32 * 1024 * 1024;
const LARGEST_JOURNAL_FILE = 64 * 1024 * 1024;
/** How often connections look at their time limits; more often where a limit is shorter than a few of these. */
const TICK_MS = LONGEST_TICK_MS;
const TICKS_PER_LIMIT = 4;
const SHORTEST_TICK_MS = 20;
/** How long clients may take to answer the close at a stop. */
const STOP_GRACE_MS = 2000;

/** @throws Error that says what to do: the port is in use, the directory is another broker's, the data is a newer version's. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const broker = new RunningBroker(options);
  try {
    await broker.start();
  } catch (error) {
    await broker.stop();
    throw error;
  }
  return broker;
}

class RunningBroker implements Broker {
  readonly dataDir: string | null;
  users: readonly string[] = [];
  damage: readonly string[] = [];
  readonly #options: BrokerOptions;
  readonly #clock: Clock = systemClock;
  readonly #log: Log;
  readonly logs: Logs;
  readonly #limits: Limits;
  readonly #connections = new Set<Connection>();
  readonly #reader = new SocketReader();
  readonly #churn = new Churn();
  readonly #pids: Pids;
  #events: Events | null = null;
  readonly #slices = new Slices();
  #certificates: TlsCertificates | null = null;
  #listeners: Listeners | null = null;
  #metadata: MetadataStore | null = null;
  #accounts: Accounts | null = null;
  #store: MessageStore | null = null;
  #vhosts: Vhosts | null = null;
  #turn: Turn | null = null;
  #ticker: Timer | null = null;
  #tickedAtMs = 0;
  #isTicking = false;
  #removePidFile: (() => void) | null = null;
  #management: ManagementServer | null = null;
  #prometheus: HttpListeners | null = null;
  readonly #nodeName: string;
  readonly #resources: Resources;
  readonly #statistics: StatisticsOptions;
  #stopped: Promise<void> | null = null;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#nodeName = readNodeName(options.nodeName ?? DEFAULT_NODE_NAME);
    this.dataDir = options.memory === true ? null : resolve(options.dataDir ?? 'data');
    this.logs = new Logs(options, this.#clock);
    this.#log = this.logs.log;
    this.#pids = new Pids(this.#nodeName, this.#clock.nowMs());
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#statistics = { ...DEFAULT_STATISTICS, ...options.statistics };
    this.#resources = this.#watchedResources();
  }

  #watchedResources(): Resources {
    const { dataDir } = this;
    return new Resources({
      clock: this.#clock,
      log: this.#log,
      nodeName: this.#nodeName,
      memory: systemMemory,
      freeDiskBytes: dataDir === null ? null : () => freeDiskBytes(dataDir),
      settings: { ...DEFAULT_ALARMS, ...this.#options.alarms },
      changed: (cause) => this.#alarmChanged(cause),
      lowChanged: (resource, isLow) => this.#events?.resourceChanged(resource, isLow),
      reclaim: () => this.#store?.releaseMemory(),
    });
  }

  resources(): ResourceFigures {
    return this.#resources.figures();
  }

  setMemoryHighWatermark(watermark: ResourceLimit): void {
    this.#resources.setMemoryHighWatermark(watermark);
  }

  async setDiskFreeLimit(limit: ResourceLimit): Promise<void> {
    await this.#resources.setDiskFreeLimit(limit);
  }

  get url(): string {
    const user = encodeURIComponent(this.#options.defaultUser ?? 'guest');
    const password = encodeURIComponent(this.#options.defaultPassword ?? 'guest');
    const [{ protocol, host, port }] = this.listeners as [Listener];
    const { defaultVhost = '/' } = this.#options;
    const vhost = defaultVhost === '/' ? '' : `/${encodeURIComponent(defaultVhost)}`;
    return `${protocol}://${user}:${password}@${host.includes(':') ? `[${host}]` : host}:${port}${vhost}`;
  }

  get host(): string {
    return this.listeners[0]?.host ?? '';
  }

  get port(): number {
    return this.listeners[0]?.port ?? 0;
  }

  get listeners(): readonly Listener[] {
    return this.#listeners?.open ?? [];
  }

  get #allCertificates(): TlsCertificates[] {
    const all = [this.#certificates, this.#management?.http?.certificates, this.#prometheus?.certificates];
    return all.filter((certificates) => certificates !== null && certificates !== undefined);
  }

  get hasCertificates(): boolean {
    return this.#allCertificates.length > 0;
  }

  reloadCertificates(): string | null {
    const faults = this.#allCertificates.map((certificates) => certificates.reload());
    return faults.find((fault) => fault !== null) ?? null;
  }

  get managementUrl(): string | null {
    const [listener] = this.#management?.http?.open ?? [];
    return listener === undefined ? null : urlOf(listener);
  }

  get #isObserved(): boolean {
    return this.#options.management !== undefined || this.#options.prometheus !== undefined;
  }

  get prometheusUrl(): string | null {
    const [listener] = this.#prometheus?.open ?? [];
    return listener === undefined ? null : `${urlOf(listener)}${this.#options.prometheus?.path ?? '/metrics'}`;
  }

  get controlSocket(): string | null {
    return this.#management?.controlSocket ?? null;
  }

  async start(): Promise<void> {
    const listeners = listenersOf(this.#options);
    if (listeners.some(({ tls }) => tls)) this.#certificates = await this.#openCertificates();
    const metadata = await this.#openMetadata();
    if (this.#options.logging?.file !== undefined) this.logs.openFiles(this.#options.logging.file, this.#nodeName);
    const turn = new Turn(this.#clock);
    this.#turn = turn;
    this.#store = this.#openStore(turn);
    turn.store = this.#store;
    this.damage = this.#store.damage;
    const vhosts = this.#restore(metadata, turn, this.#store);
    await this.#startEvents(metadata, vhosts);
    const context = this.#context(metadata, turn, this.#store, vhosts);
    this.#logBanner();
    const { logging, defaultVhost = '/' } = this.#options;
    if (logging?.exchange !== undefined) {
      this.logs.log.add(logExchange(logging.exchange, vhosts.internalPublisher, defaultVhost, this.#nodeName));
    }
    this.logs.log.started();
    await this.#resources.start();
    const accepted = (socket: Socket, tls: TlsPeer | null) => this.#accept(context, socket, tls);
    this.#listeners = new Listeners(this.#limits, this.#log, this.#certificates, accepted);
    for (const listener of listeners) await this.#listeners.listen(listener);
    await this.#startManagement(context, vhosts);
    await this.#startPrometheus(context, vhosts);
    this.#log.info('broker', 'Server startup complete');
    const periodMs = tickMs(this.#limits);
    this.#tickedAtMs = this.#clock.monotonicMs();
    this.#ticker = this.#clock.every(periodMs, () => this.#tick(periodMs));
  }

  /** Loaded when they are asked for. */
  async #startEvents(metadata: MetadataStore, { internalPublisher: publisher }: Vhosts): Promise<void> {
    const { events, defaultVhost = '/' } = this.#options;
    if (events === undefined) return;
    const { startEvents } = await import('./events/events.ts');
    const common = { nodeName: this.#nodeName, clock: this.#clock, pids: this.#pids };
    this.#events = await startEvents({ publisher, vhost: events.vhost ?? defaultVhost, metadata, ...common });
  }

  #logBanner(): void {
    const files = this.logs.files.length === 0 ? ['<none>'] : this.logs.files;
    const lines = [
      `Starting Leveret ${VERSION} on Node.js ${process.versions.node}`,
      `node           : ${this.#nodeName}`,
      `log(s)         : ${files.join(', ')}`,
      `database dir   : ${this.dataDir ?? '<in memory>'}`,
    ];
    this.#log.info('broker', `\n ${lines.join('\n ')}`);
  }

  /** Loaded when it is asked for: who embeds a broker pays nothing for it. */
  async #startManagement(context: ConnectionContext, vhosts: Vhosts): Promise<void> {
    const { management: http, controlSocket } = this.#options;
    if (http === undefined && controlSocket === undefined) return;
    const { startManagement } = await import('./management/server.ts');
    const sources = {
      context,
      accounts: this.#accounts!,
      vhosts,
      nodeName: this.#nodeName,
      slices: this.#slices,
      statisticsOptions: this.#statistics,
      dataDir: this.dataDir,
      otherListeners: () => this.#shownListeners(),
      connections: () => this.#connections,
      resources: () => this.resources(),
      logs: this.logs,
    };
    this.#management = await startManagement(sources, { http, controlSocket });
  }

  #shownListeners(): ShownListener[] {
    const expiresAtMs = this.#certificates?.current.expiresAtMs ?? null;
    const forMetrics = this.#prometheus?.shown() ?? [];
    return [
      ...this.listeners.map((listener) => ({
        ...listener,
        certificateExpiresAtMs: listener.protocol === 'amqps' ? expiresAtMs : null,
      })),
      ...forMetrics.map((listener) => ({ ...listener, protocol: `${listener.protocol}/prometheus` })),
    ];
  }

  async #startPrometheus(context: ConnectionContext, vhosts: Vhosts): Promise<void> {
    const { prometheus } = this.#options;
    if (prometheus === undefined) return;
    const { startPrometheus } = await import('./prometheus/server.ts');
    const sources = {
      context,
      vhosts,
      nodeName: this.#nodeName,
      dataDir: this.dataDir,
      connections: () => this.#connections,
      resources: () => this.resources(),
    };
    this.#prometheus = await startPrometheus(sources, this.#slices, prometheus);
  }

  async #openMetadata(): Promise<MetadataStore> {
    const definitions = whole(checkedDefinitions(this.#options.definitions ?? {}));
    const clusterName = this.#options.clusterName ?? this.#nodeName;
    if (this.dataDir === null) {
      this.#metadata = openMemoryStore({ clusterName, slices: this.#slices });
    } else {
      openDataDirectory(this.dataDir);
      this.#metadata = openSqliteStore({ directory: this.dataDir, clusterName, slices: this.#slices });
      this.#removePidFile = writePidFile(this.dataDir);
    }
    this.#metadata.follow(new MetadataLog(this.#log, this.#metadata.snapshot()).apply);
    await endTracing(this.#metadata);
    if (definitions.users.length === 0) await this.#bootstrap(this.#metadata);
    await importDefinitions(this.#metadata, definitions, this.#slices);
    if (this.#options.logging?.exchange !== undefined) {
      await declareInternalTopic(this.#metadata, this.#options.defaultVhost ?? '/', LOG_EXCHANGE);
    }
    return this.#metadata;
  }

  async #bootstrap(metadata: MetadataStore): Promise<void> {
    const { defaultUser: name = 'guest', defaultPassword: password = 'guest' } = this.#options;
    const { defaultUserTags: tags = ['administrator'], defaultVhost: vhost = '/' } = this.#options;
    const user = {
      name,
      passwordHash: hashPassword(password),
      hashing: 'sha256',
      tags,
      limits: {},
    } as const;
    const permissions = { configure: '.*', write: '.*', read: '.*', ...this.#options.defaultPermissions };
    for (const pattern of Object.values(permissions)) compilePattern(pattern);
    await bootstrap(metadata, { vhost, user, permissions });
  }

  #openStore(turn: Turn): MessageStore {
    const { messageMemoryBytes = this.#messageMemoryBytes(), confirmWhen = 'fdatasync' } = this.#options;
    const diskBytes = this.dataDir === null ? Number.POSITIVE_INFINITY : sizeOfDisk(this.dataDir);
    const options = {
      directory: this.dataDir,
      disk: this.#options.disk ?? systemDisk,
      clock: this.#clock,
      log: this.#log,
      fdatasync: confirmWhen === 'fdatasync',
      journalFileBytes: Math.max(this.#options.journalFileBytes ?? defaultJournalFileBytes(diskBytes), PAGE_SIZE),
      memoryLimitBytes: Math.max(messageMemoryBytes, LEAST_MESSAGE_MEMORY),
      // A write that found the disk full must fit once a part of what is on it was consumed.
      unwrittenLimitBytes: Math.min(UNWRITTEN_LIMIT, diskBytes / 8),
    };
    const events = {
      onDurable: () => turn.schedule(),
      onRelief: () => {
        for (const connection of this.#connections) connection.relieve();
      },
      onTrouble: (error: NodeJS.ErrnoException | null) => this.#journalTrouble(error),
    };
    return new MessageStore(options, events, this.#liveMessages());
  }

  /** Where it is not set: messages go to disk well before the watermark is reached. */
  #messageMemoryBytes(): number {
    const { memoryPagingRatio } = this.#options.alarms ?? {};
    const share = (memoryPagingRatio ?? DEFAULT_ALARMS.memoryPagingRatio) * this.#resources.spareMemoryBytes;
    return memoryPagingRatio === undefined ? Math.min(DEFAULT_MESSAGE_MEMORY, share) : share;
  }

  /** For checkpoints: what queues hold ready, and what channels hold unacked. */
  #liveMessages(): LiveMessages {
    return {
      visitLive: (wanted, visit) => {
        for (const queue of this.#vhosts?.queues() ?? []) {
          queue.visitLive(wanted, (position, size, priority) => visit(queue.id, position, size, priority));
        }
        for (const { channels } of this.#connections) {
          for (const { unacked } of channels.values()) {
            unacked.visit(({ queue }, position, size, lane) => {
              if (queue.durable && !queue.deleted) visit(queue.id, position, size, queue.priorityOfLane(lane));
            });
          }
        }
      },
      marks: () => {
        const marks = new Map<number, QueueMarks>();
        for (const { id, durable, deliveredPosition, deliveryCounts, mayExpire } of this.#vhosts?.queues() ?? []) {
          const any = deliveredPosition >= 0 || deliveryCounts.size > 0 || mayExpire;
          if (durable && any) marks.set(id, { deliveredPosition, deliveryCounts, mayExpire });
        }
        return marks;
      },
    };
  }

  #restore(metadata: MetadataStore, turn: Turn, store: MessageStore): Vhosts {
    const vhosts = new Vhosts({
      nodeName: this.#nodeName,
      store,
      clock: this.#clock,
      log: this.#log,
      churn: this.#churn,
      wake: (queue) => turn.wake(queue),
      turnMs: () => turn.nowMs,
      unused: ({ vhost, name }) => this.#propose({ kind: 'delete-queue', vhost, name }),
      exchangeUnused: (vhost, { name }) => this.#propose({ kind: 'delete-exchange', vhost: vhost.name, name }),
    });
    this.#vhosts = vhosts;
    const snapshot = metadata.snapshot();
    this.users = snapshot.users.map(({ name }) => name);
    vhosts.restore(snapshot);
    metadata.follow((change) => {
      vhosts.apply(change);
      closeAbandoned(this.#connections, change);
    });
    for (const queue of vhosts.queues()) this.#adopt(queue, store);
    store.recoveryTaken();
    return vhosts;
  }

  #adopt(queue: Queue, store: MessageStore): void {
    const found = store.recovered.get(queue.id);
    if (found === undefined) return;
    const lost = queue.adopt(found);
    if (lost > 0) {
      this.#log.error('queue', `queue '${queue.name}' in vhost '${queue.vhost}': ${lost} messages are lost to damage`);
    }
  }

  #propose(change: Change): void {
    this.#metadata?.propose([change], (error) => {
      if (error !== null) this.#log.error('metadata', `${change.kind} failed: ${error.message}`);
    });
  }

  #context(metadata: MetadataStore, turn: Turn, store: MessageStore, vhosts: Vhosts): ConnectionContext {
    const accounts = new Accounts(metadata);
    this.#accounts = accounts;
    const permissions = new Permissions(accounts, this.#log);
    return {
      clock: this.#clock,
      log: this.#log,
      turn,
      store,
      metadata,
      limits: this.#limits,
      chunks: new ChunkPool(),
      replyTargets: new ReplyTargets(),
      pids: this.#pids,
      lifecycle: this.#events?.lifecycle ?? null,
      churn: this.#churn,
      authAttempts: new AuthAttempts(),
      counting: countingOf(this.#statistics, this.#isObserved),
      serverProperties: serverProperties(metadata.clusterName),
      authenticator: this.#authenticator(accounts),
      queueRecord: (queue) => vhosts.recordOf(queue),
      vhost: (name) => vhosts.get(name),
      access: (identity, vhost) => permissions.access(identity, vhost),
      alarm: () => this.#resources.alarms.reason,
    };
  }

  #authenticator(accounts: Accounts): Authenticator {
    const connections = {
      ofUser: (user: string) => this.#count((connection) => connection.identity.user === user),
      ofVhost: (vhost: string) => this.#count((connection) => connection.vhost?.name === vhost),
      channelsOfUser: (user: string) => this.#countChannels(user),
    };
    const { loopbackUsers = ['guest'], authMechanisms, certificateLogin } = this.#options;
    const mechanisms = mechanismsNamed(authMechanisms, certificateLogin);
    return new AccountAuthenticator(accounts, { mechanisms, loopbackUsers, connections });
  }

  #count(which: (connection: Connection) => boolean): number {
    let count = 0;
    for (const connection of this.#connections) if (connection.running && which(connection)) count++;
    return count;
  }

  #countChannels(user: string): number {
    let count = 0;
    for (const { identity, channels } of this.#connections) if (identity.user === user) count += channels.size;
    return count;
  }

  /** @throws Error that says which setting or file is wrong */
  async #openCertificates(): Promise<TlsCertificates> {
    const { tls } = this.#options;
    if (tls === undefined) throw new Error('a listener with TLS needs a certificate: set ssl_options.certfile');
    const { TlsCertificates } = await import('./connection/tls-certificates.ts');
    return new TlsCertificates(tls, this.#clock, this.#log);
  }

  #accept(context: ConnectionContext, accepted: Socket, tls: TlsPeer | null): Socket {
    const peer = accepted.remoteAddress ?? '';
    const socket = this.#reader.read(accepted, (bytes, end) => connection.receive(bytes, end));
    const closed = (connection: Connection) => {
      this.#connections.delete(connection);
    };
    const connection = new Connection(context, socket, peer, { closed }, tls);
    this.#connections.add(connection);
    return socket;
  }

  /** Thousands of connections take a while: the next tick waits for that. */
  async #tick(periodMs: number): Promise<void> {
    if (this.#isTicking) return;
    this.#isTicking = true;
    const now = this.#clock.monotonicMs();
    // A process that was stopped, or kept busy by the program around the broker, has not heard what waits in its sockets.
    const lateMs = now - this.#tickedAtMs - periodMs;
    const unheardMs = lateMs > periodMs ? lateMs : 0;
    this.#tickedAtMs = now;
    await this.#slices.each(this.#connections, (connection) => {
      this.#turn?.begin();
      connection.tick(now, unheardMs);
    });
    this.#store?.tick();
    this.#isTicking = false;
  }

  #journalTrouble(error: NodeJS.ErrnoException | null): void {
    if (!this.#resources.alarms.set('journal', error !== null)) return;
    const reason = error?.code ?? error?.message;
    if (error !== null) this.#log.error('store', `low on disk: the journal cannot be written (${reason})`);
    else this.#log.info('store', 'the journal can be written again');
  }

  #alarmChanged(cause: AlarmCause): void {
    this.#turn?.begin();
    for (const connection of this.#connections) connection.tellAlarm(cause === 'journal');
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#log.info('broker', 'Leveret is asked to stop...');
    this.#ticker?.cancel();
    this.#resources.stop();
    await this.#management?.stop();
    await this.#prometheus?.close();
    this.#certificates?.close();
    const closed = this.#listeners?.close();
    for (const connection of this.#connections) connection.shutDown();
    const grace = this.#clock.after(STOP_GRACE_MS, () => {
      for (const connection of this.#connections) connection.destroy();
    });
    while (this.#connections.size > 0) await new Promise((next) => setTimeout(next, 5));
    this.#listeners?.destroyHandshakes();
    await closed;
    grace.cancel();
    this.#vhosts?.internalPublisher.close();
    for (const queue of this.#vhosts?.queues() ?? []) queue.stop();
    await this.#store?.close();
    this.#accounts?.close();
    this.#removePidFile?.();
    this.#metadata?.close();
    this.#log.info('broker', 'Successfully stopped Leveret');
    this.logs.close();
  }
}

function tickMs({ handshakeTimeoutMs, sendTimeoutMs, consumerTimeoutMs }: Limits): number {
  const shortest = Math.min(handshakeTimeoutMs, sendTimeoutMs, consumerTimeoutMs);
  return Math.max(SHORTEST_TICK_MS, Math.min(TICK_MS, shortest / TICKS_PER_LIMIT));
}

/** Some file systems do not tell, and say 0. */
function sizeOfDisk(directory: string): number {
  const { blocks, bsize } = statfsSync(directory);
  return blocks * bsize || Number.POSITIVE_INFINITY;
}

/** On a small disk the journal's files are small too, so that consuming frees space soon. */
function defaultJournalFileBytes(diskBytes: number): number {
  return Math.min(LARGEST_JOURNAL_FILE, Math.floor(diskBytes / 16 / PAGE_SIZE) * PAGE_SIZE);
}
