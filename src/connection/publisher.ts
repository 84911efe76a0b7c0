/**
 * The publishing side of a channel: basic.publish, its content header and its body frames become one message.
 *
 *   idle --basic.publish--> header --content header--> body --last octet--> idle
 *                              '------(no body)--------------------------------^
 *
 * Publishers repeat themselves. The octets of exchange and routing key, and those of the properties, are compared with the
 * message before; while they are the same and the topology is too, nothing is decoded, looked up or checked again.
 */
import {
  AmqpError,
  accessRefused,
  notFound,
  notImplemented,
  preconditionFailed,
  unexpectedFrame,
} from '../protocol/errors.ts';
import { fieldTypeName } from '../protocol/field-table.ts';
import { type BasicProperties, decodeProperties, encodeProperties } from '../protocol/properties.ts';
import { decodeText } from '../protocol/text.ts';
import type { Queue } from '../queues/queue.ts';
import { delayIn, delayOf, LATEST_MS } from '../routing/delay-headers.ts';
import type { Exchange } from '../routing/exchange.ts';
import type { RoutedMessage } from '../routing/routed-message.ts';
import { encodeBlindKeys } from '../storage/blind-keys.ts';
import { copyBytes, FLAG_PUBLISHED, IncomingMessage, NO_TTL } from '../storage/record.ts';
import { NO_ROUTE, type Route } from '../vhost/route.ts';
import { readRoute } from '../vhost/route-bytes.ts';
import type { Channel } from './channel.ts';
import { cannotDecode, expectedContentBody, expectedContentHeader, expectedMethod } from './content-errors.ts';
import { Content } from './delivery.ts';
import { PropertyScan } from './property-scan.ts';
import { REPLY_TO, type ReplyTarget } from './reply-targets.ts';
import { tracePublish } from './tracing.ts';

const BASIC_PUBLISH = { classId: 60, methodId: 40 };
/** Routes that a channel remembers by exchange and key. */
const MAX_CACHED_ROUTES = 2048;
/** RabbitMQ's: ten years of 365 days. */
const LARGEST_EXPIRATION_MS = 10 * 365 * 24 * 3600 * 1000;

/** A message kept until tx.commit. Where it goes is settled when it is published, as in RabbitMQ. */
export interface HeldPublish {
  readonly message: IncomingMessage;
  readonly mandatory: boolean;
  readonly resolved: ResolvedRoute;
}

/** Where messages of an exchange and a key go; remembered where these two alone decide it. */
interface ResolvedRoute {
  /** Null is the default exchange. */
  readonly exchange: Exchange<Queue> | null;
  readonly route: Route;
  /** Publishes that were not carried to the counts of the channel. */
  uncarried: number;
  /** Of these, the ones that were nacked. */
  refused: number;
  /** Requesters that the keys name (direct reply-to), or null: they are no queues, and a message for them is not routed. */
  readonly replyTargets: readonly ReplyTarget[] | null;
}

export class Publisher implements RoutedMessage {
  #state: 'idle' | 'header' | 'body' = 'idle';
  readonly #channel: Channel;
  readonly #message = new IncomingMessage();
  readonly #scan = new PropertyScan();
  /** Whether the properties hold anything that is checked, or used, message by message. */
  #needsCheck = false;
  #mandatory = false;
  #route = Buffer.allocUnsafe(64);
  #routeSize = -1;
  #properties = Buffer.allocUnsafe(32);
  #propertiesSize = -1;
  #decoded: BasicProperties | null = null;
  #bodySize = 0;
  #assembly: Buffer | null = null;
  #assembled = 0;
  #assemblyUsed = false;

  #current: ResolvedRoute | null = null;
  /** That of messages with a delay to the same exchange with the same key. */
  #delayed: ResolvedRoute | null = null;
  #topologyVersion = -1;
  #accessGeneration = -1;
  readonly #cache = new Map<string, ResolvedRoute>();
  /** Those with publishes that were not carried to the counts. */
  readonly #counted: ResolvedRoute[] = [];
  /** Set while messages of the current route must be routed one by one. */
  #exchange: Exchange<Queue> | null = null;
  routingKey = '';
  otherKeys: readonly string[] = [];

  constructor(channel: Channel) {
    this.#channel = channel;
    this.#message.flags = FLAG_PUBLISHED;
  }

  get idle(): boolean {
    return this.#state === 'idle';
  }

  /** Something else arrived where this belongs. */
  expected(): AmqpError {
    if (this.#state === 'idle') return expectedMethod();
    return this.#state === 'header' ? expectedContentHeader() : expectedContentBody();
  }

  /** Decoded when a headers exchange, say, asks for it. */
  properties(): BasicProperties {
    this.#decoded ??= decodeProperties(this.#properties, 0, this.#propertiesSize);
    return this.#decoded;
  }

  /** The payload of basic.publish, `from` behind class and method. */
  method(bytes: Buffer, from: number, to: number): void {
    const start = from + 2;
    const keyAt = start + 1 + bytes[start];
    const end = keyAt + 1 + bytes[keyAt];
    if (start >= to || keyAt >= to || end + 1 !== to) throw cannotDecode(bytes, from, to, BASIC_PUBLISH);
    const flags = bytes[end];
    this.#mandatory = (flags & 1) !== 0;
    if ((flags & 2) !== 0) throw notImplemented('immediate=true', BASIC_PUBLISH);
    const size = end - start;
    if (size !== this.#routeSize || !sameBytes(bytes, start, this.#route, size)) {
      if (size > this.#route.length) this.#route = Buffer.allocUnsafe(size);
      copyBytes(bytes, start, this.#route, 0, size);
      this.#routeSize = size;
      this.#current = null;
      this.#delayed = null;
    }
    this.#state = 'header';
  }

  /** The payload of a content header. */
  header(bytes: Buffer, from: number, to: number): void {
    if (this.#state !== 'header') throw this.expected();
    const classId = (bytes[from] << 8) | bytes[from + 1];
    if ((bytes[from + 2] | bytes[from + 3]) !== 0) throw expectedContentHeader();
    if (classId !== 60) {
      throw unexpectedFrame(
        `expected content header for class 60, got one for class ${classId} instead`,
        BASIC_PUBLISH,
      );
    }
    const bodySize = bytes.readUInt32BE(from + 8);
    const high = bytes.readUInt32BE(from + 4);
    const propertiesAt = from + 12;
    const size = to - propertiesAt;
    if (size !== this.#propertiesSize || !sameBytes(bytes, propertiesAt, this.#properties, size)) {
      if (size > this.#properties.length) this.#properties = Buffer.allocUnsafe(size);
      copyBytes(bytes, propertiesAt, this.#properties, 0, size);
      this.#propertiesSize = size;
      this.#decoded = null;
      this.#scanProperties();
    }
    const { maxMessageBytes } = this.#channel.connection.context.limits;
    if (high !== 0 || bodySize > maxMessageBytes) {
      this.#state = 'idle';
      const actual = (BigInt(high) << 32n) + BigInt(bodySize);
      throw preconditionFailed(
        `message size ${actual} is larger than configured max size ${maxMessageBytes}`,
        BASIC_PUBLISH,
      );
    }
    this.#bodySize = bodySize;
    this.#assembled = 0;
    this.#state = 'body';
    if (bodySize === 0) this.#complete(this.#properties, 0);
  }

  /** The payload of a body frame. */
  body(bytes: Buffer, from: number, to: number): void {
    if (this.#state !== 'body') throw this.expected();
    const size = to - from;
    const left = this.#bodySize - this.#assembled;
    if (size === left && this.#assembled === 0) return this.#complete(bytes, from);
    if (size > left) throw expectedContentBody();
    if (this.#assembly === null || this.#assembled + size > this.#assembly.length) this.#growAssembly(size);
    bytes.copy(this.#assembly as Buffer, this.#assembled, from, to);
    this.#assembled += size;
    if (size < left) return;
    this.#assemblyUsed = true;
    this.#complete(this.#assembly as Buffer, 0);
  }

  /** Gives a large assembly buffer up when no message has needed it since the last call. */
  trim(): void {
    if (!this.#assemblyUsed && this.idle) this.release();
    this.#assemblyUsed = false;
  }

  /** Gives up what has come of a message, and the buffer for it. */
  release(): void {
    this.#channel.connection.assemblyBudget.count(-(this.#assembly?.length ?? 0));
    this.#assembly = null;
  }

  /** Memory grows with what has arrived, not with what a header announces. */
  #growAssembly(size: number): void {
    const wanted = Math.max(this.#assembled + size, 2 * (this.#assembly?.length ?? 0), FIRST_ASSEMBLY);
    const capacity = Math.min(wanted, Math.max(this.#bodySize, FIRST_ASSEMBLY));
    this.#channel.connection.assemblyBudget.count(capacity - (this.#assembly?.length ?? 0));
    const grown = Buffer.allocUnsafeSlow(capacity);
    this.#assembly?.copy(grown, 0, 0, this.#assembled);
    this.#assembly = grown;
  }

  #scanProperties(): void {
    const scan = this.#scan;
    scan.scan(this.#properties, 0, this.#propertiesSize);
    const message = this.#message;
    message.persistent = scan.deliveryMode === 2;
    message.priority = scan.priority;
    message.ttlMs = NO_TTL;
    message.blindSize = 0;
    const { deliveryMode, expirationAt, userIdAt, replyToAt } = scan;
    this.#needsCheck = deliveryMode === 0 || deliveryMode > 2 || expirationAt >= 0 || userIdAt >= 0 || replyToAt >= 0;
    if (scan.hasCopies || this.otherKeys.length > 0) this.#current = null;
  }

  #complete(bodyBytes: Buffer, bodyOffset: number): void {
    this.#state = 'idle';
    const channel = this.#channel;
    const message = this.#message;
    message.routeBytes = this.#route;
    message.routeSize = this.#routeSize;
    message.propertiesBytes = this.#properties;
    message.propertiesSize = this.#propertiesSize;
    message.bodyBytes = bodyBytes;
    message.bodyOffset = bodyOffset;
    message.bodySize = this.#bodySize;
    message.publishedAtMs = channel.connection.nowMs;
    const resolved = this.#resolve();
    if (this.#needsCheck) this.#checkProperties();
    if (resolved.replyTargets !== null) this.#reply(resolved.replyTargets);
    if (channel.vhost.firehose !== null) tracePublish(channel, message, resolved.route);
    if (channel.tx === null) this.#publish(channel, message, resolved);
    else channel.tx.publish({ message: heldCopy(message), mandatory: this.#mandatory, resolved });
  }

  #publish(channel: Channel, message: IncomingMessage, resolved: ResolvedRoute): void {
    const { route } = resolved;
    // A delay begins when the message comes, whatever the turn began with.
    if (route.lines.length > 0) message.publishedAtMs = channel.connection.context.turn.cameInMs;
    const outcome = channel.vhost.publish(message, route);
    channel.publishedTotal++;
    if (outcome === 'unroutable') channel.unroutable(message, this.#mandatory, resolved.exchange?.name ?? '');
    if (channel.confirms !== null) {
      if (outcome === 'rejected') this.#refuse(resolved);
      else channel.confirmPublish((message.persistent || route.keepsTransient) && route.durableIds.length > 0);
    }
    // Last, because it may carry the counts: those of the message have to be complete.
    if (channel.counts !== null) this.#count(resolved);
  }

  #refuse(resolved: ResolvedRoute): void {
    resolved.refused++;
    this.#channel.nackPublish();
  }

  /** tx.commit: what was held is published now. @returns false when a queue refused it. */
  publishHeld({ message, mandatory, resolved }: HeldPublish): boolean {
    const channel = this.#channel;
    message.publishedAtMs = channel.connection.nowMs;
    const outcome = channel.vhost.publish(message, resolved.route.withoutDeleted());
    channel.publishedTotal++;
    if (channel.counts !== null) this.#count(resolved);
    if (outcome === 'unroutable') channel.unroutable(message, mandatory, resolved.exchange?.name ?? '');
    return outcome !== 'rejected';
  }

  #count(resolved: ResolvedRoute): void {
    if (resolved.uncarried++ > 0) return;
    if (this.#counted.push(resolved) >= MAX_CACHED_ROUTES) this.carryCounts();
  }

  /** Brings the counts of the channel, of exchanges and of queues up to date with what was published. */
  carryCounts(): void {
    const { counts } = this.#channel;
    for (const resolved of this.#counted) {
      counts?.published(resolved.exchange, resolved.route, resolved.uncarried, resolved.refused);
      resolved.uncarried = 0;
      resolved.refused = 0;
    }
    this.#counted.length = 0;
  }

  /** What RabbitMQ checks of a message, in its order; sets the message's time to live. @throws AmqpError 406 */
  #checkProperties(): void {
    const { deliveryMode, expirationAt, userIdAt, replyToAt } = this.#scan;
    if (replyToAt >= 0 && shortstrAt(this.#properties, replyToAt) === REPLY_TO) this.#nameReplyTarget();
    if (userIdAt >= 0) this.#checkUserId(shortstrAt(this.#properties, userIdAt));
    if (expirationAt >= 0) this.#message.ttlMs = parseExpiration(shortstrAt(this.#properties, expirationAt));
    if (deliveryMode === 0 || deliveryMode > 2) {
      throw preconditionFailed(`invalid message: {delivery_mode_unknown,${deliveryMode}}`, BASIC_PUBLISH);
    }
  }

  #checkUserId(userId: string): void {
    const { user, tags } = this.#channel.connection.identity;
    if (userId === user || tags.includes('impersonator')) return;
    const text = `user_id property set to '${userId}' but authenticated user was '${user}'`;
    throw preconditionFailed(text, BASIC_PUBLISH);
  }

  /** Direct reply-to: the request carries the name that the reply is to be published to. */
  #nameReplyTarget(): void {
    const replyTo = this.#channel.replyName;
    if (replyTo === null) throw preconditionFailed('fast reply consumer does not exist', BASIC_PUBLISH);
    this.#rewriteProperties({ ...withoutBlindCopies(this.properties()), replyTo });
  }

  #rewriteProperties(properties: BasicProperties): void {
    const message = this.#message;
    message.propertiesBytes = encodeProperties(properties);
    message.propertiesSize = message.propertiesBytes.length;
  }

  #reply(targets: readonly ReplyTarget[]): void {
    const { routeBytes, routeSize, propertiesBytes, propertiesSize, bodyBytes, bodyOffset, bodySize } = this.#message;
    const content = new Content();
    Object.assign(content, { routeBytes, routeSize, bytes: propertiesBytes, propertiesSize });
    Object.assign(content, { bodyBytes, bodyOffset, bodySize });
    for (const target of targets) target.deliverReply(content);
  }

  #resolve(): ResolvedRoute {
    const { vhost, access } = this.#channel;
    if (this.#topologyVersion !== vhost.topologyVersion || this.#accessGeneration !== access.generation) {
      this.#topologyVersion = vhost.topologyVersion;
      this.#accessGeneration = access.generation;
      this.#current = null;
      this.#delayed = null;
      this.#cache.clear();
    }
    return this.#current ?? this.#lookUp();
  }

  #lookUp(): ResolvedRoute {
    const copies = this.#scan.hasCopies;
    this.#message.returnSize = 0;
    if (this.#delayed !== null && !copies && this.#isDelayedAgain()) return this.#delayed;
    const name = this.#route.toString('latin1', 0, this.#routeSize);
    if (!copies) {
      const cached = this.#cache.get(name);
      if (cached !== undefined) {
        this.otherKeys = [];
        this.#current = cached;
        return cached;
      }
    }
    const { exchange, routingKey } = readRoute(this.#route, 0);
    this.#exchange = this.#checkedExchange(exchange, routingKey);
    this.routingKey = routingKey;
    this.otherKeys = copies ? this.#readCopies() : [];
    const replyTargets = exchange === '' ? this.#replyTargets() : null;
    if (this.#exchange?.delays === true) this.#checkDelay(this.#exchange);
    const { route, cacheable } = this.#channel.vhost.route(this.#exchange, this);
    if (route.lines.length > 0 && this.#isRefused(route)) return this.#unroutable();
    if (this.#mandatory && route.isOneLine) this.#addReturnAddress();
    const found = { exchange: this.#exchange, route, uncarried: 0, refused: 0, replyTargets };
    if (route.lines.length > 0 && route.queues.length === 0 && this.#exchange?.delays === true) this.#delayed = found;
    if (!cacheable || replyTargets !== null || copies) return found;
    if (this.#cache.size >= MAX_CACHED_ROUTES) this.#cache.clear();
    this.#cache.set(name, found);
    this.#current = found;
    return found;
  }

  /** To an exchange that has delayed the message before: this one waits there as well if it has a delay. */
  #isDelayedAgain(): boolean {
    const { nowMs } = this.#channel.connection;
    const delayMs = delayIn(this.#properties, 0, this.#propertiesSize, nowMs);
    return delayMs > 0 && nowMs + delayMs <= LATEST_MS && !this.#mandatory;
  }

  /** @throws AmqpError 406 for a delay that is none, or ends after the year 9999 */
  #checkDelay({ name }: Exchange<Queue>): void {
    const { nowMs } = this.#channel.connection;
    const delayMs = delayOf(this.properties().headers, nowMs);
    if (nowMs + delayMs <= LATEST_MS) return;
    const reason = Number.isNaN(delayMs) ? 'is no number of milliseconds' : 'ends after the year 9999';
    throw preconditionFailed(`invalid delay of a message to exchange '${name}': it ${reason}`, BASIC_PUBLISH);
  }

  /** A mandatory message that no queue would get, if it were released now, does not wait to get nowhere. */
  #isRefused({ queues }: Route): boolean {
    const exchange = this.#exchange;
    return (
      this.#mandatory && queues.length === 0 && exchange !== null && !this.#channel.vhost.reachesQueue(exchange, this)
    );
  }

  /** Whoever releases it is to know whom to return it to. */
  #addReturnAddress(): void {
    const address = this.#channel.returnAddress();
    if (address === null) return;
    this.#message.returnBytes = address;
    this.#message.returnSize = address.length;
  }

  #unroutable(): ResolvedRoute {
    return { exchange: this.#exchange, route: NO_ROUTE, uncarried: 0, refused: 0, replyTargets: null };
  }

  #replyTargets(): readonly ReplyTarget[] | null {
    const isReply = (name: string) => name.startsWith(`${REPLY_TO}.`);
    if (this.otherKeys.length === 0 && !isReply(this.routingKey)) return null;
    const names = [this.routingKey, ...this.otherKeys].filter(isReply);
    const { replyTargets } = this.#channel.connection.context;
    const found = names.map((name) => replyTargets.get(name)).filter((target) => target !== undefined);
    return found.length === 0 ? null : found;
  }

  /** The keys in CC and BCC, which RabbitMQ looks at last. BCC is for the broker alone: consumers do not see it. */
  #readCopies(): string[] {
    if (this.#needsCheck) this.#checkProperties();
    const properties = this.properties();
    const keys = copyKeys(properties, 'CC');
    const blindKeys = copyKeys(properties, 'BCC');
    const message = this.#message;
    message.blindBytes = encodeBlindKeys(blindKeys);
    message.blindSize = message.blindBytes.length;
    const visible = withoutBlindCopies(properties);
    if (visible !== properties) this.#rewriteProperties(visible);
    return [...keys, ...blindKeys];
  }

  /** @returns null for the default exchange. @throws AmqpError 403, 404 */
  #checkedExchange(name: string, routingKey: string): Exchange<Queue> | null {
    try {
      return this.#exchangeFor(name, routingKey);
    } catch (error) {
      throw error instanceof AmqpError ? error.at(BASIC_PUBLISH) : error;
    }
  }

  #exchangeFor(name: string, routingKey: string): Exchange<Queue> | null {
    const { vhost, access } = this.#channel;
    access.check('exchange', name, 'write');
    if (name === '') return null;
    const exchange = vhost.exchanges.get(name);
    if (exchange === undefined) throw notFound(`no exchange '${name}' in vhost '${vhost.name}'`);
    if (exchange.internal) {
      throw accessRefused(`cannot publish to internal exchange '${name}' in vhost '${vhost.name}'`);
    }
    if (exchange.type === 'topic') access.checkTopic(name, routingKey, 'write');
    return exchange;
  }
}

const FIRST_ASSEMBLY = 64 * 1024;

function sameBytes(bytes: Buffer, at: number, other: Buffer, size: number): boolean {
  for (let i = 0; i < size; i++) if (bytes[at + i] !== other[i]) return false;
  return true;
}

function shortstrAt(bytes: Buffer, at: number): string {
  return decodeText(bytes, at + 1, at + 1 + bytes[at]);
}

/** The message with bytes of its own. */
function heldCopy(message: IncomingMessage): IncomingMessage {
  const copy = new IncomingMessage();
  Object.assign(copy, message);
  copy.routeBytes = Buffer.from(message.routeBytes.subarray(0, message.routeSize));
  copy.propertiesBytes = Buffer.from(message.propertiesBytes.subarray(0, message.propertiesSize));
  copy.bodyBytes = Buffer.from(message.bodyBytes.subarray(message.bodyOffset, message.bodyOffset + message.bodySize));
  copy.bodyOffset = 0;
  return copy;
}

/** The same object when there is no BCC header. */
function withoutBlindCopies(properties: BasicProperties): BasicProperties {
  if (properties.headers?.has('BCC') !== true) return properties;
  const headers = new Map(properties.headers);
  headers.delete('BCC');
  return { ...properties, headers };
}

/** The routing keys in one of these headers. @throws AmqpError 406 when it is no array */
function copyKeys({ headers }: BasicProperties, name: 'CC' | 'BCC'): string[] {
  const value = headers?.get(name);
  if (value === undefined) return [];
  if (value.type !== 'A') {
    const type = fieldTypeName(value);
    throw preconditionFailed(`invalid message: {unacceptable_type_in_header,"${name}",${type}}`, BASIC_PUBLISH);
  }
  return value.value.flatMap((key) => (key.type === 'S' ? [key.value] : []));
}

/** The `expiration` property: milliseconds in decimal digits. @throws AmqpError 406 with RabbitMQ's reason */
function parseExpiration(text: string): number {
  const number = /^[+-]?\d+/.exec(text)?.[0];
  const refuse = (reason: string) => preconditionFailed(`invalid expiration '${text}': ${reason}`, BASIC_PUBLISH);
  if (number === undefined) throw refuse('no_integer');
  if (number.length < text.length) throw refuse(`{leftover_string,"${text.slice(number.length)}"}`);
  const value = Number(number);
  if (value < 0) throw refuse(`{value_negative,${value}}`);
  if (value > LARGEST_EXPIRATION_MS) throw refuse(`{value_too_large,${BigInt(number)}}`);
  return Math.min(value, NO_TTL);
}
