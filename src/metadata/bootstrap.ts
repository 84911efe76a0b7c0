/** What a broker has before anybody declares anything: a vhost, a user, and in every vhost the predeclared exchanges. */
import { EMPTY_TABLE } from '../protocol/field-table.ts';
import type { Log } from '../runtime/log.ts';
import type { Change, ExchangeRecord, MetadataStore, PermissionRecord, UserRecord, VhostRecord } from './port.ts';

export interface BootstrapOptions {
  /** RabbitMQ's `default_vhost`. */
  readonly vhost: string;
  /** RabbitMQ's `default_user`, `default_pass` (hashed) and `default_user_tags`. */
  readonly user: UserRecord;
  /** RabbitMQ's `default_permissions`; all three are `.*` there. */
  readonly permissions: Pick<PermissionRecord, 'configure' | 'write' | 'read'>;
}

/** Name and type of the exchanges of every vhost (3.1.3 of the specification); the last two are RabbitMQ's own. */
const PREDECLARED_EXCHANGES: readonly (readonly [name: string, type: string])[] = [
  ['', 'direct'],
  ['amq.direct', 'direct'],
  ['amq.fanout', 'fanout'],
  ['amq.topic', 'topic'],
  ['amq.headers', 'headers'],
  ['amq.match', 'headers'],
  ['amq.rabbitmq.trace', 'topic'],
];

/** The one that only the broker itself publishes to. */
const TRACE_EXCHANGE = 'amq.rabbitmq.trace';

/**
 * Gives a store without any vhost and any user its first ones; another one is left as it is.
 * @returns whether it did. @throws MetadataError as propose() says
 */
export async function bootstrap(store: MetadataStore, options: BootstrapOptions): Promise<boolean> {
  const { vhosts, users } = store.snapshot();
  if (vhosts.length > 0 || users.length > 0) return false;
  const vhost = { name: options.vhost, description: 'Default virtual host', tags: [], tracing: false };
  const permission = { user: options.user.name, vhost: vhost.name, ...options.permissions };
  await proposed(store, [
    ...newVhostChanges(vhost, store),
    { kind: 'put-user', user: options.user },
    { kind: 'put-permission', permission },
  ]);
  return true;
}

/** Deletes all that was ever declared, for a node that is to be as new. @throws MetadataError as propose() says */
export async function eraseDefinitions(store: MetadataStore): Promise<void> {
  const { vhosts, users, globalParameters } = store.snapshot();
  await proposed(store, [
    ...vhosts.map(({ name }) => ({ kind: 'delete-vhost', name }) as const),
    ...users.map(({ name }) => ({ kind: 'delete-user', name }) as const),
    ...globalParameters.map(({ name }) => ({ kind: 'delete-global-parameter', name }) as const),
  ]);
}

/** Tracing ends with the process, as in RabbitMQ: whoever forgets it pays until the next start, not for good. */
export async function endTracing(store: MetadataStore): Promise<void> {
  const traced = store.snapshot().vhosts.filter(({ tracing }) => tracing);
  if (traced.length === 0) return;
  await proposed(
    store,
    traced.map((vhost) => ({ kind: 'put-vhost', vhost: { ...vhost, tracing: false } })),
  );
}

/** Vhosts of an older version have no id for what waits in them: they are given one. @throws MetadataError as propose() says */
export async function completeVhosts(store: MetadataStore): Promise<void> {
  const incomplete = store.snapshot().vhosts.filter(({ lineId }) => lineId === undefined);
  if (incomplete.length === 0) return;
  await proposed(
    store,
    incomplete.map((vhost) => ({ kind: 'put-vhost', vhost: { ...vhost, lineId: store.allocateQueueId() } })),
  );
}

/** Makes a topic exchange that only the broker itself publishes to, where it is not there yet. */
export async function declareInternalTopic(store: MetadataStore, vhost: string, name: string, log: Log): Promise<void> {
  const { vhosts, exchanges } = store.snapshot();
  if (!vhosts.some((each) => each.name === vhost)) {
    return log.warning('broker', `there is no vhost '${vhost}': nothing is published to ${name}`);
  }
  if (exchanges.some((each) => each.vhost === vhost && each.name === name)) return;
  const exchange = { ...predeclared(vhost, name, 'topic'), internal: true };
  await proposed(store, [{ kind: 'put-exchange', exchange }]);
}

/**
 * What makes a vhost: itself and its predeclared exchanges. Whoever creates one proposes all of these at once.
 * @throws MetadataError as allocateQueueId() says
 */
export function newVhostChanges(record: VhostRecord, store: Pick<MetadataStore, 'allocateQueueId'>): Change[] {
  const vhost = { ...record, lineId: store.allocateQueueId() };
  const exchanges = PREDECLARED_EXCHANGES.map(([name, type]) => predeclared(vhost.name, name, type));
  return [{ kind: 'put-vhost', vhost }, ...exchanges.map((exchange) => ({ kind: 'put-exchange' as const, exchange }))];
}

function predeclared(vhost: string, name: string, type: string): ExchangeRecord {
  const internal = name === TRACE_EXCHANGE;
  return { vhost, name, type, durable: true, autoDelete: false, internal, arguments: EMPTY_TABLE };
}

function proposed(store: MetadataStore, changes: readonly Change[]): Promise<void> {
  return new Promise((resolve, reject) => {
    store.propose(changes, (error) => (error === null ? resolve() : reject(error)));
  });
}
