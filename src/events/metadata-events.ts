/** What a change of the metadata is as events, with RabbitMQ's keys and headers in RabbitMQ's order. */
import type {
  BindingRecord,
  Change,
  ExchangeRecord,
  JsonValue,
  ParameterRecord,
  PermissionRecord,
  PolicyRecord,
  QueueRecord,
  TopicPermissionRecord,
  UserRecord,
  VhostRecord,
} from '../metadata/port.ts';
import { withoutUriSecrets } from '../metadata/uri-secrets.ts';
import type { FieldTable, FieldValue } from '../protocol/field-table.ts';
import { printedOctets } from '../protocol/octets-text.ts';
import { encodeText } from '../protocol/text.ts';
import { by, type Event, flag, type Header, number, terms, text, texts } from './event-exchange.ts';

const VHOST_LIMITS = 'vhost-limits';

export interface Circumstances {
  /** Who asked for it; undefined: the broker itself. */
  readonly by: string | undefined;
  readonly nodeName: string;
  /** What was there before. */
  readonly user: UserRecord | undefined;
  readonly vhost: VhostRecord | undefined;
}

export function eventsOf(change: Change, circumstances: Circumstances): Event[] {
  const who = by(circumstances.by);
  switch (change.kind) {
    case 'put-vhost':
      return [vhostEvent(change.vhost, who, circumstances)];
    case 'delete-vhost':
      return [event('vhost.deleted', who, text('name', change.name))];
    case 'put-user':
      return userEvents(change.user, circumstances.user, who);
    case 'delete-user':
      return [event('user.deleted', who, text('name', change.name))];
    case 'put-permission':
      return [event('permission.created', who, ...permissionHeaders(change.permission))];
    case 'delete-permission':
      return [event('permission.deleted', who, text('vhost', change.vhost), text('user', change.user))];
    case 'put-topic-permission':
      return [event('topic.permission.created', who, ...topicPermissionHeaders(change.topicPermission))];
    case 'delete-topic-permission':
      return [event('topic.permission.deleted', who, text('vhost', change.vhost), text('user', change.user))];
    case 'put-exchange':
      return [event('exchange.created', who, ...exchangeHeaders(change.exchange))];
    case 'delete-exchange':
      return [event('exchange.deleted', who, ...named(change))];
    case 'put-queue':
      return [event('queue.created', who, ...queueHeaders(change.queue))];
    case 'delete-queue':
      return [event('queue.deleted', who, ...named(change))];
    case 'put-binding':
      return [event('binding.created', who, ...bindingHeaders(change.binding))];
    case 'delete-binding':
      return [event('binding.deleted', who, ...bindingHeaders(change.binding))];
    case 'put-policy':
      return [policyEvent(change.policy, who)];
    case 'delete-policy':
      return [event('policy.cleared', who, text('vhost', change.vhost), text('name', change.name))];
    // RabbitMQ keeps operator policies as parameters, and tells of them twice; of their setting by the key of other policies.
    case 'put-operator-policy':
      return [operatorPolicyParameter(change.policy, who), policyEvent(change.policy, who)];
    case 'delete-operator-policy':
      return [
        parameterCleared({ ...change, component: 'operator_policy' }, who),
        event('operator.policy.cleared', who, text('vhost', change.vhost), text('name', change.name)),
      ];
    case 'put-parameter':
      return parameterEvents(change.parameter, who);
    case 'delete-parameter':
      return [
        parameterCleared(change, who),
        ...(change.component === VHOST_LIMITS ? [event('vhost.limits.cleared', who, text('name', change.name))] : []),
      ];
    case 'put-global-parameter': {
      const { name, value } = change.parameter;
      return [event('parameter.set', who, json('value', value), text('name', name), text('component', 'global'))];
    }
    case 'delete-global-parameter':
      return [event('parameter.cleared', who, text('name', change.name), text('component', 'global'))];
  }
}

function event(key: string, ...headers: Header[]): Event {
  return { key, headers };
}

function named({ vhost, name }: { readonly vhost: string; readonly name: string }): Header[] {
  return [text('name', name), text('vhost', vhost)];
}

function vhostEvent(vhost: VhostRecord, who: Header, { nodeName, vhost: before }: Circumstances): Event {
  const { name, description, tags, tracing, defaultQueueType = 'undefined' } = vhost;
  const running: FieldValue = { type: 'S', value: 'running' };
  const described = printedOctets(encodeText(description));
  return event(
    before === undefined ? 'vhost.created' : 'vhost.updated',
    texts('tags', tags),
    text('description', description),
    who,
    ['cluster_state', { type: 'F', value: new Map([[nodeName, running]]) }],
    flag('tracing', tracing),
    text('metadata', `#{description => ${described},tags => [${tags.join(',')}]}`),
    text('default_queue_type', defaultQueueType),
    text('name', name),
  );
}

function userEvents(user: UserRecord, before: UserRecord | undefined, who: Header): Event[] {
  const { name, tags, limits, passwordHash } = user;
  const events: Event[] = [];
  if (before === undefined) events.push(event('user.created', who, text('name', name)));
  else if (passwordHash !== before.passwordHash) {
    const key = passwordHash === '' ? 'user.password.cleared' : 'user.password.changed';
    events.push(event(key, who, text('name', name)));
  }
  if (!isSame(tags, before?.tags ?? [])) {
    events.push(event('user.tags.set', who, texts('tags', tags), text('name', name)));
  }
  if (!isSame(limits, before?.limits ?? {})) events.push(userLimitsEvent(user, who));
  return events;
}

function userLimitsEvent({ name, limits }: UserRecord, who: Header): Event {
  const set = Object.entries(limits).map(([limit, value]) => number(limit, value));
  const key = set.length === 0 ? 'user.limits.cleared' : 'user.limits.set';
  return event(key, ...set, text('username', name), who, text('name', 'limits'));
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function permissionHeaders({ user, vhost, configure, write, read }: PermissionRecord): Header[] {
  return [
    text('read', read),
    text('write', write),
    text('configure', configure),
    text('vhost', vhost),
    text('user', user),
  ];
}

function topicPermissionHeaders({ user, vhost, exchange, write, read }: TopicPermissionRecord): Header[] {
  return [
    text('read', read),
    text('write', write),
    text('exchange', exchange),
    text('vhost', vhost),
    text('user', user),
  ];
}

function exchangeHeaders(exchange: ExchangeRecord): Header[] {
  return [
    text('policy', ''),
    terms('arguments', exchange.arguments),
    flag('internal', exchange.internal),
    flag('auto_delete', exchange.autoDelete),
    flag('durable', exchange.durable),
    text('type', exchange.type),
    ...named(exchange),
  ];
}

function queueHeaders(queue: QueueRecord): Header[] {
  return [
    flag('exclusive', queue.exclusive),
    text('owner_pid', ''),
    terms('arguments', queue.arguments),
    flag('auto_delete', queue.autoDelete),
    flag('durable', queue.durable),
    ...named(queue),
  ];
}

function bindingHeaders(binding: BindingRecord): Header[] {
  return [
    text('vhost', binding.vhost),
    terms('arguments', sorted(binding.arguments)),
    text('routing_key', binding.routingKey),
    text('destination_kind', binding.destinationType),
    text('destination_name', binding.destination),
    text('source_kind', 'exchange'),
    text('source_name', binding.source),
  ];
}

/** RabbitMQ keeps the arguments of bindings in this order. */
function sorted(table: FieldTable): FieldTable {
  return new Map([...table].sort(([one], [other]) => (one < other ? -1 : 1)));
}

function policyEvent({ vhost, name, pattern, applyTo, priority, definition }: PolicyRecord, who: Header): Event {
  return event(
    'policy.set',
    text('apply-to', applyTo),
    number('priority', priority),
    json('definition', definition),
    text('pattern', pattern),
    who,
    text('vhost', vhost),
    text('name', name),
  );
}

function operatorPolicyParameter(policy: PolicyRecord, who: Header): Event {
  const { vhost, name, pattern, applyTo, priority, definition } = policy;
  const value = { 'apply-to': applyTo, priority, definition, pattern };
  return parameterSet({ vhost, component: 'operator_policy', name, value }, who);
}

function parameterEvents(parameter: ParameterRecord, who: Header): Event[] {
  const { component, name, value } = parameter;
  const set = parameterSet(parameter, who);
  if (component !== VHOST_LIMITS || typeof value !== 'object' || value === null) return [set];
  const limits = Object.entries(value).map(([limit, max]) => json(limit, max));
  return [set, event('vhost.limits.set', ...limits, who, text('name', name))];
}

function parameterSet({ vhost, component, name, value }: ParameterRecord, who: Header): Event {
  const place = [text('name', name), text('component', component), text('vhost', vhost)];
  return event('parameter.set', who, json('value', withoutUriSecrets(value)), ...place);
}

function parameterCleared({ vhost, component, name }: Omit<ParameterRecord, 'value'>, who: Header): Event {
  return event('parameter.cleared', who, text('name', name), text('component', component), text('vhost', vhost));
}

function json(name: string, value: JsonValue): Header {
  return [name, jsonField(value)];
}

function jsonField(value: JsonValue): FieldValue {
  switch (typeof value) {
    case 'string':
      return { type: 'S', value };
    case 'boolean':
      return { type: 't', value };
    case 'number':
      return Number.isSafeInteger(value) ? { type: 'l', value } : { type: 'd', value };
  }
  // Erlang's JSON has an atom for it, which the plugin prints.
  if (value === null) return { type: 'S', value: 'null' };
  if (isList(value)) return { type: 'A', value: value.map(jsonField) };
  return { type: 'F', value: new Map(Object.entries(value).map(([name, each]) => [name, jsonField(each)])) };
}

/** Array.isArray() alone does not see that what is left is an object. */
function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
