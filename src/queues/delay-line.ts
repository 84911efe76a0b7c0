/**
 * A delay line: the messages that wait in an x-delayed-message exchange, or the dead letters that wait in a vhost, and their
 * release.
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

import { DurationHistogram } from '../metrics/duration-histogram.ts';
import type { Timer } from '../runtime/clock.ts';
import type { QueueMarks } from '../storage/checkpoint.ts';
import { DelaySegment } from '../storage/delay-segment.ts';
import { PAGE_SIZE, type Page } from '../storage/page.ts';
import { publishedAtOf, RecordType, recordSize, recordType } from '../storage/record.ts';
import type { RecoveredQueue } from '../storage/recovery.ts';
import { DelayBlock, dueAt } from './delay-block.ts';
import type { DelayEnvironment, DelayLineIdentity, Timely } from './delay-environment.ts';
import { earlyIn, messageKey } from './delay-marks.ts';
import { DelayShelf, OPEN_MOST } from './delay-shelf.ts';
import type { WaitingPlace } from './delay-walk.ts';
import { ReleaseGrant } from './release-grant.ts';
import { ReleaseRate } from './release-rate.ts';

/** The clock is asked at least so often. */
const TICK_MS = 1000;
/** What is to be done within this time is done by the first turn behind it, if no timer comes before. */
const IN_TURNS_MS = 2;
/** So many are released in one atomic group... */
const RELEASED_AT_ONCE = 256;
/** ...and others have their turn after so long. */
const RELEASING_MS = 3;
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
const WAITING_BLOCKS = 3;
/** A block that is not full is moved when this much was written to the journal behind its first message... */
const PINNED_BYTES = 1024 * 1024 * 1024;
/** ...as long as the line has no more segments than this: files that are not full are many. */
const SEGMENTS_MOST = 1000;

type Source = DelayBlock | DelaySegment;

export class DelayLine implements DelayLineIdentity, Timely {
  readonly vhost: string;
  readonly name: string;
  readonly id: number;
  readonly durable: boolean;
  /** Its id, if it is durable: what its messages' records name. */
  readonly durableIds: readonly number[];
  /** How many messages wait. */
  count = 0;
  /** Since the line was made, or the broker started. */
  releasedTotal = 0;
  cancelledTotal = 0;
  /** Of those released: they reached no queue. */
  unroutableTotal = 0;
  /** How much later than their time they went, but for those that somebody wanted before. */
  readonly lateness = new DurationHistogram();
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
  /** Positions of what may have been handed out before its turn, and before the broker was killed. */
  #early: ReadonlySet<number> = NOTHING;
  /** What was due by then may have been released before the broker was killed. */
  #repeatedUpToMs = Number.NEGATIVE_INFINITY;
  readonly #grant: ReleaseGrant;
  #timer: Timer | null = null;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  /** The next turn asks what the time is. */
  #isInTurns = false;
  #readAheadAtMs = Number.NEGATIVE_INFINITY;
  #holding = false;

  constructor(identity: DelayLineIdentity, ratePerSecond: number | undefined, env: DelayEnvironment) {
    this.vhost = identity.vhost;
    this.name = identity.name;
    this.id = identity.id;
    this.durable = identity.durable;
    this.durableIds = identity.durable ? [identity.id] : [];
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
    const marks = found?.deliveryCounts ?? NO_MARKS;
    if (files?.wasStopped === false) this.#early = earlyIn(marks);
    this.count = this.#shelf.open(marks, this.#early);
    const lost = found === undefined ? 0 : this.#adoptJournal(found);
    if (this.count > 0 || this.#shelf.hasEnded) this.#wakeAt(clock.nowMs());
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
    this.env.turn.schedule();
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
    let first: Source | null = this.#shelf.first(this.env.clock.nowMs());
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
    if (delayMs > IN_TURNS_MS || this.#isInTurns) return;
    this.#isInTurns = true;
    this.env.turn.awaitTime(this);
  }

  inTurn(nowMs: number): boolean {
    if (nowMs >= this.#wakeAtMs) this.#onTime();
    this.#isInTurns = this.#wakeAtMs <= nowMs + IN_TURNS_MS;
    return this.#isInTurns;
  }

  readonly #onTime = (): void => {
    this.#timer?.cancel();
    this.#timer = null;
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
    if (this.deleted) return;
    const { clock, store } = this.env;
    const nowMs = clock.nowMs();
    const { nextDueMs } = this;
    if (nextDueMs <= nowMs + READ_AHEAD_MS) this.#askGrant(nowMs);
    const isHeldUp = store.congested || (this.durable && nextDueMs <= nowMs && !this.#grant.covers(nowMs));
    if (!isHeldUp && nextDueMs <= nowMs) this.#releaseAll(nowMs);
    this.#shelf.removeEnded();
    this.#lookAhead(nowMs);
    if (this.count === 0 && !this.#shelf.hasEnded && this.settling.size === 0) return;
    const waitMs = Math.max(this.rate.waitMs, isHeldUp ? HELD_UP_MS : 0);
    this.#wakeAt(Math.max(this.#nextActionMs(), nowMs + waitMs));
  };

  #askGrant(nowMs: number): void {
    if (this.durable && this.#grant.ask(nowMs)) this.env.turn.schedule();
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

  /** Releases what is due, for a while. */
  #releaseAll(nowMs: number): void {
    const { clock, store } = this.env;
    const endMs = clock.monotonicMs() + RELEASING_MS;
    while (this.#releaseSome(nowMs) === RELEASED_AT_ONCE && clock.monotonicMs() < endMs && !store.congested);
    for (const segment of this.segments.filter(({ isEnded }) => isEnded)) this.#end(segment);
    this.#dropEmptyBlocks();
    this.env.turn.schedule();
  }

  /** Releases some of what is due, in one atomic group with what says so. @returns how many */
  #releaseSome(nowMs: number): number {
    const { store, clock } = this.env;
    const most = Math.min(RELEASED_AT_ONCE, this.rate.allowed(clock.monotonicMs()));
    let count = 0;
    store.beginAtomic();
    try {
      while (count < most && this.#releaseNext(nowMs)) count++;
      this.#noteProgress();
    } finally {
      store.endAtomic();
    }
    this.rate.spend(count);
    return count;
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
    const isReady = first instanceof DelayBlock ? this.#isBlockReady(first) : first.isReady;
    if (!isReady) return false;
    this.lateness.count(nowMs - first.nextDueMs);
    if (first instanceof DelayBlock) this.#releaseFromBlock(first, first.nextDueMs);
    else this.#releaseFromSegment(first, first.nextDueMs);
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
    // Before its release, which may bring another one into this very block.
    block.shift();
    if (block.segmentNumber !== 0) {
      block.releasedMeanwhile++;
      this.#progressed.add(block);
    }
    // The store has reported what is damaged.
    if (recordType(page, offset) === RecordType.message) this.#release(page, offset, position, dueMs);
    store.settle(this.id, position, this.durable);
  }

  #releaseFromSegment(segment: DelaySegment, dueMs: number): void {
    const record = segment.headRecord();
    if (record !== null) this.#release(record.page, record.offset, record.position, dueMs);
    segment.shift();
    this.#progressed.add(segment);
  }

  #release(page: Page, offset: number, position: number, dueMs: number): void {
    this.releasedTotal++;
    const isRepeated = dueMs <= this.#repeatedUpToMs || (this.#early.size > 0 && this.#early.has(position));
    this.env.release(this, page, offset, isRepeated);
  }

  /** Says in the journal how far segments are released, those too that are still being made. */
  #noteProgress(): void {
    if (this.#progressed.size === 0) return;
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

  /** Now and then: has read what is due soon, and moved what is not. */
  #lookAhead(nowMs: number): void {
    const first = this.#first();
    if (first !== null && !(first instanceof DelayBlock) && first.nextDueMs <= nowMs) this.#prepare(first, nowMs);
    const monotonicMs = this.env.clock.monotonicMs();
    if (monotonicMs < this.#readAheadAtMs) return;
    this.#readAheadAtMs = monotonicMs + READ_AHEAD_EVERY_MS;
    this.#moveBlocks(nowMs);
    const untilMs = nowMs + READ_AHEAD_MS;
    let unread = 0;
    for (const segment of this.segments) {
      if (segment.nextDueMs > untilMs) segment.rest(segment.nextDueMs > nowMs + SOON_MS);
      else if (!segment.isReady && unread++ < OPEN_MOST) this.#prepare(segment, nowMs);
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

  /** Has more read at once where the line is late: every read costs it a turn. */
  #prepare(segment: DelaySegment, nowMs: number): void {
    const bytes = this.#shelf.windowBytes(segment.nextDueMs <= nowMs);
    segment.prepare(() => this.#segmentRead(segment), bytes);
  }

  #segmentRead(segment: DelaySegment): void {
    const nowMs = this.env.clock.nowMs();
    this.count -= segment.takeLost();
    if (segment.isEnded && this.segments.includes(segment)) this.#end(segment);
    if (!segment.isReady && segment.nextDueMs <= nowMs + READ_AHEAD_MS) this.#prepare(segment, nowMs);
    if (this.#shelf.isCrowded) segment.restFile();
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
    block.made = Promise.withResolvers();
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
    block.made?.resolve();
    segment.begin(block.releasedMeanwhile, block.nextDueMs);
    this.#progressed.delete(block);
    this.blocks.splice(this.blocks.indexOf(block), 1);
    this.#shelf.add(segment);
    this.settling.add(block);
    if (segment.isEnded) this.#end(segment);
    this.#holdPublishers();
    if (segment.nextDueMs < this.#wakeAtMs) this.#wakeAt(segment.nextDueMs);
  }

  /** The mover could not write: the block stays, and is moved another time. */
  notMoved(block: DelayBlock): void {
    block.made?.resolve();
    block.isMoving = false;
    block.segmentNumber = 0;
    this.#dropEmptyBlocks();
    this.#holdPublishers();
    if (this.#timer === null) this.#wakeAt(this.env.clock.nowMs() + TICK_MS);
  }

  // --- out of turn: see delay-control.ts ---

  /** Whether it is still there, and may be taken out: not while its block is being made a segment. */
  mayTakeOut({ source, index }: WaitingPlace): boolean {
    if (source instanceof DelaySegment) return this.segments.includes(source) && source.isWaitingAt(index);
    return this.blocks.includes(source) && source.segmentNumber === 0 && source.gone[index] === 0;
  }

  /** A message that waits, and may be taken out, is gone. */
  takeOut({ source, index, position }: WaitingPlace): void {
    this.count--;
    if (source instanceof DelaySegment) {
      source.takeOut(index);
      this.#shelf.markGone(source, position);
      if (source.waiting === 0) this.endSegment(source);
      // Or what is due next would not be known until its time.
      else if (!source.isHeadKnown) this.#prepare(source, this.env.clock.nowMs());
    } else {
      source.cancel(index);
      this.env.store.settle(this.id, position, this.durable);
      this.#shelf.marks.delete(messageKey(position));
      this.#dropEmptyBlocks();
    }
  }

  /** All of a segment is gone. @returns how many messages that were */
  endSegment(segment: DelaySegment): number {
    const count = segment.skipToEnd();
    this.#shelf.mark(segment.header.number, segment.header.count);
    this.count -= count;
    this.#end(segment);
    return count;
  }

  /** It may be handed out before its turn from now on; if the broker is killed before it is known to be gone, it is marked. */
  noteEarly(position: number): void {
    if (this.durable) this.#shelf.mark(messageKey(position), 0);
  }

  /** It was not handed out after all. */
  forgetEarly(position: number): void {
    if (this.marks.get(messageKey(position)) === 0) this.#shelf.marks.delete(messageKey(position));
  }

  /** Releases a message before its turn, in one atomic group with what says so. */
  releaseEarly(place: WaitingPlace, page: Page, offset: number): void {
    const { store } = this.env;
    store.beginAtomic();
    try {
      this.#release(page, offset, place.position, place.dueAtMs);
      this.takeOut(place);
    } finally {
      store.endAtomic();
    }
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
    const { store, files, mover } = this.env;
    const isMoving = this.blocks.some((block) => block.isMoving);
    for (const { positions, gone, count, settledSlots } of [...this.settling, ...this.blocks]) {
      for (let i = settledSlots; i < count; i++) if (gone[i] === 0) store.release(positions[i]);
    }
    this.blocks.length = 0;
    this.settling.clear();
    this.count = 0;
    void files?.remove(this.id);
    // What is being written may come into the folder behind that.
    if (isMoving) void mover.idle().then(() => files?.remove(this.id));
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
