/**
 * SIGHUP has two meanings: the terminal that a program was started from is gone, which ends it, and, for a program that runs in
 * the background, that its files have changed. The terminal itself tells which one it is.
 */
import { isatty } from 'node:tty';

const STANDARD_INPUT = 0;

export class HangUp {
  readonly #hadTerminal = isatty(STANDARD_INPUT);

  /** Whether there was a terminal, and is none any more. */
  get isTerminalGone(): boolean {
    return this.#hadTerminal && !isatty(STANDARD_INPUT);
  }
}
