/** What whoever embeds a broker tells it, and is given. */
import type { AlarmOptions, ResourceLimit } from './config/alarm-options.ts';
import type { CompactionOptions } from './config/compaction-options.ts';
import type { Limits } from './config/limits.ts';
import type { AuthMechanism, CertificateLogin } from './config/login-options.ts';
import type { ShownConfiguration } from './config/shown-configuration.ts';
import type { StatisticsOptions } from './config/statistics-options.ts';
import type { TlsOptions } from './config/tls-options.ts';
import type { Listener, ListenerGiven } from './connection/listeners.ts';
import type { ControlSocketOptions } from './management/control-socket.ts';
import type { ManagementOptions } from './management/server.ts';
import type { PermissionRecord } from './metadata/port.ts';
import type { ResourceFigures } from './metrics/resources.ts';
import type { PrometheusOptions } from './prometheus/server.ts';
import type { Disk } from './runtime/disk.ts';
import type { LogLevel } from './runtime/log.ts';
import type { LogOptions } from './runtime/log-options.ts';
import type { LogControl, OwnLog } from './runtime/logs.ts';

export type { AlarmOptions, ResourceLimit } from './config/alarm-options.ts';
export type { CompactionOptions } from './config/compaction-options.ts';
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
  /** Where its settings come from, and which are in force: shown to operators, and of no other consequence. */
  readonly configuration?: ShownConfiguration;
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
  /** When a journal file of which little is needed any more is written anew without the rest. Default: half of it is not. */
  readonly compaction?: Partial<CompactionOptions>;
  /**
   * Bytes of delayed messages of one exchange that are kept in the journal before they are moved to a file of their own.
   * Default 16 MiB.
   */
  readonly delayedSegmentBytes?: number;
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
  /** All that there are, those that an operator has suspended among them. */
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
  /** Resolves when it has stopped: an operator may have told it to. */
  readonly stopped: Promise<void>;
}
