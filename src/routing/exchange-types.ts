import { preconditionFailed } from '../protocol/errors.ts';
import type { FieldTable } from '../protocol/field-table.ts';
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
] as const;

export type ExchangeType = (typeof EXCHANGE_TYPES)[number];

/** Whether there is such a type. RabbitMQ answers 503 `unknown exchange type 'name'` to one that is not. */
export function isExchangeType(name: string): name is ExchangeType {
  return (EXCHANGE_TYPES as readonly string[]).includes(name);
}

/** Checks the arguments of an exchange that is about to be declared. @throws AmqpError 406 with RabbitMQ's text. */
export function validateExchangeArguments(type: ExchangeType, args: FieldTable): void {
  if (type === 'x-consistent-hash') hashSourceOf(args);
}

/** What is to be known of a binding before it is made. */
export interface ProposedBinding {
  readonly destinationKind: Destination['kind'];
  readonly routingKey: string;
  readonly arguments: FieldTable;
}

/** Checks a binding to an exchange of this type before it is made. @throws AmqpError 406 with RabbitMQ's text. */
export function validateBinding(type: ExchangeType, binding: ProposedBinding): void {
  if (type === 'headers') validateHeadersBinding(binding.arguments);
  else if (type === 'x-consistent-hash') validateWeight(binding.routingKey);
  else if (type === 'x-local-random') validateLocalRandomBinding(binding);
}

/** An empty table for an exchange of this type. @throws AmqpError 406 when the type does not take these arguments. */
export function createBindingTable<D extends Destination>(
  type: ExchangeType,
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
