/** What a binding may lead to: a queue or another exchange. */
export interface Destination {
  readonly kind: 'queue' | 'exchange';
  /** Hash exchanges place a destination by its kind and name, so that the choice survives a restart. */
  readonly name: string;
  /** Whether this node holds it: for a queue, whether its leader is here. Only `x-local-random` asks. */
  readonly isLocal: boolean;
  /** The number of the last route that reached it. Starts at 0, and only the vhost's `Router` writes it. */
  lastRoute: number;
}

/** A queue as routing sees it. Everything else that a queue is stays with the caller's type. */
export interface RoutableQueue extends Destination {
  readonly kind: 'queue';
}

/** Orders destinations by kind and name, the same on every node and after every restart. */
export function compareDestinations(a: Destination, b: Destination): number {
  return compareText(a.kind, b.kind) || compareText(a.name, b.name);
}

/** Orders by UTF-16 code units: unlike `localeCompare` it does not depend on where the broker runs. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
