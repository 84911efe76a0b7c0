/** What becomes of a message when an x-delayed-message exchange releases it: the same message, with x-delay negated. */
import { type BasicProperties, decodeProperties, encodeProperties } from '../protocol/properties.ts';
import { releasedHeaders } from '../routing/delay-headers.ts';
import type { RoutedMessage } from '../routing/routed-message.ts';
import { blindKeysOf, encodeBlindKeys } from '../storage/blind-keys.ts';
import type { Page } from '../storage/page.ts';
import {
  bodySizeOf,
  IncomingMessage,
  priorityOf,
  propertiesSizeOf,
  publishedAtOf,
  routeOffsetOf,
  routeSizeOf,
  ttlOf,
} from '../storage/record.ts';
import { copyKeysOf } from './dead-letter-headers.ts';
import { readRoute } from './route-bytes.ts';

export interface ReleasedMessage {
  readonly message: IncomingMessage;
  /** The one that it was published to. */
  readonly exchange: string;
  readonly routed: RoutedMessage;
}

/** Its time to live counts from now on. @param isRepeated it may have been released before */
export function releasedMessage(page: Page, offset: number, nowMs: number, isRepeated: boolean): ReleasedMessage {
  const bytes = page.bytes as Buffer;
  const routeOffset = routeOffsetOf(page, offset);
  const propertiesOffset = routeOffset + routeSizeOf(page, offset);
  const bodyOffset = propertiesOffset + propertiesSizeOf(page, offset);
  const given = decodeProperties(bytes, propertiesOffset, bodyOffset);
  const headers = releasedHeaders(given.headers, publishedAtOf(page, offset), isRepeated);
  const properties: BasicProperties = { ...given, headers };
  const blindKeys = blindKeysOf(page, offset);
  const message = new IncomingMessage();
  message.routeBytes = bytes;
  message.routeOffset = routeOffset;
  message.routeSize = routeSizeOf(page, offset);
  message.propertiesBytes = encodeProperties(properties);
  message.propertiesSize = message.propertiesBytes.length;
  message.bodyBytes = bytes;
  message.bodyOffset = bodyOffset;
  message.bodySize = bodySizeOf(page, offset);
  message.publishedAtMs = nowMs;
  message.ttlMs = ttlOf(page, offset);
  message.priority = priorityOf(page, offset);
  message.persistent = given.deliveryMode === 2;
  message.blindBytes = encodeBlindKeys(blindKeys);
  message.blindSize = message.blindBytes.length;
  const { exchange, routingKey } = readRoute(bytes, routeOffset);
  const otherKeys = [...copyKeysOf(given), ...blindKeys];
  return { message, exchange, routed: { routingKey, otherKeys, properties: () => properties } };
}
