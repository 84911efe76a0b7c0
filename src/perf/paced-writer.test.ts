import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { eventually } from '../../test/conformance/waiting.ts';
import { allocateSendTimes, SendTimes } from './confirm-tracker.ts';
import { LoadBoard, monotonicUs, slot } from './load-board.ts';
import { completeLoadOptions, type LoadOptions } from './load-options.ts';
import type { WorkerTask } from './load-worker.ts';
import { MessageRing } from './message-ring.ts';
import { PacedWriter } from './paced-writer.ts';

interface Written {
  readonly timeUs: number;
  readonly publisher: number;
  readonly sequence: number;
}

const FRAME_SIZE_MAX = 131_072;

/** Files in the place of sockets: what is written to them is there afterwards. */
function lanes(t: TestContext, options: LoadOptions) {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-paced-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return Array.from({ length: options.publishers }, (_, publisherId) => {
    const path = join(directory, String(publisherId));
    const fileDescriptor = openSync(path, 'w');
    t.after(() => closeSync(fileDescriptor));
    const connection = {
      publisherId,
      fileDescriptor,
      frameSizeMax: FRAME_SIZE_MAX,
      sendTimesMemory: allocateSendTimes(),
    };
    return { connection, written: () => stampsIn(readFileSync(path), options) };
  });
}

/** All messages of a run are of one size: that of a ring with one message. */
function stampsIn(bytes: Buffer, options: LoadOptions): Written[] {
  const size = new MessageRing(options, 0, FRAME_SIZE_MAX, 1).bytes.length;
  assert.equal(bytes.length % size, 0, 'whole messages only');
  return Array.from({ length: bytes.length / size }, (_, index) => {
    const at = (index + 1) * size - 1 - options.bodySizeBytes;
    return {
      timeUs: bytes.readDoubleBE(at),
      publisher: bytes.readUInt32BE(at + 8),
      sequence: bytes.readUInt32BE(at + 12),
    };
  });
}

test('messages carry the times they were due, evenly spaced, and publishers take turns', (t) => {
  const options = completeLoadOptions({ publishers: 2, count: 20, ratePerSecond: 10_000, bodySizeBytes: 16 });
  const board = new LoadBoard(2, 1);
  const both = lanes(t, options);
  new PacedWriter(
    options,
    board,
    both.map(({ connection }) => connection),
  ).run();
  const [first, second] = both.map(({ written }) => written());
  assert.deepEqual(
    first!.map(({ sequence }) => sequence),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
  const inTurn = first!.flatMap((message, index) => [message, second![index]!]);
  for (const [index, { timeUs, publisher }] of inTurn.entries()) {
    assert.equal(publisher, index % 2);
    assert.ok(Math.abs(timeUs - first![0]!.timeUs - 100 * index) < 0.01, `message ${index} was due at ${timeUs}`);
  }
  assert.equal(board.total(slot.published), 20);
});

test('messages that are to wait carry the time at which they went and their delay', (t) => {
  const options = completeLoadOptions({
    count: 10,
    ratePerSecond: 1_000_000,
    bodySizeBytes: 16,
    delay: { leastMs: 1000, mostMs: 1000 },
  });
  const [lane] = lanes(t, options);
  const beforeUs = monotonicUs();
  new PacedWriter(options, new LoadBoard(1, 1), [lane!.connection]).run();
  const afterUs = monotonicUs();
  const sentUs = lane!.written().map(({ timeUs }) => timeUs - 1e6);
  assert.equal(sentUs.length, 10);
  for (const timeUs of sentUs) assert.ok(timeUs >= beforeUs && timeUs <= afterUs, `${timeUs} of ${beforeUs}`);
  assert.ok(new Set(sentUs).size < 10, 'those of one write went at one time');
});

test('the send times of the confirms are those in the messages', (t) => {
  const options = completeLoadOptions({ count: 5, ratePerSecond: 100_000, bodySizeBytes: 16, confirmWindow: 100 });
  const [lane] = lanes(t, options);
  const board = new LoadBoard(1, 1);
  board.setPublisher(0, slot.oldestUnsettled, 1);
  new PacedWriter(options, board, [lane!.connection]).run();
  const sendTimes = new SendTimes(lane!.connection.sendTimesMemory);
  const written = lane!.written();
  assert.equal(written.length, 5);
  for (const { sequence, timeUs } of written) assert.equal(sendTimes.get(sequence), timeUs);
});

test('at the end of the confirm window it waits, goes on as confirms come, and ends when publishing stops', async (t) => {
  const options = completeLoadOptions({ ratePerSecond: 1_000_000, bodySizeBytes: 16, confirmWindow: 5 });
  const [lane] = lanes(t, options);
  const board = new LoadBoard(1, 1);
  board.setPublisher(0, slot.oldestUnsettled, 1);
  const task: WorkerTask = { role: 'pace', options, memory: board.memory, ids: [], paced: [lane!.connection] };
  // It blocks its thread, so it gets one of its own, as in a run.
  const worker = new Worker(new URL('./load-worker.ts', import.meta.url), { workerData: task });
  t.after(() => worker.terminate());
  const ended = once(worker, 'exit');
  const published = (count: number) => {
    return eventually(`${count} messages`, async () => board.publisher(0, slot.published) === count);
  };
  await published(5);
  board.setPublisher(0, slot.oldestUnsettled, 4);
  board.setPublisher(0, slot.confirmed, 3);
  await published(8);
  board.stopPublishing();
  assert.deepEqual(await ended, [0]);
  assert.equal(lane!.written().length, 8);
});

test('what a full socket did not take is written later, not torn when publishing stops', async (t) => {
  const options = completeLoadOptions({ ratePerSecond: 1_000_000, bodySizeBytes: 20_000 });
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  const [reader] = (await accepted) as [Socket];
  const board = new LoadBoard(1, 1);
  const fileDescriptor = (socket as unknown as { _handle: { fd: number } })._handle.fd;
  const connection = {
    publisherId: 0,
    fileDescriptor,
    frameSizeMax: FRAME_SIZE_MAX,
    sendTimesMemory: allocateSendTimes(),
  };
  const task: WorkerTask = { role: 'pace', options, memory: board.memory, ids: [], paced: [connection] };
  const worker = new Worker(new URL('./load-worker.ts', import.meta.url), { workerData: task });
  t.after(() => worker.terminate());
  const ended = once(worker, 'exit');
  let [published, polls] = [0, 0];
  await eventually('the socket to be full', async () => {
    const now = board.publisher(0, slot.published);
    polls = now === published && now > 0 ? polls + 1 : 0;
    published = now;
    return polls === 10;
  });
  board.stopPublishing();
  const chunks: Buffer[] = [];
  reader.on('data', (chunk: Buffer) => chunks.push(chunk)).resume();
  assert.deepEqual(await ended, [0]);
  const over = once(reader, 'end');
  socket.end();
  await over;
  const written = stampsIn(Buffer.concat(chunks), options);
  assert.equal(written.length, board.publisher(0, slot.published));
});
