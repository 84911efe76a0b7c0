/**
 * Tells when files have changed. They are looked at again and again, not watched by the system: what replaces a file, a link or
 * the directory that links lead to (as secrets that are mounted do) is noticed alike, on any file system.
 *
 *   as it was --differs--> changing --same again--> told, as it was
 *
 * Files that belong together are seldom replaced at one stroke: they are left alone until they have been the same twice.
 */
import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Clock, Timer } from './clock.ts';

export const WATCH_PERIOD_MS = 2000;

interface FileMarks {
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

export class WatchedFiles {
  readonly #paths: readonly string[];
  readonly #changed: () => void;
  readonly #timer: Timer;
  #seen: string;
  #isChanging = false;
  #isLooking = false;
  #isClosed = false;

  /** What is there now is what is known of: to be made before the files are read. */
  constructor(paths: readonly string[], clock: Clock, changed: () => void) {
    this.#paths = paths;
    this.#changed = changed;
    this.#seen = paths.map(marksNow).join();
    this.#timer = clock.every(WATCH_PERIOD_MS, () => this.#look());
  }

  close(): void {
    this.#isClosed = true;
    this.#timer.cancel();
  }

  /** Not while the last look lasts: a file system that hangs must not hold up anything else. */
  #look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const looks = this.#paths.map((path) => stat(path, { bigint: true }).then(marksOf, () => NOT_THERE));
    Promise.all(looks).then((marks) => {
      this.#isLooking = false;
      if (!this.#isClosed) this.#take(marks.join());
    });
  }

  #take(marks: string): void {
    if (marks !== this.#seen) {
      this.#seen = marks;
      this.#isChanging = true;
    } else if (this.#isChanging) {
      this.#isChanging = false;
      this.#changed();
    }
  }
}

/** Of a file that is not there, or that may not be looked at. */
const NOT_THERE = 'none';

function marksNow(path: string): string {
  try {
    return marksOf(statSync(path, { bigint: true }));
  } catch {
    return NOT_THERE;
  }
}

function marksOf({ ino, size, mtimeNs, ctimeNs }: FileMarks): string {
  return [ino, size, mtimeNs, ctimeNs].join(' ');
}
