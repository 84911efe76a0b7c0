/**
 * RabbitMQ's definitions format: users, vhosts and what is declared in them, as one JSON file.
 *
 *   readDefinitions     JSON -> records, each field checked for its kind
 *   definitionChanges   records -> what has to change in a store: users, vhosts, permissions, parameters and policies are put over
 *                       what is there, exchanges and queues that are there already stay as they are, as in RabbitMQ's import
 *
 * Whether a pattern, a policy, a type or an argument can be used is for the folders above to say (vhost/definition-import.ts).
 *
 * Nothing is left out in silence: what this broker does not act upon is refused.
 */
import { fromPlain, type PlainObject } from '../protocol/field-table.ts';
import { eachStep, type Steps } from '../runtime/slices.ts';
import { newVhostChanges } from './bootstrap.ts';
import { DefinitionFields } from './definition-fields.ts';
import type {
  BindingRecord,
  Change,
  ExchangeRecord,
  GlobalParameterRecord,
  MetadataStore,
  ParameterRecord,
  PasswordHashing,
  PermissionRecord,
  PolicyRecord,
  QueueRecord,
  TopicPermissionRecord,
  UserRecord,
  VhostRecord,
} from './port.ts';

/** A queue is given its id when it is made, and its type by its arguments. */
export type DefinedQueue = Omit<QueueRecord, 'id' | 'type'>;

export interface Definitions {
  readonly users: readonly UserRecord[];
  readonly vhosts: readonly VhostRecord[];
  readonly permissions: readonly PermissionRecord[];
  readonly topicPermissions: readonly TopicPermissionRecord[];
  readonly parameters: readonly ParameterRecord[];
  readonly globalParameters: readonly GlobalParameterRecord[];
  readonly policies: readonly PolicyRecord[];
  readonly operatorPolicies: readonly PolicyRecord[];
  readonly exchanges: readonly ExchangeRecord[];
  readonly queues: readonly DefinedQueue[];
  readonly bindings: readonly BindingRecord[];
}

const HASHING: Readonly<Record<string, PasswordHashing>> = {
  rabbit_password_hashing_sha256: 'sha256',
  rabbit_password_hashing_sha512: 'sha512',
  rabbit_password_hashing_md5: 'md5',
};

/** RabbitMQ writes operator policies as parameters of this component. */
export const OPERATOR_POLICY = 'operator_policy';

const APPLY_TO = ['all', 'queues', 'classic_queues', 'quorum_queues', 'streams', 'exchanges'] as const;

/** The lists that a file may hold. */
const LISTS = [
  'users',
  'vhosts',
  'permissions',
  'topic_permissions',
  'parameters',
  'global_parameters',
  'policies',
  'exchanges',
  'queues',
  'bindings',
];

/**
 * Reads what JSON.parse() gave.
 * @param hashPassword for users whose password stands in the file as it is
 * @throws DefinitionsError that says where and why
 */
export function* readDefinitions(json: unknown, hashPassword: (password: string) => string): Steps<Definitions> {
  const file = new DefinitionFields(json, '');
  refuseUnknownLists(file);
  const parameters = file.list('parameters');
  const isOperatorPolicy = (parameter: DefinitionFields) => parameter.text('component') === OPERATOR_POLICY;
  return {
    users: yield* eachStep(file.list('users'), (user) => readUser(user, hashPassword)),
    vhosts: file.list('vhosts').map(readVhost),
    permissions: yield* eachStep(file.list('permissions'), readPermission),
    topicPermissions: yield* eachStep(file.list('topic_permissions'), readTopicPermission),
    parameters: [
      ...file.list('vhosts').flatMap(readVhostLimits),
      ...parameters.filter((parameter) => !isOperatorPolicy(parameter)).map(readParameter),
    ],
    globalParameters: file.list('global_parameters').map((parameter) => {
      return { name: parameter.name('name'), value: parameter.value('value') };
    }),
    policies: file.list('policies').map((policy) => readPolicy(policy, policy)),
    operatorPolicies: parameters.filter(isOperatorPolicy).map((policy) => readPolicy(policy, policy.inner('value'))),
    exchanges: yield* eachStep(file.list('exchanges'), readExchange),
    queues: yield* eachStep(file.list('queues'), readQueue),
    bindings: yield* eachStep(file.list('bindings'), readBinding),
  };
}

/** The changes that bring a store to what is defined. @param typeOf the type of a queue, by its arguments */
export function* definitionChanges(
  definitions: Definitions,
  store: MetadataStore,
  typeOf: (queue: DefinedQueue) => QueueRecord['type'],
): Steps<Change[]> {
  const { vhosts, exchanges, queues } = store.snapshot();
  const known = new Set(vhosts.map(({ name }) => name));
  const isNewExchange = yield* newcomers(exchanges);
  const isNewQueue = yield* newcomers(queues);
  const changes: Change[] = [];
  for (const change of changesOf(definitions, (vhost) => known.has(vhost), store)) {
    yield;
    if (change.kind === 'new-exchange') {
      const { exchange } = change;
      if (isNewExchange(exchange))
        changes.push({ kind: 'put-exchange', exchange: withLine(exchange, store), unlessThere: true });
    } else if (change.kind === 'new-queue') {
      const { queue } = change;
      if (!isNewQueue(queue)) continue;
      const record = { ...queue, id: store.allocateQueueId(), type: typeOf(queue) };
      changes.push({ kind: 'put-queue', queue: record, unlessThere: true });
    } else changes.push(change);
  }
  return changes;
}

/** What is put unless it is there already. */
type Newcomer =
  | { readonly kind: 'new-exchange'; readonly exchange: ExchangeRecord }
  | { readonly kind: 'new-queue'; readonly queue: DefinedQueue };

function* changesOf(
  definitions: Definitions,
  isKnown: (vhost: string) => boolean,
  store: MetadataStore,
): Iterable<Change | Newcomer> {
  for (const vhost of definitions.vhosts) {
    if (isKnown(vhost.name)) yield { kind: 'put-vhost', vhost };
    else yield* newVhostChanges(vhost, store);
  }
  for (const user of definitions.users) yield { kind: 'put-user', user };
  for (const permission of definitions.permissions) yield { kind: 'put-permission', permission };
  for (const topicPermission of definitions.topicPermissions) yield { kind: 'put-topic-permission', topicPermission };
  for (const parameter of definitions.parameters) yield { kind: 'put-parameter', parameter };
  for (const parameter of definitions.globalParameters) yield { kind: 'put-global-parameter', parameter };
  for (const policy of definitions.policies) yield { kind: 'put-policy', policy };
  for (const policy of definitions.operatorPolicies) yield { kind: 'put-operator-policy', policy };
  for (const exchange of definitions.exchanges) yield { kind: 'new-exchange', exchange };
  for (const queue of definitions.queues) yield { kind: 'new-queue', queue };
  for (const binding of definitions.bindings) yield { kind: 'put-binding', binding };
}

/** What waits in an x-delayed-message exchange is kept under an id of its own. */
function withLine(exchange: ExchangeRecord, store: MetadataStore): ExchangeRecord {
  return exchange.type === 'x-delayed-message' ? { ...exchange, lineId: store.allocateQueueId() } : exchange;
}

/** RabbitMQ's own files have keys beside the lists, which tell of the broker that wrote them. */
function refuseUnknownLists(file: DefinitionFields): void {
  for (const name of file.names) {
    if (LISTS.includes(name) || !file.isList(name)) continue;
    throw file.error(name, `is none of the lists ${LISTS.join(', ')}`);
  }
}

function readUser(user: DefinitionFields, hashPassword: (password: string) => string): UserRecord {
  const algorithm = user.choice('hashing_algorithm', Object.keys(HASHING), 'rabbit_password_hashing_sha256');
  const record = { name: user.name('name'), tags: user.texts('tags'), limits: user.counts('limits') };
  if (!user.has('password'))
    return { ...record, passwordHash: user.text('password_hash', ''), hashing: HASHING[algorithm]! };
  if (user.has('password_hash')) throw user.error('password', 'stands beside a password_hash; only one of them can be');
  return { ...record, passwordHash: hashPassword(user.text('password')), hashing: 'sha256' };
}

/** Description and tags stand in `metadata`, in older files in the vhost itself. */
function readVhost(vhost: DefinitionFields): VhostRecord {
  const metadata = vhost.has('metadata') ? vhost.inner('metadata') : vhost;
  const record = {
    name: vhost.name('name'),
    description: metadata.text('description', ''),
    tags: metadata.texts('tags', []),
    tracing: vhost.flag('tracing', false),
  };
  const type = metadata.has('default_queue_type') ? metadata : vhost;
  // Clients that read a document and send it back write what was not there as an empty text.
  if (['', 'undefined'].includes(type.text('default_queue_type', ''))) return record;
  return { ...record, defaultQueueType: type.choice('default_queue_type', ['classic', 'quorum']) };
}

/** Newer files have a vhost's limits with the vhost. */
function readVhostLimits(vhost: DefinitionFields): ParameterRecord[] {
  const value = vhost.counts('limits');
  if (Object.keys(value).length === 0) return [];
  return [{ vhost: vhost.name('name'), component: 'vhost-limits', name: 'limits', value }];
}

function readPermission(permission: DefinitionFields): PermissionRecord {
  return {
    user: permission.name('user'),
    vhost: permission.name('vhost'),
    configure: permission.text('configure'),
    write: permission.text('write'),
    read: permission.text('read'),
  };
}

function readTopicPermission(permission: DefinitionFields): TopicPermissionRecord {
  return {
    user: permission.name('user'),
    vhost: permission.name('vhost'),
    exchange: permission.name('exchange', ''),
    write: permission.text('write'),
    read: permission.text('read'),
  };
}

function readParameter(parameter: DefinitionFields): ParameterRecord {
  return {
    vhost: parameter.name('vhost'),
    component: parameter.name('component'),
    name: parameter.name('name'),
    value: parameter.value('value'),
  };
}

/** @param names has its vhost and its name. @param fields has the rest */
function readPolicy(names: DefinitionFields, fields: DefinitionFields): PolicyRecord {
  return {
    vhost: names.name('vhost'),
    name: names.name('name'),
    pattern: fields.text('pattern'),
    applyTo: fields.choice('apply-to', APPLY_TO, 'all'),
    priority: fields.number('priority', 0),
    definition: fields.object('definition'),
  };
}

function readExchange(exchange: DefinitionFields): ExchangeRecord {
  return {
    vhost: exchange.name('vhost'),
    name: exchange.name('name'),
    type: exchange.text('type'),
    durable: exchange.flag('durable'),
    autoDelete: exchange.flag('auto_delete'),
    internal: exchange.flag('internal', false),
    arguments: readArguments(exchange),
  };
}

function readQueue(queue: DefinitionFields): DefinedQueue {
  return {
    vhost: queue.name('vhost'),
    name: queue.name('name'),
    durable: queue.flag('durable'),
    autoDelete: queue.flag('auto_delete'),
    exclusive: false,
    arguments: readArguments(queue),
  };
}

function readBinding(binding: DefinitionFields): BindingRecord {
  return {
    vhost: binding.name('vhost'),
    source: binding.name('source'),
    destination: binding.name('destination'),
    destinationType: binding.choice('destination_type', ['queue', 'exchange']),
    routingKey: binding.name('routing_key', ''),
    arguments: readArguments(binding),
  };
}

function readArguments(fields: DefinitionFields): ReturnType<typeof fromPlain> {
  return fromPlain(fields.object('arguments') as PlainObject);
}

/** What tells of each name whether it comes for the first time. */
function* newcomers(known: readonly Placed[]): Steps<(record: Placed) => boolean> {
  const seen = new Set(yield* eachStep(known, keyIn));
  return (record) => {
    const { size } = seen;
    return seen.add(keyIn(record)).size > size;
  };
}

interface Placed {
  readonly vhost: string;
  readonly name: string;
}

function keyIn({ vhost, name }: Placed): string {
  return JSON.stringify([vhost, name]);
}
