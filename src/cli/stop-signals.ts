/**
 * What a signal that ends programs means. The first one asks for an orderly stop, a later one for an end at once. Those that
 * come with the first are its echo: `npm start` passes on what the terminal, or a supervisor, sent to the whole process group.
 */
export type StopMeaning = 'stop' | 'echo' | 'end-at-once';

const ECHO_MS = 1000;

export class StopSignals {
  #firstAtMs: number | null = null;

  /** @param nowMs a clock that never jumps */
  take(nowMs: number): StopMeaning {
    if (this.#firstAtMs === null) {
      this.#firstAtMs = nowMs;
      return 'stop';
    }
    return nowMs - this.#firstAtMs < ECHO_MS ? 'echo' : 'end-at-once';
  }
}
