/**
 * From the frames of a running connection to its channels: they are opened and closed here, publishes and acks are told apart
 * from all other methods in place, and what comes for a channel that waits is held.
 */
import { FRAME_BODY, FRAME_METHOD } from '../protocol/constants.ts';
import { AmqpError, channelError, notAllowed, unreadableFrame } from '../protocol/errors.ts';
import { decodeMethod, METHOD_IDS, type Method } from '../protocol/methods.generated.ts';
import type { Vhost } from '../vhost/vhost.ts';
import { Channel } from './channel.ts';
import type { Connection } from './connection.ts';
import { expectedMethod } from './content-errors.ts';
import type { FlowControl } from './flow-control.ts';
import { settle } from './settling.ts';

export class ChannelFrames {
  /** The channel of the last frame: they come in runs, and an error that is found in one is its channel's. */
  last: Channel | null = null;
  /** As it was agreed on; 0 is no limit. */
  channelMax = 0;
  /** Channels that were closed, and whose queues have not gone yet. */
  closingCount = 0;
  readonly #connection: Connection;
  readonly #flow: FlowControl;

  constructor(connection: Connection, flow: FlowControl) {
    this.#connection = connection;
    this.#flow = flow;
  }

  take(bytes: Buffer, type: number, number: number, from: number, to: number): void {
    let channel = this.last;
    if (channel === null || channel.number !== number) {
      channel = this.#connection.channels.get(number) ?? null;
      if (channel === null) return this.#frameWithoutChannel(bytes, type, number, from, to);
      this.last = channel;
    }
    if (channel.waitsFor !== 'nothing') return this.#takeAhead(channel, bytes, type, from, to);
    if (type === FRAME_METHOD) {
      if (to - from < 4) throw unreadableFrame(type, bytes, from, to, 'unknown_frame');
      if (!channel.open) return this.#methodWhileClosing(channel, bytes, from, to);
      const { publisher } = channel;
      if (!publisher.idle) throw publisher.expected();
      if (bytes[from + 1] === 60 && bytes[from] === 0 && bytes[from + 2] === 0) {
        if (bytes[from + 3] === 40) {
          this.#connection.publishes = true;
          if (this.#flow.publishingStopped) return this.#flow.stopPublisher(channel, bytes, from, to);
          return publisher.method(bytes, from + 4, to);
        }
        if (bytes[from + 3] === 80 && to - from === 13 && bytes[from + 4] === 0 && bytes[from + 5] < 0x20) {
          const tag = bytes.readUInt32BE(from + 4) * 0x100000000 + bytes.readUInt32BE(from + 8);
          return settle(channel, tag, (bytes[from + 12] & 1) !== 0, 'ack');
        }
      }
      return this.#channelMethod(channel, decodeMethod(bytes, from, to));
    }
    if (!channel.open) return;
    if (type === FRAME_BODY) return channel.publisher.body(bytes, from, to);
    if (to - from < 14) throw unreadableFrame(type, bytes, from, to, 'unknown_frame');
    channel.publisher.header(bytes, from, to);
  }

  /** A frame of a channel that waits is held, unless it asks for what needs not wait for what was asked before. */
  #takeAhead(channel: Channel, bytes: Buffer, type: number, from: number, to: number): void {
    const mayBe = type === FRAME_METHOD && to - from >= 4 && !channel.pipeline.isEmpty && channel.open;
    if (mayBe && this.#flow.isFirst(channel.number) && proposeAhead(channel, bytes, from, to)) return;
    this.#flow.hold(channel.number, bytes, from, to);
  }

  #channelMethod(channel: Channel, method: Method): void {
    if (method.name === 'channel.close') {
      return this.#closeChannel(channel);
    }
    if (method.name === 'channel.open') throw channelError("second 'channel.open' seen", METHOD_IDS[method.name]);
    if (method.name === 'channel.close-ok') return;
    try {
      channel.handle(method);
    } catch (error) {
      // The method is known here and nowhere below: errors carry it to the client.
      if (error instanceof AmqpError && error.classId === 0) throw error.at(METHOD_IDS[method.name]);
      throw error;
    }
  }

  /** Queues that go with their last consumer have gone when the client hears of the end. */
  #closeChannel(channel: Channel): void {
    const { number, maySpendQueues } = channel;
    this.remove(channel);
    const answer = () => this.#connection.send(number, { name: 'channel.close-ok' });
    if (!maySpendQueues) return answer();
    this.closingCount++;
    this.#connection.context.metadata.propose([], () => {
      this.closingCount--;
      answer();
      this.#connection.closeIfDue();
    });
  }

  #frameWithoutChannel(bytes: Buffer, type: number, number: number, from: number, to: number): void {
    if (type !== FRAME_METHOD) throw expectedMethod();
    if (to - from < 4) throw unreadableFrame(type, bytes, from, to, 'unknown_frame');
    const method = decodeMethod(bytes, from, to);
    if (method.name !== 'channel.open') {
      throw channelError("expected 'channel.open'", METHOD_IDS[method.name]);
    }
    this.#openChannel(number);
  }

  #openChannel(number: number): void {
    const { channelMax } = this;
    if (channelMax !== 0 && this.#connection.channels.size >= channelMax) {
      throw notAllowed(
        `number of channels opened (${this.#connection.channels.size}) has reached the negotiated channel_max (${channelMax})`,
      );
    }
    this.#connection.context.authenticator.checkChannelCount(this.#connection.identity);
    const vhost = this.#connection.vhost as Vhost;
    const access = this.#connection.context.access(this.#connection.identity, vhost.name);
    this.#connection.channels.set(number, new Channel(this.#connection, number, vhost, access));
    this.#connection.context.churn.channelCreated++;
    this.#connection.send(number, { name: 'channel.open-ok' });
  }

  /** A channel that was closed on an error takes close and close-ok, and refuses to be opened; the rest is lost on it. */
  #methodWhileClosing(channel: Channel, bytes: Buffer, from: number, to: number): void {
    const method = decodeMethod(bytes, from, to);
    if (method.name === 'channel.close-ok') this.remove(channel);
    else if (method.name === 'channel.close') this.#connection.send(channel.number, { name: 'channel.close-ok' });
    else if (method.name === 'channel.open') throw channelError("second 'channel.open' seen", METHOD_IDS[method.name]);
  }

  remove(channel: Channel): void {
    this.#connection.channels.delete(channel.number);
    this.#connection.context.churn.channelClosed++;
    if (this.last === channel) this.last = null;
    if (channel.open) channel.destroy();
  }
}

const EXCHANGE_CLASS = 40;
const QUEUE_CLASS = 50;

/** @returns false where it has to wait: nothing of it has happened then */
function proposeAhead(channel: Channel, bytes: Buffer, from: number, to: number): boolean {
  const classId = bytes.readUInt16BE(from);
  if (classId !== EXCHANGE_CLASS && classId !== QUEUE_CLASS) return false;
  const { churn } = channel.context;
  const { queueDeclared } = churn;
  try {
    const method = decodeMethod(bytes, from, to);
    if (!channel.pipeline.mayTake(method, channel.vhost)) return false;
    channel.handle(method);
    return true;
  } catch (error) {
    if (!(error instanceof AmqpError)) throw error;
    // It is refused in its turn, if it still is to be refused by then.
    churn.queueDeclared = queueDeclared;
    return false;
  }
}
