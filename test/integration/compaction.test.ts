/** One forgotten message in each journal file keeps itself on the disk, and not the file. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'amqplib';
import { startBroker } from '../../src/broker.ts';

const FILES = 8;
const MESSAGES_A_FILE = 16;
const BODY_SIZE_BYTES = 64 * 1024;
const DEADLINE_MS = 60_000;

test('a forgotten queue with a message in each journal file does not keep the files on the disk', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'leveret-compaction-'));
  t.after(() => rmSync(dataDir, { recursive: true }));
  const options = {
    port: 0,
    dataDir,
    journalFileBytes: 1024 * 1024,
    compaction: { intervalMs: 20 },
    logLevel: 'none',
  } as const;
  const broker = await startBroker(options);
  const connection = await connect(broker.url);
  const channel = await connection.createConfirmChannel();
  for (const name of ['busy', 'forgotten']) await channel.assertQueue(name, { durable: true });
  for (let i = 0; i < FILES * MESSAGES_A_FILE; i++) {
    const queue = i % MESSAGES_A_FILE === 0 ? 'forgotten' : 'busy';
    channel.sendToQueue(queue, Buffer.alloc(BODY_SIZE_BYTES, String(i)), { persistent: true });
    if (queue === 'forgotten') await channel.waitForConfirms();
  }
  await channel.waitForConfirms();
  await channel.purgeQueue('busy');
  const kept = FILES * BODY_SIZE_BYTES;
  const deadline = performance.now() + DEADLINE_MS;
  // The file that is being written is not compacted.
  while (allocatedBytes(dataDir) > 2 * kept + options.journalFileBytes) {
    assert(performance.now() < deadline, `${allocatedBytes(dataDir)} bytes of disk are taken for ${kept}`);
    await delay(10);
  }
  await connection.close();
  await broker.stop();
  const again = await startBroker(options);
  t.after(() => again.stop());
  const reader = await connect(again.url);
  const reading = await reader.createChannel();
  for (let file = 0; file < FILES; file++) {
    const got = await reading.get('forgotten', { noAck: true });
    assert(got !== false && got.content.equals(Buffer.alloc(BODY_SIZE_BYTES, String(file * MESSAGES_A_FILE))));
  }
  assert.deepEqual(again.damage, []);
  await reader.close();
});

function allocatedBytes(dataDir: string): number {
  const journal = join(dataDir, 'journal');
  const files = readdirSync(journal).filter((name) => name.endsWith('.journal'));
  return files.reduce(
    (sum, name) => sum + (statSync(join(journal, name), { throwIfNoEntry: false })?.blocks ?? 0) * 512,
    0,
  );
}
