/** What is known of how a journal file is used: whether it is worth while to write it anew without what is not needed. */
import type { FileIndex } from './checkpoint.ts';
import type { Page } from './page.ts';

export class FileUsage {
  /** What the last index named: references of durable queues, and the bytes of their bodies, each counted once a reference. */
  references = 0;
  bodyBytes = 0;
  /** Pages that somebody else referred to then, or whose index does not tell all: they are not taken apart. */
  wholePages: ReadonlySet<Page> = NO_PAGES;
  /** What the file takes on the disk, or -1 where that is not known: then it is what the file is long. */
  allocatedBytes = -1;
  /** References when it was last found to be worth while or not: before half of those have gone it is not asked again. */
  triedAtLive = Number.POSITIVE_INFINITY;
  /** References at the last look; -1 before the first. */
  lookedAtLive = -1;

  takeIndex({ queues }: FileIndex): void {
    for (const { sizes, count } of queues.values()) {
      this.references += count;
      for (let i = 0; i < count; i++) this.bodyBytes += sizes[i];
    }
  }
}

const NO_PAGES: ReadonlySet<Page> = new Set();
