/** The properties of basic: the part of a content header behind class, weight and body size (4.2.6.1 of the specification). */

import { internalError } from './errors.ts';
import type { FieldTable } from './field-table.ts';
import { readFieldTable, writeFieldTable } from './field-table.ts';
import type { ReaderFaults } from './wire-reader.ts';
import { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

/** The properties that a message has; the ones it lacks are absent. Strings are any octets, at most 255: see text.ts. */
export interface BasicProperties {
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly headers?: FieldTable | undefined;
  /** 1 is transient, 2 is persistent; RabbitMQ refuses others when a message is published. */
  readonly deliveryMode?: number | undefined;
  /** 0 to 255. */
  readonly priority?: number | undefined;
  readonly correlationId?: string | undefined;
  readonly replyTo?: string | undefined;
  /** Milliseconds in decimal digits, as text. */
  readonly expiration?: string | undefined;
  readonly messageId?: string | undefined;
  /** Seconds since 1970; a bigint only where a number would not be exact. */
  readonly timestamp?: number | bigint | undefined;
  readonly type?: string | undefined;
  readonly userId?: string | undefined;
  readonly appId?: string | undefined;
  readonly clusterId?: string | undefined;
}

/** The bit of each property in the flags that begin an encoded list. */
export const PROPERTY_FLAGS = {
  contentType: 1 << 15,
  contentEncoding: 1 << 14,
  headers: 1 << 13,
  deliveryMode: 1 << 12,
  priority: 1 << 11,
  correlationId: 1 << 10,
  replyTo: 1 << 9,
  expiration: 1 << 8,
  messageId: 1 << 7,
  timestamp: 1 << 6,
  type: 1 << 5,
  userId: 1 << 4,
  appId: 1 << 3,
  clusterId: 1 << 2,
} as const satisfies Record<keyof BasicProperties, number>;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Says that another word of flags follows. Basic has no properties for one. */
const CONTINUATION_FLAG = 1;

/** RabbitMQ's answer to any fault in here, without class, method or reason. */
const FAULTS: ReaderFaults = { short: () => internalError(''), table: () => internalError('') };

/**
 * Reads the properties that fill offset to end; offset is that of the flags. Bit 1 of the flags means nothing.
 * @throws AmqpError 541 without a text for anything malformed, and for a continuation of the flags, as RabbitMQ does.
 */
export function decodeProperties(bytes: Buffer, offset: number, end: number): BasicProperties {
  const reader = new WireReader(bytes, offset, end, FAULTS);
  const flags = reader.short();
  if ((flags & CONTINUATION_FLAG) !== 0) throw internalError('');
  const properties: Writable<BasicProperties> = {};
  if ((flags & PROPERTY_FLAGS.contentType) !== 0) properties.contentType = reader.shortstr();
  if ((flags & PROPERTY_FLAGS.contentEncoding) !== 0) properties.contentEncoding = reader.shortstr();
  if ((flags & PROPERTY_FLAGS.headers) !== 0) properties.headers = readFieldTable(reader);
  if ((flags & PROPERTY_FLAGS.deliveryMode) !== 0) properties.deliveryMode = reader.octet();
  if ((flags & PROPERTY_FLAGS.priority) !== 0) properties.priority = reader.octet();
  if ((flags & PROPERTY_FLAGS.correlationId) !== 0) properties.correlationId = reader.shortstr();
  if ((flags & PROPERTY_FLAGS.replyTo) !== 0) properties.replyTo = reader.shortstr();
  if ((flags & PROPERTY_FLAGS.expiration) !== 0) properties.expiration = reader.shortstr();
  if ((flags & PROPERTY_FLAGS.messageId) !== 0) properties.messageId = reader.shortstr();
  if ((flags & PROPERTY_FLAGS.timestamp) !== 0) properties.timestamp = reader.longlong();
  if ((flags & PROPERTY_FLAGS.type) !== 0) properties.type = reader.shortstr();
  if ((flags & PROPERTY_FLAGS.userId) !== 0) properties.userId = reader.shortstr();
  if ((flags & PROPERTY_FLAGS.appId) !== 0) properties.appId = reader.shortstr();
  if ((flags & PROPERTY_FLAGS.clusterId) !== 0) properties.clusterId = reader.shortstr();
  reader.finish();
  return properties;
}

/** Flags and values of the properties. @throws AmqpError 502 for a string of more than 255 octets. */
export function encodeProperties(properties: BasicProperties): Buffer {
  const writer = new WireWriter();
  writer.short(flagsOf(properties));
  const { contentType, contentEncoding, headers, deliveryMode, priority, correlationId, replyTo } = properties;
  const { expiration, messageId, timestamp, type, userId, appId, clusterId } = properties;
  writeShortstrs(writer, contentType, contentEncoding);
  if (headers !== undefined) writeFieldTable(writer, headers);
  if (deliveryMode !== undefined) writer.octet(deliveryMode);
  if (priority !== undefined) writer.octet(priority);
  writeShortstrs(writer, correlationId, replyTo, expiration, messageId);
  if (timestamp !== undefined) writer.longlong(timestamp);
  writeShortstrs(writer, type, userId, appId, clusterId);
  return writer.finish();
}

function flagsOf(properties: BasicProperties): number {
  let flags = 0;
  for (const name of Object.keys(PROPERTY_FLAGS) as (keyof BasicProperties)[]) {
    if (properties[name] !== undefined) flags |= PROPERTY_FLAGS[name];
  }
  return flags;
}

function writeShortstrs(writer: WireWriter, ...values: (string | undefined)[]): void {
  for (const value of values) {
    if (value !== undefined) writer.shortstr(value);
  }
}
