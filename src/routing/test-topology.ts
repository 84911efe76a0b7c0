/** What the tests of routing share: queues that are only names, messages that are only a key, and a router over them. */

import { ScratchList } from '../collections/scratch-list.ts';
import type { FieldTable, FieldValue } from '../protocol/field-table.ts';
import type { BasicProperties } from '../protocol/properties.ts';
import type { RoutableQueue } from './destination.ts';
import { Exchange, type ExchangeOptions } from './exchange.ts';
import type { RoutedMessage } from './routed-message.ts';
import { Router } from './router.ts';

export interface NamedQueue extends RoutableQueue {
  isLocal: boolean;
}

export function newQueue(name: string): NamedQueue {
  return { kind: 'queue', name, isLocal: true, lastRoute: 0 };
}

export interface MessageOptions {
  readonly otherKeys?: readonly string[];
  readonly properties?: BasicProperties;
}

export function newMessage(routingKey: string, options: MessageOptions = {}): RoutedMessage {
  return { routingKey, otherKeys: options.otherKeys ?? [], properties: () => options.properties };
}

export function messageWithHeaders(headers: Record<string, FieldValue>): RoutedMessage {
  return newMessage('', { properties: { headers: tableOf(headers) } });
}

export function tableOf(fields: Record<string, FieldValue>): FieldTable {
  return new Map(Object.entries(fields));
}

export function text(value: string): FieldValue {
  return { type: 'S', value };
}

export function int(value: number): FieldValue {
  return { type: 'I', value };
}

/** Exchanges and queues by name, made when first named. */
export class TestTopology {
  readonly #exchanges = new Map<string, Exchange<NamedQueue>>();
  readonly #queues = new Map<string, NamedQueue>();
  readonly router = new Router<NamedQueue>(
    (name) => this.#exchanges.get(name),
    () => false,
  );

  declare(options: ExchangeOptions): Exchange<NamedQueue> {
    const exchange = new Exchange<NamedQueue>(options);
    this.#exchanges.set(options.name, exchange);
    return exchange;
  }

  queue(name: string): NamedQueue {
    const present = this.#queues.get(name);
    if (present !== undefined) return present;
    const queue = newQueue(name);
    this.#queues.set(name, queue);
    return queue;
  }

  bind(
    source: Exchange<NamedQueue>,
    to: string | Exchange<NamedQueue>,
    routingKey = '',
    args: FieldTable = new Map(),
  ): boolean {
    return source.bindings.add(this.#binding(to, routingKey, args));
  }

  unbind(
    source: Exchange<NamedQueue>,
    to: string | Exchange<NamedQueue>,
    routingKey = '',
    args: FieldTable = new Map(),
  ): boolean {
    return source.bindings.remove(this.#binding(to, routingKey, args));
  }

  #binding(to: string | Exchange<NamedQueue>, routingKey: string, args: FieldTable) {
    return { destination: typeof to === 'string' ? this.queue(to) : to, routingKey, arguments: args };
  }

  /** The names of the queues that a message reaches, one entry a delivery, in order of name. */
  route(exchange: Exchange<NamedQueue>, message: RoutedMessage | string): string[] {
    const reached = new ScratchList<NamedQueue>();
    this.router.route(exchange, typeof message === 'string' ? newMessage(message) : message, reached);
    return reached
      .toArray()
      .map((queue) => queue.name)
      .sort();
  }

  /** Whether the router says that the answer may be cached by the routing key. */
  isCacheable(exchange: Exchange<NamedQueue>, message: RoutedMessage): boolean {
    return this.router.route(exchange, message, new ScratchList());
  }
}
