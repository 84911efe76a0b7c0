/** Killed while journal files are being compacted: what a forgotten queue holds is there, and the disk is given back in the end. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConfirmChannel, connect } from 'amqplib';
import { BrokerProcess, OWN_ERROR } from './broker-process.ts';

const MESSAGES = 10_000;
const BODY_SIZE_BYTES = 1024;
/** Of so many one is forgotten: some in each page. */
const FORGOTTEN_OF = 100;
const KILLS = 6;
const DEADLINE_MS = 60_000;
const SMALL_FILES = ['journal_file_size = 1MiB', 'journal_compaction_interval = 50', 'message_memory_limit = 8MiB'];
/** A file takes about two seconds, so that the kill comes in its midst. */
const SLOW = [...SMALL_FILES, 'journal_compaction_rate = 512KiB'];

function newBroker(t: TestContext, dataDir: string, settings: readonly string[]): BrokerProcess {
  const broker = new BrokerProcess({ dataDir, settings });
  t.after(() => broker.kill());
  return broker;
}

async function withChannel<T>(broker: BrokerProcess, work: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
  const connection = await connect(broker.url);
  try {
    return await work(await connection.createConfirmChannel());
  } finally {
    await connection.close();
  }
}

/** Fills the journal with messages that are taken out again, all but some. @returns the numbers of those */
async function fill(broker: BrokerProcess): Promise<number[]> {
  const forgotten: number[] = [];
  await withChannel(broker, async (channel) => {
    for (const name of ['busy', 'forgotten']) await channel.assertQueue(name, { durable: true });
    for (let i = 0; i < MESSAGES; i++) {
      const isForgotten = i % FORGOTTEN_OF === 0;
      if (isForgotten) forgotten.push(i);
      const body = Buffer.from(`${i};`.padEnd(BODY_SIZE_BYTES, '.'));
      channel.sendToQueue(isForgotten ? 'forgotten' : 'busy', body, { persistent: true });
      if (i % 1000 === 999) await channel.waitForConfirms();
    }
    assert.equal((await channel.purgeQueue('busy')).messageCount, MESSAGES - forgotten.length);
  });
  return forgotten;
}

/** Looks into all that is there, and puts it back. */
function look(broker: BrokerProcess): Promise<number[]> {
  return withChannel(broker, async (channel) => {
    const found: number[] = [];
    for (let got = await channel.get('forgotten'); got !== false; got = await channel.get('forgotten')) {
      assert.equal(got.content.length, BODY_SIZE_BYTES);
      found.push(Number.parseInt(got.content.toString(), 10));
    }
    return found;
  });
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!holds()) {
    assert(performance.now() < deadline, `still waiting for ${what}`);
    await delay(10);
  }
}

function isCompacting(broker: BrokerProcess): boolean {
  return readdirSync(broker.journal).some((name) => name.endsWith('.journal.new'));
}

function allocatedBytes(broker: BrokerProcess): number {
  const files = readdirSync(broker.journal).filter((name) => name.endsWith('.journal'));
  return files.reduce(
    (sum, name) => sum + (statSync(join(broker.journal, name), { throwIfNoEntry: false })?.blocks ?? 0) * 512,
    0,
  );
}

test(`a kill in the midst of a compaction loses nothing, ${KILLS} times, and then the disk is given back`, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-compaction-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const dataDir = join(directory, 'data');
  mkdirSync(dataDir);
  const slow = newBroker(t, dataDir, SLOW);
  await slow.start();
  const forgotten = await fill(slow);
  const before = allocatedBytes(slow);
  assert(before > 8 * 1024 * 1024);
  for (let kill = 0; kill < KILLS; kill++) {
    await until('a compaction', () => isCompacting(slow));
    await slow.kill();
    await slow.start();
    assert.deepEqual(await look(slow), forgotten);
    assert.doesNotMatch(slow.stderr, OWN_ERROR);
  }
  await slow.kill();
  const fast = newBroker(t, dataDir, SMALL_FILES);
  await fast.start();
  await until('the disk to be given back', () => allocatedBytes(fast) < before / 4);
  assert.deepEqual(await look(fast), forgotten);
  await fast.kill();
  await fast.start();
  assert.deepEqual(await look(fast), forgotten);
  assert.doesNotMatch(fast.stderr, OWN_ERROR);
});
