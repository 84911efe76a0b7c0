/** What the machine has of memory and disk, and what this process takes of it. */
import { statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export interface Memory {
  /** Of the machine, or of the container (cgroup) where that may use less. */
  readonly totalBytes: number;
  /** What the process takes of it (RSS). */
  residentBytes(): number;
  /** Garbage goes now: a process that has become idle would keep it. Takes some milliseconds. */
  collectGarbage(): void;
}

let collect: (() => void) | null = null;

export const systemMemory: Memory = {
  get totalBytes() {
    const constrainedBytes = process.constrainedMemory();
    return constrainedBytes > 0 ? Math.min(totalmem(), constrainedBytes) : totalmem();
  },
  residentBytes: () => process.memoryUsage.rss(),
  collectGarbage() {
    collect ??= garbageCollector();
    collect();
  },
};

/** V8 gives the function to contexts that are made while its flag is set: to this one, and to no other of the program. */
function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  try {
    return runInNewContext('gc') as () => void;
  } finally {
    setFlagsFromString('--no-expose-gc');
  }
}

/** Bytes that this user may still write where the directory is. @throws as `statfs(2)` does */
export async function freeDiskBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}
