import type { ScratchList } from '../collections/scratch-list.ts';
import type { Binding } from './binding.ts';
import { StoredBindings, takeOut } from './binding-table.ts';
import type { Destination } from './destination.ts';
import type { RoutedMessage } from './routed-message.ts';

/** `direct`: a binding matches when its key is the message's. AMQP 0-9-1 3.1.3.1. */
export class DirectBindings<D extends Destination> extends StoredBindings<D> {
  readonly byKeyAlone = true;
  readonly #byKey = new Map<string, D[]>();

  match(message: RoutedMessage, found: ScratchList<D>): void {
    this.#matchKey(message.routingKey, found);
    const { otherKeys } = message;
    for (let index = 0; index < otherKeys.length; index++) this.#matchKey(otherKeys[index]!, found);
  }

  #matchKey(routingKey: string, found: ScratchList<D>): void {
    const bound = this.#byKey.get(routingKey);
    if (bound === undefined) return;
    for (let index = 0; index < bound.length; index++) found.add(bound[index]!);
  }

  protected indexed(binding: Binding<D>): void {
    const bound = this.#byKey.get(binding.routingKey);
    if (bound === undefined) this.#byKey.set(binding.routingKey, [binding.destination]);
    else bound.push(binding.destination);
  }

  protected unindexed(binding: Binding<D>): void {
    const bound = this.#byKey.get(binding.routingKey)!;
    takeOut(bound, binding.destination);
    if (bound.length === 0) this.#byKey.delete(binding.routingKey);
  }
}
