/** amqp-connection-manager: publishes into the future, and sets channels and consumers up again on every connection. */
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import amqp, { type AmqpConnectionManager, type Channel, type ChannelWrapper } from 'amqp-connection-manager';
import type { ConfirmChannel, ConsumeMessage } from 'amqplib';
import { type RestartableBroker, startRestartableBroker, uniqueName, variantOf } from './broker-under-test.ts';
import { eventually, Inbox, withDeadline } from './waiting.ts';

/** A manager that tries again within milliseconds and ends with its test. */
function manage(t: TestContext, url: string): AmqpConnectionManager {
  const manager = amqp.connect([url], { heartbeatIntervalInSeconds: 5, reconnectTimeInSeconds: 0.01 });
  t.after(() => manager.close());
  return manager;
}

/** The manager's own event type hides that it is an event emitter as Node knows it. */
function nextEvent(manager: AmqpConnectionManager, name: string): Promise<void> {
  return new Promise((resolve) => manager.once(name, () => resolve()));
}

/** A JSON channel that declares `queue`, which outlives a connection, on each one. */
async function channelWithQueue(manager: AmqpConnectionManager, queue: string): Promise<ChannelWrapper> {
  const channel = manager.createChannel({
    json: true,
    setup: (fresh: Channel) => fresh.assertQueue(queue, { durable: true, expires: 60_000 }),
  });
  await withDeadline('the channel to be set up', channel.waitForConnect());
  return channel;
}

/** A consumer that acknowledges what it puts into the inbox. */
async function consumeInto(channel: ChannelWrapper, queue: string): Promise<Inbox<unknown>> {
  const inbox = new Inbox<unknown>(`a delivery from ${queue}`);
  await channel.consume(queue, (message: ConsumeMessage) => {
    inbox.put(JSON.parse(message.content.toString()));
    channel.ack(message);
  });
  return inbox;
}

/** The library keeps what it has not sent yet; what was under way when a connection ends it gives back as an error. */
async function sendForSure(channel: ChannelWrapper, queue: string, body: string): Promise<boolean> {
  try {
    return await channel.sendToQueue(queue, body, { persistent: true });
  } catch (error) {
    if ((error as Error).message !== 'channel closed') throw error;
    return sendForSure(channel, queue, body);
  }
}

describe('amqp-connection-manager', { timeout: 60_000 }, () => {
  let broker: RestartableBroker;
  before(async () => {
    broker = await startRestartableBroker();
  });
  after(() => broker.stop());

  test('publishes JSON with confirms to what its setup declared, and consumes it', async (t) => {
    const manager = manage(t, broker.url);
    const queue = uniqueName('json');
    const channel = await channelWithQueue(manager, queue);
    const inbox = await consumeInto(channel, queue);
    assert.equal(await channel.sendToQueue(queue, { hello: 'world' }, { persistent: true }), true);
    assert.deepEqual(await inbox.next(), { hello: 'world' });
    await eventually('the queue to be empty', async () => (await channel.checkQueue(queue)).messageCount === 0);
  });

  test('reports a refused login and goes on trying', async (t) => {
    const manager = amqp.connect([variantOf(broker.url, { password: 'wrong' })], { reconnectTimeInSeconds: 0.01 });
    t.after(() => manager.close());
    const failures = new Inbox<string>('a failed connection');
    manager.on('connectFailed', ({ err }) => failures.put(err.message));
    for (const message of await failures.take(2)) assert.match(message, /ACCESS_REFUSED/);
    assert.equal(manager.isConnected(), false);
  });

  test('what is published while the broker is away arrives when it is back, in order', async (t) => {
    const manager = manage(t, broker.url);
    const queue = uniqueName('survivor');
    const channel = await channelWithQueue(manager, queue);
    const inbox = await consumeInto(channel, queue);
    await channel.sendToQueue(queue, 'before', { persistent: true });
    assert.equal(await inbox.next(), 'before');
    await channel.checkQueue(queue); // The ack went before it on this channel, and is done.

    const disconnected = nextEvent(manager, 'disconnect');
    await broker.goDown();
    await withDeadline('the connection to break', disconnected);
    const sent = ['1', '2', '3'].map((body) => channel.sendToQueue(queue, body, { persistent: true }));
    const connected = nextEvent(manager, 'connect');
    await broker.comeBack();
    await withDeadline('the connection to come back', connected);
    assert.deepEqual(await withDeadline('the confirms', Promise.all(sent)), [true, true, true]);
    assert.deepEqual(await inbox.take(3), ['1', '2', '3']);
  });

  test('of what is published all through three restarts, everything that is confirmed is there', async (t) => {
    const manager = manage(t, broker.url);
    const queue = uniqueName('restarts');
    const channel = await channelWithQueue(manager, queue);
    const bodies: string[] = [];
    const confirms: Promise<boolean>[] = [];
    const publish = (count: number): void => {
      for (let index = 0; index < count; index++) {
        const body = `message ${bodies.length}`;
        bodies.push(body);
        confirms.push(sendForSure(channel, queue, body));
      }
    };
    for (let restart = 0; restart < 3; restart++) {
      const disconnected = nextEvent(manager, 'disconnect');
      publish(500);
      await confirms.at(-400);
      await broker.goDown();
      await withDeadline('the connection to break', disconnected);
      const connected = nextEvent(manager, 'connect');
      publish(100);
      await broker.comeBack();
      await withDeadline('the connection to come back', connected);
    }
    await withDeadline('the confirms', Promise.all(confirms));
    const inbox = await consumeInto(channel, queue);
    // What was under way when the broker stopped is sent again, and may be there twice.
    const missing = new Set<unknown>(bodies);
    while (missing.size > 0) missing.delete(await inbox.next());
  });

  test('a persistent message waits in its durable queue through a restart', async (t) => {
    const manager = manage(t, broker.url);
    const queue = uniqueName('kept');
    const channel = await channelWithQueue(manager, queue);
    await channel.sendToQueue(queue, 'kept', { persistent: true });
    const disconnected = nextEvent(manager, 'disconnect');
    await broker.goDown();
    await withDeadline('the connection to break', disconnected);
    const connected = nextEvent(manager, 'connect');
    await broker.comeBack();
    await withDeadline('the connection to come back', connected);
    assert.equal(await (await consumeInto(channel, queue)).next(), 'kept');
  });

  test('a consumer whose queue was deleted is registered again', async (t) => {
    const manager = manage(t, broker.url);
    const queue = uniqueName('deleted');
    const channel = await channelWithQueue(manager, queue);
    await channel.addSetup((fresh: ConfirmChannel) =>
      fresh.assertExchange(`${queue}.x`, 'fanout', { autoDelete: true }),
    );
    const inbox = await consumeInto(channel, queue);
    // The library only consumes again: the queue must be there, so the deletion and the declaration go out together.
    await Promise.all([channel.deleteQueue(queue), channel.assertQueue(queue, { durable: true, expires: 60_000 })]);
    await eventually('the consumer to be back', async () => (await channel.checkQueue(queue)).consumerCount === 1);
    await channel.sendToQueue(queue, 'to the new queue');
    assert.equal(await inbox.next(), 'to the new queue');
  });

  test('a publish that the queue refuses is rejected', async (t) => {
    const manager = manage(t, broker.url);
    const queue = uniqueName('full');
    const channel = manager.createChannel({
      setup: (fresh: Channel) =>
        fresh.assertQueue(queue, { exclusive: true, maxLength: 1, overflow: 'reject-publish' }),
    });
    await channel.waitForConnect();
    await channel.sendToQueue(queue, Buffer.from('fits'));
    await assert.rejects(channel.sendToQueue(queue, Buffer.from('does not fit')), /message nacked/);
  });
});
