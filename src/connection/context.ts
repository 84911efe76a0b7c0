/** What connections and channels are given by the broker: everything they use and do not own. */
import type { Authenticator, ChannelAccess, Identity } from '../auth/access.ts';
import type { Limits } from '../config/limits.ts';
import type { Counting } from '../config/statistics-options.ts';
import type { MetadataStore, QueueRecord } from '../metadata/port.ts';
import type { AuthAttempts } from '../metrics/auth-attempts.ts';
import type { Churn } from '../metrics/churn.ts';
import type { FieldTable } from '../protocol/field-table.ts';
import type { Queue } from '../queues/queue.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { MessageStore } from '../storage/message-store.ts';
import type { Vhost } from '../vhost/vhost.ts';
import type { LateReturns } from './late-returns.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { ChunkPool } from './out-buffer.ts';
import type { Pids } from './pids.ts';
import type { ReplyTargets } from './reply-targets.ts';
import type { Turn } from './turn.ts';

export interface ConnectionContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly turn: Turn;
  readonly store: MessageStore;
  readonly metadata: MetadataStore;
  readonly limits: Limits;
  readonly chunks: ChunkPool;
  readonly replyTargets: ReplyTargets;
  /** Null where nobody will be there to be returned what waited. */
  readonly lateReturns: LateReturns | null;
  readonly churn: Churn;
  readonly pids: Pids;
  /** Null where nobody wants to know. */
  readonly lifecycle: Lifecycle | null;
  readonly authAttempts: AuthAttempts;
  readonly counting: Counting;
  readonly serverProperties: FieldTable;
  readonly authenticator: Authenticator;
  readonly queueRecord: (queue: Queue) => QueueRecord;
  vhost(name: string): Vhost | undefined;
  access(identity: Identity, vhost: string): ChannelAccess;
  /** Why publishers are blocked at the moment ("low on disk"), or null. */
  alarm(): string | null;
}
