/**
 * What the arguments of queue.declare make of a queue, and which of them RabbitMQ refuses.
 *
 * Its order: the type and the dead-letter exchange, then names that belong to other queue types, then values, then the
 * properties that the type cannot have. Names that nobody knows are taken. The texts were measured on RabbitMQ 3.10.8.
 */
import type { QueueType } from '../metadata/port.ts';
import { type AmqpError, notImplemented, preconditionFailed } from '../protocol/errors.ts';
import { type FieldTable, type FieldValue, fieldTypeName } from '../protocol/field-table.ts';
import { faultOfDelays, readDelays } from '../queues/dead-letter-delays.ts';
import { type QueueSettings, settingsFrom } from '../queues/queue-settings.ts';

/** What a queue is declared as, but for its arguments. */
export interface QueueIdentity {
  readonly vhost: string;
  readonly name: string;
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
}

const DEAD_LETTER_EXCHANGE = 'x-dead-letter-exchange';

/** Those that RabbitMQ has not. */
const RETRY_ARGUMENTS = ['x-dead-letter-delays', 'x-dead-letter-final-exchange'];

/** The arguments that each type of queue knows, in the order in which RabbitMQ compares them. */
export const ARGUMENTS_OF_TYPE: Readonly<Record<QueueType, readonly string[]>> = {
  classic: [
    'x-expires',
    'x-message-ttl',
    'x-dead-letter-exchange',
    'x-dead-letter-routing-key',
    'x-max-length',
    'x-max-length-bytes',
    'x-max-priority',
    'x-overflow',
    'x-queue-mode',
    'x-queue-version',
    'x-single-active-consumer',
    'x-queue-type',
    'x-queue-master-locator',
    ...RETRY_ARGUMENTS,
  ],
  quorum: [
    'x-dead-letter-exchange',
    'x-dead-letter-routing-key',
    'x-dead-letter-strategy',
    'x-expires',
    'x-max-length',
    'x-max-length-bytes',
    'x-max-in-memory-length',
    'x-max-in-memory-bytes',
    'x-overflow',
    'x-single-active-consumer',
    'x-queue-type',
    'x-quorum-initial-group-size',
    'x-delivery-limit',
    'x-message-ttl',
    'x-queue-leader-locator',
    ...RETRY_ARGUMENTS,
  ],
};

const STREAM_ARGUMENTS = [
  'x-max-length-bytes',
  'x-queue-type',
  'x-max-age',
  'x-stream-max-segment-size-bytes',
  'x-initial-cluster-size',
  'x-queue-leader-locator',
];

const KNOWN_ARGUMENTS = new Set([...ARGUMENTS_OF_TYPE.classic, ...ARGUMENTS_OF_TYPE.quorum, ...STREAM_ARGUMENTS]);

const INTEGER_TYPES: ReadonlySet<FieldValue['type']> = new Set(['b', 'B', 's', 'u', 'I', 'i', 'l', 'L']);

/** RabbitMQ's longest TTL and expiry: ten years of 365 days. */
const DURATION_MAX_MS = 10 * 365 * 24 * 3600 * 1000;

const PRIORITY_MAX = 255;

/** Says why a value is refused, as RabbitMQ prints its reason; undefined when it is taken. */
type Check = (value: FieldValue, args: FieldTable) => string | undefined;

/** In RabbitMQ's order: of several bad values the first here is reported. */
const CHECKS: readonly (readonly [name: string, check: Check])[] = [
  ['x-expires', (value) => checkInteger(value) ?? checkExpiry(integerOf(value))],
  ['x-message-ttl', (value) => checkInteger(value) ?? checkDuration(integerOf(value))],
  [
    'x-dead-letter-routing-key',
    (value, args) => checkText(value) ?? checkNeeds(args, DEAD_LETTER_EXCHANGE, 'routing_key_but_no_dlx_defined'),
  ],
  [
    'x-dead-letter-delays',
    (value, args) => checkDelays(value) ?? checkNeeds(args, DEAD_LETTER_EXCHANGE, 'delays_but_no_dlx_defined'),
  ],
  [
    'x-dead-letter-final-exchange',
    (value, args) =>
      checkText(value) ?? checkNeeds(args, 'x-dead-letter-delays', 'final_exchange_but_no_delays_defined'),
  ],
  ['x-dead-letter-strategy', oneOf(['at-most-once', 'at-least-once'], () => 'invalid_dlx_strategy')],
  ['x-max-length', checkCount],
  ['x-max-length-bytes', checkCount],
  ['x-max-in-memory-length', checkCount],
  ['x-max-in-memory-bytes', checkCount],
  ['x-max-priority', (value) => checkCount(value) ?? checkPriority(integerOf(value))],
  ['x-overflow', oneOf(['drop-head', 'reject-publish', 'reject-publish-dlx'], () => 'invalid_overflow')],
  ['x-queue-mode', oneOf(['default', 'lazy'], (mode) => `"unsupported queue mode '${mode}'"`)],
  ['x-queue-version', (value) => checkCount(value) ?? checkVersion(integerOf(value))],
  ['x-single-active-consumer', (value) => (value.type === 't' ? undefined : unacceptable(value))],
  ['x-quorum-initial-group-size', (value) => checkCount(value) ?? checkAboveZero(integerOf(value))],
  [
    'x-queue-leader-locator',
    oneOf(['client-local', 'balanced', 'random', 'least-leaders'], () => 'invalid_queue_locator_arg'),
  ],
];

/**
 * Reads the arguments of a queue that is declared, or of one that was.
 * @throws AmqpError 406 with RabbitMQ's texts; 540 for a stream, which Leveret does not have.
 */
export function readQueueArguments(
  identity: QueueIdentity,
  args: FieldTable,
): { type: QueueType; settings: QueueSettings } {
  const queue = `queue '${identity.name}' in vhost '${identity.vhost}'`;
  refuseExchangeType(queue, args);
  const type = readType(queue, args);
  refuseOtherTypes(queue, type, args);
  refuseValues(queue, args);
  if (type === 'quorum') refuseTransient(queue, identity);
  return { type, settings: readSettings(type, args) };
}

function refuseExchangeType(queue: string, args: FieldTable): void {
  const exchange = args.get(DEAD_LETTER_EXCHANGE);
  if (exchange === undefined || exchange.type === 'S') return;
  throw preconditionFailed(`invalid type '${fieldTypeName(exchange)}' for arg 'x-dead-letter-exchange' in ${queue}`);
}

function readType(queue: string, args: FieldTable): QueueType {
  const type = args.get('x-queue-type');
  if (type === undefined) return 'classic';
  if (type.type !== 'S') throw invalid(queue, 'x-queue-type', unacceptable(type));
  if (type.value === 'classic' || type.value === 'quorum') return type.value;
  if (type.value === 'stream') throw notImplemented(`x-queue-type 'stream' for ${queue} is not supported`);
  throw invalid(queue, 'x-queue-type', `"unsupported queue type '${type.value}'"`);
}

function refuseOtherTypes(queue: string, type: QueueType, args: FieldTable): void {
  for (const name of args.keys()) {
    if (!KNOWN_ARGUMENTS.has(name) || ARGUMENTS_OF_TYPE[type].includes(name)) continue;
    throw preconditionFailed(`invalid arg '${name}' for ${queue} of queue type rabbit_${type}_queue`);
  }
}

function refuseValues(queue: string, args: FieldTable): void {
  for (const [name, check] of CHECKS) {
    const value = args.get(name);
    const reason = value === undefined ? undefined : check(value, args);
    if (reason !== undefined) throw invalid(queue, name, reason);
  }
}

function refuseTransient(queue: string, identity: QueueIdentity): void {
  const { durable, exclusive, autoDelete } = identity;
  const refuse = (property: string) => preconditionFailed(`invalid property '${property}' for ${queue}`);
  if (autoDelete) throw refuse('auto-delete');
  if (exclusive) throw refuse('exclusive-owner');
  if (!durable) throw refuse('non-durable');
}

function invalid(queue: string, name: string, reason: string): AmqpError {
  return preconditionFailed(`invalid arg '${name}' for ${queue}: ${reason}`);
}

// --- values ---

function checkText(value: FieldValue): string | undefined {
  return value.type === 'S' ? undefined : unacceptable(value);
}

function oneOf(allowed: readonly string[], reason: (value: string) => string): Check {
  return (value) => {
    if (value.type !== 'S') return unacceptable(value);
    return allowed.includes(value.value) ? undefined : reason(value.value);
  };
}

function checkNeeds(args: FieldTable, name: string, reason: string): string | undefined {
  return args.has(name) ? undefined : reason;
}

function checkDelays(value: FieldValue): string | undefined {
  const fault = faultOfDelays(listOf(value));
  return fault && `"${fault}"`;
}

/** Numbers and texts of an array; what is neither is left as it is. */
function listOf(value: FieldValue | undefined): unknown {
  if (value?.type !== 'A') return value;
  return value.value.map((each) =>
    each.type === 'S' ? each.value : INTEGER_TYPES.has(each.type) ? integerOf(each) : each,
  );
}

function checkInteger(value: FieldValue): string | undefined {
  return INTEGER_TYPES.has(value.type) ? undefined : `"expected integer, got ${fieldTypeName(value)}"`;
}

function checkCount(value: FieldValue): string | undefined {
  return checkInteger(value) ?? checkNotNegative(integerOf(value));
}

function checkNotNegative(value: number | bigint): string | undefined {
  return value < 0 ? `{value_negative,${value}}` : undefined;
}

function checkAboveZero(value: number | bigint): string | undefined {
  return value === 0 ? '{value_zero,0}' : checkNotNegative(value);
}

function checkDuration(value: number | bigint): string | undefined {
  return value > DURATION_MAX_MS ? `{value_too_large,${value}}` : checkNotNegative(value);
}

function checkExpiry(value: number | bigint): string | undefined {
  return checkAboveZero(value) ?? checkDuration(value);
}

function checkPriority(value: number | bigint): string | undefined {
  return value > PRIORITY_MAX ? `{max_value_exceeded,${value}}` : undefined;
}

function checkVersion(value: number | bigint): string | undefined {
  return value === 1 || value === 2 ? undefined : `"unsupported queue version '${value}'"`;
}

function unacceptable(value: FieldValue): string {
  return `{unacceptable_type,${fieldTypeName(value)}}`;
}

function integerOf(value: FieldValue): number | bigint {
  return (value as { readonly value: number | bigint }).value;
}

// --- settings ---

function readSettings(type: QueueType, args: FieldTable): QueueSettings {
  const single = args.get('x-single-active-consumer');
  return settingsFrom({
    maxLength: readInteger(args, 'x-max-length'),
    maxLengthBytes: readInteger(args, 'x-max-length-bytes'),
    messageTtlMs: readInteger(args, 'x-message-ttl'),
    expiresMs: readInteger(args, 'x-expires'),
    deadLetterExchange: readText(args, 'x-dead-letter-exchange'),
    deadLetterRoutingKey: readText(args, 'x-dead-letter-routing-key'),
    deadLetterDelaysMs: readDelays(listOf(args.get('x-dead-letter-delays'))),
    deadLetterFinalExchange: readText(args, 'x-dead-letter-final-exchange'),
    maxPriority: readInteger(args, 'x-max-priority') || undefined,
    deliveryLimit: type === 'quorum' ? readInteger(args, 'x-delivery-limit') : undefined,
    overflow: readOverflow(type, args),
    singleActiveConsumer: single?.type === 't' && single.value,
  });
}

/** A quorum queue takes reject-publish-dlx at its declaration and then drops from the head, as RabbitMQ does. */
function readOverflow(type: QueueType, args: FieldTable): QueueSettings['overflow'] {
  const overflow = readText(args, 'x-overflow');
  if (overflow === 'reject-publish') return overflow;
  return overflow === 'reject-publish-dlx' && type === 'classic' ? overflow : 'drop-head';
}

function readText(args: FieldTable, name: string): string | undefined {
  const value = args.get(name);
  return value?.type === 'S' ? value.value : undefined;
}

/** RabbitMQ takes an x-delivery-limit of any type: one that is no number is no limit. */
function readInteger(args: FieldTable, name: string): number | undefined {
  const value = args.get(name);
  return value !== undefined && INTEGER_TYPES.has(value.type) ? Number(integerOf(value)) : undefined;
}
