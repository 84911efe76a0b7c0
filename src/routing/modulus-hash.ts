import type { ScratchList } from '../collections/scratch-list.ts';
import { type Binding, bindingIdentity } from './binding.ts';
import { StoredBindings } from './binding-table.ts';
import { compareDestinations, compareText, type Destination } from './destination.ts';
import { hashText } from './hash.ts';
import type { RoutedMessage } from './routed-message.ts';

/**
 * `x-modulus-hash`: the hash of the routing key, modulo the number of bindings, picks one binding. What the bindings'
 * keys say does not matter, only their order: by key, then destination, as RabbitMQ's sharding plugin has them. A
 * binding more or less moves most keys; `x-consistent-hash` is the type that does not.
 */
export class ModulusHashBindings<D extends Destination> extends StoredBindings<D> {
  readonly byKeyAlone = true;
  readonly #bindings: Binding<D>[] = [];
  #isSorted = true;

  match(message: RoutedMessage, found: ScratchList<D>): void {
    if (this.#bindings.length === 0) return;
    if (!this.#isSorted) this.#sort();
    found.add(this.#bindings[hashKeys(message) % this.#bindings.length]!.destination);
  }

  protected indexed(binding: Binding<D>): void {
    this.#bindings.push(binding);
    this.#isSorted = false;
  }

  protected unindexed(binding: Binding<D>): void {
    this.#bindings.splice(this.#bindings.indexOf(binding), 1);
  }

  #sort(): void {
    this.#bindings.sort(compareBindings);
    this.#isSorted = true;
  }
}

/** All keys of the message count, as in RabbitMQ: a CC header changes the choice. */
function hashKeys(message: RoutedMessage): number {
  let hash = hashText(message.routingKey, 0);
  const { otherKeys } = message;
  for (let index = 0; index < otherKeys.length; index++) hash = hashText(otherKeys[index]!, hash);
  return hash;
}

function compareBindings<D extends Destination>(a: Binding<D>, b: Binding<D>): number {
  return (
    compareText(a.routingKey, b.routingKey) ||
    compareDestinations(a.destination, b.destination) ||
    compareText(bindingIdentity(a.routingKey, a.arguments), bindingIdentity(b.routingKey, b.arguments))
  );
}
