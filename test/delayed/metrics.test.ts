/** Delayed messages for Prometheus: of each exchange, and sums that never fall. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ConfirmChannel, connect } from 'amqplib';
import { type Broker, startBroker } from '../../src/broker.ts';
import { eventually } from '../conformance/waiting.ts';
import { ask } from '../management/http-client.ts';

const HOUR_MS = 3600_000;
const BUCKET_ENDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, Number.POSITIVE_INFINITY];
const leOf = (end: number) => (Number.isFinite(end) ? String(end) : '+Inf');

let broker: Broker;
let channel: ConfirmChannel;
before(async () => {
  broker = await startBroker({
    port: 0,
    memory: true,
    logLevel: 'none',
    management: { port: 0 },
    prometheus: { port: 0 },
  });
  channel = await (await connect(broker.url)).createConfirmChannel();
});
after(() => broker.stop());

async function figures(path = ''): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(broker.prometheusUrl! + path)).text();
  const lines = text.split('\n').filter((line) => line.startsWith('leveret_'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

async function publish(exchange: string, delays: readonly number[]): Promise<void> {
  await channel.assertExchange(exchange, 'x-delayed-message', { arguments: { 'x-delayed-type': 'fanout' } });
  for (const delay of delays) channel.publish(exchange, '', Buffer.from('x'), { headers: { 'x-delay': delay } });
  await channel.waitForConfirms();
}

test('what waits, comes, is cancelled and is late is told of each exchange and of all', async () => {
  await publish('one', [1, HOUR_MS, HOUR_MS * 2, HOUR_MS * 3, HOUR_MS * 4]);
  await publish('two "2"', [HOUR_MS]);
  await eventually('the release', async () => (await figures()).get('leveret_delayed_messages') === 5);
  const waiting = `${broker.managementUrl}`;
  const api = (method: 'GET' | 'DELETE' | 'POST', path: string) =>
    ask(waiting, { method, path: `/api/exchanges/%2F/one/delayed${path}` });
  const { messages } = (await api('GET', '')).body as { messages: { id: string; due_at: number }[] };
  await api('DELETE', `/${messages[0]!.id}`);
  await api('POST', `/${messages[1]!.id}/release`);

  const one = 'vhost="/",exchange="one"';
  for (const [path, prefix] of [
    ['/per-object', 'leveret_'],
    ['/detailed?family=delayed_metrics&vhost=/', 'leveret_detailed_'],
  ] as const) {
    const of = await figures(path);
    const lateness = of.get(`${prefix}delayed_lateness_seconds_sum{${one}}`)!;
    for (const end of BUCKET_ENDS) {
      const bucket = of.get(`${prefix}delayed_lateness_seconds_bucket{${one},le="${leOf(end)}"}`);
      assert.equal(bucket, end >= lateness ? 1 : 0, `${lateness} s, up to ${end}`);
    }
    assert.deepEqual(
      [...of].filter(([name]) => name.includes(one) && !/_sum|_bucket/.test(name)),
      [
        [`${prefix}delayed_messages{${one}}`, 2],
        [`${prefix}delayed_next_due_timestamp_seconds{${one}}`, messages[2]!.due_at / 1000],
        [`${prefix}delayed_messages_released_total{${one}}`, 2],
        [`${prefix}delayed_messages_unroutable_total{${one}}`, 2],
        [`${prefix}delayed_messages_cancelled_total{${one}}`, 1],
        [`${prefix}delayed_lateness_seconds_count{${one}}`, 1],
      ],
    );
    assert.equal(of.get(`${prefix}delayed_messages{vhost="/",exchange="two \\"2\\""}`), 1);
  }
  assert.equal((await figures('/detailed?family=delayed_metrics&vhost=other')).size, 0);

  const before = await figures();
  assert.equal(before.get('leveret_delayed_messages'), 3);
  await channel.deleteExchange('one');
  const since = await figures();
  assert.equal(since.get('leveret_delayed_messages'), 1, 'they are gone with the exchange');
  for (const name of [
    'messages_released_total',
    'messages_cancelled_total',
    'lateness_seconds_count',
    'lateness_seconds_sum',
    'lateness_seconds_bucket{le="+Inf"}',
  ]) {
    const metric = `leveret_delayed_${name}`;
    assert(since.get(metric)! >= 0, metric);
    assert.equal(since.get(metric), before.get(metric), metric);
  }
  assert.equal(since.get('leveret_delayed_messages_released_total'), 2);
});
