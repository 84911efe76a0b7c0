/**
 * The records of a page, in the machine's byte order (little-endian), each starting at a multiple of 8.
 *
 *   every record    u32 length (a multiple of 8) | u8 type | u8 flags | u16 count
 *   message         f64 published at (ms) | u32 ttl (ms) | u32 body size | u32 properties size | u16 route size | u8 priority |
 *                   u8 bits 32 to 39 of the ttl
 *                   u32 queue id * count | route | properties | body | with flag 1: blind keys (see blind-keys.ts)
 *                   with flag 4: return address (see return-address.ts)
 *                   flag 2: a client published it
 *     route         exchange and routing key, each as a shortstr: the bytes of basic.publish, and of basic.deliver
 *     properties    property flags and values as they stood in the content header
 *   settled         u32 queue id | u32 0 | f64 position * n, n from the length: acknowledged, expired, dropped, dead-lettered
 *   delivered       u32 queue id | u32 0 | f64 position: up to it messages were delivered at least once
 *   returned        u32 queue id | u32 delivery count | f64 position: what x-delivery-count must not forget
 *
 * The writers below run once a message; they take buffer, offset and length and allocate nothing.
 */
import { endianness } from 'node:os';
import type { Page } from './page.ts';

if (endianness() !== 'LE') throw new Error('leveret runs on little-endian machines only');

export const RecordType = { message: 1, settled: 2, delivered: 3, returned: 4 } as const;

export const MESSAGE_HEADER_SIZE = 32;
const FLAG_BLIND_KEYS = 1 << 8;
const FLAG_RETURN_ADDRESS = 1 << 10;
/** What a client published counts for its exchange where it is routed, also when that is later. */
export const FLAG_PUBLISHED = 1 << 9;
/** 40 bits, all set: a time to live of 34 years and more is as good as none. */
export const NO_TTL = 2 ** 40 - 1;

/** A message on its way into a page. One object is reused for all publishes of a connection: nothing may keep it. */
export class IncomingMessage {
  routeBytes: Buffer = EMPTY;
  routeOffset = 0;
  routeSize = 0;
  propertiesBytes: Buffer = EMPTY;
  propertiesOffset = 0;
  propertiesSize = 0;
  bodyBytes: Buffer = EMPTY;
  bodyOffset = 0;
  bodySize = 0;
  publishedAtMs = 0;
  /** From the `expiration` property, or NO_TTL. */
  ttlMs = NO_TTL;
  priority = 0;
  persistent = false;
  /** FLAG_PUBLISHED or 0. */
  flags = 0;
  /** From encodeBlindKeys(). */
  blindBytes: Buffer = EMPTY;
  blindSize = 0;
  /** From encodeReturnAddress(). */
  returnBytes: Buffer = EMPTY;
  returnSize = 0;
}

const EMPTY = Buffer.alloc(0);

export function messageRecordSize(message: IncomingMessage, queueCount: number): number {
  const size = MESSAGE_HEADER_SIZE + 4 * queueCount + message.routeSize + message.propertiesSize + message.bodySize;
  return (size + message.blindSize + message.returnSize + 7) & ~7;
}

/** Writes all but the queue ids, which the caller puts at `(offset >> 2) + 8` and on. */
export function writeMessageRecord(
  page: Page,
  offset: number,
  size: number,
  message: IncomingMessage,
  queueCount: number,
): void {
  const { u32 } = page;
  const bytes = page.bytes as Buffer;
  const word = offset >> 2;
  u32[word] = size;
  u32[word + 1] = RecordType.message | message.flags | (queueCount << 16);
  page.f64[(offset >> 3) + 1] = message.publishedAtMs;
  u32[word + 4] = message.ttlMs >>> 0;
  u32[word + 5] = message.bodySize;
  u32[word + 6] = message.propertiesSize;
  const ttlHigh = message.ttlMs === NO_TTL ? 0xff : (message.ttlMs / 0x100000000) >>> 0;
  u32[word + 7] = message.routeSize | (message.priority << 16) | (ttlHigh << 24);
  let at = offset + MESSAGE_HEADER_SIZE + 4 * queueCount;
  copyBytes(message.routeBytes, message.routeOffset, bytes, at, message.routeSize);
  at += message.routeSize;
  copyBytes(message.propertiesBytes, message.propertiesOffset, bytes, at, message.propertiesSize);
  at += message.propertiesSize;
  copyBytes(message.bodyBytes, message.bodyOffset, bytes, at, message.bodySize);
  if (message.blindSize + message.returnSize > 0) writeTail(page, word, at + message.bodySize, message);
}

/** What few messages have behind their bodies. */
function writeTail({ bytes, u32 }: Page, word: number, at: number, message: IncomingMessage): void {
  const { blindBytes, blindSize, returnBytes, returnSize } = message;
  if (blindSize > 0) u32[word + 1] |= FLAG_BLIND_KEYS;
  if (returnSize > 0) u32[word + 1] |= FLAG_RETURN_ADDRESS;
  copyBytes(blindBytes, 0, bytes as Buffer, at, blindSize);
  copyBytes(returnBytes, 0, bytes as Buffer, at + blindSize, returnSize);
}

/** Turns a message into one that was for no queue: it stays where it is, and nobody finds it there. */
export function forgetQueues(bytes: Buffer, at: number): void {
  bytes.writeUInt16LE(0, at + 6);
}

/** Below this many bytes a loop in place beats the call into the runtime's copy (measured: about equal at 40). */
const SHORT_COPY = 40;

export function copyBytes(source: Buffer, from: number, target: Buffer, to: number, size: number): void {
  if (size <= SHORT_COPY) for (let i = 0; i < size; i++) target[to + i] = source[from + i];
  else source.copy(target, to, from, from + size);
}

export const recordSize = (page: Page, offset: number): number => page.u32[offset >> 2];
export const recordType = (page: Page, offset: number): number => page.u32[(offset >> 2) + 1] & 0xff;
export const queueCountOf = (page: Page, offset: number): number => page.u32[(offset >> 2) + 1] >>> 16;
export const publishedAtOf = (page: Page, offset: number): number => page.f64[(offset >> 3) + 1];
export const ttlOf = (page: Page, offset: number): number =>
  page.u32[(offset >> 2) + 4] + (page.u32[(offset >> 2) + 7] >>> 24) * 0x100000000;
/** The same where the record stands in bytes that were read. */
export const ttlIn = (bytes: Buffer, at: number): number => bytes.readUInt32LE(at + 16) + bytes[at + 31] * 0x100000000;
export const bodySizeOf = (page: Page, offset: number): number => page.u32[(offset >> 2) + 5];
export const propertiesSizeOf = (page: Page, offset: number): number => page.u32[(offset >> 2) + 6];
export const routeSizeOf = (page: Page, offset: number): number => page.u32[(offset >> 2) + 7] & 0xffff;
export const priorityOf = (page: Page, offset: number): number => (page.u32[(offset >> 2) + 7] >>> 16) & 0xff;

/** Where the body ends in the page. */
export const endOfBody = (page: Page, offset: number): number =>
  routeOffsetOf(page, offset) + routeSizeOf(page, offset) + propertiesSizeOf(page, offset) + bodySizeOf(page, offset);

export const hasBlindKeys = (page: Page, offset: number): boolean =>
  (page.u32[(offset >> 2) + 1] & FLAG_BLIND_KEYS) !== 0;

export const hasReturnAddress = (page: Page, offset: number): boolean =>
  (page.u32[(offset >> 2) + 1] & FLAG_RETURN_ADDRESS) !== 0;

export const isPublished = (page: Page, offset: number): boolean =>
  (page.u32[(offset >> 2) + 1] & FLAG_PUBLISHED) !== 0;

/** Where the route starts in the page; properties and body follow it without a gap. */
export const routeOffsetOf = (page: Page, offset: number): number =>
  offset + MESSAGE_HEADER_SIZE + 4 * queueCountOf(page, offset);
