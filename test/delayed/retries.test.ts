/** Dead letters that wait for their next attempt: the ladder of delays, where it ends, and what is seen of it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Channel, ConfirmChannel, ConsumeMessage, Options } from 'amqplib';
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker.ts';
import { openSqliteStore } from '../../src/metadata/sqlite-store.ts';
import { assertChannelCloses, openChannel, openConfirmChannel } from '../conformance/amqplib-session.ts';
import { eventually, Inbox } from '../conformance/waiting.ts';
import { type ApiCall, ask } from '../management/http-client.ts';

const HOUR_MS = 3600_000;
const WAITING = 'exchanges/%2F/amq.default/delayed';

interface Death {
  readonly queue: string;
  readonly reason: string;
  readonly count: number;
}
interface Waiting {
  readonly id: string;
  readonly exchange: string;
  readonly routing_key: string;
  readonly properties: { readonly headers: Readonly<Record<string, unknown>> };
}

let broker: Broker;
let names = 0;

const start = (options: BrokerOptions) =>
  startBroker({ port: 0, logLevel: 'none', management: { port: 0 }, prometheus: { port: 0 }, ...options });

async function api(method: ApiCall['method'], path: string, body?: unknown, user = 'guest:guest') {
  return ask(broker.managementUrl!, { method, path: `/api/${path}`, body, user });
}

async function waiting(): Promise<readonly Waiting[]> {
  const { status, body } = await api('GET', WAITING);
  if (status === 400) return [];
  return (body as { messages: Waiting[] }).messages;
}

function deathsOf({ properties }: ConsumeMessage): string[] {
  const deaths = (properties.headers!['x-death'] ?? []) as readonly Death[];
  return deaths.map(({ queue, reason, count }) => `${queue} ${reason} ${count}`);
}

async function gotten(channel: Channel, queue: string): Promise<ConsumeMessage> {
  return eventually(`a message in ${queue}`, async () => {
    const message = await channel.get(queue, { noAck: true });
    return message === false ? undefined : (message as unknown as ConsumeMessage);
  });
}

/** A queue of its own and what comes to it. */
async function consumed(
  channel: Channel,
  settle: (message: ConsumeMessage) => void,
  options: Options.AssertQueue = {},
) {
  const { queue } = await channel.assertQueue(`work-${++names}`, options);
  const inbox = new Inbox<ConsumeMessage>('a message');
  await channel.consume(queue, (message) => {
    // Null: the queue was deleted.
    if (message === null) return;
    inbox.put(message);
    settle(message);
  });
  return { queue, inbox };
}

function retrying(args: object): Options.AssertQueue {
  return { arguments: { 'x-dead-letter-exchange': '', ...args } };
}

describe('a queue with delays for dead letters', { timeout: 120_000 }, () => {
  before(async () => {
    broker = await start({ memory: true });
  });
  after(() => broker.stop());

  /** A queue to which nobody brings anything but a message that is rejected or expires there. */
  async function letterOf(t: TestContext, args: object, message: Options.Publish & { body?: string } = {}) {
    const channel = await openConfirmChannel(t, broker.url);
    const { queue } = await channel.assertQueue(`dying-${++names}`, retrying(args));
    const { body = 'x', ...options } = message;
    channel.sendToQueue(queue, Buffer.from(body), options);
    await channel.waitForConfirms();
    return { channel, queue };
  }

  async function reject(channel: Channel, queue: string): Promise<void> {
    const message = await channel.get(queue);
    assert(message !== false);
    channel.reject(message, false);
  }

  test('is a whole ladder by one policy: what fails comes back later each time, and is parked in the end', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const rejectedAt: number[] = [];
    const cameAt: number[] = [];
    await channel.assertExchange('parked', 'fanout');
    await channel.assertQueue('parked');
    await channel.bindQueue('parked', 'parked', '');
    const delaysMs = [40, 120, 80];
    const definition = {
      'dead-letter-exchange': '',
      'dead-letter-routing-key': 'ladder',
      'dead-letter-delays': [delaysMs[0], '120ms', delaysMs[2]],
      'dead-letter-final-exchange': 'parked',
    };
    const put = await api('PUT', 'policies/%2F/retries', { pattern: '^ladder$', 'apply-to': 'queues', definition });
    assert.equal(put.status, 201);
    const inbox = new Inbox<ConsumeMessage>('an attempt');
    await channel.assertQueue('ladder');
    await channel.consume('ladder', (message) => {
      cameAt.push(Date.now());
      inbox.put(message!);
      rejectedAt.push(Date.now());
      channel.reject(message!, false);
    });
    const headers = { mine: 'kept', 'x-delay': 5, 'x-deliver-at': Date.now() + HOUR_MS };
    channel.sendToQueue('ladder', Buffer.from('order'), { headers, messageId: 'm', expiration: '3600000' });
    const attempts = await inbox.take(4);
    const parked = await gotten(channel, 'parked');

    assert.deepEqual(attempts.map(deathsOf), [[], ...[1, 2, 3].map((count) => [`ladder rejected ${count}`])]);
    assert.deepEqual(
      attempts.map(({ properties }) => properties.headers!['x-delay']),
      [5, ...delaysMs.map((ms) => -ms)],
    );
    for (const [index, delayMs] of delaysMs.entries()) {
      const tookMs = cameAt[index + 1]! - rejectedAt[index]!;
      assert(tookMs >= delayMs, `attempt ${index + 2} came after ${tookMs} ms, not ${delayMs}`);
    }
    assert.deepEqual(deathsOf(parked), ['ladder rejected 4']);
    assert.deepEqual([parked.fields.exchange, parked.fields.routingKey], ['parked', 'ladder']);
    assert.equal(parked.properties.headers!.mine, 'kept');
    assert.equal(parked.properties.headers!['x-first-death-queue'], 'ladder');
    assert.deepEqual([parked.content.toString(), parked.properties.messageId], ['order', 'm']);
    assert.equal(parked.properties.expiration, undefined);
    assert.deepEqual(await waiting(), []);
    const { effective_policy_definition } = (await api('GET', 'queues/%2F/ladder')).body as Record<string, unknown>;
    assert.deepEqual(effective_policy_definition, definition);
  });

  test('without an end goes on with the last delay, and messages keep their order', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const args = { 'x-dead-letter-delays': [0, 30] };
    const { queue, inbox } = await consumed(channel, (message) => channel.reject(message, false), retrying(args));
    for (const body of ['a', 'b', 'c']) channel.sendToQueue(queue, Buffer.from(body));
    const seen = (await inbox.take(15)).map((message) => {
      const attempt = Number(deathsOf(message)[0]?.split(' ')[2] ?? 0);
      return { body: String(message.content), attempt, delay: message.properties.headers!['x-delay'] as unknown };
    });
    const delays = [undefined, undefined, -30];
    for (const { attempt, delay } of seen) assert.equal(delay, delays[Math.min(attempt, 2)], `attempt ${attempt}`);
    for (const attempt of [0, 1, 2, 3]) {
      const bodies = seen.filter((each) => each.attempt === attempt).map(({ body }) => body);
      assert.equal(bodies.join(), ['a', 'b', 'c'].slice(0, bodies.length).join(), `attempt ${attempt}`);
    }
    assert(seen.at(-1)!.attempt >= 4);
    await channel.deleteQueue(queue);
  });

  test('lets what expires wait, too, and what is too much', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    await channel.assertQueue('graves');
    const args = { 'x-dead-letter-routing-key': 'graves', 'x-dead-letter-delays': ['30ms'] };
    const { queue: expiring } = await channel.assertQueue('', retrying({ ...args, 'x-message-ttl': 10 }));
    channel.sendToQueue(expiring, Buffer.from('old'));
    const expired = await gotten(channel, 'graves');
    assert.deepEqual(deathsOf(expired), [`${expiring} expired 1`]);
    assert.equal(expired.properties.headers!['x-delay'], -30);
    for (const overflow of ['drop-head', 'reject-publish-dlx']) {
      const full = { ...args, 'x-max-length': 1, 'x-overflow': overflow };
      const { queue } = await channel.assertQueue('', retrying(full));
      for (const body of ['first', 'second']) channel.sendToQueue(queue, Buffer.from(body));
      const dropped = await gotten(channel, 'graves');
      assert.equal(dropped.content.toString(), overflow === 'drop-head' ? 'first' : 'second');
      assert.deepEqual(deathsOf(dropped), [`${queue} maxlen 1`]);
      assert.equal(dropped.properties.headers!['x-delay'], -30);
    }
  });

  test('of the type quorum counts each reason for itself', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    await channel.assertQueue('limited');
    const args = { 'x-queue-type': 'quorum', 'x-delivery-limit': 1, 'x-dead-letter-delays': [10, 20] };
    await channel.assertExchange('again', 'fanout');
    const options = retrying({ ...args, 'x-dead-letter-exchange': 'again' });
    const settle = (message: ConsumeMessage) => channel.nack(message, false, deathsOf(message).length > 0);
    const { queue, inbox } = await consumed(channel, settle, options);
    for (const target of [queue, 'limited']) await channel.bindQueue(target, 'again', '');
    channel.sendToQueue(queue, Buffer.from('x'));
    const [rejected, limited] = [`${queue} rejected 1`, `${queue} delivery_limit 1`];
    const seen = (await inbox.take(3)).map((message) => [message.properties.headers!['x-delay'], ...deathsOf(message)]);
    assert.deepEqual(seen, [[undefined], [-10, rejected], [-10, rejected]]);
    assert.deepEqual(deathsOf(await gotten(channel, 'limited')), [rejected]);
    const over = await gotten(channel, 'limited');
    assert.deepEqual([over.properties.headers!['x-delay'], ...deathsOf(over)], [-10, limited, rejected]);
    await channel.deleteQueue(queue);
  });

  test('lets a message come back that does nothing but expire, and parks it in the end', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const parked = `expired-${++names}`;
    await channel.assertExchange(parked, 'fanout', { autoDelete: true });
    await channel.assertQueue(parked, { exclusive: true });
    await channel.bindQueue(parked, parked, '');
    const end = { 'x-dead-letter-final-exchange': parked };
    const args = { 'x-message-ttl': 1, 'x-dead-letter-delays': ['5ms', '10ms'], ...end };
    const { queue } = await letterOf(t, args);
    assert.deepEqual(deathsOf(await gotten(channel, parked)), [`${queue} expired 3`]);
  });

  async function unroutable(): Promise<number> {
    const lines = (await api('GET', 'delayed?name=amq.default&page=1')).body as { items: { unroutable: number }[] };
    return lines.items[0]?.unroutable ?? 0;
  }

  test('routes with the bindings of the moment of the release, and drops what finds no exchange', async (t) => {
    const exchange = `retry-${++names}`;
    const args = { 'x-dead-letter-exchange': exchange, 'x-dead-letter-delays': ['1h'] };
    const { channel, queue } = await letterOf(t, args, { CC: ['copy'] });
    await reject(channel, queue);
    await eventually('what waits', async () => (await waiting()).length === 1);
    const [first] = await waiting();
    assert.deepEqual([first!.exchange, first!.routing_key], [exchange, queue]);
    await channel.assertExchange(exchange, 'direct');
    const { queue: target } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(target, exchange, 'copy');
    assert.equal((await api('POST', `${WAITING}/${first!.id}/release`)).status, 204);
    const message = await gotten(channel, target);
    assert.equal(message.fields.exchange, exchange);

    channel.sendToQueue(queue, Buffer.from('lost'));
    await reject(channel, queue);
    await channel.deleteExchange(exchange);
    await eventually('what waits', async () => (await waiting()).length === 1);
    const before = await unroutable();
    await api('POST', `${WAITING}/release`, { all: true });
    assert.equal(await unroutable(), before + 1);
  });

  test('is refused with delays that are none, and without an exchange that it needs', async (t) => {
    const refused = async (args: object, text: RegExp) => {
      const channel = await openChannel(t, broker.url);
      await assertChannelCloses(channel, 406, text, () => channel.assertQueue(`no-${++names}`, { arguments: args }));
    };
    const dlx = { 'x-dead-letter-exchange': '' };
    await refused(
      { ...dlx, 'x-dead-letter-delays': ['soon'] },
      /invalid arg 'x-dead-letter-delays' .* "delay 1 is neither/,
    );
    await refused(
      { 'x-dead-letter-delays': ['1s'] },
      /invalid arg 'x-dead-letter-delays' .* delays_but_no_dlx_defined/,
    );
    await refused({ ...dlx, 'x-dead-letter-final-exchange': 'x' }, /final_exchange_but_no_delays_defined/);
    const channel = await openChannel(t, broker.url);
    const { queue } = await channel.assertQueue(`dying-${++names}`, retrying({ 'x-dead-letter-delays': ['1s'] }));
    await assertChannelCloses(channel, 406, /inequivalent arg 'x-dead-letter-delays' for queue/, () =>
      channel.assertQueue(queue, retrying({ 'x-dead-letter-delays': ['2s'] })),
    );
    const policy = { pattern: '', definition: { 'dead-letter-delays': ['1x'] } };
    const { status, body } = await api('PUT', 'policies/%2F/wrong', policy);
    assert.deepEqual([status, (body as { reason: string }).reason.includes('delay 1 is neither')], [400, true]);
    const operators = { pattern: '', definition: { 'dead-letter-delays': ['1s'] } };
    assert.equal((await api('PUT', 'operator-policies/%2F/wrong', operators)).status, 400);
  });

  test('needs permission to write to its final exchange, as to the other one', async (t) => {
    await api('PUT', 'users/parker', { password: 'p', tags: 'management' });
    await api('PUT', 'permissions/%2F/parker', { configure: '.*', write: '^amq.default$', read: '.*' });
    const channel = await openChannel(t, broker.url.replace('guest:guest', 'parker:p'));
    const args = { 'x-dead-letter-delays': ['1s'], 'x-dead-letter-final-exchange': 'amq.fanout' };
    await assertChannelCloses(channel, 403, /access to exchange 'amq.fanout' in vhost '\/' refused/, () =>
      channel.assertQueue('', retrying(args)),
    );
  });

  test('is released at the rate that a policy has for the default exchange', async (t) => {
    const { channel, queue } = await letterOf(t, { 'x-dead-letter-delays': ['1h'] });
    await reject(channel, queue);
    const rate = async () => ((await api('GET', 'delayed')).body as { release_rate: number | null }[])[0]?.release_rate;
    await eventually('what waits', async () => (await waiting()).length === 1);
    assert.equal(await rate(), null);
    const definition = { 'release-rate': 7 };
    await api('PUT', 'policies/%2F/slowly', { pattern: '^$', 'apply-to': 'exchanges', definition });
    assert.equal(await rate(), 7);
    await api('DELETE', 'policies/%2F/slowly');
    assert.equal(await rate(), null);
    await api('DELETE', `${WAITING}?all=true`);
  });
});

describe('dead letters that wait', { timeout: 120_000 }, () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'leveret-retries-'));
  const options = { dataDir, delayedSegmentBytes: 65536 };
  before(async () => {
    broker = await start(options);
  });
  after(async () => {
    await broker.stop();
    rmSync(dataDir, { recursive: true });
  });

  /** As many messages, rejected, of which each one waits a second longer than the one before. */
  async function fill(channel: ConfirmChannel, count: number): Promise<string> {
    const { queue } = await channel.assertQueue(`q-${++names}`, retrying({ 'x-dead-letter-delays': ['1h'] }));
    for (let n = 0; n < count; n++) {
      channel.sendToQueue(queue, Buffer.alloc(1024, `${n} `), { headers: { n }, persistent: n % 2 === 0 });
    }
    await channel.waitForConfirms();
    const before = (await waiting()).length;
    const { consumerTag } = await channel.consume(queue, (message) => channel.reject(message!, false));
    await eventually('the rejects', async () => {
      const { total_count } = (await api('GET', WAITING)).body as { total_count?: number };
      return total_count === before + count;
    });
    await channel.cancel(consumerTag);
    return queue;
  }

  test('are seen, cancelled and released as what waits in the default exchange', async (t) => {
    const untouched = await api('GET', WAITING);
    assert.equal(untouched.status, 400, 'as long as nothing has waited');
    assert.deepEqual((await api('GET', 'delayed')).body, []);
    assert.equal('messages_delayed' in ((await api('GET', 'exchanges/%2F/amq.default')).body as object), false);

    const channel = await openConfirmChannel(t, broker.url);
    const queue = await fill(channel, 9);
    const all = await waiting();
    assert.deepEqual(
      all.map(({ properties }) => properties.headers.n),
      [0, 1, 2, 3, 4, 5, 6, 7, 8],
    );
    assert.equal(all[0]!.properties.headers['x-delay'], HOUR_MS);
    const [line] = (await api('GET', 'delayed')).body as Record<string, unknown>[];
    assert.deepEqual([line!.vhost, line!.name, line!.messages_delayed], ['/', 'amq.default', 9]);
    const shown = (await api('GET', 'exchanges/%2F/amq.default')).body as Record<string, unknown>;
    assert.equal(shown.messages_delayed, 9);
    assert.equal(
      ((await api('GET', `${WAITING}/${all[1]!.id}`)).body as { payload: string }).payload.slice(0, 3),
      '1 1',
    );
    const metrics = async (path: string) => (await fetch(broker.prometheusUrl! + path)).text();
    assert.match(await metrics('/per-object'), /leveret_delayed_messages\{vhost="\/",exchange="amq.default"\} 9\n/);
    assert.match(await metrics(''), /^leveret_delayed_messages 9$/m);
    assert.match(await metrics(''), /^rabbitmq_global_messages_dead_lettered_rejected_total\{.*\} 9$/m);

    assert.equal((await api('DELETE', `${WAITING}/${all[0]!.id}`)).status, 204);
    assert.equal((await api('POST', `${WAITING}/${all[3]!.id}/release`)).status, 204);
    const { properties } = await gotten(channel, queue);
    assert.deepEqual([properties.headers!.n, properties.headers!['x-delay']], [3, -HOUR_MS]);
    assert.deepEqual((await api('DELETE', `${WAITING}?headers={"n":5}`)).body, { cancelled: 1 });
    assert.deepEqual((await api('POST', `${WAITING}/release`, { headers: { n: 1 } })).body, { released: 1 });
    assert.equal(deathsOf(await gotten(channel, queue))[0], `${queue} rejected 1`);
    assert.deepEqual((await api('DELETE', `${WAITING}?all=true`)).body, { cancelled: 5 });
  });

  test('are for those who have permissions for the default exchange', async (t) => {
    await fill(await openConfirmChannel(t, broker.url), 1);
    await api('PUT', 'users/somebody', { password: 'p', tags: 'management' });
    const calls = [
      ['read', 'GET', WAITING],
      ['write', 'POST', `${WAITING}/release`],
      ['configure', 'DELETE', `${WAITING}?routing_key=none`],
    ] as const;
    for (const [operation, method, path] of calls) {
      for (const allowed of ['read', 'write', 'configure']) {
        const none = { configure: '^$', write: '^$', read: '^$' };
        await api('PUT', 'permissions/%2F/somebody', { ...none, [allowed]: '^amq\\.default$' });
        const body = method === 'POST' ? { routing_key: 'none' } : undefined;
        const { status } = await api(method, path, body, 'somebody:p');
        assert.equal(status, allowed === operation ? 200 : 401, `${method} with ${allowed}`);
      }
    }
    await api('DELETE', `${WAITING}?all=true`);
  });

  test('wait again after a stop, in the journal and in segments, and come with what they had', async (t) => {
    const channel = await openConfirmChannel(t, broker.url);
    const queue = await fill(channel, 200);
    await broker.stop();
    broker = await start(options);
    const page = (await api('GET', `${WAITING}?page_size=500`)).body as { messages: Waiting[] };
    assert.deepEqual(
      page.messages.map(({ properties }) => properties.headers.n),
      [...Array(200).keys()],
    );
    assert.deepEqual((await api('POST', `${WAITING}/release`, { all: true })).body, { released: 200 });
    const again = await openConfirmChannel(t, broker.url);
    assert.equal((await again.checkQueue(queue)).messageCount, 200);
    assert.deepEqual(deathsOf(await gotten(again, queue)), [`${queue} rejected 1`]);
    await broker.stop();
    broker = await start(options);
    assert.deepEqual(await waiting(), []);
    const rest = await openConfirmChannel(t, broker.url);
    assert.equal((await rest.purgeQueue(queue)).messageCount, 99, 'those that are persistent');
  });

  test('go with their vhost, and another one of its name has none', async (t) => {
    const { body } = await api('PUT', 'vhosts/other', { description: 'd', tags: '' });
    assert.equal(body, undefined);
    const channel = await openConfirmChannel(t, `${broker.url}/other`);
    const { queue } = await channel.assertQueue('q', retrying({ 'x-dead-letter-delays': ['1h'] }));
    for (let n = 0; n < 300; n++) channel.sendToQueue(queue, Buffer.alloc(1024), { persistent: true });
    await channel.consume(queue, (message) => {
      if (message !== null) channel.reject(message, false);
    });
    await eventually('all to wait', async () => {
      const { total_count } = (await api('GET', 'exchanges/other/amq.default/delayed')).body as {
        total_count?: number;
      };
      return total_count === 300;
    });
    const definitions = (await api('GET', 'definitions')).body as { vhosts: object[] };
    assert(!JSON.stringify(definitions).includes('lineId'), 'an export says nothing of the line');
    assert.equal((await api('POST', 'definitions', definitions)).status, 204);
    assert.equal((await api('PUT', 'vhosts/other', { tracing: true })).status, 204);
    await api('DELETE', 'vhosts/other');
    await api('PUT', 'vhosts/other', {});
    assert.equal((await api('GET', 'exchanges/other/amq.default/delayed')).status, 400);
    const metrics = await (await fetch(broker.prometheusUrl!)).text();
    assert.match(metrics, /^leveret_delayed_messages 0$/m);
    await broker.stop();
    broker = await start(options);
    assert.equal((await api('GET', 'exchanges/other/amq.default/delayed')).status, 400);
    await eventually('the files to go', async () => {
      const files = readdirSync(join(dataDir, 'delayed'), { recursive: true });
      return files.every((name) => !String(name).includes('.segment'));
    });
  });
});

test('a data directory of an older version takes dead letters that wait, and keeps them', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'leveret-retries-old-'));
  t.after(() => rmSync(dataDir, { recursive: true }));
  const metadata = openSqliteStore({ directory: dataDir, clusterName: 'old' });
  // As it was kept before vhosts had an id for what waits in them.
  const old = { name: '/', description: '', tags: [], tracing: false };
  await new Promise((applied) => metadata.propose([{ kind: 'put-vhost', vhost: old }], applied));
  metadata.close();
  const definitions = {
    users: [{ name: 'guest', password: 'guest', tags: ['administrator'] }],
    permissions: [{ user: 'guest', vhost: '/', configure: '.*', write: '.*', read: '.*' }],
  };
  broker = await start({ dataDir, definitions });
  const channel = await openConfirmChannel(t, broker.url);
  await channel.assertQueue('q', { arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-delays': ['1h'] } });
  channel.sendToQueue('q', Buffer.from('x'), { persistent: true });
  await channel.waitForConfirms();
  await channel.consume('q', (message) => channel.reject(message!, false));
  await eventually('what waits', async () => (await waiting()).length === 1);
  await broker.stop();
  broker = await start({ dataDir });
  t.after(() => broker.stop());
  assert.equal((await waiting()).length, 1);
});
