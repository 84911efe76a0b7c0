/**
 * A vhost: its exchanges and queues, and the way of a message through them.
 *
 *   publish      route -> queues: one copy into the store, one entry in each queue
 *   deadLetter   what left a queue, with its x-death, once more through an exchange
 *
 * What exists is changed by `apply` alone, which follows the metadata store; declarations are in declarations.ts.
 */

import assert from 'node:assert/strict';
import { ScratchList } from '../collections/scratch-list.ts';
import type { Counting } from '../config/statistics-options.ts';
import type { QueueRecord, QueueType } from '../metadata/port.ts';
import { EMPTY_TABLE } from '../protocol/field-table.ts';
import { decodeProperties } from '../protocol/properties.ts';
import { deadLetterStep } from '../queues/dead-letter-delays.ts';
import type { DelayLineIdentity, DelayPlace } from '../queues/delay-environment.ts';
import { DelayLine } from '../queues/delay-line.ts';
import { Queue } from '../queues/queue.ts';
import type { QueueEnvironment } from '../queues/queue-environment.ts';
import type { DeadLetterReason, QueueSettings } from '../queues/queue-settings.ts';
import { delayedHeaders, delayOf } from '../routing/delay-headers.ts';
import { type Exchange, ExchangeFlow } from '../routing/exchange.ts';
import { releaseRateOf } from '../routing/exchange-types.ts';
import type { RoutedMessage } from '../routing/routed-message.ts';
import { Router } from '../routing/router.ts';
import { blindKeysOf, decodeBlindKeys } from '../storage/blind-keys.ts';
import type { Page } from '../storage/page.ts';
import {
  bodySizeOf,
  type IncomingMessage,
  isPublished,
  propertiesSizeOf,
  routeOffsetOf,
  routeSizeOf,
} from '../storage/record.ts';
import { type ReturnAddress, returnAddressOf } from '../storage/return-address.ts';
import {
  deadLetteredProperties,
  deadLetterRoutingKeys,
  deathCountOf,
  isDeadLetterCycle,
} from './dead-letter-headers.ts';
import { type DyingMessage, deadLetterMessage } from './dead-letter-message.ts';
import { releasedMessage } from './delayed-message.ts';
import type { Firehose } from './firehose.ts';
import { readQueueArguments } from './queue-arguments.ts';
import { MAX_QUEUES_A_RECORD, NO_ROUTE, Route } from './route.ts';
import { readRoute } from './route-bytes.ts';
import { type BrokerTotals, GoneTotals, type PublishTotals } from './totals.ts';
import { VhostPolicies } from './vhost-policies.ts';

export type PublishOutcome = 'routed' | 'unroutable' | 'rejected';

/** What one queue was sent by one exchange. */
export interface IncomingCount {
  published: number;
}

/** What the vhost needs of the broker: everything that a queue needs, but for what the vhost does itself. */
export interface VhostEnvironment extends Omit<QueueEnvironment, 'deadLetter' | 'died' | 'unused'> {
  /** Where delayed messages are moved to, and who does it. */
  readonly delays: DelayPlace;
  readonly counting: Counting;
  /** Counted here for all vhosts. */
  readonly totals: BrokerTotals;
  /** Returns a message that was released and that no queue took, if its publisher is still there. */
  giveBack(address: ReturnAddress, message: IncomingMessage): void;
  /** The queue is to be deleted: x-expires, or auto-delete. */
  unused(queue: Queue): void;
  /** The last binding of an auto-delete exchange is gone. */
  exchangeUnused(vhost: Vhost, exchange: Exchange<Queue>): void;
}

export class Vhost {
  readonly name: string;
  readonly queues = new Map<string, Queue>();
  readonly exchanges = new Map<string, Exchange<Queue>>();
  /** What waits in x-delayed-message exchanges, by their names. */
  readonly lines = new Map<string, DelayLine>();
  /** Dead letters that wait for their next attempt, shown as what waits in the default exchange; null as long as none has. */
  deadLetterLine: DelayLine | null = null;
  /** What is kept of them bears it. */
  lineId: number | undefined;
  /** What a queue becomes that is declared without x-queue-type. */
  defaultQueueType: QueueType = 'classic';
  /** Queues that are being declared: they count where there is a limit. */
  proposedQueueCount = 0;
  /** Grows with every change that may alter where a message goes. */
  topologyVersion = 0;
  readonly gone = new GoneTotals();
  /** Null while tracing is off. */
  firehose: Firehose | null = null;
  /** Of the exchange without a name. */
  readonly defaultFlow = new ExchangeFlow();
  readonly #incoming = new WeakMap<Queue, Map<string, IncomingCount>>();
  /** Routes are worked out anew after a change: policies choose alternate exchanges, and how much care a queue needs. */
  readonly policies = new VhostPolicies(() => {
    this.topologyVersion++;
  });
  readonly #env: VhostEnvironment;
  readonly #queueEnv: QueueEnvironment;
  readonly #router: Router<Queue>;
  readonly #found = new ScratchList<Queue>();
  #leavingCount = 0;
  readonly #lineRoutes = new WeakMap<DelayLine, Route>();

  constructor(name: string, env: VhostEnvironment) {
    this.name = name;
    this.#env = env;
    this.#router = new Router(
      (exchange) => this.exchanges.get(exchange),
      (message) => delayOf(message.properties()?.headers, env.clock.nowMs()) > 0,
    );
    this.#queueEnv = {
      store: env.store,
      clock: env.clock,
      log: env.log,
      wake: (queue) => env.wake(queue),
      turnMs: () => env.turnMs(),
      unused: (queue) => {
        if (queue.isLeaving) return;
        this.leave(queue);
        env.unused(queue);
      },
      deadLetter: (queue, page, offset, reason, settings) =>
        this.#deadLetterMessage(queue, page, offset, reason, settings),
      died: (queue, reason) => this.#countDeath(queue, reason),
    };
  }

  // --- the way of a message ---

  /**
   * The queues of a message. `exchange` null is the default exchange: the routing key names the queue.
   * @returns the route and whether exchange and key alone decided it: then it holds until `topologyVersion` changes.
   */
  route(exchange: Exchange<Queue> | null, message: RoutedMessage): { route: Route; cacheable: boolean } {
    const found = this.#found;
    found.clear();
    const { delaying } = this.#router;
    delaying.clear();
    let cacheable = message.otherKeys.length === 0;
    if (exchange !== null) cacheable = this.#router.route(exchange, message, found);
    else this.#addByName(message, found);
    if (this.#leavingCount > 0) this.#leaveOut(found);
    if (delaying.count > 0) return { route: this.#delayedRoute(), cacheable: false };
    const route = found.count === 0 ? NO_ROUTE : new Route(found.toArray());
    found.clear();
    return { route, cacheable };
  }

  #delayedRoute(): Route {
    const { delaying } = this.#router;
    const found = this.#found;
    const lines = delaying.toArray().flatMap(({ name }) => this.lines.get(name) ?? []);
    const isAlone = lines.length === 1 && found.count === 0;
    const route = isAlone ? this.#routeTo(lines[0]) : new Route(found.toArray(), lines);
    delaying.clear();
    found.clear();
    return route;
  }

  #routeTo(line: DelayLine): Route {
    const known = this.#lineRoutes.get(line);
    if (known !== undefined) return known;
    const route = new Route([], [line]);
    this.#lineRoutes.set(line, route);
    return route;
  }

  /** Whether the message would reach a queue if nothing delayed it. */
  reachesQueue(exchange: Exchange<Queue>, message: RoutedMessage): boolean {
    const found = this.#found;
    found.clear();
    this.#router.route(exchange, message, found, true);
    if (this.#leavingCount > 0) this.#leaveOut(found);
    const isReached = found.count > 0;
    found.clear();
    return isReached;
  }

  #addByName(message: RoutedMessage, found: ScratchList<Queue>): void {
    const names = new Set([message.routingKey, ...message.otherKeys]);
    for (const name of names) {
      const queue = this.queues.get(name);
      if (queue !== undefined) found.add(queue);
    }
  }

  /** What is on its way out gets nothing any more: it was looked at whether it is empty, or unused. */
  #leaveOut(found: ScratchList<Queue>): void {
    const staying = found.toArray().filter((queue) => !queue.isLeaving);
    found.clear();
    for (const queue of staying) found.add(queue);
  }

  publish(message: IncomingMessage, route: Route): PublishOutcome {
    const { queues, durableIds } = route;
    if (route.needsCare) {
      if (queues.length > 0 || route.lines.length > 1) return this.#publishWithCare(message, route);
      this.#delay(message, route.lines[0]);
      return 'routed';
    }
    if (queues.length === 0) return 'unroutable';
    const durableCount = message.persistent || route.keepsTransient ? durableIds.length : 0;
    const position = this.#env.store.append(message, durableIds, durableCount, queues.length);
    const { bodySize, priority, ttlMs } = message;
    for (let i = 0; i < queues.length; i++) queues[i].publish(position, bodySize, priority, ttlMs);
    return 'routed';
  }

  /** What the broker itself puts into queues: dead letters, events. Queues count what clients publish alone. */
  publishOwn(message: IncomingMessage, route: Route): PublishOutcome {
    for (const queue of route.queues) queue.publishedTotal--;
    return this.publish(message, route);
  }

  /** It waits from the next millisecond on: a clock of whole ones is a part of one behind, and nobody is to have it early. */
  #delay(message: IncomingMessage, line: DelayLine): void {
    message.publishedAtMs++;
    line.take(this.#env.store.append(message, line.durableIds, line.durableIds.length, 1));
    message.publishedAtMs--;
  }

  #publishWithCare(message: IncomingMessage, route: Route): PublishOutcome {
    const refusing = route.queues.filter((queue) => queue.refuses(message.bodySize));
    for (const queue of refusing) {
      queue.publishedTotal++;
      if (queue.settings.overflow !== 'reject-publish-dlx') continue;
      this.#countDeath(queue, 'maxlen');
      this.#deadLetterRefused(queue, message);
    }
    const willing = route.queues.filter((queue) => !refusing.includes(queue));
    for (let from = 0; from < willing.length; from += MAX_QUEUES_A_RECORD) {
      const part = willing.slice(from, from + MAX_QUEUES_A_RECORD);
      const durableIds = part.filter((queue) => queue.durable).map((queue) => queue.id);
      const durableCount = message.persistent || route.keepsTransient ? durableIds.length : 0;
      const position = this.#env.store.append(message, durableIds, durableCount, part.length);
      for (const queue of part) queue.publish(position, message.bodySize, message.priority, message.ttlMs);
    }
    for (const line of route.lines) this.#delay(message, line);
    if (route.queues.length + route.lines.length === 0) return 'unroutable';
    return refusing.length > 0 ? 'rejected' : 'routed';
  }

  /** What reject-publish-dlx does not take in. */
  #deadLetterRefused(queue: Queue, message: IncomingMessage): void {
    const { propertiesBytes, propertiesOffset, propertiesSize, blindBytes, blindSize } = message;
    const { bodyBytes, bodyOffset, bodySize } = message;
    this.#publishDeadLetter(queue, 'maxlen', queue.settings, {
      ...readRoute(message.routeBytes, message.routeOffset),
      properties: decodeProperties(propertiesBytes, propertiesOffset, propertiesOffset + propertiesSize),
      blindKeys: blindSize === 0 ? [] : decodeBlindKeys(blindBytes, 0),
      bodyBytes,
      bodyOffset,
      bodySize,
    });
  }

  #deadLetterMessage(
    queue: Queue,
    page: Page,
    offset: number,
    reason: DeadLetterReason,
    settings: QueueSettings,
  ): void {
    const bodyBytes = page.bytes as Buffer;
    const routeOffset = routeOffsetOf(page, offset);
    const propertiesOffset = routeOffset + routeSizeOf(page, offset);
    const bodyOffset = propertiesOffset + propertiesSizeOf(page, offset);
    this.#publishDeadLetter(queue, reason, settings, {
      ...readRoute(bodyBytes, routeOffset),
      properties: decodeProperties(bodyBytes, propertiesOffset, bodyOffset),
      blindKeys: blindKeysOf(page, offset),
      bodyBytes,
      bodyOffset,
      bodySize: bodySizeOf(page, offset),
    });
  }

  #countDeath(queue: Queue, reason: DeadLetterReason): void {
    const { deadLetterExchange, deadLetterDelaysMs } = queue.settings;
    // With delays it depends on the message where it goes.
    if (deadLetterExchange !== undefined && deadLetterDelaysMs !== undefined) return;
    this.#countLeaving(queue, reason, this.#exchangeNamed(deadLetterExchange) !== undefined);
  }

  #countLeaving({ countsDeliveries }: Queue, reason: DeadLetterReason, isDeadLettered: boolean): void {
    const { classicDeaths, quorumDeaths } = this.#env.totals;
    const deaths = (countsDeliveries ? quorumDeaths : classicDeaths)[reason];
    if (isDeadLettered) deaths.deadLettered++;
    else deaths.dropped++;
  }

  /** Null is the default exchange; undefined: there is none, or none any more. */
  #exchangeNamed(name: string | undefined): Exchange<Queue> | null | undefined {
    if (name === undefined) return undefined;
    return name === '' ? null : this.exchanges.get(name);
  }

  #publishDeadLetter(queue: Queue, reason: DeadLetterReason, settings: QueueSettings, dying: DyingMessage): void {
    const { deadLetterExchange, deadLetterRoutingKey, deadLetterDelaysMs } = settings;
    if (deadLetterDelaysMs === undefined && this.#exchangeNamed(deadLetterExchange) === undefined) return;
    const nowMs = this.#env.clock.nowMs();
    const nowSeconds = Math.floor(nowMs / 1000);
    const death = { ...dying, queue: queue.name, reason, nowSeconds, deadLetterRoutingKey };
    const dead = deadLetteredProperties(death);
    const keys = deadLetterRoutingKeys(death);
    const { exchange, delayMs } = deadLetterStep(settings, deathCountOf(dead));
    if (deadLetterDelaysMs !== undefined) {
      this.#countLeaving(queue, reason, delayMs > 0 || this.#exchangeNamed(exchange) !== undefined);
    }
    if (delayMs > 0) {
      const waiting = { ...dead, headers: delayedHeaders(dead.headers, delayMs) };
      this.publish(deadLetterMessage(dying, exchange, keys, waiting, nowMs), this.#routeTo(this.openDeadLetterLine()));
      return;
    }
    const otherKeys = [...keys.copies, ...keys.blindKeys];
    const routed = { routingKey: keys.routingKey, otherKeys, properties: () => dead };
    const isCycle = ({ name }: Queue) => isDeadLetterCycle(dead, name);
    this.#routeDeadLetter(deadLetterMessage(dying, exchange, keys, dead, nowMs), exchange, routed, isCycle);
  }

  #routeDeadLetter(
    message: IncomingMessage,
    exchangeName: string,
    routed: RoutedMessage,
    isLeftOut: (target: Queue) => boolean,
  ): PublishOutcome {
    const exchange = this.#exchangeNamed(exchangeName);
    if (exchange === undefined) return 'unroutable';
    const { route } = this.route(exchange, routed);
    const queues = route.queues.filter((target) => !isLeftOut(target));
    const isWhole = queues.length === route.queues.length;
    return this.publishOwn(message, isWhole ? route : new Route(queues, route.lines));
  }

  /** Routes what has waited with the bindings of this moment, from the exchange that it has waited in. */
  #release(line: DelayLine, page: Page, offset: number, isRepeated: boolean): void {
    const nowMs = this.#env.clock.nowMs();
    const { message, exchange, routed } = releasedMessage(page, offset, nowMs, isRepeated);
    if (line === this.deadLetterLine) {
      // What waits on its way may go round: to be tried again is what it waits for.
      const outcome = this.#routeDeadLetter(message, exchange, routed, () => false);
      if (outcome === 'unroutable') line.unroutableTotal++;
      return;
    }
    const delaying = this.exchanges.get(line.name);
    if (delaying === undefined) return;
    const { route } = this.route(delaying, routed);
    const wasPublished = isPublished(page, offset);
    const outcome = wasPublished ? this.publish(message, route) : this.publishOwn(message, route);
    if (outcome === 'unroutable') this.#releasedInVain(line, page, offset, message);
    else if (wasPublished) this.#countOutgoing(exchange, route);
  }

  /** It goes back to a publisher who wanted to know; where there is none, or none any more, it is gone. */
  #releasedInVain(line: DelayLine, page: Page, offset: number, message: IncomingMessage): void {
    line.unroutableTotal++;
    const address = returnAddressOf(page, offset);
    if (address !== null) this.#env.giveBack(address, message);
  }

  // --- what is counted ---

  /** Publishes that reached a queue, by the name of the exchange they were sent to; kept with `rates_mode` detailed alone. */
  incomingOf(queue: Queue): ReadonlyMap<string, IncomingCount> {
    return this.#incoming.get(queue) ?? NOTHING_CAME;
  }

  countIncoming(queue: Queue, exchange: string, count: number): void {
    const incoming = this.#incoming.get(queue) ?? new Map<string, IncomingCount>();
    this.#incoming.set(queue, incoming);
    const before = incoming.get(exchange);
    if (before === undefined) incoming.set(exchange, { published: count });
    else before.published += count;
  }

  /** What came to an exchange before, and waited since, has reached these queues. */
  #countOutgoing(name: string, { queues }: Route): void {
    const { counting } = this.#env;
    const exchange = this.exchanges.get(name);
    if (exchange === undefined || counting === 'coarse') return;
    exchange.flow.publishedOut += queues.length;
    if (counting === 'detailed') for (const queue of queues) this.countIncoming(queue, name, 1);
  }

  // --- what exists ---

  /** @param lineId what is kept of delayed messages bears it; of an x-delayed-message exchange alone */
  addExchange(exchange: Exchange<Queue>, lineId: number | undefined): void {
    this.exchanges.set(exchange.name, exchange);
    if (exchange.delays) this.#addLine(exchange, lineId);
    this.policies.addExchange(exchange, this.lines.get(exchange.name));
    this.topologyVersion++;
  }

  #addLine({ name, durable, arguments: args }: Exchange<Queue>, lineId: number | undefined): void {
    assert(lineId !== undefined);
    this.lines.set(name, this.#makeLine({ name, id: lineId, durable }, releaseRateOf(args)));
  }

  #makeLine(identity: Omit<DelayLineIdentity, 'vhost'>, rate: number | undefined): DelayLine {
    const { store, clock, log, delays } = this.#env;
    const release = this.#release.bind(this);
    return new DelayLine({ vhost: this.name, ...identity }, rate, { store, clock, log, ...delays, release });
  }

  /** Makes the line of dead letters if it is not there yet. */
  openDeadLetterLine(): DelayLine {
    if (this.deadLetterLine !== null) return this.deadLetterLine;
    const { lineId } = this;
    assert(lineId !== undefined);
    this.deadLetterLine = this.#makeLine({ name: DEFAULT_EXCHANGE, id: lineId, durable: true }, undefined);
    this.policies.addDefaultLine(this.deadLetterLine);
    return this.deadLetterLine;
  }

  *allLines(): Iterable<DelayLine> {
    yield* this.lines.values();
    if (this.deadLetterLine !== null) yield this.deadLetterLine;
  }

  /** The vhost is gone, and what was declared in it before. */
  destroy(): void {
    if (this.deadLetterLine === null) return;
    this.#env.totals.goneDelays.add(this.deadLetterLine);
    this.deadLetterLine.destroy();
  }

  removeExchange(name: string): void {
    this.exchanges.delete(name);
    this.policies.remove('exchange', name);
    const line = this.lines.get(name);
    if (line !== undefined) this.#env.totals.goneDelays.add(line);
    line?.destroy();
    this.lines.delete(name);
    this.topologyVersion++;
  }

  addQueue(record: QueueRecord): Queue {
    const { type, settings } = readQueueArguments(record, record.arguments);
    const identity = { ...record, countsDeliveries: record.type === 'quorum' };
    const queue = new Queue(identity, settings, this.#queueEnv);
    this.queues.set(record.name, queue);
    this.policies.addQueue(queue, { type, settings, namesOverflow: record.arguments.has('x-overflow') });
    this.topologyVersion++;
    return queue;
  }

  /** The queue as clients see it: one that is on its way out is not there any more. */
  presentQueue(name: string): Queue | undefined {
    const queue = this.queues.get(name);
    return queue?.isLeaving === true ? undefined : queue;
  }

  /**
   * The deletion of a queue is decided by what it is at this moment, and takes its time: nothing is put into it meanwhile, nobody
   * consumes from it, and who declares it gets a new one.
   */
  leave(queue: Queue): void {
    this.#setLeaving(queue, true);
  }

  /** It could not be deleted: it is there as before. */
  stay(queue: Queue): void {
    this.#setLeaving(queue, false);
    queue.touch();
  }

  #setLeaving(queue: Queue, isLeaving: boolean): void {
    if (queue.deleted || queue.isLeaving === isLeaving) return;
    queue.isLeaving = isLeaving;
    this.#leavingCount += isLeaving ? 1 : -1;
    this.topologyVersion++;
  }

  /** @returns whether it was there */
  removeQueue(name: string): boolean {
    const queue = this.queues.get(name);
    if (queue === undefined) return false;
    this.queues.delete(name);
    if (queue.isLeaving) this.#leavingCount--;
    for (const totals of [this.gone, this.#env.totals]) totals.ofQueuesLike(queue).add(queue);
    this.policies.remove('queue', name);
    this.topologyVersion++;
    queue.destroy();
    return true;
  }

  /** A channel is closed: what it has counted stays in the totals. */
  channelClosed(channel: Readonly<Omit<PublishTotals, 'add'>>): void {
    for (const totals of [this.gone, this.#env.totals]) totals.channels.add(channel);
  }

  destination(kind: 'queue' | 'exchange', name: string): Queue | Exchange<Queue> | undefined {
    return kind === 'queue' ? this.queues.get(name) : this.exchanges.get(name);
  }

  bind(source: string, destination: Queue | Exchange<Queue>, routingKey: string, args = EMPTY_TABLE): void {
    this.exchanges.get(source)?.bindings.add({ destination, routingKey, arguments: args });
    this.topologyVersion++;
  }

  unbind(source: string, destination: Queue | Exchange<Queue>, routingKey: string, args = EMPTY_TABLE): void {
    const exchange = this.exchanges.get(source);
    if (exchange === undefined) return;
    exchange.bindings.remove({ destination, routingKey, arguments: args });
    this.topologyVersion++;
    if (exchange.autoDelete && exchange.bindings.size === 0) this.#env.exchangeUnused(this, exchange);
  }
}

/** The name that RabbitMQ shows for the exchange without one. */
const DEFAULT_EXCHANGE = 'amq.default';
const NOTHING_CAME: ReadonlyMap<string, IncomingCount> = new Map();
