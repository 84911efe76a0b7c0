/**
 * What a message tells of its deaths: x-death and x-first-death-*, and what follows from them.
 *
 *   x-death   an array of tables, the latest death first; one table for each pair of queue and reason, with a count
 *
 * Clients send these headers back to the broker, altered or not: nothing in them can be relied upon. All of it was measured
 * on RabbitMQ 3.10.8.
 */
import type { FieldTable, FieldValue } from '../protocol/field-table.ts';
import type { BasicProperties } from '../protocol/properties.ts';
import type { DeadLetterReason } from '../queues/queue-settings.ts';

export interface Death {
  /** As the message lay in the queue. */
  readonly properties: BasicProperties;
  /** The queue that it died in. */
  readonly queue: string;
  readonly reason: DeadLetterReason;
  /** What it had been published with. */
  readonly exchange: string;
  readonly routingKey: string;
  /** Since 1970. */
  readonly nowSeconds: number;
  /** Those of its BCC header, which is not among the properties. */
  readonly blindKeys: readonly string[];
  /** The queue's x-dead-letter-routing-key, if it has one. */
  readonly deadLetterRoutingKey?: string | undefined;
}

export interface RoutingKeys {
  readonly routingKey: string;
  readonly copies: readonly string[];
  /** Nobody is told of these. */
  readonly blindKeys: readonly string[];
}

/** The properties that a dead letter is published with: without expiration, lest it dies at once where it goes. */
export function deadLetteredProperties(death: Death): BasicProperties {
  const { expiration: _, ...properties } = death.properties;
  const headers = new Map(properties.headers ?? []);
  const previous = headers.get('x-death');
  const event = eventOf(death);
  if (previous === undefined) setFirstDeath(headers, death);
  const entries = previous?.type === 'A' ? addedTo(previous.value, event) : [table(counted(event, 1))];
  headers.set('x-death', { type: 'A', value: entries });
  if (death.deadLetterRoutingKey !== undefined) headers.delete('CC');
  return { ...properties, headers: sorted(headers) };
}

/** How often a dead letter has left its queue for the reason of its latest death: 1 where the count is none. */
export function deathCountOf({ headers }: BasicProperties): number {
  const deaths = headers?.get('x-death');
  const latest = deaths?.type === 'A' ? deaths.value[0] : undefined;
  const count = latest?.type === 'F' ? latest.value.get('count') : undefined;
  return count?.type === 'l' && count.value >= 1 ? Math.floor(Number(count.value)) : 1;
}

/** The keys that a dead letter is published with: the queue's own, or those that the message was published with. */
export function deadLetterRoutingKeys({ deadLetterRoutingKey, routingKey, properties, blindKeys }: Death): RoutingKeys {
  if (deadLetterRoutingKey !== undefined) return { routingKey: deadLetterRoutingKey, copies: [], blindKeys: [] };
  return { routingKey, copies: copyKeysOf(properties), blindKeys };
}

/** The keys in a message's CC header. */
export function copyKeysOf({ headers }: BasicProperties): string[] {
  return stringsIn(headers?.get('CC'));
}

/**
 * True when a dead letter has come back to a queue by expiry or length alone, which would go on for ever. A rejection on the
 * way, or anything in x-death that only a client can have put there, lets it through.
 * @param properties those of the dead letter, its latest death among them
 */
export function isDeadLetterCycle(properties: BasicProperties, queue: string): boolean {
  const deaths = properties.headers?.get('x-death');
  if (deaths?.type !== 'A') return false;
  for (const death of deaths.value) {
    if (death.type !== 'F' || textOf(death.value.get('reason')) === 'rejected') return false;
    if (textOf(death.value.get('queue')) === queue) return true;
  }
  return false;
}

/** The table of one death, in RabbitMQ's order. */
function eventOf(death: Death): Map<string, FieldValue> {
  const { properties, queue, reason, exchange, routingKey, nowSeconds } = death;
  const keys = [routingKey, ...copyKeysOf(properties)];
  const event = new Map<string, FieldValue>([
    ['reason', text(reason)],
    ['queue', text(queue)],
    ['time', { type: 'T', value: nowSeconds }],
    ['exchange', text(exchange)],
    ['routing-keys', { type: 'A', value: keys.map(text) }],
  ]);
  if (properties.expiration !== undefined) event.set('original-expiration', text(properties.expiration));
  return event;
}

function setFirstDeath(headers: Map<string, FieldValue>, death: Death): void {
  headers.set('x-first-death-reason', text(death.reason));
  headers.set('x-first-death-queue', text(death.queue));
  headers.set('x-first-death-exchange', text(death.exchange));
}

/** A queue and reason that are there already keep their table, time and keys included: only its count grows. */
function addedTo(previous: readonly FieldValue[], event: FieldTable): FieldValue[] {
  const entries = grouped(previous);
  const same = entries.find((entry) => isSameDeath(entry, event));
  const others = entries.filter((entry) => !isSameDeath(entry, event));
  const latest = same?.type === 'F' ? countedAgain(same.value) : counted(event, 1);
  return [table(sorted(latest)), ...others];
}

/**
 * One entry a queue and reason: old brokers wrote one a death, without a count. As in RabbitMQ this turns the order of two and
 * more around with every death, so that only the first entry is sure to be the latest.
 */
function grouped(entries: readonly FieldValue[]): readonly FieldValue[] {
  if (entries.length < 2) return entries;
  const groups: FieldValue[] = [];
  for (const entry of entries) {
    if (entry.type !== 'F') {
      groups.unshift(entry);
      continue;
    }
    const { value } = entry;
    if (groups.some((group) => isSameDeath(group, value))) continue;
    const count = entries.filter((other) => isSameDeath(other, value)).length;
    groups.unshift(value.has('count') ? entry : table(counted(value, count)));
  }
  return groups;
}

function isSameDeath(entry: FieldValue, event: FieldTable): boolean {
  return entry.type === 'F' && DEATH_KEY.every((name) => textOf(entry.value.get(name)) === textOf(event.get(name)));
}

const DEATH_KEY = ['queue', 'reason'];

function counted(event: FieldTable, count: number): FieldTable {
  return new Map<string, FieldValue>([['count', { type: 'l', value: count }], ...event]);
}

function countedAgain(event: FieldTable): FieldTable {
  const count = event.get('count');
  const isNumber = count !== undefined && 'value' in count && /^(number|bigint)$/.test(typeof count.value);
  const value = isNumber ? Number((count as { value: number | bigint }).value) + 1 : 1;
  return new Map(event).set('count', { type: 'l', value });
}

function sorted(fields: FieldTable): FieldTable {
  return new Map([...fields].sort(([one], [other]) => (one < other ? -1 : 1)));
}

function stringsIn(value: FieldValue | undefined): string[] {
  if (value?.type !== 'A') return [];
  return value.value.flatMap((each) => (each.type === 'S' ? [each.value] : []));
}

function textOf(value: FieldValue | undefined): string | undefined {
  return value?.type === 'S' ? value.value : undefined;
}

function text(value: string): FieldValue {
  return { type: 'S', value };
}

function table(value: FieldTable): FieldValue {
  return { type: 'F', value };
}
