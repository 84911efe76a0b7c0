/** Plays a script against a broker of this process, and checks that the broker keeps to the protocol until the end. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { withDeadline } from '../conformance/waiting.ts';
import { encodeFrame, encodeMethod, FRAME_METHOD } from '../differential/wire-format.ts';
import { FrameCheck } from './frame-check.ts';
import type { Random } from './random.ts';
import type { Script } from './script.ts';

/** Turns of the event loop in which nothing came: the broker, which is in this process, has nothing more to say. */
const QUIET_TURNS = 6;
const CLOSE = encodeFrame(FRAME_METHOD, 0, encodeMethod('connection.close', { replyCode: 200, replyText: 'bye' }));
const CLOSE_OK = encodeFrame(FRAME_METHOD, 0, encodeMethod('connection.close-ok'));

export class Player {
  readonly check = new FrameCheck();
  readonly #socket: Socket;
  readonly #closed: Promise<void>;
  #frames = 0;
  #arrivals = 0;
  #fault: Error | null = null;
  #isClosed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    // A reset is an end like another: what was received before it counts.
    socket.on('error', () => undefined);
    this.#closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#isClosed = true;
        resolve();
      });
    });
  }

  static async connect(port: number): Promise<Player> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Player(socket);
  }

  #take(chunk: Buffer): void {
    this.#arrivals++;
    try {
      this.#frames += this.check.take(chunk);
    } catch (error) {
      this.#fault ??= error as Error;
    }
  }

  /** @param pieces in how many writes each step goes out; 0 is octet by octet. */
  async play(script: Script, pieces: (size: number) => number): Promise<void> {
    for (const { frames, answers } of script) {
      if (this.#isClosed || this.check.isClosed) break;
      const bytes = Buffer.concat(frames);
      await this.#send(bytes, pieces(bytes.length));
      await this.#settled(answers);
    }
    if (this.#fault !== null) throw this.#fault;
  }

  async #send(bytes: Buffer, pieces: number): Promise<void> {
    const size = pieces === 0 ? 1 : Math.max(1, Math.ceil(bytes.length / pieces));
    for (let at = 0; at < bytes.length; at += size) {
      this.#socket.write(bytes.subarray(at, at + size));
      if (pieces !== 1) await nextTurn();
    }
  }

  /** Waits until the broker has answered as much as it should, or has nothing to say. */
  async #settled(answers: number): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS && this.#frames < answers && !this.#isClosed; quiet++) {
      const before = this.#arrivals;
      await nextTurn();
      if (this.#arrivals > before) quiet = 0;
    }
  }

  /** Goes away without a word. */
  abort(): void {
    this.#socket.destroy();
  }

  /** Ends the session as a client would that is still well, or just goes away. @throws Error when the broker does not end it */
  async end(random: Random): Promise<void> {
    if (this.check.isClosed && !this.#isClosed) {
      // With an end behind it: what was cut before may swallow it.
      this.#socket.end(CLOSE_OK);
      await withDeadline('the broker to close the socket', this.#closed);
    } else if (!this.#isClosed && this.check.isOpen && random.oneIn(2)) {
      this.#socket.end(CLOSE);
      await withDeadline('the broker to close its side', this.#closed);
      if (this.#fault !== null) throw this.#fault;
      return;
    }
    if (this.#fault !== null) throw this.#fault;
    if (this.#isClosed) return this.check.end();
    this.#socket.destroy();
    await this.#closed;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
