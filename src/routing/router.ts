import { ScratchList } from '../collections/scratch-list.ts';
import type { RoutableQueue } from './destination.ts';
import type { Exchange } from './exchange.ts';
import type { RoutedMessage } from './routed-message.ts';

/**
 * Finds the queues of a message: through the bindings of the exchange, on through exchanges bound to it, and through
 * alternate exchanges. One router serves one vhost, and nothing but that router may route to its queues and exchanges:
 * each route has a number, and a destination that carries the number already has been reached, which is what keeps
 * cycles from looping and a queue from getting a message twice.
 *
 * The rule for alternate exchanges is RabbitMQ's: an exchange on the way falls to its alternate when its own bindings
 * match nothing at all. A match that leads to another exchange counts, even when the message dies there or the other
 * exchange has been visited before; and an alternate that does not exist swallows the message.
 *
 * An exchange that delays holds a message up on its way: what is behind it is found when the message is released.
 */
export class Router<Q extends RoutableQueue> {
  readonly #lookup: (name: string) => Exchange<Q> | undefined;
  #route = 0;
  readonly #pending = new ScratchList<Exchange<Q>>();
  readonly #found = new ScratchList<Q | Exchange<Q>>();

  /** Those that hold up the message of the last route. */
  readonly delaying = new ScratchList<Exchange<Q>>();
  readonly #isDelayed: (message: RoutedMessage) => boolean;

  /**
   * @param lookup finds an alternate exchange by its name, in the router's vhost.
   * @param isDelayed whether an exchange that delays is to hold the message up
   */
  constructor(lookup: (name: string) => Exchange<Q> | undefined, isDelayed: (message: RoutedMessage) => boolean) {
    this.#lookup = lookup;
    this.#isDelayed = isDelayed;
  }

  /**
   * Adds the queues that the message reaches from `exchange` to `into`, each once. `into` is the caller's and is not
   * cleared here, nor is `delaying`. The default exchange is not routed here: it has no bindings, its routing key is a queue's name.
   *
   * @param pastDelays as if nothing were held up
   * @returns whether the routing key alone decided: the same exchange and key reach the same queues until an exchange
   * is declared or deleted, a binding changes, or an alternate exchange changes.
   */
  route(exchange: Exchange<Q>, message: RoutedMessage, into: ScratchList<Q>, pastDelays = false): boolean {
    let byKeyAlone = message.otherKeys.length === 0;
    this.#route++;
    // A message whose properties cannot be decoded throws out of `match`, and may have left something here.
    this.#pending.clear();
    this.#found.clear();
    this.#visit(exchange);
    while (this.#pending.count > 0) {
      const source = this.#pending.pop();
      if (!source.bindings.byKeyAlone || source.delays) byKeyAlone = false;
      if (source.delays && !pastDelays && this.#isDelayed(message)) {
        this.delaying.add(source);
        continue;
      }
      source.bindings.match(message, this.#found);
      if (this.#found.count === 0) this.#visitAlternate(source);
      else this.#follow(into);
    }
    return byKeyAlone;
  }

  #visitAlternate(source: Exchange<Q>): void {
    if (source.alternateExchange === undefined) return;
    const alternate = this.#lookup(source.alternateExchange);
    if (alternate !== undefined) this.#visit(alternate);
  }

  #follow(into: ScratchList<Q>): void {
    const found = this.#found;
    const route = this.#route;
    for (let index = 0; index < found.count; index++) {
      const destination = found.at(index);
      if (destination.kind === 'exchange') this.#visit(destination);
      else if (destination.lastRoute !== route) {
        destination.lastRoute = route;
        into.add(destination);
      }
    }
    found.clear();
  }

  #visit(exchange: Exchange<Q>): void {
    if (exchange.lastRoute === this.#route) return;
    exchange.lastRoute = this.#route;
    this.#pending.add(exchange);
  }
}
