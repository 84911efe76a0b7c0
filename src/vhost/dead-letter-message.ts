/** The message that a dead letter is published as. */
import { type BasicProperties, encodeProperties } from '../protocol/properties.ts';
import { encodeBlindKeys } from '../storage/blind-keys.ts';
import { IncomingMessage } from '../storage/record.ts';
import type { RoutingKeys } from './dead-letter-headers.ts';
import { setRoute } from './route-bytes.ts';

/** A message that leaves a queue, as it was published. */
export interface DyingMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly properties: BasicProperties;
  readonly blindKeys: readonly string[];
  readonly bodyBytes: Buffer;
  readonly bodyOffset: number;
  readonly bodySize: number;
}

/** One of its own, and none that is used again: what its publish pushes out of a queue may be dead-lettered in its midst. */
export function deadLetterMessage(
  { bodyBytes, bodyOffset, bodySize }: DyingMessage,
  exchange: string,
  { routingKey, blindKeys }: RoutingKeys,
  properties: BasicProperties,
  nowMs: number,
): IncomingMessage {
  const message = new IncomingMessage();
  setRoute(message, exchange, routingKey);
  message.propertiesBytes = encodeProperties(properties);
  message.propertiesSize = message.propertiesBytes.length;
  message.bodyBytes = bodyBytes;
  message.bodyOffset = bodyOffset;
  message.bodySize = bodySize;
  message.persistent = properties.deliveryMode === 2;
  message.publishedAtMs = nowMs;
  message.priority = properties.priority ?? 0;
  message.blindBytes = encodeBlindKeys(blindKeys);
  message.blindSize = message.blindBytes.length;
  return message;
}
