/** amqplib, the most used Node client: connections, channels and how their errors surface. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { connect } from 'amqplib';
import {
  type AmqplibError,
  assertChannelCloses,
  exclusiveQueue,
  getBody,
  openChannel,
  openConnection,
  sendAll,
} from './amqplib-session.ts';
import { type BrokerUnderTest, startBrokerUnderTest, uniqueName, variantOf } from './broker-under-test.ts';
import { Link } from './link.ts';
import { withDeadline } from './waiting.ts';

describe('amqplib: connections and channels', { timeout: 60_000 }, () => {
  let broker: BrokerUnderTest;
  before(async () => {
    broker = await startBrokerUnderTest();
  });
  after(() => broker.stop());

  test('the server announces the capabilities that libraries switch on', async (t) => {
    const { connection } = await openConnection(t, broker.url);
    const capabilities = connection.serverProperties.capabilities as unknown as Record<string, boolean>;
    for (const name of [
      'publisher_confirms',
      'exchange_exchange_bindings',
      'basic.nack',
      'consumer_cancel_notify',
      'connection.blocked',
      'consumer_priorities',
      'authentication_failure_close',
      'per_consumer_qos',
      'direct_reply_to',
    ]) {
      assert.equal(capabilities[name], true, `capability ${name}`);
    }
  });

  test('a wrong password is refused with 403, by name of the mechanism', async () => {
    await assert.rejects(connect(variantOf(broker.url, { password: 'wrong' })), (error: AmqplibError) => {
      assert.match(error.message, /ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN/);
      return true;
    });
  });

  test('a vhost that does not exist is refused with 530', async () => {
    await assert.rejects(connect(variantOf(broker.url, { vhost: 'no-such-vhost' })), (error: AmqplibError) => {
      // amqplib names the method that came, not the reason in it.
      assert.equal(error.message, 'Expected ConnectionOpenOk; got <ConnectionClose channel:0>');
      return true;
    });
  });

  test('the broker sends the heartbeats that the client asked for', async (t) => {
    const link = await Link.open(broker.url);
    t.after(() => link.close());
    await openConnection(t, variantOf(link.url, { query: { heartbeat: '1' } }));
    await link.heartbeats.take(2);
  });

  test('AMQPLAIN, which RabbitMQ offers beside PLAIN, logs in', async (t) => {
    const { credentials } = await import('amqplib');
    const connection = await connect(broker.url, { credentials: credentials.amqplain('guest', 'guest') });
    t.after(() => connection.close());
    const channel = await connection.createChannel();
    assert.equal((await channel.assertQueue('', { exclusive: true })).messageCount, 0);
  });

  test('update-secret is answered and leaves the connection usable', async (t) => {
    const connection = await openConnection(t, broker.url);
    await withDeadline('update-secret-ok', connection.updateSecret(Buffer.from('guest'), 'rotation'));
    const channel = await connection.createChannel();
    assert.match(await exclusiveQueue(channel), /^amq\.gen-/);
  });

  test('a channel error closes that channel only, and its number can be used again', async (t) => {
    const connection = await openConnection(t, broker.url);
    const survivor = await connection.createChannel();
    const queue = await exclusiveQueue(survivor);
    for (let attempt = 0; attempt < 3; attempt++) {
      const channel = await connection.createChannel();
      const missing = uniqueName('missing');
      await assertChannelCloses(channel, 404, `NOT_FOUND - no queue '${missing}' in vhost '/'`, () =>
        channel.checkQueue(missing),
      );
    }
    sendAll(survivor, queue, ['still here']);
    assert.equal(await getBody(survivor, queue), 'still here');
  });

  test('a method with an answer is rejected with the reply code of the channel close', async (t) => {
    const channel = await openChannel(t, broker.url);
    await assert.rejects(channel.checkExchange('no-such-exchange'), (error: AmqplibError) => {
      assert.equal(error.code, 404);
      assert.match(error.message, /NOT_FOUND - no exchange 'no-such-exchange' in vhost '\/'/);
      return true;
    });
  });

  test('declaring a queue again with another property is a 406 that says which', async (t) => {
    const channel = await openChannel(t, broker.url);
    const queue = uniqueName('inequivalent');
    await channel.assertQueue(queue, { durable: false, expires: 60_000 });
    await assertChannelCloses(
      channel,
      406,
      `PRECONDITION_FAILED - inequivalent arg 'durable' for queue '${queue}' in vhost '/': received 'true' but current is 'false'`,
      () => channel.assertQueue(queue, { durable: true, expires: 60_000 }),
    );
  });

  test('declaring a queue again with another argument is a 406 that says which', async (t) => {
    const channel = await openChannel(t, broker.url);
    const queue = uniqueName('inequivalent');
    await channel.assertQueue(queue, { exclusive: true, arguments: { 'x-max-length': 10 } });
    await assertChannelCloses(
      channel,
      406,
      `PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue '${queue}' in vhost '/': received '11' but current is '10'`,
      () => channel.assertQueue(queue, { exclusive: true, arguments: { 'x-max-length': 11 } }),
    );
  });

  test('an exclusive queue is never durable, so durable on declaring it again is no difference', async (t) => {
    const channel = await openChannel(t, broker.url);
    const queue = uniqueName('exclusive');
    await channel.assertQueue(queue, { exclusive: true, durable: false });
    assert.equal((await channel.assertQueue(queue, { exclusive: true, durable: true })).queue, queue);
  });

  test('declaring an exchange again with another type is a 406 that says which', async (t) => {
    const channel = await openChannel(t, broker.url);
    await assertChannelCloses(
      channel,
      406,
      "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'amq.topic' in vhost '/': received 'direct' but current is 'topic'",
      () => channel.assertExchange('amq.topic', 'direct', { durable: true }),
    );
  });

  test("another connection's exclusive queue is locked with 405", async (t) => {
    const owner = await openChannel(t, broker.url);
    const queue = await exclusiveQueue(owner);
    const stranger = await openChannel(t, broker.url);
    await assertChannelCloses(
      stranger,
      405,
      new RegExp(`^RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '${queue}' in vhost '/'`),
      () => stranger.checkQueue(queue),
    );
  });

  test('names that begin with amq. are reserved', async (t) => {
    const channel = await openChannel(t, broker.url);
    await assertChannelCloses(
      channel,
      403,
      "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'",
      () => channel.assertExchange('amq.mine', 'fanout'),
    );
  });

  test('an unknown delivery tag closes the channel with 406', async (t) => {
    const channel = await openChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    sendAll(channel, queue, ['one']);
    const message = await channel.get(queue);
    assert.ok(message);
    message.fields.deliveryTag = 99;
    await assertChannelCloses(channel, 406, 'PRECONDITION_FAILED - unknown delivery tag 99', () =>
      channel.ack(message),
    );
  });

  test('an unknown exchange type closes the connection with 503', async (t) => {
    const connection = await openConnection(t, broker.url);
    const channel = await connection.createChannel();
    const failing = once(connection, 'error') as Promise<[AmqplibError]>;
    await assert.rejects(channel.assertExchange(uniqueName('odd'), 'no-such-type'));
    const [error] = await withDeadline('the connection to be closed', failing);
    assert.equal(error.code, 503);
    assert.match(error.message, /COMMAND_INVALID - unknown exchange type 'no-such-type'/);
  });

  test('fifty channels of one connection work side by side', async (t) => {
    const connection = await openConnection(t, broker.url);
    const channels = await Promise.all(Array.from({ length: 50 }, () => connection.createChannel()));
    const queues = await Promise.all(channels.map((channel) => exclusiveQueue(channel)));
    assert.equal(new Set(queues).size, 50);
    channels.forEach((channel, index) => {
      sendAll(channel, queues[(index + 1) % 50]!, [`from ${index}`]);
    });
    await Promise.all(channels.map((channel) => channel.checkExchange('amq.direct')));
    const received = await Promise.all(channels.map((channel, index) => getBody(channel, queues[index]!)));
    assert.deepEqual(
      received,
      channels.map((_, index) => `from ${(index + 49) % 50}`),
    );
  });

  test('closing a connection gives its unacked messages back, marked as redelivered', async (t) => {
    const watcher = await openChannel(t, broker.url);
    const queue = uniqueName('unacked');
    await watcher.assertQueue(queue, { expires: 60_000 });
    sendAll(watcher, queue, ['first', 'second']);
    const leaving = await openConnection(t, broker.url);
    const channel = await leaving.createChannel();
    for (const expected of ['first', 'second']) {
      const taken = await channel.get(queue);
      assert.ok(taken);
      assert.equal(taken.content.toString(), expected);
    }
    await leaving.close();
    for (const expected of ['first', 'second']) {
      const back = await watcher.get(queue, { noAck: true });
      assert.ok(back, `${expected} must be ready again once close-ok has come`);
      assert.deepEqual([back.content.toString(), back.fields.redelivered], [expected, true]);
    }
  });
});
