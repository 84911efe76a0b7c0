/**
 * The routing keys of a BCC header: no consumer may see them, so they are not among the properties, but a dead letter is
 * published with them again. They stand behind the body of the record.
 *
 *   u16 size of what follows | key as a shortstr, one after the other
 */
import { decodeText, encodeText } from '../protocol/text.ts';
import type { Page } from './page.ts';
import { endOfBody, hasBlindKeys } from './record.ts';

export const NO_BLIND_KEYS = Buffer.alloc(0);

export function encodeBlindKeys(keys: readonly string[]): Buffer {
  if (keys.length === 0) return NO_BLIND_KEYS;
  const encoded = keys.map(encodeText).flatMap((key) => [Buffer.of(key.length), key]);
  const size = Buffer.alloc(2);
  size.writeUInt16LE(encoded.reduce((sum, { length }) => sum + length, 0));
  return Buffer.concat([size, ...encoded]);
}

/** What encodeBlindKeys() was given. */
export function decodeBlindKeys(bytes: Buffer, offset: number): string[] {
  const keys: string[] = [];
  const end = offset + 2 + bytes.readUInt16LE(offset);
  for (let at = offset + 2; at < end; at += 1 + bytes[at]!) keys.push(decodeText(bytes, at + 1, at + 1 + bytes[at]!));
  return keys;
}

export function blindKeysOf(page: Page, offset: number): string[] {
  return hasBlindKeys(page, offset) ? decodeBlindKeys(page.bytes as Buffer, endOfBody(page, offset)) : [];
}

/** How much they take in the record. */
export function blindKeysSize(page: Page, offset: number): number {
  if (!hasBlindKeys(page, offset)) return 0;
  return 2 + (page.bytes as Buffer).readUInt16LE(endOfBody(page, offset));
}
