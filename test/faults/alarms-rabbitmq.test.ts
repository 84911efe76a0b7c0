/** What clients are told of alarms, and what is shown of them, by RabbitMQ and by Leveret: the same, word for word. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { startBroker } from '../../src/broker.ts';
import { eventually } from '../conformance/waiting.ts';
import { isRabbitMqInstalled, type RabbitMq, startRabbitMq } from '../differential/rabbitmq.ts';
import { RawClient } from '../differential/raw-client.ts';

const RABBITMQCTL = '/usr/lib/rabbitmq/bin/rabbitmqctl';
const NAMES = ['first', 'second', 'third', 'idle'] as const;

/** A broker that can be made short of memory and disk. */
interface Alarmable {
  readonly port: number;
  readonly managementUrl: string;
  setMemory(isShort: boolean): Promise<unknown>;
  setDisk(isShort: boolean): Promise<unknown>;
}

async function rabbitMq(t: TestContext): Promise<Alarmable> {
  // Its listings are as old as this.
  const started = await startRabbitMq({ management: true, config: ['collect_statistics_interval = 500'] });
  t.after(() => started.stop());
  const ctl = await controlOf(started);
  return {
    port: started.port,
    managementUrl: `http://127.0.0.1:${started.managementPort}`,
    setMemory: (isShort) => ctl('set_vm_memory_high_watermark', isShort ? '0.0001' : '0.99'),
    setDisk: (isShort) => ctl('set_disk_free_limit', isShort ? '1000000GB' : '0'),
  };
}

/** rabbitmqctl for a node that is not the machine's: with the cookie and the port mapper that the node was given. */
async function controlOf({ nodeName, pids }: RabbitMq) {
  const lines = (await readFile(`/proc/${pids[0]}/environ`, 'utf8')).split('\0').filter((line) => line.includes('='));
  const env = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  return (...args: string[]) => promisify(execFile)(RABBITMQCTL, ['-n', nodeName, '-q', ...args], { env });
}

async function leveret(t: TestContext): Promise<Alarmable> {
  const dataDir = await mkdtemp(join(tmpdir(), 'leveret-alarms-'));
  const broker = await startBroker({ port: 0, dataDir, logLevel: 'none', management: { port: 0 } });
  t.after(async () => {
    await broker.stop();
    await rm(dataDir, { recursive: true });
  });
  return {
    port: broker.port,
    managementUrl: broker.managementUrl!,
    setMemory: async (isShort) => broker.setMemoryHighWatermark({ relative: isShort ? 0.0001 : 0.99 }),
    setDisk: (isShort) => broker.setDiskFreeLimit({ absolute: isShort ? 1e15 : 0 }),
  };
}

interface Health {
  readonly status: string;
  readonly reason?: string;
  readonly alarms?: readonly { readonly node: string; readonly resource: string }[];
}

interface ShownConnection {
  readonly client_properties: { readonly product: string };
  readonly state: string;
}

/** Says the same to each of the two, and gives what came back. */
class Session {
  readonly #broker: Alarmable;
  readonly #clients = new Map<string, RawClient>();
  readonly transcript: string[] = [];

  constructor(broker: Alarmable) {
    this.#broker = broker;
  }

  async open(name: string): Promise<void> {
    const client = await RawClient.connect(this.#broker.port);
    this.#clients.set(name, client);
    await client.open({ clientProperties: { product: name, capabilities: { 'connection.blocked': true } } });
    await client.openChannel(2);
  }

  /** Resolves when the node says that it is so: the command may be done before. */
  async set(what: 'Memory' | 'Disk', isShort: boolean): Promise<void> {
    await this.#broker[`set${what}`](isShort);
    const resource = what === 'Memory' ? 'memory' : 'disk space';
    await eventually(`the alarm of ${resource}`, async () => {
      const { alarms = [] } = await this.#get<Health>('health/checks/local-alarms');
      return alarms.some((alarm) => alarm.resource === resource) === isShort;
    });
    this.transcript.push(`${what.toLowerCase()} is ${isShort ? '' : 'not '}short`);
  }

  /** Publishes, and waits until it is told that it is blocked. */
  async publishBlocked(name: string): Promise<void> {
    const client = this.#clients.get(name)!;
    client.publish({ routingKey: 'nowhere', body: 'x' });
    const { name: method, args } = await client.channel(0).read();
    this.transcript.push(`${name}: ${method} ${args.reason ?? ''}`);
  }

  async expectUnblocked(name: string): Promise<void> {
    const { name: method } = await this.#clients.get(name)!.channel(0).read();
    this.transcript.push(`${name}: ${method}`);
  }

  /** What else was told to anybody. */
  noteTold(): void {
    for (const [name, client] of this.#clients) {
      for (; client.channelsWithFrames().includes(0); ) {
        const { name: method, args } = client.takeQueued(0)!;
        this.transcript.push(`${name}: ${method} ${args.reason ?? ''}`);
      }
    }
  }

  async noteStates(states: Readonly<Record<string, string>>): Promise<void> {
    let seen: Record<string, unknown> = {};
    await eventually(`the states ${JSON.stringify(states)}`, async () => {
      const connections = await this.#get<ShownConnection[]>('connections');
      seen = Object.fromEntries(connections.map(({ client_properties: own, state }) => [own.product, state]));
      return Object.entries(states).every(([name, state]) => seen[name] === state);
    }).catch((error: Error) => assert.fail(`${error.message}, last seen ${JSON.stringify(seen)}`));
    this.transcript.push(`states: ${JSON.stringify(states)}`);
  }

  /** Health checks as they are answered; the node's name is its own, and the order of alarms means nothing. */
  async noteHealth(): Promise<void> {
    for (const check of ['alarms', 'local-alarms']) {
      const { status, reason, alarms = [], ...others } = await this.#get<Health>(`health/checks/${check}`);
      assert.deepEqual(others, {});
      const resources = alarms.map(({ resource }) => resource).sort();
      this.transcript.push(`${check}: ${status} ${reason ?? ''} ${resources}`);
    }
  }

  async #get<T>(path: string): Promise<T> {
    const authorization = `Basic ${Buffer.from('guest:guest').toString('base64')}`;
    const answer = await fetch(`${this.#broker.managementUrl}/api/${path}`, { headers: { authorization } });
    return (await answer.json()) as T;
  }

  end(): void {
    for (const client of this.#clients.values()) client.abort();
  }
}

async function play(broker: Alarmable): Promise<string[]> {
  const session = new Session(broker);
  try {
    for (const name of NAMES) await session.open(name);
    await session.noteHealth();
    await session.set('Memory', true);
    await session.noteStates({ first: 'blocking', second: 'blocking', third: 'blocking', idle: 'blocking' });
    await session.noteHealth();
    await session.publishBlocked('first');
    await session.open('late');
    await session.publishBlocked('late');
    await session.set('Disk', true);
    await session.noteStates({ first: 'blocked', second: 'blocking', late: 'blocked', idle: 'blocking' });
    await session.noteHealth();
    await session.publishBlocked('second');
    await session.set('Memory', false);
    await session.noteStates({ first: 'blocked', second: 'blocked', third: 'blocking', idle: 'blocking' });
    await session.publishBlocked('third');
    session.noteTold();
    await session.set('Disk', false);
    for (const name of ['first', 'second', 'third', 'late']) await session.expectUnblocked(name);
    await session.noteStates({ first: 'running', second: 'running', third: 'running', idle: 'running' });
    await session.noteHealth();
    session.noteTold();
    return session.transcript;
  } finally {
    session.end();
  }
}

test('clients are told of alarms, and connections are shown, as by RabbitMQ', { timeout: 120_000 }, async (t) => {
  if (!isRabbitMqInstalled()) return t.skip('rabbitmq-server is not installed');
  const expected = await play(await rabbitMq(t));
  assert.ok(expected.includes('first: connection.blocked low on memory'), expected.join('\n'));
  assert.ok(expected.includes('second: connection.blocked low on disk & memory'), expected.join('\n'));
  assert.deepEqual(await play(await leveret(t)), expected);
});
