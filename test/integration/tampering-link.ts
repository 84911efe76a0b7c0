/**
 * A broker that makes mistakes: a real one behind a proxy that looks at each delivery and confirm on its way to the client and
 * passes on what a test makes of it.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** What becomes of item `index`, counted from 1 over all connections: its bytes, none, or more. */
export type Tamper = (index: number, bytes: Buffer) => Buffer[];

export interface Tampering {
  /** One delivery: method, content header and body frames. */
  readonly delivery?: Tamper;
  /** One basic.ack or basic.nack frame. */
  readonly confirm?: Tamper;
}

const BASIC_DELIVER = 0x3c_003c;
const BASIC_ACK = 0x3c_0050;
const BASIC_NACK = 0x3c_0078;
const FRAME_METHOD = 1;
const FRAME_HEADER = 2;
const FRAME_BODY = 3;

/** @returns the port that leads to the broker at `brokerPort` */
export async function tamperingLink(t: TestContext, brokerPort: number, tampering: Tampering): Promise<number> {
  const sockets = new Set<Socket>();
  const counts = { delivery: 0, confirm: 0 };
  const server = createServer((client) => {
    const broker = connect(brokerPort, '127.0.0.1');
    const stream = new DeliveryStream((kind, bytes) => {
      const changed = kind === 'other' ? [bytes] : (tampering[kind]?.(++counts[kind], bytes) ?? [bytes]);
      for (const each of changed) client.write(each);
    });
    client.on('data', (bytes) => broker.write(bytes));
    broker.on('data', (bytes: Buffer) => stream.take(bytes));
    for (const [one, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** Puts the frames of a broker together again: each delivery whole, each confirm by itself, everything else as it comes. */
class DeliveryStream {
  readonly #out: (kind: 'delivery' | 'confirm' | 'other', bytes: Buffer) => void;
  #rest = Buffer.alloc(0);
  #delivery: Buffer[] = [];
  #bodyLeft = 0;

  constructor(out: (kind: 'delivery' | 'confirm' | 'other', bytes: Buffer) => void) {
    this.#out = out;
  }

  take(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const size = this.#rest.length < 7 ? Number.POSITIVE_INFINITY : this.#rest.readUInt32BE(3) + 8;
      if (this.#rest.length < size) return;
      this.#frame(this.#rest.subarray(0, size));
      this.#rest = this.#rest.subarray(size);
    }
  }

  #frame(frame: Buffer): void {
    const type = frame[0];
    const method = type === FRAME_METHOD ? frame.readUInt32BE(7) : 0;
    if (method === BASIC_DELIVER) this.#delivery = [frame];
    else if (type === FRAME_HEADER) this.#content(frame, Number(frame.readBigUInt64BE(11)));
    else if (type === FRAME_BODY) this.#content(frame, this.#bodyLeft - (frame.length - 8));
    else this.#out(method === BASIC_ACK || method === BASIC_NACK ? 'confirm' : 'other', frame);
  }

  #content(frame: Buffer, bodyLeft: number): void {
    this.#delivery.push(frame);
    this.#bodyLeft = bodyLeft;
    if (bodyLeft === 0) this.#out('delivery', Buffer.concat(this.#delivery));
  }
}
