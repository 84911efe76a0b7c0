import type { JsonValue } from '../metadata/port.ts';
import { fieldText } from '../protocol/field-text.ts';
import { printedOctets } from '../protocol/octets-text.ts';
import { encodeText } from '../protocol/text.ts';

/**
 * A value of a policy as RabbitMQ prints it in what it says of it: `<<"text">>`, `1.5`, `[1,2]`, `#{<<"a">> => null}`. Unlike
 * RabbitMQ this never breaks a line, and shows a list of numbers as such where Erlang would take them for letters.
 */
export function jsonTerm(value: JsonValue): string {
  if (typeof value === 'string') return printedOctets(encodeText(value));
  if (typeof value === 'number') return numberTerm(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (isList(value)) return `[${value.map(jsonTerm).join(',')}]`;
  return `#{${sortedEntries(value)
    .map(([name, each]) => `${jsonTerm(name)} => ${jsonTerm(each)}`)
    .join(',')}}`;
}

/** Names with values as RabbitMQ prints what it has taken out of an object: `[{<<"a">>,1}]`. */
export function entriesTerm(entries: readonly (readonly [name: string, value: JsonValue])[]): string {
  return `[${entries.map(([name, value]) => `{${jsonTerm(name)},${jsonTerm(value)}}`).join(',')}]`;
}

/** Erlang keeps small maps in this order. */
export function sortedEntries<T>(object: Readonly<Record<string, T>>): [name: string, value: T][] {
  return Object.entries(object).sort(([one], [other]) => (one < other ? -1 : 1));
}

/** Array.isArray() alone does not see that what is left is an object. */
export function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function numberTerm(value: number): string {
  return Number.isInteger(value) ? BigInt(value).toString() : fieldText({ type: 'd', value });
}
