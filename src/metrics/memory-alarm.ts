/**
 * Watches the memory of this process, and raises the alarm while it takes more than the watermark. As with the disk, it looks
 * more often close to it: what publishers can add in RabbitMQ's two and a half seconds is more than a small machine has.
 *
 * Resident memory counts what the process keeps for later and garbage that nobody has collected yet: an idle process would hold
 * on to both for good, and the alarm would never clear. So what can be given back is given back before it is raised, and again
 * while it is in force; as seldom as is needed for that to take no more than a twentieth of the time.
 */
import { bytesOf, type ResourceLimit } from '../config/alarm-options.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Memory } from '../runtime/machine.ts';
import type { Alarms } from './alarms.ts';
import { nextLookMs } from './next-look.ts';

const RECLAIM_SHARE_OF_TIME = 1 / 20;

export interface MemoryAlarmOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly memory: Memory;
  readonly alarms: Alarms;
  readonly watermark: ResourceLimit;
  readonly shortestCheckMs: number;
  readonly longestCheckMs: number;
  /** Gives back what is kept for later. Garbage goes after it. */
  reclaim(): void;
}

export class MemoryAlarm {
  readonly #options: MemoryAlarmOptions;
  #timer: Timer | null = null;
  #stopped = false;
  #reclaimAgainAtMs = Number.NEGATIVE_INFINITY;
  #isHigh = false;
  watermark: ResourceLimit;
  limitBytes = 0;
  /** At the last look. */
  usedBytes = 0;

  /** @throws RangeError for a watermark that is none */
  constructor(options: MemoryAlarmOptions) {
    this.#options = options;
    this.watermark = options.watermark;
    this.#setWatermark(options.watermark);
    this.usedBytes = options.memory.residentBytes();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Takes effect at once. @throws RangeError for what is no limit */
  setWatermark(watermark: ResourceLimit): void {
    this.#setWatermark(watermark);
    this.check();
  }

  #setWatermark(watermark: ResourceLimit): void {
    const { memory, log } = this.#options;
    const { totalBytes } = memory;
    this.limitBytes = Math.min(bytesOf(watermark, totalBytes), totalBytes);
    this.watermark = watermark;
    log.info('memory', `Memory high watermark set to ${inMib(this.limitBytes)} of ${inMib(totalBytes)} total`);
  }

  /** Looks now, and from then on again and again. */
  check(): void {
    if (this.#stopped) return;
    this.#look();
    const { clock, shortestCheckMs, longestCheckMs } = this.#options;
    const roomBytes = this.limitBytes - this.usedBytes;
    const inMs = this.#isHigh ? longestCheckMs : nextLookMs(roomBytes, shortestCheckMs, longestCheckMs);
    this.#timer?.cancel();
    this.#timer = clock.after(inMs, () => this.check());
  }

  #look(): void {
    const { memory, alarms } = this.#options;
    this.usedBytes = memory.residentBytes();
    if (this.usedBytes > this.limitBytes && this.#reclaim()) this.usedBytes = memory.residentBytes();
    const isHigh = this.usedBytes > this.limitBytes;
    if (isHigh !== this.#isHigh) this.#tell(isHigh);
    this.#isHigh = isHigh;
    alarms.set('memory', isHigh);
  }

  #tell(isHigh: boolean): void {
    const { log } = this.#options;
    const state = isHigh ? 'set' : 'clear';
    log.info('memory', `vm_memory_high_watermark ${state}. Memory used:${this.usedBytes} allowed:${this.limitBytes}`);
  }

  /** @returns false when it was done so lately that it would take too much time again */
  #reclaim(): boolean {
    const { clock, memory, reclaim } = this.#options;
    const startedAtMs = clock.monotonicMs();
    if (startedAtMs < this.#reclaimAgainAtMs) return false;
    reclaim();
    memory.collectGarbage();
    const endedAtMs = clock.monotonicMs();
    this.#reclaimAgainAtMs = endedAtMs + (endedAtMs - startedAtMs) / RECLAIM_SHARE_OF_TIME;
    return true;
  }
}

function inMib(bytes: number): string {
  return `${Math.trunc(bytes / 1024 ** 2)} MiB (${bytes} bytes)`;
}
