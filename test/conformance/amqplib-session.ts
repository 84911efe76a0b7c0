/** Connections and channels of amqplib that end with the test that opened them. */
import assert from 'node:assert/strict';
import { type EventEmitter, once } from 'node:events';
import type { TestContext } from 'node:test';
import { type Channel, type ChannelModel, type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';
import { Inbox, withDeadline } from './waiting.ts';

/** What amqplib throws and emits when the broker closes a channel or a connection. */
export interface AmqplibError extends Error {
  readonly code?: number;
}

/** Opens a connection that is closed after the test, if it still is open. */
export async function openConnection(t: TestContext, url: string): Promise<ChannelModel> {
  const connection = await connect(url);
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  let isOpen = true;
  connection.on('close', () => {
    isOpen = false;
    resolve();
  });
  reportErrors(t, 'connection', connection);
  t.after(async () => {
    // amqplib's close() never settles when the connection breaks meanwhile; the event always comes.
    if (isOpen) await Promise.race([connection.close(), closed]);
  });
  return connection;
}

/** Opens a channel on a connection of its own. An error that the test does not listen for shows up with the test's result. */
export async function openChannel(t: TestContext, url: string): Promise<Channel> {
  return watched(t, await (await openConnection(t, url)).createChannel());
}

/** As `openChannel`, with publisher confirms. */
export async function openConfirmChannel(t: TestContext, url: string): Promise<ConfirmChannel> {
  return watched(t, await (await openConnection(t, url)).createConfirmChannel());
}

function watched<C extends Channel>(t: TestContext, channel: C): C {
  reportErrors(t, 'channel', channel);
  return channel;
}

/** Shows an error with the test's result, unless the test itself listens for errors. */
function reportErrors(t: TestContext, what: string, emitter: EventEmitter): void {
  emitter.on('error', (error: AmqplibError) => {
    if (emitter.listenerCount('error') === 1) t.diagnostic(`${what} error: ${error.message}`);
  });
}

/** Asserts that the broker closes `channel` with this reply code and text because of what `provoke` does. */
export async function assertChannelCloses(
  channel: Channel,
  replyCode: number,
  replyText: string | RegExp,
  provoke: () => unknown,
): Promise<void> {
  const closing = once(channel, 'error') as Promise<[AmqplibError]>;
  const answer = Promise.resolve(provoke());
  answer.catch(() => undefined); // A method with an answer fails as the channel does, and the channel is looked at below.
  const [error] = await withDeadline(`the channel to be closed with ${replyCode}`, closing);
  assert.equal(error.code, replyCode);
  const text = /with message "(.*)"$/s.exec(error.message)?.[1] ?? error.message;
  if (typeof replyText === 'string') assert.equal(text, replyText);
  else assert.match(text, replyText);
}

/** Starts a consumer. `null`, which amqplib gives when the broker cancels the consumer, goes into the inbox too. */
export async function consumeInto(
  channel: Channel,
  queue: string,
  options: Parameters<Channel['consume']>[2] = {},
): Promise<{ consumerTag: string; inbox: Inbox<ConsumeMessage | null> }> {
  const inbox = new Inbox<ConsumeMessage | null>(`a delivery from ${queue}`);
  const { consumerTag } = await channel.consume(queue, inbox.put, options);
  return { consumerTag, inbox };
}

/** The next delivery, which must not be a cancellation. */
export async function nextMessage(inbox: Inbox<ConsumeMessage | null>): Promise<ConsumeMessage> {
  const message = await inbox.next();
  assert.ok(message !== null, 'the broker cancelled the consumer instead of delivering');
  return message;
}

/** The next `count` deliveries, as text, in order. */
export async function nextBodies(inbox: Inbox<ConsumeMessage | null>, count: number): Promise<string[]> {
  const messages = await inbox.take(count);
  return messages.map((message) => {
    assert.ok(message !== null, 'the broker cancelled the consumer instead of delivering');
    return message.content.toString();
  });
}

/** An exclusive queue with a name of the broker's choosing, gone with its connection. */
export async function exclusiveQueue(channel: Channel, queueArguments: Record<string, unknown> = {}): Promise<string> {
  const { queue } = await channel.assertQueue('', { exclusive: true, arguments: queueArguments });
  return queue;
}

/** Publishes each text to `queue` through the default exchange, as persistent messages. */
export function sendAll(channel: Channel, queue: string, bodies: readonly string[]): void {
  for (const body of bodies) channel.sendToQueue(queue, Buffer.from(body), { persistent: true });
}

/** Takes one message by basic.get without acknowledgement and returns its text; `undefined` when the queue is empty. */
export async function getBody(channel: Channel, queue: string): Promise<string | undefined> {
  const message = await channel.get(queue, { noAck: true });
  return message ? message.content.toString() : undefined;
}
