/**
 * Writes deliveries: from a record in the store straight into the out-buffer, with one copy and nothing allocated.
 *
 *   method frame   basic.deliver, basic.get-ok or basic.return: a prefix that is fixed for a consumer, the delivery tag,
 *                  redelivered, exchange and routing key as they stand in the record
 *   header frame   the properties as they stand in the record
 *   body frames    as many as frame-max asks for
 */
import { FRAME_BODY, FRAME_END, FRAME_HEADER, FRAME_METHOD, FRAME_OVERHEAD_SIZE } from '../protocol/constants.ts';
import { decodeProperties, encodeProperties } from '../protocol/properties.ts';
import type { Page } from '../storage/page.ts';
import { bodySizeOf, copyBytes, propertiesSizeOf, routeOffsetOf, routeSizeOf } from '../storage/record.ts';
import type { OutBuffer } from './out-buffer.ts';

const FRAME_HEAD = 7;
/** class, weight and body size, before the property flags. */
const CONTENT_HEAD = 12;

/** The content of a delivery, wherever it lies: in a page, or in memory of its own. */
export class Content {
  routeBytes: Buffer = EMPTY;
  routeOffset = 0;
  routeSize = 0;
  /** Where the properties are. */
  bytes: Buffer = EMPTY;
  propertiesOffset = 0;
  propertiesSize = 0;
  bodyBytes: Buffer = EMPTY;
  bodyOffset = 0;
  bodySize = 0;

  ofRecord(page: Page, offset: number): this {
    const bytes = page.bytes as Buffer;
    this.routeBytes = bytes;
    this.bytes = bytes;
    this.bodyBytes = bytes;
    this.routeOffset = routeOffsetOf(page, offset);
    this.routeSize = routeSizeOf(page, offset);
    this.propertiesOffset = this.routeOffset + this.routeSize;
    this.propertiesSize = propertiesSizeOf(page, offset);
    this.bodyOffset = this.propertiesOffset + this.propertiesSize;
    this.bodySize = bodySizeOf(page, offset);
    return this;
  }
}

const EMPTY = Buffer.alloc(0);

/** Gives the content a header that says how often it was returned, as quorum queues do. Makes other properties of it. */
export function addDeliveryCount(content: Content, count: number): void {
  const { bytes, propertiesOffset, propertiesSize } = content;
  const properties = decodeProperties(bytes, propertiesOffset, propertiesOffset + propertiesSize);
  const headers = new Map(properties.headers).set('x-delivery-count', { type: 'l', value: count });
  content.bytes = encodeProperties({ ...properties, headers });
  content.propertiesOffset = 0;
  content.propertiesSize = content.bytes.length;
}

/** The start of a basic.deliver for one consumer: the whole frame up to the delivery tag, its length left open. */
export function deliverPrefix(channel: number, consumerTag: Buffer): Buffer {
  const prefix = Buffer.alloc(FRAME_HEAD + 4 + 1 + consumerTag.length);
  prefix[0] = FRAME_METHOD;
  prefix.writeUInt16BE(channel, 1);
  prefix.writeUInt16BE(60, 7);
  prefix.writeUInt16BE(60, 9);
  prefix[11] = consumerTag.length;
  consumerTag.copy(prefix, 12);
  return prefix;
}

/** The start of a basic.get-ok: as deliverPrefix, without a consumer tag. */
export function getOkPrefix(channel: number): Buffer {
  const prefix = Buffer.alloc(FRAME_HEAD + 4);
  prefix[0] = FRAME_METHOD;
  prefix.writeUInt16BE(channel, 1);
  prefix.writeUInt16BE(60, 7);
  prefix.writeUInt16BE(71, 9);
  return prefix;
}

/**
 * Writes basic.deliver (or basic.get-ok) with its content.
 * @param messageCount the last field of get-ok, or -1 for basic.deliver
 * @param frameMax octets of a whole frame
 */
export function writeDelivery(
  out: OutBuffer,
  prefix: Buffer,
  channel: number,
  deliveryTag: number,
  redelivered: boolean,
  content: Content,
  messageCount: number,
  frameMax: number,
): void {
  const methodSize = prefix.length + 9 + content.routeSize + (messageCount < 0 ? 0 : 4) + 1;
  const headerSize = FRAME_HEAD + CONTENT_HEAD + content.propertiesSize + 1;
  const { bodySize } = content;
  const oneFrame = bodySize <= frameMax - FRAME_OVERHEAD_SIZE;
  const bodyFrameSize = oneFrame && bodySize > 0 ? bodySize + FRAME_OVERHEAD_SIZE : 0;
  out.reserve(methodSize + headerSize + bodyFrameSize);
  const { bytes } = out;
  let at = out.end;
  copyBytes(prefix, 0, bytes, at, prefix.length);
  writeLength(bytes, at + 3, methodSize - FRAME_OVERHEAD_SIZE);
  at += prefix.length;
  at = writeTag(bytes, at, deliveryTag);
  bytes[at++] = redelivered ? 1 : 0;
  copyBytes(content.routeBytes, content.routeOffset, bytes, at, content.routeSize);
  at += content.routeSize;
  if (messageCount >= 0) {
    writeLength(bytes, at, messageCount);
    at += 4;
  }
  bytes[at++] = FRAME_END;
  at = writeContentHeader(bytes, at, channel, content, headerSize);
  if (bodyFrameSize > 0) at = writeBodyFrame(bytes, at, channel, content.bodyBytes, content.bodyOffset, bodySize);
  out.end = at;
  if (!oneFrame) writeBodyFrames(out, channel, content, frameMax);
}

/** Content header and body frames alone: what follows a basic.return. */
export function writeContent(out: OutBuffer, channel: number, content: Content, frameMax: number): void {
  const headerSize = FRAME_HEAD + CONTENT_HEAD + content.propertiesSize + 1;
  out.reserve(headerSize);
  out.end = writeContentHeader(out.bytes, out.end, channel, content, headerSize);
  if (content.bodySize > 0) writeBodyFrames(out, channel, content, frameMax);
}

function writeContentHeader(bytes: Buffer, start: number, channel: number, content: Content, size: number): number {
  let at = writeFrameHead(bytes, start, FRAME_HEADER, channel, size - FRAME_OVERHEAD_SIZE);
  bytes[at] = 0;
  bytes[at + 1] = 60;
  bytes[at + 2] = 0;
  bytes[at + 3] = 0;
  bytes[at + 4] = 0;
  bytes[at + 5] = 0;
  bytes[at + 6] = 0;
  bytes[at + 7] = 0;
  writeLength(bytes, at + 8, content.bodySize);
  at += CONTENT_HEAD;
  copyBytes(content.bytes, content.propertiesOffset, bytes, at, content.propertiesSize);
  at += content.propertiesSize;
  bytes[at++] = FRAME_END;
  return at;
}

function writeBodyFrames(out: OutBuffer, channel: number, content: Content, frameMax: number): void {
  const largest = frameMax - FRAME_OVERHEAD_SIZE;
  for (let done = 0; done < content.bodySize; ) {
    const size = Math.min(largest, content.bodySize - done);
    out.reserve(size + FRAME_OVERHEAD_SIZE);
    out.end = writeBodyFrame(out.bytes, out.end, channel, content.bodyBytes, content.bodyOffset + done, size);
    done += size;
  }
}

function writeBodyFrame(
  bytes: Buffer,
  start: number,
  channel: number,
  body: Buffer,
  offset: number,
  size: number,
): number {
  const at = writeFrameHead(bytes, start, FRAME_BODY, channel, size);
  copyBytes(body, offset, bytes, at, size);
  bytes[at + size] = FRAME_END;
  return at + size + 1;
}

function writeFrameHead(bytes: Buffer, at: number, type: number, channel: number, size: number): number {
  bytes[at] = type;
  bytes[at + 1] = channel >>> 8;
  bytes[at + 2] = channel;
  writeLength(bytes, at + 3, size);
  return at + FRAME_HEAD;
}

function writeLength(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

export function writeTag(bytes: Buffer, at: number, tag: number): number {
  const high = tag > 0xffffffff ? Math.floor(tag / 0x100000000) : 0;
  writeLength(bytes, at, high);
  writeLength(bytes, at + 4, tag >>> 0);
  return at + 8;
}
