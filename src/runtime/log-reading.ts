/**
 * Reading a log file while it is written: its last lines, and what has come since.
 *
 * Where somebody has read up to is a file (its inode) and an offset in it. When another file has the name by then, it was rotated:
 * what is left of the old one, which is called `.0` now, comes first.
 */
import { type FileHandle, open } from 'node:fs/promises';

export interface LogCursor {
  readonly inode: number;
  readonly offset: number;
}

export interface LogRead {
  readonly lines: readonly string[];
  readonly cursor: LogCursor;
}

const CHUNK_SIZE = 64 * 1024;
/** What is read at a time of what has come since; the rest is for the next time. */
const NEW_BYTES_MAX = 4 * 1024 * 1024;
const LINE_END = 10;

export function writtenCursor({ inode, offset }: LogCursor): string {
  return `${inode}:${offset}`;
}

/** Null for what is none. */
export function readCursor(text: string): LogCursor | null {
  const [, inode, offset] = /^(\d+):(\d+)$/.exec(text) ?? [];
  return inode === undefined ? null : { inode: Number(inode), offset: Number(offset) };
}

/** @throws Error of the file system */
export async function lastLines(path: string, count: number): Promise<LogRead> {
  await using file = await open(path);
  const { ino: inode, size } = await file.stat();
  const end = await endOfLines(file, size);
  const start = await startOfLast(file, end, count);
  return { lines: await linesIn(file, start, end), cursor: { inode, offset: end } };
}

/** Whole lines alone. @throws Error of the file system */
export async function linesSince(path: string, { inode, offset }: LogCursor): Promise<LogRead> {
  await using file = await open(path);
  const { ino, size } = await file.stat();
  if (ino === inode) return await since(file, inode, offset, size);
  const rest = await restOf(`${path}.0`, inode, offset);
  const fresh = await since(file, ino, 0, size);
  return { lines: [...rest, ...fresh.lines], cursor: fresh.cursor };
}

async function since(file: FileHandle, inode: number, offset: number, size: number): Promise<LogRead> {
  const end = await endOfLines(file, Math.min(size, offset + NEW_BYTES_MAX));
  return { lines: await linesIn(file, offset, end), cursor: { inode, offset: Math.max(offset, end) } };
}

/** Empty where the old file is gone. */
async function restOf(path: string, inode: number, offset: number): Promise<readonly string[]> {
  try {
    await using file = await open(path);
    const { ino, size } = await file.stat();
    return ino === inode ? (await since(file, ino, offset, size)).lines : [];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Behind the last end of a line before `end`. */
async function endOfLines(file: FileHandle, end: number): Promise<number> {
  return startOfLast(file, end, 0);
}

/** Where the last `count` lines begin, of those that end before `end`. */
async function startOfLast(file: FileHandle, end: number, count: number): Promise<number> {
  const chunk = Buffer.allocUnsafe(CHUNK_SIZE);
  let left = count;
  for (let chunkEnd = end; chunkEnd > 0; chunkEnd -= CHUNK_SIZE) {
    const start = Math.max(0, chunkEnd - CHUNK_SIZE);
    const { bytesRead } = await file.read(chunk, 0, chunkEnd - start, start);
    for (let index = bytesRead - 1; index >= 0; index--) {
      if (chunk[index] === LINE_END && left-- === 0) return start + index + 1;
    }
  }
  return 0;
}

async function linesIn(file: FileHandle, start: number, end: number): Promise<string[]> {
  if (end <= start) return [];
  const bytes = Buffer.allocUnsafe(end - start);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
  return bytes.toString('utf8', 0, bytesRead).split('\n').slice(0, -1);
}
