/**
 * A delay line: the messages that wait in an x-delayed-message exchange, and their release.
 *
 *   take ------> blocks (in the journal) ---- full, and not due soon: moved ----> segments (files of their own)
 *                  |                                                                 |
 *                  '-------- due: released in the order of (due, position) ----------'
 *                            published and gone in one atomic group of the journal
 *
 * To the store a line is a queue: it has an id of the queues' kind, its messages are references under that id, and what is gone
 * of a segment is kept in its marks (delay-marks.ts). The wall clock says what is due, and is asked at least once a second:
 * a clock that jumps makes messages early or late by its jump and no more.
 */

import { dueAtIn } from '../routing/delay-headers.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Disk } from '../runtime/disk.ts';
import type { Log } from '../runtime/log.ts';
import type { QueueMarks } from '../storage/checkpoint.ts';
import type { DamageReport } from '../storage/damage.ts';
import type { DelayFiles } from '../storage/delay-files.ts';
import type { SegmentEntry } from '../storage/delay-format.ts';
import type { DelaySegment } from '../storage/delay-segment.ts';
import type { MessageStore } from '../storage/message-store.ts';
import { PAGE_SIZE, type Page } from '../storage/page.ts';
import {
  propertiesSizeOf,
  publishedAtOf,
  RecordType,
  recordSize,
  recordType,
  routeOffsetOf,
  routeSizeOf,
} from '../storage/record.ts';
import type { RecoveredQueue } from '../storage/recovery.ts';
import { DelayBlock } from './delay-block.ts';
import { messageKey } from './delay-marks.ts';
import type { DelayMover } from './delay-mover.ts';
import { DelayShelf } from './delay-shelf.ts';
import { ReleaseGrant } from './release-grant.ts';
import { ReleaseRate } from './release-rate.ts';

/** The clock is asked at least so often. */
const TICK_MS = 1000;
/** Others have their turn after so many releases. */
const RELEASED_AT_ONCE = 256;
/** What is due within this time is read from disk now. */
const READ_AHEAD_MS = 1500;
const READ_AHEAD_EVERY_MS = 250;
/** Of a block, how many of those that are due first are looked at for that. */
const READ_AHEAD_MESSAGES = 63;
/** A block of which most is due within this time is left to empty itself. */
const SOON_MS = 30_000;
/** So many blocks may be left to themselves; further ones are moved. */
const KEPT_BLOCKS = 4;
/** Publishers pause while more blocks than this wait to be moved. */
const WAITING_BLOCKS = 5;
/** A block that is not full is moved when this much was written to the journal behind its first message... */
const PINNED_BYTES = 1024 * 1024 * 1024;
/** ...as long as the line has no more segments than this: each is a file that is open. */
const SEGMENTS_MOST = 1000;

export interface DelayLineIdentity {
  readonly vhost: string;
  /** Of the exchange. */
  readonly name: string;
  readonly id: number;
  readonly durable: boolean;
}

/** Where messages are moved to, and who does it. */
export interface DelayPlace {
  readonly disk: Disk;
  /** Null for a broker in memory, and so is `files`: nothing is moved then. */
  readonly damage: DamageReport | null;
  readonly files: DelayFiles | null;
  readonly mover: DelayMover;
  /** How much makes a segment. */
  readonly segmentBytes: number;
  /** A turn is to end: something was appended or settled outside of one. */
  schedule(): void;
}

export interface DelayEnvironment extends DelayPlace {
  readonly store: MessageStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Publishes a message that is due; `isRepeated`: it may have been before. */
  release(line: DelayLine, page: Page, offset: number, isRepeated: boolean): void;
}

type Source = DelayBlock | DelaySegment;

export class DelayLine implements DelayLineIdentity {
  readonly vhost: string;
  readonly name: string;
  readonly id: number;
  readonly durable: boolean;
  /** How many messages wait. */
  count = 0;
  /** Since the line was made, or the broker started. */
  releasedTotal = 0;
  cancelledTotal = 0;
  /** Of those released: they reached no queue. */
  unroutableTotal = 0;
  deleted = false;
  /** Resolves when the line is. */
  readonly halted: Promise<void>;
  #resolveHalted!: () => void;
  readonly rate: ReleaseRate;
  readonly env: DelayEnvironment;
  /** Oldest first; the last one takes messages in unless it is full. */
  readonly blocks: DelayBlock[] = [];
  /** Blocks that are segments by now, until the journal knows of it. */
  readonly settling = new Set<DelayBlock>();
  readonly #shelf: DelayShelf;
  readonly #progressed = new Set<Source>();
  readonly #toSettle: number[] = [];
  /** What was due by then may have been released before the broker was killed. */
  #repeatedUpToMs = Number.NEGATIVE_INFINITY;
  readonly #grant: ReleaseGrant;
  #timer: Timer | null = null;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #readAheadAtMs = Number.NEGATIVE_INFINITY;
  #holding = false;

  constructor(identity: DelayLineIdentity, ratePerSecond: number | undefined, env: DelayEnvironment) {
    this.vhost = identity.vhost;
    this.name = identity.name;
    this.id = identity.id;
    this.durable = identity.durable;
    this.env = env;
    this.halted = new Promise((resolve) => {
      this.#resolveHalted = resolve;
    });
    this.#shelf = new DelayShelf(this, env);
    this.#grant = new ReleaseGrant(env.store, identity.id);
    this.rate = new ReleaseRate(ratePerSecond, env.clock.monotonicMs());
  }

  get segments(): readonly DelaySegment[] {
    return this.#shelf.segments;
  }

  get marks(): ReadonlyMap<number, number> {
    return this.#shelf.marks;
  }

  // --- in ---

  /** Takes in a message that the store holds for the line. */
  take(position: number): void {
    const { store } = this.env;
    const page = store.pageAt(position);
    const dueAtMs = this.#push(page, position);
    const publishedAtMs = publishedAtOf(page, position - page.number * PAGE_SIZE);
    if (dueAtMs <= publishedAtMs + READ_AHEAD_MS) this.#askGrant(publishedAtMs);
    if (dueAtMs < this.#wakeAtMs) this.#wakeAt(dueAtMs);
  }

  #push(page: Page, position: number): number {
    const offset = position - page.number * PAGE_SIZE;
    const dueAtMs = dueAt(page, offset);
    let block = this.blocks.at(-1);
    if (block === undefined || block.isFull || block.isMoving) {
      block = new DelayBlock(this.env.segmentBytes);
      this.blocks.push(block);
    }
    block.push(position, dueAtMs, recordSize(page, offset));
    this.count++;
    if (block.isFull) this.#moveBlocks(this.env.clock.nowMs());
    return dueAtMs;
  }

  /** Takes over what recovery found. @returns how many messages could not be found again. */
  adopt(found: RecoveredQueue | undefined): number {
    const { files, clock } = this.env;
    this.#grant.restore(found?.deliveredPosition ?? -1);
    if (files !== null && !files.wasStopped) this.#repeatedUpToMs = this.#grant.askedMs;
    this.count = this.#shelf.open(found?.deliveryCounts ?? NO_MARKS);
    const lost = found === undefined ? 0 : this.#adoptJournal(found);
    if (this.count > 0) this.#wakeAt(clock.nowMs());
    return lost;
  }

  #adoptJournal({ messages }: RecoveredQueue): number {
    const { store } = this.env;
    const moved = this.#shelf.movedAmong(messages.positions.subarray(0, messages.count));
    let lost = 0;
    for (let i = 0; i < messages.count; i++) {
      const position = messages.positions[i];
      if (!store.adopt(position)) {
        if (!moved.has(position)) lost++;
      } else if (moved.has(position)) this.#toSettle.push(position);
      else if (!this.#adoptMessage(position)) lost++;
    }
    return lost;
  }

  /** All that recovery found has been taken over, so that pages may go: what adopting found to be gone is settled. */
  adopted(): void {
    for (const position of this.#toSettle.splice(0)) this.env.store.settle(this.id, position, this.durable);
    this.env.schedule();
  }

  #adoptMessage(position: number): boolean {
    const { store } = this.env;
    const page = store.pageAt(position);
    store.loadSync(page);
    if (recordType(page, position - page.number * PAGE_SIZE) !== RecordType.message) {
      this.#toSettle.push(position);
      return false;
    }
    this.#push(page, position);
    return true;
  }

  // --- out ---

  /** When the next message is due; infinite when none waits. */
  get nextDueMs(): number {
    return this.#first()?.nextDueMs ?? Number.POSITIVE_INFINITY;
  }

  /** What holds the message that is due first. Of those due at the same time, what is in a segment was there before. */
  #first(): Source | null {
    let first: Source | null = null;
    for (const segment of this.segments) if (first === null || segment.nextDueMs < first.nextDueMs) first = segment;
    for (const block of this.blocks) if (first === null || block.nextDueMs < first.nextDueMs) first = block;
    return first;
  }

  #wakeAt(atMs: number): void {
    const { clock } = this.env;
    if (this.deleted) return;
    this.#timer?.cancel();
    const nowMs = clock.nowMs();
    const delayMs = Math.min(Math.max(0, atMs - nowMs), TICK_MS);
    this.#wakeAtMs = nowMs + delayMs;
    this.#timer = clock.after(delayMs, this.#onTime);
  }

  readonly #onTime = (): void => {
    this.#timer = null;
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    if (this.deleted) return;
    const { clock, store } = this.env;
    const nowMs = clock.nowMs();
    const { nextDueMs } = this;
    if (nextDueMs <= nowMs + READ_AHEAD_MS) this.#askGrant(nowMs);
    const isHeldUp = store.congested || (this.durable && nextDueMs <= nowMs && !this.#grant.covers(nowMs));
    if (!isHeldUp && nextDueMs <= nowMs) this.#releaseDue(nowMs);
    this.#shelf.removeEnded();
    this.#moveBlocks(nowMs);
    this.#readAhead(nowMs);
    if (this.count === 0 && !this.#shelf.hasEnded && this.settling.size === 0) return;
    const waitMs = Math.max(this.rate.waitMs, isHeldUp ? HELD_UP_MS : 0);
    this.#wakeAt(Math.max(this.#nextActionMs(), nowMs + waitMs));
  };

  #askGrant(nowMs: number): void {
    if (this.durable && this.#grant.ask(nowMs)) this.env.schedule();
  }

  /** Whether something waits that may have been handed out before the last kill. */
  get mayRepeat(): boolean {
    return this.nextDueMs <= this.#repeatedUpToMs;
  }

  /** When there is something to do: while what is due first is being read, the end of that wakes the line. */
  #nextActionMs(): number {
    const first = this.#first();
    const isRead = first instanceof DelayBlock ? first.loading : first?.isWaiting;
    return first === null || isRead === true ? Number.POSITIVE_INFINITY : first.nextDueMs;
  }

  /** Releases what is due, up to a number at a time, in one atomic group with what says so. */
  #releaseDue(nowMs: number): void {
    const { store, clock } = this.env;
    const most = Math.min(RELEASED_AT_ONCE, this.rate.allowed(clock.monotonicMs()));
    if (most === 0) return;
    let count = 0;
    store.beginAtomic();
    try {
      while (count < most && this.#releaseNext(nowMs)) count++;
      this.#noteProgress();
    } finally {
      store.endAtomic();
    }
    this.rate.spend(count);
    for (const segment of this.segments.filter(({ isEnded }) => isEnded)) this.#end(segment);
    this.#dropEmptyBlocks();
    this.env.schedule();
  }

  #dropEmptyBlocks(): void {
    for (let i = this.blocks.length - 1; i >= 0; i--) {
      if (this.blocks[i].waiting === 0 && !this.blocks[i].isMoving) this.blocks.splice(i, 1);
    }
  }

  /** @returns false when nothing is due, or what is has to be read first: the order is that of time. */
  #releaseNext(nowMs: number): boolean {
    const first = this.#first();
    if (first === null || first.nextDueMs > nowMs) return false;
    if (first instanceof DelayBlock) {
      if (!this.#isBlockReady(first)) return false;
      this.#releaseFromBlock(first, first.nextDueMs);
    } else {
      if (!first.isReady) return false;
      this.#releaseFromSegment(first, first.nextDueMs);
    }
    this.count--;
    return true;
  }

  /** Whether the bytes of its head are in memory; if not, they are read, which wakes the line. */
  #isBlockReady(block: DelayBlock): boolean {
    const { store } = this.env;
    const page = store.pageAt(block.positions[block.heap.head]);
    if (page.bytes !== null) return true;
    if (block.loading) return false;
    block.loading = true;
    store.load(page, () => {
      block.loading = false;
      this.#wakeAt(0);
    });
    return false;
  }

  #releaseFromBlock(block: DelayBlock, dueMs: number): void {
    const { store } = this.env;
    const position = block.positions[block.heap.head];
    const page = store.pageAt(position);
    const offset = position - page.number * PAGE_SIZE;
    // The store has reported what is damaged.
    if (recordType(page, offset) === RecordType.message) this.#release(page, offset, dueMs);
    block.shift();
    store.settle(this.id, position, this.durable);
    if (block.segmentNumber === 0) return;
    block.releasedMeanwhile++;
    this.#progressed.add(block);
  }

  #releaseFromSegment(segment: DelaySegment, dueMs: number): void {
    const record = segment.headRecord();
    if (record !== null) this.#release(record.page, record.offset, dueMs);
    segment.shift();
    this.#progressed.add(segment);
  }

  #release(page: Page, offset: number, dueMs: number): void {
    this.releasedTotal++;
    this.env.release(this, page, offset, dueMs <= this.#repeatedUpToMs);
  }

  /** Says in the journal how far segments are released, those too that are still being made. */
  #noteProgress(): void {
    for (const source of this.#progressed) {
      if (source instanceof DelayBlock) this.#shelf.mark(source.segmentNumber, source.releasedMeanwhile);
      else this.#shelf.mark(source.header.number, source.cursor);
    }
    this.#progressed.clear();
  }

  /** @param perSecond undefined: no limit */
  setRate(perSecond: number | undefined): void {
    this.rate.perSecond = perSecond;
    if (this.count > 0) this.#wakeAt(this.nextDueMs);
  }

  // --- segments ---

  /** All of the segment is gone. */
  #end(segment: DelaySegment): void {
    this.#shelf.end(segment);
    if (this.#timer === null) this.#wakeAt(this.env.clock.nowMs() + TICK_MS);
  }

  #readAhead(nowMs: number): void {
    const first = this.#first();
    if (first !== null && !(first instanceof DelayBlock) && first.nextDueMs <= nowMs) {
      first.prepare(() => this.#segmentRead(first));
    }
    const monotonicMs = this.env.clock.monotonicMs();
    if (monotonicMs < this.#readAheadAtMs) return;
    this.#readAheadAtMs = monotonicMs + READ_AHEAD_EVERY_MS;
    const untilMs = nowMs + READ_AHEAD_MS;
    for (const segment of this.segments) {
      if (segment.nextDueMs <= untilMs) segment.prepare(() => this.#segmentRead(segment));
      else segment.rest();
    }
    for (const block of this.blocks) {
      block.heap.visitFirst(READ_AHEAD_MESSAGES, (slot) => {
        if (block.gone[slot] === 0 && block.dues[slot] <= untilMs) this.#loadPage(block.positions[slot]);
      });
    }
  }

  #loadPage(position: number): void {
    const { store } = this.env;
    const page = store.pageAt(position);
    if (page.bytes === null && !page.loading) store.load(page, () => undefined);
  }

  #segmentRead(segment: DelaySegment): void {
    const nowMs = this.env.clock.nowMs();
    this.count -= segment.takeLost();
    if (segment.isEnded && this.segments.includes(segment)) this.#end(segment);
    if (!segment.isReady && segment.nextDueMs <= nowMs + READ_AHEAD_MS) {
      segment.prepare(() => this.#segmentRead(segment));
    }
    if (segment.nextDueMs < this.#wakeAtMs) this.#wakeAt(segment.nextDueMs);
  }

  /** Has blocks made segments that are full and do not empty themselves soon. */
  #moveBlocks(nowMs: number): void {
    const { files, mover } = this.env;
    if (files === null) return;
    for (const block of this.blocks) {
      if (block.isMoving || !this.#isToMove(block, nowMs)) continue;
      block.isMoving = true;
      mover.move(this, block);
    }
    this.#holdPublishers();
  }

  #isToMove(block: DelayBlock, nowMs: number): boolean {
    if (block.waiting === 0) return false;
    const isPinning =
      this.env.store.nextPosition - block.positions[0] > PINNED_BYTES && this.segments.length < SEGMENTS_MOST;
    if (!block.isFull && !isPinning) return false;
    const kept = this.blocks.filter(({ isFull, isMoving }) => isFull && !isMoving).length;
    return kept > KEPT_BLOCKS || block.countAfter(nowMs + SOON_MS) * 2 > block.waiting;
  }

  /** The mover begins: from here on what is released from the block counts as the segment's first messages. */
  beginMove(block: DelayBlock): void {
    block.segmentNumber = this.#shelf.nextNumber();
    block.releasedMeanwhile = 0;
  }

  /** Publishers pause while moving does not keep up with them. */
  #holdPublishers(): void {
    const { store } = this.env;
    const waiting = this.blocks.filter(({ isMoving }) => isMoving).length;
    const isBehind = !this.deleted && waiting > WAITING_BLOCKS;
    if (isBehind === this.#holding) return;
    this.#holding = isBehind;
    if (isBehind) store.hold();
    else store.relieve();
  }

  /** The mover has made a segment of a block. What was released meanwhile are the segment's first ones. */
  moved(block: DelayBlock, segment: DelaySegment): void {
    segment.resume(block.releasedMeanwhile, NOTHING);
    this.count -= segment.takeLost();
    this.#progressed.delete(block);
    this.blocks.splice(this.blocks.indexOf(block), 1);
    this.#shelf.segments.push(segment);
    this.settling.add(block);
    if (segment.isEnded) this.#end(segment);
    this.#holdPublishers();
    if (segment.nextDueMs < this.#wakeAtMs) this.#wakeAt(segment.nextDueMs);
  }

  /** The mover could not write: the block stays, and is moved another time. */
  notMoved(block: DelayBlock): void {
    block.isMoving = false;
    block.segmentNumber = 0;
    this.#holdPublishers();
    if (this.#timer === null) this.#wakeAt(this.env.clock.nowMs() + TICK_MS);
  }

  // --- out of turn: see delay-control.ts ---

  /** What is in one of its slots, of a block that is not being made a segment, is gone. */
  cancelInBlock(block: DelayBlock, slot: number): void {
    block.cancel(slot);
    this.env.store.settle(this.id, block.positions[slot], this.durable);
    this.count--;
    this.#dropEmptyBlocks();
  }

  /** A message of the segment, which waits in it, is gone. */
  cancelInSegment(segment: DelaySegment, { position }: SegmentEntry): void {
    this.#shelf.mark(messageKey(position), 1);
    segment.cancel(position);
    this.count--;
    if (segment.waiting === 0) this.endSegment(segment);
  }

  /** All of the segment is gone. @returns how many messages that were */
  endSegment(segment: DelaySegment): number {
    const count = segment.skipToEnd();
    this.#shelf.mark(segment.header.number, segment.header.count);
    this.count -= count;
    this.#end(segment);
    return count;
  }

  // --- for the store ---

  /** For the index files: what is in the journal. */
  visitLive(
    wanted: (lowest: number, highest: number) => boolean,
    each: (position: number, size: number, priority: number) => void,
  ): void {
    if (!this.durable) return;
    for (const block of [...this.settling, ...this.blocks]) {
      const { positions, gone, count, settledSlots } = block;
      if (count === 0 || !wanted(positions[0], positions[count - 1])) continue;
      for (let i = settledSlots; i < count; i++) if (gone[i] === 0) each(positions[i], block.sizes[i], 0);
    }
  }

  get queueMarks(): QueueMarks {
    return { deliveredPosition: this.#grant.askedMs, deliveryCounts: this.#shelf.marks, mayExpire: false };
  }

  // --- the end ---

  /** The exchange is gone, and all that waits in it. */
  destroy(): void {
    this.#halt();
    const { store, files } = this.env;
    for (const { positions, gone, count, settledSlots } of [...this.settling, ...this.blocks]) {
      for (let i = settledSlots; i < count; i++) if (gone[i] === 0) store.release(positions[i]);
    }
    this.blocks.length = 0;
    this.settling.clear();
    this.count = 0;
    void files?.remove(this.id);
  }

  /** The broker stops; the messages stay. */
  stop(): void {
    this.#halt();
  }

  #halt(): void {
    this.deleted = true;
    this.#resolveHalted();
    this.#timer?.cancel();
    this.#timer = null;
    this.#holdPublishers();
    this.#shelf.close();
  }
}

const NOTHING: ReadonlySet<number> = new Set();
const NO_MARKS: ReadonlyMap<number, number> = new Map();
/** How long until the line looks again whether it may go on, when it waits for the journal. */
const HELD_UP_MS = 1;

function dueAt(page: Page, offset: number): number {
  const at = routeOffsetOf(page, offset) + routeSizeOf(page, offset);
  return dueAtIn(page.bytes as Buffer, at, at + propertiesSizeOf(page, offset), publishedAtOf(page, offset));
}
