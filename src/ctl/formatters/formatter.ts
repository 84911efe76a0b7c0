/** What results are printed as. A list is printed while it is read, so nothing here holds more of it than a row. */

import type { Report } from '../command.ts';

export type Value =
  | string
  | number
  | boolean
  | AmqpTable
  | readonly Value[]
  | { readonly [name: string]: Value | undefined };
export type Row = Readonly<Record<string, Value>>;

export interface Listing {
  readonly kind: 'rows';
  readonly columns: readonly string[];
  readonly rows: Iterable<Row> | AsyncIterable<Row>;
  /** Known as a whole before anything is printed: where it is empty, that is shown, as in RabbitMQ. */
  readonly isWhole?: boolean;
  /** A table of it has no names of columns. */
  readonly isHeadless?: boolean;
}

/** The arguments of a queue and the like, as the HTTP API gives them: in tables they look as in Erlang. */
export class AmqpTable {
  readonly fields: { readonly [name: string]: Value };

  constructor(fields: { readonly [name: string]: Value }) {
    this.fields = fields;
  }

  toJSON(): object {
    return this.fields;
  }
}

export interface Formatter {
  /** Whether lines that say what is being done go with it; not where a program reads the result. */
  readonly isForPeople: boolean;
  /** Lines, without their ends. */
  list(listing: Listing, headers: boolean): AsyncIterable<string>;
  /** For what has no result: a line, or none. */
  done(nodeName: string): readonly string[];
  message(text: string, nodeName: string): string;
  text(text: string): string;
  /** Lines of it. */
  report(report: Report, headers: boolean): Iterable<string> | AsyncIterable<string>;
  /** A result that is one value. */
  value(value: string, nodeName: string): string;
}

/**
 * One value in one cell, as rabbitmqctl's tables have it, but for control characters: clients choose names, and one with a tab or
 * the end of a line in it would break a table, or tell the operator's terminal what to do.
 */
export function printableText(value: Value | undefined): string {
  return cellText(value).replace(CONTROL_CHARACTERS, escaped);
}

/** As in JSON, which leaves some of them as they are. */
function escaped(character: string): string {
  const text = JSON.stringify(character).slice(1, -1);
  return text.startsWith('\\') ? text : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

const CONTROL_CHARACTERS = /[\p{Cc}\u2028\u2029]/gu;

/** The same as it is, for formats that have a way of their own to tell cells apart. */
export function cellText(value: Value | undefined): string {
  if (value === undefined) return '';
  if (typeof value !== 'object') return String(value);
  if (value instanceof AmqpTable) return termText(value.fields);
  if (Array.isArray(value)) return `[${value.map(cellText).join(', ')}]`;
  return `[${Object.entries(value).map(([name, field]) => `{${name}, ${cellText(field)}}`)}]`;
}

/** A value of an AMQP table. */
function termText(value: Value): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${value.map(termText)}]`;
  return `[${Object.entries(value).map(([name, field]) => `{${JSON.stringify(name)},${termText(field)}}`)}]`;
}
