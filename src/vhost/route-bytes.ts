/** Exchange and routing key as a message carries them: two shortstrs, the bytes of basic.publish. */
import { decodeText, encodeText } from '../protocol/text.ts';
import type { IncomingMessage } from '../storage/record.ts';

/** Reads exchange and routing key as they stand in a route: two shortstrs. */
export function readRoute(bytes: Buffer, offset: number): { exchange: string; routingKey: string } {
  const keyAt = offset + 1 + bytes[offset];
  const exchange = decodeText(bytes, offset + 1, keyAt);
  return { exchange, routingKey: decodeText(bytes, keyAt + 1, keyAt + 1 + bytes[keyAt]) };
}

/** Writes exchange and routing key into a message as a route. */
export function setRoute(message: IncomingMessage, exchange: string, routingKey: string): void {
  const [name, key] = [encodeText(exchange), encodeText(routingKey)];
  message.routeBytes = Buffer.concat([Buffer.of(name.length), name, Buffer.of(key.length), key]);
  message.routeOffset = 0;
  message.routeSize = message.routeBytes.length;
}
