/**
 * Writes that the system fails, injected into the real system calls of a real broker by strace: nothing is confirmed that was
 * not written, whoever waits is answered once writes succeed again.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { eventually, withDeadline } from '../conformance/waiting.ts';
import { BrokerProcess } from './broker-process.ts';

const QUEUE = 'on a failing disk';
/** A broker under strace is slow. */
const DEADLINE_MS = 60_000;

/** @returns why strace cannot be used here, or null. @throws Error in CI, where nothing is left out */
function whyNoStrace(): string | null {
  const { status, stderr, error } = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true'], { encoding: 'utf8' });
  if (status === 0) return null;
  const reason = error?.message ?? stderr.trim();
  if (process.env.CI) throw new Error(`strace cannot be used: ${reason}`);
  return `strace cannot be used here: ${reason}`;
}

const skip = whyNoStrace() ?? false;

/**
 * A broker whose journal writes fail.
 * @param when strace's words for which of them; it counts in each thread, so there is one that writes
 */
async function startFailing(
  t: TestContext,
  error: string,
  when: string,
): Promise<{ broker: BrokerProcess; dataDir: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-disk-errors-'));
  const dataDir = join(directory, 'data');
  mkdirSync(dataDir);
  const journal = join(dataDir, 'journal', '000000000000.journal');
  const calls = 'write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync';
  const inject = `inject=${calls}:error=${error}:when=${when}`;
  const traced = ['-f', '-qq', '-o', '/dev/null', '-P', journal, '-e', `trace=${calls}`, '-e', inject];
  const wrapper = ['strace', ...traced, '-E', 'UV_THREADPOOL_SIZE=1'];
  const broker = new BrokerProcess({ dataDir, wrapper });
  t.after(async () => {
    await broker.kill();
    rmSync(directory, { recursive: true });
  });
  await broker.start();
  return { broker, dataDir };
}

async function open(broker: BrokerProcess): Promise<{ connection: ChannelModel; channel: ConfirmChannel }> {
  const connection = await connect(broker.url);
  connection.on('error', () => {});
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  await channel.assertQueue(QUEUE, { durable: true });
  return { connection, channel };
}

/** Publishes one message after the other, each as soon as the one before it is confirmed. */
function publishOneByOne(channel: ConfirmChannel): { readonly confirmed: number[]; stop(): void } {
  const confirmed: number[] = [];
  let isStopped = false;
  const next = (number: number): void => {
    if (isStopped) return;
    channel.sendToQueue(QUEUE, Buffer.from(String(number)), { persistent: true }, (error) => {
      if (error !== null) return;
      confirmed.push(number);
      next(number + 1);
    });
  };
  next(0);
  return {
    confirmed,
    stop: () => {
      isStopped = true;
    },
  };
}

async function bodies(broker: BrokerProcess): Promise<number[]> {
  const { connection, channel } = await open(broker);
  const numbers: number[] = [];
  for (let message = await channel.get(QUEUE); message !== false; message = await channel.get(QUEUE)) {
    numbers.push(Number(message.content));
  }
  await connection.close();
  return numbers;
}

for (const error of ['EIO', 'ENOSPC']) {
  test(`while every write fails with ${error} nothing is confirmed, and what was before is there after kill -9`, {
    skip,
  }, async (t) => {
    const { broker, dataDir } = await startFailing(t, error, '8+');
    const { connection, channel } = await open(broker);
    const blocked = once(connection, 'blocked');
    const { confirmed } = publishOneByOne(channel);
    const [reason] = await withDeadline('connection.blocked', blocked, DEADLINE_MS);
    assert.equal(String(reason), 'low on disk');
    await eventually('the reason in the log', async () =>
      broker.stderr.includes(`the journal cannot be written (${error})`),
    );
    // What was confirmed before may still be on its way: behind the answer to a request it is there.
    await connection.createChannel();
    assert(confirmed.length > 0);
    const { length } = confirmed;
    // Several attempts later, still nothing.
    await new Promise((next) => setTimeout(next, 1000));
    assert.equal(confirmed.length, length);
    await broker.kill();
    const after = new BrokerProcess({ dataDir });
    t.after(() => after.kill());
    await after.start();
    const there = await bodies(after);
    assert.deepEqual(there.slice(0, length), confirmed);
    assert(there.length <= length + 1, 'beside the one that was not confirmed');
  });
}

test('who waits while writes fail is answered once they succeed, and nothing is lost or doubled', {
  skip,
}, async (t) => {
  const { broker, dataDir } = await startFailing(t, 'EIO', '5..9');
  const { connection, channel } = await open(broker);
  const blocked = once(connection, 'blocked');
  const unblocked = once(connection, 'unblocked');
  const publisher = publishOneByOne(channel);
  await withDeadline('connection.blocked', blocked, DEADLINE_MS);
  const { length } = publisher.confirmed;
  await withDeadline('connection.unblocked', unblocked, DEADLINE_MS);
  await eventually('more confirms', async () => publisher.confirmed.length > length + 20);
  publisher.stop();
  await eventually('the last confirm', async () => {
    const count = publisher.confirmed.length;
    await channel.checkQueue(QUEUE);
    return publisher.confirmed.length === count;
  });
  await broker.kill();
  const after = new BrokerProcess({ dataDir });
  t.after(() => after.kill());
  await after.start();
  const there = await bodies(after);
  assert.deepEqual(there.slice(0, publisher.confirmed.length), publisher.confirmed);
  assert(there.length <= publisher.confirmed.length + 1);
});
