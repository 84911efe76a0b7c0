/** rabbitmq-client: publishers, consumers and RPC clients that set themselves up again after the connection is lost. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, type TestContext, test } from 'node:test';
import {
  type AsyncMessage,
  type Channel,
  Connection,
  type Consumer,
  type ConsumerHandler,
  type ConsumerProps,
  ConsumerStatus,
  type ReturnedMessage,
} from 'rabbitmq-client';
import {
  type BrokerUnderTest,
  type RestartableBroker,
  startBrokerUnderTest,
  startRestartableBroker,
  uniqueName,
  variantOf,
} from './broker-under-test.ts';
import { eventually, Inbox, withDeadline } from './waiting.ts';

/** What rabbitmq-client rejects with: the reply code's name. */
interface RabbitClientError extends Error {
  readonly code?: string;
}

/** A connection that reconnects within milliseconds and ends with its test, its consumers first. */
function openConnection(t: TestContext, url: string): Connection {
  const connection = new Connection({ url, retryLow: 5, retryHigh: 50 });
  connection.on('error', (error: Error) => t.diagnostic(`connection error: ${error.message}`));
  consumersOf.set(connection, []);
  t.after(async () => {
    for (const consumer of consumersOf.get(connection) ?? []) await consumer.close();
    // close() would wait for whoever forgot to close a channel; a test that failed half-way did.
    connection.unsafeDestroy();
  });
  return connection;
}

const consumersOf = new WeakMap<Connection, Consumer[]>();

async function acquire(t: TestContext, url: string): Promise<Channel> {
  return openConnection(t, url).acquire();
}

/** Starts a consumer and waits until it is ready. Each time that it sets itself up again puts one item into `ready`. */
async function consume(connection: Connection, props: ConsumerProps, onMessage?: ConsumerHandler) {
  const inbox = new Inbox<AsyncMessage>(`a delivery from ${props.queue}`);
  const ready = new Inbox<void>('the consumer to be ready');
  const errors = new Inbox<RabbitClientError>('an error of the consumer');
  const consumer = connection.createConsumer(props, (message, reply) => {
    inbox.put(message);
    return onMessage?.(message, reply);
  });
  consumersOf.get(connection)?.push(consumer);
  consumer.on('error', errors.put);
  consumer.on('ready', ready.put);
  await ready.next();
  return { consumer, inbox, ready, errors };
}

describe('rabbitmq-client', { timeout: 60_000 }, () => {
  let broker: BrokerUnderTest;
  before(async () => {
    broker = await startBrokerUnderTest();
  });
  after(() => broker.stop());

  test('connects to the vhost of its URL, with a heartbeat', async (t) => {
    const connection = openConnection(t, variantOf(broker.url, { query: { heartbeat: '5' } }));
    await connection.onConnect(5_000);
    assert.equal(connection.ready, true);
    await connection.close();
  });

  test('a vhost that does not exist surfaces as NOT_ALLOWED', async () => {
    const connection = new Connection({ url: variantOf(broker.url, { vhost: 'no-such-vhost' }), retryLow: 60_000 });
    const [error] = (await withDeadline('the refusal', once(connection, 'error'))) as [RabbitClientError];
    assert.deepEqual(
      [error.code, error.message],
      ['NOT_ALLOWED', 'ConnectionOpen: NOT_ALLOWED - vhost no-such-vhost not found'],
    );
    connection.unsafeDestroy();
  });

  test('a wrong password surfaces as ACCESS_REFUSED', async () => {
    const connection = new Connection({ url: variantOf(broker.url, { password: 'wrong' }), retryLow: 60_000 });
    const [error] = (await withDeadline('the refusal', once(connection, 'error'))) as [RabbitClientError];
    assert.equal(error.code, 'ACCESS_REFUSED');
    connection.unsafeDestroy();
  });

  test('a publisher declares its topology, confirms, and a consumer reads JSON back', async (t) => {
    const connection = openConnection(t, broker.url);
    const [exchange, queue] = [uniqueName('topic'), uniqueName('orders')];
    const { inbox, consumer } = await consume(connection, {
      queue,
      queueOptions: { exclusive: true },
      qos: { prefetchCount: 2 },
      exchanges: [{ exchange, type: 'topic', autoDelete: true }],
      queueBindings: [{ exchange, queue, routingKey: 'order.*' }],
    });
    const publisher = connection.createPublisher({
      confirm: true,
      exchanges: [{ exchange, type: 'topic', autoDelete: true }],
    });
    await publisher.send({ exchange, routingKey: 'order.created', durable: true }, { id: 1, lines: ['a', 'b'] });
    const message = await inbox.next();
    assert.deepEqual(message.body, { id: 1, lines: ['a', 'b'] });
    assert.deepEqual(
      [message.contentType, message.durable, message.routingKey],
      ['application/json', true, 'order.created'],
    );
    await eventually('the acknowledgement to be counted', async () => consumer.stats.acknowledged === 1);
    await publisher.close();
  });

  test('a consumer decides by its return value: requeue, drop to the dead letters, acknowledge', async (t) => {
    const connection = openConnection(t, broker.url);
    const [queue, dead] = [uniqueName('work'), uniqueName('dead')];
    await connection.queueDeclare({ queue: dead, exclusive: true });
    const { inbox, consumer } = await consume(
      connection,
      {
        queue,
        queueOptions: {
          queue,
          exclusive: true,
          arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead },
        },
      },
      (message) => (message.redelivered ? ConsumerStatus.DROP : ConsumerStatus.REQUEUE),
    );
    const publisher = connection.createPublisher({ confirm: true });
    await publisher.send(queue, 'poison');
    const deliveries = await inbox.take(2);
    assert.deepEqual(
      deliveries.map((message) => message.redelivered),
      [false, true],
    );
    const letter = await eventually('the dead letter', () => connection.basicGet({ queue: dead, noAck: true }));
    assert.equal(letter.body, 'poison');
    assert.equal(letter.headers?.['x-first-death-reason'], 'rejected');
    assert.deepEqual([consumer.stats.requeued, consumer.stats.dropped], [1, 1]);
    await publisher.close();
  });

  test('a mandatory message without a queue is returned', async (t) => {
    const connection = openConnection(t, broker.url);
    const returned = new Inbox<ReturnedMessage>('a returned message');
    const publisher = connection.createPublisher({ confirm: true });
    publisher.on('basic.return', returned.put);
    await publisher.send({ exchange: 'amq.direct', routingKey: 'nowhere', mandatory: true }, 'lost');
    const { replyCode, replyText, routingKey, body } = await returned.next();
    assert.deepEqual([replyCode, replyText, routingKey, body], [312, 'NO_ROUTE', 'nowhere', 'lost']);
    await publisher.close();
  });

  test('a message that the queue refuses rejects the publisher with NACK', async (t) => {
    const connection = openConnection(t, broker.url);
    const queue = uniqueName('full');
    const channel = await connection.acquire();
    await channel.queueDeclare({
      queue,
      exclusive: true,
      arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
    });
    await channel.confirmSelect();
    await channel.basicPublish(queue, 'fits');
    await assert.rejects(
      channel.basicPublish(queue, 'does not fit'),
      (error: RabbitClientError) => error.code === 'NACK',
    );
    await channel.close();
  });

  test('an RPC client is answered through the direct reply-to', async (t) => {
    const connection = openConnection(t, broker.url);
    const queue = uniqueName('rpc');
    await consume(connection, { queue, queueOptions: { exclusive: true } }, (request, reply) =>
      reply({ doubled: request.body.number * 2 }),
    );
    const client = connection.createRPCClient({ confirm: true });
    const replies = await Promise.all([1, 2, 3].map((number) => client.send(queue, { number })));
    assert.deepEqual(
      replies.map((reply) => reply.body),
      [{ doubled: 2 }, { doubled: 4 }, { doubled: 6 }],
    );
    await client.close();
  });

  test('a transaction publishes and acknowledges at its commit, and not after a rollback', async (t) => {
    const connection = openConnection(t, broker.url);
    const queue = uniqueName('tx');
    const witness = await connection.acquire();
    await witness.queueDeclare({ queue, exclusive: true });
    const count = async () => (await witness.queueDeclare({ queue, passive: true })).messageCount;
    const channel = await connection.acquire();
    await channel.txSelect();
    await channel.basicPublish(queue, 'rolled back');
    await channel.txRollback();
    assert.equal(await count(), 0);
    await channel.basicPublish(queue, 'committed');
    assert.equal(await count(), 0);
    await channel.txCommit();
    assert.equal(await count(), 1);
    const message = await channel.basicGet({ queue });
    assert.equal(message?.body, 'committed');
    channel.basicAck({ deliveryTag: message!.deliveryTag });
    await channel.txRollback();
    channel.basicAck({ deliveryTag: message!.deliveryTag });
    await channel.txCommit();
    await channel.close();
    assert.equal(await count(), 0, 'nothing came back when the channel closed');
    await witness.close();
  });

  test('errors of a channel carry the name of the reply code and leave the connection alone', async (t) => {
    const connection = openConnection(t, broker.url);
    await assert.rejects(
      connection.queueDeclare({ queue: 'no-such-queue', passive: true }),
      (error: RabbitClientError) => {
        assert.deepEqual(
          [error.code, error.message],
          ['NOT_FOUND', "QueueDeclare: NOT_FOUND - no queue 'no-such-queue' in vhost '/'"],
        );
        return true;
      },
    );
    await assert.rejects(
      connection.exchangeDeclare({ exchange: 'amq.direct', type: 'fanout', durable: true }),
      (error: RabbitClientError) => error.code === 'PRECONDITION_FAILED',
    );
    const { queue } = await connection.queueDeclare({ exclusive: true });
    assert.match(queue, /^amq\.gen-/);
    assert.equal(connection.ready, true);
  });

  test('a consumer whose queue is deleted is told, and sets itself up again', async (t) => {
    const connection = openConnection(t, broker.url);
    const queue = uniqueName('deleted');
    const { ready, errors, inbox } = await consume(connection, { queue, queueOptions: { exclusive: true } });
    await connection.queueDelete(queue);
    const error = await errors.next();
    assert.equal(error.code, 'CANCEL_FORCED');
    await ready.next();
    const publisher = connection.createPublisher({ confirm: true });
    await publisher.send(queue, 'to the new queue');
    assert.equal((await inbox.next()).body, 'to the new queue');
    await publisher.close();
  });

  test('concurrency below the prefetch holds deliveries back in the client, not in the broker', async (t) => {
    const connection = openConnection(t, broker.url);
    const queue = uniqueName('prefetch');
    const gate = Promise.withResolvers<void>();
    const { consumer, inbox: started } = await consume(
      connection,
      { queue, queueOptions: { exclusive: true }, qos: { prefetchCount: 3 }, concurrency: 1 },
      () => gate.promise,
    );
    const publisher = connection.createPublisher({ confirm: true });
    for (const body of ['1', '2', '3', '4', '5']) await publisher.send(queue, body);
    assert.equal((await started.next()).body, '1');
    await eventually('three deliveries', async () => consumer.stats.prefetched === 2);
    assert.equal((await connection.queueDeclare({ queue, passive: true })).messageCount, 2);
    gate.resolve();
    const rest = await started.take(4);
    assert.deepEqual(
      rest.map((message) => message.body),
      ['2', '3', '4', '5'],
    );
    await publisher.close();
  });

  test('headers of every type that rabbitmq-client writes come back equal', async (t) => {
    const channel = await acquire(t, broker.url);
    const { queue } = await channel.queueDeclare({ exclusive: true });
    const headers = {
      text: 'grüße, 世界',
      yes: true,
      no: false,
      nothing: null,
      byte: -128,
      short: 32_767,
      int: -2_147_483_648,
      long: 9_007_199_254_740_991,
      double: -Math.E,
      list: ['one', 2, 3.5, [null]],
      table: { inner: { innermost: true } },
    };
    await channel.basicPublish({ routingKey: queue, headers }, 'x');
    const message = await channel.basicGet({ queue, noAck: true });
    assert.deepEqual(message?.headers, headers);
    await channel.close();
  });

  test('a message of 5 MiB crosses in both directions', async (t) => {
    const channel = await acquire(t, broker.url);
    const { queue } = await channel.queueDeclare({ exclusive: true });
    const body = Buffer.alloc(5 * 1024 * 1024, 'leveret');
    await channel.confirmSelect();
    await channel.basicPublish({ routingKey: queue, contentType: 'application/octet-stream' }, body);
    const message = await channel.basicGet({ queue, noAck: true });
    assert.ok(body.equals(message?.body));
    assert.equal((await channel.queuePurge(queue)).messageCount, 0);
    await channel.close();
  });
});

/** The ack of what came last may be lost with the connection, and then that comes again. */
async function nextBodyBut(last: string, inbox: Inbox<AsyncMessage>): Promise<unknown> {
  const { body, redelivered } = await inbox.next();
  return body === last && redelivered ? nextBodyBut(last, inbox) : body;
}

describe('rabbitmq-client: a broker that restarts', { timeout: 60_000 }, () => {
  let broker: RestartableBroker;
  before(async () => {
    broker = await startRestartableBroker();
  });
  after(() => broker.stop());

  test('of what is published all through three restarts, everything that is confirmed is there', async (t) => {
    const connection = openConnection(t, broker.url);
    const queue = uniqueName('restarts');
    await connection.queueDeclare({ queue, durable: true, arguments: { 'x-expires': 60_000 } });
    const publisher = connection.createPublisher({ confirm: true, maxAttempts: 100 });
    const bodies: string[] = [];
    const confirms: Promise<void>[] = [];
    const publish = (count: number): void => {
      for (let index = 0; index < count; index++) {
        const body = `message ${bodies.length}`;
        bodies.push(body);
        confirms.push(publisher.send({ routingKey: queue, durable: true }, body));
      }
    };
    for (let restart = 0; restart < 3; restart++) {
      publish(500);
      await confirms.at(-400);
      const lost = once(connection, 'error');
      await broker.goDown();
      await withDeadline('the connection to break', lost);
      publish(100);
      await broker.comeBack();
      await connection.onConnect(10_000);
    }
    await withDeadline('the confirms', Promise.all(confirms));
    const { inbox } = await consume(connection, { queue, queueOptions: { passive: true } });
    // What was under way when the broker stopped is sent again, and may be there twice.
    const missing = new Set<unknown>(bodies);
    while (missing.size > 0) missing.delete((await inbox.next()).body);
    await publisher.close();
  });

  test('consumers and publishers go on, and a persistent message outlives the restart', async (t) => {
    const connection = openConnection(t, broker.url);
    const queue = uniqueName('survivor');
    const { ready, inbox } = await consume(connection, {
      queue,
      queueOptions: { durable: true, arguments: { 'x-expires': 60_000 } },
    });
    const publisher = connection.createPublisher({ confirm: true, maxAttempts: 20 });
    await publisher.send({ routingKey: queue, durable: true }, 'before');
    assert.equal((await inbox.next()).body, 'before');

    const kept = uniqueName('kept');
    await connection.queueDeclare({ queue: kept, durable: true, arguments: { 'x-expires': 60_000 } });
    await publisher.send({ routingKey: kept, durable: true }, 'kept');

    await broker.goDown();
    const sentWhileDown = publisher.send({ routingKey: queue, durable: true }, 'while down');
    await broker.comeBack();
    await ready.next();
    await withDeadline('the publisher to send again', sentWhileDown);
    assert.equal(await nextBodyBut('before', inbox), 'while down');
    assert.equal((await connection.basicGet({ queue: kept, noAck: true }))?.body, 'kept');
    await publisher.close();
  });
});
