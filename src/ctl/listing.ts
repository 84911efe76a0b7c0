/** Lists with columns that are chosen: what each column is made of, so that only that is asked for. */
import { ApiRefusal, type BrokerClient, type Json } from './broker-client.ts';
import { AmqpTable, type Listing, type Row, type Value } from './formatters/formatter.ts';

export interface Column {
  /** Fields of the API, of which it is made. */
  readonly fields: readonly string[];
  /** Undefined: nothing is shown. */
  value(object: Json): Value | null | undefined;
}

export type ColumnsOf = Readonly<Record<string, Column>>;

/** A column that is a field of the API. */
export function field(name: string, within?: string): Column {
  if (within === undefined) return { fields: [name], value: (object) => object[name] };
  return { fields: [`${within}.${name}`], value: (object) => object[within]?.[name] };
}

export const tableField = (name: string): Column => ({
  fields: [name],
  value: (object) => (object[name] === undefined ? undefined : new AmqpTable(object[name])),
});

/** What Leveret does not know, or has none of: RabbitMQ shows nothing for such, too. */
export const NOTHING: Column = { fields: [], value: () => undefined };

export interface ListingOptions {
  readonly broker: BrokerClient;
  /** A path of the API that gives a list. */
  readonly from: string;
  readonly columns: readonly string[];
  readonly known: ColumnsOf;
  readonly wants?: (object: Json) => boolean;
  /** Fields that `wants` looks at. */
  readonly besides?: readonly string[];
}

/** Printed while it is read. */
export function streamed({ broker, from, columns, known, wants = () => true, besides = [] }: ListingOptions): Listing {
  const fields = new Set([...columns.flatMap((column) => known[column]!.fields), ...besides]);
  async function* rows(): AsyncIterable<Row> {
    for await (const object of broker.list(`${from}?columns=${[...fields].join(',') || 'name'}`)) {
      if (wants(object)) yield rowOf(object, columns, known);
    }
  }
  return { kind: 'rows', columns, rows: rows() };
}

export function rowOf(object: Json, columns: readonly string[], known: ColumnsOf): Row {
  return Object.fromEntries(columns.map((column) => [column, known[column]!.value(object) ?? '']));
}

/** As in RabbitMQ, there is nothing in a vhost that is not there. */
export function inVhost(listing: Listing): Listing {
  async function* rows(): AsyncIterable<Row> {
    try {
      yield* listing.rows;
    } catch (error) {
      if (!(error instanceof ApiRefusal) || error.status !== 404) throw error;
    }
  }
  return { ...listing, rows: rows() };
}
