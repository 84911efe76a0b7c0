/** Publishers outrun consumers: the backlog is on disk, the memory is what it was set to, and everything comes out in order. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../conformance/waiting.ts';
import { RawClient } from '../differential/raw-client.ts';
import { LeveretProcess } from './leveret-process.ts';
import { readyCount } from './limited-broker.ts';

const MIB = 1024 * 1024;
const BODY_SIZE = 16_384;
const COUNT = (128 * MIB) / BODY_SIZE;

/** Resident memory of a process in bytes, now or at its highest. */
async function memoryOf(pid: number, which: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return 1024 * Number(new RegExp(`^${which}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]);
}

/** Every other message is persistent; each begins with its number. */
function publish(client: RawClient, queue: string, number: number): void {
  const body = Buffer.alloc(BODY_SIZE);
  body.writeUInt32BE(number);
  client.publish({ routingKey: queue, properties: { deliveryMode: 1 + (number % 2) }, body });
}

test('a backlog of 128 MiB passes through a broker with 8 MiB for messages, in order', {
  timeout: 60_000,
}, async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'leveret-limits-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const leveret = LeveretProcess.start(t, '--port', '0', '--data-dir', dataDir, '--message-memory-bytes', '8MiB');
  const port = await leveret.port();
  const pid = leveret.child.pid as number;
  const client = await RawClient.connect(port);
  client.patienceMs = 20_000;
  await client.open();
  const idle = await memoryOf(pid, 'VmRSS');
  await client.call('queue.declare', { queue: 'backlog', durable: true });
  for (let number = 0; number < COUNT; number++) {
    publish(client, 'backlog', number);
    if (client.unsentBytes > 4 * MIB) await eventually('the broker to take it', async () => client.unsentBytes < MIB);
  }
  assert.equal(await readyCount(client, 'backlog'), COUNT);
  await client.openChannel(2);
  await client.channel(2).call('basic.qos', { prefetchCount: 100 });
  await client.channel(2).call('basic.consume', { queue: 'backlog' });
  for (let number = 0; number < COUNT; number++) {
    const { args, body } = await client.channel(2).expect('basic.deliver');
    assert.equal(body?.readUInt32BE(0), number);
    assert.equal(body?.length, BODY_SIZE);
    if (number % 50 === 49)
      client.channel(2).send('basic.ack', { deliveryTag: Number(args.deliveryTag), multiple: true });
  }
  const grown = (await memoryOf(pid, 'VmHWM')) - idle;
  assert.ok(grown < 64 * MIB, `the broker grew by ${Math.round(grown / MIB)} MiB`);
  await client.close();
  leveret.child.kill('SIGTERM');
  assert.equal((await leveret.ended).exit, 0);
});
