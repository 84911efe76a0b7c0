/**
 * Watches the room that is left where the messages are, and raises the alarm while it is less than the limit: every ten seconds
 * with plenty of room, and up to ten times a second close to it.
 */
import { bytesOf, type ResourceLimit } from '../config/alarm-options.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Alarms } from './alarms.ts';
import { nextLookMs } from './next-look.ts';

export interface DiskAlarmOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly alarms: Alarms;
  readonly limit: ResourceLimit;
  /** What a relative limit is relative to. */
  readonly memoryBytes: number;
  readonly shortestCheckMs: number;
  readonly longestCheckMs: number;
  /** How much is free. Null for a broker without a disk: then nothing is watched. */
  readonly freeBytes: (() => Promise<number>) | null;
}

export class DiskAlarm {
  readonly #options: DiskAlarmOptions;
  #timer: Timer | null = null;
  #checks = 0;
  #stopped = false;
  #isLow = false;
  #failed = false;
  limitBytes = 0;
  /** At the last look; null before the first one, and without a disk. */
  freeBytes: number | null = null;

  /** @throws RangeError for a limit that is none */
  constructor(options: DiskAlarmOptions) {
    this.#options = options;
    this.#setLimit(options.limit);
  }

  /** Takes effect before it resolves. @throws RangeError for what is no limit */
  setLimit(limit: ResourceLimit): Promise<void> {
    this.#setLimit(limit);
    return this.check();
  }

  #setLimit(limit: ResourceLimit): void {
    const { memoryBytes, log } = this.#options;
    this.limitBytes = bytesOf(limit, memoryBytes);
    log.info('disk', `Disk free limit set to ${Math.trunc(this.limitBytes / 1e6)}MB`);
  }

  /** Looks now, and from then on again and again. A look that a later one has overtaken counts for nothing. */
  async check(): Promise<void> {
    const { clock, freeBytes: look } = this.#options;
    if (look === null || this.#stopped) return;
    this.#timer?.cancel();
    const number = ++this.#checks;
    const freeBytes = await this.#look(look);
    if (this.#stopped || number !== this.#checks) return;
    if (freeBytes !== null) this.#take(freeBytes);
    this.#timer = clock.after(this.#nextCheckMs(), () => void this.check());
  }

  async #look(look: () => Promise<number>): Promise<number | null> {
    try {
      const freeBytes = await look();
      this.#failed = false;
      return freeBytes;
    } catch (error) {
      // What was known stays true until it is known better.
      if (!this.#failed) this.#options.log.warning('disk', `free space is not known: ${(error as Error).message}`);
      this.#failed = true;
      return null;
    }
  }

  #take(freeBytes: number): void {
    const { alarms, log } = this.#options;
    this.freeBytes = freeBytes;
    const isLow = freeBytes < this.limitBytes;
    if (isLow !== this.#isLow) {
      const state = isLow ? 'insufficient' : 'sufficient';
      log.info('disk', `Free disk space is ${state}. Free bytes: ${freeBytes}. Limit: ${this.limitBytes}`);
    }
    this.#isLow = isLow;
    alarms.set('disk', isLow);
  }

  #nextCheckMs(): number {
    const { shortestCheckMs, longestCheckMs } = this.#options;
    if (this.#isLow || this.freeBytes === null) return longestCheckMs;
    return nextLookMs(this.freeBytes - this.limitBytes, shortestCheckMs, longestCheckMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }
}
