/** The text format of Prometheus, read back: which metrics there are, of which type, with which labels and values. */

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Metrics {
  /** By name, as a line `# TYPE` says it. */
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly Sample[];
}

const SAMPLE = /^(\w+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** @throws Error for a line that is none of the format */
export function parseMetrics(text: string): Metrics {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    const [mark, word, name, rest] = line.split(' ', 4);
    if (mark === '#' && word === 'TYPE') types.set(name!, rest!);
    if (line === '' || mark === '#') continue;
    const found = SAMPLE.exec(line);
    if (found === null) throw new Error(`no line of metrics: ${line}`);
    const labels = Object.fromEntries(Array.from(found[2]?.matchAll(LABEL) ?? [], ([, key, value]) => [key!, value!]));
    samples.push({ name: found[1]!, labels, value: Number(found[3]) });
  }
  return { types, samples };
}

/** Of the one sample with that name and, among others, those labels. @throws Error when there is none, or more than one */
export function figureOf({ samples }: Metrics, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const found = samples.filter((sample) => {
    return sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value);
  });
  if (found.length !== 1) throw new Error(`${found.length} samples of ${name} with ${JSON.stringify(labels)}`);
  return found[0]!.value;
}

export async function fetchMetrics(url: string): Promise<Metrics> {
  const response = await fetch(url);
  if (response.status !== 200) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return parseMetrics(await response.text());
}
