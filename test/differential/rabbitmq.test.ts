import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isRabbitMqInstalled, startRabbitMq } from './rabbitmq.ts';
import { RawClient } from './raw-client.ts';

const skip = isRabbitMqInstalled() ? false : 'RabbitMQ is not installed';

// A directory for temporary files of this process alone, so that what another test keeps there is not counted.
const temporary = mkdtempSync(join(tmpdir(), 'leveret-'));
process.env.TMPDIR = temporary;
after(() => rmSync(temporary, { recursive: true }));

test('a RabbitMQ of a test takes clients as soon as it is given, and leaves nothing behind', { skip }, async () => {
  const rabbitMq = await startRabbitMq();
  const client = await RawClient.connect(rabbitMq.port);
  await client.open();
  await client.close();
  await rabbitMq.stop();
  await assert.rejects(RawClient.connect(rabbitMq.port), { code: 'ECONNREFUSED' });
  assert.deepEqual(readdirSync(temporary), []);
  for (const pid of rabbitMq.pids) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});

test('a RabbitMQ that is killed and started again has another process, and what was durable', { skip }, async () => {
  const rabbitMq = await startRabbitMq();
  const [before] = rabbitMq.pids;
  const client = await RawClient.connect(rabbitMq.port);
  await client.open();
  await client.call('queue.declare', { queue: 'kept', durable: true });
  await rabbitMq.restart();
  assert.notEqual(rabbitMq.pids[0], before);
  assert.throws(() => process.kill(before!, 0), { code: 'ESRCH' });
  const again = await RawClient.connect(rabbitMq.port);
  await again.open();
  await again.call('queue.declare', { queue: 'kept', passive: true });
  await again.close();
  await rabbitMq.stop();
});

test('a setting that RabbitMQ refuses is told with its log, and leaves nothing behind', { skip }, async () => {
  await assert.rejects(startRabbitMq({ config: ['no.such.setting = 1'] }), /while it started/);
  assert.deepEqual(readdirSync(temporary), []);
});
