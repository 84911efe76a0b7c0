/** What operators ask of a node over HTTP, beyond the recorded answers: memory, logins, samples, pages of other sites. */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { connect } from 'amqplib';
import { type Broker, startBroker } from '../../src/broker.ts';
import { type ApiCall, type ApiReply, ask } from './http-client.ts';

const NODE = encodeURIComponent(`leveret@${hostname()}`);
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

let broker: Broker;
before(async () => {
  const management = { port: 0, corsAllowOrigins: ['https://console.example'] };
  broker = await startBroker({ port: 0, memory: true, logLevel: 'none', management });
});
after(() => broker.stop());

function call(method: ApiCall['method'], path: string, rest: Partial<ApiCall> = {}): Promise<ApiReply> {
  return ask(broker.managementUrl!, { method, path: `/api/${path}`, ...rest });
}

async function memory(path: string): Promise<Record<string, number>> {
  return ((await call('GET', path)).body as { memory: Record<string, number> }).memory;
}

describe('the memory of a node', () => {
  test('is told in parts that make up what the kernel says', async () => {
    const { total, strategy, ...parts } = await memory(`nodes/${NODE}/memory`);
    const { rss } = total as unknown as { rss: number };
    const sum = Object.values(parts).reduce((all, octets) => all + octets, 0);
    assert.equal(strategy as unknown, 'rss');
    // The runtime may have taken more than is resident, never less than it uses.
    assert.ok(sum >= rss && parts.code! > 0 && parts.other_proc! > 0, JSON.stringify(parts));
    const shown = await memory(`nodes/${NODE}?memory=true`);
    assert.deepEqual(Object.keys(shown), [...Object.keys(parts), 'strategy', 'total']);
  });

  test('is told by what of it is messages', async () => {
    const binary = async () => {
      const { body } = await call('GET', `nodes/${NODE}?binary=true&columns=binary`);
      return (body as { binary: { queue_procs: number; other: number } }).binary;
    };
    const before = await binary();
    await call('PUT', 'queues/%2F/large', { body: {} });
    const message = {
      properties: {},
      routing_key: 'large',
      payload: 'x'.repeat(8_000_000),
      payload_encoding: 'string',
    };
    await call('POST', 'exchanges/%2F/amq.default/publish', { body: message });
    const { queue_procs, other } = await binary();
    assert.ok(
      queue_procs >= before.queue_procs + 8_000_000 && other >= 0,
      JSON.stringify([before, queue_procs, other]),
    );
    assert.ok((await memory(`nodes/${NODE}/memory`)).binary! >= queue_procs);
    await call('DELETE', 'queues/%2F/large');
  });

  test('is told in percent, with nothing that is there as 0', async () => {
    const { total, ...parts } = await memory(`nodes/${NODE}/memory/relative`);
    assert.equal(total, 100);
    const values = Object.values(parts);
    assert.ok(values.every((percent) => Number.isInteger(percent) && percent <= 100));
    assert.ok(parts.other_proc! > 0 && values.reduce((sum, percent) => sum + percent, 0) >= 100);
  });
});

describe('attempts to log in', () => {
  const attempts = async (of = '') =>
    (await call('GET', `auth/attempts/${NODE}${of}`)).body as Record<string, unknown>[];

  test('are counted by protocol, and by name and address, for AMQP and HTTP', async () => {
    await call('DELETE', `auth/attempts/${NODE}`);
    for (const password of ['guest', 'wrong']) {
      await connect(`amqp://guest:${password}@127.0.0.1:${broker.port}`).then(
        (client) => client.close(),
        () => undefined,
      );
    }
    await call('GET', 'whoami', { user: 'nobody:x' });
    const amqp = { auth_attempts: 2, auth_attempts_failed: 1, auth_attempts_succeeded: 1, protocol: 'amqp091' };
    assert.deepEqual(
      (await attempts()).find(({ protocol }) => protocol === 'amqp091'),
      amqp,
    );
    const sources = await attempts('/source');
    const of = (protocol: string, username: string) => {
      return sources.find((each) => each.protocol === protocol && each.username === username);
    };
    assert.deepEqual(of('amqp091', 'guest'), { ...amqp, remote_address: '127.0.0.1', username: 'guest' });
    const { auth_attempts_failed: failed, auth_attempts_succeeded: succeeded } = of('http', 'nobody')!;
    assert.deepEqual([failed, succeeded], [1, 0]);
  });

  test('are those of callers: what the API does for one over AMQP is no login', async () => {
    await call('DELETE', `auth/attempts/${NODE}`);
    await call('PUT', 'queues/%2F/declared', { body: {} });
    assert.deepEqual(
      (await attempts()).map(({ protocol }) => protocol),
      ['http'],
    );
  });

  test('a login by a form sets no cookie: the password would be in it', async () => {
    const { status, headers } = await call('POST', 'login', {
      body: 'username=guest&password=guest',
      user: null,
      headers: FORM,
    });
    assert.equal(status, 200);
    assert.equal(headers['set-cookie'], undefined);
  });
});

test('a reset forgets the samples, and not what was counted', async () => {
  const samples = async () => {
    const query = 'lengths_age=600&lengths_incr=5&columns=messages,messages_details';
    const { body } = await call('GET', `queues/%2F/filled?${query}`);
    const { messages, messages_details: details } = body as { messages: number; messages_details: { rate: number } };
    return { messages, rate: details.rate };
  };
  await call('PUT', 'queues/%2F/filled', { body: {} });
  await call('DELETE', 'reset');
  const message = { properties: {}, routing_key: 'filled', payload: 'x', payload_encoding: 'string' };
  await call('POST', 'exchanges/%2F/amq.default/publish', { body: message });
  const deadlineMs = Date.now() + 15_000;
  while ((await samples()).rate === 0) {
    assert.ok(Date.now() < deadlineMs, 'a sample is taken every five seconds');
    await new Promise((next) => setTimeout(next, 100));
  }
  assert.equal((await call('DELETE', `reset/${NODE}`)).status, 204);
  assert.deepEqual(await samples(), { messages: 1, rate: 0 });
});

test('a queue that is not there has no actions', async () => {
  const { status } = await call('POST', 'queues/%2F/nonesuch/actions', { body: { action: 'sync' } });
  assert.equal(status, 404);
});

describe('a browser that knows the password', () => {
  const post = async (headers: Record<string, string>) => {
    return (await call('POST', 'definitions', { body: '{}', headers: { 'content-type': 'text/plain', ...headers } }))
      .status;
  };

  test('changes nothing for pages of other sites, unless these are allowed to', async () => {
    assert.equal(await post({ 'sec-fetch-site': 'cross-site', origin: 'https://other.example' }), 403);
    assert.equal(await post({ 'sec-fetch-site': 'same-site' }), 403);
    assert.equal(await post({ 'sec-fetch-site': 'cross-site', origin: 'https://console.example' }), 204);
    assert.equal(await post({ 'sec-fetch-site': 'same-origin', origin: 'https://broker.example' }), 204);
    assert.equal(await post({}), 204);
  });

  test('shows them whatever CORS lets them see', async () => {
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://other.example' };
    const { status, headers: answered } = await call('GET', 'whoami', { headers });
    assert.deepEqual([status, answered['access-control-allow-origin']], [200, undefined]);
  });
});
