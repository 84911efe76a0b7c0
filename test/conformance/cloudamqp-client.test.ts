/** @cloudamqp/amqp-client: the low-level client, and the session on top of it that recovers by itself. */
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { type AMQPChannel, AMQPClient, type AMQPMessage, AMQPSession } from '@cloudamqp/amqp-client';
import {
  type BrokerUnderTest,
  type RestartableBroker,
  startBrokerUnderTest,
  startRestartableBroker,
  uniqueName,
  variantOf,
} from './broker-under-test.ts';
import { eventually, Inbox, withDeadline } from './waiting.ts';

/** A connection that ends with its test, and says nothing on the console. */
async function openConnection(t: TestContext, url: string) {
  const client = new AMQPClient(url, undefined, null);
  client.onerror = (error) => t.diagnostic(`connection error: ${error.message}`);
  const connection = await client.connect();
  t.after(async () => {
    if (!connection.closed) await connection.close();
  });
  return connection;
}

async function openChannel(t: TestContext, url: string): Promise<AMQPChannel> {
  return (await openConnection(t, url)).channel();
}

async function exclusiveQueue(channel: AMQPChannel, queueArguments = {}): Promise<string> {
  return (await channel.queueDeclare('', { exclusive: true }, queueArguments)).name;
}

describe('@cloudamqp/amqp-client', { timeout: 60_000 }, () => {
  let broker: BrokerUnderTest;
  before(async () => {
    broker = await startBrokerUnderTest();
  });
  after(() => broker.stop());

  test('connects to the vhost of its URL, and negotiates heartbeat and frame size', async (t) => {
    const connection = await openConnection(
      t,
      variantOf(broker.url, { query: { heartbeat: '7', frameMax: '16384', channelMax: '100' } }),
    );
    assert.deepEqual([connection.heartbeat, connection.frameMax, connection.channelMax], [7, 16_384, 100]);
  });

  test('a vhost that does not exist is refused with 530', async () => {
    const client = new AMQPClient(variantOf(broker.url, { vhost: 'no-such-vhost' }), undefined, null);
    await assert.rejects(client.connect(), /NOT_ALLOWED - vhost no-such-vhost not found \(530\)/);
  });

  test('a wrong password is refused with 403', async () => {
    const client = new AMQPClient(variantOf(broker.url, { password: 'wrong' }), undefined, null);
    await assert.rejects(client.connect(), /ACCESS_REFUSED.*\(403\)/);
  });

  test('publishes with confirms, which count up from 1, and consumes', async (t) => {
    const channel = await openChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    await channel.confirmSelect();
    const tags = await Promise.all(['1', '2', '3'].map((body) => channel.basicPublish('', queue, body)));
    assert.deepEqual(tags, [1, 2, 3]);
    await channel.prefetch(2);
    const inbox = new Inbox<AMQPMessage>('a delivery');
    const consumer = await channel.basicConsume(queue, { noAck: false }, inbox.put);
    const [first] = await inbox.take(2);
    assert.equal((await channel.queueDeclare(queue, { passive: true })).messageCount, 1);
    assert.equal(first?.bodyString(), '1');
    await first?.ack();
    assert.equal((await inbox.next()).bodyString(), '3');
    await consumer.cancel();
  });

  test('all exchange types are declared, bound to each other, unbound and deleted', async (t) => {
    const channel = await openChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    await channel.confirmSelect();
    for (const type of ['direct', 'fanout', 'topic', 'headers']) {
      const [outer, inner] = [uniqueName(type), uniqueName(type)];
      for (const exchange of [outer, inner]) await channel.exchangeDeclare(exchange, type, { durable: false });
      await channel.exchangeBind(inner, outer, 'key', { 'x-match': 'all', color: 'blue' });
      await channel.queueBind(queue, inner, 'key', { 'x-match': 'all', color: 'blue' });
      await channel.basicPublish(outer, 'key', type, { headers: { color: 'blue' } });
      const message = await channel.basicGet(queue, { noAck: true });
      assert.deepEqual([message?.bodyString(), message?.exchange], [type, outer]);
      await channel.queueUnbind(queue, inner, 'key', { 'x-match': 'all', color: 'blue' });
      await channel.basicPublish(outer, 'key', 'unbound', { headers: { color: 'blue' } });
      assert.equal(await channel.basicGet(queue), null);
      await channel.exchangeUnbind(inner, outer, 'key', { 'x-match': 'all', color: 'blue' });
      for (const exchange of [outer, inner]) await channel.exchangeDelete(exchange, { ifUnused: true });
    }
  });

  test('a mandatory message without a queue is returned with its properties', async (t) => {
    const channel = await openChannel(t, broker.url);
    const returned = new Inbox<AMQPMessage>('a returned message');
    channel.onReturn = returned.put;
    await channel.confirmSelect();
    await channel.basicPublish('amq.topic', 'nowhere', 'lost', { messageId: 'm-1' }, true);
    const message = await returned.next();
    assert.deepEqual(
      [message.replyCode, message.replyText, message.properties.messageId, message.bodyString()],
      [312, 'NO_ROUTE', 'm-1', 'lost'],
    );
  });

  test('a message that the queue refuses rejects the publish', async (t) => {
    const channel = await openChannel(t, broker.url);
    const queue = await exclusiveQueue(channel, { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    await channel.confirmSelect();
    await channel.basicPublish('', queue, 'fits');
    await assert.rejects(channel.basicPublish('', queue, 'does not fit'), /Message rejected/);
  });

  test('nack with requeue redelivers, and reject without it dead-letters', async (t) => {
    const channel = await openChannel(t, broker.url);
    const dead = await exclusiveQueue(channel);
    const queue = await exclusiveQueue(channel, { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead });
    await channel.confirmSelect();
    await channel.basicPublish('', queue, 'poison');
    const first = await channel.basicGet(queue, { noAck: false });
    await first?.nack(true);
    const second = await channel.basicGet(queue, { noAck: false });
    assert.deepEqual([first?.redelivered, second?.redelivered], [false, true]);
    await second?.reject(false);
    const letter = await eventually('the dead letter', async () => (await channel.basicGet(dead)) ?? undefined);
    assert.equal(letter.bodyString(), 'poison');
    const [death] = (letter.properties.headers?.['x-death'] ?? []) as Record<string, unknown>[];
    assert.ok(death);
    assert.ok(death.time instanceof Date);
    assert.deepEqual([death.reason, death.queue, death.count], ['rejected', queue, 1]);
  });

  test('a consumer whose queue is deleted ends with an error that says so', async (t) => {
    const channel = await openChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    const consumer = await channel.basicConsume(queue, {}, () => undefined);
    const ended = assert.rejects(consumer.wait(), /cancelled by the server/i);
    await channel.queueDelete(queue);
    await withDeadline('the consumer to end', ended);
  });

  test('errors of a channel reject what was waiting, and the connection stays', async (t) => {
    const connection = await openConnection(t, broker.url);
    const [first, second, third] = [await connection.channel(), await connection.channel(), await connection.channel()];
    for (const channel of [first, second]) channel.onerror = () => undefined; // The rejections below tell the same.
    await assert.rejects(
      first.queueDeclare('no-such-queue', { passive: true }),
      /NOT_FOUND - no queue 'no-such-queue' in vhost '\/' \(404\)/,
    );
    await assert.rejects(
      second.exchangeDeclare('amq.fanout', 'topic', { durable: true }),
      /inequivalent arg 'type' for exchange 'amq\.fanout' in vhost '\/': received 'topic' but current is 'fanout' \(406\)/,
    );
    assert.deepEqual([first.closed, second.closed, third.closed], [true, true, false]);
    assert.match(await exclusiveQueue(third), /^amq\.gen-/);
  });

  test('a transaction holds publishes and acks back until its commit', async (t) => {
    const connection = await openConnection(t, broker.url);
    const [channel, witness] = [await connection.channel(), await connection.channel()];
    const queue = await exclusiveQueue(channel);
    const count = async () => (await witness.queueDeclare(queue, { passive: true })).messageCount;
    await channel.txSelect();
    await channel.basicPublish('', queue, 'one');
    assert.equal(await count(), 0);
    await channel.txRollback();
    await channel.basicPublish('', queue, 'two');
    await channel.txCommit();
    assert.equal(await count(), 1);
    const message = await channel.basicGet(queue, { noAck: false });
    await message?.ack();
    await channel.close();
    assert.equal(await count(), 1, 'an ack that was not committed is undone when the channel closes');
  });

  test('recover gives the unacked back', async (t) => {
    const channel = await openChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    await channel.confirmSelect();
    await channel.basicPublish('', queue, 'one');
    assert.equal((await channel.basicGet(queue, { noAck: false }))?.redelivered, false);
    await channel.basicRecover(true);
    assert.equal((await channel.basicGet(queue, { noAck: true }))?.redelivered, true);
  });

  test('channel.flow from the client is accepted where it turns the flow on', async (t) => {
    const channel = await openChannel(t, broker.url);
    assert.equal(await channel.basicFlow(true), true);
  });

  test('update-secret is answered', async (t) => {
    const connection = await openConnection(t, broker.url);
    await withDeadline('update-secret-ok', connection.updateSecret('guest', 'rotation'));
    assert.equal(connection.closed, false);
  });

  test('headers and properties come back equal', async (t) => {
    const channel = await openChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    const headers = {
      text: 'grüße',
      yes: true,
      int: 42,
      long: 9_007_199_254_740_991,
      float: 1.5,
      double: 2 ** 40 + 0.5,
      when: new Date(1_700_000_000_000),
      bytes: new Uint8Array([0, 255]),
      list: ['a', 1, [true]],
      table: { inner: { deep: 'value' } },
      nothing: null,
    };
    const properties = {
      contentType: 'text/plain',
      contentEncoding: 'identity',
      headers,
      deliveryMode: 2,
      priority: 3,
      correlationId: 'c',
      replyTo: 'r',
      expiration: '60000',
      messageId: 'm',
      timestamp: new Date(1_700_000_000_000),
      type: 't',
      userId: 'guest',
      appId: 'a',
    };
    await channel.basicPublish('', queue, 'x', properties);
    const message = await channel.basicGet(queue, { noAck: true });
    assert.deepEqual(JSON.stringify(message?.properties), JSON.stringify(properties));
  });

  test('a message of 5 MiB is put together from its frames', async (t) => {
    const channel = await openChannel(t, variantOf(broker.url, { query: { frameMax: '8192' } }));
    const queue = await exclusiveQueue(channel);
    const body = Buffer.alloc(5 * 1024 * 1024, 'frame by frame ');
    await channel.confirmSelect();
    await channel.basicPublish('', queue, body);
    const message = await channel.basicGet(queue, { noAck: true });
    assert.ok(message?.body && body.equals(message.body));
  });
});

describe('@cloudamqp/amqp-client: sessions and a broker that restarts', { timeout: 60_000 }, () => {
  let broker: RestartableBroker;
  before(async () => {
    broker = await startRestartableBroker();
  });
  after(() => broker.stop());

  /** A session that tries again within milliseconds, with an item for every connection it made. */
  async function openSession(t: TestContext) {
    const connections = new Inbox<void>('a connection of the session');
    const session = await AMQPSession.connect(broker.url, {
      reconnectInterval: 5,
      maxReconnectInterval: 50,
      logger: null,
      onconnect: () => connections.put(),
    });
    await connections.next();
    t.after(() => session.stop());
    return { session, connections };
  }

  test('a subscription goes on after the restart, and a persistent message outlives it', async (t) => {
    const { session, connections } = await openSession(t);
    const lasting = { durable: true, arguments: { 'x-expires': 60_000 } };
    const queue = await session.queue(uniqueName('survivor'), lasting);
    const kept = await session.queue(uniqueName('kept'), lasting);
    const inbox = new Inbox<string | null>('a delivery');
    await queue.subscribe({ prefetch: 10 }, (message) => {
      // The ack of what came before the restart may be lost with the connection, and then that comes again.
      if (!message.redelivered) inbox.put(message.bodyString());
    });
    await queue.publish('before');
    await kept.publish('kept');
    assert.equal(await inbox.next(), 'before');
    await broker.goDown();
    await broker.comeBack();
    await connections.next();
    await queue.publish('after');
    assert.equal(await inbox.next(), 'after');
    assert.equal((await kept.get({ noAck: true }))?.bodyString(), 'kept');
  });

  test('an RPC server answers an RPC client through the direct reply-to', async (t) => {
    const { session } = await openSession(t);
    const { name } = await session.queue(uniqueName('rpc'), { arguments: { 'x-expires': 60_000 } });
    await session.rpcServer(name, (request) => `${request.bodyString()} pong`);
    const client = await session.rpcClient();
    const replies = await Promise.all(['a', 'b'].map((body) => client.call(name, body, { timeout: 5_000 })));
    assert.deepEqual(
      replies.map((reply) => reply.bodyString()),
      ['a pong', 'b pong'],
    );
  });
});
