/**
 * Bindings, as the API shows them. They have no names in AMQP: `properties_key` stands for routing key and arguments.
 * Every queue is bound to the default exchange by its name, which is nowhere kept.
 */
import { createHash } from 'node:crypto';
import { EMPTY_TABLE, type FieldTable, tableToJson, toPlain } from '../../protocol/field-table.ts';
import type { Queue } from '../../queues/queue.ts';
import type { Binding } from '../../routing/binding.ts';
import type { Exchange } from '../../routing/exchange.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { JsonView } from '../listing.ts';
import { compareTexts } from '../resource.ts';

export interface ShownBinding {
  readonly vhost: string;
  readonly source: string;
  readonly destinationType: 'queue' | 'exchange';
  readonly destination: string;
  readonly routingKey: string;
  readonly arguments: FieldTable;
}

/** `~` stands for nothing at all. */
const EMPTY_KEY = '~';
const HASH_OCTETS = 4;

export function bindingView(binding: ShownBinding): JsonView {
  return {
    source: binding.source,
    vhost: binding.vhost,
    destination: binding.destination,
    destination_type: binding.destinationType,
    routing_key: binding.routingKey,
    arguments: toPlain(binding.arguments),
    properties_key: propertiesKey(binding.routingKey, binding.arguments),
  };
}

/** The routing key as in a query string, and behind a `~` a hash of the arguments, if there are any. */
export function propertiesKey(routingKey: string, args: FieldTable): string {
  if (routingKey === '' && args.size === 0) return EMPTY_KEY;
  const key = encodeURIComponent(routingKey)
    .replace(/%20/g, '+')
    .replace(/[!'()*~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  return args.size === 0 ? key : `${key}~${hashOf(args)}`;
}

/** The order of arguments tells no binding from another. */
function hashOf(args: FieldTable): string {
  const fields = [...tableToJson(args)].sort(([one], [other]) => compareTexts(one, other));
  return createHash('sha256').update(JSON.stringify(fields)).digest().subarray(0, HASH_OCTETS).toString('base64url');
}

/** All bindings of some vhosts, those of the default exchange among them. None of these functions keeps an order. */
export function* bindingsOf(vhosts: Iterable<Vhost>): Iterable<ShownBinding> {
  for (const vhost of vhosts) {
    yield* defaultBindings(vhost);
    for (const exchange of vhost.exchanges.values()) yield* bindingsFrom(vhost, exchange);
  }
}

export function* defaultBindings(vhost: Vhost): Iterable<ShownBinding> {
  for (const queue of vhost.queues.values()) yield defaultBinding(queue);
}

export function defaultBinding({ vhost, name }: Queue): ShownBinding {
  const ends = { source: '', destinationType: 'queue', destination: name } as const;
  return { vhost, ...ends, routingKey: name, arguments: EMPTY_TABLE };
}

/** The bindings whose source is an exchange. */
export function* bindingsFrom(vhost: Vhost, exchange: Exchange<Queue>): Iterable<ShownBinding> {
  for (const binding of exchange.bindings.all()) yield shownBinding(vhost, exchange, binding);
}

/** The bindings that lead to a queue or an exchange, but for the one of the default exchange. */
export function* bindingsTo(vhost: Vhost, destination: Queue | Exchange<Queue>): Iterable<ShownBinding> {
  for (const exchange of vhost.exchanges.values()) yield* bindingsBetween(vhost, exchange, destination);
}

export function* bindingsBetween(
  vhost: Vhost,
  source: Exchange<Queue>,
  destination: Queue | Exchange<Queue>,
): Iterable<ShownBinding> {
  for (const binding of source.bindings.to(destination)) yield shownBinding(vhost, source, binding);
}

function shownBinding(
  vhost: Vhost,
  source: Exchange<Queue>,
  { destination, routingKey, arguments: args }: Binding<Queue | Exchange<Queue>>,
): ShownBinding {
  return {
    vhost: vhost.name,
    source: source.name,
    destinationType: destination.kind,
    destination: destination.name,
    routingKey,
    arguments: args,
  };
}

/** By vhost, source, destination and key; those of the default exchange, which has no name, come first. */
export function compareBindings(one: ShownBinding, other: ShownBinding): number {
  return (
    compareTexts(one.vhost, other.vhost) ||
    compareTexts(one.source, other.source) ||
    compareTexts(one.destination, other.destination) ||
    compareTexts(one.routingKey, other.routingKey) ||
    compareTexts(one.destinationType, other.destinationType)
  );
}
