/**
 * Has delay segments written by a thread: sorting, checksums and copies of hundreds of megabytes a second would hold up the
 * event loop. The thread is there from the first of them on, until it is told to rest.
 */
import * as fs from 'node:fs';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Disk, systemDisk } from '../runtime/disk.ts';
import type { Log } from '../runtime/log.ts';
import { newPieceMemory, type SegmentSource, unfinishedPath, writeSegment } from './delay-draft.ts';
import type { SegmentHeader } from './delay-format.ts';

export interface SegmentWriter {
  /**
   * Writes a segment under `unfinishedPath(path)`, and syncs it; one at a time. The source is the writer's.
   * @throws Error of the disk; then nothing is left of it
   */
  write(source: SegmentSource, path: string): Promise<SegmentHeader>;
  /** Gives up what it keeps for the next one. Nothing is being written. */
  rest(): void;
}

/** Writes them where it is called. */
export class PlainSegmentWriter implements SegmentWriter {
  readonly #disk: Disk;
  #memory: Buffer | null = null;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  write(source: SegmentSource, path: string): Promise<SegmentHeader> {
    this.#memory ??= newPieceMemory();
    return writeSegment(source, path, this.#disk, this.#memory);
  }

  rest(): void {
    this.#memory = null;
  }
}

export interface SegmentTask {
  readonly source: SegmentSource;
  readonly path: string;
}

/** What the thread says: that it runs, how a task went. */
export type ThreadEvent = 'ready' | { readonly header: SegmentHeader } | { readonly failure: string };

const THREAD_FILE = new URL(`./delay-thread${extname(import.meta.url)}`, import.meta.url);
/** What the thread needs is outside of its heap: the messages. */
const HEAP = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 };

export class ThreadedSegmentWriter implements SegmentWriter {
  readonly #log: Log;
  readonly #file: URL;
  #thread: Worker | null = null;
  #task: PromiseWithResolvers<SegmentHeader> | null = null;
  /** What the thread writes, or wrote last. */
  #path = '';
  #isReady = false;
  /** Where no thread can be had. */
  #plain: PlainSegmentWriter | null = null;

  /** @param file what the thread runs */
  constructor(log: Log, file = THREAD_FILE) {
    this.#log = log;
    this.#file = file;
  }

  write(source: SegmentSource, path: string): Promise<SegmentHeader> {
    if (this.#plain !== null) return this.#plain.write(source, path);
    this.#thread ??= this.#start();
    this.#task = Promise.withResolvers();
    this.#path = path;
    const { dues, positions, sizes, missing } = source;
    const task: SegmentTask = { source, path };
    this.#thread.postMessage(task, [dues.buffer, positions.buffer, sizes.buffer, missing.buffer]);
    return this.#task.promise;
  }

  #start(): Worker {
    const thread = new Worker(this.#file, { name: 'delay segments', resourceLimits: HEAP });
    this.#isReady = false;
    thread.on('message', (event: ThreadEvent) => {
      if (event === 'ready') this.#isReady = true;
      else if ('header' in event) this.#task?.resolve(event.header);
      else this.#task?.reject(new Error(event.failure));
    });
    thread.on('error', (error: Error) => this.#lose(thread, error));
    thread.on('exit', (code) => this.#lose(thread, new Error(`the thread that writes them ended with code ${code}`)));
    return thread;
  }

  #lose(thread: Worker, error: Error): void {
    if (this.#thread !== thread) return;
    this.#thread = null;
    if (!this.#isReady) {
      this.#plain = new PlainSegmentWriter(systemDisk);
      this.#log.warning('store', `delayed messages are moved to disk without a thread: ${error.message}`);
    }
    // The next attempt has another name.
    fs.rmSync(unfinishedPath(this.#path), { force: true });
    this.#task?.reject(error);
  }

  /** Ends the thread. */
  rest(): void {
    this.#plain?.rest();
    const thread = this.#thread;
    this.#thread = null;
    void thread?.terminate();
  }
}
