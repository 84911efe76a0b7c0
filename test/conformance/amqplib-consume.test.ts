/** amqplib as a consumer: deliveries, acknowledgements, prefetch, cancellation, get, request and reply. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ConsumeMessage } from 'amqplib';
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
import { eventually, Inbox } from './waiting.ts';

describe('amqplib: consuming', { timeout: 60_000 }, () => {
  let broker: BrokerUnderTest;
  before(async () => {
    broker = await startBrokerUnderTest();
  });
  after(() => broker.stop());

  test('a delivery carries its consumer tag, exchange, key and a delivery tag of its channel', async (t) => {
    const channel = await openChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    await channel.bindQueue(queue, 'amq.topic', `${queue}.#`);
    const { consumerTag, inbox } = await consumeInto(channel, queue, { consumerTag: 'my-tag' });
    assert.equal(consumerTag, 'my-tag');
    channel.publish('amq.topic', `${queue}.key`, Buffer.from('hello'));
    const { fields, content } = await nextMessage(inbox);
    assert.deepEqual(
      { ...fields, content: content.toString() },
      {
        consumerTag: 'my-tag',
        deliveryTag: 1,
        redelivered: false,
        exchange: 'amq.topic',
        routingKey: `${queue}.key`,
        content: 'hello',
      },
    );
  });

  test('prefetch bounds what a consumer holds, and each ack lets one more through', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    sendAll(channel, queue, ['1', '2', '3', '4', '5']);
    await channel.waitForConfirms();
    await channel.prefetch(2);
    const { inbox } = await consumeInto(channel, queue);
    const [first] = await inbox.take(2);
    assert.equal((await channel.checkQueue(queue)).messageCount, 3);
    assert.equal(inbox.count, 0, 'no third delivery came before the answer to a later method');
    channel.ack(first!);
    assert.deepEqual(await nextBodies(inbox, 1), ['3']);
    assert.equal((await channel.checkQueue(queue)).messageCount, 2);
  });

  test('a prefetch for the whole channel is shared by its consumers', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const queues = [await exclusiveQueue(channel), await exclusiveQueue(channel)];
    for (const queue of queues) sendAll(channel, queue, ['1', '2', '3']);
    await channel.waitForConfirms();
    await channel.prefetch(4, true);
    const inbox = new Inbox<ConsumeMessage | null>('a delivery');
    for (const queue of queues) await channel.consume(queue, inbox.put);
    await inbox.take(4);
    const counts = await Promise.all(queues.map(async (queue) => (await channel.checkQueue(queue)).messageCount));
    assert.equal(counts[0]! + counts[1]!, 2);
    channel.ackAll();
    await inbox.take(2);
  });

  test('a message that is nacked with requeue goes back to its place and comes again as redelivered', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    sendAll(channel, queue, ['1', '2', '3']);
    await channel.waitForConfirms();
    const first = await channel.get(queue);
    assert.ok(first);
    channel.nack(first);
    for (const [body, redelivered] of [
      ['1', true],
      ['2', false],
      ['3', false],
    ]) {
      const message = await channel.get(queue, { noAck: true });
      assert.ok(message);
      assert.deepEqual([message.content.toString(), message.fields.redelivered], [body, redelivered]);
    }
  });

  test('a consumer that requeues gets the message again', async (t) => {
    const channel = await openChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    const { inbox } = await consumeInto(channel, queue);
    sendAll(channel, queue, ['again']);
    const first = await nextMessage(inbox);
    channel.reject(first, true);
    const second = await nextMessage(inbox);
    assert.deepEqual([first.fields.redelivered, second.fields.redelivered], [false, true]);
    assert.equal(second.fields.deliveryTag, 2);
    channel.ack(second);
    assert.equal((await channel.checkQueue(queue)).messageCount, 0);
  });

  test('rejecting without requeue drops the message of a queue without a dead-letter exchange', async (t) => {
    const channel = await openChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    const { inbox, consumerTag } = await consumeInto(channel, queue);
    sendAll(channel, queue, ['drop']);
    channel.reject(await nextMessage(inbox), false);
    await channel.cancel(consumerTag);
    assert.equal(await getBody(channel, queue), undefined);
  });

  test('ack of several acknowledges all up to it and nothing beyond', async (t) => {
    const connection = await openConnection(t, broker.url);
    const channel = await connection.createChannel();
    const witness = await connection.createChannel();
    const queue = await exclusiveQueue(witness);
    sendAll(witness, queue, ['1', '2', '3', '4']);
    const { inbox } = await consumeInto(channel, queue);
    const messages = await inbox.take(4);
    channel.ack(messages[2]!, true);
    await channel.close();
    const rest = await eventually('the unacked message to come back', () => witness.get(queue, { noAck: true }));
    assert.equal(rest.content.toString(), '4');
    assert.equal(await getBody(witness, queue), undefined);
  });

  test('nack of several gives all of them back in their order', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    sendAll(channel, queue, ['1', '2', '3']);
    await channel.waitForConfirms();
    for (let index = 0; index < 3; index++) assert.ok(await channel.get(queue));
    channel.nackAll(true);
    const { inbox } = await consumeInto(channel, queue, { noAck: true });
    assert.deepEqual(await nextBodies(inbox, 3), ['1', '2', '3']);
  });

  test('recover redelivers everything that the channel has not acknowledged', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    sendAll(channel, queue, ['1', '2']);
    await channel.waitForConfirms();
    const { inbox } = await consumeInto(channel, queue);
    await inbox.take(2);
    await channel.recover();
    const again = await inbox.take(2);
    assert.deepEqual(
      again.map((message) => [message?.content.toString(), message?.fields.redelivered]),
      [
        ['1', true],
        ['2', true],
      ],
    );
  });

  test('consumers of one queue are served in turn', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    const one = await consumeInto(channel, queue, { noAck: true });
    const two = await consumeInto(channel, queue, { noAck: true });
    sendAll(channel, queue, ['1', '2', '3', '4']);
    await channel.waitForConfirms();
    assert.deepEqual(await nextBodies(one.inbox, 2), ['1', '3']);
    assert.deepEqual(await nextBodies(two.inbox, 2), ['2', '4']);
  });

  test('the consumer of higher priority is served until its prefetch is full', async (t) => {
    const connection = await openConnection(t, broker.url);
    const [low, high] = [await connection.createConfirmChannel(), await connection.createChannel()];
    await Promise.all([low.prefetch(10), high.prefetch(2)]);
    const queue = await exclusiveQueue(low);
    const slow = await consumeInto(low, queue);
    const quick = await consumeInto(high, queue, { priority: 10 });
    sendAll(low, queue, ['1', '2', '3']);
    await low.waitForConfirms();
    assert.deepEqual(await nextBodies(quick.inbox, 2), ['1', '2']);
    assert.deepEqual(await nextBodies(slow.inbox, 1), ['3']);
  });

  test('with a single active consumer the next one takes over when the first goes', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const queue = await exclusiveQueue(channel, { 'x-single-active-consumer': true });
    const active = await consumeInto(channel, queue, { noAck: true });
    const waiting = await consumeInto(channel, queue, { noAck: true });
    sendAll(channel, queue, ['1', '2']);
    assert.deepEqual(await nextBodies(active.inbox, 2), ['1', '2']);
    await channel.cancel(active.consumerTag);
    sendAll(channel, queue, ['3']);
    assert.deepEqual(await nextBodies(waiting.inbox, 1), ['3']);
  });

  test('an exclusive consumer keeps others out with 403', async (t) => {
    const connection = await openConnection(t, broker.url);
    const owner = await connection.createChannel();
    const queue = await exclusiveQueue(owner);
    await owner.consume(queue, () => undefined, { exclusive: true });
    const other = await connection.createChannel();
    await assertChannelCloses(other, 403, `ACCESS_REFUSED - queue '${queue}' in vhost '/' in exclusive use`, () =>
      other.consume(queue, () => undefined),
    );
  });

  test('a consumer tag in use closes the connection with 530', async (t) => {
    const connection = await openConnection(t, broker.url);
    const channel = await connection.createChannel();
    const queue = await exclusiveQueue(channel);
    const errors = new Inbox<Error>('the connection to fail');
    connection.on('error', errors.put);
    await channel.consume(queue, () => undefined, { consumerTag: 'twice' });
    await assert.rejects(channel.consume(queue, () => undefined, { consumerTag: 'twice' }));
    assert.match((await errors.next()).message, /530 .* "NOT_ALLOWED - attempt to reuse consumer tag 'twice'"/);
  });

  test('a consumer learns that its queue was deleted', async (t) => {
    const connection = await openConnection(t, broker.url);
    const consuming = await connection.createChannel();
    const deleting = await connection.createChannel();
    const queue = await exclusiveQueue(consuming);
    const { inbox } = await consumeInto(consuming, queue);
    await deleting.deleteQueue(queue);
    assert.equal(await inbox.next(), null);
    assert.match(await exclusiveQueue(consuming), /^amq\.gen-/, 'the channel still works');
  });

  test('after cancel-ok nothing is delivered, and what was delivered can still be acked', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    const { inbox, consumerTag } = await consumeInto(channel, queue);
    sendAll(channel, queue, ['before']);
    const message = await nextMessage(inbox);
    await channel.cancel(consumerTag);
    sendAll(channel, queue, ['after']);
    await channel.waitForConfirms();
    channel.ack(message);
    const { messageCount, consumerCount } = await channel.checkQueue(queue);
    assert.deepEqual({ messageCount, consumerCount }, { messageCount: 1, consumerCount: 0 });
    assert.equal(inbox.count, 0);
  });

  test('an auto-delete queue goes with its last consumer', async (t) => {
    const channel = await openChannel(t, broker.url);
    const queue = uniqueName('auto-delete');
    await channel.assertQueue(queue, { autoDelete: true, durable: false });
    const one = await consumeInto(channel, queue);
    const two = await consumeInto(channel, queue);
    await channel.cancel(one.consumerTag);
    assert.equal((await channel.checkQueue(queue)).consumerCount, 1);
    await channel.cancel(two.consumerTag);
    await assertChannelCloses(channel, 404, `NOT_FOUND - no queue '${queue}' in vhost '/'`, () =>
      channel.checkQueue(queue),
    );
  });

  test('get tells how many messages remain, and that a queue is empty', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    assert.equal(await getBody(channel, queue), undefined);
    sendAll(channel, queue, ['1', '2', '3']);
    await channel.waitForConfirms();
    const message = await channel.get(queue);
    assert.ok(message);
    assert.deepEqual([message.content.toString(), message.fields.messageCount], ['1', 2]);
    channel.ack(message);
  });

  test('an RPC server answers through the direct reply-to of its caller', async (t) => {
    const server = await openChannel(t, broker.url);
    const requests = await exclusiveQueue(server);
    await server.consume(requests, (request) => {
      assert.ok(request);
      const { replyTo, correlationId } = request.properties;
      server.sendToQueue(replyTo, Buffer.from(`${request.content} pong`), { correlationId });
      server.ack(request);
    });
    // The queue is exclusive to the server's connection, and publishing to it is open to all.
    const caller = await openChannel(t, broker.url);
    const { inbox } = await consumeInto(caller, 'amq.rabbitmq.reply-to', { noAck: true });
    for (const correlationId of ['a', 'b']) {
      caller.sendToQueue(requests, Buffer.from('ping'), { replyTo: 'amq.rabbitmq.reply-to', correlationId });
      const reply = await nextMessage(inbox);
      assert.deepEqual([reply.content.toString(), reply.properties.correlationId], ['ping pong', correlationId]);
    }
  });

  test('the direct reply-to pseudo-queue must be consumed without acknowledgements', async (t) => {
    const channel = await openChannel(t, broker.url);
    await assertChannelCloses(channel, 406, 'PRECONDITION_FAILED - reply consumer cannot acknowledge', () =>
      channel.consume('amq.rabbitmq.reply-to', () => undefined, { noAck: false }),
    );
  });

  test('asking for a direct reply without consuming from it closes the channel with 406', async (t) => {
    const channel = await openChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    await assertChannelCloses(channel, 406, 'PRECONDITION_FAILED - fast reply consumer does not exist', () =>
      channel.sendToQueue(queue, Buffer.from('?'), { replyTo: 'amq.rabbitmq.reply-to' }),
    );
  });
});
