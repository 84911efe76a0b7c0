/** When publishers are stopped for want of memory or disk. The settings have RabbitMQ's names; docs/alarms.md has them for users. */

/** A number of bytes, or a share of the machine's memory (of the container's, where that is less). */
export type ResourceLimit = { readonly absolute: number } | { readonly relative: number };

export interface AlarmOptions {
  /** What shares of the memory are shares of. Default: the machine's, or the container's where that is less. */
  readonly totalMemoryBytes?: number;
  /** Publishers are blocked while the process takes more memory than this. At most all there is. */
  readonly memoryHighWatermark: ResourceLimit;
  /** Messages are moved to disk at this share of what the watermark leaves for them, where `messageMemoryBytes` is not set. */
  readonly memoryPagingRatio: number;
  /** How often memory is looked at close to the watermark. */
  readonly shortestMemoryCheckMs: number;
  /** How often it is looked at far from the watermark, or in an alarm. */
  readonly longestMemoryCheckMs: number;
  /** Publishers are blocked while less than this is free where the messages are. */
  readonly diskFreeLimit: ResourceLimit;
  /** How often the disk is looked at when it might be full within as long. */
  readonly shortestDiskCheckMs: number;
  /** How often it is looked at when there is room for long, or an alarm. */
  readonly longestDiskCheckMs: number;
}

export const DEFAULT_ALARMS: AlarmOptions = {
  memoryHighWatermark: { relative: 0.4 },
  memoryPagingRatio: 0.5,
  shortestMemoryCheckMs: 100,
  longestMemoryCheckMs: 2_500,
  diskFreeLimit: { absolute: 50_000_000 },
  shortestDiskCheckMs: 100,
  longestDiskCheckMs: 10_000,
};

/** @throws RangeError for what is no number of bytes and no share */
export function bytesOf(limit: ResourceLimit, memoryBytes: number): number {
  const value = 'absolute' in limit ? limit.absolute : limit.relative;
  if (!(Number.isFinite(value) && value >= 0)) {
    throw new RangeError(`a limit of memory or disk is a number from 0 up, not ${value}`);
  }
  return Math.floor('absolute' in limit ? value : value * memoryBytes);
}
