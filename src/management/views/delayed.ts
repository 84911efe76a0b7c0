/** What waits in x-delayed-message exchanges, as the API shows it. */
import { decodeProperties } from '../../protocol/properties.ts';
import type { DelayLine } from '../../queues/delay-line.ts';
import type { WaitingId, WaitingRecord } from '../../queues/delay-walk.ts';
import { bodySizeOf, propertiesSizeOf, publishedAtOf, routeOffsetOf, routeSizeOf } from '../../storage/record.ts';
import { readRoute } from '../../vhost/route-bytes.ts';
import type { FiguresView } from '../figures.ts';
import type { JsonView } from '../listing.ts';
import { type PayloadOptions, payloadToJson, propertiesToJson } from './message.ts';

/** When it is due, and its place in the journal: what the order of release is made of. */
export function idText({ dueAtMs, position }: WaitingId): string {
  return `${dueAtMs}-${position}`;
}

/** @returns undefined for what is none */
export function idIn(text: string): WaitingId | undefined {
  const [, dueAt, position] = /^(\d{1,15})-(\d{1,16})$/.exec(text) ?? [];
  if (dueAt === undefined) return undefined;
  return { dueAtMs: Number(dueAt), position: Number(position) };
}

/** @param figures what it has released and cancelled, where that is shown, and how late with it */
export function delayedView(line: DelayLine, figures: FiguresView | undefined): JsonView {
  const { vhost, name, count, nextDueMs, rate } = line;
  return {
    ...figures,
    ...(figures === undefined ? undefined : latenessView(line)),
    messages_delayed: count,
    name,
    next_due_at: Number.isFinite(nextDueMs) ? nextDueMs : null,
    release_rate: rate.perSecond ?? null,
    vhost,
  };
}

function latenessView({ lateness }: DelayLine): JsonView {
  return {
    lateness_mean_ms: inHundredths(lateness.meanMs),
    lateness_p50_ms: inHundredths(lateness.quantileMs(0.5)),
    lateness_p99_ms: inHundredths(lateness.quantileMs(0.99)),
  };
}

function inHundredths(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 100) / 100;
}

/** Without its payload. */
export function waitingView({ place, page, offset }: WaitingRecord): JsonView {
  const routeOffset = routeOffsetOf(page, offset);
  const propertiesOffset = routeOffset + routeSizeOf(page, offset);
  const bytes = page.bytes as Buffer;
  const properties = decodeProperties(bytes, propertiesOffset, propertiesOffset + propertiesSizeOf(page, offset));
  const { exchange, routingKey } = readRoute(bytes, routeOffset);
  return {
    due_at: place.dueAtMs,
    exchange,
    id: idText(place),
    payload_bytes: bodySizeOf(page, offset),
    properties: propertiesToJson(properties),
    published_at: publishedAtOf(page, offset),
    routing_key: routingKey,
  };
}

export function wholeView(record: WaitingRecord, options: PayloadOptions): JsonView {
  const { page, offset } = record;
  const from = routeOffsetOf(page, offset) + routeSizeOf(page, offset) + propertiesSizeOf(page, offset);
  const body = (page.bytes as Buffer).subarray(from, from + bodySizeOf(page, offset));
  return { ...waitingView(record), ...payloadToJson(body, options) };
}
