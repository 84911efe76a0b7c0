/** What waits in x-delayed-message exchanges, seen and changed by the HTTP API: on a broker with a disk, and over a restart. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type ConfirmChannel, connect } from 'amqplib';
import { type Broker, startBroker } from '../../src/broker.ts';
import { eventually } from '../conformance/waiting.ts';
import { type ApiCall, type ApiReply, ask } from '../management/http-client.ts';

const HOUR_MS = 3600_000;

interface Waiting {
  readonly id: string;
  readonly due_at: number;
  readonly routing_key: string;
  readonly properties: { readonly headers: Readonly<Record<string, unknown>> };
}
interface Page {
  readonly messages: readonly Waiting[];
  readonly total_count: number;
  readonly next: string | null;
}

describe('delayed messages in the API', { timeout: 60_000 }, () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'leveret-delayed-'));
  let broker: Broker;
  let channel: ConfirmChannel;
  let exchange = '';
  let count = 0;

  const start = async () => {
    broker = await startBroker({
      port: 0,
      dataDir,
      logLevel: 'none',
      management: { port: 0 },
      delayedSegmentBytes: 65536,
    });
    channel = await (await connect(broker.url)).createConfirmChannel();
  };
  before(start);
  after(async () => {
    await broker.stop();
    rmSync(dataDir, { recursive: true });
  });

  const api = (method: ApiCall['method'], path: string, body?: unknown, user = 'guest:guest'): Promise<ApiReply> =>
    ask(broker.managementUrl!, { method, path: `/api/${path}`, body, user });
  const at = (path = '') => `exchanges/%2F/${exchange}/delayed${path}`;
  const list = async (query = ''): Promise<Page> => {
    const { status, body } = await api('GET', at(query));
    assert.equal(status, 200, JSON.stringify(body));
    return body as Page;
  };
  const numbers = ({ messages }: Page) => messages.map(({ properties }) => properties.headers.n);
  const range = (from: number, to: number, step = 1) =>
    Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => from + i * step);

  /** An exchange in which as many wait as told, of 1 KiB, each a second after the one before; the queue gets all. */
  async function fill(messages: number): Promise<string> {
    exchange = `later-${++count}`;
    const queue = `queue-${count}`;
    await channel.assertExchange(exchange, 'x-delayed-message', { arguments: { 'x-delayed-type': 'topic' } });
    await channel.assertQueue(queue);
    await channel.bindQueue(queue, exchange, '#');
    for (let n = 0; n < messages; n++) {
      const headers = { 'x-delay': HOUR_MS + n * 1000, n, parity: n % 2 === 0 ? 'even' : 'odd' };
      const key = `order.${n}.${n % 3 === 0 ? 'ship' : 'bill'}`;
      channel.publish(exchange, key, Buffer.alloc(1024, `${n} `), {
        headers,
        persistent: true,
        contentType: 'text/plain',
      });
    }
    await channel.waitForConfirms();
    return queue;
  }

  async function gotten(queue: string): Promise<unknown[]> {
    const found: unknown[] = [];
    for (;;) {
      const message = await channel.get(queue, { noAck: true });
      if (message === false) return found;
      found.push(message.properties.headers!.n);
    }
  }

  test('are listed by page in the order in which they are due, with all but their payloads', async () => {
    await fill(250);
    const first = await list();
    assert.deepEqual(numbers(first), range(0, 100));
    assert.equal(first.total_count, 250);
    const second = await list(`?page_size=200&after=${first.next}`);
    assert.deepEqual(numbers(second), range(100, 250));
    assert.equal(second.next, null);
    const { id, due_at, published_at, ...rest } = first.messages[7] as Waiting & { published_at: number };
    assert.equal(due_at - published_at, HOUR_MS + 7000);
    assert.deepEqual(rest, {
      exchange,
      payload_bytes: 1024,
      properties: {
        headers: { 'x-delay': HOUR_MS + 7000, n: 7, parity: 'odd' },
        delivery_mode: 2,
        content_type: 'text/plain',
      },
      routing_key: 'order.7.bill',
    });
    assert.deepEqual((await api('GET', at('?columns=messages.id,next&page_size=1'))).body, {
      messages: [{ id: first.messages[0]!.id }],
      next: first.messages[0]!.id,
    });
    assert.match(id, /^\d+-\d+$/);
  });

  test('are looked at one by one, with the payload in the form that is asked for', async () => {
    await fill(100);
    const [, second] = (await list()).messages;
    const one = async (query: string) => {
      const { body } = await api('GET', at(`/${second!.id}${query}`));
      const { payload, payload_encoding, ...rest } = body as Record<string, unknown>;
      assert.deepEqual(rest, second);
      return [payload, payload_encoding];
    };
    const payload = Buffer.alloc(1024, '1 ');
    assert.deepEqual(await one(''), [payload.toString(), 'string']);
    assert.deepEqual(await one('?encoding=base64&truncate=3'), [payload.subarray(0, 3).toString('base64'), 'base64']);
    assert.equal((await api('GET', at(`/${second!.id}?encoding=hex`))).status, 400);
    for (const id of ['nothing', '1-1', `${second!.id}0`])
      assert.equal((await api('GET', at(`/${id}`))).status, 404, id);
  });

  test('are found by routing key, headers and time', async () => {
    await fill(90);
    const { messages } = await list();
    assert.deepEqual(numbers(await list('?routing_key=order.*.ship')), range(0, 90, 3));
    assert.deepEqual(numbers(await list('?routing_key=order.42.%23')), [42]);
    assert.deepEqual(numbers(await list('?routing_key=order.4')), []);
    const odd = encodeURIComponent(JSON.stringify({ parity: 'odd' }));
    assert.deepEqual(numbers(await list(`?headers=${odd}`)), range(1, 90, 2));
    const both = encodeURIComponent(JSON.stringify({ parity: 'odd', n: 7 }));
    assert.deepEqual(numbers(await list(`?headers=${both}`)), [7]);
    const due = `due_from=${messages[10]!.due_at}&due_until=${messages[20]!.due_at}`;
    assert.deepEqual(numbers(await list(`?${due}`)), range(10, 20));
    assert.deepEqual(numbers(await list(`?${due}&headers=${odd}&routing_key=%23.ship`)), [15]);
  });

  test('are cancelled one by one and by a filter, and stay so over a restart', async () => {
    const queue = await fill(300);
    const { messages } = await list();
    assert.deepEqual((await api('DELETE', at(`/${messages[0]!.id}`))).status, 204);
    assert.deepEqual((await api('DELETE', at(`/${messages[0]!.id}`))).status, 404);
    assert.deepEqual((await api('DELETE', at('?routing_key=order.*.ship'))).body, { cancelled: 99 });
    assert.deepEqual((await api('GET', `exchanges/%2F/${exchange}?columns=messages_delayed`)).body, {
      messages_delayed: 200,
    });
    await broker.stop();
    await start();
    const left = range(0, 300).filter((n) => n % 3 !== 0);
    assert.deepEqual(numbers(await list('?page_size=500')), left);
    assert.deepEqual((await api('POST', at('/release'), { all: true })).body, { released: 200 });
    assert.deepEqual(await gotten(queue), left);
  });

  test('are released before their time: one, some and all, and not again after a restart', async () => {
    const queue = await fill(100);
    const { messages } = await list();
    assert.equal((await api('POST', at(`/${messages[50]!.id}/release`))).status, 204);
    assert.equal((await api('POST', at(`/${messages[50]!.id}/release`))).status, 404);
    assert.deepEqual(await gotten(queue), [50]);
    assert.deepEqual((await api('POST', at('/release'), { headers: { parity: 'even' } })).body, { released: 49 });
    await broker.stop();
    await start();
    assert.deepEqual(
      await gotten(queue),
      range(0, 100, 2).filter((n) => n !== 50),
    );
    assert.deepEqual(numbers(await list()), range(1, 100, 2));
    assert.deepEqual((await api('DELETE', at('?all=true'))).body, { cancelled: 50 });
    assert.deepEqual(await list(), { messages: [], next: null, page_size: 100, total_count: 0 });
  });

  test('may go with their exchange while they are being cancelled or released', async () => {
    for (const [method, path, body] of [
      ['DELETE', '?routing_key=%23.ship', undefined],
      ['POST', '/release', { routing_key: '#.ship' }],
    ] as const) {
      await fill(6000);
      const changed = api(method, at(path), body);
      await eventually('the work to begin', async () => (await list('?page_size=1')).total_count < 6000);
      assert.equal((await api('DELETE', `exchanges/%2F/${exchange}`)).status, 204);
      assert.equal((await changed).status, 200);
    }
  });

  test('are released with the bindings of that moment, and with the sign of x-delay turned', async () => {
    await fill(1);
    const { queue } = await channel.assertQueue('', { exclusive: true });
    await channel.bindQueue(queue, exchange, 'order.0.*');
    const [item] = (await list()).messages;
    await api('POST', at(`/${item!.id}/release`));
    const message = await channel.get(queue, { noAck: true });
    assert(message !== false);
    assert.deepEqual(message.properties.headers, { 'x-delay': -HOUR_MS, n: 0, parity: 'even' });
  });

  test('are never all meant by what names none of them', async () => {
    await fill(3);
    for (const query of [
      '',
      '?routing-key=order.1.bill',
      '?all=false',
      '?all=true&routing_key=%23',
      '?headers=%7B%7D',
    ]) {
      assert.equal((await api('DELETE', at(query))).status, 400, query);
    }
    for (const body of [{}, { routingkey: 'x' }, { all: true, due_from: 1 }, { headers: [1] }, { due_from: 'soon' }]) {
      assert.equal((await api('POST', at('/release'), body)).status, 400, JSON.stringify(body));
    }
    for (const query of ['?page_size=0', '?page_size=501', '?after=x', '?headers=%7B']) {
      assert.equal((await api('GET', at(query))).status, 400, query);
    }
    assert.equal((await list()).total_count, 3);
  });

  test('are summed up for each exchange', async () => {
    await fill(20);
    const { messages } = await list();
    await api('DELETE', at(`/${messages[0]!.id}`));
    await api('POST', at(`/${messages[1]!.id}/release`));
    const all = (await api('GET', 'delayed')).body as { name: string }[];
    const { released_details, cancelled_details, unroutable_details, ...view } = all.find(
      ({ name }) => name === exchange,
    ) as Record<string, unknown> & { name: string };
    assert.deepEqual(view, {
      cancelled: 1,
      lateness_mean_ms: null,
      lateness_p50_ms: null,
      lateness_p99_ms: null,
      messages_delayed: 18,
      name: exchange,
      next_due_at: messages[2]!.due_at,
      release_rate: null,
      released: 1,
      unroutable: 0,
      vhost: '/',
    });
    assert.deepEqual(
      [typeof released_details, typeof cancelled_details, typeof unroutable_details].join(),
      'object,object,object',
    );
    const page = (await api('GET', `delayed?page=1&name=${exchange}&disable_stats=true`)).body as { items: object[] };
    assert.deepEqual(Object.keys(page.items[0]!), ['messages_delayed', 'name', 'next_due_at', 'release_rate', 'vhost']);
  });

  test('are told of by how late they were, but for those that went before their time', async () => {
    exchange = 'lateness';
    await channel.assertExchange(exchange, 'x-delayed-message', { arguments: { 'x-delayed-type': 'fanout' } });
    for (const delay of [1, 2, HOUR_MS]) {
      channel.publish(exchange, '', Buffer.from('x'), { headers: { 'x-delay': delay } });
    }
    await channel.waitForConfirms();
    const shown = () => api('GET', `delayed?page=1&name=${exchange}`);
    const view = await eventually('two to be released', async () => {
      const [item] = ((await shown()).body as { items: Record<string, number>[] }).items;
      return item!.released === 2 ? item : undefined;
    });
    const { lateness_mean_ms: mean, lateness_p50_ms: half, lateness_p99_ms: most } = view;
    assert(mean! >= 0 && half! > 0 && most! >= half!, JSON.stringify(view));
    const [item] = (await list()).messages;
    assert.equal((await api('POST', at(`/${item!.id}/release`))).status, 204);
    const [after] = ((await shown()).body as { items: Record<string, number>[] }).items;
    assert.deepEqual([after!.released, after!.lateness_mean_ms, after!.lateness_p99_ms], [3, mean, most]);
  });

  test('are for those who have permissions for the exchange: read to look, write to release, configure to cancel', async () => {
    await fill(9);
    const [item] = (await list()).messages;
    const none = { configure: '^$', write: '^$', read: '^$' };
    const calls = [
      ['read', 'GET', at()],
      ['read', 'GET', at(`/${item!.id}`)],
      ['write', 'POST', at(`/${item!.id}/release`)],
      ['write', 'POST', at('/release')],
      ['configure', 'DELETE', at(`/${(await list()).messages[1]!.id}`)],
      ['configure', 'DELETE', at('?routing_key=order.5.%23')],
    ] as const;
    await api('PUT', 'users/somebody', { password: 'p', tags: 'management' });
    for (const [operation, method, path] of calls) {
      const body = method === 'POST' ? { routing_key: 'order.4.#' } : undefined;
      for (const allowed of ['read', 'write', 'configure']) {
        await api('PUT', 'permissions/%2F/somebody', { ...none, [allowed]: `^${exchange}$` });
        const { status } = await api(method, path, body, 'somebody:p');
        assert.equal(status < 300, allowed === operation, `${method} ${path} with ${allowed}: ${status}`);
        if (allowed !== operation) assert.equal(status, 401);
      }
    }
    assert.equal((await list()).total_count, 5);
    await api('PUT', 'users/outsider', { password: 'p', tags: 'management' });
    assert.deepEqual((await api('GET', 'delayed', undefined, 'outsider:p')).body, []);
    assert.equal((await api('GET', at(), undefined, 'outsider:p')).status, 401);
    await api('PUT', 'users/nobody', { password: 'p', tags: '' });
    assert.equal((await api('GET', at(), undefined, 'nobody:p')).status, 401);
  });

  test('are not to be had where nothing is delayed', async () => {
    const { status, body } = await api('GET', 'exchanges/%2F/amq.topic/delayed');
    assert.deepEqual(
      [status, body],
      [
        400,
        {
          error: 'bad_request',
          reason: "exchange 'amq.topic' delays nothing: its type is topic, not x-delayed-message",
        },
      ],
    );
    assert.equal((await api('GET', 'exchanges/%2F/none/delayed')).status, 404);
  });
});
