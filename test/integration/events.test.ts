/**
 * Events as messages. What is expected here was recorded from RabbitMQ 3.10.8 with its plugin rabbitmq_event_exchange, names of
 * processes, addresses and times left out.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker.ts';
import { type RawChannel, RawClient } from '../differential/raw-client.ts';
import type { Typed } from '../differential/wire-format.ts';
import { ask } from '../management/http-client.ts';

const QUEUE = 'events';
const clients: RawClient[] = [];

async function start(t: TestContext, given: BrokerOptions = { events: {} }): Promise<Broker> {
  const options = { memory: true, logLevel: 'none', nodeName: 'leveret@localhost', ...given } as const;
  const broker = await startBroker({ port: 0, management: { port: 0 }, ...options });
  t.after(async () => {
    // A broker that stops waits for clients, and these do not answer.
    for (const opened of clients.splice(0)) opened.abort();
    await broker.stop();
  });
  return broker;
}

async function client({ port }: Broker, name?: string): Promise<RawClient> {
  const opened = await RawClient.connect(port);
  clients.push(opened);
  await opened.open(name === undefined ? {} : { clientProperties: { connection_name: name } });
  return opened;
}

/** A channel that takes what is published from now on. */
async function watcher(broker: Broker): Promise<RawChannel> {
  const channel = (await client(broker)).channel(1);
  await channel.call('queue.declare', { queue: QUEUE, exclusive: true });
  await channel.call('queue.bind', { queue: QUEUE, exchange: 'amq.rabbitmq.event', routingKey: '#' });
  await channel.call('queue.purge', { queue: QUEUE });
  return channel;
}

/** All that have come, one line each. */
async function eventsOf(channel: RawChannel): Promise<string[]> {
  const lines: string[] = [];
  for (;;) {
    const { name, args, properties } = await channel.ask('basic.get', { queue: QUEUE, noAck: true });
    if (name === 'basic.get-empty') return lines;
    assert.deepEqual(Object.keys(properties!), ['headers', 'deliveryMode', 'timestamp']);
    const { timestamp_in_ms: atMs, ...headers } = properties!.headers as Record<string, Typed>;
    assert.equal(atMs?.letter, 'l');
    const shown = Object.entries(headers).map(([header, value]) => `${header}=${valueText(value)}`);
    lines.push(`${args.routingKey} ${shown.join('; ')}`.replaceAll(/<leveret@localhost\.\d+\.\d+\.0>/g, 'PID'));
  }
}

function valueText({ letter, value }: Typed): string {
  if (letter === 'A') return `[${(value as Typed[]).map(valueText).join(', ')}]`;
  if (letter !== 'F') return `${letter} ${typeof value === 'bigint' ? value : JSON.stringify(value)}`;
  const entries = Object.entries(value as Record<string, Typed>);
  return `{${entries.map(([name, each]) => `${name}:${valueText(each)}`).join(', ')}}`;
}

async function call({ managementUrl }: Broker, method: 'PUT' | 'DELETE', path: string, body?: object): Promise<void> {
  const { status } = await ask(managementUrl!, {
    method,
    path: `/api/${path}`,
    ...(body === undefined ? {} : { body }),
  });
  assert.ok(status < 300, `${method} ${path}: ${status}`);
}

test('what is declared, and goes', async (t) => {
  const broker = await start(t);
  const channel = await watcher(broker);
  const binding = { queue: 'q1', exchange: 'x1', routingKey: 'a.#', arguments: { n: 1, foo: 'bar' } };
  await channel.call('queue.declare', { queue: 'q1', durable: true, arguments: { 'x-max-length': 5 } });
  await channel.call('exchange.declare', { exchange: 'x1', type: 'topic', durable: true });
  await channel.call('queue.bind', binding);
  await channel.call('queue.unbind', binding);
  await channel.call('queue.delete', { queue: 'q1' });
  await channel.call('exchange.delete', { exchange: 'x1' });
  const by = 'user_who_performed_action=S "guest"';
  const bound = String.raw`vhost=S "/"; arguments=[S "{<<\"foo\">>,longstr,<<\"bar\">>}", S "{<<\"n\">>,signedint,1}"]; routing_key=S "a.#"; destination_kind=S "queue"; destination_name=S "q1"; source_kind=S "exchange"; source_name=S "x1"`;
  assert.deepEqual(await eventsOf(channel), [
    String.raw`queue.created ${by}; exclusive=t false; owner_pid=S ""; arguments=[S "{<<\"x-max-length\">>,signedint,5}"]; auto_delete=t false; durable=t true; name=S "q1"; vhost=S "/"`,
    `exchange.created ${by}; policy=S ""; arguments=[]; internal=t false; auto_delete=t false; durable=t true; type=S "topic"; name=S "x1"; vhost=S "/"`,
    `binding.created ${by}; ${bound}`,
    `binding.deleted ${by}; ${bound}`,
    `queue.deleted ${by}; name=S "q1"; vhost=S "/"`,
    `exchange.deleted ${by}; name=S "x1"; vhost=S "/"`,
  ]);
});

test('a client that comes, consumes and goes', async (t) => {
  const broker = await start(t);
  const channel = await watcher(broker);
  await channel.call('queue.declare', { queue: 'q' });
  const guest = await client(broker, 'n');
  await guest.call('basic.consume', { queue: 'q', consumerTag: 'c', arguments: { 'x-priority': 3 } });
  await guest.call('basic.cancel', { consumerTag: 'c' });
  await guest.close();
  const [, login, opened, ...others] = (await eventsOf(channel)).map((line) =>
    line
      .replaceAll(/127\.0\.0\.1:\d+/g, 'ADDRESS')
      .replaceAll(/port=l \d+|connected_at=l \d+|client_properties=\[.*?\]; /g, ''),
  );
  const by = 'user_who_performed_action=S "guest"';
  assert.equal(
    login,
    'user.authentication.success ssl=t false; auth_mechanism=S "PLAIN"; protocol=S "{0,9,1}"; peer_; peer_host=S "{127,0,0,1}"; connection_name=S "ADDRESS -> ADDRESS"; host=S "{127,0,0,1}"; name=S "guest"; connection_type=S "network"',
  );
  assert.equal(
    opened,
    `connection.created ${by}; node=S "leveret@localhost"; ; channel_max=l 2047; frame_max=l 131072; timeout=l 0; vhost=S "/"; user=S "guest"; protocol=S "{0,9,1}"; ssl_hash=S ""; ssl_cipher=S ""; ssl_key_exchange=S ""; ssl_protocol=S ""; auth_mechanism=S "PLAIN"; peer_cert_validity=S ""; peer_cert_issuer=S ""; peer_cert_subject=S ""; ssl=t false; peer_host=S "{127,0,0,1}"; host=S "{127,0,0,1}"; peer_; ; name=S "ADDRESS -> ADDRESS"; pid=S "PID"; type=S "network"; user_provided_name=S "n"`,
  );
  assert.deepEqual(others, [
    `channel.created ${by}; vhost=S "/"; user=S "guest"; number=l 1; connection=S "PID"; name=S "ADDRESS -> ADDRESS (1)"; pid=S "PID"`,
    String.raw`consumer.created ${by}; arguments=[S "{<<\"x-priority\">>,signedint,3}"]; prefetch_count=l 0; queue=S "q"; vhost=S "/"; channel=S "PID"; ack_required=t true; exclusive=t false; consumer_tag=S "c"`,
    `consumer.deleted ${by}; queue=S "q"; vhost=S "/"; channel=S "PID"; consumer_tag=S "c"`,
    `channel.closed ${by}; pid=S "PID"`,
    'connection.closed node=S "leveret@localhost"; pid=S "PID"; name=S "ADDRESS -> ADDRESS"; user_provided_name=S "n"',
  ]);
});

test('users, permissions, policies and parameters, with who has changed them', async (t) => {
  const broker = await start(t);
  const channel = await watcher(broker);
  await call(broker, 'PUT', 'users/u1', { password: 'p', tags: 'monitoring' });
  await call(broker, 'PUT', 'users/u1', { password: 'p2', tags: 'monitoring' });
  await call(broker, 'PUT', 'permissions/%2F/u1', { configure: '.*', write: '.*', read: '^$' });
  await call(broker, 'DELETE', 'permissions/%2F/u1');
  await call(broker, 'PUT', 'user-limits/u1/max-connections', { value: 5 });
  const policy = { pattern: '^a', definition: { 'max-length': 5 }, 'apply-to': 'queues', priority: 2 };
  await call(broker, 'PUT', 'policies/%2F/p1', policy);
  await call(broker, 'DELETE', 'policies/%2F/p1');
  await call(broker, 'PUT', 'operator-policies/%2F/p1', policy);
  await call(broker, 'DELETE', 'operator-policies/%2F/p1');
  await call(broker, 'DELETE', 'users/u1');
  const by = 'user_who_performed_action=S "guest"';
  const value = '{apply-to:S "queues", priority:l 2, definition:{max-length:l 5}, pattern:S "^a"}';
  const set = `apply-to=S "queues"; priority=l 2; definition={max-length:l 5}; pattern=S "^a"; ${by}; vhost=S "/"; name=S "p1"`;
  const operator = 'name=S "p1"; component=S "operator_policy"; vhost=S "/"';
  assert.deepEqual(await eventsOf(channel), [
    `user.created ${by}; name=S "u1"`,
    `user.tags.set ${by}; tags=[S "monitoring"]; name=S "u1"`,
    `user.password.changed ${by}; name=S "u1"`,
    `permission.created ${by}; read=S "^$"; write=S ".*"; configure=S ".*"; vhost=S "/"; user=S "u1"`,
    `permission.deleted ${by}; vhost=S "/"; user=S "u1"`,
    `user.limits.set max-connections=l 5; username=S "u1"; ${by}; name=S "limits"`,
    `policy.set ${set}`,
    `policy.cleared ${by}; vhost=S "/"; name=S "p1"`,
    `parameter.set ${by}; value=${value}; ${operator}`,
    `policy.set ${set}`,
    `parameter.cleared ${by}; ${operator}`,
    `operator.policy.cleared ${by}; vhost=S "/"; name=S "p1"`,
    `user.deleted ${by}; name=S "u1"`,
  ]);
});

test('vhosts and alarms', async (t) => {
  const broker = await start(t);
  const channel = await watcher(broker);
  await call(broker, 'PUT', 'vhosts/v1', { description: 'd', tags: 'a,b' });
  await call(broker, 'DELETE', 'vhosts/v1');
  broker.setMemoryHighWatermark({ absolute: 1 });
  broker.setMemoryHighWatermark({ relative: 0.9 });
  const ofVhosts = (await eventsOf(channel)).filter((line) => /^(vhost|alarm)/.test(line));
  const by = 'user_who_performed_action=S "guest"';
  assert.deepEqual(ofVhosts, [
    String.raw`vhost.created tags=[S "a", S "b"]; description=S "d"; ${by}; cluster_state={leveret@localhost:S "running"}; tracing=t false; metadata=S "#{description => <<\"d\">>,tags => [a,b]}"; default_queue_type=S "undefined"; name=S "v1"`,
    `vhost.deleted ${by}; name=S "v1"`,
    'alarm.set node=S "leveret@localhost"; source=S "memory"',
    'alarm.cleared node=S "leveret@localhost"; source=S "memory"',
  ]);
});

test('a login that is refused says why, in words and without the password', async (t) => {
  const broker = await start(t);
  const channel = await watcher(broker);
  const refused = await RawClient.connect(broker.port);
  clients.push(refused);
  await assert.rejects(refused.handshake({ password: 'wrong' }));
  const [event] = await eventsOf(channel);
  assert.match(event!, /^user\.authentication\.failure error=S "user 'guest' - invalid credentials"; ssl=t false/);
  assert.doesNotMatch(event!, /wrong/);
});

test('a vhost that is not there is told of: nobody would get anything', async (t) => {
  const warnings: string[] = [];
  const quiet = () => undefined;
  const log = {
    debug: quiet,
    info: quiet,
    error: quiet,
    warning: (_: string, text: string) => void warnings.push(text),
  };
  await start(t, { events: { vhost: 'none' }, log });
  assert.deepEqual(warnings, ["there is no vhost 'none': nothing is published to amq.rabbitmq.event"]);
});

test('without being asked for there is no such exchange', async (t) => {
  const broker = await start(t, {});
  const guest = await client(broker);
  const { name } = await guest.channel(1).ask('exchange.declare', { exchange: 'amq.rabbitmq.event', passive: true });
  assert.equal(name, 'channel.close');
});
