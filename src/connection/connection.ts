/**
 * A connection: bytes in, frames out of them, methods to their channels; and everything that ends it.
 *
 *   handshake --open--> running --close / error--> closing --close-ok, or a while--> closed
 *        '---------------(socket gone, or refused)----------------------------------^
 *
 * Publishers are stopped and consumers are not, on one connection too: see flow-control.ts, and docs/limits.md.
 *
 * An error is thrown where it is found and becomes channel.close or connection.close here, in one place.
 */
import type { Socket } from 'node:net';
import type { Identity, TlsPeer } from '../auth/access.ts';
import {
  FRAME_BODY,
  FRAME_END,
  FRAME_HEADER,
  FRAME_HEARTBEAT,
  FRAME_METHOD,
  FRAME_MIN_SIZE,
  PROTOCOL_HEADER,
} from '../protocol/constants.ts';
import {
  AmqpError,
  channelError,
  connectionForced,
  internalError,
  misplacedFrame,
  unreadableFrame,
} from '../protocol/errors.ts';
import type { FieldTable } from '../protocol/field-table.ts';
import { decodeMethod, METHOD_IDS, methodFrame, type OutgoingMethod } from '../protocol/methods.generated.ts';
import { printedOctets } from '../protocol/octets-text.ts';
import type { Queue } from '../queues/queue.ts';
import type { Timer } from '../runtime/clock.ts';
import type { Vhost } from '../vhost/vhost.ts';
import { AssemblyBudget } from './assembly-budget.ts';
import type { Channel } from './channel.ts';
import { ChannelFrames } from './channel-frames.ts';
import { addressesOf, type ConnectionDescription, nameOf } from './connection-description.ts';
import { ConnectionLog, reasonOf } from './connection-log.ts';
import type { ConnectionContext } from './context.ts';
import { ExclusiveQueues } from './exclusive-queues.ts';
import { FlowControl, type Flowing } from './flow-control.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import { Handshake, type HandshakeStep, hasCapability } from './handshake.ts';
import { Heartbeats } from './heartbeats.ts';
import { OutBuffer } from './out-buffer.ts';
import { Reading } from './reading.ts';
import { SendBacklog } from './send-backlog.ts';
import { Sending } from './sending.ts';
import { TimeLimits } from './time-limits.ts';

const HEARTBEAT_FRAME = Buffer.from([FRAME_HEARTBEAT, 0, 0, 0, 0, 0, 0, FRAME_END]);
/** RabbitMQ waits before it closes on a refused login, which makes guessing slow. */
const REFUSAL_DELAY_MS = 3_000;

export interface ConnectionEvents {
  closed(connection: Connection): void;
}

export class Connection implements FrameSink, Flowing {
  readonly context: ConnectionContext;
  readonly out: OutBuffer;
  readonly peer: string;
  /** `127.0.0.1:40000 -> 127.0.0.1:5672` */
  readonly name: string;
  readonly pid: number;
  readonly channels = new Map<number, Channel>();
  /** Of the messages that have come in part. */
  readonly assemblyBudget: AssemblyBudget;
  vhost: Vhost | null = null;
  /** Octets of a whole frame that may be sent. */
  frameMax = FRAME_MIN_SIZE;
  /** Set once it has published: then alarms and back-pressure are its business. */
  publishes = false;
  awaitsHeader = true;
  /** Until frame-max is agreed on, the smallest there is. RabbitMQ counts the payload alone against it. */
  largestPayload = FRAME_MIN_SIZE;
  suspended = false;

  readonly #socket: Socket;
  readonly #tls: TlsPeer | null;
  readonly #backlog: SendBacklog;
  readonly #sending: Sending;
  readonly #reading: Reading;
  readonly #events: ConnectionEvents;
  readonly #handshake: Handshake;
  readonly #log: ConnectionLog;
  readonly #reader: FrameReader = new FrameReader(this);
  #state: 'handshake' | 'running' | 'closing' | 'closed' = 'handshake';
  readonly #exclusiveQueues: ExclusiveQueues;
  readonly #flow: FlowControl = new FlowControl(this);
  readonly #frames = new ChannelFrames(this, this.#flow);
  readonly #heartbeats: Heartbeats;
  readonly #timeLimits: TimeLimits;
  /** connection.close has come while channels wait: what was sent before it is done first. */
  #closeAsked = false;
  #touched = false;
  /** By the wall clock. */
  #openedAtMs = 0;
  #dropTimer: Timer | null = null;
  receivedBytes = 0;

  constructor(
    context: ConnectionContext,
    socket: Socket,
    peer: string,
    events: ConnectionEvents,
    tls: TlsPeer | null = null,
  ) {
    this.context = context;
    this.peer = peer;
    this.name = nameOf(peer, socket);
    this.pid = context.pids.next();
    this.#log = new ConnectionLog(context.log, this);
    this.#socket = socket;
    this.#events = events;
    this.#tls = tls;
    this.#exclusiveQueues = new ExclusiveQueues(context);
    this.#handshake = new Handshake(context, peer, tls, this.#log, (user, refusal) => {
      context.lifecycle?.loggedIn(this, user, refusal);
    });
    this.#backlog = new SendBacklog(socket, context.clock, context.limits);
    this.out = new OutBuffer(socket, context.chunks, (size) => this.#sending.chunkSent(size));
    this.#sending = new Sending(this.out, this.#backlog, {
      hadShare: () => context.turn.awaitNext(this),
      tooManyAnswers: () => this.#suspend(),
    });
    this.#reading = new Reading(context.turn);
    this.assemblyBudget = new AssemblyBudget(context.limits.maxAssemblyBytes);
    const now = context.clock.monotonicMs();
    this.#heartbeats = new Heartbeats(now);
    this.#timeLimits = new TimeLimits(context.limits, this.#heartbeats, this.#backlog, now);
    socket.on('error', () => {}); // 'close' follows, and says all there is to say
    socket.on('close', () => this.#closed());
    socket.on('end', () => socket.end());
    socket.on('drain', () => this.#drained());
  }

  get identity(): Identity {
    return this.#handshake.identity;
  }

  get user(): string {
    return this.identity.user;
  }

  get vhostName(): string | null {
    return this.vhost?.name ?? null;
  }

  get clientProperties(): FieldTable {
    return this.#handshake.clientProperties;
  }

  get nowMs(): number {
    return this.context.turn.nowMs;
  }

  /** Octets that were written for the peer and not yet taken by the kernel. */
  get unsentBytes(): number {
    return this.#socket.writableLength + this.out.end;
  }

  /** True while its consumers get nothing more. */
  get sendBlocked(): boolean {
    return this.#sending.blocked;
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  get closing(): boolean {
    return this.#state === 'closing';
  }

  describe(): ConnectionDescription {
    return {
      ...addressesOf(this.peer, this.#socket),
      ...this.#handshake.agreed,
      tls: this.#tls,
      state: this.#shownState(),
      openedAtMs: this.#openedAtMs,
    };
  }

  #shownState(): ConnectionDescription['state'] {
    if (this.#state !== 'running') return 'closing';
    if (this.context.alarm() !== null) return this.#flow.blocked ? 'blocked' : 'blocking';
    return this.#flow.throttled ? 'flow' : 'running';
  }

  hasCapability(name: string): boolean {
    return hasCapability(this.#handshake.clientProperties, name);
  }

  // --- bytes in ---

  /**
   * Takes what was read; `bytes` may be overwritten as soon as this returns.
   * @returns false when it has read its share of this turn: others read too, and what came in is passed on first
   */
  receive(bytes: Buffer, end: number): boolean {
    this.context.turn.begin();
    this.receivedBytes += end;
    this.#heartbeats.received(this.context.clock.monotonicMs());
    this.#sending.beginAnswers();
    this.#reader.feed(bytes, end);
    this.#sending.endAnswers(true);
    if (this.publishes && this.context.store.congested) this.#flow.throttle();
    else if (this.#flow.holdsFrames) this.#flow.updateReading();
    if (this.#reading.count(end)) return true;
    this.context.turn.awaitNext(this);
    return false;
  }

  /** A new turn: it may read and send its share again. */
  nextTurn(): void {
    const maySendMore = this.#sending.nextTurn();
    this.#reading.nextTurn();
    if (this.#flow.holdsFrames) this.#taking(() => this.#flow.takeStopped());
    if (this.#flow.reads) this.#socket.resume();
    if (maySendMore) this.#wakeConsumers();
  }

  takeFrame(bytes: Buffer, type: number, number: number, from: number, to: number): void {
    if (this.#state === 'running' && number !== 0 && type <= FRAME_BODY && type > 0) {
      return this.#frames.take(bytes, type, number, from, to);
    }
    if (type === FRAME_METHOD && to - from >= 4) return this.#connectionMethod(bytes, number, from, to);
    if (type === FRAME_HEARTBEAT && to === from) {
      if (number === 0) return;
      throw misplacedFrame(type, bytes, from, to);
    }
    if (this.#state === 'closing') return;
    if (type === FRAME_HEADER || type === FRAME_BODY) {
      if (this.#state === 'handshake') return this.#drop('a content frame during the handshake');
      throw misplacedFrame(type, bytes, from, to);
    }
    throw unreadableFrame(type, bytes, from, to, 'unknown_frame');
  }

  // --- the connection's own methods ---

  takeHeader(bytes: Buffer, at: number): boolean {
    if (this.#state !== 'handshake') return false;
    this.#log.accepted();
    const step = this.#handshake.header(bytes, at);
    this.awaitsHeader = step === null;
    if (step !== null) this.#takeStep(step);
    else this.#refuseHeader(bytes, at);
    return step !== null;
  }

  /** What came is not the start of AMQP 0-9-1: the right header goes back. */
  #refuseHeader(bytes: Buffer, at: number): void {
    this.#log.cutOff(`{bad_header,${printedOctets(bytes.subarray(at, at + 8))}}`);
    this.out.append(Buffer.from(PROTOCOL_HEADER));
    this.#endSocket();
  }

  #connectionMethod(bytes: Buffer, number: number, from: number, to: number): void {
    if (this.#state === 'closing' && number !== 0) return;
    const method = decodeMethod(bytes, from, to);
    if (this.#state === 'handshake') return this.#takeStep(this.#handshake.method(method));
    switch (method.name) {
      case 'connection.close':
        if (this.#state === 'running' && this.#owesAnswers) return this.#closeLater();
        return this.#closeOk();
      case 'connection.close-ok':
        if (this.#state === 'closing') return this.#endSocket();
        break;
      case 'connection.update-secret':
        if (this.#state === 'closing') return;
        // Passwords do not expire: RabbitMQ's internal backend takes any new secret, too.
        return this.send(0, { name: 'connection.update-secret-ok' });
    }
    if (this.#state === 'closing') return;
    throw channelError('unexpected method in connection state running', METHOD_IDS[method.name]);
  }

  #takeStep(step: HandshakeStep): void {
    switch (step.kind) {
      case 'continue':
        for (const answer of step.answers) this.send(0, answer);
        return;
      case 'refuse':
        return this.#refuse(step.error);
      case 'drop':
        return this.#drop(step.reason);
      case 'open':
        return this.#open(step.vhost);
    }
  }

  #open(vhost: Vhost): void {
    this.vhost = vhost;
    this.#become('running');
    this.#openedAtMs = this.context.clock.nowMs();
    this.#log.opened();
    this.context.lifecycle?.connectionOpened(this);
    this.context.churn.connectionCreated++;
    const { frameMaxBytes, heartbeatSeconds } = this.#handshake;
    this.#frames.channelMax = this.#handshake.channelMax;
    this.#heartbeats.intervalMs = heartbeatSeconds * 1000;
    this.frameMax = frameMaxBytes === 0 ? Number.POSITIVE_INFINITY : frameMaxBytes;
    this.largestPayload = frameMaxBytes === 0 ? this.context.limits.maxMessageBytes : frameMaxBytes;
    this.send(0, { name: 'connection.open-ok' });
    this.tellAlarm();
  }

  // --- bytes out ---

  send(channel: number, method: OutgoingMethod): void {
    if (this.#state === 'closed') return;
    this.out.append(methodFrame(channel, method));
    this.touched();
  }

  /** Something was written into `out`: it is sent at the end of the turn. */
  touched(): void {
    if (this.#touched) return;
    this.#touched = true;
    this.context.turn.awaitFlush(this);
  }

  flush(): void {
    this.#touched = false;
    this.out.flush();
    this.#heartbeats.sent(this.context.clock.monotonicMs());
  }

  #drained(): void {
    const maySendMore = this.#sending.drained();
    this.context.turn.begin();
    if (maySendMore) this.#wakeConsumers();
    if (this.suspended && this.#dropTimer === null) this.#parseOn();
  }

  #wakeConsumers(): void {
    for (const channel of this.channels.values()) channel.wakeConsumers();
  }

  #suspend(): void {
    if (this.suspended) return;
    this.suspended = true;
    this.#flow.updateReading();
  }

  /** Ends a time in which nothing was parsed. */
  #parseOn(): void {
    this.suspended = false;
    this.#taking(() => {
      this.#flow.takeAll();
      this.#reader.readOn();
    });
    this.#flow.updateReading();
  }

  // --- stopping and going on ---

  /** The channel's next frames wait until `goOn`: what it asked for is not done yet. */
  wait(channel: Channel): void {
    channel.waitsFor = 'operation';
  }

  /** Ends a `wait`, if there is one, and does `then` first. An error in it is the client's to be told. */
  goOn(channel: Channel, then: () => void): void {
    if (this.#state === 'closed') return;
    if (channel.waitsFor !== 'operation') return then();
    this.context.turn.begin();
    channel.waitsFor = 'nothing';
    if (channel.open) this.#frames.last = channel;
    try {
      then();
    } catch (error) {
      this.fail(error);
    }
    this.#taking(() => this.#flow.take(channel.number));
    this.#flow.updateReading();
  }

  /** Answers what a channel has asked for as far as it is done; once all of it is, the channel waits no longer. */
  answer(channel: Channel): void {
    if (this.#state === 'closed' || channel.waitsFor !== 'operation') return;
    this.context.turn.begin();
    if (channel.open) this.#frames.last = channel;
    try {
      channel.pipeline.answer();
    } catch (error) {
      this.fail(error);
    }
    if (channel.pipeline.isEmpty) this.goOn(channel, () => {});
  }

  /** Whether something that was asked for is not done yet. */
  get #owesAnswers(): boolean {
    if (this.#flow.holdsFrames || this.#frames.closingCount > 0) return true;
    for (const { waitsFor, open } of this.channels.values()) if (open && waitsFor === 'operation') return true;
    return false;
  }

  /** Takes frames that were held: what is written meanwhile are answers. */
  #taking(take: () => void): void {
    const isOutermost = this.#sending.beginAnswers();
    take();
    this.#sending.endAnswers(isOutermost);
    this.closeIfDue();
  }

  /** A connection.close that has waited for answers is answered once there are no more of them. */
  closeIfDue(): void {
    if (this.#closeAsked && !this.#owesAnswers && this.#state === 'running') this.#closeOk();
  }

  takeHeldFrame(bytes: Buffer, type: number, number: number, from: number, to: number): void {
    try {
      this.takeFrame(bytes, type, number, from, to);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Publishers may go on, if nothing else holds them. */
  relieve(): void {
    this.#flow.relieve();
  }

  /** An alarm was raised or has gone. @param unwritten whether what was published already may be what cannot be written */
  tellAlarm(unwritten = false): void {
    this.#flow.tellAlarm(unwritten);
  }

  tellBlocked(reason: string | null): void {
    if (!this.hasCapability('connection.blocked')) return;
    this.send(0, reason === null ? { name: 'connection.unblocked' } : { name: 'connection.blocked', reason });
  }

  setReading(reads: boolean): void {
    if (this.#state === 'closed') return;
    if (reads) this.#socket.resume();
    else this.#socket.pause();
  }

  // --- exclusive queues ---

  /** The connection declared the queue exclusively: it goes with it. */
  own(queue: Queue): void {
    queue.owner = this;
    this.#exclusiveQueues.add(queue);
  }

  // --- time ---

  /** Heartbeats both ways, and everything that takes too long. @param unheardMs for how long nobody could be heard */
  tick(nowMs: number, unheardMs: number): void {
    this.#timeLimits.addUnheard(unheardMs);
    const reason = this.#timeLimits.exceeded(this.#state, this.#flow.reads, nowMs);
    if (reason !== null) return this.#destroySocket(reason);
    if (this.#state !== 'running') return;
    if (this.#heartbeats.isDue(nowMs)) {
      this.out.append(HEARTBEAT_FRAME);
      this.flush();
    }
    this.#checkConsumerTimeouts();
    for (const { publisher } of this.channels.values()) publisher.trim();
  }

  #checkConsumerTimeouts(): void {
    const { consumerTimeoutMs } = this.context.limits;
    for (const channel of this.channels.values()) {
      try {
        if (channel.open) channel.checkConsumerTimeout(this.context.clock.nowMs(), consumerTimeoutMs);
      } catch (error) {
        this.#closeChannel(channel, error as AmqpError);
      }
    }
  }

  // --- errors and the end ---

  fail(error: unknown): boolean {
    if (error instanceof AmqpError) this.#failOn(error);
    else {
      this.#log.crashed(error as Error);
      this.close(internalError(''));
    }
    return this.#state !== 'closed';
  }

  #failOn(error: AmqpError): void {
    if (this.#state === 'handshake') return this.#drop(error.replyText);
    const channel = this.#frames.last;
    if (error.scope === 'channel' && channel?.open === true) return this.#closeChannel(channel, error);
    this.close(error);
  }

  #closeChannel(channel: Channel, error: AmqpError): void {
    const { replyCode, replyText, classId, methodId } = error;
    this.#log.channelFailed(error, channel.number);
    channel.destroy();
    this.send(channel.number, { name: 'channel.close', replyCode, replyText, classId, methodId });
    if (channel.waitsFor === 'nothing') return;
    channel.waitsFor = 'nothing';
    this.#taking(() => this.#flow.take(channel.number));
  }

  /** Closes with connection.close, and the socket once it is answered. */
  close(error: AmqpError): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    if (this.#state === 'handshake') return this.#destroySocket(error.replyText);
    const { replyCode, replyText, classId, methodId } = error;
    this.#log.failed(error, this.#frames.last?.number ?? 0);
    this.#become('closing');
    this.#release();
    this.send(0, { name: 'connection.close', replyCode, replyText, classId, methodId });
    this.flush();
    if (this.suspended) this.#parseOn();
    this.#flow.updateReading();
  }

  /** A login or vhost that is refused, to a client that wants to be told. */
  #refuse(error: AmqpError): void {
    const { replyCode, replyText, classId, methodId } = error;
    if (this.#handshake.isOpening) this.#log.refused(reasonOf(error), 'opening');
    this.#become('closing');
    this.send(0, { name: 'connection.close', replyCode, replyText, classId, methodId });
  }

  /** Ends a handshake without a word; slowly, so that guessing passwords is slow too. */
  #drop(reason: string): void {
    if (this.suspended) return;
    this.#log.cutOff(reason);
    this.#suspend();
    this.#dropTimer = this.context.clock.after(REFUSAL_DELAY_MS, () => this.#destroySocket(reason));
  }

  /** What the client sent before its connection.close is done before it, as RabbitMQ does. */
  #closeLater(): void {
    this.#closeAsked = true;
  }

  /** The socket is the client's to close, as in RabbitMQ: see tick() for one that does not. */
  #closeOk(): void {
    const answer = () => this.send(0, { name: 'connection.close-ok' });
    if (this.#state === 'closing') return answer();
    this.#release(answer);
    this.#become('closing');
  }

  #endSocket(): void {
    this.out.flush();
    this.#become('closing');
    this.#socket.end();
    this.#socket.resume();
  }

  #destroySocket(reason: string): void {
    if (this.#socket.destroyed) return;
    this.#log.cutOff(reason);
    this.#socket.destroy();
  }

  /** Gives back everything that it holds of the broker. @param released called once its queues are gone */
  #release(released: () => void = () => {}): void {
    let maySpendQueues = false;
    for (const channel of this.channels.values()) {
      maySpendQueues ||= channel.maySpendQueues;
      if (channel.open) channel.destroy();
    }
    this.#flow.drop();
    this.context.churn.channelClosed += this.channels.size;
    this.channels.clear();
    this.#frames.last = null;
    this.#exclusiveQueues.deleteAll(maySpendQueues, released);
  }

  #become(next: 'running' | 'closing' | 'closed'): void {
    this.#state = next;
    this.#timeLimits.stateChanged(this.context.clock.monotonicMs());
  }

  #closed(): void {
    if (this.#state === 'closed') return;
    this.context.turn.begin();
    this.#release();
    this.#log.closed(this.#state === 'closing');
    this.#become('closed');
    this.#countClosed();
    this.#dropTimer?.cancel();
    this.#reader.end();
    this.context.lifecycle?.connectionClosed(this);
    this.#events.closed(this);
  }

  #countClosed(): void {
    const { churn } = this.context;
    if (this.vhost !== null) churn.connectionClosed++;
    churn.closedReceivedBytes += this.receivedBytes;
    churn.closedSentBytes += this.out.sentBytes;
  }

  /** The broker stops: the client is told, and everything it held is given back. */
  shutDown(): void {
    if (this.#state === 'closing') return this.#endSocket();
    if (this.#state === 'handshake') return this.destroy();
    this.close(connectionForced("broker forced connection closure with reason 'shutdown'"));
  }

  destroy(): void {
    this.#log.dismissed();
    this.#socket.destroy();
  }
}
