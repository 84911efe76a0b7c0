/** The short table of both READMEs: of `bench/RESULTS.md` the figures that a newcomer asks for, and the machine they are from. */

export type Language = 'en' | 'zh';

interface ShortRow {
  /** As the rows of the results begin. */
  readonly label: string;
  /** The column of the results that is shown. */
  readonly column: string;
  readonly en: string;
  readonly zh: string;
}

const ROWS: readonly ShortRow[] = [
  { label: 'a', column: 'out /s', en: '**a** 16 B, auto-ack: messages a second', zh: '**a** 16 B，自动确认：条/秒' },
  { label: 'b', column: 'out /s', en: '**b** 1 KiB, auto-ack: messages a second', zh: '**b** 1 KiB，自动确认：条/秒' },
  {
    label: 'c',
    column: 'out /s',
    en: '**c** 1 KiB, persistent, 1000 confirms outstanding, manual acks: messages a second',
    zh: '**c** 1 KiB，持久化，最多 1000 条待确认，手动 ack：条/秒',
  },
  {
    label: 'm',
    column: 'out /s',
    en: '**m** 1 KiB, 4 publishers and 4 consumers on one queue: messages a second',
    zh: '**m** 1 KiB，4 个发布者和 4 个消费者共用一个队列：条/秒',
  },
  {
    label: 'e in',
    column: 'in /s',
    en: '**e** 1 KiB backlog, going in: messages a second',
    zh: '**e** 1 KiB 积压，写入：条/秒',
  },
  {
    label: 'e out',
    column: 'out /s',
    en: '**e** the same, coming out: messages a second',
    zh: '**e** 同上，读出：条/秒',
  },
  {
    label: 'ep in',
    column: 'in /s',
    en: '**ep** the backlog persistent, with confirms, going in: messages a second',
    zh: '**ep** 持久化积压，带发布确认，写入：条/秒',
  },
  {
    label: 'ep out',
    column: 'out /s',
    en: '**ep** the same, coming out: messages a second',
    zh: '**ep** 同上，读出：条/秒',
  },
  {
    label: 'f',
    column: 'end to end p50 / p99 ms',
    en: '**f** 5,000 a second, 1 KiB: end to end, p50 / p99 ms',
    zh: '**f** 每秒 5,000 条，1 KiB：端到端延迟 p50 / p99，毫秒',
  },
  {
    label: 'fp',
    column: 'confirm p50 / p99 ms',
    en: '**fp** the same, persistent: publish to confirm, p50 / p99 ms',
    zh: '**fp** 同上，持久化：从发布到确认 p50 / p99，毫秒',
  },
  {
    label: 'g1',
    column: 'out /s',
    en: '**g1** topic exchange, 1000 queues, one matches: messages a second',
    zh: '**g1** topic 交换机，1000 个队列，匹配其一：条/秒',
  },
  {
    label: 'g2',
    column: 'out /s',
    en: '**g2** topic exchange, 1000 queues, all match: deliveries a second',
    zh: '**g2** topic 交换机，1000 个队列，全部匹配：投递/秒',
  },
  {
    label: 'start',
    column: 'ready after ms',
    en: '**start** from starting the process to the first open connection, ms',
    zh: '**start** 从启动进程到第一个连接就绪，毫秒',
  },
  {
    label: 'i',
    column: 'KiB a connection',
    en: '**i** memory of an idle connection, KiB',
    zh: '**i** 每个空闲连接的内存，KiB',
  },
];

const HEADS: Readonly<Record<Language, readonly string[]>> = {
  en: ['', 'Leveret', 'share of the floor', 'RabbitMQ 3.10.8'],
  zh: ['', 'Leveret', '占下限程序的比例', 'RabbitMQ 3.10.8'],
};

const NO_RESULTS: Readonly<Record<Language, string>> = {
  en: 'No results of this version are recorded yet: `npm run bench` measures them on your machine.',
  zh: '此版本尚未记录测试结果：可在自己的机器上运行 `npm run bench`。',
};

/** What the results say of the machine and the runs, and how it reads in Chinese. */
const FACTS: readonly (readonly [pattern: RegExp, zh: string])[] = [
  [/^- Machine: (\d+) cores \((.*)\), (\d+) GiB of memory, (.*)\.$/, '- 机器：$1 核（$2），内存 $3 GiB，$4。'],
  [
    /^- Disk: (.*); appending 4 KiB and `fdatasync` takes ([\d.]+) ms \(median of 100\)\.$/,
    '- 磁盘：$1；追加 4 KiB 并执行 `fdatasync` 耗时 $2 毫秒（100 次的中位数）。',
  ],
  [/^- Node (\S+), (\S+), commit (\S+)\.$/, '- Node $1，$2，提交 $3。'],
  [
    /^- Medians of (\d+); (\d+) s of warm-up, (\d+) s measured; backlogs of ([\d,]+)\.$/,
    '- 每项取 $1 次的中位数；预热 $2 秒，测量 $3 秒；积压 $4 条。',
  ],
];

type ResultRow = ReadonlyMap<string, string>;

/**
 * The section of a README.
 * @param results the text of `bench/RESULTS.md`, or null where there is none
 * @throws Error when the results have another form than bench/results-table.ts gives them
 */
export function benchSection(results: string | null, language: Language): string {
  if (results === null) return NO_RESULTS[language];
  const found = readRows(results);
  const rows = ROWS.map((row) => shortRow(row, found, language)).filter((row) => row !== null);
  if (rows.length === 0) throw new Error('the results hold none of the scenarios that the READMEs show');
  const head = HEADS[language];
  const table = [head, ['---', '---:', '---:', '---:'], ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return [...table, '', ...facts(results, language)].join('\n');
}

function shortRow(row: ShortRow, found: readonly ResultRow[], language: Language): string[] | null {
  const ofBroker = (name: string): ResultRow | undefined => {
    return found.find(
      (one) => one.get('scenario')?.startsWith(`${row.label}: `) && one.get('broker')?.startsWith(name),
    );
  };
  const leveret = ofBroker('Leveret');
  if (leveret === undefined) return null;
  const figure = cell(leveret, row.column);
  return [row[language], figure, percent(cell(leveret, 'of the floor')), cell(ofBroker('RabbitMQ'), row.column)];
}

function cell(row: ResultRow | undefined, column: string): string {
  if (row === undefined) return '–';
  const text = row.get(column);
  if (text === undefined) throw new Error(`the results have no column "${column}"`);
  return text === '' ? '–' : text;
}

/** `0.45` is 45 %. */
function percent(ratio: string): string {
  return ratio === '–' ? ratio : `${Math.round(Number(ratio) * 100)} %`;
}

function readRows(results: string): ResultRow[] {
  const rows: ResultRow[] = [];
  let head: string[] | null = null;
  for (const line of results.split('\n')) {
    if (!line.startsWith('|')) head = null;
    else if (head === null) head = cellsOf(line);
    else if (!line.startsWith('| ---')) rows.push(rowOf(head, cellsOf(line)));
  }
  return rows;
}

function rowOf(head: readonly string[], cells: readonly string[]): ResultRow {
  return new Map(head.map((name, index) => [name, cells[index] ?? '']));
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((text) => text.trim());
}

function facts(results: string, language: Language): string[] {
  const lines = results.split('\n');
  return FACTS.map(([pattern, zh]) => {
    const line = lines.find((candidate) => pattern.test(candidate));
    if (line === undefined) throw new Error(`the results have no line of the form ${pattern.source}`);
    return language === 'en' ? line : line.replace(pattern, zh);
  });
}
