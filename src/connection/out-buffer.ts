/**
 * What a connection is about to send: frames are written straight into the open chunk, and a flush hands the chunks to the
 * socket, one write for all that a turn produced. Chunks come from a pool that all connections of a broker share: an idle
 * connection holds none.
 */
import type { Socket } from 'node:net';

const CHUNK_SIZE = 64 * 1024;
/** For frames that do not fit into the usual chunk. */
const LARGE_CHUNK_SIZE = 512 * 1024;
const POOLED_CHUNKS = 256;
const POOLED_LARGE_CHUNKS = 16;

export class ChunkPool {
  readonly #free: Buffer[] = [];
  readonly #freeLarge: Buffer[] = [];

  take(size: number): Buffer {
    if (size <= CHUNK_SIZE) return this.#free.pop() ?? Buffer.allocUnsafeSlow(CHUNK_SIZE);
    if (size <= LARGE_CHUNK_SIZE) return this.#freeLarge.pop() ?? Buffer.allocUnsafeSlow(LARGE_CHUNK_SIZE);
    return Buffer.allocUnsafeSlow(size);
  }

  give(chunk: Buffer): void {
    if (chunk.length === CHUNK_SIZE && this.#free.length < POOLED_CHUNKS) this.#free.push(chunk);
    if (chunk.length === LARGE_CHUNK_SIZE && this.#freeLarge.length < POOLED_LARGE_CHUNKS) this.#freeLarge.push(chunk);
  }
}

const NO_CHUNK = Buffer.alloc(0);

export class OutBuffer {
  /** The open chunk, and where the next byte goes in it. */
  bytes: Buffer = NO_CHUNK;
  end = 0;
  readonly #socket: Socket;
  readonly #pool: ChunkPool;
  /** Chunks that the socket has taken but not yet written, oldest first. */
  readonly #inFlight: Buffer[] = [];
  readonly #written = (): void => {
    this.#pool.give(this.#inFlight.shift() as Buffer);
  };
  sentBytes = 0;
  readonly #onSent: (size: number) => void;

  /** @param onSent told after each chunk that was handed to the socket */
  constructor(socket: Socket, pool: ChunkPool, onSent: (size: number) => void) {
    this.#socket = socket;
    this.#pool = pool;
    this.#onSent = onSent;
  }

  /** Makes room for `size` bytes in one piece at `end`. */
  reserve(size: number): void {
    if (this.end + size > this.bytes.length) this.#nextChunk(size);
  }

  #nextChunk(size: number): void {
    this.flush();
    this.bytes = this.#pool.take(size);
  }

  append(frame: Buffer): void {
    this.reserve(frame.length);
    frame.copy(this.bytes, this.end);
    this.end += frame.length;
  }

  /** Hands what is there to the socket. */
  flush(): void {
    const chunk = this.bytes;
    const size = this.end;
    if (size === 0) return;
    this.bytes = NO_CHUNK;
    this.end = 0;
    if (this.#socket.destroyed) return this.#pool.give(chunk);
    this.sentBytes += size;
    this.#inFlight.push(chunk);
    this.#socket.write(chunk.subarray(0, size), this.#written);
    this.#onSent(size);
  }
}
