/** When a journal file is written anew without what is not needed of it any more, and how fast. docs/storage.md has it for users. */
export interface CompactionOptions {
  /** A file is compacted when at least this share of what it takes on the disk is not needed. From 1 on none is. */
  readonly ratio: number;
  /** How much is read and written for it in a second. */
  readonly bytesPerSecond: number;
  /** How often it is looked for such files. One of which much goes between two looks is left alone. */
  readonly intervalMs: number;
}

export const DEFAULT_COMPACTION: CompactionOptions = {
  ratio: 0.5,
  bytesPerSecond: 16 * 1024 * 1024,
  intervalMs: 15_000,
};
