/**
 * The journal of the floor: pages go to a file as they are, one write and one fdatasync after the other for whatever came in
 * meanwhile. The file is used round and round, so that a long run does not fill the disk.
 */

import fs from 'node:fs';
import type { FloorLog, LogPage } from './floor-log.ts';

const journalBytes = 256 * 1024 * 1024;

export class FloorJournal {
  busy = false;
  readonly #fileDescriptor: number;
  readonly #onSynced: () => void;
  #page: LogPage;
  #writtenInPage = 0;
  #position = 0;

  constructor(file: string, log: FloorLog, onSynced: () => void) {
    this.#fileDescriptor = fs.openSync(file, 'w');
    this.#page = log.appendPage;
    this.#onSynced = onSynced;
  }

  /** Writes and syncs what was appended since the last time; false when that is nothing. A disk that fails ends the floor. */
  sync(): boolean {
    const slices: Buffer[] = [];
    const pages: LogPage[] = [];
    const ends: number[] = [];
    let size = 0;
    for (;;) {
      const page = this.#page;
      if (this.#writtenInPage < page.end) {
        slices.push(page.bytes.subarray(this.#writtenInPage, page.end));
        pages.push(page);
        ends.push(page.end);
        size += page.end - this.#writtenInPage;
        this.#writtenInPage = page.end;
      }
      if (page.next === null) break;
      this.#page = page.next;
      this.#writtenInPage = 0;
    }
    if (size === 0) return false;
    this.#write(slices, size, () => {
      for (let index = 0; index < pages.length; index++) pages[index]!.syncedEnd = ends[index]!;
    });
    return true;
  }

  #write(slices: Buffer[], size: number, onDone: () => void): void {
    if (this.#position + size > journalBytes) this.#position = 0;
    this.busy = true;
    fs.writev(this.#fileDescriptor, slices, this.#position, (writeError, written) => {
      if (writeError) throw writeError;
      if (written !== size) throw new Error(`the journal took ${written} of ${size} bytes`);
      fs.fdatasync(this.#fileDescriptor, (syncError) => {
        if (syncError) throw syncError;
        this.busy = false;
        onDone();
        this.#onSynced();
      });
    });
    this.#position += size;
  }
}
