import type { Binding } from './binding.ts';
import { StoredBindings, takeOut } from './binding-table.ts';
import type { Destination } from './destination.ts';
import type { RoutedMessage } from './routed-message.ts';
import type { ScratchList } from './scratch-list.ts';

/** `fanout`: every binding matches, whatever its key. AMQP 0-9-1 3.1.3.2. */
export class FanoutBindings<D extends Destination> extends StoredBindings<D> {
  readonly byKeyAlone = true;
  readonly #bound: D[] = [];

  match(_message: RoutedMessage, found: ScratchList<D>): void {
    const bound = this.#bound;
    for (let index = 0; index < bound.length; index++) found.add(bound[index]!);
  }

  protected indexed(binding: Binding<D>): void {
    this.#bound.push(binding.destination);
  }

  protected unindexed(binding: Binding<D>): void {
    takeOut(this.#bound, binding.destination);
  }
}
