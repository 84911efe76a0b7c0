import { findBlock, readBlock } from './block.ts';
import { PAGE_SIZE, type Page } from './page.ts';

/** Bytes of a page, by their offset in it. */
export interface PageRange {
  readonly offset: number;
  readonly length: number;
}

/**
 * Checks every block of a page that was read back, and turns what is broken or missing into zeros: a record of type 0 is no
 * message. @returns what was broken.
 */
export function verifyPage(page: Page): PageRange[] {
  const bytes = (page.bytes as Buffer).subarray(0, page.end);
  const broken: PageRange[] = [];
  for (let at = 0; at < page.end; ) {
    const block = readBlock(bytes, at, page.number * PAGE_SIZE + at);
    if (typeof block !== 'string') {
      at = block.next;
      continue;
    }
    const found = findBlock(bytes, at + 8, page.number, page.number);
    const next = found < 0 ? page.end : found;
    bytes.fill(0, at, next);
    broken.push({ offset: at, length: next - at });
    at = next;
  }
  return broken;
}
