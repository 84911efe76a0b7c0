/** What the messages that have come in part may take, of all channels of a connection together. */
import { resourceError } from '../protocol/errors.ts';

export class AssemblyBudget {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Buffers have grown by so much. @throws AmqpError 506 when they are more than may be */
  count(size: number): void {
    if (size > 0 && this.#bytes + size > this.#maxBytes) {
      throw resourceError(`unfinished messages of the connection take more than ${this.#maxBytes} bytes`);
    }
    this.#bytes += size;
  }
}
