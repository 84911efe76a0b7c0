import type { ScratchList } from '../collections/scratch-list.ts';
import { KeylessBindings } from './binding-table.ts';
import type { Destination } from './destination.ts';
import type { RoutedMessage } from './routed-message.ts';

/** A number from 0 to below 1, as `Math.random` gives. */
export type RandomSource = () => number;

/** `x-random`: one binding, drawn by chance, whatever its key. A destination bound twice is drawn twice as often. */
export class RandomBindings<D extends Destination> extends KeylessBindings<D> {
  readonly byKeyAlone = false;
  readonly #random: RandomSource;

  constructor(random: RandomSource) {
    super();
    this.#random = random;
  }

  match(_message: RoutedMessage, found: ScratchList<D>): void {
    const { length } = this.bound;
    if (length > 0) found.add(this.bound[Math.floor(this.#random() * length)]!);
  }
}

/** `x-local-random`: one of the queues that this node leads, drawn by chance, so that a publish stays on the node. */
export class LocalRandomBindings<D extends Destination> extends KeylessBindings<D> {
  readonly byKeyAlone = false;
  readonly #random: RandomSource;

  constructor(random: RandomSource) {
    super();
    this.#random = random;
  }

  match(_message: RoutedMessage, found: ScratchList<D>): void {
    const bound = this.bound;
    let localCount = 0;
    for (let index = 0; index < bound.length; index++) if (bound[index]!.isLocal) localCount++;
    if (localCount === 0) return;
    let skip = Math.floor(this.#random() * localCount);
    for (let index = 0; index < bound.length; index++) {
      const destination = bound[index]!;
      if (!destination.isLocal || skip-- > 0) continue;
      found.add(destination);
      return;
    }
  }
}
