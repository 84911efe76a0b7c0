/** What RabbitMQ checks of the arguments of every exchange; what a type wants of its own is in routing/exchange-types.ts. */
import { preconditionFailed } from '../protocol/errors.ts';
import { type FieldTable, fieldTypeName } from '../protocol/field-table.ts';

/** @throws AmqpError 406 for an alternate-exchange that is not a string, in RabbitMQ's words. Unknown arguments are taken. */
export function checkExchangeArguments(
  exchange: { readonly vhost: string; readonly name: string },
  args: FieldTable,
): void {
  const alternate = args.get('alternate-exchange');
  if (alternate === undefined || alternate.type === 'S') return;
  throw preconditionFailed(
    `invalid type '${fieldTypeName(alternate)}' for arg 'alternate-exchange' in exchange '${exchange.name}' in vhost '${exchange.vhost}'`,
  );
}
