/** Who moves over takes the file of settings and what is declared along, and can take it back: docs/coming-from-rabbitmq.md. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'amqplib';
import { isRabbitMqInstalled, startRabbitMq } from '../differential/rabbitmq.ts';
import { type ApiCall, ask } from '../management/http-client.ts';
import { LeveretProcess } from './leveret-process.ts';

/** Lines as they stand in the file of a server that has run for years. */
const RABBITMQ_CONF = `
listeners.tcp.default = 127.0.0.1:0
loopback_users.guest = true
vm_memory_high_watermark.relative = 0.6
vm_memory_high_watermark_paging_ratio = 0.75
disk_free_limit.absolute = 10MB
heartbeat = 30
collect_statistics_interval = 5000
management.tcp.ip = 127.0.0.1
management.tcp.port = 0
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = 0
log.file.level = warning
queue_index_embed_msgs_below = 4kb
tcp_listen_options.backlog = 128
`;

const DECLARED: readonly (readonly [path: string, body: object])[] = [
  ['vhosts/shop', {}],
  ['users/alice', { password: 'correct horse', tags: 'monitoring' }],
  ['permissions/shop/alice', { configure: '^order', write: '.*', read: '.*' }],
  ['topic-permissions/shop/alice', { exchange: 'orders', write: '^order', read: '.*' }],
  ['vhost-limits/shop/max-queues', { value: 100 }],
  ['user-limits/alice/max-connections', { value: 7 }],
  ['exchanges/shop/orders', { type: 'topic', durable: true }],
  ['queues/shop/orders.new', { durable: true, arguments: { 'x-max-priority': 5 } }],
  ['queues/shop/orders.quorum', { durable: true, arguments: { 'x-queue-type': 'quorum' } }],
  ['policies/shop/short', { pattern: '^orders\\.new', definition: { 'max-length': 2 }, 'apply-to': 'queues' }],
  ['operator-policies/shop/ttl', { pattern: '.*', definition: { expires: 3_600_000 }, 'apply-to': 'queues' }],
];

async function api(base: string, call: Omit<ApiCall, 'path'> & { readonly path: string }): Promise<unknown> {
  const { status, body } = await ask(base, { ...call, path: `/api/${call.path}` });
  assert.ok(status < 300, `${call.method} ${call.path}: ${status} ${JSON.stringify(body)}`);
  return body;
}

async function declare(base: string): Promise<void> {
  for (const [path, body] of DECLARED) await api(base, { method: 'PUT', path, body });
  const body = { routing_key: 'order.*', arguments: {} };
  await api(base, { method: 'POST', path: 'bindings/shop/e/orders/q/orders.new', body });
}

type Definitions = Readonly<Record<string, unknown>>;

/** What is declared, without what says who exported it, and in an order of its own. */
function declaredIn(definitions: Definitions): Definitions {
  const kinds = [
    ...['users', 'vhosts', 'permissions', 'topic_permissions', 'parameters', 'policies'],
    ...['queues', 'exchanges', 'bindings'],
  ];
  return Object.fromEntries(kinds.map((kind) => [kind, (definitions[kind] as object[]).map(comparable).sort()]));
}

function comparable(entry: object): string {
  // RabbitMQ 3.10 leaves out what it knows of a vhost beside its name.
  const { metadata, ...rest } = entry as { metadata?: object };
  return JSON.stringify(rest, (_, value) =>
    isObject(value) ? Object.fromEntries(Object.entries(value).sort()) : value,
  );
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function startWith(t: TestContext, definitions: unknown): Promise<{ port: number; managementUrl: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-moving-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const [config, file] = ['rabbitmq.conf', 'definitions.json'].map((name) => join(directory, name)) as [string, string];
  writeFileSync(config, RABBITMQ_CONF);
  writeFileSync(file, JSON.stringify(definitions));
  const flags = ['--config', config, '--load-definitions', file, '--data-dir', join(directory, 'data')];
  const leveret = LeveretProcess.start(t, ...flags, '--control-socket', 'none');
  const port = await leveret.port();
  return { port, managementUrl: /HTTP API +(\S+)\/api\//.exec(leveret.stdout)![1]! };
}

test('settings, users with their passwords, and all that is declared move to Leveret and back', {
  skip: !isRabbitMqInstalled(),
  timeout: 120_000,
}, async (t) => {
  const rabbitMq = await startRabbitMq({ management: true });
  t.after(() => rabbitMq.stop());
  await declare(rabbitMq.managementUrl!);
  const exported = (await api(rabbitMq.managementUrl!, { method: 'GET', path: 'definitions' })) as Definitions;

  const { port, managementUrl } = await startWith(t, exported);
  const connection = await connect(`amqp://alice:correct%20horse@127.0.0.1:${port}/shop`);
  const channel = await connection.createConfirmChannel();
  for (let number = 0; number < 5; number++) channel.publish('orders', 'order.new', Buffer.from(String(number)));
  await channel.waitForConfirms();
  // The policy holds, and so does the argument that a second declaration has to agree with.
  const { messageCount } = await channel.assertQueue('orders.new', { durable: true, maxPriority: 5 });
  assert.equal(messageCount, 2);
  await connection.close();

  const back = (await api(managementUrl, { method: 'GET', path: 'definitions' })) as Definitions;
  assert.deepEqual(declaredIn(back), declaredIn(exported));
  await api(rabbitMq.managementUrl!, { method: 'POST', path: 'definitions', body: back });
  const again = (await api(rabbitMq.managementUrl!, { method: 'GET', path: 'definitions' })) as Definitions;
  assert.deepEqual(declaredIn(again), declaredIn(exported));
});
