/** RabbitMQ's own command for its HTTP API, unchanged, with each of its subcommands. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { type Broker, startBroker } from '../../src/broker.ts';
import { busyClient } from './clients.ts';

const PLUGIN = '/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/plugins/rabbitmq_management-3.10.8';
const SCRIPT = join(PLUGIN, 'priv/www/cli/rabbitmqadmin');
const isThere = existsSync(SCRIPT);
if (!isThere && process.env.CI) throw new Error(`rabbitmqadmin must be there in CI: ${SCRIPT} is missing`);

const run = promisify(execFile);

const skip = isThere ? false : 'rabbitmq-server is not installed';

describe('rabbitmqadmin', { skip, timeout: 120_000 }, () => {
  let broker: Broker;
  let directory: string;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'leveret-rabbitmqadmin-'));
    broker = await startBroker({ port: 0, memory: true, logLevel: 'none', management: { port: 0 } });
  });
  after(async () => {
    await broker.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** What it prints. @throws with what it says on standard error when it ends with another code than 0 */
  async function admin(...args: string[]): Promise<string> {
    const { hostname: host, port } = new URL(broker.managementUrl!);
    const { stdout } = await run('python3', ['-IS', SCRIPT, '--host', host, '--port', port, ...args]);
    return stdout;
  }

  async function json(...args: string[]): Promise<Record<string, unknown>[]> {
    return JSON.parse(await admin('--format=raw_json', ...args));
  }

  /** What a listing has in one column. */
  async function names(kind: string, column = 'name'): Promise<unknown[]> {
    return (await json('list', kind)).map((item) => item[column]);
  }

  test('declares and deletes vhosts, users and permissions', async () => {
    assert.equal(await admin('declare', 'vhost', 'name=shop'), 'vhost declared\n');
    assert.equal(await admin('declare', 'user', 'name=alice', 'password=secret', 'tags=management'), 'user declared\n');
    const permission = ['vhost=shop', 'user=alice', 'configure=.*', 'write=.*', 'read=.*'];
    assert.equal(await admin('declare', 'permission', ...permission), 'permission declared\n');
    assert.deepEqual(await names('vhosts'), ['/', 'shop']);
    assert.deepEqual(await names('users'), ['alice', 'guest']);
    assert.deepEqual(await names('permissions', 'user'), ['guest', 'alice', 'guest']);
    assert.match(await admin('-u', 'alice', '-p', 'secret', 'list', 'vhosts'), /\| shop/);
    assert.equal(await admin('delete', 'permission', 'vhost=shop', 'user=alice'), 'permission deleted\n');
    assert.equal(await admin('delete', 'user', 'name=alice'), 'user deleted\n');
    assert.equal(await admin('delete', 'vhost', 'name=shop'), 'vhost deleted\n');
    assert.deepEqual(await names('vhosts'), ['/']);
  });

  test('declares, lists and deletes exchanges, queues and bindings', async () => {
    await admin('declare', 'exchange', 'name=orders', 'type=topic');
    await admin('declare', 'queue', 'name=new orders/1', 'durable=true', 'arguments={"x-max-length": 10}');
    await admin('declare', 'queue', 'name=replicated', 'queue_type=quorum');
    await admin('declare', 'binding', 'source=orders', 'destination=new orders/1', 'routing_key=a.b/c d');
    assert.ok((await names('exchanges')).includes('orders'));
    assert.deepEqual(await names('queues'), ['new orders/1', 'replicated']);
    assert.deepEqual(await names('bindings', 'properties_key'), ['new+orders%2F1', 'replicated', 'a.b%2Fc+d']);
    const key = 'properties_key=a.b%2Fc+d';
    await admin('delete', 'binding', 'source=orders', 'destination_type=queue', 'destination=new orders/1', key);
    assert.deepEqual(await names('bindings', 'source'), ['', '']);
    await admin('delete', 'queue', 'name=replicated');
    await admin('delete', 'exchange', 'name=orders');
    assert.deepEqual(await names('queues'), ['new orders/1']);
  });

  test('publishes, gets and purges', async () => {
    assert.equal(await admin('publish', 'routing_key=new orders/1', 'payload=hello'), 'Message published\n');
    assert.equal(await admin('publish', 'routing_key=nowhere', 'payload=hello'), 'Message published but NOT routed\n');
    const [message] = await json('get', 'queue=new orders/1', 'ackmode=ack_requeue_true');
    assert.equal(message?.payload, 'hello');
    const file = join(directory, 'payload');
    await admin('get', 'queue=new orders/1', 'ackmode=ack_requeue_true', `payload_file=${file}`);
    assert.equal(readFileSync(file, 'utf8'), 'hello');
    assert.equal(await admin('purge', 'queue', 'name=new orders/1'), 'queue purged\n');
    assert.deepEqual(await json('get', 'queue=new orders/1'), []);
  });

  test('sets and clears policies, and says why one is refused', async () => {
    const policy = ['name=p', 'pattern=^none', 'definition={"max-length": 1}'];
    for (const [kind, kinds] of [
      ['policy', 'policies'],
      ['operator_policy', 'operator_policies'],
    ] as const) {
      assert.equal(await admin('declare', kind, ...policy, 'priority=2', 'apply-to=queues'), `${kind} declared\n`);
      const [shown] = await json('list', kinds);
      assert.deepEqual([shown?.name, shown?.priority, shown?.['apply-to']], ['p', 2, 'queues']);
      const wrong = admin('declare', kind, 'name=q', 'pattern=', 'definition={"max-length": -1}');
      await assert.rejects(wrong, /-1 is not a valid maximum length/);
      assert.equal(await admin('delete', kind, 'name=p'), `${kind} deleted\n`);
      assert.deepEqual(await json('list', kinds), []);
      await assert.rejects(admin('delete', kind, 'name=p'), /Not found/);
    }
  });

  test('sets and clears limits and says why a parameter is refused', async () => {
    await admin('declare', 'vhost_limit', 'vhost=/', 'name=max-queues', 'value=10');
    assert.deepEqual(await json('list', 'vhost_limits'), [{ vhost: '/', value: { 'max-queues': 10 } }]);
    await admin('delete', 'vhost_limit', 'vhost=/', 'name=max-queues');
    assert.deepEqual(await json('list', 'vhost_limits'), []);
    const parameter = ['component=shovel', 'name=s', 'value={}'];
    await assert.rejects(admin('declare', 'parameter', ...parameter), /component shovel not found/);
    assert.deepEqual(await json('list', 'parameters'), []);
    await assert.rejects(admin('delete', 'parameter', 'component=shovel', 'name=s'), /Not found/);
  });

  test('shows what runs, and closes connections', async () => {
    const client = await busyClient(broker.port);
    const closed = new Promise((done) => client.once('close', done));
    assert.match(await admin('show', 'overview'), /rabbitmq_version.*\n.*\n.*3\.10\.8/);
    assert.match(await admin('list', 'nodes'), new RegExp(`leveret@${hostname()}`));
    assert.equal((await names('channels')).length, 2);
    assert.deepEqual(await names('consumers', 'consumer_tag'), ['busy consumer']);
    const [name] = await names('connections');
    assert.equal(await admin('close', 'connection', `name=${name}`), 'connection closed\n');
    assert.match(String(await closed), /CONNECTION_FORCED - Closed via management plugin/);
    assert.deepEqual(await names('connections'), []);
  });

  test('formats listings in all of its ways, with columns and sorting', async () => {
    for (const format of ['table', 'long', 'kvp', 'tsv', 'pretty_json', 'bash']) {
      const printed = await admin(
        `--format=${format}`,
        '--sort=name',
        '--sort-reverse',
        'list',
        'exchanges',
        'name',
        'type',
      );
      assert.match(printed, /amq\.topic/, format);
    }
  });

  test('exports definitions, and imports them into an empty broker', async () => {
    const file = join(directory, 'definitions.json');
    await admin('export', file);
    const exported = JSON.parse(readFileSync(file, 'utf8'));
    assert.deepEqual(
      exported.queues.map(({ name }: { name: string }) => name),
      ['new orders/1', 'live'],
    );
    exported.queues.push({ ...exported.queues[0], name: 'imported' });
    writeFileSync(file, JSON.stringify(exported));
    assert.match(await admin('import', file), /Uploaded definitions/);
    assert.ok((await names('queues')).includes('imported'));
  });
});
