/**
 * The firehose of a vhost whose tracing is on: a copy of every message that is published, and of every one that is delivered, goes
 * to the exchange amq.rabbitmq.trace, with headers that say where it came from and where it went. Form and order are RabbitMQ's.
 */
import type { FieldTable, FieldValue } from '../protocol/field-table.ts';
import type { BasicProperties } from '../protocol/properties.ts';
import { decodeText, encodeText } from '../protocol/text.ts';
import type { InternalPublisher } from './internal-publisher.ts';
import type { Route } from './route.ts';

export const TRACE_EXCHANGE = 'amq.rabbitmq.trace';

/** A routing key has no more. */
const LARGEST_KEY_BYTES = 255;

export interface TracedMessage {
  readonly exchange: string;
  readonly routingKey: string;
  /** Those of a BCC header, which are not among the properties. */
  readonly blindKeys: readonly string[];
  readonly properties: BasicProperties;
  /** Its own: the message may be gone before the copy is published. */
  readonly body: Buffer;
}

/** The channel that publishes a message, or that it is delivered to. */
export interface TracedChannel {
  /** `127.0.0.1:40000 -> 127.0.0.1:5672` */
  readonly connection: string;
  readonly number: number;
  readonly user: string;
}

export class Firehose {
  readonly #vhost: string;
  readonly #nodeName: string;
  readonly #publisher: InternalPublisher;

  constructor(vhost: string, nodeName: string, publisher: InternalPublisher) {
    this.#vhost = vhost;
    this.#nodeName = nodeName;
    this.#publisher = publisher;
  }

  /** Whether anybody would get the copy of a message to this exchange; what is traced is not traced again. */
  takes(exchange: string): boolean {
    return exchange !== TRACE_EXCHANGE && this.#publisher.isHeard(this.#vhost, TRACE_EXCHANGE);
  }

  published(message: TracedMessage, route: Route, channel: TracedChannel): void {
    const queues = route.queues.map(({ name }) => text(name));
    const routed = [['routed_queues', { type: 'A', value: queues }]] as const;
    this.#publish(`publish.${message.exchange}`, message, [...this.#place(channel), ...routed]);
  }

  delivered(message: TracedMessage, queue: string, redelivered: boolean, channel: TracedChannel): void {
    const again = ['redelivered', { type: 'I', value: redelivered ? 1 : 0 }] as const;
    this.#publish(`deliver.${queue}`, message, [again, ...this.#place(channel)]);
  }

  #place({ connection, number, user }: TracedChannel): Header[] {
    return [
      ['vhost', text(this.#vhost)],
      ['connection', text(connection)],
      ['channel', { type: 'I', value: number }],
      ['user', text(user)],
    ];
  }

  #publish(routingKey: string, message: TracedMessage, headers: readonly Header[]): void {
    const { exchange, routingKey: key, blindKeys, properties, body } = message;
    const keys = [key, ...visibleCopies(properties), ...blindKeys];
    const all: Header[] = [
      ['exchange_name', text(exchange)],
      ['routing_keys', { type: 'A', value: keys.map(text) }],
      ['properties', { type: 'F', value: propertiesTable(properties) }],
      ['node', text(this.#nodeName)],
      ...headers,
    ];
    this.#publisher.publish({
      vhost: this.#vhost,
      exchange: TRACE_EXCHANGE,
      routingKey: fitting(routingKey),
      properties: { headers: new Map(all) },
      body,
    });
  }
}

type Header = readonly [name: string, value: FieldValue];

function text(value: string): FieldValue {
  return { type: 'S', value };
}

function visibleCopies({ headers }: BasicProperties): string[] {
  const copies = headers?.get('CC');
  return copies?.type === 'A' ? copies.value.flatMap((key) => (key.type === 'S' ? [key.value] : [])) : [];
}

/** The prefix and a name may be longer together than a key can be. */
function fitting(routingKey: string): string {
  const bytes = encodeText(routingKey);
  return decodeText(bytes, 0, Math.min(bytes.length, LARGEST_KEY_BYTES));
}

/** By RabbitMQ's names, the last one first. */
const PROPERTY_NAMES: readonly (readonly [name: string, property: keyof BasicProperties])[] = [
  ['cluster_id', 'clusterId'],
  ['app_id', 'appId'],
  ['user_id', 'userId'],
  ['type', 'type'],
  ['timestamp', 'timestamp'],
  ['message_id', 'messageId'],
  ['expiration', 'expiration'],
  ['reply_to', 'replyTo'],
  ['correlation_id', 'correlationId'],
  ['priority', 'priority'],
  ['delivery_mode', 'deliveryMode'],
  ['headers', 'headers'],
  ['content_encoding', 'contentEncoding'],
  ['content_type', 'contentType'],
];

/** The properties of a message as a table. */
function propertiesTable(properties: BasicProperties): FieldTable {
  const table = new Map<string, FieldValue>();
  for (const [name, property] of PROPERTY_NAMES) {
    const value = properties[property];
    if (value !== undefined) table.set(name, fieldOf(value));
  }
  return table;
}

/** RabbitMQ has 32 bits for every number; a timestamp after 2038 needs more. */
function fieldOf(value: string | number | bigint | FieldTable): FieldValue {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'object') return { type: 'F', value };
  if (value < 2 ** 31) return { type: 'I', value: Number(value) };
  return { type: 'l', value: BigInt.asIntN(64, BigInt(value)) };
}
