/**
 * A thread of a load run: publishers, consumers, or the clock of a fixed rate. Publishers and consumers never share a thread, so
 * that neither waits for the other's loop.
 */

import { parentPort, Worker, workerData } from 'node:worker_threads';
import { Consumer, type ConsumerResult } from './consumer.ts';
import { ReadBuffer } from './frame-scanner.ts';
import { type BoardMemory, LoadBoard } from './load-board.ts';
import type { LoadOptions } from './load-options.ts';
import { type PacedConnection, PacedWriter } from './paced-writer.ts';
import { Publisher, type PublisherResult } from './publisher.ts';

export type WorkerOrder =
  | { readonly type: 'begin' }
  | { readonly type: 'stop'; readonly abandon: boolean }
  | { readonly type: 'close' };

export type WorkerEvent =
  | { readonly type: 'connected' }
  | { readonly type: 'subscribed' }
  | { readonly type: 'finished' }
  | { readonly type: 'published'; readonly results: PublisherResult[] }
  | { readonly type: 'consumed'; readonly results: ConsumerResult[] }
  | { readonly type: 'failed'; readonly reason: string };

export interface WorkerTask {
  readonly role: 'publish' | 'consume' | 'pace';
  readonly options: LoadOptions;
  readonly memory: BoardMemory;
  /** Numbers of the connections that are this thread's. */
  readonly ids: readonly number[];
  /** With `pace`: where to write. */
  readonly paced: readonly PacedConnection[];
}

class PublisherThread {
  readonly #task: WorkerTask;
  readonly #board: LoadBoard;
  #publishers: Publisher[] = [];
  #pacer: Worker | null = null;

  constructor(task: WorkerTask, board: LoadBoard) {
    this.#task = task;
    this.#board = board;
  }

  async connect(): Promise<void> {
    const readBuffer = new ReadBuffer();
    for (const id of this.#task.ids) {
      this.#publishers.push(await Publisher.open(id, this.#task.options, this.#board, readBuffer));
    }
    report({ type: 'connected' });
  }

  begin(): void {
    const runs = this.#publishers.map((publisher) => publisher.run());
    if (this.#task.options.ratePerSecond > 0) this.#startPacer();
    Promise.all(runs).then(() => report({ type: 'finished' }), fail);
  }

  stop(abandon: boolean): void {
    // A pacer ends by itself when publishing stops, and only then is it known what was published.
    if (this.#pacer && !abandon) return;
    for (const publisher of this.#publishers) publisher.stop(abandon);
  }

  async close(): Promise<void> {
    const results: PublisherResult[] = [];
    for (const publisher of this.#publishers) results.push(await publisher.close());
    report({ type: 'published', results });
  }

  #startPacer(): void {
    const paced = this.#publishers.map((publisher) => ({
      publisherId: publisher.id,
      fileDescriptor: publisher.fileDescriptor,
      frameSizeMax: publisher.frameSizeMax,
      sendTimesMemory: publisher.sendTimesMemory,
    }));
    const workerData: WorkerTask = { ...this.#task, role: 'pace', paced };
    this.#pacer = new Worker(new URL(import.meta.url), { workerData });
    this.#pacer.on('error', fail);
    this.#pacer.on('exit', () => {
      this.#pacer = null;
      this.stop(false);
    });
  }
}

class ConsumerThread {
  readonly #task: WorkerTask;
  readonly #board: LoadBoard;
  #consumers: Consumer[] = [];

  constructor(task: WorkerTask, board: LoadBoard) {
    this.#task = task;
    this.#board = board;
  }

  async connect(): Promise<void> {
    const readBuffer = new ReadBuffer();
    for (const id of this.#task.ids) {
      this.#consumers.push(await Consumer.open(id, this.#task.options, this.#board, readBuffer));
    }
    report({ type: 'connected' });
  }

  begin(): void {
    Promise.all(this.#consumers.map((consumer) => consumer.subscribe(fail))).then(
      () => report({ type: 'subscribed' }),
      fail,
    );
  }

  stop(): void {}

  async close(): Promise<void> {
    const results: ConsumerResult[] = [];
    for (const consumer of this.#consumers) results.push(await consumer.close());
    report({ type: 'consumed', results });
  }
}

function report(event: WorkerEvent): void {
  parentPort!.postMessage(event);
}

function fail(error: unknown): void {
  report({ type: 'failed', reason: error instanceof Error ? error.message : String(error) });
}

function obey(thread: PublisherThread | ConsumerThread, order: WorkerOrder): void {
  if (order.type === 'begin') thread.begin();
  else if (order.type === 'stop') thread.stop(order.abandon);
  else thread.close().then(() => parentPort!.close(), fail);
}

function startThread(task: WorkerTask): void {
  const board = new LoadBoard(task.options.publishers, task.options.consumers, task.memory);
  if (task.role === 'pace') {
    new PacedWriter(task.options, board, task.paced).run();
    return;
  }
  const thread = task.role === 'publish' ? new PublisherThread(task, board) : new ConsumerThread(task, board);
  parentPort!.on('message', (order: WorkerOrder) => obey(thread, order));
  thread.connect().catch(fail);
}

startThread(workerData as WorkerTask);
