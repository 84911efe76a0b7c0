/**
 * One AMQP connection with one channel, as a load generator needs it: a handshake and requests that await their answer, and
 * then a sink of the caller's own that gets every frame in place. It sends no heartbeats (it negotiates none).
 */

import assert from 'node:assert/strict';
import net from 'node:net';
import { FrameScanner, type FrameSink, type ReadBuffer } from './frame-scanner.ts';
import { FrameWriter, methodId } from './frame-writer.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly vhost: string;
  readonly user: string;
  readonly password: string;
}

/** The connection or its channel is gone, or a request was refused; the text is the broker's where it gave one. */
export class LoadConnectionError extends Error {
  override name = 'LoadConnectionError';
}

export const channelNumber = 1;
const frameSizeMax = 131_072;
const requestTimeoutMs = 60_000;
/** A broker that reads nothing from publishers, say because its disk is full, does not answer their close either. */
const closeTimeoutMs = 5000;

export const methods = {
  connectionStart: methodId(10, 10),
  connectionTune: methodId(10, 30),
  connectionOpenOk: methodId(10, 41),
  connectionClose: methodId(10, 50),
  connectionCloseOk: methodId(10, 51),
  connectionBlocked: methodId(10, 60),
  connectionUnblocked: methodId(10, 61),
  channelOpenOk: methodId(20, 11),
  channelClose: methodId(20, 40),
  exchangeDeclareOk: methodId(40, 11),
  exchangeDeleteOk: methodId(40, 21),
  queueDeclareOk: methodId(50, 11),
  queueBindOk: methodId(50, 21),
  queueDeleteOk: methodId(50, 41),
  basicQosOk: methodId(60, 11),
  basicConsumeOk: methodId(60, 21),
  basicCancel: methodId(60, 30),
  basicDeliver: methodId(60, 60),
  basicAck: methodId(60, 80),
  basicNack: methodId(60, 120),
  confirmSelectOk: methodId(85, 11),
} as const;

const protocolHeader = Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]);

interface PendingRequest {
  readonly wanted: number;
  resolve(payload: DataView): void;
  reject(error: Error): void;
}

export class LoadConnection implements FrameSink {
  readonly socket: net.Socket;
  /** Bytes that one frame may have, with its header and end. */
  frameSizeMax = frameSizeMax;
  /** Called once when the connection ends without having been asked to. */
  onLost: (error: LoadConnectionError) => void = () => {};
  #scanner: FrameScanner;
  #pending: PendingRequest | null = null;
  #lost: LoadConnectionError | null = null;
  #closing = false;

  private constructor(endpoint: Endpoint, readBuffer: ReadBuffer) {
    this.#scanner = new FrameScanner(this, readBuffer);
    this.socket = net.connect({
      host: endpoint.host,
      port: endpoint.port,
      noDelay: true,
      onread: { buffer: readBuffer.chunk, callback: (size) => this.#onChunk(size) },
    });
    this.socket.on('error', (error) => this.#lose(error.message));
    this.socket.on('close', () => this.#lose('the broker closed the connection'));
  }

  /**
   * Connects, logs in and opens channel 1. The buffer may be shared by connections of the same thread, since it is read out before
   * the next one is filled. @throws LoadConnectionError
   */
  static async open(endpoint: Endpoint, readBuffer: ReadBuffer): Promise<LoadConnection> {
    const connection = new LoadConnection(endpoint, readBuffer);
    try {
      await connection.#handshake(endpoint);
    } catch (error) {
      connection.destroy();
      throw error;
    }
    return connection;
  }

  async #handshake(endpoint: Endpoint): Promise<void> {
    await this.request(protocolHeader, methods.connectionStart);
    const tune = await this.request(startOk(endpoint), methods.connectionTune);
    const offered = tune.getUint32(6);
    this.frameSizeMax = offered > 0 ? Math.min(offered, frameSizeMax) : frameSizeMax;
    const tuneOk = new FrameWriter()
      .beginMethod(0, 10, 31)
      .uint16(tune.getUint16(4))
      .uint32(this.frameSizeMax)
      .uint16(0)
      .endFrame();
    const open = tuneOk.beginMethod(0, 10, 40).shortString(endpoint.vhost).shortString('').uint8(0).endFrame();
    await this.request(open.take(), methods.connectionOpenOk);
    const channelOpen = new FrameWriter().beginMethod(channelNumber, 20, 10).shortString('').endFrame();
    await this.request(channelOpen.take(), methods.channelOpenOk);
  }

  /** Writes `frames` and awaits method `wanted`, whose payload it returns. One request at a time. @throws LoadConnectionError */
  request(frames: Uint8Array, wanted: number, timeoutMs = requestTimeoutMs): Promise<DataView> {
    assert(this.#pending === null, 'one request at a time');
    if (this.#lost) return Promise.reject(this.#lost);
    return new Promise((resolve, reject) => {
      const timeout = setTimeout(() => this.#lose('the broker did not answer in time'), timeoutMs);
      const settle = <T>(then: (value: T) => void): ((value: T) => void) => {
        return (value) => {
          clearTimeout(timeout);
          this.#pending = null;
          then(value);
        };
      };
      this.#pending = { wanted, resolve: settle(resolve), reject: settle(reject) };
      this.socket.write(frames);
    });
  }

  /** From now on `sink` gets the frames; it hands the methods it does not know to `this.method`. */
  deliverTo(sink: FrameSink): void {
    this.#scanner.sink = sink;
  }

  /** connection.close, then the socket's end. Never fails: what is lost already is closed. */
  async close(): Promise<void> {
    this.#closing = true;
    this.deliverTo(this);
    const close = new FrameWriter().beginMethod(0, 10, 50).uint16(200).shortString('Goodbye').uint32(0).endFrame();
    try {
      await this.request(close.take(), methods.connectionCloseOk, closeTimeoutMs);
    } catch (error) {
      assert(error instanceof LoadConnectionError);
    }
    this.destroy();
  }

  /** Ends the socket at once. */
  destroy(): void {
    this.#closing = true;
    this.socket.destroy();
  }

  /** What every connection does with methods that are neither deliveries nor confirms. */
  method(view: DataView, at: number, size: number): void {
    const id = view.getUint32(at);
    if (id === methods.connectionClose || id === methods.channelClose) {
      const text = Buffer.from(view.buffer as ArrayBuffer, view.byteOffset + at + 7, view.getUint8(at + 6)).toString();
      this.#lose(`the broker closed the connection or channel: ${view.getUint16(at + 4)} ${text}`);
    } else if (id === methods.basicCancel) {
      this.#lose('the broker cancelled the consumer');
    } else if (this.#pending?.wanted === id) {
      const begin = view.byteOffset + at;
      this.#pending.resolve(new DataView((view.buffer as ArrayBuffer).slice(begin, begin + size)));
    }
  }

  chunkBegin(): void {}

  chunkEnd(): void {}

  header(): void {}

  body(): void {}

  #onChunk(size: number): boolean {
    try {
      this.#scanner.scan(size);
    } catch (error) {
      this.#lose(error instanceof Error ? error.message : String(error));
    }
    return true;
  }

  #lose(reason: string): void {
    if (this.#lost) return;
    this.#lost = new LoadConnectionError(reason);
    this.socket.destroy();
    if (this.#pending) this.#pending.reject(this.#lost);
    else if (!this.#closing) this.onLost(this.#lost);
  }
}

function startOk(endpoint: Endpoint): Buffer {
  const properties = {
    product: 'leveret-perf',
    capabilities: {
      publisher_confirms: true,
      consumer_cancel_notify: true,
      'basic.nack': true,
      'connection.blocked': true,
      authentication_failure_close: true,
    },
  };
  return new FrameWriter()
    .beginMethod(0, 10, 11)
    .table(properties)
    .shortString('PLAIN')
    .longString(`\0${endpoint.user}\0${endpoint.password}`)
    .shortString('en_US')
    .endFrame()
    .take();
}
