/**
 * What the threads of a load run tell each other without messages: counters in shared memory, each with one writer, and the
 * moment from which latencies count. Readers see a counter a little late, which sampling does not mind.
 *
 *   flags     [ measuring, stopping ]
 *   counters  one row a connection: publishers first, then consumers
 */

const rowSlots = 8;
const flagMeasuring = 0;
const flagStopping = 1;

/** Slots of a connection's row. A row fills a cache line, so that two writers do not share one. */
export const slot = {
  published: 0,
  confirmed: 1,
  nacked: 2,
  oldestUnsettled: 3,
  received: 4,
  lastActivityUs: 5,
  blockedUs: 6,
} as const;

export interface BoardMemory {
  readonly flags: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
}

export class LoadBoard {
  readonly memory: BoardMemory;
  readonly #flags: Int32Array;
  readonly #counters: Float64Array;
  readonly #publishers: number;
  readonly #consumers: number;

  constructor(publishers: number, consumers: number, memory?: BoardMemory) {
    this.memory = memory ?? {
      flags: new SharedArrayBuffer(8),
      counters: new SharedArrayBuffer((publishers + consumers) * rowSlots * 8),
    };
    this.#flags = new Int32Array(this.memory.flags);
    // Aligned 8-byte stores do not tear on 64-bit machines, and every slot has one writer: plain numbers do.
    this.#counters = new Float64Array(this.memory.counters);
    this.#publishers = publishers;
    this.#consumers = consumers;
  }

  get measuring(): boolean {
    return Atomics.load(this.#flags, flagMeasuring) === 1;
  }

  set measuring(on: boolean) {
    Atomics.store(this.#flags, flagMeasuring, on ? 1 : 0);
  }

  get stopping(): boolean {
    return Atomics.load(this.#flags, flagStopping) === 1;
  }

  /** Tells publishers to publish no more; wakes those that wait for their next scheduled message. */
  stopPublishing(): void {
    Atomics.store(this.#flags, flagStopping, 1);
    Atomics.notify(this.#flags, flagStopping);
  }

  /** Blocks this thread for so long, or until publishing stops. */
  waitForStop(durationMs: number): void {
    Atomics.wait(this.#flags, flagStopping, 0, durationMs);
  }

  publisher(id: number, column: number): number {
    return this.#counters[id * rowSlots + column]!;
  }

  setPublisher(id: number, column: number, value: number): void {
    this.#counters[id * rowSlots + column] = value;
  }

  setConsumer(id: number, column: number, value: number): void {
    this.#counters[(this.#publishers + id) * rowSlots + column] = value;
  }

  /** Sum of a column over all connections. */
  total(column: number): number {
    let sum = 0;
    for (let row = 0; row < this.#publishers + this.#consumers; row++) sum += this.#counters[row * rowSlots + column]!;
    return sum;
  }

  /** When any connection last moved, on `monotonicUs`' clock; 0 if none did. */
  lastActivityUs(): number {
    let last = 0;
    for (let row = 0; row < this.#publishers + this.#consumers; row++) {
      last = Math.max(last, this.#counters[row * rowSlots + slot.lastActivityUs]!);
    }
    return last;
  }
}

/** Microseconds of the machine's monotonic clock: the same in every thread and process. */
export function monotonicUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + nanoseconds / 1e3;
}
