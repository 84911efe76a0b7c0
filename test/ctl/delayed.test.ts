/** What an operator does with delayed messages by `leveretctl`: on a broker with a disk, and over a restart. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ConfirmChannel, connect } from 'amqplib';
import { type Broker, startBroker } from '../../src/broker.ts';
import { eventually } from '../conformance/waiting.ts';
import { leveretctl } from './leveretctl.ts';
import type { Outcome } from './transcript.ts';

const NODE = 'leveret@localhost';
const HOUR_MS = 3600_000;

class Operated {
  readonly #directory = mkdtempSync(join(tmpdir(), 'leveret-ctl-'));
  broker!: Broker;
  channel!: ConfirmChannel;

  async start(): Promise<void> {
    this.broker = await startBroker({
      port: 0,
      dataDir: join(this.#directory, 'data'),
      logLevel: 'none',
      nodeName: NODE,
      controlSocket: { path: join(this.#directory, `${NODE}.sock`) },
      delayedSegmentBytes: 65536,
    });
    this.channel = await (await connect(this.broker.url)).createConfirmChannel();
  }

  call(...words: readonly string[]): Promise<Outcome> {
    return leveretctl(NODE, this.broker.controlSocket!, this.broker.port).run(words, '');
  }

  /** What is printed, without the line that says what is being done. */
  async printed(...words: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.call('--quiet', ...words);
    assert.deepEqual([exitCode, stderr], [0, ''], words.join(' '));
    return stdout.trimEnd();
  }

  async json<T>(...words: readonly string[]): Promise<T[]> {
    return JSON.parse(await this.printed(...words, '--formatter', 'json')) as T[];
  }

  async fill(exchange: string, count: number): Promise<void> {
    await this.channel.assertExchange(exchange, 'x-delayed-message', { arguments: { 'x-delayed-type': 'topic' } });
    await this.channel.assertQueue('all');
    await this.channel.bindQueue('all', exchange, '#');
    for (let n = 0; n < count; n++) {
      const headers = { 'x-delay': HOUR_MS + n * 1000, parity: n % 2 === 0 ? 'even' : 'odd' };
      this.channel.publish(exchange, `order.${n}`, Buffer.alloc(1000, `${n} `), { headers, persistent: true });
    }
    await this.channel.waitForConfirms();
  }

  async stop(): Promise<void> {
    await this.broker.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

async function operated(t: TestContext): Promise<Operated> {
  const node = new Operated();
  await node.start();
  t.after(() => node.stop());
  return node;
}

interface Shown {
  readonly id: string;
  readonly due_at: string;
  readonly routing_key: string;
}

test('what waits is listed to its end, by the columns and of the messages that are asked for', async (t) => {
  const node = await operated(t);
  await node.fill('later', 1100);
  const all = await node.json<Shown>('list_delayed', 'later');
  assert.deepEqual(
    all.map(({ routing_key }) => routing_key),
    Array.from({ length: 1100 }, (_, n) => `order.${n}`),
    'more than a page',
  );
  assert.equal(
    await node.printed('list_delayed', 'later', 'routing_key', 'headers', '--routing-key', 'order.7'),
    'routing_key\theaders\norder.7\t[{"x-delay",3607000},{"parity","odd"}]',
  );
  const range = ['--due-from', all[10]!.due_at, '--due-until', String(Date.parse(all[20]!.due_at))];
  const odd = await node.printed(
    'list_delayed',
    'later',
    'routing_key',
    ...range,
    '--headers',
    '{"parity":"odd"}',
    '-s',
  );
  assert.equal(odd, ['order.11', 'order.13', 'order.15', 'order.17', 'order.19'].join('\n'));
});

test('messages are looked at, cancelled and released, and it stays so over a restart', async (t) => {
  const node = await operated(t);
  await node.fill('later', 200);
  const all = await node.json<Shown>('list_delayed', 'later');
  const [shown] = await node.json<Record<string, unknown>>('get_delayed', 'later', all[3]!.id, '--truncate', '3');
  const { published_at, ...rest } = shown!;
  assert.equal(Date.parse(all[3]!.due_at) - Date.parse(String(published_at)), HOUR_MS + 3000);
  assert.deepEqual(rest, {
    ...all[3],
    exchange: 'later',
    headers: { 'x-delay': HOUR_MS + 3000, parity: 'odd' },
    properties: { delivery_mode: 2 },
    payload_bytes: 1000,
    payload_encoding: 'string',
    payload: '3 3',
  });
  assert.equal(
    await node.printed('cancel_delayed', 'later', all[0]!.id, all[1]!.id, all[1]!.id),
    'Cancelled 2 messages',
  );
  assert.equal(await node.printed('cancel_delayed', 'later', '--routing-key', 'order.2'), 'Cancelled 1 message');
  assert.equal(await node.printed('release_delayed', 'later', all[4]!.id), 'Released 1 message');
  const early = all[50]!.due_at;
  assert.equal(await node.printed('release_delayed', 'later', '--due-until', early), 'Released 46 messages');
  await node.broker.stop();
  await node.start();
  assert.equal((await node.channel.checkQueue('all')).messageCount, 47);
  const [status] = await node.json('delayed_status');
  assert.deepEqual(status, { vhost: '/', name: 'later', messages_delayed: 150, next_due_at: early });
  assert.equal(await node.printed('release_delayed', 'later', '--headers', '{"parity":"odd"}'), 'Released 75 messages');
  assert.equal(await node.printed('purge_delayed', 'later'), 'Cancelled 75 messages');
  assert.equal(
    await node.printed('delayed_status', 'name', 'messages_delayed', 'released', 'cancelled', 'next_due_at'),
    'name\tmessages_delayed\treleased\tcancelled\tnext_due_at\nlater\t0\t75\t75',
  );
  await node.fill('later', 5);
  assert.equal(await node.printed('release_delayed', 'later', '--all'), 'Released 5 messages');
});

test('dead letters that wait are those of amq.default', async (t) => {
  const node = await operated(t);
  assert.deepEqual(await node.json('delayed_status'), []);
  const definition = '{"dead-letter-exchange":"","dead-letter-delays":["1h"]}';
  await node.printed('set_policy', 'retries', '^work$', definition, '--apply-to', 'queues');
  await node.channel.assertQueue('work');
  for (const body of ['one', 'two', 'three']) node.channel.sendToQueue('work', Buffer.from(body), { messageId: body });
  await node.channel.waitForConfirms();
  const { consumerTag } = await node.channel.consume('work', (message) => node.channel.reject(message!, false));
  const listed = () => node.call('--quiet', 'list_delayed', 'amq.default', 'payload_bytes', 'routing_key', '-s');
  await eventually('all to wait', async () => (await listed()).stdout === '3\twork\n3\twork\n5\twork\n');
  await node.channel.cancel(consumerTag);
  const [first, second] = await node.json<Shown>('list_delayed', 'amq.default');
  const [shown] = await node.json<{ payload: string }>('get_delayed', 'amq.default', second!.id);
  assert.equal(shown!.payload, 'two');
  const [status] = await node.json('delayed_status');
  assert.deepEqual(status, { vhost: '/', name: 'amq.default', messages_delayed: 3, next_due_at: first!.due_at });
  assert.equal(await node.printed('cancel_delayed', 'amq.default', second!.id), 'Cancelled 1 message');
  assert.equal(await node.printed('release_delayed', 'amq.default', first!.id), 'Released 1 message');
  assert.equal(await node.printed('purge_delayed', 'amq.default'), 'Cancelled 1 message');
  const left = await node.channel.get('work', { noAck: true });
  assert(left !== false);
  assert.deepEqual([left.properties.messageId, left.properties.headers!['x-delay']], ['one', -HOUR_MS]);
});

test('what is not there, what is not said and what makes no sense is told', async (t) => {
  const node = await operated(t);
  await node.fill('later', 1);
  for (const [line, exitCode, text] of [
    ['list_delayed none', 69, "there is no exchange 'none' in vhost '/'"],
    ['purge_delayed none', 69, "there is no exchange 'none' in vhost '/'"],
    ['cancel_delayed none 1-8', 69, "there is no exchange 'none' in vhost '/'"],
    ['get_delayed later 1-8', 69, "no message 1-8 waits in exchange 'later' in vhost '/'"],
    ['purge_delayed amq.topic', 69, "exchange 'amq.topic' delays nothing"],
    ['list_delayed amq.default', 69, "exchange 'amq.default' delays nothing"],
    ['cancel_delayed later', 64, 'say which messages: ids, --routing-key'],
    ['release_delayed later', 64, 'or --all'],
    ['release_delayed later --all --routing-key x', 64, 'choose one'],
    ['cancel_delayed later 1-8 --routing-key x', 64, 'choose one'],
    ['list_delayed later --due-from soon', 65, "'soon' is no time"],
    ['list_delayed later --headers x', 69, 'JSON decoding error'],
    ['list_delayed later nothing', 64, 'Info key(s) nothing are not supported'],
  ] as const) {
    const outcome = await node.call(...line.split(' '));
    assert.equal(outcome.exitCode, exitCode, `${line}: ${outcome.stderr}`);
    assert.ok(outcome.stderr.includes(text), `${line}: ${outcome.stderr}`);
  }
  assert.equal(await node.printed('cancel_delayed', 'later', '1-8'), 'Cancelled 0 messages');
  const [status] = await node.json<{ messages_delayed: number }>('delayed_status');
  assert.equal(status!.messages_delayed, 1);
});
