/** The segments of a delay line: which there are, how far each is released, and when its file may go. */
import type { DamageReport } from '../storage/damage.ts';
import { type DelaySegment, openSegment, WINDOW_BYTES } from '../storage/delay-segment.ts';
import { goneFilePath, readGoneFile, writeGoneFile } from '../storage/gone-file.ts';
import type { DelayEnvironment, DelayLineIdentity } from './delay-environment.ts';
import { isSegmentKey, messageKey, messagesIn, nextSegmentNumber, positionOf } from './delay-marks.ts';

/** Marks of messages that a segment may have before a file takes their place. */
const MARKED_MOST = 256;

/** How far ahead the segments are known that have something due, and how often they are looked for. */
const NEAR_MS = 3000;
const LOOK_MS = 1000;
/** What is read at once of a segment, and of all that have something due soon together. */
const WINDOW_MIN_BYTES = 4096;
const WINDOW_MAX_BYTES = 1024 * 1024;
const WINDOWS_BYTES = 32 * 1024 * 1024;
/** Where more have something due soon, each is open only while it is read, and so many are read at a time. */
export const OPEN_MOST = 256;

export class DelayShelf {
  readonly #segments: DelaySegment[] = [];
  /** Of many segments few have something due soon: those, and the first one of all others. */
  #near: DelaySegment[] = [];
  #far: DelaySegment | null = null;
  #lookedAtMs = Number.NaN;
  /** See delay-marks.ts. */
  readonly marks = new Map<number, number>();
  readonly #line: DelayLineIdentity;
  readonly #env: DelayEnvironment;
  #ended: { readonly segment: DelaySegment; readonly appended: number }[] = [];
  #lastNumber = 0;
  /** Positions that have marks because they are gone out of their turn; those of a segment go to its file when they are many. */
  readonly #marked = new Map<DelaySegment, number[]>();
  readonly #folding = new Set<DelaySegment>();
  #closed = false;

  constructor(line: DelayLineIdentity, env: DelayEnvironment) {
    this.#line = line;
    this.#env = env;
  }

  /**
   * Opens what a start finds.
   * @param marks those that recovery knows @param early positions of which the marks stay
   * @returns how many messages wait there
   */
  open(marks: ReadonlyMap<number, number>, early: ReadonlySet<number>): number {
    const { files, disk, damage } = this.#env;
    let waiting = 0;
    for (const [key, value] of marks) {
      this.marks.set(key, value);
      if (isSegmentKey(key)) this.#lastNumber = Math.max(this.#lastNumber, key);
    }
    for (const path of files?.segmentsOf(this.#line.id) ?? []) {
      const segment = openSegment(path, disk, damage as DamageReport);
      if (segment === null) continue;
      const { number, lowestPosition, highestPosition } = segment.header;
      this.#lastNumber = Math.max(this.#lastNumber, number);
      const positions = messagesIn(this.marks, lowestPosition, highestPosition);
      segment.resume(this.marks.get(number) ?? 0, positions, this.#goneOf(segment));
      this.#marked.set(segment, [...positions]);
      this.#segments.push(segment);
      // What is lost is told, and does not wait.
      segment.takeLost();
      waiting += segment.waiting;
      if (segment.isEnded) this.end(segment);
      // It is looked at in a while: until then it may be one of thousands.
      else segment.rest(true);
    }
    this.#forgetMarks(early);
    return waiting;
  }

  /** Of segments that are no more. */
  #forgetMarks(early: ReadonlySet<number>): void {
    for (const key of this.marks.keys()) {
      if (early.has(positionOf(key))) continue;
      const isKept = ({ header }: DelaySegment) =>
        key === header.number || (key > header.lowestPosition && key <= messageKey(header.highestPosition));
      if (!this.segments.some(isKept) && !this.#ended.some(({ segment }) => isKept(segment))) this.marks.delete(key);
    }
  }

  /** Positions that stand in a segment: the broker was killed before the journal said that they had been moved. */
  movedAmong(positions: Float64Array): Set<number> {
    const moved = new Set<number>();
    const segments = [...this.segments, ...this.#ended.map(({ segment }) => segment)];
    for (const segment of segments) {
      const { lowestPosition, highestPosition } = segment.header;
      if (!positions.some((position) => position >= lowestPosition && position <= highestPosition)) continue;
      for (const position of segment.positions()) moved.add(position);
    }
    return moved;
  }

  get segments(): readonly DelaySegment[] {
    return this.#segments;
  }

  add(segment: DelaySegment): void {
    this.#segments.push(segment);
    this.#lookedAtMs = Number.NaN;
  }

  /** What holds the message that is due first. */
  first(nowMs: number): DelaySegment | null {
    if (!(nowMs >= this.#lookedAtMs && nowMs < this.#lookedAtMs + LOOK_MS)) this.#lookAround(nowMs);
    const near = earliest(this.#near);
    const far = this.#far;
    return near === null || (far !== null && far.nextDueMs < near.nextDueMs) ? far : near;
  }

  /** How much is read at once of a segment: more where it is late, less where many have something due. */
  windowBytes(isLate: boolean): number {
    const share = Math.floor(WINDOWS_BYTES / this.#near.length);
    return Math.max(WINDOW_MIN_BYTES, Math.min(isLate ? WINDOW_MAX_BYTES : WINDOW_BYTES, share));
  }

  /** Whether there are too many to have all of them open that have something due soon. */
  get isCrowded(): boolean {
    return this.#near.length > OPEN_MOST;
  }

  #lookAround(nowMs: number): void {
    this.#lookedAtMs = nowMs;
    const isNear = ({ nextDueMs }: DelaySegment) => nextDueMs <= nowMs + NEAR_MS;
    this.#near = this.#segments.filter(isNear);
    this.#far = earliest(this.#segments.filter((segment) => !isNear(segment)));
  }

  nextNumber(): number {
    this.#lastNumber = nextSegmentNumber(this.#lastNumber, this.#env.store.nextPosition);
    return this.#lastNumber;
  }

  /** Notes it in the journal, for the start after a kill. */
  mark(key: number, value: number): void {
    this.marks.set(key, value);
    if (this.#line.durable) this.#env.store.progressed(this.#line.id, key, value);
  }

  /** @returns null when no file tells, or it cannot be read: then what it told of comes at its time */
  #goneOf({ path, header }: DelaySegment): Uint8Array | null {
    const gonePath = goneFilePath(path);
    try {
      return readGoneFile(gonePath, header.count);
    } catch (error) {
      const { damage } = this.#env;
      const effect = 'messages that were cancelled, or released early, will be released';
      damage?.tell(`${gonePath} cannot be read: ${(error as Error).message}; ${effect}; ${damage.move(gonePath)}`);
      return null;
    }
  }

  /** A message of a segment is gone out of its turn. */
  markGone(segment: DelaySegment, position: number): void {
    this.#lookedAtMs = Number.NaN;
    this.mark(messageKey(position), 1);
    const marked = this.#marked.get(segment) ?? [];
    this.#marked.set(segment, marked);
    marked.push(position);
    if (marked.length >= MARKED_MOST && !this.#folding.has(segment)) void this.#fold(segment, marked);
  }

  /** Writes the segment's file that tells what is gone, and forgets the marks: there may be millions. */
  async #fold(segment: DelaySegment, marked: readonly number[]): Promise<void> {
    const { store, disk, log } = this.#env;
    this.#folding.add(segment);
    this.#marked.delete(segment);
    const { gone, header, path } = segment;
    try {
      // The file must not say of a message that it was released when a kill could still undo that.
      await store.untilDurable();
      if (this.#closed || !this.segments.includes(segment)) return;
      await writeGoneFile(goneFilePath(path), gone, header.count, disk);
      for (const position of marked) this.marks.delete(messageKey(position));
    } catch (error) {
      if (this.#closed) return;
      this.#marked.set(segment, [...marked, ...(this.#marked.get(segment) ?? [])]);
      log.warning('store', `what is cancelled stays in the journal for now: ${(error as Error).message}`);
    } finally {
      this.#folding.delete(segment);
    }
  }

  /** All of the segment is gone: its file goes once the journal says so on the disk. */
  end(segment: DelaySegment): void {
    this.#segments.splice(this.#segments.indexOf(segment), 1);
    this.#lookedAtMs = Number.NaN;
    this.#marked.delete(segment);
    this.#ended.push({ segment, appended: this.#env.store.appended });
  }

  get hasEnded(): boolean {
    return this.#ended.length > 0;
  }

  removeEnded(): void {
    if (this.#ended.length === 0) return;
    const { durable } = this.#env.store;
    const gone = this.#ended.filter(({ appended }) => appended <= durable);
    if (gone.length === 0) return;
    this.#ended = this.#ended.filter((each) => !gone.includes(each));
    for (const { segment } of gone) segment.close();
    void this.#remove(gone.map(({ segment }) => segment));
  }

  /** What cannot be removed now is by the next start, to which the marks say that it is done with. */
  async #remove(gone: readonly DelaySegment[]): Promise<void> {
    try {
      await this.#env.files?.removeSegments(gone.map(({ path }) => path));
      for (const segment of gone) this.#forget(segment);
    } catch (error) {
      if (this.#closed) return;
      this.#env.log.warning('store', `a file of delayed messages stays: ${(error as Error).message}`);
    }
  }

  /** Its file is gone for certain: nothing has to be known of it any more. */
  #forget({ header }: DelaySegment): void {
    this.marks.delete(header.number);
    const overlaps = ({ header: other }: DelaySegment) =>
      other.lowestPosition <= header.highestPosition && other.highestPosition >= header.lowestPosition;
    if (this.segments.some(overlaps)) return;
    for (const position of messagesIn(this.marks, header.lowestPosition, header.highestPosition)) {
      this.marks.delete(messageKey(position));
    }
  }

  close(): void {
    this.#closed = true;
    for (const segment of this.segments) segment.close();
    for (const { segment } of this.#ended) segment.close();
  }
}

/** Of those of which something is left. */
function earliest(segments: readonly DelaySegment[]): DelaySegment | null {
  let first: DelaySegment | null = null;
  for (const segment of segments) {
    if (segment.nextDueMs < (first?.nextDueMs ?? Number.POSITIVE_INFINITY)) first = segment;
  }
  return first;
}
