/**
 * Whether a user may configure, write to or read from a queue or an exchange, and which routing keys it may use on a topic one.
 *
 * Patterns are compiled when they are first needed and kept until anything changes in the accounts. Whoever asks often (a
 * channel, for every publish) keeps the answer itself, together with the `generation` that it was given in.
 */

import { accessRefused, preconditionFailed } from '../protocol/errors.ts';
import type { Log } from '../runtime/log.ts';
import { type ChannelAccess, type Identity, OPERATOR, type Operation } from './access.ts';
import type { Accounts } from './accounts.ts';
import { compilePattern, MATCHES_NOTHING, type Pattern, PatternError, quotePattern } from './pattern.ts';

export type ResourceKind = 'queue' | 'exchange';
export type TopicOperation = Exclude<Operation, 'configure'>;

/** The name under which RabbitMQ checks, and shows, the exchange whose name is empty. */
const DEFAULT_EXCHANGE_ALIAS = 'amq.default';

/** What an empty source means: nothing but an empty name, hence nothing at all, as no resource has one. */
const EMPTY_SOURCE_MEANS = '^$';

export class Permissions {
  readonly #accounts: Accounts;
  readonly #log: Log;
  /** By the source with its variables replaced. */
  #patterns = new Map<string, Pattern>();
  #patternsGeneration = 0;

  constructor(accounts: Accounts, log: Log) {
    this.#accounts = accounts;
    this.#log = log;
  }

  /** An answer holds as long as this number does. */
  get generation(): number {
    return this.#accounts.generation;
  }

  /** What channels of one user in one vhost ask; good for as long as the connection is. */
  access(identity: Identity, vhost: string): ChannelAccess {
    return identity === OPERATOR ? new OperatorAccess(this, vhost) : new UserAccess(this, identity.user, vhost);
  }

  /** Whether a user may do this with a queue or exchange of this name. The default exchange's name is ''. */
  allows(user: string, vhost: string, operation: Operation, kind: ResourceKind, name: string): boolean {
    const permission = this.#accounts.permission(user, vhost);
    if (permission === undefined) return false;
    return this.#pattern(permission[operation]).matches(shownName(kind, name));
  }

  /** The same as an error. @throws AmqpError 403 with RabbitMQ's text; the caller adds the method */
  check(user: string, vhost: string, operation: Operation, kind: ResourceKind, name: string): void {
    if (this.allows(user, vhost, operation, kind, name)) return;
    throw accessRefused(`access to ${kind} '${shownName(kind, name)}' in vhost '${vhost}' refused for user '${user}'`);
  }

  /**
   * Whether a user may publish to (write) or bind from (read) a topic exchange with this routing key: always, unless there is
   * a topic permission for the exchange. `{username}` and `{vhost}` in it stand for themselves, literally.
   */
  allowsTopic(user: string, vhost: string, operation: TopicOperation, exchange: string, routingKey: string): boolean {
    const permission = this.#accounts.topicPermission(user, vhost, exchange);
    if (permission === undefined) return true;
    return this.#pattern(expandVariables(permission[operation], user, vhost)).matches(routingKey);
  }

  /** The same as an error. @throws AmqpError 403 with RabbitMQ's text; the caller adds the method */
  checkTopic(user: string, vhost: string, operation: TopicOperation, exchange: string, routingKey: string): void {
    if (this.allowsTopic(user, vhost, operation, exchange, routingKey)) return;
    const where = `exchange '${shownName('exchange', exchange)}' in vhost '${vhost}'`;
    throw accessRefused(`access to topic '${routingKey}' in ${where} refused for user '${user}'`);
  }

  /** Whether a vhost may have another queue. @throws AmqpError 406 with RabbitMQ's text */
  checkQueueCount(vhost: string, name: string, count: number): void {
    const max = this.#accounts.vhostLimit(vhost, 'max-queues');
    if (max === undefined || count < max) return;
    throw preconditionFailed(`cannot declare queue '${name}': queue limit in vhost '${vhost}' (${max}) is reached`);
  }

  #pattern(source: string): Pattern {
    if (this.#patternsGeneration !== this.#accounts.generation) {
      this.#patterns = new Map();
      this.#patternsGeneration = this.#accounts.generation;
    }
    const known = this.#patterns.get(source);
    if (known !== undefined) return known;
    const pattern = this.#compile(source);
    this.#patterns.set(source, pattern);
    return pattern;
  }

  /** Permissions are checked before they are stored, so a bad one came from somewhere else: it must not open anything. */
  #compile(source: string): Pattern {
    try {
      return compilePattern(source === '' ? EMPTY_SOURCE_MEANS : source);
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      this.#log.error('auth', `a permission that allows nothing: ${error.message}`);
      return MATCHES_NOTHING;
    }
  }
}

class UserAccess implements ChannelAccess {
  readonly #permissions: Permissions;
  readonly #user: string;
  readonly #vhost: string;

  constructor(permissions: Permissions, user: string, vhost: string) {
    this.#permissions = permissions;
    this.#user = user;
    this.#vhost = vhost;
  }

  get generation(): number {
    return this.#permissions.generation;
  }

  check(kind: ResourceKind, name: string, operation: Operation): void {
    this.#permissions.check(this.#user, this.#vhost, operation, kind, name);
  }

  checkTopic(exchange: string, routingKey: string, operation: TopicOperation): void {
    this.#permissions.checkTopic(this.#user, this.#vhost, operation, exchange, routingKey);
  }

  checkQueueCount(name: string, count: number): void {
    this.#permissions.checkQueueCount(this.#vhost, name, count);
  }
}

/** Nothing is refused but what the vhost has no room for. */
class OperatorAccess implements ChannelAccess {
  readonly generation = 0;
  readonly #permissions: Permissions;
  readonly #vhost: string;

  constructor(permissions: Permissions, vhost: string) {
    this.#permissions = permissions;
    this.#vhost = vhost;
  }

  check(): void {}

  checkTopic(): void {}

  checkQueueCount(name: string, count: number): void {
    this.#permissions.checkQueueCount(this.#vhost, name, count);
  }
}

function shownName(kind: ResourceKind, name: string): string {
  return kind === 'exchange' && name === '' ? DEFAULT_EXCHANGE_ALIAS : name;
}

/** RabbitMQ puts the names in as they are, so that the user `a.c` may use what belongs to `abc`; here they are quoted. */
function expandVariables(source: string, user: string, vhost: string): string {
  const quoted: Readonly<Record<string, string>> = { '{username}': quotePattern(user), '{vhost}': quotePattern(vhost) };
  return source.replace(/\{username\}|\{vhost\}/g, (variable) => quoted[variable]!);
}
