/**
 * A message store for tests, with queues that are lists: what each durable queue holds is known at any time, and can be read
 * back through the store.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CompactionOptions } from '../config/compaction-options.ts';
import type { Disk } from '../runtime/disk.ts';
import { createLog } from '../runtime/log.ts';
import { TestClock } from '../runtime/test-clock.ts';
import type { QueueMarks } from './checkpoint.ts';
import { MessageStore } from './message-store.ts';
import { PAGE_SIZE, type Page } from './page.ts';
import {
  bodySizeOf,
  IncomingMessage,
  propertiesSizeOf,
  RecordType,
  recordType,
  routeOffsetOf,
  routeSizeOf,
} from './record.ts';
import { TestDisk } from './test-disk.ts';

export interface Held {
  readonly position: number;
  readonly size: number;
  readonly priority: number;
}

export interface TestStoreOptions {
  readonly directory: string | null;
  readonly disk?: Disk;
  readonly clock?: TestClock;
  readonly journalFileBytes?: number;
  readonly memoryLimitBytes?: number;
  readonly unwrittenLimitBytes?: number;
  /** Without it nothing is compacted. */
  readonly compaction?: CompactionOptions;
  /** Queues that still exist, where not all do. */
  readonly adopts?: readonly number[];
}

export interface Publishing {
  readonly persistent?: boolean;
  readonly priority?: number;
  /** Queues beside the durable ones that refer to the message. */
  readonly transientReferences?: number;
}

const ROUTE = Buffer.from('\0\u0001q');
/** Content type text/plain alone: property flags and value. */
const PROPERTIES = Buffer.from('\u0080\0\ntext/plain', 'latin1');

export function newDirectory(parent = tmpdir()): string {
  return fs.mkdtempSync(join(parent, 'leveret-storage-'));
}

/**
 * What a crash leaves of a directory that is in use. A file that is renamed or removed while it is copied goes missing: then once more.
 * @param newCopy makes the directory that it is copied into
 */
export function copyOf(directory: string, newCopy: () => string = newDirectory): string {
  const copy = newCopy();
  try {
    fs.cpSync(directory, copy, { recursive: true });
    return copy;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    fs.rmSync(copy, { recursive: true });
    return copyOf(directory, newCopy);
  }
}

/** In memory where the system has a place for it: many starts sync many files. */
export function newMemoryDirectory(): string {
  return newDirectory(fs.existsSync('/dev/shm') ? '/dev/shm' : undefined);
}

export function newMessage(
  body: string | Buffer,
  { persistent = true, priority = 0 }: Publishing = {},
): IncomingMessage {
  const message = new IncomingMessage();
  message.routeBytes = ROUTE;
  message.routeSize = ROUTE.length;
  message.propertiesBytes = PROPERTIES;
  message.propertiesSize = PROPERTIES.length;
  message.bodyBytes = Buffer.from(body as string);
  message.bodySize = message.bodyBytes.length;
  message.persistent = persistent;
  message.priority = priority;
  return message;
}

export function bodyAt(page: Page, offset: number): Buffer {
  const at = routeOffsetOf(page, offset) + routeSizeOf(page, offset) + propertiesSizeOf(page, offset);
  return (page.bytes as Buffer).subarray(at, at + bodySizeOf(page, offset));
}

export class TestStore {
  readonly store: MessageStore;
  readonly clock: TestClock;
  readonly queues = new Map<number, Held[]>();
  readonly marks = new Map<number, QueueMarks>();
  readonly logged: string[] = [];
  /** What the store said of the disk: an error's code, or null for none. */
  readonly troubles: (string | null)[] = [];
  durableCount = 0;
  reliefCount = 0;

  /** Opens the store and takes over what it recovered. */
  constructor(options: TestStoreOptions) {
    this.clock = options.clock ?? new TestClock();
    const log = createLog('debug', (line) => this.logged.push(line));
    const { disk = new TestDisk(), journalFileBytes = PAGE_SIZE } = options;
    const { memoryLimitBytes = 64 * PAGE_SIZE, unwrittenLimitBytes = 32 * PAGE_SIZE } = options;
    const compaction = options.compaction === undefined ? {} : { compaction: options.compaction };
    const limits = { journalFileBytes, memoryLimitBytes, unwrittenLimitBytes, ...compaction };
    this.store = new MessageStore(
      { directory: options.directory, disk, clock: this.clock, log, fdatasync: true, ...limits },
      {
        onDurable: () => this.durableCount++,
        onTrouble: (error) => this.troubles.push(error?.code ?? null),
        onRelief: () => this.reliefCount++,
      },
      {
        // In no particular order, as what was returned and what is unacked is.
        visitLive: (wanted, visit) => {
          for (const [id, held] of this.queues) {
            for (const { position, size, priority } of held.toReversed()) {
              if (wanted(position, position)) visit(id, position, size, priority);
            }
          }
        },
        marks: () => this.marks,
      },
    );
    this.#adopt(options.adopts);
  }

  /** Positions that recovery named and the store does not have. */
  readonly lost: number[] = [];

  #adopt(existing: readonly number[] | undefined): void {
    for (const [id, { messages, deliveredPosition, deliveryCounts, mayExpire }] of this.store.recovered) {
      if (existing?.includes(id) === false) continue;
      const held: Held[] = [];
      for (let i = 0; i < messages.count; i++) {
        const position = messages.positions[i];
        if (this.store.adopt(position)) {
          held.push({ position, size: messages.sizes[i], priority: messages.priorities[i] });
        } else this.lost.push(position);
      }
      this.queues.set(id, held);
      if (deliveredPosition >= 0 || deliveryCounts.size > 0) {
        this.marks.set(id, { deliveredPosition, deliveryCounts: new Map(deliveryCounts), mayExpire });
      }
    }
    this.store.recoveryTaken();
  }

  /** Publishes to durable queues. @returns the message's position. */
  publish(body: string | Buffer, queueIds: readonly number[], options: Publishing = {}): number {
    const message = newMessage(body, options);
    const durableCount = message.persistent ? queueIds.length : 0;
    const references = queueIds.length + (options.transientReferences ?? 0);
    const position = this.store.append(message, queueIds, durableCount, references);
    const held = { position, size: message.bodySize, priority: message.priority };
    for (const id of queueIds) this.#held(id).push(held);
    return position;
  }

  /** The queue is done with the message at `index` of what it holds. */
  settle(id: number, index = 0): number {
    const [held] = this.#held(id).splice(index, 1);
    assert(held !== undefined);
    this.store.settle(id, held.position, true);
    return held.position;
  }

  delivered(id: number, position: number): void {
    this.#marksOf(id).deliveredPosition = position;
    this.store.delivered(id, position);
  }

  returned(id: number, position: number, count: number): void {
    this.#marksOf(id).deliveryCounts.set(position, count);
    this.store.returned(id, position, count);
  }

  /** Ends the turn, and waits until all of it is durable. */
  async commit(): Promise<void> {
    this.store.commit();
    await this.until(() => this.store.durable === this.store.appended);
  }

  /** Lets the event loop turn until the condition holds. */
  async until(condition: () => boolean): Promise<void> {
    for (let turn = 0; !condition(); turn++) {
      assert(turn < 1_000_000, 'the condition never came');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The bodies of what a queue holds, in order, read through the store. A message whose bytes are lost reads as null. */
  bodies(id: number): (string | null)[] {
    return this.#held(id).map(({ position }) => this.body(position)?.toString() ?? null);
  }

  body(position: number): Buffer | null {
    const page = this.store.pageAt(position);
    this.store.loadSync(page);
    const offset = position - page.number * PAGE_SIZE;
    return recordType(page, offset) === RecordType.message ? bodyAt(page, offset) : null;
  }

  #held(id: number): Held[] {
    let held = this.queues.get(id);
    if (held === undefined) {
      held = [];
      this.queues.set(id, held);
    }
    return held;
  }

  #marksOf(id: number): QueueMarks {
    let marks = this.marks.get(id);
    if (marks === undefined) {
      marks = { deliveredPosition: -1, deliveryCounts: new Map(), mayExpire: false };
      this.marks.set(id, marks);
    }
    return marks;
  }
}
