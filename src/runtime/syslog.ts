/**
 * Lines to a syslog server. Nothing waits for it: lines are queued, up to a limit, while it cannot be reached or does not take them,
 * and what does not fit is dropped and told of in the other outputs.
 *
 *   opening --> open --> waiting (longer each time) --> opening --> ...
 *
 * A line leaves the queue when the operating system has it; what a connection had not taken is sent again on the next one.
 */
import type { Clock, Timer } from './clock.ts';
import type { Log, LogEntry, LogLevel, LogOutput } from './log.ts';
import { type FormatSyslog, isTls, syslogFormat } from './syslog-format.ts';
import { openLink, placeOf, type SyslogLink, type SyslogPlace, secureContextOf } from './syslog-link.ts';
import type { SyslogLogOptions } from './syslog-options.ts';

const CATEGORY = 'syslog';
export const QUEUE_BYTES_MAX = 1024 * 1024;
const WRITE_BYTES_MAX = 64 * 1024;
const FIRST_WAIT_MS = 100;
const WAIT_MS_MAX = 30_000;
/** A connection that was there so long was a good one. */
const GOOD_MS = 60_000;

export class Syslog implements LogOutput {
  level: LogLevel;
  /** What is said of the server is not for the server. */
  readonly without: ReadonlySet<string> = new Set([CATEGORY]);
  readonly #format: FormatSyslog;
  readonly #place: SyslogPlace;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #name: string;
  readonly #queue: Buffer[] = [];
  #queuedBytes = 0;
  /** Of the queue, its first ones: they are being written. */
  #writingCount = 0;
  #link: SyslogLink | null = null;
  #isOpen = false;
  #openedAtMs = 0;
  #waitMs = FIRST_WAIT_MS;
  #timer: Timer | null = null;
  #isFailing = false;
  #droppedCount = 0;
  #isClosed = false;

  /** @throws Error that says which setting makes no sense, or which file cannot be read */
  constructor(options: SyslogLogOptions, clock: Clock, log: Log) {
    this.level = options.level ?? 'info';
    this.#format = syslogFormat(options);
    this.#place = placeOf(options);
    this.#clock = clock;
    this.#log = log;
    const { host, port, transport, tls } = this.#place;
    this.#name = `the syslog server ${host}:${port} (${transport})`;
    if (isTls(options)) secureContextOf(tls);
    this.#open();
  }

  write(entry: LogEntry): void {
    if (this.#isClosed) return;
    for (const message of this.#format(entry)) this.#put(message);
    this.#flush();
  }

  /** Sends what is left, if that is possible at once. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#link?.end(this.#queue.slice(this.#writingCount));
  }

  #put(message: Buffer): void {
    if (this.#queuedBytes + message.length > QUEUE_BYTES_MAX) return this.#drop();
    this.#queue.push(message);
    this.#queuedBytes += message.length;
  }

  /** Told of later: this is in the midst of another line. */
  #drop(): void {
    if (this.#droppedCount++ > 0) return;
    queueMicrotask(() => {
      this.#log.error(
        CATEGORY,
        `${this.#name} does not take lines, and too many wait for it: from now on they are dropped`,
      );
    });
  }

  #open(): void {
    this.#timer = null;
    const events = { opened: () => this.#opened(), failed: (reason: string) => this.#failed(reason) };
    try {
      this.#link = openLink(this.#place, events);
    } catch (error) {
      this.#failed((error as Error).message);
    }
  }

  #opened(): void {
    if (this.#isClosed) return;
    this.#isOpen = true;
    this.#openedAtMs = this.#clock.monotonicMs();
    this.#flush();
  }

  #failed(reason: string): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#isOpen && nowMs - this.#openedAtMs >= GOOD_MS) this.#waitMs = FIRST_WAIT_MS;
    this.#link = null;
    this.#isOpen = false;
    this.#writingCount = 0;
    if (this.#isClosed) return;
    if (!this.#isFailing) {
      this.#isFailing = true;
      this.#log.warning(CATEGORY, `${this.#name} cannot be sent to: ${reason}. Lines wait, and it is tried again`);
    }
    this.#timer = this.#clock.after(this.#waitMs, () => this.#open());
    this.#waitMs = Math.min(2 * this.#waitMs, WAIT_MS_MAX);
  }

  #flush(): void {
    if (!this.#isOpen || this.#writingCount > 0 || this.#queue.length === 0) return;
    let bytes = 0;
    let count = 0;
    while (count < this.#queue.length && (count === 0 || bytes + this.#queue[count]!.length <= WRITE_BYTES_MAX)) {
      bytes += this.#queue[count++]!.length;
    }
    this.#writingCount = count;
    const link = this.#link;
    link?.write(this.#queue.slice(0, count), () => {
      if (link === this.#link && !this.#isClosed) this.#written(count, bytes);
    });
  }

  #written(count: number, bytes: number): void {
    this.#writingCount = 0;
    this.#queue.splice(0, count);
    this.#queuedBytes -= bytes;
    if (this.#queue.length > 0) this.#flush();
    else if (this.#isFailing || this.#droppedCount > 0) this.#recovered();
  }

  #recovered(): void {
    const dropped = this.#droppedCount;
    this.#isFailing = false;
    this.#droppedCount = 0;
    const lost = dropped === 0 ? 'none was dropped' : `${dropped} were dropped`;
    const message = `${this.#name} takes lines again; ${lost}`;
    this.#log.warning(CATEGORY, message);
    if (dropped > 0) this.write({ atMs: this.#clock.nowMs(), level: 'warning', category: CATEGORY, message });
  }
}
