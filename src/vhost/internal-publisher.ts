/**
 * Messages that the broker itself publishes: what tracing shows, events, lines of the log.
 *
 * They come up in the midst of anything (a delivery, a change of the metadata, an error), so they are collected and published
 * once that is through. No permission is asked for, no alarm holds them up, and nobody is told what became of them.
 */
import { type BasicProperties, encodeProperties } from '../protocol/properties.ts';
import type { Log } from '../runtime/log.ts';
import { IncomingMessage } from '../storage/record.ts';
import { setRoute } from './route-bytes.ts';
import type { Vhost } from './vhost.ts';

/** What is collected at most before it is published in the midst of what goes on. */
const LARGEST_PENDING_BYTES = 4 * 1024 * 1024;

export interface InternalMessage {
  readonly vhost: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly properties: BasicProperties;
  /** Its own: it must not change. */
  readonly body: Buffer;
}

export interface VhostsByName {
  get(name: string): Vhost | undefined;
}

export class InternalPublisher {
  readonly #vhosts: VhostsByName;
  readonly #nowMs: () => number;
  readonly #log: Log;
  /** Exchanges of messages that could not be made: each is told of once. */
  readonly #failed = new Set<string>();
  #pending: InternalMessage[] = [];
  #pendingBytes = 0;
  #closed = false;
  /** While what was collected goes to its queues. */
  isPublishing = false;

  constructor(vhosts: VhostsByName, nowMs: () => number, log: Log) {
    this.#vhosts = vhosts;
    this.#nowMs = nowMs;
    this.#log = log;
  }

  /** Whether a message to the exchange might go anywhere: if not, none need be made. */
  isHeard(vhost: string, exchange: string): boolean {
    const found = this.#closed ? undefined : this.#vhosts.get(vhost)?.exchanges.get(exchange);
    return found !== undefined && (found.bindings.size > 0 || found.alternateExchange !== undefined);
  }

  publish(message: InternalMessage): void {
    if (this.#closed) return;
    this.#pending.push(message);
    this.#pendingBytes += message.body.length;
    if (this.#pendingBytes > LARGEST_PENDING_BYTES) this.#flush();
    else if (this.#pending.length === 1) queueMicrotask(() => this.#flush());
  }

  /** What is collected is published; nothing is taken from then on. */
  close(): void {
    this.#flush();
    this.#closed = true;
  }

  #flush(): void {
    const pending = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.isPublishing = true;
    for (const message of pending) this.#tryToPublish(message);
    this.isPublishing = false;
  }

  /** What is told of may be larger than what tells of it can be: deeper tables, longer names. It is nobody's fault. */
  #tryToPublish(message: InternalMessage): void {
    try {
      this.#publish(message);
    } catch (error) {
      const { exchange } = message;
      if (this.#failed.has(exchange)) return;
      this.#failed.add(exchange);
      this.#log.error('broker', `messages to ${exchange} are left out where they cannot be made: ${error}`);
    }
  }

  #publish({ vhost: name, exchange: exchangeName, routingKey, properties, body }: InternalMessage): void {
    const vhost = this.#vhosts.get(name);
    const exchange = vhost?.exchanges.get(exchangeName);
    if (vhost === undefined || exchange === undefined) return;
    const { route } = vhost.route(exchange, { routingKey, otherKeys: [], properties: () => properties });
    const message = new IncomingMessage();
    setRoute(message, exchangeName, routingKey);
    message.propertiesBytes = encodeProperties(properties);
    message.propertiesSize = message.propertiesBytes.length;
    message.bodyBytes = body;
    message.bodySize = body.length;
    message.persistent = properties.deliveryMode === 2;
    message.publishedAtMs = this.#nowMs();
    vhost.publishOwn(message, route);
  }
}
