/**
 * The same traffic to RabbitMQ 3.10.8 and to Leveret: the same metrics with the same types, labels and values, but for what
 * accepted-differences.ts names.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { startBroker } from '../../src/broker.ts';
import { eventually } from '../conformance/waiting.ts';
import { isRabbitMqInstalled, startRabbitMq } from '../differential/rabbitmq.ts';
import { type AcceptedDifference, NOT_THERE, OTHER_VALUES } from './accepted-differences.ts';
import { fetchMetrics, figureOf, type Metrics, type Sample } from './parsed.ts';
import { playTraffic } from './traffic.ts';

const FAMILIES = [
  'connection_churn_metrics',
  'node_coarse_metrics',
  'node_metrics',
  'node_persister_metrics',
  'auth_attempt_metrics',
  'queue_coarse_metrics',
  'queue_metrics',
  'channel_metrics',
  'channel_exchange_metrics',
  'channel_queue_metrics',
  'channel_queue_exchange_metrics',
  'connection_coarse_metrics',
  'connection_metrics',
  'vhost_status',
  'exchange_names',
  'exchange_bindings',
];
const DETAILED = `detailed?${FAMILIES.map((family) => `family=${family}`).join('&')}`;

interface Answers {
  readonly aggregated: Metrics;
  readonly perObject: Metrics;
  readonly detailed: Metrics;
}

async function answersOf(url: string): Promise<Answers> {
  return {
    aggregated: await fetchMetrics(url),
    perObject: await fetchMetrics(`${url}/per-object`),
    detailed: await fetchMetrics(`${url}/${DETAILED}`),
  };
}

async function askRabbitMq(): Promise<Answers> {
  const rabbitMq = await startRabbitMq({ prometheus: true, config: ['collect_statistics_interval = 500'] });
  try {
    return await answersAfterTraffic(rabbitMq.port, rabbitMq.prometheusUrl!);
  } finally {
    await rabbitMq.stop();
  }
}

async function askLeveret(): Promise<Answers> {
  const dataDir = mkdtempSync(join(tmpdir(), 'leveret-metrics-'));
  const broker = await startBroker({ port: 0, dataDir, logLevel: 'none', prometheus: { port: 0 } });
  try {
    return await answersAfterTraffic(broker.port, broker.prometheusUrl!);
  } finally {
    await broker.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function answersAfterTraffic(port: number, url: string): Promise<Answers> {
  const connection = await playTraffic(port);
  connection.on('error', () => undefined); // The broker is stopped below it.
  // RabbitMQ collects what channels and queues count now and then.
  await eventually('the figures', async () => {
    const metrics = await fetchMetrics(url);
    const has = (name: string, value: number) => figureOf(metrics, name) === value;
    return has('rabbitmq_channel_messages_delivered_total', 13) && has('rabbitmq_queue_messages', 21);
  });
  return answersOf(url);
}

function isAccepted(name: string, differences: readonly AcceptedDifference[]): boolean {
  const plain = name.replace('rabbitmq_detailed_', 'rabbitmq_');
  return differences.some(({ metrics }) => new RegExp(`^(?:${metrics.source})$`).test(plain));
}

/** Names and types of what Leveret is to have. */
function expectedTypes({ types }: Metrics): [string, string][] {
  return [...types].filter(([name]) => !isAccepted(name, NOT_THERE)).sort();
}

/** Without what is Leveret's own; RabbitMQ tells of alarms beside its sums only. */
function typesWithoutOwn({ types }: Metrics, expected: Metrics): [string, string][] {
  const isOwn = (name: string) => /^(leveret|nodejs|process|rabbitmq_alarms)_/.test(name) && !expected.types.has(name);
  return [...types].filter(([name]) => !isOwn(name)).sort();
}

/** One line for each sample whose value is to be the same. Channels have other names, and there are no streams. */
function valueLines({ samples }: Metrics, endpoint: keyof Answers): string[] {
  const differences = OTHER_VALUES.filter(({ isOfSums = false }) => !isOfSums || endpoint === 'aggregated');
  const isCompared = ({ name, labels }: Sample) =>
    !/^(leveret|nodejs|process|rabbitmq_alarms)_/.test(name) &&
    !isAccepted(name, [...NOT_THERE, ...differences]) &&
    labels.queue_type !== 'rabbit_stream_queue' &&
    labels.dead_letter_strategy !== 'at_least_once';
  return samples
    .filter(isCompared)
    .map(({ name, labels, value }) => {
      const shown = Object.entries(labels).map(([key, text]) => (key === 'channel' ? key : `${key}=${text}`));
      return `${name} ${shown.sort().join()} ${value}`;
    })
    .sort();
}

function labelNames({ samples }: Metrics): Map<string, string> {
  return new Map(samples.map(({ name, labels }) => [name, Object.keys(labels).sort().join()]));
}

describe('metrics', { skip: !isRabbitMqInstalled() }, () => {
  let rabbitMq: Answers;
  let leveret: Answers;

  before(async () => {
    rabbitMq = await askRabbitMq();
    leveret = await askLeveret();
  });

  for (const endpoint of ['aggregated', 'perObject', 'detailed'] as const) {
    test(`are those of RabbitMQ, with its types and labels: ${endpoint}`, () => {
      assert.deepEqual(typesWithoutOwn(leveret[endpoint], rabbitMq[endpoint]), expectedTypes(rabbitMq[endpoint]));
      const labels = labelNames(leveret[endpoint]);
      for (const [name, expected] of labelNames(rabbitMq[endpoint])) {
        if (isAccepted(name, NOT_THERE) || /_info$|_queue_messages_published_total$/.test(name)) continue;
        assert.equal(labels.get(name), expected, name);
      }
    });

    test(`count what RabbitMQ counts: ${endpoint}`, () => {
      const lines = valueLines(leveret[endpoint], endpoint);
      assert.ok(lines.length >= 40, `${lines.length} values`);
      assert.deepEqual(lines, valueLines(rabbitMq[endpoint], endpoint));
    });
  }

  test('differ where the list says so, and only there', () => {
    const names = Object.values(rabbitMq).flatMap(({ types }) => [...types.keys()]);
    for (const difference of [...NOT_THERE, ...OTHER_VALUES]) {
      assert.ok(
        names.some((name) => isAccepted(name, [difference])),
        `${difference.metrics} is nowhere in RabbitMQ`,
      );
      assert.ok(difference.reason.length > 10);
    }
  });

  test('of gone channels and queues stay in the sums of Leveret', () => {
    const sum = (metrics: Metrics, name: string) => figureOf(metrics, `rabbitmq_channel_${name}_total`);
    // Three of these were published on channels that are closed.
    assert.equal(sum(leveret.aggregated, 'messages_published') - sum(rabbitMq.aggregated, 'messages_published'), 3);
    // And one was taken from a queue that is deleted.
    assert.equal(sum(leveret.aggregated, 'get') - sum(rabbitMq.aggregated, 'get'), 1);
  });
});
