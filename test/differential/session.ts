/**
 * A differential session: a short script of a client's words that is played to two brokers, whose answers must be the same.
 *
 * Sessions run at the same time on one broker, so each names its own queues and exchanges through `name()`, which puts the
 * session's name behind the word.
 */

import { ask } from '../management/http-client.ts';
import {
  type OpenOptions,
  type RawChannel,
  RawClient,
  type Received,
  Silence,
  type Trace,
  Unexpected,
} from './raw-client.ts';
import { Transcript } from './transcript.ts';
import type { MethodArguments } from './wire-format.ts';

export interface Session {
  readonly group: string;
  /** A sentence; unique. */
  readonly title: string;
  run(context: SessionContext): Promise<void>;
}

/** Where a broker is, and what a test may rely on there. */
export interface Target {
  readonly port: number;
  /** Where the HTTP API is, such as `http://127.0.0.1:15672`. */
  readonly managementUrl: string | null;
}

/** What is said of a policy beside its definition. */
export interface PolicyOptions {
  /** In place of `policy`, where a session has several of them. */
  readonly word?: string;
  readonly priority?: number;
  readonly operator?: boolean;
}

const DRAIN_MS = 2_000;
let vhostChanges: Promise<unknown> = Promise.resolve();

/** Collects the sessions of one file: `const session = group('handshake', sessions)`. */
export function group(name: string, into: Session[]): (title: string, run: Session['run']) => void {
  return (title, run) => {
    into.push({ group: name, title, run });
  };
}

/** Plays one session to one broker and gives its transcript. What a client did not get stands in the transcript. */
export async function play(session: Session, target: Target): Promise<string> {
  const context = new SessionContext(session, target);
  try {
    await session.run(context);
  } catch (error) {
    if (!(error instanceof Silence || error instanceof Unexpected)) throw error;
    context.transcript.note(`the session stopped here: ${error.message}`);
  }
  await context.drain();
  return context.transcript.text;
}

export class SessionContext {
  readonly transcript: Transcript = new Transcript();
  readonly #suffix: string;
  readonly #target: Target;
  readonly #clients: { label: string; client: RawClient; trace: SwitchedTrace }[] = [];
  #nextProbe = 100;

  constructor(session: Session, target: Target) {
    this.#target = target;
    this.#suffix = slug(session.title);
  }

  /** A name of a queue or exchange that no other session uses. */
  name(word: string): string {
    return `${word}.${this.#suffix}`;
  }

  note(text: string): void {
    this.transcript.note(text);
  }

  /** A TCP connection with every byte in the transcript, nothing sent. */
  async connect(): Promise<RawClient> {
    const { client, trace } = await this.#quietClient();
    trace.on = true;
    return client;
  }

  /** A connection that has had its connection.start, not in the transcript. */
  async start(): Promise<RawClient> {
    const { client, trace } = await this.#quietClient();
    client.sendProtocolHeader();
    await client.channel(0).expect('connection.start');
    trace.on = true;
    return client;
  }

  /** A connection that is being asked to tune, and what it was offered; not in the transcript. */
  async tune(options?: OpenOptions): Promise<{ client: RawClient; offered: MethodArguments }> {
    const { client, trace } = await this.#quietClient();
    client.sendProtocolHeader();
    await client.channel(0).expect('connection.start');
    client.startOk(options);
    const { args: offered } = await client.channel(0).expect('connection.tune');
    trace.on = true;
    return { client, offered };
  }

  /** A connection with channel 1 open; the handshake is not in the transcript, for it has sessions of its own. */
  async open(options?: OpenOptions): Promise<RawChannel> {
    const { client, trace } = await this.#quietClient();
    await client.open(options);
    trace.on = true;
    return client.channel(1);
  }

  /** Declares a queue of this session, exclusive unless told. */
  async queue(channel: RawChannel, args: MethodArguments = {}, word = 'q'): Promise<string> {
    const queue = this.name(word);
    await channel.call('queue.declare', { queue, exclusive: args.durable !== true, ...args });
    return queue;
  }

  /** Declares an exchange of this session, which goes with its last binding unless told. */
  async exchange(channel: RawChannel, type: string, args: MethodArguments = {}, word = 'x'): Promise<string> {
    const exchange = this.name(word);
    await channel.call('exchange.declare', { exchange, type, autoDelete: true, ...args });
    return exchange;
  }

  /** Puts a policy for one queue or exchange, as an operator does while clients are connected. It holds when this returns. */
  async putPolicy(target: string, definition: object, options: PolicyOptions = {}): Promise<void> {
    const { priority = 0 } = options;
    const pattern = `^${target.replaceAll('.', '\\.')}$`;
    await this.#askForPolicy('PUT', options, { pattern, definition, priority });
    this.note(`${policyText(options)} for ${target}: ${JSON.stringify(definition)}`);
  }

  async deletePolicy(options: PolicyOptions = {}): Promise<void> {
    await this.#askForPolicy('DELETE', options);
    this.note(`${policyText(options)} is deleted`);
  }

  /** A vhost of this session with tracing on, and a channel in it whose queue `trace` gets all that is traced. */
  async traced(): Promise<{ channel: RawChannel; vhost: string; trace: string }> {
    const vhost = this.name('traced');
    await this.#put(vhost, {});
    const channel = await this.open({ virtualHost: vhost });
    const trace = this.name('trace');
    const quiet = this.quiet(channel.client);
    await channel.call('queue.declare', { queue: trace, exclusive: true });
    await channel.call('queue.bind', { queue: trace, exchange: 'amq.rabbitmq.trace', routingKey: '#' });
    quiet.on = true;
    await this.#put(vhost, { tracing: true });
    return { channel, vhost, trace };
  }

  async stopTracing(vhost: string): Promise<void> {
    await this.#put(vhost, { tracing: false });
    this.note('tracing is off');
  }

  /** One after the other: RabbitMQ keeps one list of the vhosts that it traces, and forgets one of two that come at once. */
  async #put(vhost: string, body: object): Promise<void> {
    const call = { method: 'PUT', path: `/api/vhosts/${vhost}`, body } as const;
    const asked = vhostChanges.then(() => ask(this.#target.managementUrl!, call));
    vhostChanges = asked.catch(() => undefined);
    const reply = await asked;
    if (reply.status >= 300) throw new Error(`PUT ${vhost}: ${reply.status} ${JSON.stringify(reply.body)}`);
  }

  async #askForPolicy(method: 'PUT' | 'DELETE', { word = 'policy', operator }: PolicyOptions, body?: object) {
    const kind = operator === true ? 'operator-policies' : 'policies';
    const path = `/api/${kind}/%2F/${this.name(word)}`;
    const reply = await ask(this.#target.managementUrl!, { method, path, ...(body === undefined ? {} : { body }) });
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
  }

  /** Takes confirms until all of 1 to `count` are confirmed, however the broker bundles them, and writes that down. */
  async confirmed(channel: RawChannel, count: number): Promise<void> {
    const trace = this.quiet(channel.client);
    const open = new Set(Array.from({ length: count }, (_, index) => index + 1));
    const refused: number[] = [];
    while (open.size > 0) {
      const { name, args } = await channel.read();
      if (name !== 'basic.ack' && name !== 'basic.nack') {
        this.note(`${name} came before all publishes were confirmed`);
        break;
      }
      for (const tag of [...open]) {
        if (tag !== args.deliveryTag && !(args.multiple === true && tag < Number(args.deliveryTag))) continue;
        open.delete(tag);
        if (name === 'basic.nack') refused.push(tag);
      }
    }
    trace.on = true;
    this.note(`publishes 1 to ${count} are confirmed${refused.length > 0 ? `, refused: ${refused.join(' ')}` : ''}`);
  }

  /** Publishes one after the other on a channel of its own in confirm mode, so that all are in the queue afterwards. */
  async fill(channel: RawChannel, queue: string, bodies: readonly string[]): Promise<void> {
    const trace = this.quiet(channel.client);
    const publisher = await channel.client.openChannel(this.#nextProbe++);
    await publisher.call('confirm.select');
    for (const body of bodies) {
      publisher.publish({ routingKey: queue, body });
      await publisher.expect('basic.ack');
    }
    await publisher.call('channel.close');
    trace.on = true;
    this.note(`${queue} gets ${bodies.join(' ')}, confirmed`);
  }

  /** Takes a client's words out of the transcript until `on` is set again. */
  quiet(client: RawClient): SwitchedTrace {
    const trace = this.#clients.find((known) => known.client === client)!.trace;
    trace.on = false;
    return trace;
  }

  /**
   * Repeats a question until its answer is as wished, and writes only the last answer down: for what a broker does in its
   * own time. The question is put on a new channel each time, because a refusal closes it.
   */
  async until(
    client: RawClient,
    method: string,
    args: MethodArguments,
    wished: (answer: Received) => boolean,
  ): Promise<void> {
    const trace = this.quiet(client);
    const deadlineMs = Date.now() + client.patienceMs;
    let answer: Received;
    do {
      const channel = await client.openChannel(this.#nextProbe++);
      answer = await channel.ask(method, args);
      channel.send(answer.name === 'channel.close' ? 'channel.close-ok' : 'channel.close');
      if (answer.name !== 'channel.close') await channel.expect('channel.close-ok');
    } while (!wished(answer) && Date.now() < deadlineMs);
    trace.on = true;
    trace.sent(`asks ${method} until the answer is:`);
    trace.received({ ...answer, channel: 0 });
  }

  /**
   * Closes what is open and writes down what came and was not read. Where the broker has sent connection.close there is
   * nothing more to learn: RabbitMQ stops reading after an error of framing.
   */
  async drain(): Promise<void> {
    for (const { label, client, trace } of this.#clients) {
      trace.on = false;
      if (client.isOpen) this.note(`${label} ends: ${await this.#ending(client)}`);
      for (const channel of client.channelsWithFrames()) this.#writeUnread(client, channel, label);
      client.abort();
    }
  }

  async #quietClient(): Promise<{ client: RawClient; trace: SwitchedTrace }> {
    const label = String.fromCharCode(65 + this.#clients.length);
    const trace = new SwitchedTrace(this.transcript.tracer(label));
    const client = await RawClient.connect(this.#target.port, trace);
    this.#clients.push({ label, client, trace });
    return { client, trace };
  }

  /** The broker's close-ok comes after everything that it had to say, so nothing is missed by not waiting longer. */
  async #ending(client: RawClient): Promise<string> {
    client.patienceMs = DRAIN_MS;
    client.channel(0).send('connection.close', { replyCode: 200, replyText: 'bye' });
    try {
      for (;;) {
        const { name } = await client.read(0);
        if (name !== 'heartbeat') return name;
      }
    } catch (error) {
      if (error instanceof Silence) return error.message;
      throw error;
    }
  }

  #writeUnread(client: RawClient, channel: number, label: string): void {
    const trace = this.transcript.tracer(`${label} unread`);
    for (let next = client.takeQueued(channel); next !== undefined; next = client.takeQueued(channel)) {
      if (next.name === 'socket closed') return;
      // How many heartbeats fit into a session is a matter of time.
      if (next.name !== 'heartbeat') trace.received(next);
    }
  }
}

/** A trace that says nothing before it is switched on. */
export class SwitchedTrace implements Trace {
  on = false;
  readonly #trace: Trace;

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  sent(text: string): void {
    if (this.on) this.#trace.sent(text);
  }

  received(what: Received): void {
    if (this.on) this.#trace.received(what);
  }
}

function policyText({ word, priority, operator }: PolicyOptions): string {
  const named = word === undefined ? '' : ` ${word}`;
  const ranked = priority === undefined ? '' : ` of priority ${priority}`;
  return `${operator === true ? 'operator policy' : 'policy'}${named}${ranked}`;
}

/** `A session's title` as a word: `a-session-s-title`, cut to 40 letters and a checksum of the rest. */
export function slug(title: string): string {
  const words = title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  if (words.length <= 48) return words;
  let sum = 0;
  for (const letter of words) sum = (sum * 31 + letter.charCodeAt(0)) % 46_656;
  return `${words.slice(0, 44)}-${sum.toString(36)}`;
}
