/** What `leveretctl` tells of certificates, plugins, queues and the thread of a node, and what it refuses of them. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'amqplib';
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker.ts';
import { CertificateDirectory } from '../integration/certificates.ts';
import { leveretctl } from './leveretctl.ts';
import type { Outcome } from './transcript.ts';

const NODE = 'leveret@localhost';

interface Started {
  readonly broker: Broker;
  call(line: string): Promise<Outcome>;
}

async function started(t: TestContext, options: BrokerOptions = {}): Promise<Started> {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-ctl-'));
  const controlSocket = { path: join(directory, `${NODE}.sock`) };
  const broker = await startBroker({
    port: 0,
    memory: true,
    logLevel: 'none',
    nodeName: NODE,
    controlSocket,
    ...options,
  });
  t.after(async () => {
    await broker.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  const tool = leveretctl(NODE, broker.controlSocket!, broker.port);
  return { broker, call: (line) => tool.run(line.split(' '), '') };
}

async function printed({ call }: Started, line: string): Promise<string> {
  const { exitCode, stdout, stderr } = await call(line);
  assert.deepEqual([exitCode, stderr], [0, ''], line);
  return stdout;
}

test('certificates are shown, and one that expires soon fails its check', async (t) => {
  const directory = new CertificateDirectory();
  t.after(() => directory.remove());
  const { certFile, keyFile } = directory.authority('broker.example');
  const listeners = [{ port: 0 }, { port: 0, tls: true }];
  const node = await started(t, { listeners, tls: { certFile, keyFile } });
  const { port } = node.broker.listeners[1]!;
  assert.match(await printed(node, 'certificates -q'), new RegExp(`^port: ${port}\nsubject: CN=broker.example$`, 'm'));
  const [shown] = JSON.parse(await printed(node, 'certificates --formatter json'));
  assert.deepEqual([shown.protocol, shown.subject, shown.issuer], ['amqps', 'CN=broker.example', 'CN=broker.example']);
  await printed(node, 'check_certificate_expiration --within 29 --unit days');
  const { exitCode, stderr } = await node.call('check_certificate_expiration --within 2 --unit months -q');
  assert.equal(exitCode, 69);
  assert.match(stderr, /the certificate of CN=broker.example expires on/);
  assert.match(await printed(node, 'listeners -q'), /protocol: amqp\/ssl, purpose: AMQP 0-9-1 over TLS/);
});

test('plugins that are part of the broker are enabled; others cannot be, and these not be disabled', async (t) => {
  const node = await started(t);
  for (const line of ['enable rabbitmq_random_exchange', 'set rabbitmq_random_exchange', 'disable rabbitmq_mqtt']) {
    assert.match(await printed(node, line), /Plugin configuration unchanged\.$/m, line);
  }
  for (const [line, refused] of [
    ['enable rabbitmq_random_exchange rabbitmq_mqtt', /plugin rabbitmq_mqtt cannot be enabled/],
    ['set rabbitmq_stomp rabbitmq_mqtt', /plugins rabbitmq_stomp, rabbitmq_mqtt cannot be enabled/],
    [
      'disable rabbitmq_random_exchange',
      /plugin rabbitmq_random_exchange cannot be disabled: it is part of the broker/,
    ],
    ['is_enabled rabbitmq_mqtt rabbitmq_random_exchange', /^Error:\nPlugin rabbitmq_mqtt is not enabled on node/],
  ] as const) {
    const { exitCode, stderr } = await node.call(line);
    assert.equal(exitCode, 69, line);
    assert.match(stderr, refused);
  }
  const names = (await printed(node, 'list rabbitmq_.*exchange -m -E -q')).trimEnd().split('\n');
  assert.ok(names.includes('rabbitmq_random_exchange') && !names.includes('rabbitmq_jms_topic_exchange'));
});

test('a plugin that listens is enabled while it listens', async (t) => {
  const without = await started(t);
  assert.equal((await without.call('is_enabled rabbitmq_management')).exitCode, 69);
  const node = await started(t, { management: { port: 0 } });
  await printed(node, 'is_enabled rabbitmq_management rabbitmq_web_dispatch');
  assert.match(await printed(node, 'listeners -q'), /protocol: http, purpose: HTTP API/);
});

test('events are shown as they happen, and nothing is left behind', async (t) => {
  const node = await started(t, { events: {} });
  const streamed = printed(node, 'consume_event_stream --duration 2 --pattern ^user');
  const queues = async () => (await printed(node, 'list_queues name -s')).trim();
  const sources = () => printed(node, 'list_bindings source_name -s');
  while (!(await sources()).includes('amq.rabbitmq.event')) await new Promise((next) => setImmediate(next));
  await printed(node, 'add_user alice secret');
  await printed(node, 'add_vhost shop');
  await printed(node, 'delete_user alice');
  const shown = (await streamed).trimEnd().split('\n');
  const events = shown.map((line) => JSON.parse(line));
  assert.deepEqual(
    events.map(({ event, name }) => [event, name]),
    [
      ['user.created', 'alice'],
      ['user.deleted', 'alice'],
    ],
  );
  assert.ok(events.every(({ timestamp_in_ms: atMs }) => atMs > 0));
  assert.equal(await queues(), '');
  const without = await (await started(t)).call('consume_event_stream --duration 1');
  assert.equal(without.exitCode, 69);
  assert.match(
    without.stderr,
    /there is no exchange amq\.rabbitmq\.event in vhost '\/': start the broker with event_exchange/,
  );
});

test('a queue of the type quorum is led by its one node', async (t) => {
  const node = await started(t);
  const client = await connect(node.broker.url);
  const channel = await client.createChannel();
  await channel.assertQueue('q', { arguments: { 'x-queue-type': 'quorum' } });
  await channel.assertQueue('classic');
  assert.equal(await printed(node, 'quorum_status q -q'), `Node Name\tRaft State\n${NODE}\tleader\n`);
  assert.match((await node.call('quorum_status classic')).stderr, /queue 'classic' is not of the type quorum/);
  await client.close();
});

test('attempts to log in are listed by protocol and by source, and counted anew', async (t) => {
  const node = await started(t);
  await (await connect(node.broker.url)).close();
  assert.equal(
    await printed(node, 'list_node_auth_attempt_stats -q'),
    'protocol\tauth_attempts\tauth_attempts_failed\tauth_attempts_succeeded\namqp091\t1\t0\t1\n',
  );
  const bySource = await printed(node, 'list_node_auth_attempt_stats --by-source --formatter csv');
  assert.match(bySource, /^"remote_address","username",.*\n"127\.0\.0\.1","guest","amqp091","1","0","1"$/m);
  await printed(node, 'reset_node_auth_attempt_metrics');
  assert.match(await printed(node, 'list_node_auth_attempt_stats -q'), /reported no authentication attempt stats/);
});

test('the thread of the broker is watched for as long as it is asked for', async (t) => {
  const node = await started(t);
  const stats = JSON.parse(await printed(node, 'runtime_thread_stats --sample-interval 1 --formatter json'));
  assert.ok(stats.busy >= 0 && stats.busy <= 1 && stats.delay_ms.max >= stats.delay_ms.p99, JSON.stringify(stats));
  assert.equal((await node.call('runtime_thread_stats --sample-interval 61')).exitCode, 65);
  await printed(node, 'force_gc');
});
