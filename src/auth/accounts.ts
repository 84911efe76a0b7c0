/**
 * What a login and a permission check ask the metadata: users, vhosts, permissions, limits. A follower of the store, so that
 * none of it is looked for in a snapshot.
 *
 * Invariant: `generation` grows with every change that may change an answer of this folder.
 */
import type {
  Change,
  JsonValue,
  MetadataStore,
  ParameterRecord,
  PermissionRecord,
  TopicPermissionRecord,
  UserRecord,
} from '../metadata/port.ts';

/** RabbitMQ keeps a vhost's limits as a parameter of this component and name. */
const VHOST_LIMITS_COMPONENT = 'vhost-limits';
const VHOST_LIMITS_NAME = 'limits';

export class Accounts {
  readonly #users = new Map<string, UserRecord>();
  readonly #vhosts = new Set<string>();
  readonly #vhostLimits = new Map<string, JsonValue>();
  /** By accountKey(). */
  readonly #permissions = new Map<string, PermissionRecord>();
  /** By accountKey(), then by exchange. */
  readonly #topicPermissions = new Map<string, Map<string, TopicPermissionRecord>>();
  readonly #unfollow: () => void;
  #generation = 0;

  constructor(store: MetadataStore) {
    const { users, vhosts, parameters, permissions, topicPermissions } = store.snapshot();
    for (const user of users) this.#users.set(user.name, user);
    for (const vhost of vhosts) this.#vhosts.add(vhost.name);
    for (const parameter of parameters) this.#putParameter(parameter);
    for (const permission of permissions)
      this.#permissions.set(accountKey(permission.user, permission.vhost), permission);
    for (const topicPermission of topicPermissions) this.#putTopicPermission(topicPermission);
    this.#unfollow = store.follow((change) => {
      if (this.#apply(change)) this.#generation++;
    });
  }

  /** A number that differs from an earlier one whenever an earlier answer may be out of date. */
  get generation(): number {
    return this.#generation;
  }

  user(name: string): UserRecord | undefined {
    return this.#users.get(name);
  }

  hasVhost(name: string): boolean {
    return this.#vhosts.has(name);
  }

  /** What a user may do in a vhost; undefined when it may not even enter. */
  permission(user: string, vhost: string): PermissionRecord | undefined {
    return this.#permissions.get(accountKey(user, vhost));
  }

  /** What restricts a user's routing keys on an exchange; undefined when nothing does. */
  topicPermission(user: string, vhost: string, exchange: string): TopicPermissionRecord | undefined {
    return this.#topicPermissions.get(accountKey(user, vhost))?.get(exchange);
  }

  /** A limit of a user, such as `max-connections`; undefined when there is none. */
  userLimit(user: string, limit: string): number | undefined {
    return limitOf(this.#users.get(user)?.limits[limit]);
  }

  /** A limit of a vhost, such as `max-connections`; undefined when there is none. */
  vhostLimit(vhost: string, limit: string): number | undefined {
    const limits = this.#vhostLimits.get(vhost);
    if (limits === null || typeof limits !== 'object' || Array.isArray(limits)) return undefined;
    return limitOf((limits as Readonly<Record<string, JsonValue>>)[limit]);
  }

  /** Stops following the store. */
  close(): void {
    this.#unfollow();
  }

  /** @returns whether the change was of any interest */
  #apply(change: Change): boolean {
    switch (change.kind) {
      case 'put-user':
        this.#users.set(change.user.name, change.user);
        return true;
      case 'delete-user':
        return this.#users.delete(change.name);
      case 'put-vhost':
        this.#vhosts.add(change.vhost.name);
        return true;
      case 'delete-vhost':
        return this.#vhosts.delete(change.name);
      case 'put-permission':
        this.#permissions.set(accountKey(change.permission.user, change.permission.vhost), change.permission);
        return true;
      case 'delete-permission':
        return this.#permissions.delete(accountKey(change.user, change.vhost));
      case 'put-topic-permission':
        this.#putTopicPermission(change.topicPermission);
        return true;
      case 'delete-topic-permission':
        return this.#topicPermissions.get(accountKey(change.user, change.vhost))?.delete(change.exchange) ?? false;
      case 'put-parameter':
        return this.#putParameter(change.parameter);
      case 'delete-parameter':
        return isVhostLimits(change) && this.#vhostLimits.delete(change.vhost);
      default:
        return false;
    }
  }

  #putTopicPermission(topicPermission: TopicPermissionRecord): void {
    const key = accountKey(topicPermission.user, topicPermission.vhost);
    const ofAccount = this.#topicPermissions.get(key) ?? new Map<string, TopicPermissionRecord>();
    this.#topicPermissions.set(key, ofAccount.set(topicPermission.exchange, topicPermission));
  }

  #putParameter(parameter: ParameterRecord): boolean {
    if (!isVhostLimits(parameter)) return false;
    this.#vhostLimits.set(parameter.vhost, parameter.value);
    return true;
  }
}

/** A key for a user in a vhost that no other pair has, whatever the names. */
function accountKey(user: string, vhost: string): string {
  return `${user.length} ${user}${vhost}`;
}

function isVhostLimits(of: { readonly component: string; readonly name: string }): boolean {
  return of.component === VHOST_LIMITS_COMPONENT && of.name === VHOST_LIMITS_NAME;
}

/** Below zero means no limit, as in RabbitMQ. */
function limitOf(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined;
}
