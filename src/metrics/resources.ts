/** The node's memory and disk: what is watched, what is set at run time, and what is shown of it. */
import type { AlarmOptions, ResourceLimit } from '../config/alarm-options.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Memory } from '../runtime/machine.ts';
import { type Alarm, type AlarmCause, type AlarmedResource, Alarms } from './alarms.ts';
import { DiskAlarm } from './disk-alarm.ts';
import { MemoryAlarm } from './memory-alarm.ts';

/** As they were at the last look: reading them costs nothing. */
export interface ResourceFigures {
  readonly memoryUsedBytes: number;
  readonly memoryLimitBytes: number;
  /** As it was set. */
  readonly memoryHighWatermark: ResourceLimit;
  readonly memoryAlarm: boolean;
  /** Null for a broker in memory. */
  readonly diskFreeBytes: number | null;
  readonly diskFreeLimitBytes: number;
  readonly diskFreeAlarm: boolean;
  /** In the order in which they were raised. */
  readonly alarms: readonly Alarm[];
}

export interface ResourcesOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeName: string;
  readonly memory: Memory;
  /** Null for a broker in memory: it has no disk to watch. */
  readonly freeDiskBytes: (() => Promise<number>) | null;
  readonly settings: AlarmOptions;
  /** An alarm was raised or cleared. */
  changed(cause: AlarmCause): void;
  /** A resource has become low, or is no longer. */
  lowChanged?(resource: AlarmedResource, isLow: boolean): void;
  /** Gives back memory that is kept for later. */
  reclaim(): void;
}

export class Resources {
  readonly alarms: Alarms;
  readonly #memory: MemoryAlarm;
  readonly #disk: DiskAlarm;

  /** @throws RangeError for a limit that is none */
  constructor({
    settings,
    memory,
    freeDiskBytes,
    changed,
    lowChanged = () => undefined,
    reclaim,
    ...common
  }: ResourcesOptions) {
    const alarms = new Alarms({ ...common, changed, lowChanged });
    this.alarms = alarms;
    const { totalMemoryBytes: totalBytes = memory.totalBytes } = settings;
    this.#memory = new MemoryAlarm({
      ...common,
      memory: { ...memory, totalBytes },
      alarms,
      watermark: settings.memoryHighWatermark,
      shortestCheckMs: settings.shortestMemoryCheckMs,
      longestCheckMs: settings.longestMemoryCheckMs,
      reclaim,
    });
    this.#disk = new DiskAlarm({
      ...common,
      alarms,
      limit: settings.diskFreeLimit,
      memoryBytes: totalBytes,
      shortestCheckMs: settings.shortestDiskCheckMs,
      longestCheckMs: settings.longestDiskCheckMs,
      freeBytes: freeDiskBytes,
    });
  }

  /** Resolves when both were looked at: who connects from then on is told of an alarm. */
  async start(): Promise<void> {
    this.#memory.check();
    await this.#disk.check();
  }

  stop(): void {
    this.#memory.stop();
    this.#disk.stop();
  }

  /** What is left below the watermark for messages and all else that comes. */
  get spareMemoryBytes(): number {
    return Math.max(0, this.#memory.limitBytes - this.#memory.usedBytes);
  }

  /** @throws RangeError for what is no limit */
  setMemoryHighWatermark(watermark: ResourceLimit): void {
    this.#memory.setWatermark(watermark);
  }

  /** Resolves once it has taken effect. @throws RangeError for what is no limit */
  setDiskFreeLimit(limit: ResourceLimit): Promise<void> {
    return this.#disk.setLimit(limit);
  }

  figures(): ResourceFigures {
    return {
      memoryUsedBytes: this.#memory.usedBytes,
      memoryLimitBytes: this.#memory.limitBytes,
      memoryHighWatermark: this.#memory.watermark,
      memoryAlarm: this.alarms.isLow('memory'),
      diskFreeBytes: this.#disk.freeBytes,
      diskFreeLimitBytes: this.#disk.limitBytes,
      diskFreeAlarm: this.alarms.isLow('disk'),
      alarms: this.alarms.inForce,
    };
  }
}
