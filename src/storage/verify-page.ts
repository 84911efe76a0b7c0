import { findBlock, readBlock } from './block.ts';
import { PAGE_SIZE, type Page } from './page.ts';

/**
 * Checks every block of a page that was read back, and turns what is broken into zeros: a record of type 0 is no message.
 * @returns what is wrong with it, or null.
 */
export function verifyPage(page: Page): string | null {
  const bytes = page.bytes as Buffer;
  let trouble: string | null = null;
  for (let at = 0; at < bytes.length; ) {
    const block = readBlock(bytes, at, page.number * PAGE_SIZE + at);
    if (block === 'end') break;
    if (block !== 'broken') {
      at = block.to;
      continue;
    }
    const found = findBlock(bytes, at + 8, page.number, page.number);
    const next = found < 0 ? bytes.length : found;
    bytes.fill(0, at, next);
    trouble ??= `the checksum of a block at offset ${at} of the page does not fit (${next - at} bytes)`;
    at = next;
  }
  return trouble;
}
