/** One broker a data directory: a lock file that names the process, taken over when that process is gone. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @returns what gives the directory back. @throws Error that names the process which has it. */
export function lockDirectory(directory: string): () => void {
  const path = join(directory, 'leveret.pid');
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(path, `${process.pid}\n`, { flag: 'wx' });
      held.add(path);
      return () => {
        held.delete(path);
        rmSync(path, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
      if (isOther(pid, path)) {
        throw new Error(
          `the data directory ${directory} is in use by process ${pid}: stop it, or choose another --data-dir`,
        );
      }
      rmSync(path, { force: true });
    }
  }
  throw new Error(`the data directory ${directory} was taken by another process at the same moment; try again`);
}

/** Paths that this process has locked: its own pid in a lock file may also be left from an earlier life. */
const held = new Set<string>();

function isOther(pid: number, path: string): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  if (pid === process.pid) return held.has(path);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
