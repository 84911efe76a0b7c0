import type { ScratchList } from '../collections/scratch-list.ts';
import { KeylessBindings } from './binding-table.ts';
import type { Destination } from './destination.ts';
import type { RoutedMessage } from './routed-message.ts';

/** `fanout`: every binding matches, whatever its key. AMQP 0-9-1 3.1.3.2. */
export class FanoutBindings<D extends Destination> extends KeylessBindings<D> {
  readonly byKeyAlone = true;

  match(_message: RoutedMessage, found: ScratchList<D>): void {
    const bound = this.bound;
    for (let index = 0; index < bound.length; index++) found.add(bound[index]!);
  }
}
