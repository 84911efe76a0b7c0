/**
 * A reporter for Node's test runner that tells what the others do not: which files took longest, and which tests were left out.
 * @see tools/test.ts
 */
import { relative } from 'node:path';
import type { EventData } from 'node:test';

/** What this reporter looks at of the runner's events. */
export type TestEvent =
  | { readonly type: 'test:summary'; readonly data: Pick<EventData.TestSummary, 'file' | 'duration_ms'> }
  | { readonly type: 'test:pass'; readonly data: Pick<EventData.TestPass, 'name' | 'file' | 'skip'> };

const SLOWEST = 10;
const ROOT = `${import.meta.dirname}/..`;

export default async function* testSummary(
  events: AsyncIterable<TestEvent | { type: string }>,
): AsyncGenerator<string> {
  const files: { file: string; seconds: number }[] = [];
  const leftOut: string[] = [];
  for await (const event of events) {
    const { type, data } = event as TestEvent;
    if (type === 'test:summary' && data.file !== undefined) {
      files.push({ file: relative(ROOT, data.file), seconds: data.duration_ms / 1000 });
    } else if (type === 'test:pass' && data.skip !== undefined && data.skip !== false) {
      const reason = typeof data.skip === 'string' && data.skip !== '' ? ` (${data.skip})` : '';
      leftOut.push(`${relative(ROOT, data.file ?? '')}: ${data.name}${reason}`);
    }
  }
  files.sort((one, other) => other.seconds - one.seconds);
  const slowest = files.slice(0, SLOWEST).map(({ file, seconds }) => `${seconds.toFixed(1).padStart(7)} s  ${file}`);
  yield section(`the slowest of ${files.length} files`, slowest);
  if (leftOut.length > 0)
    yield section(
      'left out',
      leftOut.map((text) => `  ${text}`),
    );
}

function section(title: string, lines: readonly string[]): string {
  return `npm test: ${title}\n${lines.join('\n')}\n`;
}
