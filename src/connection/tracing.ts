/** What a channel hands to the firehose of its vhost, while tracing is on: a copy of what is published, or delivered. */
import { decodeProperties } from '../protocol/properties.ts';
import type { Queue } from '../queues/queue.ts';
import { blindKeysOf, decodeBlindKeys } from '../storage/blind-keys.ts';
import type { Page } from '../storage/page.ts';
import type { IncomingMessage } from '../storage/record.ts';
import type { TracedChannel, TracedMessage } from '../vhost/firehose.ts';
import type { Route } from '../vhost/route.ts';
import { readRoute } from '../vhost/route-bytes.ts';
import type { Channel } from './channel.ts';
import type { Content } from './delivery.ts';

export function tracePublish(channel: Channel, message: IncomingMessage, route: Route): void {
  const { firehose } = channel.vhost;
  const way = readRoute(message.routeBytes, message.routeOffset);
  if (firehose?.takes(way.exchange) !== true) return;
  const { propertiesBytes: bytes, propertiesOffset, propertiesSize, bodyBytes, bodyOffset, bodySize } = message;
  const blindKeys = message.blindSize === 0 ? [] : decodeBlindKeys(message.blindBytes, 0);
  const content = { bytes, propertiesOffset, propertiesSize, bodyBytes, bodyOffset, bodySize };
  firehose.published(traced(way, content, blindKeys), route, tracedChannel(channel));
}

export function traceDelivery(
  channel: Channel,
  queue: Queue,
  content: Content,
  page: Page,
  offset: number,
  redelivered: boolean,
): void {
  const { firehose } = channel.vhost;
  const way = readRoute(content.routeBytes, content.routeOffset);
  if (firehose?.takes(way.exchange) !== true) return;
  const message = traced(way, content, blindKeysOf(page, offset));
  firehose.delivered(message, queue.name, redelivered, tracedChannel(channel));
}

type Lying = Pick<Content, 'bytes' | 'propertiesOffset' | 'propertiesSize' | 'bodyBytes' | 'bodyOffset' | 'bodySize'>;

function traced(
  { exchange, routingKey }: { readonly exchange: string; readonly routingKey: string },
  { bytes, propertiesOffset, propertiesSize, bodyBytes, bodyOffset, bodySize }: Lying,
  blindKeys: readonly string[],
): TracedMessage {
  const properties = decodeProperties(bytes, propertiesOffset, propertiesOffset + propertiesSize);
  const body = Buffer.from(bodyBytes.subarray(bodyOffset, bodyOffset + bodySize));
  return { exchange, routingKey, blindKeys, properties, body };
}

function tracedChannel({ connection, number }: Channel): TracedChannel {
  return { connection: connection.name, number, user: connection.identity.user };
}
