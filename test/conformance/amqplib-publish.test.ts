/** amqplib as a publisher: exchanges of every type, confirms, returns, properties, sizes. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Channel, Message } from 'amqplib';
import {
  assertChannelCloses,
  consumeInto,
  exclusiveQueue,
  getBody,
  nextBodies,
  nextMessage,
  openChannel,
  openConfirmChannel,
  sendAll,
} from './amqplib-session.ts';
import { type BrokerUnderTest, startBrokerUnderTest, uniqueName, variantOf } from './broker-under-test.ts';
import { Inbox } from './waiting.ts';

/** An exchange that goes when its last binding goes, bound to one exclusive queue per binding. */
async function declareBound(
  channel: Channel,
  type: string,
  bindings: readonly { key?: string; args?: Record<string, unknown> }[],
): Promise<{ exchange: string; queues: string[] }> {
  const exchange = uniqueName(type);
  await channel.assertExchange(exchange, type, { autoDelete: true });
  const queues: string[] = [];
  for (const { key = '', args = {} } of bindings) {
    const queue = await exclusiveQueue(channel);
    await channel.bindQueue(queue, exchange, key, args);
    queues.push(queue);
  }
  return { exchange, queues };
}

/** Takes everything that is in each of the queues, as text. */
async function contentsOf(channel: Channel, queues: readonly string[]): Promise<string[][]> {
  const contents: string[][] = [];
  for (const queue of queues) {
    const bodies: string[] = [];
    for (let body = await getBody(channel, queue); body !== undefined; body = await getBody(channel, queue)) {
      bodies.push(body);
    }
    contents.push(bodies);
  }
  return contents;
}

describe('amqplib: publishing', { timeout: 60_000 }, () => {
  let broker: BrokerUnderTest;
  before(async () => {
    broker = await startBrokerUnderTest();
  });
  after(() => broker.stop());

  test('a direct exchange routes by the exact key, to every queue bound with it', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const { exchange, queues } = await declareBound(channel, 'direct', [{ key: 'a' }, { key: 'a' }, { key: 'b' }]);
    channel.publish(exchange, 'a', Buffer.from('to a'));
    channel.publish(exchange, 'b', Buffer.from('to b'));
    channel.publish(exchange, 'A', Buffer.from('to nobody'));
    await channel.waitForConfirms();
    assert.deepEqual(await contentsOf(channel, queues), [['to a'], ['to a'], ['to b']]);
  });

  test('a fanout exchange ignores the key', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const { exchange, queues } = await declareBound(channel, 'fanout', [{ key: 'x' }, { key: 'y' }]);
    channel.publish(exchange, 'whatever', Buffer.from('news'));
    await channel.waitForConfirms();
    assert.deepEqual(await contentsOf(channel, queues), [['news'], ['news']]);
  });

  test('a topic exchange matches * with one word and # with any number of words', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const patterns = ['stock.*.nyse', 'stock.#', '#', '*.usd', '#.nyse', 'stock.usd.nyse', 'stock.*'];
    const { exchange, queues } = await declareBound(
      channel,
      'topic',
      patterns.map((key) => ({ key })),
    );
    const keys = ['stock.usd.nyse', 'stock.usd', 'stock', '', 'eur.usd', 'stock..nyse', 'bond.eu.de.nyse'];
    for (const key of keys) channel.publish(exchange, key, Buffer.from(key));
    await channel.waitForConfirms();
    const contents = await contentsOf(channel, queues);
    assert.deepEqual(Object.fromEntries(patterns.map((pattern, index) => [pattern, contents[index]])), {
      'stock.*.nyse': ['stock.usd.nyse', 'stock..nyse'],
      'stock.#': ['stock.usd.nyse', 'stock.usd', 'stock', 'stock..nyse'],
      '#': keys,
      '*.usd': ['stock.usd', 'eur.usd'],
      '#.nyse': ['stock.usd.nyse', 'stock..nyse', 'bond.eu.de.nyse'],
      'stock.usd.nyse': ['stock.usd.nyse'],
      'stock.*': ['stock.usd'],
    });
  });

  test('a headers exchange matches all or any of the headers, and x- ones only where asked', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const { exchange, queues } = await declareBound(channel, 'headers', [
      { args: { 'x-match': 'all', format: 'pdf', pages: 2 } },
      { args: { 'x-match': 'any', format: 'pdf', pages: 2 } },
      { args: { 'x-match': 'all-with-x', 'x-tenant': 'blue' } },
      { args: { format: 'pdf' } },
    ]);
    const send = (headers: Record<string, unknown>, body: string) =>
      channel.publish(exchange, '', Buffer.from(body), { headers });
    send({ format: 'pdf', pages: 2 }, 'both');
    send({ format: 'pdf', pages: 3 }, 'format only');
    send({ pages: 2, 'x-tenant': 'blue' }, 'pages and tenant');
    send({ format: 'zip' }, 'neither');
    await channel.waitForConfirms();
    assert.deepEqual(await contentsOf(channel, queues), [
      ['both'],
      ['both', 'format only', 'pages and tenant'],
      ['pages and tenant'],
      ['both', 'format only'],
    ]);
  });

  test('an exchange bound to an exchange passes messages on, and once only to a queue that both reach', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const { exchange: destination, queues } = await declareBound(channel, 'topic', [{ key: 'order.*' }]);
    const { exchange: source } = await declareBound(channel, 'fanout', []);
    await channel.bindExchange(destination, source, '');
    await channel.bindQueue(queues[0]!, source, '');
    channel.publish(source, 'order.new', Buffer.from('via both'));
    channel.publish(source, 'invoice.new', Buffer.from('via the queue binding'));
    await channel.waitForConfirms();
    await channel.unbindQueue(queues[0]!, source, '');
    channel.publish(source, 'order.paid', Buffer.from('via the exchange'));
    await channel.waitForConfirms();
    assert.deepEqual(await contentsOf(channel, queues), [['via both', 'via the queue binding', 'via the exchange']]);
    await channel.unbindExchange(destination, source, '');
  });

  test('a consistent hash exchange sends a key always to the same queue, and more keys to a heavier one', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const { exchange, queues } = await declareBound(channel, 'x-consistent-hash', [{ key: '1' }, { key: '3' }]);
    const keys = Array.from({ length: 400 }, (_, index) => `customer ${index}`);
    for (const round of [1, 2]) for (const key of keys) channel.publish(exchange, key, Buffer.from(`${key}, ${round}`));
    await channel.waitForConfirms();
    const [light, heavy] = (await contentsOf(channel, queues)) as [string[], string[]];
    for (const contents of [light, heavy]) {
      const keysOfRound = (round: number) =>
        contents.filter((body) => body.endsWith(`, ${round}`)).map((body) => body.slice(0, -3));
      assert.deepEqual(keysOfRound(1), keysOfRound(2));
    }
    assert.equal(light.length + heavy.length, 2 * keys.length);
    // A quarter is meant for it; which keys they are depends on the hash alone.
    assert.ok(light.length > 0 && light.length < heavy.length, `${light.length} and ${heavy.length}`);
  });

  test('a random exchange sends each message to one of its queues', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const { exchange, queues } = await declareBound(channel, 'x-random', [{}, {}, {}]);
    const bodies = Array.from({ length: 300 }, (_, index) => `${index}`);
    for (const body of bodies) channel.publish(exchange, 'any', Buffer.from(body));
    await channel.waitForConfirms();
    const contents = await contentsOf(channel, queues);
    assert.deepEqual(contents.flat().sort(), bodies.sort());
    for (const bodiesOfOne of contents) assert.notEqual(bodiesOfOne.length, 0);
  });

  test('an alternate exchange takes what its exchange cannot route', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const { exchange: alternate, queues } = await declareBound(channel, 'fanout', [{}]);
    const exchange = uniqueName('direct');
    await channel.assertExchange(exchange, 'direct', { alternateExchange: alternate, autoDelete: true });
    const bound = await exclusiveQueue(channel);
    await channel.bindQueue(bound, exchange, 'known');
    const returned = new Inbox<Message>('a returned message');
    channel.on('return', returned.put);
    channel.publish(exchange, 'known', Buffer.from('routed'), { mandatory: true });
    channel.publish(exchange, 'unknown', Buffer.from('stray'), { mandatory: true });
    await channel.waitForConfirms();
    assert.deepEqual(await contentsOf(channel, [bound, ...queues]), [['routed'], ['stray']]);
    assert.equal(returned.count, 0);
  });

  test('an internal exchange takes no messages from clients', async (t) => {
    const channel = await openChannel(t, broker.url);
    const exchange = uniqueName('internal');
    await channel.assertExchange(exchange, 'fanout', { internal: true, autoDelete: true });
    await channel.bindQueue(await exclusiveQueue(channel), exchange, '');
    await assertChannelCloses(
      channel,
      403,
      `ACCESS_REFUSED - cannot publish to internal exchange '${exchange}' in vhost '/'`,
      () => channel.publish(exchange, '', Buffer.from('no')),
    );
  });

  test('publishing to an exchange that does not exist closes the channel with 404', async (t) => {
    const channel = await openChannel(t, broker.url);
    await assertChannelCloses(channel, 404, "NOT_FOUND - no exchange 'no-such-exchange' in vhost '/'", () =>
      channel.publish('no-such-exchange', 'key', Buffer.from('lost')),
    );
  });

  test('a thousand persistent messages are confirmed and kept in order', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const queue = uniqueName('durable');
    await channel.assertQueue(queue, { durable: true, expires: 60_000 });
    const bodies = Array.from({ length: 1000 }, (_, index) => `message ${index}`);
    sendAll(channel, queue, bodies);
    await channel.waitForConfirms();
    assert.equal((await channel.checkQueue(queue)).messageCount, 1000);
    const { inbox } = await consumeInto(channel, queue, { noAck: true });
    assert.deepEqual(await nextBodies(inbox, 1000), bodies);
  });

  test('a full queue that rejects publishers answers with nack', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const queue = await exclusiveQueue(channel, { 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    const outcomes = new Inbox<string>('a confirm');
    for (const body of ['fits', 'does not fit']) {
      channel.sendToQueue(queue, Buffer.from(body), {}, (error) => outcomes.put(`${body}: ${error ? 'nack' : 'ack'}`));
    }
    assert.deepEqual(await outcomes.take(2), ['fits: ack', 'does not fit: nack']);
    assert.deepEqual(await contentsOf(channel, [queue]), [['fits']]);
  });

  test('a mandatory message without a queue comes back with 312, before its confirm', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const events = new Inbox<string>('a return and a confirm');
    channel.on('return', (message: Message) => {
      const { replyCode, replyText, exchange, routingKey } = message.fields as unknown as Record<string, unknown>;
      events.put(`return ${replyCode} ${replyText} ${exchange}/${routingKey} ${message.content}`);
    });
    channel.publish('amq.direct', 'nowhere', Buffer.from('lost'), { mandatory: true, headers: { a: 1 } }, (error) =>
      events.put(error ? 'nack' : 'ack'),
    );
    assert.deepEqual(await events.take(2), ['return 312 NO_ROUTE amq.direct/nowhere lost', 'ack']);
  });

  test('CC and BCC route further copies, and BCC is taken out of the headers', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const [to, cc, bcc] = [
      await exclusiveQueue(channel),
      await exclusiveQueue(channel),
      await exclusiveQueue(channel),
    ] as const;
    channel.sendToQueue(to, Buffer.from('letter'), { CC: [cc], BCC: [bcc] });
    await channel.waitForConfirms();
    for (const queue of [to, cc, bcc]) {
      const message = await channel.get(queue, { noAck: true });
      assert.ok(message, `a copy in ${queue}`);
      assert.deepEqual(message.properties.headers?.CC, [cc]);
      assert.equal(message.properties.headers?.BCC, undefined);
    }
  });

  test('every property comes back as it was sent', async (t) => {
    const channel = await openChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    const properties = {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      headers: { tenant: 'blue' },
      deliveryMode: 2,
      priority: 7,
      correlationId: 'correlation',
      replyTo: 'reply-queue',
      expiration: '60000',
      messageId: 'id-1',
      timestamp: 1_700_000_000,
      type: 'order.created',
      userId: 'guest',
      appId: 'shop',
    };
    channel.sendToQueue(queue, Buffer.from('{}'), properties);
    const message = await channel.get(queue, { noAck: true });
    assert.ok(message);
    assert.deepEqual({ ...message.properties }, { ...properties, clusterId: undefined });
  });

  test('headers of every type that amqplib writes come back equal', async (t) => {
    const channel = await openChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    const headers = {
      text: 'grüße, 世界',
      empty: '',
      yes: true,
      no: false,
      nothing: null,
      byte: -128,
      short: -32_768,
      int: 2_147_483_647,
      long: -9_007_199_254_740_991,
      double: Math.PI,
      timestamp: { '!': 'timestamp', value: 1_700_000_000 },
      decimal: { '!': 'decimal', value: { places: 2, digits: 314 } },
      bytes: Buffer.from([0, 1, 254, 255]),
      list: ['one', 2, false, null, ['nested'], { deep: 3.5 }],
      table: { inner: { innermost: 'value' }, list: [] },
      emptyTable: {},
    };
    const typed = { float: 1.5, uint8: 255, uint16: 65_535, uint32: 4_294_967_295 };
    const tagged = Object.fromEntries(Object.entries(typed).map(([type, value]) => [type, { '!': type, value }]));
    channel.sendToQueue(queue, Buffer.alloc(0), { headers: { ...headers, ...tagged } });
    const message = await channel.get(queue, { noAck: true });
    assert.ok(message);
    assert.deepEqual(message.properties.headers, { ...headers, ...typed });
  });

  test('a message of 5 MiB is split into frames and put together again', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    const body = Buffer.alloc(5 * 1024 * 1024, Buffer.from(Array.from({ length: 251 }, (_, index) => index)));
    const { inbox } = await consumeInto(channel, queue);
    channel.sendToQueue(queue, body);
    const message = await nextMessage(inbox);
    assert.ok(message.content.equals(body));
    channel.ack(message);
    await channel.waitForConfirms();
    assert.equal((await channel.checkQueue(queue)).messageCount, 0);
  });

  test('the smallest frame size is honoured in both directions', async (t) => {
    const channel = await openChannel(t, variantOf(broker.url, { query: { frameMax: '4096' } }));
    const queue = await exclusiveQueue(channel);
    for (const size of [0, 1, 4087, 4088, 4089, 8176, 100_000]) {
      const body = Buffer.alloc(size, 'x');
      channel.sendToQueue(queue, body);
      const message = await channel.get(queue, { noAck: true });
      assert.ok(message, `a body of ${size} bytes`);
      assert.ok(message.content.equals(body), `the body of ${size} bytes as it was sent`);
    }
  });

  test('a user id that is not the one logged in closes the channel with 406', async (t) => {
    const channel = await openChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    await assertChannelCloses(
      channel,
      406,
      "PRECONDITION_FAILED - user_id property set to 'mallory' but authenticated user was 'guest'",
      () => channel.sendToQueue(queue, Buffer.from('forged'), { userId: 'mallory' }),
    );
  });

  test('an expiration that is no number closes the channel with 406', async (t) => {
    const channel = await openChannel(t, broker.url);
    const queue = await exclusiveQueue(channel);
    await assertChannelCloses(channel, 406, /^PRECONDITION_FAILED - invalid expiration 'soon'/, () =>
      channel.sendToQueue(queue, Buffer.from('?'), { expiration: 'soon' }),
    );
  });
});
