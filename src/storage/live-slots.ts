/** Which records of a page are needed, and how much of the disk they take there: a bit for each place where one may begin. */
import { DIRECT_ALIGNMENT } from '../runtime/disk.ts';
import { BLOCK_HEADER_SIZE } from './block.ts';
import { PAGE_SIZE } from './page.ts';
import { MESSAGE_HEADER_SIZE } from './record.ts';

/** Every record starts at a multiple of it. */
const SLOT_SIZE = 8;
/** What a record takes beside header and body: queue ids, route, properties. A guess, of no other use than to foresee a size. */
const USUAL_EXTRAS = 64;

export class LiveSlots {
  readonly #bits = new Uint32Array(PAGE_SIZE / SLOT_SIZE / 32);
  /** Sectors that are touched, as far as the sizes of bodies tell. */
  readonly #sectors = new Uint8Array(PAGE_SIZE / DIRECT_ALIGNMENT);
  /** Records, each counted once however many queues hold it. */
  count = 0;

  add(offset: number, bodySize: number): void {
    const slot = offset / SLOT_SIZE;
    const bit = 1 << (slot & 31);
    if ((this.#bits[slot >> 5] & bit) !== 0) return;
    this.#bits[slot >> 5] |= bit;
    this.count++;
    const end = Math.min(offset + MESSAGE_HEADER_SIZE + bodySize + USUAL_EXTRAS, PAGE_SIZE);
    const first = Math.floor((offset - BLOCK_HEADER_SIZE) / DIRECT_ALIGNMENT);
    for (let sector = first; sector * DIRECT_ALIGNMENT < end; sector++) this.#sectors[sector] = 1;
  }

  has(offset: number): boolean {
    const slot = offset / SLOT_SIZE;
    return (this.#bits[slot >> 5] & (1 << (slot & 31))) !== 0;
  }

  /** What will be left of the page on the disk, about. */
  get bytesToKeep(): number {
    let count = 0;
    for (const touched of this.#sectors) count += touched;
    return count * DIRECT_ALIGNMENT;
  }
}
