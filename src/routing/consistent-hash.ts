/**
 * `x-consistent-hash`: a message goes to one destination, chosen by a hash of its routing key, or of a header or a
 * property that the exchange's arguments name; the binding key is the destination's weight.
 *
 * The hash falls into one of 65,536 slots, and a slot belongs to the destination that wins it by weighted rendezvous:
 * every destination draws a number from its own name and the slot, and the best one for its weight wins. So who owns a
 * slot depends on nothing but names and weights: not on the order of binding, not on the node, not on what was bound
 * before. A destination that goes gives its slots to the others and moves nothing else, one that comes only takes.
 * (RabbitMQ's ring is numbered through: there a binding that goes from the middle shifts all that come after.)
 *
 * A slot's owner is worked out when the first message falls into it, at a cost of one draw a destination, and kept until
 * a binding changes. What a weight costs in memory does not depend on how large it is.
 */

import type { ScratchList } from '../collections/scratch-list.ts';
import { preconditionFailed } from '../protocol/errors.ts';
import type { FieldTable } from '../protocol/field-table.ts';
import { fieldTerm } from '../protocol/field-text.ts';
import { printedOctets } from '../protocol/octets-text.ts';
import type { BasicProperties } from '../protocol/properties.ts';
import { encodeText } from '../protocol/text.ts';
import type { Binding } from './binding.ts';
import { StoredBindings } from './binding-table.ts';
import { compareDestinations, compareText, type Destination } from './destination.ts';
import { fieldIdentity } from './field-identity.ts';
import { hashText, mix } from './hash.ts';
import type { RoutedMessage } from './routed-message.ts';

/** What of a message is hashed. */
export type HashSource =
  | { readonly kind: 'routing-key' }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'property'; readonly name: HashProperty };

type HashProperty = 'message_id' | 'correlation_id' | 'timestamp';

/**
 * Reads `hash-header` and `hash-property` from the arguments of an exchange.
 * @throws AmqpError 406 when both are there, or the property is none that can be hashed: RabbitMQ's texts. A value that is
 * no text is a 406 too, where RabbitMQ 3.10.8 closes the connection with 541.
 */
export function hashSourceOf(args: FieldTable): HashSource {
  const header = args.get('hash-header');
  const property = args.get('hash-property');
  if (header !== undefined && property !== undefined) {
    throw preconditionFailed('hash-header and hash-property are mutually exclusive');
  }
  if (header !== undefined) {
    if (header.type !== 'S') throw preconditionFailed(`Unsupported header name: ${fieldTerm(header)}`);
    return { kind: 'header', name: header.value };
  }
  if (property === undefined) return { kind: 'routing-key' };
  const name = property.type === 'S' ? property.value : fieldTerm(property);
  if (!isHashProperty(name)) throw preconditionFailed(`Unsupported property: ${name}`);
  return { kind: 'property', name };
}

/** @throws AmqpError 406 when a binding key is no whole number above 0. The texts are RabbitMQ's. */
export function validateWeight(routingKey: string): void {
  if (!/^[+-]?[0-9]+$/.test(routingKey)) {
    throw preconditionFailed(`The binding key must be an integer: ${printedOctets(encodeText(routingKey))}`);
  }
  if (Number(routingKey) < 1) throw preconditionFailed('The binding key must be greater than 0');
}

export class ConsistentHashBindings<D extends Destination> extends StoredBindings<D> {
  readonly byKeyAlone: boolean;
  readonly #source: HashSource;
  readonly #contenders: Contender<D>[] = [];
  /** A slot's owner as its index among the contenders plus one; 0 is not worked out yet. Made for the second contender. */
  #owners: Uint32Array | undefined = undefined;

  constructor(source: HashSource) {
    super();
    this.#source = source;
    this.byKeyAlone = source.kind === 'routing-key';
  }

  match(message: RoutedMessage, found: ScratchList<D>): void {
    const contenders = this.#contenders;
    if (contenders.length === 0) return;
    if (contenders.length === 1) {
      found.add(contenders[0]!.destination);
      return;
    }
    const slot = hashText(hashedText(this.#source, message), 0) >>> SLOT_SHIFT;
    this.#owners ??= new Uint32Array(SLOT_COUNT);
    const owner = this.#owners[slot]! || this.#workOutOwner(slot, this.#owners);
    found.add(contenders[owner - 1]!.destination);
  }

  protected indexed(binding: Binding<D>): void {
    this.#weigh(binding.destination);
  }

  protected unindexed(binding: Binding<D>): void {
    this.#weigh(binding.destination);
  }

  /**
   * A destination that is bound more than once counts with its lowest binding key, whichever came first: so RabbitMQ has
   * it after a restart. (Before one it goes by the first, and forgets the destination when any of them is unbound.)
   */
  #weigh(destination: D): void {
    const weight = lowestKey(this.to(destination));
    const index = this.#contenders.findIndex((contender) => contender.destination === destination);
    if (index >= 0) this.#contenders.splice(index, 1);
    if (weight !== undefined) this.#contenders.push(newContender(destination, Number(weight)));
    this.#owners?.fill(0);
  }

  #workOutOwner(slot: number, owners: Uint32Array): number {
    const contenders = this.#contenders;
    let best = 0;
    let bestDraw = draw(contenders[0]!, slot);
    for (let index = 1; index < contenders.length; index++) {
      const own = draw(contenders[index]!, slot);
      if (own > bestDraw) continue;
      if (own === bestDraw && !comesFirst(contenders[index]!, contenders[best]!)) continue;
      best = index;
      bestDraw = own;
    }
    owners[slot] = best + 1;
    return best + 1;
  }
}

const SLOT_COUNT = 65_536;
const SLOT_SHIFT = 16;
const HASH_PROPERTIES: ReadonlySet<string> = new Set(['message_id', 'correlation_id', 'timestamp']);

interface Contender<D extends Destination> {
  readonly destination: D;
  readonly weight: number;
  readonly seedHigh: number;
  readonly seedLow: number;
}

function isHashProperty(name: string): name is HashProperty {
  return HASH_PROPERTIES.has(name);
}

function newContender<D extends Destination>(destination: D, weight: number): Contender<D> {
  const name = `${destination.kind}:${destination.name}`;
  return { destination, weight, seedHigh: hashText(name, 1), seedLow: hashText(name, 2) };
}

/**
 * A draw from the exponential distribution of rate `weight`: the lowest wins, with a chance in proportion to its weight.
 * V8 computes `Math.log` in software, alike on every processor, so all nodes agree.
 */
function draw<D extends Destination>(contender: Contender<D>, slot: number): number {
  const high = mix(contender.seedHigh ^ mix(slot));
  const low = mix(contender.seedLow ^ high) >>> 11;
  const uniform = (high * 2_097_152 + low + 0.5) / 9_007_199_254_740_992;
  return -Math.log(uniform) / contender.weight;
}

function comesFirst<D extends Destination>(a: Contender<D>, b: Contender<D>): boolean {
  return compareDestinations(a.destination, b.destination) < 0;
}

function lowestKey<D extends Destination>(bindings: Iterable<Binding<D>>): string | undefined {
  let lowest: string | undefined;
  for (const { routingKey } of bindings) {
    if (lowest === undefined || compareText(routingKey, lowest) < 0) lowest = routingKey;
  }
  return lowest;
}

/** A message without the header or property hashes as the empty text, so that all such messages stay together. */
function hashedText(source: HashSource, message: RoutedMessage): string {
  if (source.kind === 'routing-key') return message.routingKey;
  const properties = message.properties();
  if (properties === undefined) return '';
  if (source.kind === 'property') return propertyText(source.name, properties);
  const header = properties.headers?.get(source.name);
  return header === undefined ? '' : fieldIdentity(header);
}

function propertyText(name: HashProperty, properties: BasicProperties): string {
  switch (name) {
    case 'message_id':
      return properties.messageId ?? '';
    case 'correlation_id':
      return properties.correlationId ?? '';
    case 'timestamp':
      return String(properties.timestamp ?? '');
  }
}
