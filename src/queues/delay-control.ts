/**
 * What somebody may do with messages while they wait in a delay line: look at them, cancel them, release them now.
 *
 * All of it goes on in slices beside the broker's work, and looks anew at each message before it does anything to it: the line
 * releases what is due meanwhile. What was done is on the disk when the promise resolves.
 *
 *   cancel     in the journal: settled, or a mark (delay-marks.ts) where the message is in a segment
 *   release    a mark that it may be handed out, on the disk; then the message as it is routed and the mark that it is gone, as
 *              one atomic group. Killed in between, the line releases it at its time and says that it may be a second one.
 */
import type { Slices } from '../runtime/slices.ts';
import { DelaySegment } from '../storage/delay-segment.ts';
import { PAGE_SIZE, type Page } from '../storage/page.ts';
import { RecordType, recordType } from '../storage/record.ts';
import type { DelayLine } from './delay-line.ts';
import {
  DelayWalk,
  findWaiting,
  type WaitingId,
  type WaitingPlace,
  type WaitingRecord,
  type WalkBounds,
} from './delay-walk.ts';

/** Of a record, so much has its route and its properties: they came in one frame. */
const HEAD_BYTES = 256 * 1024;
/** Messages that are cancelled, or released, before what was done to them is handed to the journal. */
const BATCH = 1024;
/** How long until it is looked again whether the store may take more. */
const HELD_UP_MS = 5;

/** Which of those that wait. */
export interface Selection extends WalkBounds {
  /** Looks at route and properties of the record; the body may not be there. Left out: all. */
  readonly wants?: ((page: Page, offset: number) => boolean) | undefined;
}

export interface Limits {
  /** How many are wanted. */
  readonly count: number;
  /** How many are looked at, at most. */
  readonly examined: number;
}

/**
 * Hands out those that are selected, in the order in which they are due.
 * @returns what to go on behind for more, or null at the end
 */
export async function visitWaiting(
  line: DelayLine,
  selection: Selection,
  limits: Limits,
  slices: Slices,
  each: (record: WaitingRecord) => void,
): Promise<WaitingId | null> {
  const walk = new DelayWalk(line, selection, slices);
  let count = 0;
  let last: WaitingId | null = null;
  for (let examined = 0; count < limits.count && examined < limits.examined; examined++) {
    const place = await walk.next();
    if (place === null) return null;
    last = place;
    const isFiltered = selection.wants !== undefined;
    const record = (isFiltered ? await walk.record(place) : null) ?? (await recordOf(line, place, HEAD_BYTES));
    if (record === null || selection.wants?.(record.page, record.offset) === false) continue;
    each(record);
    count++;
  }
  return last;
}

/** One that waits, or null. @throws Error of the disk */
export async function waitingRecord(line: DelayLine, id: WaitingId): Promise<WaitingRecord | null> {
  const place = await findWaiting(line, id);
  return place === null ? null : recordOf(line, place);
}

/** @returns whether it had waited */
export async function cancelOne(line: DelayLine, id: WaitingId): Promise<boolean> {
  const isCancelled = await cancel(line, id);
  await done(line);
  return isCancelled;
}

/** Also when it is not due for long. @returns whether it had waited */
export async function releaseOne(line: DelayLine, id: WaitingId, slices: Slices): Promise<boolean> {
  return (await releaseBatch(line, [id], slices)) === 1;
}

/** @returns how many were cancelled */
export async function cancelWaiting(line: DelayLine, selection: Selection, slices: Slices): Promise<number> {
  return forSelected(line, selection, slices, async (batch) => {
    let count = 0;
    for (const id of batch) {
      if (slices.isOver) await slices.next();
      if (await cancel(line, id)) count++;
    }
    await done(line);
    return count;
  });
}

/** In the order in which they are due, however many the rate of the line would let go. @returns how many were released */
export async function releaseWaiting(line: DelayLine, selection: Selection, slices: Slices): Promise<number> {
  return forSelected(line, selection, slices, (batch) => releaseBatch(line, batch, slices));
}

/** Cancels all that waits now. @returns how many they were */
export async function purgeWaiting(line: DelayLine, slices: Slices): Promise<number> {
  let count = 0;
  for (const segment of line.segments.slice()) {
    count += line.endSegment(segment);
  }
  line.cancelledTotal += count;
  return count + (await cancelWaiting(line, {}, slices));
}

async function forSelected(
  line: DelayLine,
  selection: Selection,
  slices: Slices,
  work: (batch: readonly WaitingPlace[]) => Promise<number>,
): Promise<number> {
  let walk = new DelayWalk(line, selection, slices);
  let count = 0;
  let after = selection.after;
  for (let isEnd = false; !isEnd && !line.deleted; ) {
    if (walk.isStale) {
      await walk.settled();
      walk = new DelayWalk(line, { ...selection, after }, slices);
    }
    const batch: WaitingPlace[] = [];
    while (batch.length < BATCH) {
      const place = await walk.next();
      isEnd = place === null;
      if (place === null) break;
      after = place;
      if (await isWanted(line, walk, place, selection)) batch.push(place);
    }
    if (batch.length > 0) count += await work(batch);
  }
  return count;
}

async function isWanted(line: DelayLine, walk: DelayWalk, place: WaitingPlace, { wants }: Selection): Promise<boolean> {
  if (wants === undefined) return true;
  const record = (await walk.record(place)) ?? (await recordOf(line, place, HEAD_BYTES));
  return record !== null && wants(record.page, record.offset);
}

async function cancel(line: DelayLine, id: WaitingId | WaitingPlace): Promise<boolean> {
  for (let place = await placeOf(line, id); place !== null; place = await findWaiting(line, id)) {
    if (!line.mayTakeOut(place)) continue;
    line.takeOut(place);
    line.cancelledTotal++;
    return true;
  }
  return false;
}

/** Where it stands, unless it is known. */
async function placeOf(line: DelayLine, id: WaitingId | WaitingPlace): Promise<WaitingPlace | null> {
  return 'source' in id && line.mayTakeOut(id) ? id : findWaiting(line, id);
}

async function releaseBatch(
  line: DelayLine,
  batch: readonly (WaitingId | WaitingPlace)[],
  slices: Slices,
): Promise<number> {
  const places: WaitingPlace[] = [];
  for (const id of batch) {
    if (slices.isOver) await slices.next();
    const place = await placeOf(line, id);
    if (place === null) continue;
    line.noteEarly(place.position);
    places.push(place);
  }
  await Promise.race([line.env.store.untilDurable(), line.halted]);
  let count = 0;
  for (const place of places) {
    if (slices.isOver) await slices.next();
    if (await release(line, place)) count++;
    else line.forgetEarly(place.position);
  }
  await done(line);
  return count;
}

async function release(line: DelayLine, known: WaitingPlace): Promise<boolean> {
  for (let place = await placeOf(line, known); place !== null; place = await findWaiting(line, known)) {
    while (line.env.store.congested && !line.deleted) await relief(line);
    const record = await recordOf(line, place);
    if (record === null) return false;
    if (!line.mayTakeOut(record.place)) continue;
    line.releaseEarly(record.place, record.page, record.offset);
    return true;
  }
  return false;
}

function relief({ env: { clock } }: DelayLine): Promise<void> {
  return new Promise((done) => clock.after(HELD_UP_MS, done));
}

/** The record, wherever the message is by now; null when it waits no more, or is damaged. */
async function recordOf(line: DelayLine, id: WaitingPlace, mostBytes?: number): Promise<WaitingRecord | null> {
  let place: WaitingPlace | null = id;
  while (place !== null && !line.deleted) {
    if (place.source instanceof DelaySegment) return recordInSegment(place.source, place, mostBytes);
    if (line.blocks.includes(place.source)) {
      const page = await loadedPage(line, place);
      if (page !== null) return recordInPage(page, place);
    }
    place = await findWaiting(line, id);
  }
  return null;
}

async function recordInSegment(
  segment: DelaySegment,
  place: WaitingPlace,
  mostBytes = Number.POSITIVE_INFINITY,
): Promise<WaitingRecord | null> {
  const { entry } = place;
  if (entry === undefined || segment.isClosed) return null;
  const isWhole = entry.size <= mostBytes;
  const page = isWhole ? await segment.record(entry) : await segment.read(entry.offset, mostBytes);
  return page === null || recordType(page, 0) !== RecordType.message ? null : { place, page, offset: 0 };
}

/** @returns null when the message went, or moved, meanwhile */
async function loadedPage(line: DelayLine, { source, index, position }: WaitingPlace): Promise<Page | null> {
  const { store } = line.env;
  const isThere = () => !(source instanceof DelaySegment) && line.blocks.includes(source) && source.gone[index] === 0;
  while (isThere()) {
    const page = store.pageAt(position);
    if (page.bytes !== null) return page;
    await new Promise<void>((loaded) => store.load(page, loaded));
  }
  return null;
}

function recordInPage(page: Page, place: WaitingPlace): WaitingRecord | null {
  const offset = place.position - page.number * PAGE_SIZE;
  return recordType(page, offset) === RecordType.message ? { place, page, offset } : null;
}

/** Resolves when what was done is on the disk. */
async function done(line: DelayLine): Promise<void> {
  line.env.turn.schedule();
  await Promise.race([line.env.store.untilDurable(), line.halted]);
}
