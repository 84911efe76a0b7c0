/**
 * Names the process that has a data directory, for people and for messages. It is no lock: after a crash the number in it may be
 * that of any process, and in a container it often is. The lock is the kernel's, on the metadata's file (sqlite-store.ts).
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const NAME = 'leveret.pid';

/** To be called by who has the directory. @returns what removes the file */
export function writePidFile(directory: string): () => void {
  const path = join(directory, NAME);
  writeFileSync(path, `${process.pid}\n`);
  return () => rmSync(path, { force: true });
}

/** "process 4711", or "another process" when the file does not tell. */
export function describeHolder(directory: string): string {
  try {
    const pid = Number.parseInt(readFileSync(join(directory, NAME), 'utf8'), 10);
    if (pid === process.pid) return `a broker in this process (${pid})`;
    if (pid > 0) return `process ${pid}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return 'another process';
}
