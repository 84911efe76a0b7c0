import { commandInvalid, preconditionFailed } from '../protocol/errors.ts';
import type { FieldTable, FieldValue } from '../protocol/field-table.ts';
import type { BindingTable } from './binding-table.ts';
import { ConsistentHashBindings, hashSourceOf, validateWeight } from './consistent-hash.ts';
import type { Destination } from './destination.ts';
import { DirectBindings } from './direct.ts';
import { FanoutBindings } from './fanout.ts';
import { HeadersBindings, validateHeadersBinding } from './headers.ts';
import { ModulusHashBindings } from './modulus-hash.ts';
import { LocalRandomBindings, RandomBindings, type RandomSource } from './random.ts';
import { TopicBindings } from './topic.ts';

/** The exchange types that a declaration may name. */
export const EXCHANGE_TYPES = [
  'direct',
  'fanout',
  'topic',
  'headers',
  'x-consistent-hash',
  'x-random',
  'x-local-random',
  'x-modulus-hash',
  'x-delayed-message',
] as const;

export type ExchangeType = (typeof EXCHANGE_TYPES)[number];

/** The types that route: an x-delayed-message exchange does so as one of the others. */
export type RoutingType = Exclude<ExchangeType, 'x-delayed-message'>;

/** Whether there is such a type. RabbitMQ answers 503 `unknown exchange type 'name'` to one that is not. */
export function isExchangeType(name: string): name is ExchangeType {
  return (EXCHANGE_TYPES as readonly string[]).includes(name);
}

/** The type that a declaration names. @throws AmqpError 503 with RabbitMQ's text */
export function knownExchangeType(name: string): ExchangeType {
  if (isExchangeType(name)) return name;
  if (name === '') throw commandInvalid("invalid exchange type ''");
  throw commandInvalid(`unknown exchange type '${name}'`);
}

/** What an exchange routes as. @throws AmqpError 406, 503 for an x-delayed-type that is none, in the plugin's words */
export function routingTypeOf(type: ExchangeType, args: FieldTable): RoutingType {
  if (type !== 'x-delayed-message') return type;
  const named = args.get('x-delayed-type');
  if (named?.type !== 'S') {
    throw preconditionFailed("Invalid argument, 'x-delayed-type' must be an existing exchange type");
  }
  const routingType = knownExchangeType(named.value);
  if (routingType !== 'x-delayed-message') return routingType;
  throw preconditionFailed("Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'");
}

/** Checks the arguments of an exchange that is about to be declared. @throws AmqpError 406 with RabbitMQ's text. */
export function validateExchangeArguments(type: ExchangeType, args: FieldTable): void {
  if (routingTypeOf(type, args) === 'x-consistent-hash') hashSourceOf(args);
  if (type === 'x-delayed-message') releaseRateOf(args);
}

/**
 * How many messages an x-delayed-message exchange releases in a second at most: the argument `x-release-rate`.
 * @throws AmqpError 406 for anything but a number above 0
 */
export function releaseRateOf(args: FieldTable): number | undefined {
  const rate = args.get('x-release-rate');
  if (rate === undefined) return undefined;
  const value = isNumber(rate) ? Number(rate.value) : Number.NaN;
  if (value > 0) return value;
  throw preconditionFailed("Invalid argument, 'x-release-rate' must be a number above 0, of messages a second");
}

function isNumber(field: FieldValue): field is Extract<FieldValue, { readonly value: number | bigint }> {
  return 'value' in field && (typeof field.value === 'number' || typeof field.value === 'bigint') && field.type !== 'D';
}

/** What is to be known of a binding before it is made. */
export interface ProposedBinding {
  readonly destinationKind: Destination['kind'];
  readonly routingKey: string;
  readonly arguments: FieldTable;
}

/** Checks a binding to an exchange of this type before it is made. @throws AmqpError 406 with RabbitMQ's text. */
export function validateBinding(type: RoutingType, binding: ProposedBinding): void {
  if (type === 'headers') validateHeadersBinding(binding.arguments);
  else if (type === 'x-consistent-hash') validateWeight(binding.routingKey);
  else if (type === 'x-local-random') validateLocalRandomBinding(binding);
}

/** An empty table for an exchange of this type. @throws AmqpError 406 when the type does not take these arguments. */
export function createBindingTable<D extends Destination>(
  type: RoutingType,
  args: FieldTable,
  random: RandomSource,
): BindingTable<D> {
  switch (type) {
    case 'direct':
      return new DirectBindings();
    case 'fanout':
      return new FanoutBindings();
    case 'topic':
      return new TopicBindings();
    case 'headers':
      return new HeadersBindings();
    case 'x-consistent-hash':
      return new ConsistentHashBindings(hashSourceOf(args));
    case 'x-random':
      return new RandomBindings(random);
    case 'x-local-random':
      return new LocalRandomBindings(random);
    case 'x-modulus-hash':
      return new ModulusHashBindings();
  }
}

/** RabbitMQ 4 has this type; the texts are from there. */
function validateLocalRandomBinding(binding: ProposedBinding): void {
  if (binding.routingKey !== '') {
    throw preconditionFailed(`Non empty binding '${binding.routingKey}' key not permitted`);
  }
  if (binding.destinationKind !== 'queue') throw preconditionFailed('Destination not found');
}
