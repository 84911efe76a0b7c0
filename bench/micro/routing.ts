/**
 * What a route costs: `node bench/micro/routing.ts`. Each line is the best of several rounds, so that what else the
 * machine does in the meantime counts least. The bytes are what a route allocates.
 */
import { getHeapStatistics } from 'node:v8';
import { ScratchList } from '../../src/collections/scratch-list.ts';
import type { FieldTable } from '../../src/protocol/field-table.ts';
import type { BasicProperties } from '../../src/protocol/properties.ts';
import type { RoutableQueue } from '../../src/routing/destination.ts';
import { Exchange, type ExchangeOptions } from '../../src/routing/exchange.ts';
import type { RoutedMessage } from '../../src/routing/routed-message.ts';
import { Router } from '../../src/routing/router.ts';

const ROUND_COUNT = 7;
const ROUND_MS = 60;
const ROUTES_TO_WEIGH = 10_000;
const NO_ARGUMENTS: FieldTable = new Map();

interface Route {
  readonly name: string;
  readonly router: Router<RoutableQueue>;
  readonly exchange: Exchange<RoutableQueue>;
  /** Routed one after the other, and again from the first. A power of two of them. */
  readonly messages: readonly RoutedMessage[];
  /** How many queues a message must reach, so that a wrong route is not measured. */
  readonly queueCount: number;
}

interface BoundQueue {
  readonly routingKey: string;
  readonly arguments?: FieldTable;
}

function newQueue(name: string): RoutableQueue {
  return { kind: 'queue', name, isLocal: true, lastRoute: 0 };
}

function exchangeWith(options: ExchangeOptions, bindings: readonly BoundQueue[]): Exchange<RoutableQueue> {
  const exchange = new Exchange<RoutableQueue>(options);
  for (const [place, { routingKey, arguments: args = NO_ARGUMENTS }] of bindings.entries()) {
    exchange.bindings.add({ destination: newQueue(`q${place}`), routingKey, arguments: args });
  }
  return exchange;
}

function messages(keyOf: (place: number) => string, properties?: BasicProperties): RoutedMessage[] {
  return Array.from({ length: 256 }, (_, place) => ({
    routingKey: keyOf(place),
    otherKeys: [],
    properties: () => properties,
  }));
}

function times<T>(count: number, make: (place: number) => T): T[] {
  return Array.from({ length: count }, (_, place) => make(place));
}

function routeOf(
  name: string,
  exchange: Exchange<RoutableQueue>,
  routed: readonly RoutedMessage[],
  queueCount: number,
): Route {
  return {
    name,
    router: new Router(
      () => undefined,
      () => false,
    ),
    exchange,
    messages: routed,
    queueCount,
  };
}

function headersOf(place: number): FieldTable {
  return new Map([
    ['x-match', { type: 'S', value: 'all' }],
    ['tenant', { type: 'S', value: `tenant-${place}` }],
    ['region', { type: 'S', value: 'eu' }],
  ]);
}

function allRoutes(): Route[] {
  const keyed = (place: number) => `stock.${place % 50}.nyse.${place}`;
  const star = (place: number) => `stock.*.nyse.${place}`;
  const hash = (place: number) => `stock.#.${place}`;
  const topic = (pattern: (place: number) => string) =>
    exchangeWith(
      { name: 'x', type: 'topic' },
      times(1000, (place) => ({ routingKey: pattern(place) })),
    );
  const all = (type: ExchangeOptions['type'], count: number, routingKey = '1') =>
    exchangeWith(
      { name: 'x', type },
      times(count, () => ({ routingKey })),
    );
  const entry = new Exchange<RoutableQueue>({ name: 'entry', type: 'direct' });
  entry.bindings.add({ destination: all('fanout', 1), routingKey: 'k', arguments: NO_ARGUMENTS });
  const direct = exchangeWith(
    { name: 'x', type: 'direct' },
    times(1000, (place) => ({ routingKey: `key.${place}` })),
  );
  const headers = exchangeWith(
    { name: 'x', type: 'headers' },
    times(100, (place) => ({ routingKey: '', arguments: headersOf(place) })),
  );
  return [
    routeOf(
      'direct, 1000 bindings, 1 match',
      direct,
      messages((place) => `key.${place}`),
      1,
    ),
    routeOf(
      'direct to fanout, 1 queue',
      entry,
      messages(() => 'k'),
      1,
    ),
    routeOf(
      'fanout to 1',
      all('fanout', 1),
      messages(() => 'k'),
      1,
    ),
    routeOf(
      'fanout to 1000',
      all('fanout', 1000),
      messages(() => 'k'),
      1000,
    ),
    routeOf('topic, 1000 literal bindings, 1 match', topic(keyed), messages(keyed), 1),
    routeOf('topic, 1000 bindings with *, 1 match', topic(star), messages(keyed), 1),
    routeOf('topic, 1000 bindings with #, 1 match', topic(hash), messages(keyed), 1),
    routeOf(
      'topic, 1000 bindings, no match',
      topic(keyed),
      messages((place) => `bond.${place}.x`),
      0,
    ),
    routeOf(
      'headers, 100 bindings, 1 match',
      headers,
      messages(() => '', { headers: headersOf(42) }),
      1,
    ),
    routeOf('x-consistent-hash, 10 queues', all('x-consistent-hash', 10), messages(keyed), 1),
    routeOf('x-modulus-hash, 10 queues', all('x-modulus-hash', 10), messages(keyed), 1),
    routeOf('x-random, 10 queues', all('x-random', 10), messages(keyed), 1),
  ];
}

/** Routes `count` messages and returns how many queues they reached in all. */
function run({ router, exchange, messages: routed }: Route, count: number, into: ScratchList<RoutableQueue>): number {
  let reached = 0;
  for (let index = 0; index < count; index++) {
    into.clear();
    router.route(exchange, routed[index & (routed.length - 1)]!, into);
    reached += into.count;
  }
  return reached;
}

/** How many routes fill a round, found by doubling; the compiler has seen them by then. */
function countForRound(route: Route, into: ScratchList<RoutableQueue>): number {
  for (let count = 1000; ; count *= 2) {
    const started = performance.now();
    run(route, count, into);
    if (performance.now() - started > ROUND_MS / 2) return count;
  }
}

function measure(route: Route): void {
  const into = new ScratchList<RoutableQueue>();
  const count = countForRound(route, into);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUND_COUNT; round++) {
    const started = performance.now();
    const reached = run(route, count, into);
    best = Math.min(best, ((performance.now() - started) * 1e6) / count);
    if (reached !== count * route.queueCount) throw new Error(`${route.name}: reached ${reached} queues in all`);
  }
  const bytes = medianBytes(route, into);
  console.log(`${route.name.padEnd(40)} ${best.toFixed(1).padStart(9)} ns ${bytes.toFixed(1).padStart(8)} B`);
}

/** What a route allocates. The routes of a round are few enough for most rounds to pass without a collection. */
function medianBytes(route: Route, into: ScratchList<RoutableQueue>): number {
  const grown = times(ROUND_COUNT, () => {
    const before = getHeapStatistics().used_heap_size;
    run(route, ROUTES_TO_WEIGH, into);
    return (getHeapStatistics().used_heap_size - before) / ROUTES_TO_WEIGH;
  });
  return grown.sort((a, b) => a - b)[ROUND_COUNT >> 1]!;
}

for (const route of allRoutes()) measure(route);
