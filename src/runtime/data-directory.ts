/** The directory that a broker keeps its data in: made if it is not there, and refused in words where it cannot be used. */
import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** @throws Error that says what is wrong with the directory. */
export function openDataDirectory(path: string): void {
  try {
    makeDirectory(path);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Error(`the data directory ${path} cannot be used: ${reason(error as NodeJS.ErrnoException)}`, {
      cause: error,
    });
  }
}

/**
 * With those above it. Node's own `recursive` never returns where the kernel says ENOENT of a directory that is there, as it does
 * below /proc.
 */
export function makeDirectory(path: string, parentIsThere = false): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(path).isDirectory()) return;
    if (code !== 'ENOENT' || parentIsThere || dirname(path) === path) throw error;
    makeDirectory(dirname(path));
    makeDirectory(path, true);
  }
}

function reason({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'EEXIST':
    case 'ENOTDIR':
      return 'there is a file of that name, or of a parent directory';
    case 'EACCES':
    case 'EPERM':
      return 'this user may not write there';
    case 'EROFS':
      return 'the file system is read-only';
    default:
      return message;
  }
}
