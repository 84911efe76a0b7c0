/**
 * Where the floor program keeps messages: pages in memory, filled one after the other and taken out in the same order. A page
 * is used again once it was taken to its end and, with a journal, is on disk to its end.
 *
 *   page   | length 4 | content header frame | body frames | length 4 | ...
 */

const pageBytes = 1024 * 1024;
const lengthBytes = 4;
const shortCopyBytes = 64;

export class LogPage {
  readonly bytes: Buffer<ArrayBuffer>;
  readonly view: DataView;
  end = 0;
  syncedEnd = 0;
  next: LogPage | null = null;

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.view = new DataView(this.bytes.buffer);
  }
}

export class FloorLog {
  /** Bytes appended and not taken. */
  backlogBytes = 0;
  /** The page that `reserve` gave room in. */
  appendPage = new LogPage(pageBytes);
  /** Place of the message that `take` stepped to. */
  takenAt = 0;
  takenBytes = 0;
  #takePage = this.appendPage;
  #takeAt = 0;
  #reserved = 0;
  readonly #free: LogPage[] = [];
  readonly #isJournaled: boolean;

  constructor(isJournaled: boolean) {
    this.#isJournaled = isJournaled;
  }

  /** Room for a message of `size` bytes: where in `appendPage` its bytes go. They count from `commit` on. */
  reserve(size: number): number {
    if (this.appendPage.end + lengthBytes + size > this.appendPage.bytes.length)
      this.#appendNewPage(lengthBytes + size);
    this.#reserved = size;
    return this.appendPage.end + lengthBytes;
  }

  commit(): void {
    const page = this.appendPage;
    page.view.setUint32(page.end, this.#reserved);
    page.end += lengthBytes + this.#reserved;
    this.backlogBytes += this.#reserved;
  }

  /** Steps to the next message and returns its page, or null when there is none. */
  take(): LogPage | null {
    while (this.#takeAt === this.#takePage.end) {
      if (this.#takePage.next === null) return null;
      this.#leavePage(this.#takePage.next);
    }
    const page = this.#takePage;
    this.takenBytes = page.view.getUint32(this.#takeAt);
    this.takenAt = this.#takeAt + lengthBytes;
    this.#takeAt = this.takenAt + this.takenBytes;
    this.backlogBytes -= this.takenBytes;
    return page;
  }

  #appendNewPage(size: number): void {
    const page = size <= pageBytes ? this.#freePage() : null;
    this.appendPage.next = page ?? new LogPage(Math.max(pageBytes, size));
    this.appendPage = this.appendPage.next;
  }

  /** A page that was taken, if its bytes are on disk as well. */
  #freePage(): LogPage | null {
    const oldest = this.#free[0];
    if (oldest === undefined || (this.#isJournaled && oldest.syncedEnd < oldest.end)) return null;
    this.#free.shift();
    oldest.end = 0;
    oldest.syncedEnd = 0;
    oldest.next = null;
    return oldest;
  }

  #leavePage(next: LogPage): void {
    if (this.#takePage.bytes.length === pageBytes) this.#free.push(this.#takePage);
    this.#takePage = next;
    this.#takeAt = 0;
  }
}

/** Copies within the process: a loop over 32-bit words where a call into the engine would take longer than the copy. */
export function copyBytes(
  from: Buffer,
  fromView: DataView,
  at: number,
  to: LogPage,
  toAt: number,
  count: number,
): void {
  if (count > shortCopyBytes) {
    from.copy(to.bytes, toAt, at, at + count);
    return;
  }
  let done = 0;
  for (; done + 4 <= count; done += 4) to.view.setUint32(toAt + done, fromView.getUint32(at + done));
  for (; done < count; done++) to.view.setUint8(toAt + done, fromView.getUint8(at + done));
}
