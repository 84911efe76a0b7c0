/**
 * Settled messages of a turn, gathered so that the journal gets one record for many: runs of one queue share a record.
 */
import type { Page } from './page.ts';
import { RecordType } from './record.ts';

const CAPACITY = 8192;

export class SettledBatch {
  readonly #reserve: (size: number) => Page;
  readonly #positions = new Float64Array(CAPACITY);
  readonly #queueIds = new Uint32Array(CAPACITY);
  #count = 0;

  constructor(reserve: (size: number) => Page) {
    this.#reserve = reserve;
  }

  add(queueId: number, position: number): void {
    if (this.#count === CAPACITY) this.flush();
    this.#positions[this.#count] = position;
    this.#queueIds[this.#count++] = queueId;
  }

  flush(): void {
    for (let from = 0; from < this.#count; ) {
      const queueId = this.#queueIds[from];
      let to = from + 1;
      while (to < this.#count && this.#queueIds[to] === queueId) to++;
      this.#writeRun(queueId, from, to);
      from = to;
    }
    this.#count = 0;
  }

  #writeRun(queueId: number, from: number, to: number): void {
    const size = 16 + 8 * (to - from);
    const page = this.#reserve(size);
    const word = page.end >> 2;
    page.u32[word] = size;
    page.u32[word + 1] = RecordType.settled;
    page.u32[word + 2] = queueId;
    page.u32[word + 3] = 0;
    page.f64.set(this.#positions.subarray(from, to), (page.end >> 3) + 2);
    page.end += size;
  }
}
