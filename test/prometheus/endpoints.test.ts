/** What Prometheus is answered: where, in which form, what of it; and sums that never fall. */
import assert from 'node:assert/strict';
import { get } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { connect } from 'amqplib';
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker.ts';
import { eventually } from '../conformance/waiting.ts';
import { ask } from '../management/http-client.ts';
import { fetchMetrics, figureOf, type Metrics, parseMetrics } from './parsed.ts';
import { playTraffic } from './traffic.ts';

const TEXT = 'text/plain; version=0.0.4';

function start(options: BrokerOptions = {}): Promise<Broker> {
  return startBroker({ port: 0, memory: true, logLevel: 'none', prometheus: { port: 0 }, ...options });
}

/** Octets as they come: fetch() would unpack them. */
function rawGet(url: string, headers: Record<string, string>): Promise<{ encoding: string; octets: Buffer }> {
  return new Promise((done, failed) => {
    get(url, { headers, agent: false }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      done({ encoding: response.headers['content-encoding'] ?? '', octets: Buffer.concat(chunks) });
    }).on('error', failed);
  });
}

describe('metrics', () => {
  let broker: Broker;
  let url: string;
  before(async () => {
    broker = await start();
    url = broker.prometheusUrl!;
    const connection = await connect(broker.url);
    const channel = await connection.createChannel();
    for (const name of ['a "quoted" \\ name', 'a1', 'b1']) {
      await channel.assertQueue(name, { durable: false });
      channel.sendToQueue(name, Buffer.from('12345'));
    }
    await channel.checkQueue('b1');
  });
  after(() => broker.stop());

  const statusOf = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${url}${path}`, init);
    return [response.status, response.headers.get('content-type'), await response.text()];
  };

  test('are text of the version that every Prometheus reads', async () => {
    const response = await fetch(url);
    assert.deepEqual([response.status, response.headers.get('content-type')], [200, TEXT]);
    assert.equal(figureOf(parseMetrics(await response.text()), 'rabbitmq_queue_messages_ready'), 3);
  });

  test('are compressed for who takes gzip, and for nobody else', async () => {
    for (const [accepted, isGzipped] of [
      ['gzip', true],
      ['deflate, gzip;q=0.5', true],
      ['*', true],
      ['gzip;q=0', false],
      ['deflate', false],
      ['', false],
    ] as const) {
      const { encoding, octets } = await rawGet(url, { 'accept-encoding': accepted });
      assert.equal(encoding, isGzipped ? 'gzip' : 'identity', accepted);
      const text = (isGzipped ? gunzipSync(octets) : octets).toString();
      assert.equal(figureOf(parseMetrics(text), 'rabbitmq_queues'), 3);
    }
  });

  test('are refused to who wants another form, and what is not there is not found, as in RabbitMQ', async () => {
    assert.deepEqual(await statusOf('', { headers: { accept: 'text/html' } }), [406, null, '']);
    const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
    assert.equal((await statusOf('', { headers: { accept } }))[0], 200);
    assert.deepEqual(await statusOf('', { method: 'POST' }), [405, null, '']);
    for (const path of ['/memory-breakdown', '/none']) {
      assert.deepEqual(await statusOf(path), [404, 'text/plain', 'Unknown Registry']);
    }
    const nothing = '{"error":"Object Not Found","reason":"Not Found"}';
    assert.deepEqual(await statusOf('less'), [404, 'application/json', nothing]);
    const { port } = new URL(url);

    assert.equal((await ask(`http://127.0.0.1:${port}`, { method: 'GET', path: '//' })).status, 404);
    assert.equal((await statusOf('/'))[0], 200);
    assert.equal((await statusOf('/default'))[0], 200);
  });

  test('have a line for each queue where that is asked for, with its name as it is', async () => {
    const metrics = await fetchMetrics(`${url}/per-object`);
    const names = metrics.samples.filter(({ name }) => name === 'rabbitmq_queue_messages').map(({ labels }) => labels);
    assert.deepEqual(names, [
      { vhost: '/', queue: 'a \\"quoted\\" \\\\ name' },
      { vhost: '/', queue: 'a1' },
      { vhost: '/', queue: 'b1' },
    ]);
    assert.equal(figureOf(metrics, 'rabbitmq_identity_info', { rabbitmq_endpoint: 'per-object' }), 1);
  });

  test('are those of the families that are asked for, of queues in some vhosts', async () => {
    const detailed = (query: string) => fetchMetrics(`${url}/detailed${query}`);
    const namesOf = ({ types }: Metrics) => [...types.keys()];
    const infos = ['rabbitmq_build_info', 'rabbitmq_identity_info'];
    assert.deepEqual(namesOf(await detailed('')), infos);
    assert.deepEqual(namesOf(await detailed('?family=none&family=')), infos);
    const counted = await detailed('?family=queue_consumer_count&vhost=%2F&vhost=none');
    assert.deepEqual(namesOf(counted), ['rabbitmq_detailed_queue_consumers', ...infos]);
    assert.equal(counted.samples.length, 5);
    const both = await detailed('?family=queue_metrics&family=queue_consumer_count');
    assert.equal(namesOf(both).filter((name) => name.endsWith('_consumers')).length, 1);
    assert.equal((await detailed('?family=queue_coarse_metrics&vhost=none')).samples.length, 2);
  });
});

test('sums never fall, whatever goes', async (t) => {
  const broker = await start({ management: { port: 0 } });
  t.after(() => broker.stop());
  const connection = await playTraffic(broker.port);
  const sumsNow = async () => {
    const { types, samples } = await fetchMetrics(broker.prometheusUrl!);
    const counters = samples.filter(({ name }) => types.get(name) === 'counter' && /^rabbitmq_/.test(name));
    return new Map(counters.map(({ name, labels, value }) => [`${name} ${JSON.stringify(labels)}`, value]));
  };
  const api = (method: 'DELETE' | 'PUT', path: string) => ask(broker.managementUrl!, { method, path });
  let last = await sumsNow();
  assert.ok(last.size > 50);
  for (const [what, goes] of [
    ['a queue', () => api('DELETE', '/api/queues/%2F/q1')],
    ['a connection', () => connection.close()],
    ['a vhost', () => api('DELETE', '/api/vhosts/%2F')],
  ] as const) {
    await goes();
    const next = await sumsNow();
    for (const [name, value] of last) assert.ok(next.get(name)! >= value, `${name} fell with ${what}`);
    last = next;
  }
});

test('what is dead-lettered counts as routed nowhere, whether or not there is room for it', async (t) => {
  const broker = await start();
  t.after(() => broker.stop());
  const connection = await connect(broker.url);
  connection.on('error', () => undefined);
  const channel = await connection.createChannel();
  await channel.assertQueue('full', { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } });
  const deadLetters = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'full' };
  await channel.assertQueue('quick', { arguments: { ...deadLetters, 'x-message-ttl': 0 } });
  for (let i = 0; i < 3; i++) channel.sendToQueue('quick', Buffer.from('dies'));
  await eventually('the last of them to die', async () => {
    return (await channel.checkQueue('quick')).messageCount + (await channel.checkQueue('full')).messageCount === 1;
  });
  const metrics = await fetchMetrics(broker.prometheusUrl!);
  assert.equal(figureOf(metrics, 'rabbitmq_global_messages_routed_total'), 3);
  const died = { queue_type: 'rabbit_classic_queue', dead_letter_strategy: 'at_most_once' };
  assert.equal(figureOf(metrics, 'rabbitmq_global_messages_dead_lettered_expired_total', died), 3);
});

test('the settings of RabbitMQ’s plugin say where, and of what', async (t) => {
  const prometheus = {
    port: 0,
    path: '/m',
    returnPerObjectMetrics: true,
    filterAggregatedQueueMetricsPattern: '^a',
  };
  const broker = await start({ prometheus });
  t.after(() => broker.stop());
  const connection = await connect(broker.url);
  const channel = await connection.createChannel();
  for (const name of ['a1', 'b1']) await channel.assertQueue(name, { durable: false });
  assert.match(broker.prometheusUrl!, /\/m$/);
  const { samples } = await fetchMetrics(broker.prometheusUrl!);
  assert.equal(samples.filter(({ name }) => name === 'rabbitmq_queue_consumers').length, 2);
  await assert.rejects(start({ prometheus: { port: 0, path: 'm' } }), /prometheus\.path = m: expected a path that/);
  await assert.rejects(start({ prometheus: { port: 0, filterAggregatedQueueMetricsPattern: '(' } }), /regular express/);
});

test('queues that a pattern leaves out are in none of the sums of queue_metrics, and in all others', async (t) => {
  const broker = await start({ prometheus: { port: 0, filterAggregatedQueueMetricsPattern: '^a' } });
  t.after(() => broker.stop());
  const channel = await (await connect(broker.url)).createChannel();
  for (const name of ['a1', 'b1']) {
    await channel.assertQueue(name, { durable: false });
    channel.sendToQueue(name, Buffer.from('12345'));
  }
  await channel.checkQueue('b1');
  const metrics = await fetchMetrics(broker.prometheusUrl!);
  assert.equal(figureOf(metrics, 'rabbitmq_queue_messages_ready_bytes'), 5);
  assert.equal(figureOf(metrics, 'rabbitmq_queue_messages_ready'), 2);
});

test('a port that is taken stops the start, and says what to set; a broker that is not asked has no metrics', async (t) => {
  const broker = await start();
  t.after(() => broker.stop());
  const { port } = new URL(broker.prometheusUrl!);
  const message = /in use: is another broker running\? Choose another port in prometheus\.tcp\.port$/;
  await assert.rejects(start({ prometheus: { port: Number(port) } }), { message });
  const { prometheus: _, ...silent } = { prometheus: undefined, port: 0, memory: true };
  const other = await startBroker({ ...silent, logLevel: 'none' });
  assert.equal(other.prometheusUrl, null);
  await other.stop();
});

test('what queues have of each exchange is told with detailed rates', async (t) => {
  const broker = await start({ statistics: { ratesMode: 'detailed' } });
  t.after(() => broker.stop());
  await playTraffic(broker.port).then((connection) => connection.on('error', () => undefined));
  const name = 'rabbitmq_detailed_queue_messages_published_total';
  const metrics = await fetchMetrics(`${broker.prometheusUrl}/detailed?family=channel_queue_exchange_metrics`);
  const vhosts = { queue_vhost: '/', exchange_vhost: '/' };
  assert.equal(figureOf(metrics, name, { ...vhosts, queue: 'q1', exchange: 'x' }), 10);
  assert.equal(figureOf(metrics, name, { ...vhosts, queue: 'quorum', exchange: '' }), 5);
  const sums = await fetchMetrics(broker.prometheusUrl!);
  const routed = figureOf(sums, 'rabbitmq_global_messages_routed_total');
  assert.equal(figureOf(sums, 'rabbitmq_queue_messages_published_total'), routed);
});

test('alarms, logins and the limits that are set now are told as they are', async (t) => {
  const broker = await start({ management: { port: 0 } });
  t.after(() => broker.stop());
  await ask(broker.managementUrl!, { method: 'GET', path: '/api/whoami' });
  await ask(broker.managementUrl!, { method: 'GET', path: '/api/whoami', user: 'guest:wrong' });
  broker.setMemoryHighWatermark({ absolute: 1 });
  const metrics = await fetchMetrics(broker.prometheusUrl!);
  assert.equal(figureOf(metrics, 'rabbitmq_alarms_memory_used_watermark'), 1);
  assert.equal(figureOf(metrics, 'rabbitmq_alarms_free_disk_space_watermark'), 0);
  assert.equal(figureOf(metrics, 'rabbitmq_resident_memory_limit_bytes'), 1);
  const http = { protocol: 'http' };
  assert.equal(figureOf(metrics, 'rabbitmq_auth_attempts_succeeded_total', http), 1);
  assert.equal(figureOf(metrics, 'rabbitmq_auth_attempts_failed_total', http), 1);
});

test('Node tells of the delays and the garbage since the first scrape', async (t) => {
  const broker = await start();
  t.after(() => broker.stop());
  const before = await fetchMetrics(broker.prometheusUrl!);
  assert.equal(figureOf(before, 'nodejs_version_info', { major: process.versions.node.split('.')[0]! }), 1);
  const metrics = await eventually('a delay and its garbage', async () => {
    const until = performance.now() + 60;
    const garbage: object[][] = [];
    while (performance.now() < until) garbage[0] = Array.from({ length: 1000 }, () => ({}));
    const after = await fetchMetrics(broker.prometheusUrl!);
    const collections = after.samples.filter(
      ({ name, value }) => name === 'nodejs_gc_duration_seconds_sum' && value > 0,
    );
    return figureOf(after, 'nodejs_eventloop_lag_max_seconds') > 0.04 && collections.length > 0 && after;
  });
  assert.ok(figureOf(metrics, 'nodejs_gc_duration_seconds_count', { kind: 'minor' }) > 0);
  const cpu = 'process_cpu_seconds_total';
  assert.ok(figureOf(metrics, cpu) > figureOf(before, cpu));
});
