/** amqplib and what queues can do: dead-lettering, expiry, lengths, priorities, lifetimes. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Channel, ConfirmChannel, GetMessage } from 'amqplib';
import {
  assertChannelCloses,
  consumeInto,
  exclusiveQueue,
  getBody,
  nextBodies,
  nextMessage,
  openChannel,
  openConfirmChannel,
  openConnection,
  sendAll,
} from './amqplib-session.ts';
import { type BrokerUnderTest, startBrokerUnderTest, uniqueName } from './broker-under-test.ts';
import { eventually } from './waiting.ts';

/** What RabbitMQ writes for each queue and reason that a message died of, without its time. */
function deathsOf(message: GetMessage): unknown[] {
  return (message.properties.headers?.['x-death'] ?? []).map(({ time, ...death }) => {
    assert.equal(time['!'], 'timestamp');
    return death;
  });
}

/** A queue whose dead letters go to a second one, under their own routing key. */
async function queueWithDeadLetters(channel: Channel, queueArguments: Record<string, unknown> = {}) {
  const dead = await exclusiveQueue(channel);
  const queue = await exclusiveQueue(channel, {
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': dead,
    ...queueArguments,
  });
  return { queue, dead };
}

function deadLetter(channel: Channel, dead: string): Promise<GetMessage> {
  return eventually('a dead letter', () => channel.get(dead, { noAck: true }));
}

describe('amqplib: queues', { timeout: 60_000 }, () => {
  let broker: BrokerUnderTest;
  before(async () => {
    broker = await startBrokerUnderTest();
  });
  after(() => broker.stop());

  test('a rejected message is dead-lettered with the story of its death', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const { queue, dead } = await queueWithDeadLetters(channel);
    channel.sendToQueue(queue, Buffer.from('poison'), { headers: { tenant: 'blue' } });
    const message = await eventually('the message', () => channel.get(queue));
    channel.reject(message, false);
    const letter = await deadLetter(channel, dead);
    assert.equal(letter.content.toString(), 'poison');
    assert.equal(letter.fields.routingKey, dead);
    assert.deepEqual(deathsOf(letter), [
      { count: 1, reason: 'rejected', queue, exchange: '', 'routing-keys': [queue] },
    ]);
    const { tenant, ...rest } = letter.properties.headers ?? {};
    assert.equal(tenant, 'blue');
    assert.deepEqual(
      [rest['x-first-death-queue'], rest['x-first-death-reason'], rest['x-first-death-exchange']],
      [queue, 'rejected', ''],
    );
  });

  test("a queue's message TTL dead-letters what nobody took in time", async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const { queue, dead } = await queueWithDeadLetters(channel, { 'x-message-ttl': 20 });
    sendAll(channel, queue, ['late']);
    const letter = await deadLetter(channel, dead);
    assert.deepEqual(deathsOf(letter), [{ count: 1, reason: 'expired', queue, exchange: '', 'routing-keys': [queue] }]);
  });

  test('a message that expires loses its expiration, and the dead letter tells what it was', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const { queue, dead } = await queueWithDeadLetters(channel);
    channel.sendToQueue(queue, Buffer.from('short-lived'), { expiration: '20' });
    const letter = await deadLetter(channel, dead);
    assert.equal(letter.properties.expiration, undefined);
    assert.deepEqual(deathsOf(letter), [
      { count: 1, reason: 'expired', queue, exchange: '', 'routing-keys': [queue], 'original-expiration': '20' },
    ]);
  });

  test('an expiration of 0 is delivered only if a consumer can take it at once', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    channel.sendToQueue(queue, Buffer.from('nobody there'), { expiration: '0' });
    await channel.waitForConfirms();
    assert.equal(await getBody(channel, queue), undefined);
    const { inbox } = await consumeInto(channel, queue, { noAck: true });
    channel.sendToQueue(queue, Buffer.from('taken'), { expiration: '0' });
    assert.deepEqual(await nextBodies(inbox, 1), ['taken']);
  });

  test('a retry by TTL goes round and counts its deaths', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const [work, retry] = [uniqueName('work'), uniqueName('retry')];
    const declare = (queue: string, deadLetterRoutingKey: string, more: object) =>
      channel.assertQueue(queue, { exclusive: true, deadLetterExchange: '', deadLetterRoutingKey, ...more });
    await declare(work, retry, {});
    await declare(retry, work, { messageTtl: 20 });
    const { inbox } = await consumeInto(channel, work);
    sendAll(channel, work, ['try me']);
    for (const tries of [0, 1, 2]) {
      const message = await nextMessage(inbox);
      const deaths = message.properties.headers?.['x-death'] ?? [];
      assert.deepEqual(
        deaths.map(({ queue, reason, count }) => ({ queue, reason, count })),
        tries === 0
          ? []
          : [
              { queue: retry, reason: 'expired', count: tries },
              { queue: work, reason: 'rejected', count: tries },
            ],
      );
      channel.reject(message, false);
    }
  });

  test('a full queue drops its head, and dead-letters it', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const { queue, dead } = await queueWithDeadLetters(channel, { 'x-max-length': 2 });
    sendAll(channel, queue, ['1', '2', '3']);
    const letter = await deadLetter(channel, dead);
    assert.equal(letter.content.toString(), '1');
    assert.deepEqual(deathsOf(letter), [{ count: 1, reason: 'maxlen', queue, exchange: '', 'routing-keys': [queue] }]);
    await channel.waitForConfirms();
    assert.equal((await channel.checkQueue(queue)).messageCount, 2);
  });

  test('reject-publish-dlx refuses what does not fit, and dead-letters it', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const { queue, dead } = await queueWithDeadLetters(channel, {
      'x-max-length': 1,
      'x-overflow': 'reject-publish-dlx',
    });
    sendAll(channel, queue, ['fits']);
    await channel.waitForConfirms();
    sendAll(channel, queue, ['does not fit']);
    await assert.rejects(channel.waitForConfirms(), /nacked/);
    const letter = await deadLetter(channel, dead);
    assert.equal(letter.content.toString(), 'does not fit');
    assert.deepEqual(deathsOf(letter), [{ count: 1, reason: 'maxlen', queue, exchange: '', 'routing-keys': [queue] }]);
  });

  test('a quorum queue counts how often a message came back, and dead-letters it beyond its limit', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const dead = await exclusiveQueue(channel);
    const queue = uniqueName('quorum');
    await channel.assertQueue(queue, {
      durable: true,
      deadLetterExchange: '',
      deadLetterRoutingKey: dead,
      arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 2 },
    });
    sendAll(channel, queue, ['poison']);
    await channel.waitForConfirms();
    const counts: unknown[] = [];
    for (let delivery = 0; delivery < 3; delivery++) {
      const message = await eventually('the message', () => channel.get(queue));
      counts.push(message.properties.headers?.['x-delivery-count']);
      channel.nack(message);
    }
    assert.deepEqual(counts, [0, 1, 2]);
    const letter = await deadLetter(channel, dead);
    const [death] = deathsOf(letter) as { reason: string; count: number }[];
    assert.deepEqual([death?.reason, death?.count], ['delivery_limit', 1]);
    await channel.deleteQueue(queue);
  });

  test('a length in bytes is a limit too', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const queue = await exclusiveQueue(channel, { 'x-max-length-bytes': 10 });
    sendAll(channel, queue, ['aaaa', 'bbbb', 'cccc']);
    await channel.waitForConfirms();
    const { inbox } = await consumeInto(channel, queue, { noAck: true });
    assert.deepEqual(await nextBodies(inbox, 2), ['bbbb', 'cccc']);
  });

  test('a priority queue serves higher priorities first, and the order of publishing within one', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const queue = await exclusiveQueue(channel, { 'x-max-priority': 5 });
    const published: [string, number | undefined][] = [
      ['low', 1],
      ['none', undefined],
      ['high', 5],
      ['above the maximum', 9],
      ['middle', 3],
      ['low again', 1],
    ];
    for (const [body, priority] of published) {
      channel.sendToQueue(queue, Buffer.from(body), priority === undefined ? {} : { priority });
    }
    await channel.waitForConfirms();
    const { inbox } = await consumeInto(channel, queue, { noAck: true });
    assert.deepEqual(await nextBodies(inbox, 6), ['high', 'above the maximum', 'middle', 'low', 'low again', 'none']);
  });

  test('purge says how many ready messages it took, and leaves the unacked', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    sendAll(channel, queue, ['1', '2', '3']);
    await channel.waitForConfirms();
    const held = await channel.get(queue);
    assert.ok(held);
    assert.equal((await channel.purgeQueue(queue)).messageCount, 2);
    channel.nack(held);
    assert.equal((await channel.checkQueue(queue)).messageCount, 1);
  });

  test('delete says how many messages went, and deleting what is not there is no error', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    sendAll(channel, queue, ['1', '2']);
    await channel.waitForConfirms();
    assert.equal((await channel.deleteQueue(queue)).messageCount, 2);
    assert.equal((await channel.deleteQueue(queue)).messageCount, 0);
    await channel.deleteExchange(uniqueName('never-declared'));
  });

  test('delete if-empty and if-unused are 406 where the queue is neither', async (t) => {
    const connection = await openConnection(t, broker.url);
    const owner = await connection.createConfirmChannel();
    const queue = await exclusiveQueue(owner);
    sendAll(owner, queue, ['still here']);
    await owner.waitForConfirms();
    const impatient = await connection.createChannel();
    await assertChannelCloses(impatient, 406, `PRECONDITION_FAILED - queue '${queue}' in vhost '/' not empty`, () =>
      impatient.deleteQueue(queue, { ifEmpty: true }),
    );
    await owner.consume(queue, () => undefined);
    const careless = await connection.createChannel();
    await assertChannelCloses(careless, 406, `PRECONDITION_FAILED - queue '${queue}' in vhost '/' in use`, () =>
      careless.deleteQueue(queue, { ifUnused: true }),
    );
  });

  test('an exchange in use survives delete if-unused with 406', async (t) => {
    const channel = await openChannel(t, broker.url);
    const exchange = uniqueName('used');
    await channel.assertExchange(exchange, 'fanout', { autoDelete: true });
    await channel.bindQueue(await exclusiveQueue(channel), exchange, '');
    await assertChannelCloses(channel, 406, `PRECONDITION_FAILED - exchange '${exchange}' in vhost '/' in use`, () =>
      channel.deleteExchange(exchange, { ifUnused: true }),
    );
  });

  test('an auto-delete exchange goes with its last binding', async (t) => {
    const channel = await openChannel(t, broker.url);
    const exchange = uniqueName('auto-delete');
    await channel.assertExchange(exchange, 'fanout', { autoDelete: true });
    const queue = await exclusiveQueue(channel);
    await channel.bindQueue(queue, exchange, '');
    await channel.checkExchange(exchange);
    await channel.deleteQueue(queue);
    await assertChannelCloses(channel, 404, `NOT_FOUND - no exchange '${exchange}' in vhost '/'`, () =>
      channel.checkExchange(exchange),
    );
  });

  test('an exclusive queue goes with its connection', async (t) => {
    const watcher = await openChannel(t, broker.url);
    const connection = await openConnection(t, broker.url);
    const queue = await exclusiveQueue(await connection.createChannel());
    await connection.close();
    await assertChannelCloses(watcher, 404, `NOT_FOUND - no queue '${queue}' in vhost '/'`, () =>
      watcher.checkQueue(queue),
    );
  });

  test('a queue that nobody uses expires', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const queue = uniqueName('expiring');
    await channel.assertQueue(queue, { expires: 50, durable: false });
    let isRouted = true;
    channel.on('return', () => {
      isRouted = false;
    });
    // Looking by a passive declare would count as use and keep the queue alive; publishing does not.
    await eventually('the queue to expire', async () => {
      channel.sendToQueue(queue, Buffer.from('anybody there?'), { mandatory: true });
      await channel.waitForConfirms();
      return !isRouted;
    });
  });

  test('arguments that RabbitMQ knows are taken, and a senseless value is a 406 that says why', async (t) => {
    const channel = await openChannel(t, broker.url);
    for (const queueArguments of [{ 'x-queue-mode': 'lazy' }, { 'x-queue-type': 'classic' }, { 'x-unheard-of': 1 }]) {
      await exclusiveQueue(channel, queueArguments);
    }
    await assertChannelCloses(
      channel,
      406,
      /^PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue '.*' in vhost '\/': \{value_negative,-1\}$/,
      () => exclusiveQueue(channel, { 'x-message-ttl': -1 }),
    );
  });

  test('everything declared is found by the passive methods', async (t) => {
    const channel: ConfirmChannel = await openConfirmChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    sendAll(channel, queue, ['1']);
    await channel.waitForConfirms();
    await channel.consume(queue, () => undefined);
    assert.deepEqual(await channel.checkQueue(queue), { queue, messageCount: 0, consumerCount: 1 });
    for (const type of ['direct', 'fanout', 'topic', 'headers', 'match']) await channel.checkExchange(`amq.${type}`);
    await channel.checkExchange('amq.rabbitmq.trace');
  });
});
