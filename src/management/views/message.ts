/** A message as JSON: its payload; and its properties, and back. */
import { isUtf8 } from 'node:buffer';
import { fromPlain, type PlainObject, toPlain } from '../../protocol/field-table.ts';
import type { BasicProperties } from '../../protocol/properties.ts';
import { badRequest } from '../api-error.ts';
import type { RequestBody } from '../request-body.ts';

/** In the order in which RabbitMQ shows them. */
const PROPERTIES: readonly (readonly [json: string, name: keyof BasicProperties, type: 'text' | 'count' | 'table'])[] =
  [
    ['cluster_id', 'clusterId', 'text'],
    ['app_id', 'appId', 'text'],
    ['user_id', 'userId', 'text'],
    ['type', 'type', 'text'],
    ['timestamp', 'timestamp', 'count'],
    ['message_id', 'messageId', 'text'],
    ['expiration', 'expiration', 'text'],
    ['reply_to', 'replyTo', 'text'],
    ['correlation_id', 'correlationId', 'text'],
    ['priority', 'priority', 'count'],
    ['delivery_mode', 'deliveryMode', 'count'],
    ['headers', 'headers', 'table'],
    ['content_encoding', 'contentEncoding', 'text'],
    ['content_type', 'contentType', 'text'],
  ];

const OCTET_MAX = 255;

/** Without any, a list, as RabbitMQ writes an object without fields. */
export function propertiesToJson(properties: BasicProperties): object {
  const shown: Record<string, unknown> = {};
  for (const [json, name, type] of PROPERTIES) {
    const value = properties[name];
    if (value === undefined) continue;
    if (type === 'table') shown[json] = toPlain(properties.headers!);
    else shown[json] = type === 'count' ? Number(value) : value;
  }
  return Object.keys(shown).length === 0 ? [] : shown;
}

/** Unknown names mean nothing. @throws ApiError 400 */
export function propertiesFromJson(json: unknown): BasicProperties {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw badRequest('properties_not_object');
  const given = json as Readonly<Record<string, unknown>>;
  const properties: Record<string, unknown> = {};
  for (const [name, property, type] of PROPERTIES) {
    const value = given[name];
    if (value === undefined || value === null) continue;
    properties[property] = READERS[type](name, value);
  }
  return properties;
}

const READERS: Readonly<Record<'text' | 'count' | 'table', (name: string, value: unknown) => unknown>> = {
  text: (name, value) => {
    if (typeof value !== 'string') throw badRequest(['not_string', name]);
    if (Buffer.byteLength(value) > OCTET_MAX) throw badRequest(['too_long', name]);
    return value;
  },
  count: (name, value) => {
    const isCount = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
    if (!isCount || (name !== 'timestamp' && value > OCTET_MAX)) throw badRequest(['not_int', name]);
    return value;
  },
  table: (name, value) => {
    if (Array.isArray(value) && value.length === 0) return new Map();
    if (typeof value !== 'object' || Array.isArray(value)) throw badRequest(['not_object', name]);
    return fromPlain(value as PlainObject);
  },
};

/** How a payload is to be shown. */
export interface PayloadOptions {
  readonly encoding: 'auto' | 'base64';
  /** Octets that are given, at most. */
  readonly truncate: number;
}

/** As text, and whole, unless told. @throws ApiError 400 */
export function payloadOptions(fields: RequestBody): PayloadOptions {
  const encoding = fields.has('encoding') ? fields.value('encoding') : 'auto';
  if (encoding !== 'auto' && encoding !== 'base64') {
    throw badRequest('Unsupported encoding. Please use auto or base64.');
  }
  return { encoding, truncate: fields.has('truncate') ? fields.count('truncate') : Number.POSITIVE_INFINITY };
}

export function payloadToJson(body: Buffer, { encoding, truncate }: PayloadOptions): object {
  const payload = body.subarray(0, truncate);
  const isText = encoding === 'auto' && isUtf8(payload);
  return {
    payload: payload.toString(isText ? 'utf8' : 'base64'),
    payload_encoding: isText ? 'string' : 'base64',
  };
}
