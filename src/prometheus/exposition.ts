/**
 * The text format of Prometheus, 0.0.4, made piece by piece: tens of thousands of queues make megabytes of it, and the thread
 * that makes them serves messages, too. Own code because it is little: see docs/decisions/0016-own-prometheus-text.md.
 */
export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary' | 'untyped';

export interface Metric<T> {
  /** Without what the names of all metrics of a table begin with. */
  readonly name: string;
  /** Of a summary or histogram: `_sum` or `_count`; `_bucket`. */
  readonly suffix?: string;
  /** A label that this line has beside those of the object: `le="0.1"`. */
  readonly label?: string;
  /** Undefined: it belongs to the summary or histogram before it. */
  readonly type?: MetricType;
  readonly help?: string;
  /** Undefined: this object has no such figure. */
  value(object: T): number | undefined;
}

/** Metrics of things of one kind: each metric has a line for each of them. */
export interface Table<T = unknown> {
  readonly prefix: string;
  readonly metrics: readonly Metric<T>[];
  readonly objects: readonly T[];
  /** `vhost="/",queue="orders"`, asked for once; left out where there are none. */
  labels?(object: T): string;
}

/** Characters of a piece, about: some hundred lines. */
const PIECE_LENGTH = 16_384;

/**
 * @param tables each is asked for when the one before it is written
 * @returns pieces of text, which may be empty: between any two of them others may have their turn
 */
export function* exposition(tables: Iterable<Table>): Generator<string> {
  for (const table of tables) yield* tableText(table);
}

function* tableText({ prefix, metrics, objects, labels }: Table): Generator<string> {
  const labelled: string[] = [];
  let text = '';
  for (const { name, suffix = '', label, type, help, value } of metrics) {
    if (type !== undefined) text += `# TYPE ${prefix}${name} ${type}\n# HELP ${prefix}${name} ${help}\n`;
    for (let i = 0; i < objects.length; i++) {
      const figure = value(objects[i]);
      if (figure === undefined) continue;
      labelled[i] ??= labels?.(objects[i]) ?? '';
      text += `${prefix}${name}${suffix}${inBraces(labelled[i], label)} ${figure}\n`;
      if (text.length < PIECE_LENGTH) continue;
      yield text;
      text = '';
    }
  }
  yield text;
}

function inBraces(labels: string, label: string | undefined): string {
  if (label === undefined) return labels === '' ? '' : `{${labels}}`;
  return labels === '' ? `{${label}}` : `{${labels},${label}}`;
}

/** `vhost="/",queue="orders"` */
export function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${labelValue(value)}"`)
    .join();
}

const SPECIAL = /["\\\n]/;
const ESCAPES: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n' };

export function labelValue(value: string): string {
  return SPECIAL.test(value) ? value.replaceAll(/["\\\n]/g, (character) => ESCAPES[character]!) : value;
}
