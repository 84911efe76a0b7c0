/**
 * The one port to everything that is declared: read a snapshot, propose changes, follow changes in order.
 *
 * Embedded and clustered brokers run the same path: whoever declares something proposes it, and it exists once this node's
 * followers have been given it. A store holds all entities, the transient ones too, so that it alone knows what a deletion
 * takes with it; only durable ones survive a restart (see entity.ts).
 *
 * Invariant: the snapshot at some moment, and the changes that followers are given from then on, make the snapshot at any
 * later moment.
 */
import type { FieldTable } from '../protocol/field-table.ts';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: JsonValue;
}

export type QueueType = 'classic' | 'quorum';
export type DestinationType = 'queue' | 'exchange';
export type PasswordHashing = 'sha256' | 'sha512' | 'md5';

export interface VhostRecord {
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  /** What a queue becomes that is declared without x-queue-type. Classic when it is not set. */
  readonly defaultQueueType?: QueueType;
  readonly tracing: boolean;
  /** An id as queues have, for the dead letters that wait in the vhost. It stays what it was when the rest is replaced. */
  readonly lineId?: number;
}

export interface UserRecord {
  readonly name: string;
  /** RabbitMQ's: base64 of four octets of salt and the digest. Empty when the user has no password and cannot log in by one. */
  readonly passwordHash: string;
  readonly hashing: PasswordHashing;
  readonly tags: readonly string[];
  /** `max-connections` and `max-channels`, where set; below 0 is no limit. */
  readonly limits: Readonly<Record<string, number>>;
}

/** The three are sources of regular expressions. */
export interface PermissionRecord {
  readonly user: string;
  readonly vhost: string;
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

/** The two are sources of regular expressions over routing keys of one topic exchange. */
export interface TopicPermissionRecord {
  readonly user: string;
  readonly vhost: string;
  readonly exchange: string;
  readonly write: string;
  readonly read: string;
}

export interface ExchangeRecord {
  readonly vhost: string;
  readonly name: string;
  readonly type: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: FieldTable;
  /** Of an x-delayed-message exchange: an id as queues have, for what waits in it. */
  readonly lineId?: number;
}

export interface QueueRecord {
  readonly vhost: string;
  readonly name: string;
  /** From allocateQueueId(): 1 to 2^32 - 1, never given to another queue, not even to a later one of the same name. */
  readonly id: number;
  readonly type: QueueType;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  /** Exclusive to one connection: gone with it, hence never kept over a restart. */
  readonly exclusive: boolean;
  readonly arguments: FieldTable;
}

/** Bindings are the same when all of this is; the order of the arguments does not count. Bindings of '' are not recorded. */
export interface BindingRecord {
  readonly vhost: string;
  /** The exchange that messages come from. */
  readonly source: string;
  readonly destination: string;
  readonly destinationType: DestinationType;
  readonly routingKey: string;
  readonly arguments: FieldTable;
}

/** A policy or an operator policy. */
export interface PolicyRecord {
  readonly vhost: string;
  readonly name: string;
  /** Source of a regular expression over names. */
  readonly pattern: string;
  readonly applyTo: 'all' | 'queues' | 'classic_queues' | 'quorum_queues' | 'streams' | 'exchanges';
  /** The largest of those that match applies. */
  readonly priority: number;
  readonly definition: JsonObject;
}

/** A runtime parameter: a shovel, a federation upstream, the limits of a vhost (component `vhost-limits`, name `limits`). */
export interface ParameterRecord {
  readonly vhost: string;
  readonly component: string;
  readonly name: string;
  readonly value: JsonValue;
}

/** A parameter of the whole cluster, such as `cluster_name`. */
export interface GlobalParameterRecord {
  readonly name: string;
  readonly value: JsonValue;
}

/**
 * One change of one entity.
 *
 * A put creates or replaces; a delete of what is not there changes nothing, and nobody is told. Replacing is refused where it
 * would make another thing of it (a queue keeps its id, an exchange everything), and left out with `unlessThere`. With `ifUnused` the deletion
 * of an exchange from which something is bound is a conflict. What hangs on
 * a deleted entity is deleted by the store (see catalogue.ts): followers are given each of these deletions as a change of its
 * own, before that of the entity.
 */
export type Change =
  | { readonly kind: 'put-vhost'; readonly vhost: VhostRecord }
  | { readonly kind: 'delete-vhost'; readonly name: string }
  | { readonly kind: 'put-user'; readonly user: UserRecord }
  | { readonly kind: 'delete-user'; readonly name: string }
  | { readonly kind: 'put-permission'; readonly permission: PermissionRecord }
  | { readonly kind: 'delete-permission'; readonly user: string; readonly vhost: string }
  | { readonly kind: 'put-topic-permission'; readonly topicPermission: TopicPermissionRecord }
  | {
      readonly kind: 'delete-topic-permission';
      readonly user: string;
      readonly vhost: string;
      readonly exchange: string;
    }
  | { readonly kind: 'put-exchange'; readonly exchange: ExchangeRecord; readonly unlessThere?: true }
  | { readonly kind: 'delete-exchange'; readonly vhost: string; readonly name: string; readonly ifUnused?: true }
  | { readonly kind: 'put-queue'; readonly queue: QueueRecord; readonly unlessThere?: true }
  | { readonly kind: 'delete-queue'; readonly vhost: string; readonly name: string }
  | { readonly kind: 'put-binding'; readonly binding: BindingRecord }
  | { readonly kind: 'delete-binding'; readonly binding: BindingRecord }
  | { readonly kind: 'put-policy'; readonly policy: PolicyRecord }
  | { readonly kind: 'delete-policy'; readonly vhost: string; readonly name: string }
  | { readonly kind: 'put-operator-policy'; readonly policy: PolicyRecord }
  | { readonly kind: 'delete-operator-policy'; readonly vhost: string; readonly name: string }
  | { readonly kind: 'put-parameter'; readonly parameter: ParameterRecord }
  | { readonly kind: 'delete-parameter'; readonly vhost: string; readonly component: string; readonly name: string }
  | { readonly kind: 'put-global-parameter'; readonly parameter: GlobalParameterRecord }
  | { readonly kind: 'delete-global-parameter'; readonly name: string };

/** Everything at one moment. An entity never comes before what it refers to when the lists are gone through in this order. */
export interface MetadataSnapshot {
  readonly vhosts: readonly VhostRecord[];
  readonly users: readonly UserRecord[];
  readonly permissions: readonly PermissionRecord[];
  readonly topicPermissions: readonly TopicPermissionRecord[];
  readonly exchanges: readonly ExchangeRecord[];
  readonly queues: readonly QueueRecord[];
  readonly bindings: readonly BindingRecord[];
  readonly policies: readonly PolicyRecord[];
  readonly operatorPolicies: readonly PolicyRecord[];
  readonly parameters: readonly ParameterRecord[];
  readonly globalParameters: readonly GlobalParameterRecord[];
}

/** @param by the user who asked for it; left out where the broker itself did. Must not throw */
export type Follower = (change: Change, by?: string) => void;

/** Told once: null when the changes are applied, or why none of them was. */
export type Applied = (error: MetadataError | null) => void;

/**
 * Why a store did not do what it was asked to:
 *   missing      something that a change refers to is not there (any more)
 *   conflict     there is already another queue or exchange of that name
 *   unavailable  it could not be persisted, say because the disk is full; another try may succeed
 *   abandoned    something that was proposed before it in the same line has failed
 *   exhausted    all queue ids were given out
 *   corrupt      what is on disk is damaged
 *   newer        what is on disk was written by a newer Leveret
 */
export type MetadataFault = 'missing' | 'conflict' | 'unavailable' | 'abandoned' | 'exhausted' | 'corrupt' | 'newer';

export class MetadataError extends Error {
  readonly fault: MetadataFault;

  constructor(fault: MetadataFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MetadataError';
    this.fault = fault;
  }
}

/** Proposals that follow from each other: once one has failed, those that come behind it in the line fail, too. */
export interface ProposalLine {
  /** Written by the store. */
  hasFailed: boolean;
}

export interface MetadataStore {
  /** Names this node's data for as long as they exist: a UUID made when the store was first opened. */
  readonly nodeId: string;
  /** The global parameter `cluster_name`, or the name that the store was opened with until that is set. */
  readonly clusterName: string;
  /** Everything as of now; right after opening, what was durable. Lists and records are shared: nobody changes them. */
  snapshot(): MetadataSnapshot;
  /**
   * Makes changes, in order and as one: persisted, then given to every follower, then `applied(null)`. On failure nothing of
   * them happens, whatever becomes of other proposals, and `applied` is told why. What followers propose while they are given
   * the changes is done before `applied` is told. No changes at all are applied when all that was proposed before is done.
   *
   * The embedded stores call back before propose returns only where nothing of it has to be kept, it is short, and no other
   * proposal is being taken.
   */
  propose(changes: readonly Change[], applied: Applied, by?: string, line?: ProposalLine): void;
  /** Gives all changes from now on to `apply`, which must not throw. @returns what ends it. */
  follow(apply: Follower): () => void;
  /** An id that no queue of this broker had before. @throws MetadataError exhausted, unavailable */
  allocateQueueId(): number;
  /** Ends it. Nothing may be asked of it afterwards. */
  close(): void;
}
