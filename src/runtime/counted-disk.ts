/** A disk that counts what is written to it: for who watches a broker, and for no other. */
import type { Disk } from './disk.ts';

export class CountedDisk implements Disk {
  /** Such as have ended, failed ones among them. */
  writeCount = 0;
  writtenBytes = 0;
  /** In all, of each from its call to its end. */
  writingMs = 0;
  readonly #disk: Disk;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  write: Disk['write'] = (fd, buffers, offset, done) => {
    const beganMs = performance.now();
    this.#disk.write(fd, buffers, offset, (error) => {
      this.writeCount++;
      this.writingMs += performance.now() - beganMs;
      if (error === null) for (const { length } of buffers) this.writtenBytes += length;
      done(error);
    });
  };

  read: Disk['read'] = (fd, target, offset, done) => this.#disk.read(fd, target, offset, done);

  sync: Disk['sync'] = (fd, done) => this.#disk.sync(fd, done);
}
