/** A proxy between a client and a broker that writes down what goes by. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { FrameCheck } from './frame-check.ts';
import type { Part } from './recording.ts';

export class Recorder {
  readonly port: number;
  readonly parts: Part[] = [];
  readonly #server: Server;
  readonly #ended: Promise<unknown>;

  private constructor(server: Server, ended: Promise<unknown>) {
    this.#server = server;
    this.#ended = ended;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Listens on a free port, for one connection. */
  static async open(brokerPort: number): Promise<Recorder> {
    const ended = Promise.withResolvers<void>();
    const server = createServer((client) => {
      const broker = connect(brokerPort, '127.0.0.1');
      const check = new FrameCheck();
      client.on('data', (chunk: Buffer) => recorder.#clientSent(chunk));
      broker.on('data', (chunk: Buffer) => recorder.#serverSent(check.take(chunk)));
      for (const socket of [client, broker]) socket.on('error', () => undefined);
      client.pipe(broker).pipe(client);
      client.on('close', () => {
        broker.destroy();
        ended.resolve();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const recorder = new Recorder(server, ended.promise);
    return recorder;
  }

  #clientSent(chunk: Buffer): void {
    const last = this.parts.at(-1);
    if (last?.kind !== 'client') this.parts.push({ kind: 'client', bytes: Buffer.from(chunk) });
    else this.parts[this.parts.length - 1] = { kind: 'client', bytes: Buffer.concat([last.bytes, chunk]) };
  }

  #serverSent(frames: number): void {
    if (frames === 0) return;
    const last = this.parts.at(-1);
    if (last?.kind !== 'server') this.parts.push({ kind: 'server', frames });
    else this.parts[this.parts.length - 1] = { kind: 'server', frames: last.frames + frames };
  }

  /** Waits for the connection's end. */
  async close(): Promise<void> {
    await this.#ended;
    this.#server.close();
  }
}
