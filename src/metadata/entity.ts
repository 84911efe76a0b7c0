/**
 * What the stores know of an entity without knowing what it is: its key, what it hangs on, and whether it is durable.
 *
 * A key is a JSON array of the kind and the names, so that no octet in a name can make two entities one:
 * `["queue","/","orders"]`. An entity cannot be without its parents, and is deleted with any of them:
 *
 *   vhost <- exchange, queue, policy, operator-policy, parameter      vhost, user <- permission, topic-permission
 *   source exchange, destination (queue or exchange) <- binding
 */
import type { FieldTable } from '../protocol/field-table.ts';
import { tableToJson } from '../protocol/field-table.ts';
import type { BindingRecord, Change } from './port.ts';

export type Put = Extract<Change, { kind: `put-${string}` }>;
export type Delete = Extract<Change, { kind: `delete-${string}` }>;

/** The kinds of entities, each after those that it may hang on. */
export const ENTITY_KINDS = [
  'vhost',
  'user',
  'permission',
  'topic-permission',
  'exchange',
  'queue',
  'binding',
  'policy',
  'operator-policy',
  'parameter',
  'global-parameter',
] as const;

export type EntityKind = (typeof ENTITY_KINDS)[number];

export function isPut(change: Change): change is Put {
  return change.kind.startsWith('put-');
}

/** The key of what a change is about. */
export function keyOf(change: Change): string {
  return isPut(change) ? keyOfPut(change) : keyOfDelete(change);
}

/** The keys of what has to be there for this entity to be; see above. */
export function parentKeysOf(put: Put): readonly string[] {
  switch (put.kind) {
    case 'put-permission':
      return [vhostKey(put.permission.vhost), key('user', put.permission.user)];
    case 'put-topic-permission':
      return [vhostKey(put.topicPermission.vhost), key('user', put.topicPermission.user)];
    case 'put-exchange':
      return [vhostKey(put.exchange.vhost)];
    case 'put-queue':
      return [vhostKey(put.queue.vhost)];
    case 'put-binding':
      return bindingEndKeys(put.binding);
    case 'put-policy':
    case 'put-operator-policy':
      return [vhostKey(put.policy.vhost)];
    case 'put-parameter':
      return [vhostKey(put.parameter.vhost)];
    default:
      return [];
  }
}

/** Durable as far as the entity itself says. It is kept over a restart if its parents are, too: a binding has no say of its own. */
export function isDurableByItself(put: Put): boolean {
  if (put.kind === 'put-exchange') return put.exchange.durable;
  if (put.kind === 'put-queue') return put.queue.durable && !put.queue.exclusive;
  return true;
}

/** The change that deletes what was put. */
export function deletionOf(put: Put): Delete {
  switch (put.kind) {
    case 'put-vhost':
      return { kind: 'delete-vhost', name: put.vhost.name };
    case 'put-user':
      return { kind: 'delete-user', name: put.user.name };
    case 'put-permission':
      return { kind: 'delete-permission', user: put.permission.user, vhost: put.permission.vhost };
    case 'put-topic-permission': {
      const { user, vhost, exchange } = put.topicPermission;
      return { kind: 'delete-topic-permission', user, vhost, exchange };
    }
    case 'put-exchange':
      return { kind: 'delete-exchange', vhost: put.exchange.vhost, name: put.exchange.name };
    case 'put-queue':
      return { kind: 'delete-queue', vhost: put.queue.vhost, name: put.queue.name };
    case 'put-binding':
      return { kind: 'delete-binding', binding: put.binding };
    case 'put-policy':
      return { kind: 'delete-policy', vhost: put.policy.vhost, name: put.policy.name };
    case 'put-operator-policy':
      return { kind: 'delete-operator-policy', vhost: put.policy.vhost, name: put.policy.name };
    case 'put-parameter': {
      const { vhost, component, name } = put.parameter;
      return { kind: 'delete-parameter', vhost, component, name };
    }
    case 'put-global-parameter':
      return { kind: 'delete-global-parameter', name: put.parameter.name };
  }
}

/** The key of a global parameter, for those that the stores themselves read. */
export function globalParameterKey(name: string): string {
  return key('global-parameter', name);
}

function keyOfPut(put: Put): string {
  switch (put.kind) {
    case 'put-vhost':
      return vhostKey(put.vhost.name);
    case 'put-user':
      return key('user', put.user.name);
    case 'put-permission':
      return key('permission', put.permission.vhost, put.permission.user);
    case 'put-topic-permission':
      return topicPermissionKey(put.topicPermission);
    case 'put-exchange':
      return key('exchange', put.exchange.vhost, put.exchange.name);
    case 'put-queue':
      return key('queue', put.queue.vhost, put.queue.name);
    case 'put-binding':
      return bindingKey(put.binding);
    case 'put-policy':
      return key('policy', put.policy.vhost, put.policy.name);
    case 'put-operator-policy':
      return key('operator-policy', put.policy.vhost, put.policy.name);
    case 'put-parameter':
      return key('parameter', put.parameter.vhost, put.parameter.component, put.parameter.name);
    case 'put-global-parameter':
      return globalParameterKey(put.parameter.name);
  }
}

function keyOfDelete(change: Delete): string {
  switch (change.kind) {
    case 'delete-vhost':
      return vhostKey(change.name);
    case 'delete-user':
      return key('user', change.name);
    case 'delete-permission':
      return key('permission', change.vhost, change.user);
    case 'delete-topic-permission':
      return topicPermissionKey(change);
    case 'delete-exchange':
      return key('exchange', change.vhost, change.name);
    case 'delete-queue':
      return key('queue', change.vhost, change.name);
    case 'delete-binding':
      return bindingKey(change.binding);
    case 'delete-policy':
      return key('policy', change.vhost, change.name);
    case 'delete-operator-policy':
      return key('operator-policy', change.vhost, change.name);
    case 'delete-parameter':
      return key('parameter', change.vhost, change.component, change.name);
    case 'delete-global-parameter':
      return globalParameterKey(change.name);
  }
}

function vhostKey(name: string): string {
  return key('vhost', name);
}

function topicPermissionKey(of: { readonly vhost: string; readonly user: string; readonly exchange: string }): string {
  return key('topic-permission', of.vhost, of.user, of.exchange);
}

function bindingKey(binding: BindingRecord): string {
  const { vhost, source, destinationType, destination, routingKey } = binding;
  return key('binding', vhost, source, destinationType, destination, routingKey, sortedArguments(binding.arguments));
}

function bindingEndKeys(binding: BindingRecord): readonly string[] {
  const { vhost, source, destinationType, destination } = binding;
  return [key('exchange', vhost, source), key(destinationType, vhost, destination)];
}

/** The order in which a client wrote the arguments makes no other binding of it: RabbitMQ sorts them by name as well. */
function sortedArguments(table: FieldTable): string {
  if (table.size === 0) return '';
  const fields = Array.from(tableToJson(table));
  return JSON.stringify(fields.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function key(kind: EntityKind, ...names: string[]): string {
  return JSON.stringify([kind, ...names]);
}
