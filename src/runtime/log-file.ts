/**
 * A log file that is rotated: `leveret.log`, before it `leveret.log.0`, before that `.1`, and so on, compressed or not.
 *
 * A line is written when it is said, so that the last ones before a crash are there. Whatever goes wrong with the file never goes
 * further than here: lines that could not be written are counted, and told of once it works again. Somebody else may move the file
 * away (logrotate does): then a new one is made.
 */
import * as fs from 'node:fs';
import type { Clock } from './clock.ts';
import { OldLogFiles } from './old-log-files.ts';
import { nextRotationMs, type RotationDate } from './rotation-date.ts';

export interface LogRotation {
  /** Null: not by date. */
  readonly date: RotationDate | null;
  /** A file that has this many is rotated; infinity is no limit. */
  readonly sizeBytes: number;
  /** How many old files are kept. */
  readonly count: number;
  /** Whether they are compressed with gzip. */
  readonly compress: boolean;
}

export interface LogFileOptions {
  readonly path: string;
  readonly rotation: LogRotation;
  readonly clock: Clock;
  /** What is written of lines that are lost: `12 lines could not be written (ENOSPC)`. */
  note(text: string): string;
}

/** How often it is looked whether the file is still where it was. */
const LOOK_MS = 1_000;
/** After a rotation that failed: until then the file goes on growing. */
const RETRY_MS = 60_000;
/** Names of users and addresses of clients are not for everybody. */
const MODE = 0o640;

export class LogFile {
  readonly path: string;
  readonly #options: LogFileOptions;
  readonly #old: OldLogFiles;
  #fd = -1;
  #isClosed = false;
  #inode = -1;
  #sizeBytes = 0;
  #dueAtMs = Number.POSITIVE_INFINITY;
  #lookAtMs = Number.NEGATIVE_INFINITY;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  #lostCount = 0;
  #lostCode = '';

  /** @throws Error of the file system when it cannot be written */
  constructor(options: LogFileOptions) {
    this.path = options.path;
    this.#options = options;
    const { count, compress: isCompressed } = options.rotation;
    const failed = (reason: string) => this.write(options.note(`${this.path}.* could not be compressed (${reason})`));
    this.#old = new OldLogFiles({ path: this.path, count, isCompressed, failed });
    this.#open();
  }

  write(lines: string): void {
    if (this.#isClosed) return;
    try {
      this.#look();
      const bytes = Buffer.from(this.#lostCount > 0 ? this.#lossNote() + lines : lines);
      if (this.#isFull(bytes.length)) this.#tryToRotate();
      this.#append(bytes);
      this.#lostCount = 0;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      this.#lostCount++;
      this.#lostCode = code ?? message;
    }
  }

  /** At once, whatever its size. @throws Error of the file system */
  rotate(): void {
    this.#old.take(MODE);
    this.#open();
  }

  /** What is written afterwards is written nowhere. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#old.close();
    fs.closeSync(this.#fd);
  }

  #lossNote(): string {
    return this.#options.note(`${this.#lostCount} lines could not be written (${this.#lostCode})`);
  }

  #open(): void {
    const fd = fs.openSync(this.path, 'a', MODE);
    if (this.#fd >= 0) fs.closeSync(this.#fd);
    this.#fd = fd;
    const { ino, size, mtimeMs } = fs.fstatSync(fd);
    this.#inode = ino;
    this.#sizeBytes = size;
    const nowMs = this.#options.clock.nowMs();
    const { date } = this.#options.rotation;
    if (date !== null) this.#dueAtMs = nextRotationMs(date, size > 0 ? Math.min(mtimeMs, nowMs) : nowMs);
  }

  #append(bytes: Buffer): void {
    for (let done = 0; done < bytes.length; ) done += fs.writeSync(this.#fd, bytes, done);
    this.#sizeBytes += bytes.length;
  }

  #isFull(addedBytes: number): boolean {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs < this.#retryAtMs || this.#sizeBytes === 0) return false;
    return nowMs >= this.#dueAtMs || this.#sizeBytes + addedBytes > this.#options.rotation.sizeBytes;
  }

  /** One that cannot be rotated is written on. */
  #tryToRotate(): void {
    try {
      this.rotate();
    } catch (error) {
      this.#retryAtMs = this.#options.clock.nowMs() + RETRY_MS;
      const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      this.#append(Buffer.from(this.#options.note(`${this.path} could not be rotated (${reason})`)));
    }
  }

  #look(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs < this.#lookAtMs) return;
    this.#lookAtMs = nowMs + LOOK_MS;
    const there = fs.statSync(this.path, { throwIfNoEntry: false });
    if (there?.ino !== this.#inode) this.#open();
  }
}
