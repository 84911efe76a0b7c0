/** JSON: a list has an object on each line, so that it can be read while it comes. */
import type { Formatter } from './formatter.ts';

export const json: Formatter = {
  isForPeople: false,
  async *list({ columns, rows, isWhole }) {
    let isFirst = true;
    for await (const row of rows) {
      if (isFirst) yield '[';
      const shown = JSON.stringify(Object.fromEntries(columns.map((column) => [column, row[column] ?? ''])));
      yield isFirst ? shown : `,${shown}`;
      isFirst = false;
    }
    if (!isFirst) yield ']';
    else if (isWhole === true) yield '[]';
    else yield* ['[', ']'];
  },
  done: (node) => [JSON.stringify({ node, result: 'ok' })],
  message: (message, node) => JSON.stringify({ message, node, status: 'ok' }),
  value: (value, node) => JSON.stringify({ node, result: 'ok', value }),
  report: ({ json }) => [JSON.stringify(json)],
  text: (message) => JSON.stringify({ message }),
};
