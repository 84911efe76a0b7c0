/**
 * Writes a journal file anew under another name, with holes where nothing is needed any more: as long as it was, every record at
 * its place. Pages are gone through from the last to the first, since each has to say where the journal goes on behind it.
 */
import { closeSync, fstatSync, ftruncateSync, rmSync } from 'node:fs';
import { DIRECT_ALIGNMENT, type Disk, openDurable } from '../runtime/disk.ts';
import { BLOCK_HEADER_SIZE, writeHeader } from './block.ts';
import { type CompactedPage, compactPage, emptyPage, type PageCompaction, rawPreviousEnd } from './compacted-page.ts';
import type { JournalFile } from './journal.ts';
import type { LiveSlots } from './live-slots.ts';
import { alignedMemory, PAGE_SIZE, type Page } from './page.ts';

export interface FileCompactionOptions {
  readonly disk: Disk;
  /** What of each page is needed; a page that is not named is not. */
  readonly needed: ReadonlyMap<Page, LiveSlots>;
  /** Pages of which everything is. */
  readonly wholePages: ReadonlySet<Page>;
  /** Called after so many bytes were read or written. @returns false when the work is to be given up */
  goOn(bytes: number): Promise<boolean>;
}

/** Under its other name, synced. */
export interface CompactedFile {
  readonly path: string;
  readonly fd: number;
  readonly allocatedBytes: number;
  readonly writtenBytes: number;
}

/** A start removes what has it. */
const SUFFIX = '.new';

/**
 * @returns null when the work was given up
 * @throws Error of the disk; nothing is left behind then
 */
export async function compactFile(file: JournalFile, options: FileCompactionOptions): Promise<CompactedFile | null> {
  const path = `${file.path}${SUFFIX}`;
  rmSync(path, { force: true });
  // A descriptor of its own: the file may go meanwhile.
  const sourceFd = openDurable(file.path, { sync: false, create: false });
  let fd = -1;
  let isWhole = false;
  try {
    fd = openDurable(path, { sync: false, create: true });
    ftruncateSync(fd, file.size);
    const compaction = new FileCompaction(file.pages, sourceFd, fd, options);
    isWhole = await compaction.run();
    const { writtenBytes } = compaction;
    return isWhole ? { path, fd, allocatedBytes: fstatSync(fd).blocks * 512, writtenBytes } : null;
  } finally {
    closeSync(sourceFd);
    if (!isWhole && fd >= 0) discard({ path, fd });
  }
}

export function discard({ path, fd }: Pick<CompactedFile, 'path' | 'fd'>): void {
  closeSync(fd);
  rmSync(path, { force: true });
}

class FileCompaction {
  readonly #pages: readonly Page[];
  readonly #sourceFd: number;
  readonly #fd: number;
  readonly #options: FileCompactionOptions;
  readonly #source = alignedMemory(PAGE_SIZE);
  readonly #target = alignedMemory(PAGE_SIZE);
  readonly #end: number;
  writtenBytes = 0;
  /** Where the journal goes on behind the pages that are still to come; -1: where the last of them says. */
  #following = -1;

  constructor(pages: readonly Page[], sourceFd: number, fd: number, options: FileCompactionOptions) {
    this.#pages = pages;
    this.#sourceFd = sourceFd;
    this.#fd = fd;
    this.#options = options;
    this.#end = endOf(pages[pages.length - 1]);
  }

  /** @returns whether it came to its end */
  async run(): Promise<boolean> {
    const { disk, goOn } = this.#options;
    for (let i = this.#pages.length - 1; i >= 0; i--) {
      const bytes = await this.#page(this.#pages[i], i === 0);
      if (bytes > 0 && !(await goOn(bytes))) return false;
    }
    await new Promise<void>((done, failed) => {
      disk.sync(this.#fd, (error) => (error === null ? done() : failed(error)));
    });
    return true;
  }

  /** @returns how many bytes were read and written */
  async #page(page: Page, isFirst: boolean): Promise<number> {
    const { needed, wholePages } = this.#options;
    const live = needed.get(page);
    if (live === undefined && !wholePages.has(page)) {
      if (isFirst) return this.#emptyPage(page);
      if (this.#following < 0) this.#following = endOf(page);
      return 0;
    }
    if (live === undefined || wholePages.has(page) || page.capacity > PAGE_SIZE) return this.#copyWhole(page);
    await this.#read(page, 0, page.end);
    const compacted = compactPage(this.#compaction(page, this.#source.subarray(0, page.end), live));
    // What is broken is told when somebody reads it.
    if (compacted === null) return this.#copyWhole(page);
    return page.end + (await this.#write(page, compacted));
  }

  async #emptyPage(page: Page): Promise<number> {
    await this.#read(page, 0, DIRECT_ALIGNMENT);
    const source = this.#source.subarray(0, DIRECT_ALIGNMENT);
    return this.#write(page, emptyPage(this.#compaction(page, source, null)));
  }

  #compaction({ number }: Page, source: Buffer, live: LiveSlots | null): PageCompaction {
    return { source, target: this.#target, number, live, following: this.#following, synced: this.#end };
  }

  async #write(page: Page, { extents, previousEnd }: CompactedPage): Promise<number> {
    let written = 0;
    for (const { from, to } of extents) {
      await this.#writeAt(page.fileOffset + from, this.#target.subarray(from, to));
      written += to - from;
    }
    this.#following = previousEnd;
    return written;
  }

  /** Piece by piece: a page may be as large as a message. */
  async #copyWhole(page: Page): Promise<number> {
    const end = Math.min(page.capacity, alignUp(page.end + BLOCK_HEADER_SIZE));
    let previousEnd = -1;
    for (let from = 0; from < end; from += PAGE_SIZE) {
      const length = Math.min(PAGE_SIZE, end - from);
      await this.#read(page, from, length);
      if (from === 0) previousEnd = rawPreviousEnd(this.#source, page.number);
      this.#linkBehind(page, from, length);
      await this.#writeAt(page.fileOffset + from, this.#source.subarray(0, length));
    }
    this.#following = previousEnd;
    return 2 * end;
  }

  /** An empty block behind the last one says that there is a hole behind the page, if there is. */
  #linkBehind(page: Page, from: number, length: number): void {
    const start = page.end - from;
    const position = endOf(page);
    if (this.#following <= position || start < 0 || start + BLOCK_HEADER_SIZE > length) return;
    const holeEnd = this.#following;
    const header = { position, synced: this.#end, previousEnd: position, continues: false, holeEnd };
    writeHeader(this.#source, start, start + BLOCK_HEADER_SIZE, header);
  }

  /** What lies behind the end of the file reads as zeros. */
  async #read(page: Page, from: number, length: number): Promise<void> {
    const target = this.#source.subarray(0, alignUp(length));
    const count = await new Promise<number>((done, failed) => {
      const offset = page.fileOffset + from;
      this.#options.disk.read(this.#sourceFd, target, offset, (error, read) =>
        error === null ? done(read) : failed(error),
      );
    });
    target.fill(0, count);
  }

  #writeAt(offset: number, bytes: Buffer): Promise<void> {
    this.writtenBytes += bytes.length;
    return new Promise((done, failed) => {
      this.#options.disk.write(this.#fd, [bytes], offset, (error) => (error === null ? done() : failed(error)));
    });
  }
}

/** The position behind the page's last block. */
const endOf = (page: Page): number => page.number * PAGE_SIZE + page.end;

const alignUp = (length: number): number => Math.ceil(length / DIRECT_ALIGNMENT) * DIRECT_ALIGNMENT;
