import { strict as assert } from 'node:assert';
import type { ScratchList } from '../collections/scratch-list.ts';
import { type Binding, bindingIdentity } from './binding.ts';
import type { Destination } from './destination.ts';
import type { RoutedMessage } from './routed-message.ts';

/** The bindings of one exchange, arranged for its type's way of matching. */
export interface BindingTable<D extends Destination> {
  /** Whether the same routing key always finds the same destinations until a binding changes, so it may be cached. */
  readonly byKeyAlone: boolean;
  /** How many bindings there are. */
  readonly size: number;
  /** Adds a binding that `validateBinding` has let pass; false when it was there already. */
  add(binding: Binding<D>): boolean;
  /** Takes out the binding with this destination, routing key and arguments; false when there is none. */
  remove(binding: Binding<D>): boolean;
  /** Takes out all bindings to a destination that goes, and returns them. */
  removeDestination(destination: D): Binding<D>[];
  has(binding: Binding<D>): boolean;
  /** Every binding, grouped by destination. */
  all(): Iterable<Binding<D>>;
  /** The bindings that lead to one destination. */
  to(destination: D): Iterable<Binding<D>>;
  /** Adds what the message matches to `found`. A destination with several matching bindings may be added repeatedly. */
  match(message: RoutedMessage, found: ScratchList<D>): void;
}

/**
 * The part that all types share: which bindings exist. A type adds an index of them through `indexed` and `unindexed`
 * and answers `match` from that.
 *
 * Invariant: the index holds exactly the bindings stored here; both hooks run after the change.
 */
export abstract class StoredBindings<D extends Destination> implements BindingTable<D> {
  abstract readonly byKeyAlone: boolean;
  #size = 0;
  readonly #byDestination = new Map<D, Map<string, Binding<D>>>();

  abstract match(message: RoutedMessage, found: ScratchList<D>): void;
  protected abstract indexed(binding: Binding<D>): void;
  protected abstract unindexed(binding: Binding<D>): void;

  get size(): number {
    return this.#size;
  }

  add(binding: Binding<D>): boolean {
    const identity = bindingIdentity(binding.routingKey, binding.arguments);
    let own = this.#byDestination.get(binding.destination);
    if (own?.has(identity)) return false;
    if (own === undefined) {
      own = new Map();
      this.#byDestination.set(binding.destination, own);
    }
    own.set(identity, binding);
    this.#size++;
    this.indexed(binding);
    return true;
  }

  remove(binding: Binding<D>): boolean {
    const identity = bindingIdentity(binding.routingKey, binding.arguments);
    const own = this.#byDestination.get(binding.destination);
    const stored = own?.get(identity);
    if (own === undefined || stored === undefined) return false;
    own.delete(identity);
    if (own.size === 0) this.#byDestination.delete(binding.destination);
    this.#size--;
    this.unindexed(stored);
    return true;
  }

  removeDestination(destination: D): Binding<D>[] {
    const own = this.#byDestination.get(destination);
    if (own === undefined) return [];
    const removed = [...own.values()];
    this.#byDestination.delete(destination);
    this.#size -= removed.length;
    for (const binding of removed) this.unindexed(binding);
    return removed;
  }

  has(binding: Binding<D>): boolean {
    const own = this.#byDestination.get(binding.destination);
    return own?.has(bindingIdentity(binding.routingKey, binding.arguments)) ?? false;
  }

  *all(): Iterable<Binding<D>> {
    for (const own of this.#byDestination.values()) yield* own.values();
  }

  to(destination: D): Iterable<Binding<D>> {
    return this.#byDestination.get(destination)?.values() ?? [];
  }
}

/** Bindings whose keys say nothing: they are known by their destinations, one of them for each binding, in any order. */
export abstract class KeylessBindings<D extends Destination> extends StoredBindings<D> {
  protected readonly bound: D[] = [];

  protected indexed(binding: Binding<D>): void {
    this.bound.push(binding.destination);
  }

  protected unindexed(binding: Binding<D>): void {
    takeOut(this.bound, binding.destination);
  }
}

/** Takes one occurrence of `item` out of a list whose order says nothing. */
export function takeOut<T>(list: T[], item: T): void {
  const index = list.indexOf(item);
  assert(index >= 0, 'an index of bindings lost an entry');
  const last = list.pop() as T;
  if (index < list.length) list[index] = last;
}
