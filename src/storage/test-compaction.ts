/** A store with journal files of which little is needed, and a clock that brings the compactor to look at them. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { PAGE_SIZE } from './page.ts';
import { TestDisk } from './test-disk.ts';
import { copyOf, newDirectory, TestStore, type TestStoreOptions } from './test-store.ts';

/** Between two looks of the compactor. */
export const LOOK_MS = 15_000;
export const COMPACTION = { ratio: 0.5, bytesPerSecond: 1e12, intervalMs: LOOK_MS };
const FILE_PAGES = 2;
const DEADLINE_MS = 60_000;

/** A queue that takes everything it is given, and one that keeps it. */
export const BUSY = 1;
export const FORGOTTEN = 2;

export class CompactionBench {
  readonly directory: string;
  readonly disk: TestDisk;
  store: TestStore;
  readonly #t: TestContext;

  constructor(t: TestContext, options: Partial<TestStoreOptions> = {}, directory = newDirectory()) {
    this.#t = t;
    this.directory = directory;
    t.after(() => fs.rmSync(directory, { recursive: true, force: true }));
    this.disk = (options.disk as TestDisk | undefined) ?? new TestDisk();
    this.store = this.#open(options);
  }

  #open(options: Partial<TestStoreOptions>): TestStore {
    const journalFileBytes = FILE_PAGES * PAGE_SIZE;
    const { directory, disk } = this;
    const store = new TestStore({ directory, disk, journalFileBytes, compaction: COMPACTION, ...options });
    this.#t.after(() => store.store.close());
    return store;
  }

  /** Stops in good order, and opens what is there then. */
  async restart(options: Partial<TestStoreOptions> = {}): Promise<void> {
    await this.store.store.close();
    this.store = this.#open(options);
  }

  /** Opens the directory as it is at this moment, as a start does after a crash. */
  reopened(options: Partial<TestStoreOptions> = {}): CompactionBench {
    return new CompactionBench(this.#t, options, copyOf(this.directory));
  }

  /** Fills journal files; of so many messages each is forgotten, and all others are settled. */
  async fill(messages = 100, forgottenOf = 20): Promise<void> {
    for (let i = 0; i < messages; i++) {
      this.store.publish(`${i};`.padEnd(50_000, 'x'), [i % forgottenOf === 0 ? FORGOTTEN : BUSY]);
      if (i % 10 === 9) await this.store.commit();
    }
    await this.settleAll(BUSY);
  }

  async settleAll(queue: number): Promise<void> {
    while ((this.store.queues.get(queue)?.length ?? 0) > 0) this.store.settle(queue);
    await this.store.commit();
  }

  /** Until the files that are full have been in a checkpoint. */
  async checkpointed(): Promise<void> {
    if (this.journalFiles.length === 0) return;
    const full = this.journalFiles.slice(0, -1);
    await this.until(() => full.every((name) => this.files.includes(name.replace('.journal', '.index'))));
    const last = Number.parseInt(this.journalFiles.at(-1)!, 10);
    await this.until(() => JSON.parse(this.#checkpoint()).replayFromPage >= last);
    // The checkpointer is told of the end of its last operation.
    for (let turn = 0; turn < 1000; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  #checkpoint(): string {
    return fs.existsSync(this.path('checkpoint'))
      ? fs.readFileSync(this.path('checkpoint'), 'utf8').split('\n')[0]!
      : '{}';
  }

  /** The compactor looks, and looks again: what did not change meanwhile is worth while. */
  async look(): Promise<void> {
    await this.checkpointed();
    this.store.clock.advance(LOOK_MS);
    this.store.clock.advance(LOOK_MS);
  }

  /** Looks again and again, until that holds. */
  async compactUntil(condition: () => boolean): Promise<void> {
    await this.until(() => {
      this.store.clock.advance(LOOK_MS);
      return condition();
    });
  }

  /** Until the files that are full take no more than this. */
  async compact(most = PAGE_SIZE / 2): Promise<void> {
    await this.compactUntil(() => this.journalFiles.slice(0, -1).every((name) => this.allocated(name) <= most));
    await this.idle();
  }

  /** Until the compactor has ended what it does. */
  async idle(): Promise<void> {
    await this.until(() => this.endings > 0 && !this.files.some((name) => name.endsWith('.new')));
  }

  /** How often compaction has given back something. */
  get endings(): number {
    return this.store.logged.filter((line) => line.includes('compaction has given back')).length;
  }

  /** Journal files that this store has written anew. */
  get compactedFiles(): number {
    return this.store.logged.filter((line) => line.includes('bytes in place of')).length;
  }

  /** What each queue holds: messages by the number that they begin with, and their sizes; read from the disk where they are there. */
  contents(): Record<number, string[]> {
    const contents: Record<number, string[]> = {};
    for (const queue of [BUSY, FORGOTTEN]) {
      contents[queue] = this.store.bodies(queue).map((body) => `${Number.parseInt(body ?? '', 10)} of ${body?.length}`);
    }
    return contents;
  }

  async until(condition: () => boolean): Promise<void> {
    const deadline = performance.now() + DEADLINE_MS;
    while (!condition()) {
      assert(performance.now() < deadline, `the condition never came; the log says ${this.store.logged.join('\n')}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  path(name: string): string {
    return join(this.directory, 'journal', name);
  }

  get files(): string[] {
    return fs.readdirSync(join(this.directory, 'journal')).sort();
  }

  get journalFiles(): string[] {
    return this.files.filter((name) => name.endsWith('.journal'));
  }

  allocated(name: string): number {
    return fs.statSync(this.path(name)).blocks * 512;
  }

  /** What the forgotten queue holds, by the numbers of its messages, read from the disk. */
  forgotten(): (number | null)[] {
    return this.store.bodies(FORGOTTEN).map((body) => (body === null ? null : Number.parseInt(body, 10)));
  }
}
