/** Which of the messages that wait in a delay line: by routing key and headers, as they stand in their records. */

import { ScratchList } from '../collections/scratch-list.ts';
import { EMPTY_TABLE, type FieldTable } from '../protocol/field-table.ts';
import { decodeProperties } from '../protocol/properties.ts';
import type { RoutableQueue } from '../routing/destination.ts';
import { headerEquals } from '../routing/header-equality.ts';
import { TopicBindings } from '../routing/topic.ts';
import type { Page } from '../storage/page.ts';
import { propertiesSizeOf, routeOffsetOf, routeSizeOf } from '../storage/record.ts';
import { readRoute } from './route-bytes.ts';

export interface DelayedFilter {
  /** A binding key of a topic exchange: words between dots, `*` for one, `#` for none or more. */
  readonly routingKey?: string | undefined;
  /** All of these have to be there, with these values; numbers by what they are worth. */
  readonly headers?: FieldTable | undefined;
}

/** @returns undefined where it lets everything pass, and no record has to be read */
export function wantsOf({ routingKey, headers }: DelayedFilter): ((page: Page, offset: number) => boolean) | undefined {
  if (routingKey === undefined && headers === undefined) return undefined;
  const matchesKey = routingKey === undefined ? () => true : keyMatcher(routingKey);
  return (page, offset) => matchesKey(page, offset) && (headers === undefined || hasHeaders(page, offset, headers));
}

function keyMatcher(pattern: string): (page: Page, offset: number) => boolean {
  const bindings = new TopicBindings<RoutableQueue>();
  const found = new ScratchList<RoutableQueue>();
  bindings.add({ destination: WANTED, routingKey: pattern, arguments: EMPTY_TABLE });
  return (page, offset) => {
    const { routingKey } = readRoute(page.bytes as Buffer, routeOffsetOf(page, offset));
    bindings.match({ routingKey, otherKeys: [], properties: () => undefined }, found);
    const isFound = found.count > 0;
    found.clear();
    return isFound;
  };
}

const WANTED: RoutableQueue = { kind: 'queue', name: '', isLocal: true, lastRoute: 0 };

function hasHeaders(page: Page, offset: number, wanted: FieldTable): boolean {
  const at = routeOffsetOf(page, offset) + routeSizeOf(page, offset);
  const { headers } = decodeProperties(page.bytes as Buffer, at, at + propertiesSizeOf(page, offset));
  if (headers === undefined) return wanted.size === 0;
  return [...wanted].every(([name, value]) => {
    const given = headers.get(name);
    return given !== undefined && headerEquals(value, given);
  });
}
