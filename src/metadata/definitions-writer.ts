/**
 * Writes RabbitMQ's definitions format: what readDefinitions() reads. Invariant: read into an empty store, it makes what was
 * written, but for the ids of queues and the exact types of numbers in arguments, which JSON has no words for.
 *
 * Left out is what every vhost has anyway (the default exchange, `amq.*`), and what dies with a connection.
 */
import { type PlainObject, toPlain } from '../protocol/field-table.ts';
import { OPERATOR_POLICY } from './definitions.ts';
import type {
  BindingRecord,
  ExchangeRecord,
  MetadataSnapshot,
  ParameterRecord,
  PolicyRecord,
  QueueRecord,
  UserRecord,
  VhostRecord,
} from './port.ts';

/** The lists by name. What is in them is written when it is asked for: there may be tens of thousands. */
export type DefinitionLists = { readonly [name: string]: Iterable<object> };

/** Everything of a broker. */
export function writeDefinitions(snapshot: MetadataSnapshot): DefinitionLists {
  const { users, vhosts, permissions, topicPermissions, globalParameters } = snapshot;
  const { parameters, ...declared } = writeVhost(snapshot, undefined);
  return {
    users: written(users, userJson),
    vhosts: written(vhosts, vhostJson),
    permissions,
    topic_permissions: topicPermissions,
    parameters: parameters!,
    global_parameters: globalParameters,
    ...declared,
  };
}

/** What is declared in one vhost, without its name: it can be read into another one. */
export function writeVhostDefinitions(snapshot: MetadataSnapshot, vhost: string): DefinitionLists {
  return writeVhost(snapshot, vhost);
}

function writeVhost(snapshot: MetadataSnapshot, only: string | undefined): DefinitionLists {
  const isIn = ({ vhost }: { readonly vhost: string }) => only === undefined || vhost === only;
  const place = ({ vhost }: { readonly vhost: string }) => (only === undefined ? { vhost } : {});
  const dying = new Set(snapshot.queues.filter(({ exclusive }) => exclusive).map(keyIn));
  const isKept = (binding: BindingRecord) => {
    const isOfNone = dying.size === 0 || binding.destinationType === 'exchange';
    return isIn(binding) && (isOfNone || !dying.has(keyIn({ ...binding, name: binding.destination })));
  };
  return {
    parameters: [...snapshot.parameters, ...snapshot.operatorPolicies.map(operatorPolicyJson)].filter(isIn),
    policies: written(snapshot.policies, policyJson, isIn),
    queues: written(
      snapshot.queues,
      (queue) => ({ ...place(queue), ...queueJson(queue) }),
      (queue) => isIn(queue) && !queue.exclusive,
    ),
    exchanges: written(
      snapshot.exchanges,
      (exchange) => ({ ...place(exchange), ...exchangeJson(exchange) }),
      (exchange) => isIn(exchange) && !isPredeclared(exchange),
    ),
    bindings: written(snapshot.bindings, (binding) => ({ ...place(binding), ...bindingJson(binding) }), isKept),
  };
}

function* written<T>(
  records: readonly T[],
  json: (record: T) => object,
  isWanted: (record: T) => boolean = () => true,
): Iterable<object> {
  for (const record of records) if (isWanted(record)) yield json(record);
}

function keyIn({ vhost, name }: { readonly vhost: string; readonly name: string }): string {
  return JSON.stringify([vhost, name]);
}

function isPredeclared({ name }: ExchangeRecord): boolean {
  return name === '' || name.startsWith('amq.');
}

function userJson({ name, passwordHash, hashing, tags, limits }: UserRecord): object {
  const algorithm = `rabbit_password_hashing_${hashing}`;
  return { name, password_hash: passwordHash, hashing_algorithm: algorithm, tags, limits };
}

function vhostJson({ name, description, tags, defaultQueueType, tracing }: VhostRecord): object {
  const type = defaultQueueType === undefined ? {} : { default_queue_type: defaultQueueType };
  return { name, metadata: { description, tags, ...type }, ...(tracing ? { tracing } : {}) };
}

function policyJson({ vhost, name, pattern, applyTo, definition, priority }: PolicyRecord) {
  return { vhost, name, pattern, 'apply-to': applyTo, definition, priority };
}

function operatorPolicyJson(policy: PolicyRecord): ParameterRecord {
  const { vhost, name, ...value } = policyJson(policy);
  return { vhost, component: OPERATOR_POLICY, name, value };
}

function queueJson({ name, durable, autoDelete, arguments: args }: QueueRecord): object {
  return { name, durable, auto_delete: autoDelete, arguments: plain(args) };
}

function exchangeJson({ name, type, durable, autoDelete, internal, arguments: args }: ExchangeRecord): object {
  return { name, type, durable, auto_delete: autoDelete, internal, arguments: plain(args) };
}

function bindingJson({ source, destination, destinationType, routingKey, arguments: args }: BindingRecord): object {
  return { source, destination, destination_type: destinationType, routing_key: routingKey, arguments: plain(args) };
}

function plain(args: QueueRecord['arguments']): PlainObject {
  return toPlain(args);
}
