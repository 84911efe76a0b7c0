/** From the settings of memory and disk to what the broker is given. */
import type { AlarmOptions, ResourceLimit } from '../broker.ts';
import type { Settings } from '../config/settings.ts';
import { given } from './listening-options.ts';

export function alarmOptions(settings: Settings): Partial<AlarmOptions> {
  const { memoryWatermarkRelative, memoryWatermarkAbsolute, diskFreeLimitRelative, diskFreeLimitAbsolute } = settings;
  const { memoryPagingRatio, longestMemoryCheckMs, totalMemoryBytes } = settings;
  return given({
    totalMemoryBytes,
    memoryHighWatermark: limitOf(memoryWatermarkRelative, memoryWatermarkAbsolute),
    memoryPagingRatio,
    longestMemoryCheckMs,
    diskFreeLimit: limitOf(diskFreeLimitRelative, diskFreeLimitAbsolute),
  });
}

/** A share goes before a number of bytes, as in RabbitMQ. */
function limitOf(relative: number | undefined, absolute: number | undefined): ResourceLimit | undefined {
  if (relative !== undefined) return { relative };
  return absolute === undefined ? undefined : { absolute };
}
