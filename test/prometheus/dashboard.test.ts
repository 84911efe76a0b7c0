/**
 * RabbitMQ's Grafana dashboard RabbitMQ-Overview has data: a real Prometheus scrapes a broker, and is asked for every metric
 * that the dashboard uses, joined with the identity of the node as the dashboard joins it.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ChannelModel } from 'amqplib';
import { type Broker, startBroker } from '../../src/broker.ts';
import { eventually, withDeadline } from '../conformance/waiting.ts';
import { playTraffic } from './traffic.ts';

/** Of the dashboard in RabbitMQ 3.10.8, and of the one in 2026; with what is written to the disk besides. */
const GAUGES = [
  'build_info',
  'channel_consumers',
  'channels',
  'connections',
  'consumers',
  'disk_space_available_bytes',
  'disk_space_available_limit_bytes',
  'erlang_uptime_seconds',
  'global_consumers',
  'global_publishers',
  'process_max_fds',
  'process_max_tcp_sockets',
  'process_open_fds',
  'process_open_tcp_sockets',
  'process_resident_memory_bytes',
  'queue_messages_ready',
  'queue_messages_unacked',
  'queues',
  'resident_memory_limit_bytes',
];
const COUNTERS = [
  'channels_closed_total',
  'channels_opened_total',
  'connections_closed_total',
  'connections_opened_total',
  'global_messages_acknowledged_total',
  'global_messages_confirmed_total',
  'global_messages_delivered_consume_auto_ack_total',
  'global_messages_delivered_consume_manual_ack_total',
  'global_messages_delivered_get_auto_ack_total',
  'global_messages_delivered_get_manual_ack_total',
  'global_messages_delivered_total',
  'global_messages_get_empty_total',
  'global_messages_received_confirm_total',
  'global_messages_received_total',
  'global_messages_redelivered_total',
  'global_messages_routed_total',
  'global_messages_unroutable_dropped_total',
  'global_messages_unroutable_returned_total',
  'io_write_bytes_total',
  'io_write_ops_total',
  'io_write_time_seconds_total',
  'queues_created_total',
  'queues_declared_total',
  'queues_deleted_total',
];

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

class Prometheus {
  readonly #process: ChildProcess;
  readonly #url: string;

  private constructor(process: ChildProcess, url: string) {
    this.#process = process;
    this.#url = url;
  }

  /** @param target HOST:PORT of the broker's metrics */
  static async start(directory: string, target: string): Promise<Prometheus> {
    const config = join(directory, 'prometheus.yml');
    const scrape = { job_name: 'leveret', static_configs: [{ targets: [target] }] };
    const global = { scrape_interval: '1s', scrape_timeout: '1s' };
    writeFileSync(config, JSON.stringify({ global, scrape_configs: [scrape] })); // YAML takes JSON as it is.
    const storage = ['--storage.tsdb.path', join(directory, 'data')];
    const args = ['--config.file', config, ...storage, '--web.listen-address', '127.0.0.1:0'];
    const child = spawn('prometheus', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const address = new Promise<string>((done, failed) => {
      let said = '';
      child.stderr.on('data', (chunk) => {
        said += chunk;
        const found = /msg="Listening on" address=(\S+)/.exec(said)?.[1];
        if (found !== undefined) done(found);
      });
      child.once('exit', (code) => failed(new Error(`prometheus ended with ${code}: ${said}`)));
    });
    return new Prometheus(child, `http://${await withDeadline('Prometheus to listen', address)}`);
  }

  async query(expression: string): Promise<readonly Sample[]> {
    const response = await fetch(`${this.#url}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const { status, error, data } = (await response.json()) as {
      status: string;
      error?: string;
      data: { result: Sample[] };
    };
    assert.equal(status, 'success', `${expression}: ${error}`);
    return data.result;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }
}

/** As a panel asks: of the nodes of one cluster, each by its name. */
function joined(expression: string): string {
  const identity = 'rabbitmq_identity_info{rabbitmq_cluster="the shop", namespace="", rabbitmq_endpoint="aggregated"}';
  const factors = `${expression} * on(instance, job) group_left(rabbitmq_cluster, rabbitmq_node) ${identity}`;
  return `sum(${factors}) by(rabbitmq_node)`;
}

const isThere = spawnSync('prometheus', ['--version']).status === 0;
assert.ok(isThere || !process.env.CI, 'prometheus is not installed, and continuous integration leaves nothing out');

describe('the dashboard RabbitMQ-Overview', {
  skip: !isThere && 'Debian’s package prometheus is not installed',
}, () => {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-prometheus-'));
  let broker: Broker;
  let client: ChannelModel;
  let prometheus: Prometheus;
  before(async () => {
    const dataDir = join(directory, 'broker');
    const names = { clusterName: 'the shop', nodeName: 'leveret@shop' };
    broker = await startBroker({ port: 0, dataDir, logLevel: 'none', ...names, prometheus: { port: 0 } });
    prometheus = await Prometheus.start(directory, new URL(broker.prometheusUrl!).host);
    await eventually('the first scrape', async () => (await prometheus.query('rabbitmq_queues')).length > 0);
    client = await playTraffic(broker.port);
    const playedAtSeconds = Date.now() / 1000;
    await eventually('a scrape of what was played', async () => {
      const [sample] = await prometheus.query('timestamp(rabbitmq_queues)');
      return Number(sample?.value[1]) > playedAtSeconds;
    });
  });
  after(async () => {
    await prometheus?.stop();
    await client?.close();
    await broker?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  for (const name of GAUGES) {
    test(`has ${name}`, async () => {
      const [sample, ...others] = await prometheus.query(joined(`rabbitmq_${name}`));
      assert.deepEqual([sample?.metric, others], [{ rabbitmq_node: 'leveret@shop' }, []]);
    });
  }

  for (const name of COUNTERS) {
    test(`has ${name}, and it has grown`, async () => {
      const [sample] = await prometheus.query(joined(`rate(rabbitmq_${name}[1m])`));
      assert.deepEqual(sample?.metric, { rabbitmq_node: 'leveret@shop' });
      assert.ok(Number(sample.value[1]) > 0, `${sample.value[1]}`);
    });
  }

  test('finds clusters by their names, and no name of a namespace', async () => {
    const [identity] = await prometheus.query('rabbitmq_identity_info{namespace="", rabbitmq_cluster="the shop"}');
    assert.equal(identity?.metric.rabbitmq_node, 'leveret@shop');
    const versions =
      'rabbitmq_build_info * on(instance) group_left(rabbitmq_cluster, rabbitmq_node) rabbitmq_identity_info';
    const [build] = await prometheus.query(versions);
    assert.deepEqual([build?.metric.rabbitmq_version, build?.metric.rabbitmq_cluster], ['3.10.8', 'the shop']);
  });

  test('is served by metrics that Prometheus finds nothing wrong with', async () => {
    for (const path of ['', '/per-object', '/detailed?family=queue_metrics&family=exchange_bindings']) {
      const input = await (await fetch(`${broker.prometheusUrl}${path}`)).text();
      const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
      assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' }, path);
    }
  });
});
