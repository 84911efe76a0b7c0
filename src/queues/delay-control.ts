/**
 * What an operator may do with the messages of a delay line: list them, look at one, cancel, release early, purge. A message is
 * named by its id, which is its position in the journal and stays the same when it moves to a segment.
 *
 * All of it is rare and waits where it has to: for what is being moved, and for the journal, before it says that something is done.
 */
import type { DelaySegment } from '../storage/delay-segment.ts';
import { PAGE_SIZE, type Page } from '../storage/page.ts';
import { recordSize } from '../storage/record.ts';
import type { DelayBlock } from './delay-block.ts';
import type { DelayLine } from './delay-line.ts';

export interface DelayedMessage {
  readonly id: number;
  readonly dueAtMs: number;
  /** Bytes of its record: route, properties and body among them. */
  readonly size: number;
}

/** Where a list goes on: behind this message, in the order of (due, id). */
export type DelayedPlace = Pick<DelayedMessage, 'dueAtMs' | 'id'>;

/** The record of a message, in a page of its own or the store's; for the time of the turn. */
export interface DelayedRecord {
  readonly page: Page;
  readonly offset: number;
}

/** The first messages behind a place, in the order in which they are due. */
export async function listDelayed(line: DelayLine, count: number, behind?: DelayedPlace): Promise<DelayedMessage[]> {
  const found: DelayedMessage[] = [];
  for (const block of line.blocks) found.push(...listBlock(block, behind));
  const kept = firstOf(found, count);
  for (const segment of [...line.segments]) {
    // What is due first there is behind the last of a full page.
    if (kept.length === count && segment.nextDueMs > kept[count - 1].dueAtMs) continue;
    kept.push(...(await listSegment(segment, count, behind)));
    kept.splice(0, kept.length, ...firstOf(kept, count));
  }
  return kept;
}

function* listBlock(block: DelayBlock, behind: DelayedPlace | undefined): Iterable<DelayedMessage> {
  for (let slot = 0; slot < block.count; slot++) {
    if (block.gone[slot] === 1) continue;
    const message = { id: block.positions[slot], dueAtMs: block.dues[slot], size: block.sizes[slot] };
    if (isBehind(message, behind)) yield message;
  }
}

async function listSegment(
  segment: DelaySegment,
  count: number,
  behind: DelayedPlace | undefined,
): Promise<DelayedMessage[]> {
  const found: DelayedMessage[] = [];
  for await (const { position, dueAtMs, size } of segment.entries()) {
    const message = { id: position, dueAtMs, size };
    if (!isBehind(message, behind)) continue;
    found.push(message);
    if (found.length === count) break;
  }
  return found;
}

function isBehind({ dueAtMs, id }: DelayedPlace, place: DelayedPlace | undefined): boolean {
  if (place === undefined) return true;
  return dueAtMs > place.dueAtMs || (dueAtMs === place.dueAtMs && id > place.id);
}

function firstOf(messages: DelayedMessage[], count: number): DelayedMessage[] {
  return messages.sort((a, b) => a.dueAtMs - b.dueAtMs || a.id - b.id).slice(0, count);
}

/** @returns undefined when it does not wait, or not any more */
export async function lookAtDelayed(
  line: DelayLine,
  id: number,
): Promise<(DelayedMessage & DelayedRecord) | undefined> {
  for (const block of line.blocks) {
    const slot = block.find(id);
    if (slot < 0) continue;
    const record = recordInBlock(line, block, slot);
    return { id, dueAtMs: block.dues[slot], size: recordSize(record.page, record.offset), ...record };
  }
  for (const segment of line.segments) {
    const entry = await segment.find(id);
    const page = entry === undefined ? null : await segment.record(entry);
    if (entry !== undefined && page !== null) return { id, dueAtMs: entry.dueAtMs, size: entry.size, page, offset: 0 };
  }
  return undefined;
}

function recordInBlock({ env: { store } }: DelayLine, block: DelayBlock, slot: number): DelayedRecord {
  const position = block.positions[slot];
  const page = store.pageAt(position);
  store.loadSync(page);
  return { page, offset: position - page.number * PAGE_SIZE };
}

/** Resolves once the journal says so on the disk. @returns how many of them waited */
export async function cancelDelayed(line: DelayLine, ids: Iterable<number>): Promise<number> {
  let count = 0;
  for (const id of ids) if (await cancelOne(line, id)) count++;
  await done(line);
  line.cancelledTotal += count;
  return count;
}

/** Cancels whatever `matches`, which is given each record. @returns how many messages that were */
export async function cancelMatching(line: DelayLine, matches: (record: DelayedRecord) => boolean): Promise<number> {
  const ids: number[] = [];
  for (const block of line.blocks) {
    for (let slot = 0; slot < block.count; slot++) {
      if (block.gone[slot] === 0 && matches(recordInBlock(line, block, slot))) ids.push(block.positions[slot]);
    }
  }
  for (const segment of [...line.segments]) {
    for await (const entry of segment.entries()) {
      const page = await segment.record(entry);
      if (page !== null && matches({ page, offset: 0 })) ids.push(entry.position);
    }
  }
  return cancelDelayed(line, ids);
}

async function cancelOne(line: DelayLine, id: number): Promise<boolean> {
  await settled(line);
  for (const block of line.blocks) {
    const slot = block.find(id);
    if (slot < 0) continue;
    line.cancelInBlock(block, slot);
    return true;
  }
  for (const segment of line.segments) {
    const entry = await segment.find(id);
    // It may have been released while it was looked for.
    if (entry === undefined || !segment.holds(entry)) continue;
    line.cancelInSegment(segment, entry);
    return true;
  }
  return false;
}

/** Cancels all. @returns how many messages that were */
export async function purgeDelayed(line: DelayLine): Promise<number> {
  await settled(line);
  let count = 0;
  for (const block of [...line.blocks]) {
    for (let slot = 0; slot < block.count; slot++) {
      if (block.gone[slot] === 1) continue;
      line.cancelInBlock(block, slot);
      count++;
    }
  }
  for (const segment of [...line.segments]) count += line.endSegment(segment);
  await done(line);
  line.cancelledTotal += count;
  return count;
}

/** No block is being made a segment: until the end of this turn what waits stays where it is. */
async function settled({ blocks, env }: DelayLine): Promise<void> {
  while (blocks.some(({ segmentNumber }) => segmentNumber > 0)) await env.mover.idle();
}

async function done({ env }: DelayLine): Promise<void> {
  env.schedule();
  await env.store.untilDurable();
}
