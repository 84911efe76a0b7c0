/** Columns with tabs between them, below their names. */
import { type Formatter, printableText } from './formatter.ts';

export const table: Formatter = {
  isForPeople: true,
  async *list({ columns, rows, isWhole, isHeadless }, headers) {
    let isEmpty = true;
    for await (const row of rows) {
      if (isEmpty && headers && isHeadless !== true) yield columns.join('\t');
      isEmpty = false;
      yield columns.map((column) => printableText(row[column])).join('\t');
    }
    if (isEmpty && isWhole === true) yield '';
  },
  done: () => [],
  message: (text) => text,
  text: (text) => text,
  value: (value) => value,
  report: ({ text }) => (text === null ? [] : [text]),
};
