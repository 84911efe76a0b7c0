/** A file that is read now and then: there may be thousands, so that it is open only while somebody has use for it. */
import * as fs from 'node:fs';
import { type Disk, readFullySync } from '../runtime/disk.ts';

export class RestingFile {
  readonly path: string;
  readonly #disk: Disk;
  #fd = -1;
  /** Reads that are under way: their file may not be closed, its number would be another's. */
  #reads = 0;
  isClosed = false;

  constructor(path: string, disk: Disk) {
    this.path = path;
    this.#disk = disk;
  }

  /** Reads up to `target.length` bytes; fewer at the end of the file. Calls back behind this turn, closed or not. */
  read(target: Buffer, offset: number, done: (error: Error | null, count: number) => void): void {
    try {
      this.#open();
    } catch (error) {
      setImmediate(done, error as Error, 0);
      return;
    }
    this.#reads++;
    this.#disk.read(this.#fd, target, offset, (error, count) => {
      this.#reads--;
      if (this.isClosed) this.rest();
      done(error, count);
    });
  }

  /** Blocks: for starts alone. @returns the number of bytes read @throws Error of the disk */
  readSync(target: Buffer, offset: number): number {
    this.#open();
    return readFullySync(this.#fd, target, offset);
  }

  /** Bytes. @throws Error of the disk */
  get size(): number {
    this.#open();
    return fs.fstatSync(this.#fd).size;
  }

  #open(): void {
    if (this.#fd < 0) this.#fd = fs.openSync(this.path, 'r');
  }

  /** It is opened again when it is read. */
  rest(): void {
    if (this.#fd < 0 || this.#reads > 0) return;
    fs.closeSync(this.#fd);
    this.#fd = -1;
  }

  /** Nobody reads it any more. */
  close(): void {
    this.isClosed = true;
    this.rest();
  }
}
