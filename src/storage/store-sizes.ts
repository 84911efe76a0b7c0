/** How much the store may hold where, as it was set or as the disk allows. */
import { statfsSync } from 'node:fs';
import type { MessageStoreOptions } from './message-store.ts';
import { PAGE_SIZE } from './page.ts';

/** Bytes of messages in memory, where memory is no matter. */
export const DEFAULT_MESSAGE_MEMORY = 128 * 1024 * 1024;
/** With less there is no room for what is being written and what is being read. */
const LEAST_MESSAGE_MEMORY = 4 * 1024 * 1024;
const UNWRITTEN_LIMIT = 32 * 1024 * 1024;
const LARGEST_JOURNAL_FILE = 64 * 1024 * 1024;

export type StoreSizes = Pick<MessageStoreOptions, 'journalFileBytes' | 'memoryLimitBytes' | 'unwrittenLimitBytes'>;

/** @param directory where messages are kept; null: in memory */
export function storeSizes(
  directory: string | null,
  messageMemoryBytes: number,
  journalFileBytes: number | undefined,
): StoreSizes {
  const diskBytes = directory === null ? Number.POSITIVE_INFINITY : sizeOfDisk(directory);
  return {
    journalFileBytes: Math.max(journalFileBytes ?? defaultJournalFileBytes(diskBytes), PAGE_SIZE),
    memoryLimitBytes: Math.max(messageMemoryBytes, LEAST_MESSAGE_MEMORY),
    // A write that found the disk full must fit once a part of what is on it was consumed.
    unwrittenLimitBytes: Math.min(UNWRITTEN_LIMIT, diskBytes / 8),
  };
}

/** Some file systems do not tell, and say 0. */
function sizeOfDisk(directory: string): number {
  const { blocks, bsize } = statfsSync(directory);
  return blocks * bsize || Number.POSITIVE_INFINITY;
}

/** On a small disk the journal's files are small too, so that consuming frees space soon. */
function defaultJournalFileBytes(diskBytes: number): number {
  return Math.min(LARGEST_JOURNAL_FILE, Math.floor(diskBytes / 16 / PAGE_SIZE) * PAGE_SIZE);
}
