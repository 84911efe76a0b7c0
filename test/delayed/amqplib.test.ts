/**
 * amqplib on an x-delayed-message exchange, as programs for RabbitMQ's plugin use it, and beyond what the plugin can. Debian has
 * no such plugin, so that what it does is taken from its source, and not compared with it running.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ConfirmChannel, ConsumeMessage, Options } from 'amqplib';
import { type Broker, startBroker } from '../../src/broker.ts';
import { assertChannelCloses, openConfirmChannel, openConnection } from '../conformance/amqplib-session.ts';
import { eventually, Inbox } from '../conformance/waiting.ts';

const YEAR_MS = 365 * 24 * 3600 * 1000;
let names = 0;

interface Setting {
  readonly channel: ConfirmChannel;
  readonly exchange: string;
  readonly queue: string;
  readonly inbox: Inbox<ConsumeMessage>;
  publish(body: string, headers: object, options?: Options.Publish & { readonly key?: string }): Promise<void>;
}

describe('x-delayed-message', { timeout: 60_000 }, () => {
  let broker: Broker;
  before(async () => {
    broker = await startBroker({ port: 0, memory: true, logLevel: 'none', management: { port: 0 } });
  });
  after(() => broker.stop());

  /** An exchange with one queue bound by the key `k`, of which everything is consumed. */
  async function declare(
    t: Parameters<typeof openConfirmChannel>[0],
    args: object = {},
    type = 'direct',
  ): Promise<Setting> {
    const channel = await openConfirmChannel(t, broker.url);
    const exchange = `later-${++names}`;
    await channel.assertExchange(exchange, 'x-delayed-message', { arguments: { 'x-delayed-type': type, ...args } });
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, exchange, 'k');
    const inbox = new Inbox<ConsumeMessage>('a message');
    await channel.consume(queue, (message) => inbox.put(message!), { noAck: true });
    const publish = async (
      body: string,
      headers: object,
      { key = 'k', ...options }: Options.Publish & { key?: string } = {},
    ) => {
      channel.publish(exchange, key, Buffer.from(body), { headers, ...options });
      await channel.waitForConfirms();
    };
    return { channel, exchange, queue, inbox, publish };
  }

  async function next(inbox: Inbox<ConsumeMessage>): Promise<[string, unknown]> {
    const message = await inbox.next();
    return [message.content.toString(), message.properties.headers!['x-delay']];
  }

  test('releases in the order of the delays, with x-delay negated, whatever kind of number it is', async (t) => {
    const { publish, inbox } = await declare(t);
    // In one go, so that nothing can come between them.
    await Promise.all([
      publish('float', { 'x-delay': 160.9 }),
      publish('text', { 'x-delay': '240' }),
      publish('short', { 'x-delay': { '!': 'short', value: 80 } }),
      publish('long', { 'x-delay': { '!': 'int64', value: 320 } }),
    ]);
    const found = [await next(inbox), await next(inbox), await next(inbox), await next(inbox)];
    assert.deepEqual(found, [
      ['short', -80],
      ['float', -160],
      ['text', -240],
      ['long', -320],
    ]);
  });

  test('is never early, not by a part of a millisecond', async (t) => {
    const { channel, exchange } = await declare(t);
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, exchange, 'k');
    const cameAt: number[] = [];
    const note = (message: ConsumeMessage | null) => {
      cameAt[Number(message!.properties.messageId)] = performance.now();
    };
    await channel.consume(queue, note, { noAck: true });
    const sentAt: number[] = [];
    for (let i = 0; i < 60; i++) {
      sentAt.push(performance.now());
      channel.publish(exchange, 'k', Buffer.alloc(0), { messageId: String(i), headers: { 'x-delay': 20 } });
      // So that they are not all of the same part of one.
      await new Promise((next) => setTimeout(next, 1));
    }
    await eventually('all to come', async () => Object.keys(cameAt).length === 60);
    const waited = sentAt.map((sent, i) => cameAt[i]! - sent);
    assert(Math.min(...waited) > 19.95, `one waited ${Math.min(...waited)} ms`);
  });

  test('routes at once without a delay, with the header as it is', async (t) => {
    const { publish, inbox } = await declare(t);
    await publish('none', {});
    await publish('zero', { 'x-delay': 0 });
    await publish('negative', { 'x-delay': -5 });
    await publish('no number by its type', { 'x-delay': true });
    const found = [await next(inbox), await next(inbox), await next(inbox), await next(inbox)];
    assert.deepEqual(found, [
      ['none', undefined],
      ['zero', 0],
      ['negative', -5],
      ['no number by its type', true],
    ]);
  });

  test('routes with the bindings of the moment of release', async (t) => {
    const { channel, exchange, queue, publish, inbox } = await declare(t);
    await publish('bound meanwhile', { 'x-delay': 1500 }, { key: 'new' });
    await publish('unbound meanwhile', { 'x-delay': 1500 });
    await channel.bindQueue(queue, exchange, 'new');
    await channel.unbindQueue(queue, exchange, 'k');
    await publish('last', { 'x-delay': 1500 }, { key: 'new' });
    assert.deepEqual([(await next(inbox))[0], (await next(inbox))[0]], ['bound meanwhile', 'last']);
  });

  for (const type of ['fanout', 'topic', 'headers', 'x-consistent-hash', 'x-modulus-hash', 'x-random'] as const) {
    test(`routes as a ${type} exchange does`, async (t) => {
      const { channel, exchange, queue, publish, inbox } = await declare(
        t,
        {},
        type === 'x-consistent-hash' ? 'fanout' : type,
      );
      if (type === 'headers') await channel.bindQueue(queue, exchange, '', { color: 'red' });
      if (type === 'topic') await channel.bindQueue(queue, exchange, 'a.#');
      await publish('it', { 'x-delay': 20, color: 'red' }, { key: type === 'topic' ? 'a.b' : 'k' });
      assert.equal((await next(inbox))[0], 'it');
    });
  }

  test('keeps properties, CC and the name of the exchange that was published to', async (t) => {
    const { channel, exchange, publish, inbox } = await declare(t);
    const front = `front-${++names}`;
    await channel.assertExchange(front, 'fanout', { autoDelete: true });
    await channel.bindExchange(exchange, front, '');
    channel.publish(front, 'k', Buffer.from('through'), { headers: { 'x-delay': 30 }, messageId: 'id', priority: 3 });
    const message = await inbox.next();
    assert.equal(message.fields.exchange, front);
    assert.equal(message.properties.messageId, 'id');
    assert.equal(message.properties.priority, 3);
    await publish('copied', { 'x-delay': 30 }, { key: 'nowhere', CC: ['k'] });
    assert.equal((await next(inbox))[0], 'copied');
  });

  test('delays once where one such exchange is behind another', async (t) => {
    const { channel, exchange, inbox } = await declare(t);
    const first = `first-${++names}`;
    await channel.assertExchange(first, 'x-delayed-message', { arguments: { 'x-delayed-type': 'fanout' } });
    await channel.bindExchange(exchange, first, '');
    channel.publish(first, 'k', Buffer.from('once'), { headers: { 'x-delay': 150 } });
    assert.deepEqual(await next(inbox), ['once', -150], 'a second release would have negated it again');
  });

  test('releases at a moment: x-deliver-at as milliseconds or as a timestamp', async (t) => {
    const { publish, inbox } = await declare(t);
    const at = Date.now() + 100;
    await publish('milliseconds', { 'x-deliver-at': at });
    const message = await inbox.next();
    assert(Date.now() >= at);
    assert(message.properties.headers!['x-delay'] < 0);
    assert.equal(message.properties.headers!['x-deliver-at'], at);
    await publish('past', { 'x-deliver-at': { '!': 'timestamp', value: 1000 } });
    assert.deepEqual(await next(inbox), ['past', undefined]);
    await publish('x-delay counts', { 'x-deliver-at': at + YEAR_MS, 'x-delay': 20 });
    assert.deepEqual(await next(inbox), ['x-delay counts', -20]);
  });

  test('takes delays of years, and refuses what ends after the year 9999 or is no number', async (t) => {
    const { publish, channel, exchange } = await declare(t);
    await publish('a thousand years', { 'x-delay': 1000 * YEAR_MS });
    const wrong = (headers: object) => channel.publish(exchange, 'k', Buffer.alloc(0), { headers });
    await assertChannelCloses(channel, 406, /invalid delay .* ends after the year 9999/, () =>
      wrong({ 'x-delay': 8000 * YEAR_MS }),
    );
    const other = await openConfirmChannel(t, broker.url);
    await assertChannelCloses(other, 406, /invalid delay .* is no number of milliseconds/, () =>
      other.publish(exchange, 'k', Buffer.alloc(0), { headers: { 'x-delay': 'soon' } }),
    );
  });

  test('returns a mandatory message that no queue would get, and delays one that one would', async (t) => {
    const { channel, publish, inbox } = await declare(t);
    const returned = new Inbox<{ readonly content: Buffer }>('what is returned');
    channel.on('return', (message) => returned.put(message));
    await publish('nowhere', { 'x-delay': 10 }, { mandatory: true, key: 'nobody' });
    assert.equal((await returned.next()).content.toString(), 'nowhere');
    await publish('somewhere', { 'x-delay': 10 }, { mandatory: true });
    assert.equal((await next(inbox))[0], 'somewhere');
  });

  test('hands what nothing matches at release to the alternate exchange', async (t) => {
    const { channel, queue, publish, inbox } = await declare(t);
    const alternate = `alternate-${++names}`;
    await channel.assertExchange(alternate, 'fanout', { autoDelete: true });
    await channel.bindQueue(queue, alternate, '');
    const settings = await declare(t, { 'alternate-exchange': alternate });
    settings.channel.publish(settings.exchange, 'nobody', Buffer.from('stray'), { headers: { 'x-delay': 1500 } });
    await publish('before', { 'x-delay': 1 });
    assert.equal((await next(inbox))[0], 'before', 'not at once, as with the plugin');
    assert.equal((await next(inbox))[0], 'stray');
  });

  test('dead letters that carry x-delay wait: retries through a delayed exchange', async (t) => {
    const { channel, exchange, inbox } = await declare(t);
    const work = `work-${++names}`;
    await channel.assertQueue(work, { exclusive: true, deadLetterExchange: exchange, deadLetterRoutingKey: 'k' });
    channel.sendToQueue(work, Buffer.from('failed'), { headers: { 'x-delay': 50 } });
    await channel.consume(work, (message) => channel.nack(message!, false, false));
    assert.deepEqual(await next(inbox), ['failed', -50]);
  });

  test('releases no more a second than x-release-rate says, or a policy', async (t) => {
    const { publish, inbox } = await declare(t, { 'x-release-rate': 20 });
    const sent = performance.now();
    for (let i = 0; i < 7; i++) void publish(`m${i}`, { 'x-delay': 1 });
    for (let i = 0; i < 7; i++) await inbox.next();
    assert(performance.now() - sent > 200, `seven at 20 a second after ${performance.now() - sent} ms`);
  });

  test('is refused without an x-delayed-type that can be, in the words of the plugin', async (t) => {
    const refused = async (args: object, replyCode: number, text: RegExp) => {
      const channel = await openConfirmChannel(t, broker.url);
      const declaring = () => channel.assertExchange(`no-${++names}`, 'x-delayed-message', { arguments: args });
      return assertChannelCloses(channel, replyCode, text, declaring);
    };
    await refused({}, 406, /Invalid argument, 'x-delayed-type' must be an existing exchange type/);
    await refused({ 'x-delayed-type': 5 }, 406, /'x-delayed-type' must be an existing exchange type/);
    await refused(
      { 'x-delayed-type': 'x-delayed-message' },
      406,
      /Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'/,
    );
    const connection = await openConnection(t, broker.url);
    const closed = once(connection, 'error');
    const declared = (await connection.createChannel()).assertExchange('no', 'x-delayed-message', {
      arguments: { 'x-delayed-type': 'nonsense' },
    });
    await assert.rejects(declared);
    assert.match(String((await closed)[0]), /503 .*unknown exchange type 'nonsense'/);
    await refused(
      { 'x-delayed-type': 'direct', 'x-release-rate': 0 },
      406,
      /'x-release-rate' must be a number above 0/,
    );
  });

  test('is declared through the HTTP API as Spring and others declare it', async (t) => {
    const path = `${broker.managementUrl}/api/exchanges/%2F/by-http`;
    const authorization = `Basic ${Buffer.from('guest:guest').toString('base64')}`;
    const body = JSON.stringify({ type: 'x-delayed-message', durable: true, arguments: { 'x-delayed-type': 'topic' } });
    const headers = { authorization, 'content-type': 'application/json' };
    assert.equal((await fetch(path, { method: 'PUT', headers, body })).status, 201);
    const channel = await openConfirmChannel(t, broker.url);
    await channel.assertExchange('by-http', 'x-delayed-message', { arguments: { 'x-delayed-type': 'topic' } });
    channel.publish('by-http', 'a', Buffer.from('waits'), { headers: { 'x-delay': YEAR_MS } });
    await channel.waitForConfirms();
    const shown = await eventually('the count', async () => {
      const found = (await (await fetch(path, { headers })).json()) as { messages_delayed?: number };
      return found.messages_delayed === 1 ? found : undefined;
    });
    assert.equal(shown.messages_delayed, 1);
    await channel.deleteExchange('by-http');
  });
});

test('a stop and a start keep what waits, and the memory of a delay is no time of the broker', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'leveret-delayed-'));
  t.after(() => rmSync(dataDir, { recursive: true }));
  const first = await startBroker({ port: 0, dataDir, logLevel: 'none' });
  const channel = await openConfirmChannel(t, first.url);
  await channel.assertExchange('later', 'x-delayed-message', { arguments: { 'x-delayed-type': 'fanout' } });
  await channel.assertQueue('q');
  await channel.bindQueue('q', 'later', '');
  // Long enough that the stop comes first.
  const due = Date.now() + 2000;
  // Not persistent: the plugin keeps it all the same.
  channel.publish('later', '', Buffer.from('kept'), { headers: { 'x-deliver-at': due } });
  await channel.waitForConfirms();
  await first.stop();
  const second = await startBroker({ port: 0, dataDir, logLevel: 'none' });
  t.after(() => second.stop());
  const inbox = new Inbox<ConsumeMessage>('a message');
  const consumer = await openConfirmChannel(t, second.url);
  await consumer.consume('q', (message) => inbox.put(message!));
  const message = await inbox.next();
  assert.equal(message.content.toString(), 'kept');
  assert(Date.now() >= due);
  assert.equal(message.properties.headers!['x-delay-repeated'], undefined);
});
