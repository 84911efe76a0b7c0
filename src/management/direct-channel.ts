/**
 * A channel of the broker without a socket: what the API does to queues and exchanges it does as an AMQP client of the caller's
 * would, through the same connection, the same checks and the same texts. Nothing is parsed or refused here a second time.
 *
 *   call(method) -> frames -> Connection.receive ... end of the turn ... Connection's writes -> frames -> the promise
 *
 * A connection of this kind lives for one request, as in RabbitMQ; it is in no list, counts for no limit, and no alarm stops it.
 */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Authenticator, Identity } from '../auth/access.ts';
import { Connection } from '../connection/connection.ts';
import type { ConnectionContext } from '../connection/context.ts';
import { AuthAttempts } from '../metrics/auth-attempts.ts';
import {
  BASIC_CLASS_ID,
  CONTENT_HEADER_SIZE,
  FRAME_BODY,
  FRAME_END,
  FRAME_HEADER,
  FRAME_HEADER_SIZE,
  FRAME_METHOD,
  PROTOCOL_HEADER,
} from '../protocol/constants.ts';
import { decodeMethod, type Method, methodFrame, type OutgoingMethod } from '../protocol/methods.generated.ts';
import { type BasicProperties, decodeProperties, encodeProperties } from '../protocol/properties.ts';
import type { Log } from '../runtime/log.ts';
import { ApiError } from './api-error.ts';

const CHANNEL = 1;
/** How long an answer may take: a confirm waits for the disk. */
const ANSWER_MS_MAX = 30_000;

/** What the broker closed the channel or the connection with. */
export class ChannelClosed extends Error {
  readonly replyCode: number;
  /** With the name of the code in front, as AMQP has it. */
  readonly replyText: string;

  constructor(replyCode: number, replyText: string) {
    super(`${replyCode} ${replyText}`);
    this.replyCode = replyCode;
    this.replyText = replyText;
  }

  /** Without the name of the code. */
  get reason(): string {
    return this.replyText.replace(/^[A-Z_]+ - /, '');
  }
}

export interface Content {
  readonly properties: BasicProperties;
  readonly body: Buffer;
}

export interface Answered<M extends Method = Method> {
  readonly method: M;
  /** Of basic.get-ok and basic.return. */
  readonly content?: Content;
}

export interface DirectChannelOptions {
  readonly context: ConnectionContext;
  readonly identity: Identity;
  readonly vhost: string;
  /** Ends all waiting. */
  readonly stopping: AbortSignal;
}

/** Opens a channel for the caller, hands it to `work`, and gives it up whatever became of that. */
export async function withDirectChannel<T>(
  options: DirectChannelOptions,
  work: (channel: DirectChannel) => Promise<T>,
): Promise<T> {
  const channel = new DirectChannel(options);
  try {
    return await work(channel);
  } finally {
    channel.end();
  }
}

export class DirectChannel {
  readonly #context: ConnectionContext;
  readonly #stopping: AbortSignal;
  readonly #socket: SocketSubstitute;
  readonly #connection: Connection;
  readonly #answers: Answered[] = [];
  /** A method whose content is still to come. */
  #incoming: { method: Method; properties: BasicProperties; bodySize: number; body: Buffer } | null = null;
  #closed: ChannelClosed | null = null;
  #waiting: (() => void) | null = null;

  constructor({ context, identity, vhost, stopping }: DirectChannelOptions) {
    this.#context = context;
    this.#stopping = stopping;
    this.#socket = new SocketSubstitute((bytes) => this.#takeFrames(bytes));
    const events = { closed: () => this.#wake() };
    const unlimited = { ...context.limits, frameMaxBytes: 0, channelMax: 0, heartbeatSeconds: 0 };
    const authenticator = trusting(context.authenticator, identity);
    const own = {
      ...context,
      log: errorsOf(context.log),
      lifecycle: null,
      lateReturns: null,
      limits: unlimited,
      authenticator,
      authAttempts: new AuthAttempts(),
      alarm: () => null,
    };
    this.#connection = new Connection(own, this.#socket as unknown as Socket, `http ${identity.user}`, events);
    this.#open(vhost);
  }

  #open(virtualHost: string): void {
    const start = { name: 'connection.start-ok', clientProperties: new Map(), mechanism: '', response: '' } as const;
    const opening: OutgoingMethod[] = [
      { ...start, locale: 'en_US' },
      { name: 'connection.tune-ok', channelMax: 0, frameMax: 0, heartbeat: 0 },
      { name: 'connection.open', virtualHost },
    ];
    const frames = opening.map((method) => methodFrame(0, method));
    this.#receive(
      Buffer.concat([Buffer.from(PROTOCOL_HEADER), ...frames, methodFrame(CHANNEL, { name: 'channel.open' })]),
    );
  }

  /** Sends a method and waits for the one that answers it. @throws ChannelClosed */
  async call<N extends Method['name']>(method: OutgoingMethod, ...names: N[]): Promise<Answered<Method & { name: N }>> {
    this.send(method);
    return this.next(...names);
  }

  send(method: OutgoingMethod): void {
    this.#receive(methodFrame(CHANNEL, method));
  }

  /** basic.publish with its content. */
  publish(exchange: string, routingKey: string, { properties, body }: Content, mandatory: boolean): void {
    const method = { name: 'basic.publish', exchange, routingKey, mandatory, immediate: false } as const;
    const head = Buffer.alloc(CONTENT_HEADER_SIZE);
    head.writeUInt16BE(BASIC_CLASS_ID, 0);
    head.writeUInt32BE(body.length, 8);
    const header = frame(FRAME_HEADER, Buffer.concat([head, encodeProperties(properties)]));
    const frames = [methodFrame(CHANNEL, method), header];
    if (body.length > 0) frames.push(frame(FRAME_BODY, body));
    this.#receive(Buffer.concat(frames));
  }

  /** The next of these methods that the broker sends; others are passed over. @throws ChannelClosed */
  async next<N extends Method['name']>(...names: N[]): Promise<Answered<Method & { name: N }>> {
    for (;;) {
      const answer = this.#answers.shift();
      if (answer !== undefined && (names as string[]).includes(answer.method.name)) {
        return answer as Answered<Method & { name: N }>;
      }
      if (answer !== undefined) continue;
      if (this.#closed !== null) throw this.#closed;
      await this.#more();
    }
  }

  #more(): Promise<void> {
    return new Promise((done, failed) => {
      const fail = (reason: string) => {
        settle();
        failed(new ApiError(503, 'timeout', reason));
      };
      const stopped = () => fail('the broker stops');
      const timer = this.#context.clock.after(ANSWER_MS_MAX, () => {
        fail(`the broker did not answer within ${ANSWER_MS_MAX} ms`);
      });
      const settle = () => {
        this.#waiting = null;
        timer.cancel();
        this.#stopping.removeEventListener('abort', stopped);
      };
      this.#stopping.addEventListener('abort', stopped);
      this.#waiting = () => {
        settle();
        done();
      };
    });
  }

  #wake(): void {
    this.#waiting?.();
  }

  end(): void {
    this.#connection.destroy();
  }

  #receive(bytes: Buffer): void {
    this.#connection.receive(bytes, bytes.length);
  }

  /** All frames of one write; the connection writes whole ones. */
  #takeFrames(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      const size = bytes.readUInt32BE(at + 3);
      this.#takeFrame(bytes[at]!, bytes, at + FRAME_HEADER_SIZE, at + FRAME_HEADER_SIZE + size);
      at += FRAME_HEADER_SIZE + size + 1;
    }
    this.#wake();
  }

  #takeFrame(type: number, bytes: Buffer, from: number, to: number): void {
    if (type === FRAME_METHOD) return this.#takeMethod(decodeMethod(bytes, from, to));
    const incoming = this.#incoming;
    if (incoming === null) return;
    if (type === FRAME_HEADER) {
      incoming.bodySize = bytes.readUInt32BE(from + CONTENT_HEADER_SIZE - 4);
      incoming.properties = decodeProperties(bytes, from + CONTENT_HEADER_SIZE, to);
    } else {
      incoming.body = Buffer.concat([incoming.body, bytes.subarray(from, to)]);
    }
    if (incoming.body.length < incoming.bodySize) return;
    const { method, properties, body } = incoming;
    this.#incoming = null;
    this.#answers.push({ method, content: { properties, body } });
  }

  #takeMethod(method: Method): void {
    if (method.name === 'channel.close' || method.name === 'connection.close') {
      this.#closed ??= new ChannelClosed(method.replyCode, method.replyText);
    } else if (method.name === 'basic.get-ok' || method.name === 'basic.return') {
      this.#incoming = { method, properties: {}, bodySize: 0, body: Buffer.alloc(0) };
    } else this.#answers.push({ method });
  }
}

/** What comes and goes with a request is not worth a line. */
function errorsOf({ error }: Log): Log {
  const quiet = () => undefined;
  return { debug: quiet, info: quiet, warning: quiet, error };
}

function frame(type: number, payload: Buffer): Buffer {
  const bytes = Buffer.alloc(FRAME_HEADER_SIZE + payload.length + 1);
  bytes[0] = type;
  bytes.writeUInt16BE(CHANNEL, 1);
  bytes.writeUInt32BE(payload.length, 3);
  payload.copy(bytes, FRAME_HEADER_SIZE);
  bytes[FRAME_HEADER_SIZE + payload.length] = FRAME_END;
  return bytes;
}

/** The caller has shown its password already, and limits on connections are about those that stay. */
function trusting(authenticator: Authenticator, identity: Identity): Authenticator {
  return {
    mechanisms: () => authenticator.mechanisms(),
    login: () => ({ kind: 'accepted', identity }),
    renew: () => ({ kind: 'accepted', identity }),
    enter: () => {},
    checkChannelCount: () => {},
  };
}

/** As much of a socket as a connection uses. What is written to it is taken at once. */
class SocketSubstitute extends EventEmitter {
  readonly writableLength = 0;
  readonly writableHighWaterMark = 0;
  destroyed = false;
  readonly #take: (bytes: Buffer) => void;

  constructor(take: (bytes: Buffer) => void) {
    super();
    this.#take = take;
  }

  /** @param chunk the writer's again when `written` is called */
  write(chunk: Buffer, written: () => void): boolean {
    this.#take(Buffer.from(chunk));
    written();
    return true;
  }

  end(): void {}

  pause(): void {}

  resume(): void {}

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }
}
