/**
 * The file operations that the journal lives on, behind one interface: writing and syncing never block the event loop, and a
 * test can put a failing disk in their place. Everything else (opening, listing, reading at start) is rare and synchronous.
 */
import * as fs from 'node:fs';
import { dirname } from 'node:path';

export type Done = (error: NodeJS.ErrnoException | null) => void;

export interface Disk {
  /** Writes all of the buffers one after the other from `offset` on. The buffers must not change until `done`. */
  write(fd: number, buffers: readonly Buffer[], offset: number, done: Done): void;
  /** Reads up to `target.length` bytes; fewer at the end of the file. */
  read(fd: number, target: Buffer, offset: number, done: (error: Error | null, bytesRead: number) => void): void;
  /** What was written to a file that was opened without `sync` is on the medium afterwards. */
  sync(fd: number, done: Done): void;
}

export const systemDisk: Disk = {
  write(fd, buffers, offset, done) {
    const total = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
    fs.writev(fd, buffers as Buffer[], offset, (error, written) => {
      if (error !== null || written === total) return done(error);
      systemDisk.write(fd, dropBytes(buffers, written), offset + written, done);
    });
  },
  read: (fd, target, offset, done) => fs.read(fd, target, 0, target.length, offset, done),
  sync: (fd, done) => fs.fdatasync(fd, done),
};

/** Makes what was written to a file durable. */
export type Sync = (fd: number, done: Done) => void;

export const systemSync: Sync = (fd, done) => fs.fdatasync(fd, done);

/**
 * What direct writes ask of memory, offset and length, in bytes. Direct writes go past the kernel's page cache: measured at
 * 1 MiB a write, they cost a fifth to a tenth of the CPU.
 */
export const DIRECT_ALIGNMENT = 4096;

export interface DurableFileOptions {
  /** Every write is on the medium when it returns (O_DSYNC: write and fdatasync in one call). */
  readonly sync: boolean;
  readonly create: boolean;
}

/** Opens for reading and writing, past the page cache where the file system can (tmpfs on older kernels cannot). */
export function openDurable(path: string, { sync, create }: DurableFileOptions): number {
  const { O_RDWR, O_CREAT, O_DSYNC, O_DIRECT = 0 } = fs.constants;
  const flags = O_RDWR | (create ? O_CREAT : 0) | (sync ? O_DSYNC : 0);
  try {
    return fs.openSync(path, flags | O_DIRECT, 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
    return fs.openSync(path, flags, 0o600);
  }
}

/** What remains of the buffers after a short write: a nearly full disk takes only a part. */
function dropBytes(buffers: readonly Buffer[], count: number): Buffer[] {
  const rest: Buffer[] = [];
  let left = count;
  for (const buffer of buffers) {
    if (left < buffer.length) rest.push(buffer.subarray(left));
    left = Math.max(0, left - buffer.length);
  }
  return rest;
}

/** Reads until `target` is full or the file ends. @returns the number of bytes read. */
export function readFullySync(fd: number, target: Buffer, offset: number): number {
  let done = 0;
  while (done < target.length) {
    const count = fs.readSync(fd, target, done, target.length - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** Makes a created, renamed or removed name durable: without it the file may be gone after a power failure. */
export function syncDirectory(path: string): void {
  const fd = fs.openSync(path, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** As syncDirectory, without blocking. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await fs.promises.open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replaces a file as a whole: after a crash either the old or the new content is there. */
export function replaceFileSync(path: string, content: Buffer | string): void {
  const temporary = `${path}.new`;
  const fd = fs.openSync(temporary, 'w');
  try {
    fs.writeFileSync(fd, content);
    fs.fdatasyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
  fs.renameSync(temporary, path);
  syncDirectory(dirname(path));
}
