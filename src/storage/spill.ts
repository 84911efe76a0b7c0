/**
 * The spill: where pages of transient messages wait when memory is short. It is one file that is thrown away at every start;
 * nothing in it is ever synced. Slots of dead pages are used again, and the file shrinks when nothing is left in it.
 */
import * as fs from 'node:fs';
import { DIRECT_ALIGNMENT, type Disk, type Done, openDurable } from '../runtime/disk.ts';
import { PAGE_SIZE, type Page } from './page.ts';

export class Spill {
  readonly #disk: Disk;
  readonly #path: string;
  #fd = -1;
  #end = 0;
  #used = 0;
  readonly #freeSlots: number[] = [];

  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#path = path;
    fs.rmSync(path, { force: true });
  }

  get fd(): number {
    return this.#fd;
  }

  /** Writes the page's bytes; on success the page has its `fileOffset`. */
  write(page: Page, done: Done): void {
    if (this.#fd < 0) {
      try {
        this.#fd = openDurable(this.#path, { sync: false, create: true });
      } catch (error) {
        return done(error as NodeJS.ErrnoException);
      }
    }
    page.fileOffset = this.#take(page.capacity);
    const bytes = (page.bytes as Buffer).subarray(0, Math.ceil(page.end / DIRECT_ALIGNMENT) * DIRECT_ALIGNMENT);
    this.#disk.write(this.#fd, [bytes], page.fileOffset, (error) => {
      if (error !== null) this.free(page);
      done(error);
    });
  }

  free(page: Page): void {
    if (page.capacity === PAGE_SIZE) this.#freeSlots.push(page.fileOffset);
    page.fileOffset = -1;
    this.#used--;
    if (this.#used > 0 || this.#fd < 0) return;
    this.#freeSlots.length = 0;
    this.#end = 0;
    fs.ftruncateSync(this.#fd, 0);
  }

  #take(capacity: number): number {
    this.#used++;
    if (capacity === PAGE_SIZE) {
      const slot = this.#freeSlots.pop();
      if (slot !== undefined) return slot;
    }
    const offset = this.#end;
    this.#end += capacity;
    return offset;
  }

  close(): void {
    if (this.#fd < 0) return;
    fs.closeSync(this.#fd);
    this.#fd = -1;
    fs.rmSync(this.#path, { force: true });
  }
}
