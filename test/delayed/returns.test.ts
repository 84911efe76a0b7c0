/** Mandatory messages that no queue takes when they are released: on a broker with a disk, moved to segments, and over a restart. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Channel, ConfirmChannel, Message } from 'amqplib';
import { type Broker, startBroker } from '../../src/broker.ts';
import { openConfirmChannel, openConnection } from '../conformance/amqplib-session.ts';
import { eventually, Inbox } from '../conformance/waiting.ts';
import { shownFlow } from '../management/flows.ts';
import { type ApiReply, ask } from '../management/http-client.ts';

const HOUR_MS = 3600_000;

/** amqplib has no methods for transactions, but sends any that it is told by class and method. */
interface Rpc {
  rpc(method: number, fields: object, answer: number): Promise<unknown>;
}
const TX_SELECT = 0x5a000a;
const TX_COMMIT = 0x5a0014;

interface Setting {
  readonly channel: ConfirmChannel;
  readonly exchange: string;
  readonly queue: string;
  readonly returned: Inbox<Message>;
}

describe('a mandatory message that nothing matches at its release', { timeout: 60_000 }, () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'leveret-delayed-'));
  let broker: Broker;
  let names = 0;

  const start = async () => {
    const delayedSegmentBytes = 65536;
    broker = await startBroker({ port: 0, dataDir, logLevel: 'none', management: { port: 0 }, delayedSegmentBytes });
  };
  before(start);
  after(async () => {
    await broker.stop();
    rmSync(dataDir, { recursive: true });
  });

  const post = (path: string, body: object): Promise<ApiReply> =>
    ask(broker.managementUrl!, { method: 'POST', path: `/api/exchanges/%2F/${path}`, body });

  /** A channel, and an exchange that delays, bound to a queue by the key `k`. */
  async function declare(t: TestContext, args: object = {}): Promise<Setting> {
    const channel = await openConfirmChannel(t, broker.url);
    const [exchange, queue] = [`later-${++names}`, `queue-${names}`];
    await channel.assertExchange(exchange, 'x-delayed-message', { arguments: { 'x-delayed-type': 'direct', ...args } });
    await channel.assertQueue(queue);
    await channel.bindQueue(queue, exchange, 'k');
    return { channel, exchange, queue, returned: returnsOf(channel) };
  }

  async function openTransaction(t: TestContext): Promise<{ channel: Channel; commit(): Promise<unknown> }> {
    const channel = await (await openConnection(t, broker.url)).createChannel();
    const { rpc } = channel as unknown as Rpc;
    await rpc.call(channel, TX_SELECT, {}, TX_SELECT + 1);
    return { channel, commit: () => rpc.call(channel, TX_COMMIT, {}, TX_COMMIT + 1) };
  }

  function returnsOf(channel: Channel): Inbox<Message> {
    const returned = new Inbox<Message>('what is returned');
    channel.on('return', returned.put);
    return returned;
  }

  async function publish({ channel, exchange }: Setting, body: string, delay: number, mandatory = true): Promise<void> {
    const headers = { 'x-delay': delay };
    channel.publish(exchange, 'k', Buffer.from(body), {
      headers,
      mandatory,
      persistent: true,
      messageId: `id ${body}`,
    });
    await channel.waitForConfirms();
  }

  async function releaseAll(exchange: string): Promise<number> {
    const { status, body } = await post(`${exchange}/delayed/release`, { all: true });
    assert.equal(status, 200, JSON.stringify(body));
    return (body as { released: number }).released;
  }

  async function figuresOf(exchange: string): Promise<{ released: number; unroutable: number }> {
    const path = `/api/delayed?page=1&name=${exchange}&columns=released,unroutable`;
    const { body } = await ask(broker.managementUrl!, { method: 'GET', path });
    return (body as { items: { released: number; unroutable: number }[] }).items[0]!;
  }

  /** Nothing has come before what is sent back at once. */
  async function assertNothing({ channel, returned }: Setting): Promise<void> {
    channel.publish('', `no such queue ${names}`, Buffer.from('at once'), { mandatory: true });
    assert.equal((await returned.next()).content.toString(), 'at once');
  }

  test('is returned when it is due, with the properties that it is released with, and counted as returned', async (t) => {
    const { channel, exchange, queue } = await declare(t);
    const transaction = await openTransaction(t);
    const returned = returnsOf(transaction.channel);
    for (const [body, mandatory] of Object.entries({ dropped: false, back: true })) {
      const options = { headers: { 'x-delay': 50 }, mandatory, persistent: true, messageId: `id ${body}` };
      transaction.channel.publish(exchange, 'k', Buffer.from(body), options);
    }
    // Their time begins with the commit, however long it takes to come to it.
    await transaction.channel.checkExchange(exchange);
    await channel.unbindQueue(queue, exchange, 'k');
    await transaction.commit();
    const { fields, properties, content } = await returned.next();
    const { replyCode, replyText, routingKey } = fields as unknown as Record<string, unknown>;
    assert.deepEqual([replyCode, replyText, fields.exchange, routingKey], [312, 'NO_ROUTE', exchange, 'k']);
    assert.equal(content.toString(), 'back');
    assert.deepEqual([properties.messageId, properties.deliveryMode], ['id back', 2]);
    assert.deepEqual(properties.headers, { 'x-delay': -50 });
    assert.deepEqual(await figuresOf(exchange), { released: 2, unroutable: 2 });
    const { body } = await ask(broker.managementUrl!, { method: 'GET', path: '/api/channels' });
    const { name } = (body as { name: string; transactional: boolean }[]).find(({ transactional }) => transactional)!;
    const flow = await shownFlow(broker.managementUrl!, `channels/${encodeURIComponent(name)}`);
    const { message_stats } = flow as { message_stats: object };
    assert.deepEqual(message_stats, { publish: 2, confirm: 0, return_unroutable: 1, drop_unroutable: 0 });
  });

  test('goes to the alternate exchange first', async (t) => {
    const { channel, queue } = await declare(t);
    await channel.assertExchange('alternate', 'fanout');
    await channel.bindQueue(queue, 'alternate', '');
    const setting = await declare(t, { 'alternate-exchange': 'alternate' });
    await publish(setting, 'stray', HOUR_MS);
    await setting.channel.unbindQueue(setting.queue, setting.exchange, 'k');
    assert.equal(await releaseAll(setting.exchange), 1);
    const message = await channel.get(queue);
    assert(message !== false);
    assert.equal(message.content.toString(), 'stray');
    await assertNothing(setting);
    assert.deepEqual(await figuresOf(setting.exchange), { released: 1, unroutable: 0 });
  });

  test('is returned when it is released before its time, from the journal and from segments', async (t) => {
    const setting = await declare(t);
    const { channel, exchange, queue, returned } = setting;
    const segments = () =>
      readdirSync(join(dataDir, 'delayed'), { recursive: true }).filter((name) => /segment$/.test(`${name}`));
    const before = segments().length;
    for (let i = 0; i < 300; i++) {
      const headers = { 'x-delay': HOUR_MS + i };
      const options = { headers, persistent: true, mandatory: i % 3 !== 0, BCC: i % 2 === 0 ? ['nowhere'] : undefined };
      channel.publish(exchange, 'k', Buffer.alloc(1000, `${i} `), options as object);
    }
    await channel.waitForConfirms();
    await eventually('segments', async () => segments().length >= before + 3);
    await publish(setting, 'the last one ', 2 * HOUR_MS);
    await channel.unbindQueue(queue, exchange, 'k');
    assert.equal(await releaseAll(exchange), 301);
    const bodies = (await returned.take(201)).map(({ content }) => content.toString().split(' ', 1)[0]);
    const wanted = Array.from({ length: 300 }, (_, i) => i).filter((i) => i % 3 !== 0);
    assert.deepEqual(bodies, [...wanted.map(String), 'the']);
    await assertNothing(setting);
    assert.deepEqual(await figuresOf(exchange), { released: 301, unroutable: 301 });
  });

  test('is returned where it was published to an exchange before the one that it waits in', async (t) => {
    const setting = await declare(t);
    const { exchange, queue, channel, returned } = setting;
    await channel.assertExchange('front', 'fanout');
    await channel.bindExchange(exchange, 'front', '');
    await publish({ ...setting, exchange: 'front' }, 'through', HOUR_MS);
    await channel.unbindQueue(queue, exchange, 'k');
    assert.equal(await releaseAll(exchange), 1);
    assert.equal((await returned.next()).fields.exchange, 'front');
  });

  test('is not returned where a queue had got it at once, and it waited elsewhere, too', async (t) => {
    const setting = await declare(t);
    const { channel, exchange, queue } = setting;
    await channel.assertExchange('both', 'fanout');
    await channel.bindExchange(exchange, 'both', '');
    const { queue: now } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(now, 'both', '');
    channel.publish('both', 'k', Buffer.from('x'), { headers: { 'x-delay': HOUR_MS }, mandatory: true });
    await channel.waitForConfirms();
    await channel.unbindQueue(queue, exchange, 'k');
    assert.equal(await releaseAll(exchange), 1);
    await assertNothing(setting);
    assert.deepEqual(await figuresOf(exchange), { released: 1, unroutable: 1 });
  });

  test('is dropped where the API published it', async (t) => {
    const setting = await declare(t);
    const { channel, exchange, queue } = setting;
    const message = {
      routing_key: 'k',
      properties: { headers: { 'x-delay': HOUR_MS } },
      payload: 'x',
      payload_encoding: 'string',
    };
    assert.deepEqual((await post(`${exchange}/publish`, message)).body, { routed: true });
    await channel.unbindQueue(queue, exchange, 'k');
    assert.equal(await releaseAll(exchange), 1);
    assert.deepEqual(await figuresOf(exchange), { released: 1, unroutable: 1 });
    assert.deepEqual((await post(`${exchange}/publish`, message)).body, { routed: false });
  });

  test('is dropped where its channel is closed, and another one has its number by then', async (t) => {
    const connection = await openConnection(t, broker.url);
    const { exchange, queue, channel } = await declare(t);
    const first = await connection.createConfirmChannel();
    await publish({ channel: first, exchange, queue, returned: returnsOf(first) }, 'lost', HOUR_MS);
    await first.close();
    const second = await connection.createConfirmChannel();
    const numberOf = (of: ConfirmChannel) => (of as unknown as { ch: number }).ch;
    assert.equal(numberOf(second), numberOf(first));
    const setting = { channel: second, exchange, queue, returned: returnsOf(second) };
    await publish(setting, 'kept', 2 * HOUR_MS);
    await channel.unbindQueue(queue, exchange, 'k');
    assert.equal(await releaseAll(exchange), 2);
    assert.equal((await setting.returned.next()).content.toString(), 'kept');
    await assertNothing(setting);
    assert.deepEqual(await figuresOf(exchange), { released: 2, unroutable: 2 });
  });

  test('is dropped where the broker was started meanwhile', async (t) => {
    const before = await declare(t);
    await publish(before, 'of the last start', HOUR_MS);
    await broker.stop();
    await start();
    const after = { ...before, channel: await openConfirmChannel(t, broker.url) };
    const setting = { ...after, returned: returnsOf(after.channel) };
    await publish(setting, 'of this one', 2 * HOUR_MS);
    await setting.channel.unbindQueue(setting.queue, setting.exchange, 'k');
    assert.equal(await releaseAll(setting.exchange), 2);
    assert.equal((await setting.returned.next()).content.toString(), 'of this one');
    await assertNothing(setting);
    assert.deepEqual(await figuresOf(setting.exchange), { released: 2, unroutable: 2 });
  });
});
