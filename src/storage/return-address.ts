/**
 * Where a message goes back to that waits, and that nobody takes when it is released: the channel that published it. It stands
 * behind the body of the record, and behind the blind keys where there are any.
 *
 *   f64 start of the broker | f64 channel
 */
import { blindKeysSize } from './blind-keys.ts';
import type { Page } from './page.ts';
import { endOfBody, hasReturnAddress } from './record.ts';

export interface ReturnAddress {
  /** A number that tells starts of brokers apart: channels are numbered anew with each. */
  readonly start: number;
  /** A number that no other channel has had since then. */
  readonly channel: number;
}

export function encodeReturnAddress({ start, channel }: ReturnAddress): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeDoubleLE(start, 0);
  bytes.writeDoubleLE(channel, 8);
  return bytes;
}

/** Null where the message goes back to nobody. */
export function returnAddressOf(page: Page, offset: number): ReturnAddress | null {
  if (!hasReturnAddress(page, offset)) return null;
  const bytes = page.bytes as Buffer;
  const at = endOfBody(page, offset) + blindKeysSize(page, offset);
  return { start: bytes.readDoubleLE(at), channel: bytes.readDoubleLE(at + 8) };
}
