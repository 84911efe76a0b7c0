/** How far a long operation has come, on a terminal: one line that is written over. Where nobody looks nothing is written. */
import type { Call } from './command.ts';

/** How often the line is written again, at most. */
const INTERVAL_MS = 100;

export class Progress {
  readonly #write: ((text: string) => void) | null;
  readonly #total: number;
  readonly #what: string;
  #done = 0;
  #writtenAtMs = Number.NEGATIVE_INFINITY;

  constructor({ terminal: { stderr }, options }: Call, total: number, what: string) {
    const isShown = stderr.isTTY === true && options.quiet !== true && options.silent !== true;
    this.#write = isShown ? (text) => stderr.write(text) : null;
    this.#total = total;
    this.#what = what;
  }

  step(): void {
    this.#done++;
    const now = performance.now();
    if (this.#write === null || now - this.#writtenAtMs < INTERVAL_MS) return;
    this.#writtenAtMs = now;
    this.#write(`\r${this.#done} of ${this.#total} ${this.#what}`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#write !== null && this.#done > 0) this.#write('\r\x1b[K');
  }
}
