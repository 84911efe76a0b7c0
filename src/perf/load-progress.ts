/** What somebody who watches a load run is told, once a second. */

import { type LoadBoard, monotonicUs, slot } from './load-board.ts';

/** Only what falls into the measured time counts in the report; the drain takes what is under way then. */
export type LoadPhase = 'warm-up' | 'measured' | 'drain';

export interface LoadProgress {
  readonly phase: LoadPhase;
  /** Since the phase began. */
  readonly elapsedSeconds: number;
  /** Since the last time, or since the phase began. */
  readonly publishedPerSecond: number;
  readonly confirmedPerSecond: number;
  readonly receivedPerSecond: number;
}

const progressUs = 1e6;

export class ProgressWatch {
  readonly #board: LoadBoard;
  readonly #onProgress: (progress: LoadProgress) => void;
  readonly #nowUs: () => number;
  #phase: LoadPhase = 'warm-up';
  #beginUs = 0;
  #lastUs = 0;
  #published = 0;
  #confirmed = 0;
  #received = 0;

  constructor(board: LoadBoard, onProgress: (progress: LoadProgress) => void = () => {}, nowUs = monotonicUs) {
    this.#board = board;
    this.#onProgress = onProgress;
    this.#nowUs = nowUs;
  }

  begin(phase: LoadPhase): void {
    this.#phase = phase;
    this.#beginUs = this.#nowUs();
    this.#mark(this.#beginUs);
  }

  /** To be called often: tells what there is to tell once a second has passed. */
  observe(): void {
    const nowUs = this.#nowUs();
    const seconds = (nowUs - this.#lastUs) / 1e6;
    if (nowUs - this.#lastUs < progressUs) return;
    this.#onProgress({
      phase: this.#phase,
      elapsedSeconds: (nowUs - this.#beginUs) / 1e6,
      publishedPerSecond: (this.#board.total(slot.published) - this.#published) / seconds,
      confirmedPerSecond: (this.#board.total(slot.confirmed) - this.#confirmed) / seconds,
      receivedPerSecond: (this.#board.total(slot.received) - this.#received) / seconds,
    });
    this.#mark(nowUs);
  }

  #mark(nowUs: number): void {
    this.#lastUs = nowUs;
    this.#published = this.#board.total(slot.published);
    this.#confirmed = this.#board.total(slot.confirmed);
    this.#received = this.#board.total(slot.received);
  }
}
