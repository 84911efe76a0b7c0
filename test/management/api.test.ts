/** What the recorded answers do not show: limits, uploads, closing, statistics, and what is left behind. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Broker, startBroker } from '../../src/broker.ts';
import { type Disk, systemDisk } from '../../src/runtime/disk.ts';
import { CertificateDirectory } from '../integration/certificates.ts';
import { busyClient } from './clients.ts';
import { type ApiCall, type ApiReply, ask } from './http-client.ts';

const ORIGIN = 'https://console.example';

let broker: Broker;
before(async () => {
  const management = { port: 0, corsAllowOrigins: [ORIGIN], corsMaxAgeSeconds: 60 };
  broker = await startBroker({ port: 0, memory: true, logLevel: 'none', management });
});
after(() => broker.stop());

function call(method: ApiCall['method'], path: string, rest: Partial<ApiCall> = {}): Promise<ApiReply> {
  return ask(broker.managementUrl!, { method, path: `/api/${path}`, ...rest });
}

describe('requests', () => {
  test('a body of more than 20 MB is refused with 413', async () => {
    const { status } = await call('PUT', 'queues/%2F/large', { body: `{"node":"${'x'.repeat(20_000_001)}"}` });
    assert.equal(status, 413);
  });

  test('who looks for rabbitmqadmin here is told where it is', async () => {
    const { status, body } = await ask(broker.managementUrl!, {
      method: 'GET',
      path: '/cli/rabbitmqadmin',
      user: null,
    });
    assert.equal(status, 404);
    assert.match((body as { reason: string }).reason, /part of RabbitMQ.*leveretctl/);
  });

  test('octets that are no HTTP end their connection, and no other', async () => {
    const { hostname, port } = new URL(broker.managementUrl!);
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.write('AMQP\0\0\x09\x01\r\n\r\n');
    await new Promise((closed) => socket.once('close', closed));
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.equal((await call('GET', 'whoami')).status, 200);
  });

  test('a page of an allowed origin may read answers, one of another may not', async () => {
    const allowed = await call('GET', 'whoami', { headers: { origin: ORIGIN } });
    assert.equal(allowed.headers['access-control-allow-origin'], ORIGIN);
    const other = await call('GET', 'whoami', { headers: { origin: 'https://other.example' } });
    assert.equal(other.headers['access-control-allow-origin'], undefined);
  });

  test('a preflight is told methods, headers and how long it holds', async () => {
    const headers = {
      origin: ORIGIN,
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'authorization,content-type',
    };
    const { status, headers: given } = await call('OPTIONS', 'queues/%2F/q', { headers, user: null });
    assert.equal(status, 200);
    assert.match(given['access-control-allow-methods']!, /PUT/);
    assert.equal(given['access-control-allow-headers'], 'authorization,content-type');
    assert.equal(given['access-control-max-age'], '60');
  });
});

describe('definitions', () => {
  test('what is exported makes the same in an empty broker, passwords included', async (t) => {
    await call('PUT', 'vhosts/moved', { body: { description: 'to be moved', tags: 'a,b' } });
    await call('PUT', 'users/mover', { body: { password: 'secret', tags: 'administrator' } });
    await call('PUT', 'permissions/moved/mover', { body: { configure: '.*', write: '.*', read: '.*' } });
    await call('PUT', 'queues/moved/q', { body: { durable: true, arguments: { 'x-max-length': 5 } } });
    await call('PUT', 'exchanges/moved/x', { body: { type: 'headers', durable: true } });
    const binding = { routing_key: 'k', arguments: { 'x-match': 'any', header: 'value' } };
    await call('POST', 'bindings/moved/e/x/q/q', { body: binding });
    await call('PUT', 'vhost-limits/moved/max-queues', { body: { value: 7 } });
    const exported = (await call('GET', 'definitions')).body;
    const other = await startBroker({ port: 0, memory: true, logLevel: 'none', management: { port: 0 } });
    t.after(() => other.stop());
    const there = (method: ApiCall['method'], body?: unknown) =>
      ask(other.managementUrl!, {
        method,
        path: '/api/definitions',
        body,
        user: body ? 'guest:guest' : 'mover:secret',
      });
    assert.equal((await there('POST', exported)).status, 204);
    const again = (await there('GET')).body;
    assert.deepEqual(again, exported);
  });

  test('a browser uploads a file in the field named file', async () => {
    const form = new FormData();
    form.set('file', new Blob(['{"vhosts":[{"name":"uploaded"}]}']), 'definitions.json');
    const headers = { authorization: `Basic ${btoa('guest:guest')}` };
    const { status } = await fetch(`${broker.managementUrl}/api/definitions`, { method: 'POST', body: form, headers });
    assert.equal(status, 204);
    assert.equal((await call('GET', 'vhosts/uploaded')).status, 200);
  });

  test('one vhost is imported into another, and a faulty document changes nothing', async () => {
    await call('PUT', 'vhosts/from');
    await call('PUT', 'vhosts/to');
    await call('PUT', 'queues/from/q', { body: { durable: true } });
    const { body, headers } = await call('GET', 'definitions/from?download=from.json');
    assert.equal(headers['content-disposition'], 'attachment; filename=from.json');
    assert.equal((await call('POST', 'definitions/to', { body })).status, 204);
    assert.equal((await call('GET', 'queues/to/q')).status, 200);
    const faulty = { queues: [{ name: 'new', durable: true, auto_delete: false, arguments: { 'x-expires': 0 } }] };
    const refused = await call('POST', 'definitions/to', { body: faulty });
    assert.equal(refused.status, 400);
    assert.match(JSON.stringify(refused.body), /queues\[0\]: invalid arg 'x-expires'/);
    assert.equal((await call('GET', 'queues/to/new')).status, 404);
  });
});

describe('connections', () => {
  test('a connection is closed with 320 and the reason that was given', async () => {
    const client = await busyClient(broker.port);
    const closed = new Promise<Error>((done) => client.once('close', done));
    const [{ name }] = (await call('GET', 'connections')).body as [{ name: string }];
    const headers = { 'x-reason': 'maintenance' };
    const { status } = await call('DELETE', `connections/${encodeURIComponent(name)}`, { headers });
    assert.equal(status, 204);
    assert.match((await closed).message, /320.*CONNECTION_FORCED - maintenance/);
  });

  test('a user without the tag monitoring sees and closes its own connections only', async () => {
    await call('PUT', 'users/own', { body: { password: 'p', tags: 'management' } });
    const client = await busyClient(broker.port);
    const [{ name }] = (await call('GET', 'connections')).body as [{ name: string }];
    const path = `connections/${encodeURIComponent(name)}`;
    assert.deepEqual((await call('GET', 'connections', { user: 'own:p' })).body, []);
    assert.equal((await call('DELETE', path, { user: 'own:p' })).status, 404);
    assert.equal((await call('DELETE', 'connections/username/guest', { user: 'own:p' })).status, 401);
    await client.close();
  });

  test('a call leaves no connection, channel or unacked message behind', async () => {
    await call('PUT', 'queues/%2F/kept', { body: { durable: true } });
    const message = { properties: {}, routing_key: 'kept', payload: 'x', payload_encoding: 'string' };
    await call('POST', 'exchanges/%2F/amq.default/publish', { body: message });
    const get = { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' };
    for (let round = 0; round < 3; round++) await call('POST', 'queues/%2F/kept/get', { body: get });
    await nextTurn();
    const { body } = await call('GET', 'queues/%2F/kept?columns=messages_ready,messages_unacknowledged');
    assert.deepEqual(body, { messages_ready: 1, messages_unacknowledged: 0 });
    assert.deepEqual((await call('GET', 'channels')).body, []);
  });
});

describe('statistics', () => {
  const totals = async () => {
    const { body } = await call('GET', 'overview?columns=message_stats');
    return ((body as { message_stats: Record<string, number> }).message_stats ?? {}) as Record<string, number>;
  };

  test('what a deleted queue and a closed channel have counted stays in the totals', async () => {
    const client = await busyClient(broker.port);
    const before = await totals();
    await client.close();
    await call('DELETE', 'queues/%2F/live');
    const afterwards = await totals();
    for (const name of ['publish', 'confirm', 'deliver', 'ack', 'deliver_get']) {
      assert.ok(before[name]! > 0, name);
      assert.ok(afterwards[name]! >= before[name]!, name);
    }
  });

  test('messages that no queue takes are counted as dropped, or as returned to who wants them back', async () => {
    const before = await totals();
    const message = { properties: {}, routing_key: 'nobody', payload: 'x', payload_encoding: 'string' };
    await call('POST', 'exchanges/%2F/amq.default/publish', { body: message });
    const afterwards = await totals();
    assert.equal(afterwards.return_unroutable! - (before.return_unroutable ?? 0), 1);
  });

  test('queues that come and go are counted', async () => {
    const churn = async () => {
      const { body } = await call('GET', 'overview?columns=churn_rates');
      return (body as { churn_rates: Record<string, number> }).churn_rates;
    };
    const before = await churn();
    await call('PUT', 'queues/%2F/passing', { body: {} });
    await call('DELETE', 'queues/%2F/passing');
    const afterwards = await churn();
    assert.equal(afterwards.queue_created! - before.queue_created!, 1);
    assert.equal(afterwards.queue_declared! - before.queue_declared!, 1);
    assert.equal(afterwards.queue_deleted! - before.queue_deleted!, 1);
  });
});

test('a caller who waits for a confirm that the disk holds up is cut off by a stop', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'leveret-management-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  let isStuck = false;
  const held: (() => void)[] = [];
  const disk: Disk = {
    ...systemDisk,
    write: (...write) => {
      if (isStuck) held.push(() => systemDisk.write(...write));
      else systemDisk.write(...write);
    },
  };
  const stuck = await startBroker({ port: 0, dataDir, disk, logLevel: 'none', management: { port: 0 } });
  const base = stuck.managementUrl!;
  await ask(base, { method: 'PUT', path: '/api/queues/%2F/durable', body: { durable: true } });
  isStuck = true;
  const properties = { delivery_mode: 2 };
  const message = { properties, routing_key: 'durable', payload: 'x', payload_encoding: 'string' };
  const published = ask(base, { method: 'POST', path: '/api/exchanges/%2F/amq.default/publish', body: message });
  const cutOff = assert.rejects(published);
  while (held.length === 0) await nextTurn();
  const stopped = stuck.stop();
  await cutOff;
  isStuck = false;
  for (const write of held) write();
  await stopped;
});

test('a certificate that soon expires fails its check, until there is one that holds longer', async (t) => {
  const directory = new CertificateDirectory();
  t.after(() => directory.remove());
  const { certFile, keyFile } = directory.authority('ca').issue('broker', { alternativeNames: 'IP:127.0.0.1' });
  const secured = await startBroker({
    memory: true,
    logLevel: 'none',
    listeners: [{ port: 0, tls: true }],
    tls: { certFile, keyFile },
    management: { port: 0 },
  });
  t.after(() => secured.stop());
  const check = (within: string) => {
    const path = `/api/health/checks/certificate-expiration/${within}`;
    return ask(secured.managementUrl!, { method: 'GET', path });
  };
  assert.deepEqual((await check('3/weeks')).body, { status: 'ok' });
  const { status, body } = await check('2/months');
  assert.equal(status, 503);
  const [{ port, not_after }] = (body as { expired: [{ port: number; not_after: string }] }).expired;
  assert.equal(port, secured.port);
  assert.ok(Date.parse(not_after) > Date.now() + 29 * 86_400_000);
});

test('a port that is taken stops the start, and says what to set', async () => {
  const port = Number(new URL(broker.managementUrl!).port);
  await assert.rejects(
    startBroker({ port: 0, memory: true, management: { port } }),
    /is in use: .*management\.tcp\.port/,
  );
});

test('a broker that was not asked for the API has none', async (t) => {
  const silent = await startBroker({ port: 0, memory: true });
  t.after(() => silent.stop());
  assert.equal(silent.managementUrl, null);
});

test('a broker that stops leaves nothing of the API behind, with a caller connected too', async () => {
  const counted = () => Map.groupBy(process.getActiveResourcesInfo(), (name) => name);
  const before = counted();
  const stopped = await startBroker({ port: 0, memory: true, logLevel: 'none', management: { port: 0 } });
  const base = stopped.managementUrl!;
  await ask(base, { method: 'GET', path: '/api/overview' });
  const idle = connect(Number(new URL(base).port), '127.0.0.1');
  await new Promise((connected) => idle.once('connect', connected));
  const gone = new Promise((closed) => idle.once('close', closed));
  idle.on('error', () => undefined);
  await stopped.stop();
  await gone;
  await nextTurn();
  // What earlier tests have closed may be on its way out still.
  for (const [name, all] of counted()) assert.ok(all.length <= (before.get(name)?.length ?? 0), name);
  await assert.rejects(ask(base, { method: 'GET', path: '/api/overview' }), { code: 'ECONNREFUSED' });
});
