/** What passes between channels, exchanges and queues: the same figures as RabbitMQ's, as much of them as is asked for. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker.ts';
import { isRabbitMqInstalled, startRabbitMq } from '../differential/rabbitmq.ts';
import { makeTraffic, shownFlows } from './flows.ts';
import { ask } from './http-client.ts';

const asksRabbitMq = process.env.LEVERET_DIFFERENTIAL !== 'golden' && isRabbitMqInstalled();

const NO_DELIVERIES = { deliver_no_ack: 0, get: 0, get_empty: 0, get_no_ack: 0 };
const Q1 = { ...NO_DELIVERIES, ack: 3, deliver: 10, deliver_get: 10, redeliver: 1 };
const Q2 = { ...NO_DELIVERIES, ack: 0, deliver: 0, deliver_no_ack: 6, deliver_get: 6, redeliver: 0 };
const Q3 = { ack: 0, deliver: 0, deliver_no_ack: 0, get: 1, get_no_ack: 1, get_empty: 1, deliver_get: 2, redeliver: 0 };
const SHORT = { ...NO_DELIVERIES, ack: 0, deliver: 0, get: 1, deliver_get: 1, redeliver: 0 };
const NONE_LOST = { return_unroutable: 0, drop_unroutable: 0 };
const ONE_LOST_EACH = { return_unroutable: 1, drop_unroutable: 1 };
const ALL_OF_2 = { ...Q1, deliver_no_ack: 6, deliver_get: 16 };

const DETAILED = {
  'exchanges/%2F/x': {
    message_stats: { publish_in: 6, publish_out: 12 },
    incoming: { 1: { publish: 6, confirm: 6, ...NONE_LOST } },
    outgoing: { '/ q1': { publish: 6 }, '/ q2': { publish: 6 } },
  },
  'exchanges/%2F/y': { message_stats: undefined, incoming: {}, outgoing: {} },
  'exchanges/%2F/amq.default': {
    message_stats: { publish_in: 13, publish_out: 11 },
    incoming: { 1: { publish: 8, confirm: 6, ...ONE_LOST_EACH }, 3: { publish: 5, confirm: 0, ...NONE_LOST } },
    outgoing: { '/ q1': { publish: 3 }, '/ q3': { publish: 2 }, '/ full': { publish: 3 }, '/ short': { publish: 3 } },
  },
  'exchanges/%2F/dead%20letters': { message_stats: undefined, incoming: {}, outgoing: {} },
  'queues/%2F/q1': {
    message_stats: { ...Q1, publish: 9 },
    incoming: { '/ ': { publish: 3 }, '/ x': { publish: 6 } },
    deliveries: { 2: Q1 },
  },
  'queues/%2F/q2': { message_stats: { ...Q2, publish: 6 }, incoming: { '/ x': { publish: 6 } }, deliveries: { 2: Q2 } },
  'queues/%2F/q3': { message_stats: { ...Q3, publish: 2 }, incoming: { '/ ': { publish: 2 } }, deliveries: { 3: Q3 } },
  'queues/%2F/full': { message_stats: { publish: 3 }, incoming: { '/ ': { publish: 3 } }, deliveries: {} },
  'queues/%2F/short': {
    message_stats: { ...SHORT, publish: 3 },
    incoming: { '/ ': { publish: 3 } },
    deliveries: { 3: SHORT },
  },
  'queues/%2F/dead': { message_stats: undefined, incoming: {}, deliveries: {} },
  'channel 1': {
    message_stats: { publish: 14, confirm: 12, ...ONE_LOST_EACH },
    deliveries: {},
    publishes: {
      '/ ': { publish: 8, confirm: 6, ...ONE_LOST_EACH },
      '/ x': { publish: 6, confirm: 6, ...NONE_LOST },
    },
  },
  'channel 2': { message_stats: ALL_OF_2, deliveries: { '/ q1': Q1, '/ q2': Q2 }, publishes: {} },
  'channel 3': {
    message_stats: { ...Q3, get: 2, deliver_get: 3, publish: 5, confirm: 0, ...NONE_LOST },
    deliveries: { '/ q3': Q3, '/ short': SHORT },
    publishes: { '/ ': { publish: 5, confirm: 0, ...NONE_LOST } },
  },
};

/** The same without what passes between each two. */
const BASIC = Object.fromEntries(
  Object.entries(DETAILED).map(([name, shown]) => [
    name,
    Object.fromEntries(Object.entries(shown).map(([field, list]) => [field, field === 'message_stats' ? list : {}])),
  ]),
);

async function brokerWith(t: TestContext, statistics: BrokerOptions['statistics']): Promise<Broker> {
  const options = { port: 0, memory: true, logLevel: 'none', management: { port: 0 } } as const;
  const broker = await startBroker(statistics === undefined ? options : { ...options, statistics });
  t.after(() => broker.stop());
  return broker;
}

async function flowsOf(broker: Broker): Promise<unknown> {
  const traffic = await makeTraffic(broker.port);
  try {
    return await shownFlows(broker.managementUrl!);
  } finally {
    await traffic.close();
  }
}

test('rates_mode basic shows what channels, exchanges and queues have seen', async (t) => {
  assert.deepEqual(await flowsOf(await brokerWith(t, undefined)), BASIC);
});

test('rates_mode detailed shows what passed between each two of them', async (t) => {
  assert.deepEqual(await flowsOf(await brokerWith(t, { ratesMode: 'detailed' })), DETAILED);
});

test('what exchanges and queues have seen stays when the channels are gone', async (t) => {
  const broker = await brokerWith(t, { ratesMode: 'detailed' });
  await flowsOf(broker);
  const left = (await shownFlows(broker.managementUrl!)) as typeof DETAILED;
  const { message_stats, outgoing } = DETAILED['exchanges/%2F/x'];
  assert.deepEqual(left['exchanges/%2F/x'], { message_stats, incoming: {}, outgoing });
  assert.deepEqual(left['queues/%2F/q1'], { ...DETAILED['queues/%2F/q1'], deliveries: {} });
});

for (const statistics of [{ ratesMode: 'none' }, { force: false, collect: 'coarse' }, { force: false }] as const) {
  test(`nothing of it is counted or shown with ${JSON.stringify(statistics)}`, async (t) => {
    const broker = await brokerWith(t, statistics);
    const shown = (await flowsOf(broker)) as typeof BASIC;
    assert.deepEqual(
      shown,
      Object.fromEntries(Object.entries(BASIC).map(([name, flows]) => [name, { ...flows, message_stats: undefined }])),
    );
    const overview = await ask(broker.managementUrl!, { method: 'GET', path: '/api/overview' });
    assert.deepEqual((overview.body as { message_stats: object }).message_stats, {});
  });
}

test('collect_statistics fine counts where force_fine_statistics is off', async (t) => {
  assert.deepEqual(await flowsOf(await brokerWith(t, { force: false, collect: 'fine' })), BASIC);
});

test('RabbitMQ shows the same', { skip: !asksRabbitMq, timeout: 60_000 }, async (t) => {
  const rabbitMq = await startRabbitMq({ management: true, config: ['management.rates_mode = detailed'] });
  const traffic = await makeTraffic(rabbitMq.port);
  t.after(async () => {
    await traffic.close();
    await rabbitMq.stop();
  });
  const expected = JSON.stringify(sorted(DETAILED));
  const deadlineMs = Date.now() + 30_000;
  let shown = '';
  // Its figures are up to ten seconds old.
  while (shown !== expected && Date.now() < deadlineMs) {
    await delay(250);
    shown = JSON.stringify(sorted(asLeveretShows(await shownFlows(rabbitMq.managementUrl!))));
  }
  assert.equal(shown, expected);
});

/** RabbitMQ takes what was unroutable to have gone out. */
function asLeveretShows(flows: unknown): unknown {
  const text = JSON.stringify(flows);
  return JSON.parse(text.replace('"publish_in":13,"publish_out":13', '"publish_in":13,"publish_out":11'));
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, each]) => [name, sorted(each)] as const);
  return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
}
