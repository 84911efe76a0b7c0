/**
 * The wire between a client and its broker, as a TCP proxy of the test's own: it can be cut and mended, which to a client is
 * a broker that restarts, and it counts the heartbeats that come from the broker.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Inbox } from './waiting.ts';

/** A heartbeat frame, AMQP 0-9-1 4.2.7: type 8, channel 0, no payload, frame end. */
const HEARTBEAT = Buffer.from([8, 0, 0, 0, 0, 0, 0, 0xce]);

/** A proxy on 127.0.0.1 to one broker. Close it when the test ends. */
export class Link {
  readonly #brokerUrl: URL;
  readonly #sockets = new Set<Socket>();
  #server: Server;
  #port = 0;

  /** One item for every heartbeat that the broker sent on a connection that was otherwise quiet. */
  readonly heartbeats = new Inbox<Buffer>('a heartbeat from the broker');
  /** And one for every heartbeat of the client. */
  readonly clientHeartbeats = new Inbox<Buffer>('a heartbeat from the client');

  private constructor(brokerUrl: string) {
    this.#brokerUrl = new URL(brokerUrl);
    this.#server = this.#createServer();
  }

  /** Opens a link on a free port to the broker of an `amqp:` URL. */
  static async open(brokerUrl: string): Promise<Link> {
    const link = new Link(brokerUrl);
    await link.mend();
    return link;
  }

  /** The broker's URL with this link's host and port in it. */
  get url(): string {
    const url = new URL(this.#brokerUrl);
    url.hostname = '127.0.0.1';
    url.port = String(this.#port);
    return url.href;
  }

  /** Drops every connection without a word and refuses new ones. */
  async cut(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Accepts connections again, on the same port as before. */
  async mend(): Promise<void> {
    this.#server = this.#createServer();
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.cut();
  }

  #createServer(): Server {
    return createServer((client) => {
      const broker = connect(Number(this.#brokerUrl.port || 5672), this.#brokerUrl.hostname);
      broker.on('data', (chunk: Buffer) => {
        if (chunk.equals(HEARTBEAT)) this.heartbeats.put(chunk);
      });
      client.on('data', (chunk: Buffer) => {
        if (chunk.equals(HEARTBEAT)) this.clientHeartbeats.put(chunk);
      });
      client.pipe(broker).pipe(client);
      this.#track(client, broker);
      this.#track(broker, client);
    });
  }

  /** Ends both sides when one goes: half a connection would look like a broker that hangs. */
  #track(socket: Socket, peer: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => peer.destroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      peer.destroy();
    });
  }
}
