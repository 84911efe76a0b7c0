/**
 * Holds what a broker sends to the protocol: whole frames with their end octet, methods that can be decoded, nothing but the
 * content that was announced behind a method that carries one, nothing after the end.
 */
import {
  carriesContent,
  decodeContentHeader,
  decodeMethod,
  encodeFrame,
  encodeMethod,
  FRAME_BODY,
  FRAME_END,
  FRAME_HEADER,
  FRAME_HEARTBEAT,
  FRAME_METHOD,
} from '../differential/wire-format.ts';

const FRAME_HEAD_SIZE = 7;
const HEADER_SIZE = 8;
const NO_BYTES: Buffer = Buffer.alloc(0);
const CLOSE_OK = encodeFrame(FRAME_METHOD, 0, encodeMethod('connection.close-ok'));

export class FrameCheck {
  /** Names of the last methods, newest last. */
  readonly methods: string[] = [];
  isOpen = false;
  /** connection.close or close-ok has come: nothing more may but close-ok, to a close of the client's. */
  isClosed = false;
  closeText = '';
  #rest = NO_BYTES;
  /** Octets of content that are still to come, by channel; -1 while the header is. */
  readonly #content = new Map<number, number>();

  /** @returns how many whole frames there were. @throws Error that says what is wrong with one */
  take(chunk: Buffer): number {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let frames = 0;
    for (let size = sizeOfFirst(bytes); size <= bytes.length; size = sizeOfFirst(bytes)) {
      this.#check(bytes.subarray(0, size));
      bytes = bytes.subarray(size);
      frames++;
    }
    this.#rest = Buffer.from(bytes);
    return frames;
  }

  /** The connection has ended. @throws Error when it ended in the midst of a frame or of a message */
  end(): void {
    if (this.#rest.length > 0) throw new Error(`it ended within a frame: ${this.#rest.toString('hex')}`);
    if (this.isOpen && !this.isClosed) throw new Error('it ended without connection.close');
  }

  #check(frame: Buffer): void {
    if (this.isClosed && !frame.equals(CLOSE_OK)) throw new Error(`more after the end: ${frame.toString('hex')}`);
    if (frame.length === HEADER_SIZE && frame.toString('latin1', 0, 4) === 'AMQP') {
      this.isClosed = true;
      return;
    }
    if (frame.at(-1) !== FRAME_END) throw new Error(`no frame end: ${frame.toString('hex')}`);
    const channel = frame.readUInt16BE(1);
    const payload = frame.subarray(FRAME_HEAD_SIZE, -1);
    switch (frame[0]) {
      case FRAME_METHOD:
        return this.#method(channel, payload);
      case FRAME_HEADER:
        return this.#header(channel, payload);
      case FRAME_BODY:
        return this.#body(channel, payload.length);
      case FRAME_HEARTBEAT:
        if (channel === 0 && payload.length === 0) return;
    }
    throw new Error(`a frame that is none: ${frame.toString('hex')}`);
  }

  #method(channel: number, payload: Buffer): void {
    const { name, args } = decodeMethod(payload);
    if (/^\d/.test(name)) throw new Error(`a method that is none: ${payload.toString('hex')}`);
    if (this.#content.has(channel)) throw new Error(`${name} within a message on channel ${channel}`);
    this.methods.push(name);
    if (carriesContent(name)) this.#content.set(channel, -1);
    if (name === 'connection.open-ok') this.isOpen = true;
    if (name === 'connection.close' || name === 'connection.close-ok') this.isClosed = true;
    if (name.endsWith('.close')) this.closeText = `${args.replyCode} ${args.replyText}`;
  }

  #header(channel: number, payload: Buffer): void {
    if (this.#content.get(channel) !== -1) throw new Error(`a content header out of place on channel ${channel}`);
    const { bodySize } = decodeContentHeader(payload);
    if (bodySize === 0) this.#content.delete(channel);
    else this.#content.set(channel, bodySize);
  }

  #body(channel: number, size: number): void {
    const left = (this.#content.get(channel) ?? -1) - size;
    if (left < 0 || size === 0) throw new Error(`a body out of place on channel ${channel}`);
    if (left === 0) this.#content.delete(channel);
    else this.#content.set(channel, left);
  }
}

/** Infinity while it cannot be told. */
function sizeOfFirst(bytes: Buffer): number {
  if (bytes.length < FRAME_HEAD_SIZE) return Number.POSITIVE_INFINITY;
  if (bytes.toString('latin1', 0, 4) === 'AMQP') return HEADER_SIZE;
  return bytes.readUInt32BE(3) + FRAME_HEAD_SIZE + 1;
}
