/** What the HTTP API is given by the broker: all that it shows, and the one context in which it acts. */
import type { Accounts } from '../auth/accounts.ts';
import type { ResourceLimit } from '../config/alarm-options.ts';
import type { ShownConfiguration } from '../config/shown-configuration.ts';
import type { StatisticsOptions } from '../config/statistics-options.ts';
import type { Connection } from '../connection/connection.ts';
import type { ConnectionContext } from '../connection/context.ts';
import type { ShownCertificate } from '../connection/shown-certificate.ts';
import type { ResourceFigures } from '../metrics/resources.ts';
import type { ApplicationState } from '../runtime/application.ts';
import type { LogControl } from '../runtime/logs.ts';
import type { Slices } from '../runtime/slices.ts';
import type { Vhosts } from '../vhost/vhosts.ts';
import type { Statistics } from './statistics.ts';

export interface ShownListener extends ShownCertificate {
  /** `amqp`, `amqps`, `http`, `https`, and what is served by HTTP behind a slash, where that is not the API. */
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
}

/** What an operator may do with the broker while its process goes on. */
export interface NodeControl {
  state(): ApplicationState;
  /** Suspended and without clients, for maintenance. */
  isDrained(): boolean;
  /** @throws Error that says what to do */
  startApp(): Promise<void>;
  stopApp(): Promise<void>;
  /** Forgets all messages and definitions. @returns false unless it is stopped, and nothing is done */
  reset(): Promise<boolean>;
  /** The whole of it, this API too. */
  shutDown(): void;
  suspendListeners(): void;
  /** @throws Error when somebody else has a port meanwhile */
  resumeListeners(): Promise<void>;
  drain(): void;
  revive(): Promise<void>;
  /** @throws RangeError for what is no limit */
  setMemoryHighWatermark(watermark: ResourceLimit): void;
  /** @throws RangeError for what is no limit */
  setDiskFreeLimit(limit: ResourceLimit): Promise<void>;
}

/** What the broker hands over. */
export interface BrokerSources {
  readonly context: ConnectionContext;
  readonly accounts: Accounts;
  readonly vhosts: Vhosts;
  readonly nodeName: string;
  /** For what may be long. */
  readonly slices: Slices;
  readonly statisticsOptions: StatisticsOptions;
  /** Null for a broker in memory. */
  readonly dataDir: string | null;
  /** Where the broker listens, but for the API itself. */
  otherListeners(): readonly ShownListener[];
  connections(): Iterable<Connection>;
  /** Levels and files of the log. */
  readonly logs: LogControl;
  readonly configuration: ShownConfiguration;
  readonly node: NodeControl;
  /** Memory and disk, their limits, and the alarms in force. */
  resources(): ResourceFigures;
}

export interface ManagementSources extends BrokerSources {
  readonly statistics: Statistics;
  /** Lists show what things are, and not what is counted of them. */
  readonly disableStats: boolean;
  /** And yet how many messages are in each queue. */
  readonly enableQueueTotals: boolean;
  /** In front of every path; empty: nothing is. */
  readonly pathPrefix: string;
  /** Where the API itself listens for users. */
  httpListeners(): readonly ShownListener[];
  /** Aborted when the API stops: nobody waits for an answer any more. */
  readonly stopping: AbortSignal;
}
