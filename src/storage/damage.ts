/** What is damaged is put aside, under `damaged/` beside the journal, and told: nothing is thrown away or skipped in silence. */
import * as fs from 'node:fs';
import { basename, join } from 'node:path';
import { readFullySync } from '../runtime/disk.ts';
import type { Log } from '../runtime/log.ts';

export class DamageReport {
  /** One sentence each. */
  readonly sentences: string[] = [];
  readonly #folder: string;
  readonly #log: Log;
  readonly #told = new Set<string>();

  constructor(directory: string, log: Log) {
    this.#folder = join(directory, 'damaged');
    this.#log = log;
  }

  tell(sentence: string): void {
    this.sentences.push(sentence);
    this.#log.error('journal', sentence);
  }

  /** What is no damage, or not yet. */
  warn(sentence: string): void {
    this.#log.warning('journal', sentence);
  }

  /** Bytes of a journal file that do not fit their checksum. They are told once, however often they are read. */
  tellBroken(path: string, offset: number, length: number): void {
    const place = `${path} is damaged at offset ${offset}`;
    if (this.#told.has(place)) return;
    this.#told.add(place);
    const copy = this.copy(path, offset, length);
    this.tell(`${place} (${length} bytes): messages that stood there are lost; ${copy}`);
  }

  /** Copies a part of a file. @returns where it went, for a sentence. */
  copy(path: string, offset: number, length: number): string {
    return this.#attempt(`${basename(path)}.${offset}`, (target) => {
      const bytes = Buffer.alloc(length);
      // A descriptor of its own: the journal's may ask for aligned memory.
      const fd = fs.openSync(path, 'r');
      try {
        fs.writeFileSync(target, bytes.subarray(0, readFullySync(fd, bytes, offset)));
      } finally {
        fs.closeSync(fd);
      }
    });
  }

  /** Moves a whole file. @returns where it went, for a sentence. */
  move(path: string): string {
    return this.#attempt(basename(path), (target) => fs.renameSync(path, target));
  }

  /** A disk that is full must not keep the broker from starting. */
  #attempt(name: string, work: (target: string) => void): string {
    const target = join(this.#folder, name);
    try {
      fs.mkdirSync(this.#folder, { recursive: true });
      work(target);
      return `it was set aside in ${target}`;
    } catch (error) {
      return `it could not be set aside (${(error as Error).message})`;
    }
  }
}
