/**
 * The files that a log had before: `leveret.log.0` is the newest of them, and with compression `leveret.log.0.gz`.
 *
 * One is compressed at a time, beside everything else. Files move on while that goes on: what is being read stays open whatever
 * it is called, and the result gets the name that belongs to it by then. What a crash has left uncompressed comes next time.
 */
import * as fs from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

export interface OldLogFilesOptions {
  /** Of the file that is written to. */
  readonly path: string;
  readonly count: number;
  readonly isCompressed: boolean;
  /** Of a file that could not be compressed: it stays as it is. */
  failed(reason: string): void;
}

const SUFFIX = '.gz';

export class OldLogFiles {
  readonly #options: OldLogFilesOptions;
  readonly #draft: string;
  /** Which one is being compressed; below 0 when none is. */
  #compressing = -1;
  readonly #ended = new AbortController();

  constructor(options: OldLogFilesOptions) {
    this.#options = options;
    this.#draft = `${options.path}.compressing`;
    removeIfThere(this.#draft);
  }

  /** The file that was written to becomes the newest old one, and the oldest goes. @throws Error of the file system */
  take(mode: number): void {
    const { path, count, isCompressed } = this.#options;
    if (count === 0) return removeIfThere(path);
    this.#remove(count - 1);
    for (let number = count - 1; number > 0; number--) this.#move(number - 1, number);
    if (fs.existsSync(path)) fs.renameSync(path, this.#pathOf(0));
    if (this.#compressing >= 0) this.#compressing++;
    else if (isCompressed) void this.#compress(mode);
  }

  /** What is being compressed stays as it is. */
  close(): void {
    this.#ended.abort();
  }

  #pathOf(number: number): string {
    return `${this.#options.path}.${number}`;
  }

  #remove(number: number): void {
    for (const suffix of ['', SUFFIX]) removeIfThere(this.#pathOf(number) + suffix);
  }

  #move(from: number, to: number): void {
    for (const suffix of ['', SUFFIX]) {
      const path = this.#pathOf(from) + suffix;
      if (fs.existsSync(path)) fs.renameSync(path, this.#pathOf(to) + suffix);
    }
  }

  async #compress(mode: number): Promise<void> {
    const { signal } = this.#ended;
    try {
      for (let next = this.#next(); next >= 0; next = this.#next()) {
        this.#compressing = next;
        const streams = [
          fs.createReadStream(this.#pathOf(next)),
          createGzip(),
          fs.createWriteStream(this.#draft, { mode }),
        ] as const;
        await pipeline(...streams, { signal });
        this.#finish(this.#compressing);
      }
    } catch (error) {
      // Nothing more can be done about it than to try: the next one writes over what is left.
      fs.rm(this.#draft, { force: true }, () => undefined);
      if (!signal.aborted) this.#options.failed((error as NodeJS.ErrnoException).code ?? (error as Error).message);
    } finally {
      this.#compressing = -1;
    }
  }

  #next(): number {
    for (let number = this.#options.count - 1; number >= 0; number--) {
      if (fs.existsSync(this.#pathOf(number))) return number;
    }
    return -1;
  }

  /** So many have come since that it may be none of those that are kept. */
  #finish(number: number): void {
    if (number >= this.#options.count) return removeIfThere(this.#draft);
    fs.renameSync(this.#draft, this.#pathOf(number) + SUFFIX);
    removeIfThere(this.#pathOf(number));
  }
}

function removeIfThere(path: string): void {
  try {
    fs.unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
