/**
 * A table with lines around its cells. Columns are as wide as what is in them, so this one has to read the whole list before it
 * prints the first line.
 */
import { type Formatter, printableText } from './formatter.ts';

export const prettyTable: Formatter = {
  isForPeople: true,
  async *list({ columns, rows, isWhole }) {
    const cells: (readonly string[])[] = [];
    for await (const row of rows) cells.push(columns.map((column) => printableText(row[column])));
    if (cells.length > 0) yield* boxed([columns, ...cells]);
    else if (isWhole === true) yield '';
  },
  done: () => [],
  message: (text) => text,
  text: (text) => text,
  value: (value) => value,
  report: ({ text }) => (text === null ? [] : [text]),
};

function* boxed(lines: readonly (readonly string[])[]): Iterable<string> {
  const widths = lines[0]!.map((_, index) => Math.max(...lines.map((cells) => [...cells[index]!].length)));
  const rule = (left: string, middle: string, right: string) => {
    return `${left}${widths.map((width) => '─'.repeat(width + 2)).join(middle)}${right}`;
  };
  yield rule('┌', '┬', '┐');
  for (const [index, cells] of lines.entries()) {
    if (index > 0) yield rule('├', '┼', '┤');
    yield `│ ${cells.map((cell, column) => padded(cell, widths[column]!)).join(' │ ')} │`;
  }
  yield rule('└', '┴', '┘');
}

function padded(text: string, width: number): string {
  return `${text}${' '.repeat(width - [...text].length)}`;
}
