/**
 * A disk for tests, over real files: it can hold writes back, fail them, write a part of them only, and stop for good in the
 * midst of a write, as a machine does that loses its power.
 */
import * as fs from 'node:fs';
import type { Disk, Done } from '../runtime/disk.ts';

/** What a machine that loses its power writes as a whole or not at all, in bytes. */
const SECTOR_SIZE = 512;

interface HeldWrite {
  readonly fd: number;
  readonly buffers: readonly Buffer[];
  readonly offset: number;
  readonly done: Done;
  readonly isSync: boolean;
}

export class TestDisk implements Disk {
  /** True: writes wait for `release`. */
  holding = false;
  /** The next writes fail with these codes, one each; a number in between lets as many through. */
  failures: string[] = [];
  /** With a failure: how many bytes are written before it. */
  writtenBeforeFailure = 0;
  writeCount = 0;
  readCount = 0;
  /** Memory that was read into. */
  readBytes = 0;
  syncCount = 0;
  /** Writes to files that have not got their name yet fail with it while it is set. */
  temporaryFailure: string | null = null;
  /** True: a sync writes zeros where there are holes, as a file system does that keeps none. */
  fillsHoles = false;
  /** Reads that come while this is set fail with it. */
  readFailure: string | null = null;
  readonly #held: HeldWrite[] = [];
  readonly #heldReads: (() => void)[] = [];
  /** True: reads wait for `releaseReads`. */
  holdingReads = false;

  write(fd: number, buffers: readonly Buffer[], offset: number, done: Done): void {
    this.writeCount++;
    if (this.temporaryFailure !== null && isTemporary(fd)) {
      const error = failure(this.temporaryFailure);
      setImmediate(() => done(error));
      return;
    }
    const write = { fd, buffers, offset, done, isSync: false };
    if (this.holding) this.#held.push(write);
    else this.#perform(write);
  }

  read(fd: number, target: Buffer, offset: number, done: (error: Error | null, bytesRead: number) => void): void {
    this.readCount++;
    this.readBytes += target.length;
    const perform = (): void => {
      if (this.readFailure !== null) return done(failure(this.readFailure), 0);
      fs.read(fd, target, 0, target.length, offset, done);
    };
    if (this.holdingReads) this.#heldReads.push(perform);
    else perform();
  }

  /** Held, let go and failed as a write is. */
  sync(fd: number, done: Done): void {
    this.syncCount++;
    const sync = { fd, buffers: [], offset: 0, done, isSync: true };
    if (this.holding) this.#held.push(sync);
    else this.#perform(sync);
  }

  /** Whether the oldest that is held is a sync. */
  get isSyncHeld(): boolean {
    return this.#held[0]?.isSync === true;
  }

  get heldReads(): number {
    return this.#heldReads.length;
  }

  get heldWrites(): number {
    return this.#held.length;
  }

  /** Lets the oldest write that is held happen. */
  release(): void {
    const write = this.#held.shift();
    if (write !== undefined) this.#perform(write);
  }

  /** Lets reads happen, the one that came last first. */
  releaseReads(): void {
    for (const read of this.#heldReads.splice(0).reverse()) read();
  }

  /**
   * Stops for good, in the midst of the writes that are held: of each, those sectors are written that `survives` is true for.
   * @param pathOf the file to write to in place of the one that the write is for
   */
  tear(survives: () => boolean, pathOf: (path: string) => string): void {
    this.holding = false;
    this.failures = new Array(1000).fill('EIO');
    for (const { fd, buffers, offset, done } of this.#held.splice(0)) {
      if (isTemporary(fd)) {
        done(failure('EIO'));
        continue;
      }
      const copy = fs.openSync(pathOf(fs.readlinkSync(`/proc/self/fd/${fd}`)), 'r+');
      const bytes = Buffer.concat(buffers);
      for (let at = 0; at < bytes.length; at += SECTOR_SIZE) {
        if (survives()) fs.writeSync(copy, bytes.subarray(at, at + SECTOR_SIZE), 0, undefined, offset + at);
      }
      fs.closeSync(copy);
      done(failure('EIO'));
    }
  }

  #perform({ fd, buffers, offset, done, isSync }: HeldWrite): void {
    const code = this.failures.shift();
    if (code === undefined && isSync) {
      if (this.fillsHoles) fillHoles(fd);
      return fs.fdatasync(fd, done);
    }
    if (code === undefined) {
      fs.writev(fd, buffers as Buffer[], offset, (error) => done(error));
      return;
    }
    const part = Buffer.concat(buffers).subarray(0, this.writtenBeforeFailure);
    // A descriptor of its own: the journal's asks for aligned writes.
    const plain = fs.openSync(`/proc/self/fd/${fd}`, 'r+');
    fs.writeSync(plain, part, 0, part.length, offset);
    fs.closeSync(plain);
    setImmediate(() => done(failure(code)));
  }
}

/** A file that has not got its name yet is thrown away at a start, whatever is in it. */
function isTemporary(fd: number): boolean {
  return fs.readlinkSync(`/proc/self/fd/${fd}`).endsWith('.new');
}

function fillHoles(fd: number): void {
  const path = fs.readlinkSync(`/proc/self/fd/${fd}`);
  const plain = fs.openSync(path, 'r+');
  fs.writeSync(plain, fs.readFileSync(path));
  fs.closeSync(plain);
}

function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: a fault that a test asked for`), { code });
}
