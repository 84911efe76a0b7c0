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
  /** The queue's x-dead-letter-routing-key, if it has one. */
  readonly deadLetterRoutingKey?: string;
}

/** The properties that a dead letter is published with: without expiration, lest it dies at once where it goes. */
export function deadLetteredProperties(death: Death): BasicProperties {
  const { expiration: _, ...properties } = death.properties;
  const headers = new Map(properties.headers ?? []);
  const previous = headers.get('x-death');
  const event = eventOf(death);
  if (previous === undefined) setFirstDeath(headers, death);
  const entries = previous?.type === 'A' ? addedTo(previous.value, event, death) : [table(counted(event))];
  headers.set('x-death', { type: 'A', value: entries });
  if (death.deadLetterRoutingKey !== undefined) {
    headers.delete('CC');
    headers.delete('BCC');
  }
  return { ...properties, headers: sorted(headers) };
}

/** The keys that a dead letter is published with, at least one: the queue's own, or those of the message. */
export function deadLetterRoutingKeys(
  properties: BasicProperties,
  routingKey: string,
  deadLetterRoutingKey: string | undefined,
): string[] {
  if (deadLetterRoutingKey !== undefined) return [deadLetterRoutingKey];
  const { headers } = properties;
  return [routingKey, ...stringsIn(headers?.get('CC')), ...stringsIn(headers?.get('BCC'))];
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
    if (death.type !== 'F' || isText(death.value.get('reason'), 'rejected')) return false;
    if (isText(death.value.get('queue'), queue)) return true;
  }
  return false;
}

/** The table of one death, in RabbitMQ's order. */
function eventOf(death: Death): Map<string, FieldValue> {
  const { properties, queue, reason, exchange, routingKey, nowSeconds } = death;
  const keys = [routingKey, ...stringsIn(properties.headers?.get('CC'))];
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
function addedTo(previous: readonly FieldValue[], event: FieldTable, death: Death): FieldValue[] {
  const isSame = (entry: FieldValue) =>
    entry.type === 'F' &&
    isText(entry.value.get('queue'), death.queue) &&
    isText(entry.value.get('reason'), death.reason);
  const same = previous.find(isSame);
  const others = previous.filter((entry) => !isSame(entry));
  const latest = same?.type === 'F' ? countedAgain(same.value) : counted(event);
  return [table(sorted(latest)), ...others];
}

function counted(event: FieldTable): FieldTable {
  return new Map<string, FieldValue>([['count', { type: 'l', value: 1 }], ...event]);
}

function countedAgain(event: FieldTable): FieldTable {
  const count = event.get('count');
  const value = count?.type === 'l' || count?.type === 'L' ? Number(count.value) : 1;
  return new Map(event).set('count', { type: 'l', value: value + 1 });
}

function sorted(fields: FieldTable): FieldTable {
  return new Map([...fields].sort(([one], [other]) => (one < other ? -1 : 1)));
}

function stringsIn(value: FieldValue | undefined): string[] {
  if (value?.type !== 'A') return [];
  return value.value.flatMap((each) => (each.type === 'S' ? [each.value] : []));
}

function isText(value: FieldValue | undefined, expected: string): boolean {
  return value?.type === 'S' && value.value === expected;
}

function text(value: string): FieldValue {
  return { type: 'S', value };
}

function table(value: FieldTable): FieldValue {
  return { type: 'F', value };
}
