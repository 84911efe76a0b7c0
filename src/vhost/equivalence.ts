/**
 * Whether something that exists is what is declared once more. The texts, the order and what is compared were measured on
 * RabbitMQ 3.10.8; whether a connection may have an exclusive queue is for the caller to say.
 */
import type { ExchangeRecord, QueueRecord } from '../metadata/port.ts';
import { type AmqpError, preconditionFailed } from '../protocol/errors.ts';
import { type FieldTable, type FieldValue, fieldTypeName } from '../protocol/field-table.ts';
import { fieldText } from '../protocol/field-text.ts';
import { ARGUMENTS_OF_TYPE } from './queue-arguments.ts';

export type RequestedQueue = Pick<QueueRecord, 'durable' | 'exclusive' | 'autoDelete' | 'arguments'>;
export type RequestedExchange = Pick<ExchangeRecord, 'type' | 'durable' | 'autoDelete' | 'internal' | 'arguments'>;

/** Numbers of all integer types are compared by value, as are those of both float types. */
const TYPE_CLASSES: Readonly<Partial<Record<FieldValue['type'], string>>> = {
  b: 'integer',
  B: 'integer',
  s: 'integer',
  u: 'integer',
  I: 'integer',
  i: 'integer',
  l: 'integer',
  L: 'integer',
  f: 'float',
  d: 'float',
};

/** @throws AmqpError 406 when the queue is not the one that is asked for. */
export function checkQueueEquivalence(current: QueueRecord, requested: RequestedQueue): void {
  const what = `queue '${current.name}' in vhost '${current.vhost}'`;
  checkProperty(what, 'durable', survives(current), survives(requested));
  checkProperty(what, 'auto_delete', current.autoDelete, requested.autoDelete);
  for (const name of ARGUMENTS_OF_TYPE[current.type]) {
    const args = requested.arguments;
    if (name === 'x-queue-type' && queueTypeIn(current.arguments) === queueTypeIn(args)) continue;
    checkArgument(what, name, current.arguments, args);
  }
}

/** @throws AmqpError 406 when the exchange is not the one that is asked for. */
export function checkExchangeEquivalence(current: ExchangeRecord, requested: RequestedExchange): void {
  const what = `exchange '${current.name}' in vhost '${current.vhost}'`;
  checkProperty(what, 'type', current.type, requested.type);
  checkProperty(what, 'durable', current.durable, requested.durable);
  checkProperty(what, 'auto_delete', current.autoDelete, requested.autoDelete);
  checkProperty(what, 'internal', current.internal, requested.internal);
  checkArgument(what, 'alternate-exchange', current.arguments, requested.arguments);
  // The plugin does not compare x-delayed-type; a rate that is not taken has to be told.
  if (current.type === 'x-delayed-message') {
    checkArgument(what, 'x-release-rate', current.arguments, requested.arguments);
  }
}

/** An exclusive queue goes with its connection: whatever a client says, RabbitMQ holds it for not durable. */
function survives(queue: RequestedQueue): boolean {
  return queue.durable && !queue.exclusive;
}

function queueTypeIn(args: FieldTable): string | undefined {
  const type = args.get('x-queue-type');
  if (type === undefined) return 'classic';
  return type.type === 'S' ? type.value : undefined;
}

function checkProperty(what: string, name: string, current: string | boolean, requested: string | boolean): void {
  if (current !== requested) throw inequivalent(what, name, `'${requested}'`, `'${current}'`);
}

function checkArgument(what: string, name: string, currentArgs: FieldTable, requestedArgs: FieldTable): void {
  const current = currentArgs.get(name);
  const requested = requestedArgs.get(name);
  if (current === undefined && requested === undefined) return;
  if (current === undefined || requested === undefined) {
    throw inequivalent(what, name, withType(requested), withType(current));
  }
  if (sameValue(current, requested)) return;
  throw inequivalent(what, name, `'${fieldText(requested)}'`, `'${fieldText(current)}'`);
}

function sameValue(one: FieldValue, other: FieldValue): boolean {
  const sameClass = (TYPE_CLASSES[one.type] ?? one.type) === (TYPE_CLASSES[other.type] ?? other.type);
  return sameClass && fieldText(one) === fieldText(other);
}

function withType(value: FieldValue | undefined): string {
  return value === undefined ? 'none' : `the value '${fieldText(value)}' of type '${fieldTypeName(value)}'`;
}

function inequivalent(what: string, name: string, requested: string, current: string): AmqpError {
  return preconditionFailed(`inequivalent arg '${name}' for ${what}: received ${requested} but current is ${current}`);
}
