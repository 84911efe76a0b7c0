/** How many files and sockets this process has open, and may have. */
import { readdirSync, readFileSync, statSync } from 'node:fs';

/** Undefined where the system does not tell. */
export function openFiles(): number | undefined {
  try {
    // Linux from 6.2 on has the number there, and need not list them.
    return statSync('/proc/self/fd').size || readdirSync('/proc/self/fd').length - 1;
  } catch {
    return undefined;
  }
}

/** The soft limit; undefined where the system does not tell, or sets none. */
export function openFilesMax(): number | undefined {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return found === null ? undefined : Number(found[1]);
  } catch {
    return undefined;
  }
}
