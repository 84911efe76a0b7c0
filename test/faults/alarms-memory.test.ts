/** A broker in memory has nowhere to move messages to: the watermark is what bounds it, and the alarm clears when they are gone. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../conformance/waiting.ts';
import { RawClient } from '../differential/raw-client.ts';
import { LeveretProcess } from '../integration/leveret-process.ts';

const MIB = 1024 * 1024;
const WATERMARK = 256 * MIB;
const BODY_SIZE = 16_384;
const UNSENT_MAX = MIB;
/** Far more than fits below the watermark. */
const COUNT_MAX = (1024 * MIB) / BODY_SIZE;

test('publishers that outrun consumers are blocked close to the watermark, and go on when the backlog is consumed', {
  timeout: 60_000,
}, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'leveret-alarms-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const config = join(directory, 'rabbitmq.conf');
  await writeFile(config, `vm_memory_high_watermark.absolute = ${WATERMARK}\nmemory_monitor_interval = 500\n`);
  const leveret = LeveretProcess.start(t, '--port', '0', '--memory', '--config', config);
  const port = await leveret.port();
  const publisher = await RawClient.connect(port);
  await publisher.open();
  await publisher.call('queue.declare', { queue: 'backlog' });
  const body = Buffer.alloc(BODY_SIZE);
  let count = 0;
  for (; count < COUNT_MAX && publisher.channelsWithFrames().length === 0; count++) {
    publisher.publish({ routingKey: 'backlog', body });
    const canGoOn = async () => publisher.unsentBytes < UNSENT_MAX || publisher.channelsWithFrames().length > 0;
    if (publisher.unsentBytes >= UNSENT_MAX) await eventually('the broker to read, or to block', canGoOn);
  }
  assert.equal((await publisher.channel(0).expect('connection.blocked')).args.reason, 'low on memory');
  const status = await readFile(`/proc/${leveret.child.pid}/status`, 'utf8');
  const peak = 1024 * Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]);
  assert.ok(peak > 0 && peak < WATERMARK + 128 * MIB, `the broker took ${Math.round(peak / MIB)} MiB`);

  const consumer = await RawClient.connect(port);
  await consumer.open();
  await consumer.call('basic.consume', { queue: 'backlog', noAck: true });
  for (let number = 0; number < count; number++) {
    assert.equal((await consumer.expect('basic.deliver')).body?.length, BODY_SIZE);
  }
  assert.equal((await publisher.channel(0).expect('connection.unblocked')).name, 'connection.unblocked');
  for (const client of [publisher, consumer]) await client.close();
  leveret.child.kill('SIGTERM');
  assert.equal((await leveret.ended).exit, 0);
});
