import { badArgument } from '../failure.ts';
import { csv } from './csv.ts';
import type { Formatter } from './formatter.ts';
import { json } from './json.ts';
import { prettyTable } from './pretty-table.ts';
import { table } from './table.ts';

export const FORMATTERS: Readonly<Record<string, Formatter>> = { table, pretty_table: prettyTable, json, csv };

/** @throws ArgumentFailure */
export function formatterNamed(name: string): Formatter {
  const found = Object.hasOwn(FORMATTERS, name) ? FORMATTERS[name] : undefined;
  if (found === undefined)
    throw badArgument(`there is no formatter '${name}', only ${Object.keys(FORMATTERS).join(', ')}`);
  return found;
}
