/**
 * A small AMQP 0-9-1 client for tests that sends whatever it is told to, right or wrong, and shows every frame that comes back.
 *
 * It keeps no state of the protocol: it does not know whether a channel is open, answers no heartbeat and no close by itself.
 * Frames are queued per channel in the order they came; method, content header and bodies of one delivery are one entry.
 *
 *     const client = await RawClient.connect(port);
 *     await client.open();                                   // handshake, and channel 1
 *     await client.call('queue.declare', { queue: 'q' });    // sends, and throws unless queue.declare-ok is next
 *     client.publish({ routingKey: 'q', body: 'hello' });
 *     client.send('basic.get', { queue: 'q', noAck: true });
 *     const message = await client.expect('basic.get-ok');   // message.args, message.properties, message.body
 *     await client.close();
 *
 * `client.channel(n)` has the same verbs for channel n. A wait that gets nothing ends with a `Silence` after `patienceMs`.
 */

import { type Socket, connect as tcpConnect } from 'node:net';
import {
  carriesContent,
  decodeContentHeader,
  decodeMethod,
  encodeContentHeader,
  encodeFrame,
  encodeMethod,
  FRAME_BODY,
  FRAME_HEADER,
  FRAME_HEARTBEAT,
  FRAME_METHOD,
  type MethodArguments,
  PROTOCOL_HEADER,
  type PropertyValues,
  type TableInput,
} from './wire-format.ts';

/** Something that came from the broker. `name` is the method's, or `heartbeat`, `protocol-header`, `socket closed`. */
export interface Received {
  readonly name: string;
  readonly channel: number;
  readonly args: MethodArguments;
  /** Only of basic.deliver, basic.return and basic.get-ok, as is `body`. */
  readonly properties?: PropertyValues;
  readonly body?: Buffer;
  /** Sizes of the body frames as they came. */
  readonly bodySizes?: readonly number[];
}

/** A message to publish; exchange '' unless told, no properties, an empty body. */
export interface Publish {
  readonly exchange?: string;
  readonly routingKey?: string;
  readonly mandatory?: boolean;
  readonly immediate?: boolean;
  readonly properties?: PropertyValues;
  readonly body?: string | Buffer;
}

export interface OpenOptions {
  readonly user?: string;
  readonly password?: string;
  readonly virtualHost?: string;
  readonly mechanism?: string;
  /** Replaces the response that user and password make. */
  readonly response?: string | Buffer;
  readonly clientProperties?: TableInput;
  /** What to answer to connection.tune; a number left out is the server's, heartbeat is 0. */
  readonly tune?: { readonly channelMax?: number; readonly frameMax?: number; readonly heartbeat?: number };
}

/** Is told everything that a client sends, and everything that the test has taken from it. */
export interface Trace {
  sent(text: string): void;
  received(what: Received): void;
}

/** Nothing came in time. */
export class Silence extends Error {}

/** Something else came than was expected; `received` says what. */
export class Unexpected extends Error {
  readonly received: Received;

  constructor(expected: string, received: Received) {
    super(`expected ${expected}, got ${received.name} ${JSON.stringify(received.args)}`);
    this.received = received;
  }
}

/** What a client of today says about itself. */
export const USUAL_CLIENT_PROPERTIES: TableInput = {
  product: 'raw-client',
  capabilities: {
    publisher_confirms: true,
    exchange_exchange_bindings: true,
    'basic.nack': true,
    consumer_cancel_notify: true,
    'connection.blocked': true,
    authentication_failure_close: true,
  },
};

const PATIENCE_MS = 5_000;

interface Content {
  readonly name: string;
  readonly args: MethodArguments;
  properties: PropertyValues;
  bodySize: number;
  parts: Buffer[];
}

export class RawClient {
  /** How long a wait lasts before it is a `Silence`. */
  patienceMs = PATIENCE_MS;
  /** The largest body frame that `publish` makes, set by the handshake. */
  bodySizeMax = 131_072 - 8;
  readonly #socket: Socket;
  readonly #trace: Trace | undefined;
  #unparsed: Buffer = Buffer.alloc(0);
  readonly #contents = new Map<number, Content>();
  readonly #queued = new Map<number, Received[]>();
  readonly #waiting = new Map<number, ((received: Received) => void)[]>();
  readonly #channels = new Map<number, RawChannel>();
  #closed = false;
  #open = false;

  private constructor(socket: Socket, trace: Trace | undefined) {
    this.#socket = socket;
    this.#trace = trace;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#take(chunk as Buffer));
    // A reset after the broker's last word is a close like another; what was received before it stays queued.
    socket.on('error', () => {});
    socket.on('close', () => this.#end());
  }

  /** A TCP connection on loopback, nothing sent yet. @throws as `connect(2)` does */
  static connect(port: number, trace?: Trace): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = tcpConnect(port, '127.0.0.1');
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RawClient(socket, trace));
      });
    });
  }

  /** Over a connection that stands, such as one with TLS: it speaks from here on, and nobody else reads from it. */
  static over(socket: Socket, trace?: Trace): RawClient {
    return new RawClient(socket, trace);
  }

  /** Whether the broker (or this side) has ended the connection. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Whether connection.open-ok has come, and no connection.close since. */
  get isOpen(): boolean {
    return this.#open && !this.#closed;
  }

  /** The verbs for one channel; it is not opened by this. */
  channel(number: number): RawChannel {
    let channel = this.#channels.get(number);
    if (channel === undefined) {
      channel = new RawChannel(this, number);
      this.#channels.set(number, channel);
    }
    return channel;
  }

  /** The whole handshake as a well-behaved client does it. @throws Unexpected if the broker refuses */
  async handshake(options: OpenOptions = {}): Promise<void> {
    this.sendProtocolHeader();
    await this.channel(0).expect('connection.start');
    this.startOk(options);
    const { args: offered } = await this.channel(0).expect('connection.tune');
    this.tuneOk(offered, options.tune);
    this.channel(0).send('connection.open', { virtualHost: options.virtualHost ?? '/' });
    await this.channel(0).expect('connection.open-ok');
  }

  /** The handshake, and channel 1 opened. */
  async open(options: OpenOptions = {}): Promise<void> {
    await this.handshake(options);
    await this.call('channel.open');
  }

  /** connection.start-ok with PLAIN, guest/guest and a client's usual capabilities unless told otherwise. */
  startOk(options: OpenOptions = {}): void {
    const { user = 'guest', password = 'guest' } = options;
    this.channel(0).send('connection.start-ok', {
      clientProperties: options.clientProperties ?? USUAL_CLIENT_PROPERTIES,
      mechanism: options.mechanism ?? 'PLAIN',
      response: options.response ?? `\0${user}\0${password}`,
      locale: 'en_US',
    });
  }

  /** connection.tune-ok with the server's figures, no heartbeat, and what `tune` says instead. */
  tuneOk(offered: MethodArguments, tune: OpenOptions['tune'] = {}): void {
    const answer = { channelMax: offered.channelMax, frameMax: offered.frameMax, heartbeat: 0, ...tune };
    const frameMax = Number(answer.frameMax);
    if (frameMax > 8) this.bodySizeMax = frameMax - 8;
    this.channel(0).send('connection.tune-ok', answer);
  }

  /** Opens one more channel. */
  async openChannel(number: number): Promise<RawChannel> {
    await this.channel(number).call('channel.open');
    return this.channel(number);
  }

  sendProtocolHeader(header: Buffer = PROTOCOL_HEADER): void {
    this.sendBytes(header, `protocol header ${printable(header)}`);
  }

  /** Any bytes at all; `description` is for the trace. */
  sendBytes(bytes: Buffer, description = `bytes ${bytes.toString('hex')}`): void {
    this.#trace?.sent(description);
    if (!this.#closed) this.#socket.write(bytes);
  }

  /** One frame, of any type, with any payload and any end octet. */
  sendFrame(type: number, channel: number, payload: Buffer, end?: number): void {
    const ending = end === undefined ? '' : ` end=0x${end.toString(16)}`;
    const description = `frame type=${type} channel=${channel} size=${payload.length}${ending}`;
    this.sendBytes(encodeFrame(type, channel, payload, end), description);
  }

  sendHeartbeat(channel = 0): void {
    this.sendBytes(encodeFrame(FRAME_HEARTBEAT, channel, Buffer.alloc(0)), `heartbeat channel=${channel}`);
  }

  /** As on channel 1: see RawChannel. */
  send(name: string, args?: MethodArguments): void {
    this.channel(1).send(name, args);
  }

  call(name: string, args?: MethodArguments, reply?: string): Promise<Received> {
    return this.channel(1).call(name, args, reply);
  }

  expect(name: string): Promise<Received> {
    return this.channel(1).expect(name);
  }

  publish(message: Publish): void {
    this.channel(1).publish(message);
  }

  /**
   * The next thing on a channel, whatever it is. A connection.close is taken by whoever waits, on any channel, because
   * nothing else can come; the end of the socket comes last on every channel. @throws Silence
   */
  async read(channel: number, patienceMs = this.patienceMs): Promise<Received> {
    const received = this.takeQueued(channel) ?? this.#takeClose() ?? (await this.#arrival(channel, patienceMs));
    this.#trace?.received(received);
    return received;
  }

  /** What has come on a channel and was not taken, without waiting. Not traced. */
  takeQueued(channel: number): Received | undefined {
    const queued = this.#queued.get(channel)?.shift();
    if (queued !== undefined || !this.#closed || this.#closeIsQueued()) return queued;
    return { name: 'socket closed', channel, args: {} };
  }

  /** Channels on which something has come that no one has taken, lowest first. */
  channelsWithFrames(): number[] {
    return [...this.#queued]
      .filter(([, queue]) => queue.length > 0)
      .map(([channel]) => channel)
      .sort((a, b) => a - b);
  }

  /** An orderly connection.close; reads past everything that is still coming on channel 0. */
  async close(): Promise<void> {
    if (!this.#closed) {
      this.channel(0).send('connection.close', { replyCode: 200, replyText: 'bye' });
      for (let last = ''; last !== 'connection.close-ok' && last !== 'socket closed'; ) {
        last = (await this.read(0)).name;
      }
    }
    this.abort();
  }

  /** Ends the TCP connection with no word said. */
  abort(): void {
    this.#socket.destroy();
  }

  /** Stops reading, as a client does that is stuck: what the broker sends stays in the kernel's buffers, then in its own. */
  stopReading(): void {
    this.#socket.pause();
  }

  readOn(): void {
    this.#socket.resume();
  }

  /** Octets that the broker has not taken off the wire yet; not counting the kernel's buffers. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  #closeIsQueued(): boolean {
    return this.#queued.get(0)?.[0]?.name === 'connection.close';
  }

  #takeClose(): Received | undefined {
    return this.#closeIsQueued() ? this.#queued.get(0)!.shift() : undefined;
  }

  #arrival(channel: number, patienceMs: number): Promise<Received> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(channel) ?? [];
      this.#waiting.set(channel, waiting);
      const taker = (received: Received) => {
        clearTimeout(timer);
        resolve(received);
      };
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(taker), 1);
        reject(new Silence(`nothing came on channel ${channel} in ${patienceMs} ms`));
      }, patienceMs);
      waiting.push(taker);
    });
  }

  #take(chunk: Buffer): void {
    this.#unparsed = Buffer.concat([this.#unparsed, chunk]);
    while (this.#unparsed.length >= 8) {
      if (this.#unparsed.subarray(0, 4).toString() === 'AMQP') {
        const header = this.#unparsed.subarray(0, 8);
        this.#deliver({ name: 'protocol-header', channel: 0, args: { header: printable(header) } });
        this.#unparsed = this.#unparsed.subarray(8);
        continue;
      }
      const size = this.#unparsed.readUInt32BE(3);
      if (this.#unparsed.length < size + 8) return;
      this.#frame(this.#unparsed.readUInt8(0), this.#unparsed.readUInt16BE(1), this.#unparsed.subarray(7, 7 + size));
      this.#unparsed = this.#unparsed.subarray(size + 8);
    }
  }

  #frame(type: number, channel: number, payload: Buffer): void {
    if (type === FRAME_METHOD) {
      const { name, args } = decodeMethod(payload);
      if (carriesContent(name)) this.#contents.set(channel, { name, args, properties: {}, bodySize: -1, parts: [] });
      else this.#deliver({ name, channel, args });
    } else if (type === FRAME_HEARTBEAT) {
      this.#deliver({ name: 'heartbeat', channel, args: {} });
    } else {
      this.#contentFrame(type, channel, payload);
    }
  }

  #contentFrame(type: number, channel: number, payload: Buffer): void {
    const content = this.#contents.get(channel);
    if (content === undefined) {
      this.#deliver({ name: `frame of type ${type}`, channel, args: {} });
      return;
    }
    if (type === FRAME_HEADER) Object.assign(content, decodeContentHeader(payload));
    if (type === FRAME_BODY) content.parts.push(payload);
    this.#deliverIfComplete(channel, content);
  }

  #deliverIfComplete(channel: number, content: Content): void {
    const body = Buffer.concat(content.parts);
    if (body.length < content.bodySize || content.bodySize < 0) return;
    this.#contents.delete(channel);
    const { name, args, properties, parts } = content;
    this.#deliver({ name, channel, args, properties, body, bodySizes: parts.map((part) => part.length) });
  }

  #deliver(received: Received): void {
    if (received.name === 'connection.open-ok') this.#open = true;
    if (received.name === 'connection.close') this.#open = false;
    const taker = this.#waiting.get(received.channel)?.shift() ?? this.#anyoneWaiting(received);
    if (taker !== undefined) {
      taker(received);
      return;
    }
    const queue = this.#queued.get(received.channel) ?? [];
    queue.push(received);
    this.#queued.set(received.channel, queue);
  }

  #anyoneWaiting(received: Received): ((received: Received) => void) | undefined {
    if (received.name !== 'connection.close') return undefined;
    return [...this.#waiting.values()].find((takers) => takers.length > 0)?.shift();
  }

  #end(): void {
    this.#closed = true;
    for (const [channel, takers] of this.#waiting) {
      for (const taker of takers.splice(0)) taker({ name: 'socket closed', channel, args: {} });
    }
  }
}

/** One channel's verbs. */
export class RawChannel {
  readonly client: RawClient;
  readonly number: number;

  constructor(client: RawClient, number: number) {
    this.client = client;
    this.number = number;
  }

  /** Sends a method and waits for nothing. Fields left out are 0, '' or {}. @throws on a name or field that does not exist */
  send(name: string, args: MethodArguments = {}): void {
    const bytes = encodeFrame(FRAME_METHOD, this.number, encodeMethod(name, args));
    this.client.sendBytes(bytes, describe(this.number, name, args));
  }

  /** Sends a method and gives whatever comes next on this channel. */
  ask(name: string, args?: MethodArguments): Promise<Received> {
    this.send(name, args);
    return this.read();
  }

  /** Sends a method and waits for its `-ok`, or for `reply`. @throws Unexpected, Silence */
  call(name: string, args?: MethodArguments, reply = `${name}-ok`): Promise<Received> {
    this.send(name, args);
    return this.expect(reply);
  }

  /** The next thing on this channel, whatever it is. @throws Silence */
  read(patienceMs?: number): Promise<Received> {
    return this.client.read(this.number, patienceMs);
  }

  /** The next thing on this channel, which must be this. @throws Unexpected, Silence */
  async expect(name: string): Promise<Received> {
    const received = await this.read();
    if (received.name !== name) throw new Unexpected(name, received);
    return received;
  }

  /** The next `count` things on this channel. */
  async readMany(count: number): Promise<Received[]> {
    const all: Received[] = [];
    while (all.length < count) all.push(await this.read());
    return all;
  }

  /** basic.publish with header and bodies cut to the negotiated frame size, in one write. */
  publish(message: Publish): void {
    const { properties = {}, body = '', ...args } = message;
    const bytes = Buffer.from(body as string);
    const frames = [
      encodeFrame(FRAME_METHOD, this.number, encodeMethod('basic.publish', args)),
      encodeFrame(FRAME_HEADER, this.number, encodeContentHeader(bytes.length, properties)),
    ];
    for (let offset = 0; offset < bytes.length; offset += this.client.bodySizeMax) {
      const part = bytes.subarray(offset, offset + this.client.bodySizeMax);
      frames.push(encodeFrame(FRAME_BODY, this.number, part));
    }
    const text = describe(this.number, 'basic.publish', { ...args, ...(message.properties ?? {}) });
    this.client.sendBytes(Buffer.concat(frames), `${text} ${describeBody(bytes)}`);
  }

  /** A content header frame alone, for content that is wrong on purpose. */
  sendContentHeader(bodySize: number | bigint, properties?: PropertyValues, classId = 60): void {
    const payload = encodeContentHeader(bodySize, properties, classId);
    const text = `content-header class-id=${classId} body-size=${bodySize}`;
    this.client.sendBytes(encodeFrame(FRAME_HEADER, this.number, payload), `ch${this.number} ${text}`);
  }

  /** A body frame alone. */
  sendBody(body: string | Buffer): void {
    const bytes = Buffer.from(body as string);
    const frame = encodeFrame(FRAME_BODY, this.number, bytes);
    this.client.sendBytes(frame, `ch${this.number} content-body ${describeBody(bytes)}`);
  }
}

function describe(channel: number, name: string, args: MethodArguments): string {
  return `ch${channel} ${name}${describeArguments(args)}`;
}

/** ` routing-key="a" mandatory=true`: fields that are empty, zero or false are left out. */
export function describeArguments(args: MethodArguments): string {
  return Object.entries(args)
    .filter(([, value]) => value !== '' && value !== 0 && value !== false && value !== undefined)
    .map(([name, value]) => ` ${specificationName(name)}=${describeValue(value)}`)
    .join('');
}

/** `routingKey` as the specification writes it: `routing-key`. */
export function specificationName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** A body in quotes, or its size if it is long. */
export function describeBody(body: Buffer): string {
  return body.length > 64 ? `(${body.length} bytes)` : JSON.stringify(body.toString());
}

/** A value, table or array with the letters of what is not plain: `{x-max-length:I 10}`. */
export function describeValue(value: unknown): string {
  if (Buffer.isBuffer(value)) return `0x${value.toString('hex')}`;
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `[${value.map(describeValue).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if ('letter' in value && 'value' in value) {
    return value.letter === 'V' ? 'V' : `${value.letter} ${describeValue(value.value)}`;
  }
  const fields = Object.entries(value).map(([name, field]) => `${name}:${describeValue(field)}`);
  return `{${fields.join(', ')}}`;
}

function printable(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1'));
}
