/** Comma-separated values, all of them in quotes (RFC 4180), always below the names of the columns, as in RabbitMQ. */
import { cellText, type Formatter } from './formatter.ts';

export const csv: Formatter = {
  isForPeople: false,
  async *list({ columns, rows }) {
    let isFirst = true;
    for await (const row of rows) {
      if (isFirst) yield line(columns);
      isFirst = false;
      yield line(columns.map((column) => cellText(row[column])));
    }
  },
  done: () => [],
  message: (text) => line([text]),
  text: (text) => line([text]),
  value: (value) => line([value]),
  report({ listing, text }, headers) {
    if (listing !== undefined) return csv.list(listing, headers);
    return text === null ? [] : [line([text])];
  },
};

function line(cells: readonly string[]): string {
  return cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',');
}
