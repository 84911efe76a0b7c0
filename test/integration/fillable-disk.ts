/** A disk that tests can fill or hold up. */
import { type Disk, type Done, systemDisk } from '../../src/runtime/disk.ts';

export class FillableDisk implements Disk {
  /** Every write fails, as it does on a disk without room. */
  isFull = false;
  #held: (() => void)[] | null = null;

  read: Disk['read'] = systemDisk.read;

  sync: Disk['sync'] = systemDisk.sync;

  write(fd: number, buffers: readonly Buffer[], offset: number, done: Done): void {
    if (this.isFull) {
      const error = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      setImmediate(() => done(error));
    } else if (this.#held !== null) {
      this.#held.push(() => systemDisk.write(fd, buffers, offset, done));
    } else {
      systemDisk.write(fd, buffers, offset, done);
    }
  }

  /** From now on no write ends, until `letGo`. */
  holdUp(): void {
    this.#held ??= [];
  }

  letGo(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const write of held) write();
  }
}
