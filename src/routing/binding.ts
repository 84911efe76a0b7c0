import type { FieldTable } from '../protocol/field-table.ts';
import type { Destination } from './destination.ts';
import { tableIdentity } from './field-identity.ts';

/** One binding of an exchange (its source) to a destination. */
export interface Binding<D extends Destination> {
  readonly destination: D;
  readonly routingKey: string;
  readonly arguments: FieldTable;
}

/**
 * What tells a binding from another of the same source and destination: the routing key and the arguments, of which the
 * order does not count but the types do (RabbitMQ keeps a binding with `1` as int beside one with `1` as long).
 */
export function bindingIdentity(routingKey: string, args: FieldTable): string {
  return args.size === 0 ? routingKey : `${routingKey}\0${tableIdentity(args)}`;
}
