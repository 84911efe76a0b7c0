/**
 * Lines that go to a file of the hour, `NAME.2026_11_26_02`: what writes them is never held up by the disk. Lines that the disk
 * has no time for, or refuses, are left out, which is told once until it takes some again.
 */
import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

export interface HourlyFileOptions {
  readonly directory: string;
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Bytes that wait for the disk. */
const WAITING_BYTES_MAX = 1024 * 1024;

export class HourlyFile {
  readonly #options: HourlyFileOptions;
  #hour = '';
  #stream: WriteStream | null = null;
  #isTold = false;

  /** @throws Error when the directory cannot be made */
  constructor(options: HourlyFileOptions) {
    mkdirSync(options.directory, { recursive: true });
    this.#options = options;
  }

  write(line: string): void {
    const stream = this.#streamOfHour();
    if (stream.writableLength > WAITING_BYTES_MAX) return this.#tell('the disk is too slow');
    stream.write(`${line}\n`);
  }

  /** Resolves when all is written. */
  close(): Promise<void> {
    const stream = this.#stream;
    if (stream === null || stream.closed) return Promise.resolve();
    return new Promise((closed) => {
      stream.once('close', closed);
      stream.end();
    });
  }

  #streamOfHour(): WriteStream {
    const { directory, name, clock } = this.#options;
    const hour = new Date(clock.nowMs()).toISOString().slice(0, 13).replace(/\W/g, '_').replace('T', '_');
    if (this.#stream !== null && this.#hour === hour && !this.#stream.destroyed) return this.#stream;
    this.#stream?.end();
    this.#hour = hour;
    const stream = createWriteStream(join(directory, `${name}.${hour}`), { flags: 'a' });
    stream.on('error', (error) => this.#tell(error.message));
    stream.on('drain', () => {
      this.#isTold = false;
    });
    this.#stream = stream;
    return stream;
  }

  #tell(why: string): void {
    if (this.#isTold) return;
    this.#isTold = true;
    const { directory, name, log } = this.#options;
    log.warning('log', `lines of ${join(directory, name)} are left out: ${why}`);
  }
}
