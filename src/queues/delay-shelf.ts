/** The segments of a delay line: which there are, how far each is released, and when its file may go. */
import type { DamageReport } from '../storage/damage.ts';
import { type DelaySegment, openSegment } from '../storage/delay-segment.ts';
import type { DelayEnvironment, DelayLineIdentity } from './delay-environment.ts';
import { isSegmentKey, messageKey, messagesIn, nextSegmentNumber, positionOf } from './delay-marks.ts';

export class DelayShelf {
  readonly segments: DelaySegment[] = [];
  /** See delay-marks.ts. */
  readonly marks = new Map<number, number>();
  readonly #line: DelayLineIdentity;
  readonly #env: DelayEnvironment;
  #ended: { readonly segment: DelaySegment; readonly appended: number }[] = [];
  #lastNumber = 0;
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
      segment.resume(this.marks.get(number) ?? 0, messagesIn(this.marks, lowestPosition, highestPosition));
      this.segments.push(segment);
      waiting += segment.waiting;
      if (segment.isEnded) this.end(segment);
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

  nextNumber(): number {
    this.#lastNumber = nextSegmentNumber(this.#lastNumber, this.#env.store.nextPosition);
    return this.#lastNumber;
  }

  /** Notes it in the journal, for the start after a kill. */
  mark(key: number, value: number): void {
    this.marks.set(key, value);
    if (this.#line.durable) this.#env.store.progressed(this.#line.id, key, value);
  }

  /** All of the segment is gone: its file goes once the journal says so on the disk. */
  end(segment: DelaySegment): void {
    this.segments.splice(this.segments.indexOf(segment), 1);
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
