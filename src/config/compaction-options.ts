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

const LEAST_BYTES_PER_SECOND = 64 * 1024;
const LEAST_INTERVAL_MS = 10;

/** @throws RangeError for what is no share, or so little that nothing would ever be done */
export function compactionOptions(given: Partial<CompactionOptions> = {}): CompactionOptions {
  const options = { ...DEFAULT_COMPACTION, ...given };
  const least = { ratio: 0, bytesPerSecond: LEAST_BYTES_PER_SECOND, intervalMs: LEAST_INTERVAL_MS };
  for (const name of ['ratio', 'bytesPerSecond', 'intervalMs'] as const) {
    if (options[name] >= least[name]) continue;
    throw new RangeError(`compaction.${name} is a number from ${least[name]} up, not ${options[name]}`);
  }
  return options;
}
