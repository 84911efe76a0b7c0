/** What may be set of how the HTTP API answers: RabbitMQ's settings of the same names, from a file to what a caller sees. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type Broker, startBroker } from '../../src/broker.ts';
import { managementOptions } from '../../src/cli/management-options.ts';
import { statisticsOptions } from '../../src/cli/statistics-options.ts';
import { readSettings } from '../../src/config/test-settings.ts';
import { type ApiCall, ask } from './http-client.ts';

/** A broker with these lines in its file. */
async function started(t: TestContext, ...lines: string[]): Promise<Broker> {
  const settings = readSettings('test.conf', lines.join('\n'));
  const management = managementOptions({ settings, given: new Map() }, { port: '0' });
  const broker = await startBroker({ port: 0, memory: true, logLevel: 'none', management });
  t.after(() => broker.stop());
  return broker;
}

function get(broker: Broker, path: string, rest: Partial<ApiCall> = {}) {
  return ask(broker.managementUrl!, { method: 'GET', path, ...rest });
}

test('a prefix stands in front of every path, and without it there is nothing', async (t) => {
  const broker = await started(t, 'management.path_prefix = /some/where/');
  assert.equal((await get(broker, '/some/where/api/whoami')).status, 200);
  assert.equal((await get(broker, '/some/where/api/vhosts/%2F')).status, 200);
  for (const path of ['/api/whoami', '/', '/some/whereapi/whoami', '/some']) {
    const { status, body } = await get(broker, path);
    assert.deepEqual([status, body], [404, { error: 'Object Not Found', reason: 'Not Found' }], path);
  }
});

test('headers for browsers are sent with answers and with refusals, as they are set', async (t) => {
  const broker = await started(
    t,
    "management.csp.policy = default-src 'self'",
    'management.hsts.policy = max-age=31536000',
    'management.headers.content_type_options = nosniff',
    'management.headers.frame_options = DENY',
    'management.headers.xss_protection = 1; mode=block',
  );
  for (const [path, status] of [
    ['/api/whoami', 200],
    ['/api/nonesuch', 404],
  ] as const) {
    const { headers, ...answer } = await get(broker, path);
    assert.equal(answer.status, status);
    assert.equal(headers['content-security-policy'], "default-src 'self'");
    assert.equal(headers['strict-transport-security'], 'max-age=31536000');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['x-frame-options'], 'DENY');
    assert.equal(headers['x-xss-protection'], '1; mode=block');
  }
});

test('a body may be as long as it is set, and no longer', async (t) => {
  const broker = await started(t, 'management.http.max_body_size = 200');
  const put = (description: string) => {
    return get(broker, '/api/vhosts/v', { method: 'PUT', body: { description } });
  };
  assert.equal((await put('x'.repeat(300))).status, 413);
  assert.equal((await put('x'.repeat(100))).status, 201);
});

test('a caller who says nothing is cut off when it is set', async (t) => {
  const broker = await started(t, 'management.tcp.idle_timeout = 50');
  const { hostname, port } = new URL(broker.managementUrl!);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await new Promise((closed) => socket.once('close', closed));
});

describe('what is counted', () => {
  test('is left out of lists when it is set, but for the lengths of queues where these are set', async (t) => {
    const bare = await started(t, 'management.disable_stats = true');
    const counted = await started(t, 'management.disable_stats = true', 'management.enable_queue_totals = true');
    for (const broker of [bare, counted]) await get(broker, '/api/queues/%2F/q', { method: 'PUT', body: {} });
    const keys = async (broker: Broker) => Object.keys((await get(broker, '/api/queues')).body as [object][0]);
    assert.deepEqual(await keys(bare), ['0']);
    const fields = async (broker: Broker) => ((await get(broker, '/api/queues')).body as [Record<string, unknown>])[0];
    assert.equal((await fields(bare)).messages, undefined);
    assert.deepEqual([(await fields(counted)).messages, (await fields(counted)).message_stats], [0, undefined]);
    assert.equal((await get(bare, '/api/channels')).status, 400);
    const { body } = await get(counted, '/api/overview');
    const { disable_stats, enable_queue_totals, queue_totals } = body as Record<string, unknown>;
    assert.deepEqual([disable_stats, enable_queue_totals, queue_totals], [true, true, undefined]);
  });
});

test('samples are kept as long as it is set, and the overview says how long', async (t) => {
  const lines = ['global.hour = 60', 'global.minute = 5', 'basic.300 = 5'];
  const file = lines.map((line) => `management.sample_retention_policies.${line}`).join('\n');
  const statistics = statisticsOptions(readSettings('test.conf', file));
  const broker = await startBroker({ port: 0, memory: true, logLevel: 'none', statistics, management: { port: 0 } });
  t.after(() => broker.stop());
  const overview = async (query: string) => (await get(broker, `/api/overview?${query}`)).body as Record<string, never>;
  assert.deepEqual((await overview('columns=sample_retention_policies')).sample_retention_policies, {
    global: [60, 3600],
    basic: [300],
    detailed: [600],
  });
  const { queue_totals: totals } = await overview('lengths_age=3600&lengths_incr=60&columns=queue_totals');
  const { samples } = (totals as unknown as { messages_details: { samples: { timestamp: number }[] } })
    .messages_details;
  assert.equal(samples.length, 61);
  assert.ok(samples.every(({ timestamp }) => timestamp % 60_000 === 0));
});

describe('gzip', () => {
  /** The octets themselves: fetch() and the like would unpack them. */
  async function octets(broker: Broker, path: string, encoding: string) {
    const headers = { authorization: `Basic ${btoa('guest:guest')}`, 'accept-encoding': encoding };
    const { request } = await import('node:http');
    return new Promise<{ encoding: string | undefined; bytes: Buffer }>((done, failed) => {
      const call = request(new URL(path, broker.managementUrl!), { headers, agent: false }, async (response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk);
        done({ encoding: response.headers['content-encoding'], bytes: Buffer.concat(chunks) });
      });
      call.on('error', failed);
      call.end();
    });
  }

  test('is given to callers that take it, where the body is long, whole and in parts', async (t) => {
    const broker = await started(t);
    for (let index = 0; index < 2000; index++) await get(broker, `/api/vhosts/v${index}`, { method: 'PUT' });
    for (const path of ['/api/exchanges', '/api/exchanges/%2F', '/api/definitions']) {
      const plain = await octets(broker, path, 'identity');
      const packed = await octets(broker, path, 'deflate, gzip;q=0.8');
      assert.deepEqual([plain.encoding, packed.encoding], [undefined, 'gzip'], path);
      assert.ok(packed.bytes.length < plain.bytes.length / 2);
      assert.deepEqual(JSON.parse(gunzipSync(packed.bytes).toString()), JSON.parse(plain.bytes.toString()), path);
    }
    assert.equal((await octets(broker, '/api/whoami', 'gzip')).encoding, undefined);
    assert.equal((await octets(broker, '/api/exchanges/%2F', 'gzip;q=0')).encoding, undefined);
  });

  test('is not given where it is turned off', async (t) => {
    const broker = await started(t, 'management.tcp.compress = false');
    assert.equal((await octets(broker, '/api/exchanges', 'gzip')).encoding, undefined);
  });
});

describe('the access log', () => {
  test('stops the start where it cannot be written, with the setting that says so', async (t) => {
    await assert.rejects(
      started(t, 'management.http_log_dir = /dev/null/logs'),
      /management\.http_log_dir = \/dev\/null\/logs cannot be used: E/,
    );
  });

  test('has a line for every request, with the name of the caller and no password', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'leveret-access-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const broker = await started(t, `management.http_log_dir = ${join(directory, 'made')}`);
    const headers = {
      'user-agent': 'me "and\nyou"'.replace('\n', '\t'),
      referer: 'https://page.example/?token=sesame',
    };
    await get(broker, '/api/whoami?auth=Z3Vlc3Q6Z3Vlc3Q=', { headers });
    await get(broker, '/api/users/new', { method: 'PUT', body: { password: 'sesame', tags: '' } });
    await get(broker, '/api/whoami', { user: 'guest:wrong sesame' });
    await get(broker, '/api/whoami', { user: null });
    await broker.stop();
    const [name, ...others] = readdirSync(join(directory, 'made'));
    assert.match(name!, /^access\.log\.\d{4}_\d\d_\d\d_\d\d$/);
    // A test that runs over the hour has two.
    const text = [name!, ...others].map((file) => readFileSync(join(directory, 'made', file), 'utf8')).join('');
    const date = /\[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000\]/.source;
    const line = (user: string, rest: string) => new RegExp(`^127\\.0\\.0\\.1 - ${user} ${date} ${rest}$`);
    const lines = text.trimEnd().split('\n');
    assert.match(
      lines[0]!,
      line('guest', '"GET /api/whoami HTTP/1\\.1" 200 41 "https://page\\.example/" "me .*you.*"'),
    );
    assert.match(lines[1]!, line('guest', '"PUT /api/users/new HTTP/1\\.1" 201 0 "" ""'));
    assert.match(lines[2]!, line('guest', '"GET /api/whoami HTTP/1\\.1" 401 50 "" ""'));
    assert.match(lines[3]!, line('-', '"GET /api/whoami HTTP/1\\.1" 401 0 "" ""'));
    assert.equal(lines.length, 4);
    assert.doesNotMatch(text, /sesame|Z3Vl/);
    assert.equal(lines[0]!.match(/"/g)!.length, 6, 'what a caller sends ends no field');
  });
});
