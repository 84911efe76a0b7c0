/**
 * One load run from the declaring of its queues to its report.
 *
 *   declare -> consumers connect, subscribe -> publishers connect -> [warm-up] -> measured -> stop publishing
 *           -> drain what is under way -> close -> delete
 *
 * With a count there is no warm-up: the measured time begins with the first publish (or the subscription) and ends with the last
 * thing that any connection did.
 */

import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { ConsumerResult } from './consumer.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { LoadBoard, monotonicUs, slot } from './load-board.ts';
import { completeLoadOptions, drainUsMax, fanOut, type LoadOptions } from './load-options.ts';
import { type LoadProgress, ProgressWatch } from './load-progress.ts';
import { buildReport, type LoadReport, type UsageSample } from './load-report.ts';
import type { WorkerEvent, WorkerOrder, WorkerTask } from './load-worker.ts';
import { cpuSecondsOf, machineCpuSeconds, ownCpuSeconds, residentBytesOf } from './process-usage.ts';
import type { PublisherResult } from './publisher.ts';
import { declareTopology, deleteTopology } from './topology.ts';

export interface LoadHooks {
  /** Once a second. */
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Ends publishing early; the run then drains and reports as if its time were over. */
  readonly signal?: AbortSignal;
}

const samplingMs = 50;
const countSamplingMs = 10;
const workerUrl = new URL(import.meta.url.endsWith('.ts') ? './load-worker.ts' : './load-worker.js', import.meta.url);

/**
 * Runs a load against a broker and reports what it measured. A connection that is lost on the way ends the run: the report then
 * says so in `error`. @throws LoadOptionError for impossible options, LoadConnectionError when the broker cannot be reached at all or
 * refuses the queues.
 */
export async function runLoad(given: Partial<LoadOptions>, hooks: LoadHooks = {}): Promise<LoadReport> {
  const options = completeLoadOptions(given);
  await declareTopology(options);
  const run = new LoadRun(options, hooks);
  try {
    return await run.execute();
  } finally {
    await run.terminate();
    if (!options.keep && options.mode !== 'publish' && !run.threadFailed) await deleteTopology(options);
  }
}

class LoadRun {
  readonly #options: LoadOptions;
  readonly #hooks: LoadHooks;
  readonly #board: LoadBoard;
  readonly #progress: ProgressWatch;
  readonly #publisherThreads: LoadThread[];
  readonly #consumerThreads: LoadThread[];
  #peakResidentBytes = 0;
  #error: string | null = null;
  /** A thread is of no more use: what it knew is lost, and so may be the broker. */
  threadFailed = false;
  #publishersFinished = false;

  constructor(options: LoadOptions, hooks: LoadHooks) {
    this.#options = options;
    this.#hooks = hooks;
    this.#board = new LoadBoard(options.publishers, options.consumers);
    this.#progress = new ProgressWatch(this.#board, hooks.onProgress);
    this.#consumerThreads = this.#startThreads('consume', options.consumers, options.consumerThreads);
    this.#publisherThreads = this.#startThreads('publish', options.publishers, options.publisherThreads);
  }

  async execute(): Promise<LoadReport> {
    const threads = [...this.#consumerThreads, ...this.#publisherThreads];
    await this.#unlessFailed(Promise.all(threads.map((thread) => thread.connected)));
    // Against a backlog the clock runs before the first consumer asks for it.
    const consumingOnly = this.#options.publishers === 0;
    const beforeSubscribing = this.#sample();
    if (this.#options.count > 0) this.#board.measuring = true;
    await this.#subscribe();
    const begin = consumingOnly ? beforeSubscribing : this.#sample();
    this.#beginPublishing();
    const measuredFrom = await this.#warmUp(begin);
    await this.#measure(measuredFrom);
    const end = this.#sample();
    this.#board.measuring = false;
    await this.#drain();
    const [published, consumed] = await this.#collect(threads);
    return this.#report(measuredFrom, end, published, consumed);
  }

  async terminate(): Promise<void> {
    await Promise.all([...this.#consumerThreads, ...this.#publisherThreads].map((thread) => thread.terminate()));
  }

  #startThreads(role: 'publish' | 'consume', connections: number, threadCount: number): LoadThread[] {
    const threads: LoadThread[] = [];
    for (let thread = 0; thread < Math.min(connections, threadCount); thread++) {
      const ids = Array.from({ length: connections }, (_, id) => id).filter((id) => id % threadCount === thread);
      const task: WorkerTask = { role, options: this.#options, memory: this.#board.memory, ids, paced: [] };
      threads.push(new LoadThread(task, (reason) => this.#failThread(reason)));
    }
    return threads;
  }

  async #subscribe(): Promise<void> {
    for (const thread of this.#consumerThreads) thread.order({ type: 'begin' });
    await this.#unlessFailed(Promise.all(this.#consumerThreads.map((thread) => thread.subscribed)));
  }

  #beginPublishing(): void {
    for (const thread of this.#publisherThreads) thread.order({ type: 'begin' });
    Promise.all(this.#publisherThreads.map((thread) => thread.finished)).then(() => {
      this.#publishersFinished = true;
    });
  }

  async #warmUp(begin: UsageSample): Promise<UsageSample> {
    if (this.#options.warmUpSeconds <= 0) {
      this.#board.measuring = true;
      return begin;
    }
    this.#progress.begin('warm-up');
    await this.#watchUntil(monotonicUs() + this.#options.warmUpSeconds * 1e6);
    this.#board.measuring = true;
    return this.#sample();
  }

  async #measure(begin: UsageSample): Promise<void> {
    this.#progress.begin('measured');
    if (this.#options.count > 0) await this.#watchUntilCounted(begin);
    else await this.#watchUntil(begin.timeUs + this.#options.seconds * 1e6);
  }

  async #watchUntil(endUs: number): Promise<void> {
    while (!this.#isOver()) {
      const leftMs = (endUs - monotonicUs()) / 1e3;
      if (leftMs <= 0) return;
      await delay(Math.min(samplingMs, leftMs));
      this.#observe();
    }
  }

  async #watchUntilCounted(begin: UsageSample): Promise<void> {
    const wanted = this.#options.count * fanOut(this.#options);
    while (!this.#isOver()) {
      const published = this.#options.publishers === 0 || this.#publishersFinished;
      const received = this.#options.consumers === 0 || this.#board.total(slot.received) >= wanted;
      if (published && received) return;
      const silentUs = monotonicUs() - Math.max(begin.timeUs, this.#board.lastActivityUs());
      if (silentUs > drainUsMax(this.#options)) {
        this.#error ??= `nothing moved for ${drainUsMax(this.#options) / 1e6} s`;
        return;
      }
      await delay(countSamplingMs);
      this.#observe();
    }
  }

  #isOver(): boolean {
    return this.#error !== null || this.#hooks.signal?.aborted === true;
  }

  #observe(): void {
    this.#peakResidentBytes = Math.max(this.#peakResidentBytes, residentBytesOf(this.#options.brokerPids));
    this.#progress.observe();
  }

  /** Lets consumers take what was published and publishers see their confirms, so that a loss shows as one. */
  async #drain(): Promise<void> {
    this.#board.stopPublishing();
    for (const thread of this.#publisherThreads) thread.order({ type: 'stop', abandon: false });
    const endUs = monotonicUs() + drainUsMax(this.#options);
    this.#progress.begin('drain');
    while (this.#error === null && monotonicUs() < endUs && !this.#isDrained()) {
      await delay(countSamplingMs);
      this.#progress.observe();
    }
    for (const thread of this.#publisherThreads) thread.order({ type: 'stop', abandon: true });
  }

  #isDrained(): boolean {
    if (this.#options.publishers > 0 && !this.#publishersFinished) return false;
    if (this.#options.consumers === 0 || this.#options.publishers === 0) return true;
    return this.#board.total(slot.received) >= this.#board.total(slot.published) * fanOut(this.#options);
  }

  async #collect(threads: readonly LoadThread[]): Promise<[PublisherResult[], ConsumerResult[]]> {
    if (this.threadFailed) return [[], []];
    for (const thread of threads) thread.order({ type: 'close' });
    const published = await this.#unlessFailed(Promise.all(this.#publisherThreads.map((thread) => thread.published)));
    const consumed = await this.#unlessFailed(Promise.all(this.#consumerThreads.map((thread) => thread.consumed)));
    return [published?.flat() ?? [], consumed?.flat() ?? []];
  }

  /** The value, or undefined as soon as a thread fails, which may mean that the value never comes. */
  async #unlessFailed<T>(value: Promise<T>): Promise<T | undefined> {
    const threads = [...this.#publisherThreads, ...this.#consumerThreads];
    return Promise.race([value, ...threads.map((thread) => thread.failed)]);
  }

  #failThread(reason: string): void {
    this.threadFailed = true;
    this.#error ??= reason;
  }

  #sample(): UsageSample {
    const { brokerPids } = this.#options;
    const residentBytes = residentBytesOf(brokerPids);
    this.#peakResidentBytes = Math.max(this.#peakResidentBytes, residentBytes);
    return {
      timeUs: monotonicUs(),
      published: this.#board.total(slot.published),
      confirmed: this.#board.total(slot.confirmed) + this.#board.total(slot.nacked),
      received: this.#board.total(slot.received),
      brokerCpuSeconds: cpuSecondsOf(brokerPids),
      ownCpuSeconds: ownCpuSeconds(),
      machineCpuSeconds: machineCpuSeconds(),
      residentBytes,
    };
  }

  #report(
    begin: UsageSample,
    end: UsageSample,
    published: readonly PublisherResult[],
    consumed: readonly ConsumerResult[],
  ): LoadReport {
    const confirmLatency = new LatencyHistogram();
    const latency = new LatencyHistogram();
    for (const result of published) confirmLatency.merge(result.confirmLatency);
    for (const result of consumed) latency.merge(result.latency);
    const endUs = this.#options.count > 0 ? Math.max(this.#board.lastActivityUs(), begin.timeUs + 1) : end.timeUs;
    assert(endUs > begin.timeUs, 'a run takes time');
    return buildReport({
      options: this.#options,
      begin,
      end: { ...end, timeUs: endUs },
      board: this.#board,
      latency,
      confirmLatency,
      consumed,
      peakResidentBytes: this.#peakResidentBytes,
      error: this.#error,
    });
  }
}

/** A worker thread and the promises of what it has to say. */
class LoadThread {
  readonly connected: Promise<void>;
  readonly subscribed: Promise<void>;
  readonly finished: Promise<void>;
  readonly published: Promise<PublisherResult[]>;
  readonly consumed: Promise<ConsumerResult[]>;
  /** Resolves, with nothing, when the thread fails. */
  readonly failed: Promise<undefined>;
  readonly #worker: Worker;

  constructor(task: WorkerTask, onFailed: (reason: string) => void) {
    this.#worker = new Worker(workerUrl, { workerData: task });
    const connected = Promise.withResolvers<void>();
    const subscribed = Promise.withResolvers<void>();
    const finished = Promise.withResolvers<void>();
    const published = Promise.withResolvers<PublisherResult[]>();
    const consumed = Promise.withResolvers<ConsumerResult[]>();
    const failed = Promise.withResolvers<undefined>();
    const fail = (reason: string): void => {
      onFailed(reason);
      failed.resolve(undefined);
    };
    this.connected = connected.promise;
    this.subscribed = subscribed.promise;
    this.finished = finished.promise;
    this.published = published.promise;
    this.consumed = consumed.promise;
    this.failed = failed.promise;
    this.#worker.on('error', (error) => fail(error instanceof Error ? error.message : String(error)));
    this.#worker.on('message', (event: WorkerEvent) => {
      if (event.type === 'connected') connected.resolve();
      else if (event.type === 'subscribed') subscribed.resolve();
      else if (event.type === 'finished') finished.resolve();
      else if (event.type === 'published') published.resolve(event.results);
      else if (event.type === 'consumed') consumed.resolve(event.results);
      else fail(event.reason);
    });
  }

  order(order: WorkerOrder): void {
    this.#worker.postMessage(order);
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}
