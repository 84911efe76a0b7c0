/** Kills while journal files are being compacted: what a forgotten queue holds is there, and the disk is given back in the end. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConfirmChannel, connect } from 'amqplib';
import { BrokerProcess, OWN_ERROR } from './broker-process.ts';

const MESSAGES = 10_000;
const BODY_SIZE_BYTES = 1024;
/** Of so many one is forgotten: some in each page. */
const FORGOTTEN_OF = 100;
const DEADLINE_MS = 60_000;
/** After the compaction was seen. */
const LONGEST_WAIT_MS = 500;
/** Before all is compacted. */
const KILLS_A_FILL = 5;
const SMALL_FILES = ['journal_file_size = 1MiB', 'journal_compaction_interval = 50', 'message_memory_limit = 8MiB'];
/** A file takes about half a second, so that the kill comes in its midst, or behind some that have come to their end. */
const SLOW = [...SMALL_FILES, 'journal_compaction_rate = 2MiB'];

export interface CompactionKillsOptions {
  /** An empty directory. */
  readonly directory: string;
  readonly kills: number;
  readonly onKill?: (kill: number) => void;
}

/** What the journal takes on the disk: what was written in all, before anything was compacted, and what is left of it. */
export interface CompactionKillsReport {
  readonly beforeBytes: number;
  readonly afterBytes: number;
}

/** @throws AssertionError when something is lost, or the disk is not given back */
export async function runCompactionKills(options: CompactionKillsOptions): Promise<CompactionKillsReport> {
  const dataDir = join(options.directory, 'data');
  mkdirSync(dataDir);
  const slow = new BrokerProcess({ dataDir, settings: SLOW });
  const fast = new BrokerProcess({ dataDir, settings: SMALL_FILES });
  try {
    await slow.start();
    const forgotten = await fill(slow);
    const beforeBytes = allocatedBytes(slow);
    await killAndLook(slow, forgotten, options);
    await slow.kill();
    await fast.start();
    await until('the disk to be given back', () => allocatedBytes(fast) < mostBytes(forgotten));
    const afterBytes = allocatedBytes(fast);
    assert.deepEqual(await look(fast), forgotten);
    await fast.kill();
    await fast.start();
    assert.deepEqual(await look(fast), forgotten);
    assert.doesNotMatch(fast.stderr, OWN_ERROR);
    return { beforeBytes: beforeBytes * (1 + Math.floor(options.kills / KILLS_A_FILL)), afterBytes };
  } finally {
    await slow.kill();
    await fast.kill();
  }
}

/** Each kill comes in the midst of a compaction; when all is compacted, there is something new to forget. */
async function killAndLook(broker: BrokerProcess, forgotten: number[], options: CompactionKillsOptions): Promise<void> {
  for (let kill = 1; kill <= options.kills; kill++) {
    await until('a compaction', () => isCompacting(broker));
    await delay(Math.random() * LONGEST_WAIT_MS);
    await broker.kill();
    await broker.start();
    assert.deepEqual(await look(broker), forgotten);
    assert.doesNotMatch(broker.stderr, OWN_ERROR);
    if (kill % KILLS_A_FILL === 0) forgotten.push(...(await fill(broker)));
    options.onKill?.(kill);
  }
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

/** Sectors of what is kept, and the files that are written or were not looked at yet. */
function mostBytes(forgotten: readonly number[]): number {
  return forgotten.length * 12 * 1024 + 3 * 1024 * 1024;
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
