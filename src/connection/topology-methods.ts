/**
 * exchange.* and queue.*: what a channel may change of a vhost, checked in RabbitMQ's order and refused in its words. A change
 * is proposed to the metadata store; the answer goes out once this node has applied it.
 */

import { randomBytes } from 'node:crypto';
import { OPERATOR } from '../auth/access.ts';
import {
  type BindingRecord,
  type Change,
  type DestinationType,
  type ExchangeRecord,
  MetadataError,
  type QueueRecord,
  type QueueType,
} from '../metadata/port.ts';
import {
  AmqpError,
  accessRefused,
  internalError,
  notFound,
  notImplemented,
  preconditionFailed,
  resourceLocked,
} from '../protocol/errors.ts';
import { EMPTY_TABLE, type FieldTable } from '../protocol/field-table.ts';
import {
  type ExchangeBind,
  type ExchangeDeclare,
  type ExchangeDelete,
  type ExchangeUnbind,
  METHOD_IDS,
  type QueueBind,
  type QueueDeclare,
  type QueueDelete,
  type QueuePurge,
  type QueueUnbind,
} from '../protocol/methods.generated.ts';
import type { Queue } from '../queues/queue.ts';
import { knownExchangeType, validateBinding, validateExchangeArguments } from '../routing/exchange-types.ts';
import { checkExchangeEquivalence, checkQueueEquivalence } from '../vhost/equivalence.ts';
import { checkExchangeArguments } from '../vhost/exchange-arguments.ts';
import { readQueueArguments } from '../vhost/queue-arguments.ts';
import type { Channel } from './channel.ts';
import type { Request } from './pipeline.ts';
import { REPLY_TO } from './reply-targets.ts';

// --- exchanges ---

export function declareExchange(channel: Channel, method: ExchangeDeclare, isSecond = false): void {
  const { vhost, access } = channel;
  const { durable, autoDelete, internal, arguments: args } = method;
  const name = withoutLineBreaks(method.exchange);
  if (method.passive) {
    refuseDefaultExchange(name);
    existingExchange(channel, name);
    return channel.answer(method.noWait, { name: 'exchange.declare-ok' });
  }
  const type = knownExchangeType(method.type);
  refuseDefaultExchange(name);
  access.check('exchange', name, 'configure');
  const existing = vhost.exchanges.get(name);
  if (existing !== undefined) {
    checkExchangeEquivalence(recordOf(channel, name), { type, durable, autoDelete, internal, arguments: args });
    return channel.answer(method.noWait, { name: 'exchange.declare-ok' });
  }
  if (name.startsWith('amq.')) {
    throw accessRefused(`exchange name '${name}' contains reserved prefix 'amq.*'`);
  }
  checkExchangeArguments({ vhost: vhost.name, name }, args);
  const alternate = args.get('alternate-exchange');
  if (alternate?.type === 'S') {
    access.check('exchange', name, 'read');
    access.check('exchange', alternate.value, 'write');
  }
  validateExchangeArguments(type, args);
  const declared = { vhost: vhost.name, name, type, durable, autoDelete, internal, arguments: args };
  const exchange = type === 'x-delayed-message' ? { ...declared, lineId: newQueueId(channel) } : declared;
  propose(channel, method, {
    change: { kind: 'put-exchange', exchange },
    answer: () => channel.answer(method.noWait, { name: 'exchange.declare-ok' }),
    again: isSecond ? undefined : () => declareExchange(channel, method, true),
  });
}

function recordOf(channel: Channel, name: string): ExchangeRecord {
  const exchange = existingExchange(channel, name);
  const { type, durable, autoDelete, internal } = exchange;
  return { vhost: channel.vhost.name, name, type, durable, autoDelete, internal, arguments: exchange.arguments };
}

export function deleteExchange(channel: Channel, method: ExchangeDelete): void {
  const { vhost, access } = channel;
  const name = withoutLineBreaks(method.exchange);
  refuseDefaultExchange(name);
  if (name.startsWith('amq.')) {
    throw accessRefused(`deletion of system exchange '${name}' in vhost '${vhost.name}' not allowed`);
  }
  access.check('exchange', name, 'configure');
  const exchange = vhost.exchanges.get(name);
  const ok = () => channel.answer(method.noWait, { name: 'exchange.delete-ok' });
  if (exchange === undefined) return ok();
  if (method.ifUnused && exchange.bindings.size > 0) {
    throw preconditionFailed(`exchange '${name}' in vhost '${vhost.name}' in use`);
  }
  propose(channel, method, {
    change: { kind: 'delete-exchange', vhost: vhost.name, name, ...(method.ifUnused && UNLESS_USED) },
    answer: ok,
    again: () => deleteExchange(channel, method),
  });
}

export function bindExchange(channel: Channel, method: ExchangeBind | ExchangeUnbind): void {
  const destination = withoutLineBreaks(method.destination);
  const source = withoutLineBreaks(method.source);
  const binding = bindingOf(channel, source, 'exchange', destination, method.routingKey, method.arguments);
  checkBindingAccess(channel, binding);
  changeBinding(channel, method, binding);
}

/** Bindings that others have asked for may be there before the deletion. */
const UNLESS_USED = { ifUnused: true } as const;

// --- queues ---

export function declareQueue(channel: Channel, method: QueueDeclare, isSecond = false): void {
  const { vhost } = channel;
  const given = withoutLineBreaks(method.queue);
  if (given.startsWith(REPLY_TO)) return declareReplyQueue(channel, given, method.noWait);
  if (method.passive) return declarePassively(channel, method);
  const { durable, exclusive, autoDelete } = method;
  const args = withDefaultType(method, vhost.defaultQueueType);
  if (given === '' && isQuorum(args)) {
    throw preconditionFailed('Cannot declare a server-named queue for type rabbit_quorum_queue');
  }
  const name = given === '' ? serverName() : given;
  if (name.startsWith('amq.') && given !== '') {
    throw accessRefused(`queue name '${name}' contains reserved prefix 'amq.*'`);
  }
  channel.access.check('queue', name, 'configure');
  channel.context.churn.queueDeclared++;
  const existing = vhost.presentQueue(name);
  if (existing !== undefined) {
    const requested = { durable, exclusive, autoDelete, arguments: args };
    checkQueueEquivalence(channel.queueRecord(existing), requested);
    refuseLocked(channel, existing, exclusive);
    existing.touch();
    return declared(channel, method.noWait, existing);
  }
  channel.access.checkQueueCount(name, vhost.queues.size + vhost.proposedQueueCount);
  const identity = { vhost: vhost.name, name, durable, exclusive, autoDelete };
  checkDeadLetterAccess(channel, name, args);
  const { type } = readQueueArguments(identity, args);
  const queue: QueueRecord = { ...identity, id: newQueueId(channel), type, arguments: args };
  propose(channel, method, {
    change: { kind: 'put-queue', queue },
    applied: () => {
      if (exclusive) giveToConnection(channel, name);
    },
    answer: () => {
      const made = vhost.queues.get(name);
      if (made === undefined) throw internalError(`queue '${name}' was deleted while it was declared`);
      declared(channel, method.noWait, made);
    },
    again: isSecond ? undefined : () => declareQueue(channel, method, true),
  });
}

/** The connection may have gone while the declaration waited: then nobody would delete the queue. */
function giveToConnection({ connection, context, vhost }: Channel, name: string): void {
  const made = vhost.queues.get(name);
  if (made === undefined) return;
  if (connection.running) return connection.own(made);
  context.metadata.propose([{ kind: 'delete-queue', vhost: vhost.name, name }], (error) => {
    if (error !== null) context.log.error('connection', `exclusive queue '${name}' was not deleted: ${error.message}`);
  });
}

/** @throws AmqpError 541 when it cannot be kept that the number was given: the disk is full, say */
function newQueueId({ context }: Channel): number {
  try {
    return context.metadata.allocateQueueId();
  } catch (error) {
    throw error instanceof MetadataError ? internalError(error.message) : error;
  }
}

function isQuorum(args: FieldTable): boolean {
  const type = args.get('x-queue-type');
  return type?.type === 'S' && type.value === 'quorum';
}

/** Before the other arguments are looked at, as in RabbitMQ. @throws AmqpError 403 */
function checkDeadLetterAccess({ access }: Channel, queue: string, args: FieldTable): void {
  for (const name of ['x-dead-letter-exchange', 'x-dead-letter-final-exchange']) {
    const exchange = args.get(name);
    if (exchange?.type !== 'S') continue;
    access.check('queue', queue, 'read');
    access.check('exchange', exchange.value, 'write');
  }
}

/** A reply address looks like a queue with one consumer while its requester lives; the pseudo-queue itself always does. */
function declareReplyQueue(channel: Channel, queue: string, noWait: boolean): void {
  if (queue !== REPLY_TO && channel.context.replyTargets.get(queue) === undefined) throw noQueue(channel, queue);
  channel.lastQueue = queue;
  channel.answer(noWait, { name: 'queue.declare-ok', queue, messageCount: 0, consumerCount: 1 });
}

/** A vhost's default queue type counts where nothing is said of the type, and only where such a queue is possible. */
function withDefaultType(
  { durable, exclusive, autoDelete, arguments: args }: QueueDeclare,
  type: QueueType,
): FieldTable {
  const isPossible = type === 'classic' || (durable && !exclusive && !autoDelete);
  if (type === 'classic' || args.has('x-queue-type') || !isPossible) return args;
  return new Map(args).set('x-queue-type', { type: 'S', value: type });
}

function declarePassively(channel: Channel, method: QueueDeclare): void {
  const queue = existingQueue(channel, withoutLineBreaks(channel.queueName(method.queue)));
  queue.touch();
  declared(channel, method.noWait, queue);
}

function declared(channel: Channel, noWait: boolean, queue: Queue): void {
  channel.lastQueue = queue.name;
  channel.answer(noWait, {
    name: 'queue.declare-ok',
    queue: queue.name,
    messageCount: queue.readyCount,
    consumerCount: queue.consumers.all.length,
  });
}

export function bindQueue(channel: Channel, method: QueueBind | QueueUnbind): void {
  const queue = withoutLineBreaks(channel.queueName(method.queue));
  const key = method.queue === '' && method.routingKey === '' ? queue : method.routingKey;
  const binding = bindingOf(channel, withoutLineBreaks(method.exchange), 'queue', queue, key, method.arguments);
  checkBindingAccess(channel, binding);
  changeBinding(channel, method, binding);
}

export function purgeQueue(channel: Channel, method: QueuePurge): void {
  const name = channel.queueName(method.queue);
  channel.access.check('queue', name, 'read');
  const queue = existingQueue(channel, name);
  channel.answer(method.noWait, { name: 'queue.purge-ok', messageCount: queue.purge() });
}

export function deleteQueue(channel: Channel, method: QueueDelete): void {
  const { vhost } = channel;
  const name = withoutLineBreaks(channel.queueName(method.queue));
  channel.access.check('queue', name, 'configure');
  const queue = vhost.presentQueue(name);
  const ok = (messageCount: number) => channel.answer(method.noWait, { name: 'queue.delete-ok', messageCount });
  if (queue === undefined && vhost.queues.has(name) && channel.pipeline.isEmpty) {
    // Others are deleting it. Whether it goes is known once they are through.
    return afterProposals(channel, () => deleteQueue(channel, method));
  }
  if (queue === undefined) return ok(0);
  refuseLocked(channel, queue);
  if (queue.countsDeliveries) refuseConditions(channel, method);
  if (method.ifUnused && queue.consumers.all.length > 0) {
    throw preconditionFailed(`queue '${name}' in vhost '${vhost.name}' in use`);
  }
  if (method.ifEmpty && queue.readyCount > 0) {
    throw preconditionFailed(`queue '${name}' in vhost '${vhost.name}' not empty`);
  }
  const count = queue.readyCount;
  if (method.ifUnused || method.ifEmpty) vhost.leave(queue);
  propose(channel, method, {
    change: { kind: 'delete-queue', vhost: vhost.name, name },
    failed: () => vhost.stay(queue),
    answer: () => ok(count),
    again: () => deleteQueue(channel, method),
  });
}

/** @throws AmqpError 540: RabbitMQ has no conditions for quorum queues. */
function refuseConditions(channel: Channel, { queue, ifUnused, ifEmpty }: QueueDelete): void {
  if (!ifUnused && !ifEmpty) return;
  const what = `cannot delete queue '${channel.queueName(queue)}' in vhost '${channel.vhost.name}'`;
  const flag = ifUnused ? 'if-unused' : 'if-empty';
  throw notImplemented(`${what}. queue.delete operations with ${flag} flag set are not supported by quorum queues`);
}

// --- what they share ---

interface Wanted {
  readonly change: Change;
  /** What has to follow the change, whoever is still there to be answered. */
  applied?(): void;
  /** What has to follow when nothing of it has happened. */
  failed?(): void;
  answer(): void;
  /** Does it all once more: while the proposal waited, others may have changed what it was based on. */
  readonly again?: (() => void) | undefined;
}

function propose(channel: Channel, { name }: TopologyMethod, { change, applied, failed, answer, again }: Wanted): void {
  const { connection, context } = channel;
  const { pipeline, vhost } = channel;
  let error: MetadataError | null = null;
  const then = () => {
    try {
      if (error !== null && (again === undefined || !isOutdated(error))) throw internalError(error.message);
      if (channel.open) (error === null ? answer : again)?.();
    } catch (refusal) {
      throw refusal instanceof AmqpError && refusal.classId === 0 ? refusal.at(METHOD_IDS[name]) : refusal;
    }
  };
  const request: Request = { isDone: false, then };
  let hasReturned = false;
  const { line } = pipeline;
  const queueCount = change.kind === 'put-queue' ? 1 : 0;
  vhost.proposedQueueCount += queueCount;
  pipeline.add(change, request);
  const done = (fault: MetadataError | null) => {
    error = fault;
    vhost.proposedQueueCount -= queueCount;
    request.isDone = true;
    (fault === null ? applied : failed)?.();
    if (hasReturned) connection.answer(channel);
  };
  context.metadata.propose([change], done, connection.user, line);
  hasReturned = true;
  if (pipeline.isThrough(request)) then();
  else connection.wait(channel);
}

/** Does it once all that was proposed until now is done; the channel waits for that. */
export function afterProposals(channel: Channel, then: () => void): void {
  const { connection, context } = channel;
  let isDone = false;
  context.metadata.propose([], () => {
    isDone = true;
    connection.goOn(channel, then);
  });
  if (!isDone) connection.wait(channel);
}

type TopologyMethod = ExchangeDeclare | ExchangeDelete | QueueDeclare | QueueDelete | BindingMethod;

function isOutdated({ fault }: MetadataError): boolean {
  return fault === 'conflict' || fault === 'missing' || fault === 'abandoned';
}

type BindingMethod = ExchangeBind | ExchangeUnbind | QueueBind | QueueUnbind;

function changeBinding(channel: Channel, method: BindingMethod, binding: BindingRecord, isSecond = false): void {
  const { vhost } = channel;
  const isBind = method.name === 'exchange.bind' || method.name === 'queue.bind';
  const ok = () => channel.answer('noWait' in method && method.noWait, { name: `${method.name}-ok` });
  const source = vhost.exchanges.get(binding.source);
  const destination =
    binding.destinationType === 'queue'
      ? vhost.presentQueue(binding.destination)
      : vhost.exchanges.get(binding.destination);
  // What is being declared by the same channel has been checked, and the store finds out whether it is there.
  const isDeclared =
    !isSecond && binding.destinationType === 'queue' && channel.pipeline.declaresQueue(binding.destination);
  if (source === undefined || (destination === undefined && !isDeclared)) {
    if (!isBind) return ok();
    if (source === undefined) throw noExchange(channel, binding.source);
    throw binding.destinationType === 'queue'
      ? noQueue(channel, binding.destination)
      : noExchange(channel, binding.destination);
  }
  if (destination?.kind === 'queue' && isBind) refuseLocked(channel, destination);
  if (isBind) {
    const { routingKey } = binding;
    validateBinding(source.routingType, {
      destinationKind: binding.destinationType,
      routingKey,
      arguments: binding.arguments,
    });
  }
  propose(channel, method, {
    change: { kind: isBind ? 'put-binding' : 'delete-binding', binding },
    answer: ok,
    again: isSecond ? undefined : () => changeBinding(channel, method, binding, true),
  });
}

/** In RabbitMQ's order: a permission that is missing is told before an end that is. @throws AmqpError 403 */
function checkBindingAccess(
  channel: Channel,
  { source, destination, destinationType, routingKey }: BindingRecord,
): void {
  const { access, vhost } = channel;
  access.check(destinationType, destination, 'write');
  if (destinationType === 'exchange') refuseDefaultExchange(destination);
  refuseDefaultExchange(source);
  access.check('exchange', source, 'read');
  if (vhost.exchanges.get(source)?.type === 'topic') access.checkTopic(source, routingKey, 'read');
}

/** RabbitMQ takes CR and LF out of the names of what is declared, deleted or bound. */
function withoutLineBreaks(name: string): string {
  return name.replace(/[\r\n]/g, '');
}

function bindingOf(
  channel: Channel,
  source: string,
  destinationType: DestinationType,
  destination: string,
  routingKey: string,
  args: FieldTable = EMPTY_TABLE,
): BindingRecord {
  return { vhost: channel.vhost.name, source, destination, destinationType, routingKey, arguments: args };
}

function refuseDefaultExchange(name: string): void {
  if (name === '') throw accessRefused('operation not permitted on the default exchange');
}

function existingExchange(channel: Channel, name: string) {
  const exchange = channel.vhost.exchanges.get(name);
  if (exchange === undefined) throw noExchange(channel, name);
  return exchange;
}

/** The queue, unless another connection holds it; none is held against the operator. @throws AmqpError 404, 405 */
export function existingQueue(channel: Channel, name: string): Queue {
  const queue = channel.vhost.presentQueue(name);
  if (queue === undefined) throw noQueue(channel, name);
  refuseLocked(channel, queue);
  return queue;
}

/** @param exclusive what a declaration asks for; undefined: any. @throws AmqpError 405 */
function refuseLocked(channel: Channel, queue: Queue, exclusive?: boolean): void {
  const { connection } = channel;
  const isOwner = queue.owner === connection || connection.identity === OPERATOR;
  const fits = exclusive === undefined || exclusive === (queue.owner !== null);
  if ((queue.owner === null || isOwner) && fits) return;
  throw resourceLocked(
    `cannot obtain exclusive access to locked queue '${queue.name}' in vhost '${channel.vhost.name}'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
  );
}

function noQueue(channel: Channel, name: string) {
  return notFound(`no queue '${name}' in vhost '${channel.vhost.name}'`);
}

function noExchange(channel: Channel, name: string) {
  return notFound(`no exchange '${name}' in vhost '${channel.vhost.name}'`);
}

export function serverName(): string {
  return `amq.gen-${randomBytes(16).toString('base64url')}`;
}
