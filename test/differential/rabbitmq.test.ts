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

test('a setting that RabbitMQ refuses is told with its log, and leaves nothing behind', { skip }, async () => {
  await assert.rejects(startRabbitMq({ config: ['no.such.setting = 1'] }), /while it started/);
  assert.deepEqual(readdirSync(temporary), []);
});
