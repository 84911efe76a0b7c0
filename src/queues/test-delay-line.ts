/**
 * A delay line for tests, over a store and files of its own, with a clock that stands still. What it releases goes to a durable
 * queue that is a list. A crash is a copy of the directory as it is at that moment: what kill -9 leaves.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import type { CompactionOptions } from '../config/compaction-options.ts';
import { fromPlain, type PlainObject } from '../protocol/field-table.ts';
import { encodeProperties } from '../protocol/properties.ts';
import { createLog } from '../runtime/log.ts';
import { TestClock } from '../runtime/test-clock.ts';
import { DelayFiles } from '../storage/delay-files.ts';
import { MessageStore } from '../storage/message-store.ts';
import { PAGE_SIZE, type Page } from '../storage/page.ts';
import { PlainSegmentWriter } from '../storage/segment-writer.ts';
import { TestDisk } from '../storage/test-disk.ts';
import { bodyAt, copyOf, newMemoryDirectory, newMessage } from '../storage/test-store.ts';
import type { Timely } from './delay-environment.ts';
import { DelayLine } from './delay-line.ts';
import { DelayMover } from './delay-mover.ts';

const LINE = 7;
const QUEUE = 9;
/** Segments are made of so little, so that a test has many. */
const SEGMENT_BYTES = 64 * 1024;
/** Journal files are written anew whether it is worth while or not, but only when a test asks the store for it. */
export const COMPACTION: CompactionOptions = { ratio: -100, bytesPerSecond: 1e15, intervalMs: 1e15 };

export interface Released {
  readonly id: string;
  readonly atMs: number;
  readonly isRepeated: boolean;
}

export class TestLine {
  readonly directory: string;
  readonly clock: TestClock;
  readonly disk = new TestDisk();
  readonly mover = new DelayMover(new PlainSegmentWriter(this.disk));
  readonly files: DelayFiles;
  readonly store: MessageStore;
  readonly line: DelayLine;
  readonly released: Released[] = [];
  readonly logged: string[] = [];
  /** What the queue holds: positions by id. */
  readonly queue = new Map<string, number>();
  /** What else happens in the midst of a release. */
  meanwhile: (id: string) => void = () => undefined;
  #scheduled = false;
  #asks = false;
  #timely: Timely | null = null;

  readonly #compaction: { readonly compaction?: CompactionOptions };

  constructor(
    directory = newMemoryDirectory(),
    clock = new TestClock(),
    ratePerSecond?: number,
    compaction?: CompactionOptions,
  ) {
    this.directory = directory;
    this.#compaction = compaction === undefined ? {} : { compaction };
    this.clock = clock;
    const log = createLog('debug', (text) => this.logged.push(text));
    const limits = {
      journalFileBytes: PAGE_SIZE,
      memoryLimitBytes: 8 * PAGE_SIZE,
      unwrittenLimitBytes: 32 * PAGE_SIZE,
    };
    this.store = new MessageStore(
      { directory, disk: this.disk, clock, log, fdatasync: true, ...limits, ...this.#compaction },
      { onDurable: () => undefined, onTrouble: () => undefined, onRelief: () => undefined },
      {
        visitLive: (wanted, visit) => {
          this.line.visitLive(wanted, (position, size) => visit(LINE, position, size, 0));
          for (const position of this.queue.values()) if (wanted(position, position)) visit(QUEUE, position, 1, 0);
        },
        marks: () => new Map([[LINE, this.line.queueMarks]]),
      },
    );
    this.files = new DelayFiles(directory);
    const place = { disk: this.disk, damage: this.store.damageReport, files: this.files, mover: this.mover };
    const identity = { vhost: '/', name: 'later', id: LINE, durable: true };
    this.line = new DelayLine(identity, ratePerSecond, {
      ...place,
      segmentBytes: SEGMENT_BYTES,
      store: this.store,
      clock,
      log,
      turn: {
        schedule: () => this.#schedule(),
        awaitTime: (timely) => {
          assert(!this.#asks, 'asks once');
          this.#asks = true;
          this.#timely = timely;
        },
      },
      release: (_line, page, offset, isRepeated) => this.#release(page, offset, isRepeated),
    });
    this.#adoptQueue();
    this.line.adopt(this.store.recovered.get(LINE));
    this.line.adopted();
    this.store.recoveryTaken();
  }

  #adoptQueue(): void {
    const found = this.store.recovered.get(QUEUE)?.messages;
    for (let i = 0; i < (found?.count ?? 0); i++) {
      const position = found!.positions[i];
      assert(this.store.adopt(position));
      const page = this.store.pageAt(position);
      this.store.loadSync(page);
      const id = idAt(page, position - page.number * PAGE_SIZE);
      assert(!this.queue.has(id), `${id} is twice in the queue`);
      this.queue.set(id, position);
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.turn();
    });
  }

  /** A pass of the event loop, without a timer. */
  turn(): void {
    this.#scheduled = false;
    if (this.#asks) this.#asks = this.#timely?.inTurn(this.clock.nowMs()) === true;
    if (!this.line.deleted) this.store.commit();
  }

  #release(page: Page, offset: number, isRepeated: boolean): void {
    const id = idAt(page, offset);
    this.released.push({ id, atMs: this.clock.nowMs(), isRepeated });
    this.queue.set(id, this.store.append(newMessage(bodyAt(page, offset)), [QUEUE], 1, 1));
    this.meanwhile(id);
  }

  /** @returns when it is due */
  publish(id: string, headers: PlainObject, size = 1000): void {
    const message = newMessage(`${id} `.padEnd(size, '.'));
    message.propertiesBytes = encodeProperties({ headers: fromPlain(headers), deliveryMode: 2 });
    message.propertiesSize = message.propertiesBytes.length;
    message.publishedAtMs = this.clock.nowMs();
    this.line.take(this.store.append(message, [LINE], 1, 1));
  }

  /** Somebody has consumed all that was released. */
  emptyQueue(): void {
    for (const position of this.queue.values()) this.store.settle(QUEUE, position, true);
    this.queue.clear();
  }

  /** Ends the turn, and waits until all of it is durable. */
  async commit(): Promise<void> {
    this.store.commit();
    await this.until(() => this.store.durable === this.store.appended);
  }

  /** Moves the clock on in steps, with turns in between, in which what was read or written arrives. */
  async pass(ms: number, stepMs = Math.ceil(ms / 20)): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(stepMs, left));
      await this.settle();
    }
  }

  /** Until nothing is read, written or moved any more. */
  async settle(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      await this.mover.idle();
      await this.commit();
      // Reads of small files are through after a turn or two of the thread pool.
      await new Promise<void>((done) => fs.stat(this.directory, () => done()));
    }
  }

  async until(condition: () => boolean): Promise<void> {
    for (let turn = 0; !condition(); turn++) {
      assert(turn < 100_000, 'the condition never came');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** kill -9 now, and a start on what is left of it. */
  crash(): TestLine {
    const directory = copyOf(this.directory, newMemoryDirectory);
    this.abandon();
    return new TestLine(directory, this.clock, this.line.rate.perSecond, this.#compaction.compaction);
  }

  /** A stop in good order, and a start. */
  async restart(): Promise<TestLine> {
    this.line.stop();
    await this.mover.idle();
    await this.store.close();
    this.files.noteStop();
    return new TestLine(this.directory, this.clock, this.line.rate.perSecond, this.#compaction.compaction);
  }

  /** Lets go of everything, without a care for what becomes of it. */
  abandon(): void {
    this.line.stop();
    void this.mover
      .idle()
      .then(() => this.store.close())
      .then(() => fs.rmSync(this.directory, { recursive: true, force: true }));
  }
}

function idAt(page: Page, offset: number): string {
  return bodyAt(page, offset).toString().split(' ')[0]!;
}
