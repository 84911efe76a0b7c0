/**
 * What a load run is: who publishes what to whom, how fast and for how long. One plain object, so that it crosses into the
 * worker threads as it is.
 */

import type { DelayRange } from './message-delay.ts';

/** How messages find their queues: straight by queue name, by a topic key that matches one queue, or by one that matches all. */
export type LoadRouting = 'queue' | 'topic-one' | 'topic-all';

/** Which sides of the run exist: both at once, publishers that leave a backlog, or consumers that take one away. */
export type LoadMode = 'both' | 'publish' | 'consume';

/**
 * What makes messages wait: an `x-delayed-message` exchange by the header `x-delay`, or a queue of the delay's own with a time to
 * live, which dead-letters into the target: the ladder that brokers without such an exchange are given.
 */
export type LoadDelayBy = 'exchange' | 'ladder';

export interface LoadOptions {
  readonly host: string;
  readonly port: number;
  readonly vhost: string;
  readonly user: string;
  readonly password: string;
  readonly mode: LoadMode;
  /** Name of the queue; with more than one queue the stem of `NAME-INDEX`. */
  readonly queue: string;
  readonly queues: number;
  readonly routing: LoadRouting;
  readonly queueArguments: Readonly<Record<string, string | number | boolean>>;
  /** How long messages are to wait before their queue gets them; null: they go there at once. Latency counts from their time. */
  readonly delay: DelayRange | null;
  readonly delayBy: LoadDelayBy;
  /** From 16 on the body carries its send time and sequence number, which latency and the order check need. */
  readonly bodySizeBytes: number;
  /** Connections that publish, one channel each. */
  readonly publishers: number;
  /** Connections that consume, one channel each. */
  readonly consumers: number;
  readonly publisherThreads: number;
  readonly consumerThreads: number;
  /** Durable queue and exchange. */
  readonly durable: boolean;
  /** Delivery mode 2. */
  readonly persistent: boolean;
  /** Messages a publisher may have unconfirmed; 0 publishes without confirms. At most 32768. */
  readonly confirmWindow: number;
  /** basic.ack with `multiple` once this many deliveries are unacknowledged; 0 consumes with no-ack. */
  readonly ackEvery: number;
  /** Prefetch count of each consumer; without meaning where `ackEvery` is 0. */
  readonly prefetch: number;
  /** Messages a second of all publishers together; 0 is as fast as it goes. Latency then counts from the scheduled time. */
  readonly ratePerSecond: number;
  /** Messages to publish (or consume) in all; 0 runs for `seconds`. */
  readonly count: number;
  /** Publishers pause while deliveries expected and not yet received reach this number; 0 is no limit. */
  readonly inflightMax: number;
  /** Bytes of one socket write of a publisher; 1 writes every message by itself. */
  readonly batchBytes: number;
  /** Runs before the measured time; none with `count`. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Longest wait for what is still under way after the measured time; with `count` the longest silence. A delay comes on top. */
  readonly drainSeconds: number;
  /** Broker processes on this machine whose CPU and memory are to be reported; Linux only. */
  readonly brokerPids: readonly number[];
  /** Delete the queues first. */
  readonly fresh: boolean;
  /** Leave queues and exchange behind. */
  readonly keep: boolean;
}

export const defaultLoadOptions: LoadOptions = {
  host: '127.0.0.1',
  port: 5672,
  vhost: '/',
  user: 'guest',
  password: 'guest',
  mode: 'both',
  queue: 'leveret-perf',
  queues: 1,
  routing: 'queue',
  queueArguments: {},
  delay: null,
  delayBy: 'exchange',
  bodySizeBytes: 1024,
  publishers: 1,
  consumers: 1,
  publisherThreads: 1,
  consumerThreads: 1,
  durable: false,
  persistent: false,
  confirmWindow: 0,
  ackEvery: 0,
  prefetch: 1000,
  ratePerSecond: 0,
  count: 0,
  inflightMax: 0,
  batchBytes: 16_384,
  warmUpSeconds: 2,
  seconds: 10,
  drainSeconds: 10,
  brokerPids: [],
  fresh: false,
  keep: false,
};

/** Longest confirm window: publishers remember the send time of as many messages, twice. */
export const confirmWindowMax = 32_768;

/** Longest delay: what ends after the year 9999 brokers do not take. */
const delayMsMax = 100 * 365 * 86_400_000;
/** Longest delay that somebody waits for the end of. */
const consumedDelayMsMax = 86_400_000;

/** An option out of its range, or two that exclude each other. */
export class LoadOptionError extends RangeError {
  override name = 'LoadOptionError';
  readonly #text: string;

  /** @param text names options in braces */
  constructor(text: string) {
    super(withNames(text, (option) => option));
    this.#text = text;
  }

  /** The message in the words of whoever set the options, say a command line's flags. */
  messageWith(nameOf: (option: keyof LoadOptions) => string): string {
    return withNames(this.#text, nameOf);
  }
}

function withNames(text: string, nameOf: (option: keyof LoadOptions) => string): string {
  return text.replace(/\{(\w+)\}/g, (_, option: keyof LoadOptions) => nameOf(option));
}

type NumberOption = { [Name in keyof LoadOptions]: LoadOptions[Name] extends number ? Name : never }[keyof LoadOptions];

const wholeNumberRanges: readonly (readonly [option: NumberOption, min: number, max: number])[] = [
  ['port', 1, 65_535],
  ['queues', 1, 1_000_000],
  ['bodySizeBytes', 0, 512 * 1024 * 1024],
  ['publishers', 0, 10_000],
  ['consumers', 0, 10_000],
  ['publisherThreads', 1, 256],
  ['consumerThreads', 1, 256],
  ['confirmWindow', 0, confirmWindowMax],
  ['ackEvery', 0, 1_000_000],
  ['prefetch', 0, 65_535],
  ['count', 0, Number.MAX_SAFE_INTEGER],
  ['inflightMax', 0, Number.MAX_SAFE_INTEGER],
  ['batchBytes', 1, 16 * 1024 * 1024],
];

const numberRanges: readonly (readonly [option: NumberOption, min: number, max: number])[] = [
  ['ratePerSecond', 0, 100_000_000],
  ['warmUpSeconds', 0, 86_400],
  ['seconds', 0, 31 * 86_400],
  ['drainSeconds', 0, 86_400],
];

/**
 * Fills what is left out with the defaults. `persistent` makes the queue durable.
 * @throws LoadOptionError where a number is out of its range or two options exclude each other.
 */
export function completeLoadOptions(given: Partial<LoadOptions>): LoadOptions {
  const merged = { ...defaultLoadOptions, ...given };
  for (const [option, min, max] of wholeNumberRanges) requireNumber(merged, option, min, max, 'a whole number');
  for (const [option, min, max] of numberRanges) requireNumber(merged, option, min, max, 'a number');
  const options: LoadOptions = {
    ...merged,
    durable: merged.durable || merged.persistent,
    publishers: merged.mode === 'consume' ? 0 : merged.publishers,
    consumers: merged.mode === 'publish' ? 0 : merged.consumers,
    warmUpSeconds: merged.count > 0 ? 0 : merged.warmUpSeconds,
  };
  requirePossible(options);
  if (options.delay !== null) requirePossibleDelay(options, options.delay);
  return options;
}

function requireNumber(options: LoadOptions, name: NumberOption, min: number, max: number, kind: string): void {
  const value = options[name];
  const isKind = kind === 'a number' || Number.isSafeInteger(value);
  if (isKind && value >= min && value <= max) return;
  throw new LoadOptionError(`{${name}} ${value}: expected ${kind} from ${min} to ${max}`);
}

function requirePossible({ mode, publishers, consumers, ackEvery, prefetch, count, seconds }: LoadOptions): void {
  if (mode !== 'consume' && publishers === 0) throw new LoadOptionError(`{publishers} 0: nobody publishes`);
  if (mode !== 'publish' && consumers === 0) throw new LoadOptionError(`{consumers} 0: nobody consumes`);
  if (prefetch > 0 && ackEvery > prefetch) {
    throw new LoadOptionError(`{ackEvery} ${ackEvery} is above {prefetch} ${prefetch}: no ack would ever be sent`);
  }
  if (count === 0 && seconds === 0) throw new LoadOptionError('{seconds} 0: a run needs a time or a {count}');
}

function requirePossibleDelay({ delayBy, routing, consumers }: LoadOptions, { leastMs, mostMs }: DelayRange): void {
  const range = `{delay} ${leastMs}-${mostMs}`;
  const isRange = Number.isSafeInteger(leastMs) && Number.isSafeInteger(mostMs) && leastMs <= mostMs;
  if (!isRange || leastMs < 1 || mostMs > delayMsMax) {
    throw new LoadOptionError(`${range}: expected whole numbers from 1 to ${delayMsMax}, the smaller one first`);
  }
  if (routing !== 'queue') throw new LoadOptionError(`{delay} and {routing} ${routing} exclude each other`);
  if (delayBy === 'ladder' && leastMs !== mostMs) {
    throw new LoadOptionError(`${range}: {delayBy} ladder takes one delay, a ladder has a queue for each`);
  }
  if (consumers > 0 && mostMs > consumedDelayMsMax) {
    throw new LoadOptionError(`${range}: with {consumers} above 0 expected at most ${consumedDelayMsMax}`);
  }
}

/** How long it may take until nothing is under way any more, in microseconds. */
export function drainUsMax({ drainSeconds, consumers, delay }: LoadOptions): number {
  return drainSeconds * 1e6 + (consumers > 0 && delay !== null ? delay.mostMs * 1e3 : 0);
}

/** Queues that one published message reaches. */
export function fanOut(options: LoadOptions): number {
  return options.routing === 'topic-all' ? options.queues : 1;
}

/** Name of queue `index`. */
export function queueName(options: LoadOptions, index: number): string {
  return options.queues === 1 ? options.queue : `${options.queue}-${index}`;
}

/** Type of the exchange beside the queues, which is published to; null where it is the default exchange. */
export function exchangeType(options: LoadOptions): 'topic' | 'x-delayed-message' | null {
  if (options.routing !== 'queue') return 'topic';
  return isDelayedBy(options, 'exchange') ? 'x-delayed-message' : null;
}

/** The exchange that is published to. */
export function exchangeName(options: LoadOptions): string {
  return exchangeType(options) === null ? '' : `${options.queue}-x`;
}

/** Whether messages wait, and by this means. */
export function isDelayedBy({ delay, delayBy }: LoadOptions, means: LoadDelayBy): boolean {
  return delay !== null && delayBy === means;
}

/** The queue that messages for queue `index` wait in, where there is a ladder. */
export function rungName(options: LoadOptions, index: number): string {
  return `${queueName(options, index)}-${options.delay?.mostMs}ms`;
}

/** Routing key of the messages for queue `index`. */
export function routingKey(options: LoadOptions, index: number): string {
  if (options.routing !== 'queue') return `lg.${index}.m`;
  return isDelayedBy(options, 'ladder') ? rungName(options, index) : queueName(options, index);
}

/** Binding key of queue `index`: one queue's keys, or everybody's. */
export function bindingKey(options: LoadOptions, index: number): string {
  if (options.routing === 'queue') return queueName(options, index);
  return options.routing === 'topic-all' ? 'lg.#' : `lg.${index}.#`;
}

/** How many of `count` messages publisher `id` sends: the first ones take what does not divide evenly. */
export function publisherShare(options: LoadOptions, id: number): number {
  const each = Math.floor(options.count / options.publishers);
  return each + (id < options.count % options.publishers ? 1 : 0);
}
