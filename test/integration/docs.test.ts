/** The documentation holds: its links lead somewhere, its code runs, and what it lists is what there is. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type Figures, type Measurement, noFigures } from '../../bench/measure.ts';
import { writeResults } from '../../bench/results-table.ts';
import { allScenarios } from '../../bench/scenarios.ts';
import { targets } from '../../bench/targets.ts';
import { DEFAULT_LIMITS, type Limits } from '../../src/config/limits.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { serverProperties } from '../../src/connection/server-properties.ts';
import { toPlain } from '../../src/protocol/field-table.ts';
import { METHOD_IDS } from '../../src/protocol/methods.generated.ts';
import { EXCHANGE_TYPES } from '../../src/routing/exchange-types.ts';
import { ARGUMENTS_OF_TYPE } from '../../src/vhost/queue-arguments.ts';
import { LAYERS } from '../../tools/arrows.ts';
import { differencesList } from '../../tools/differences-list.ts';
import { sectionOf, withSection } from '../../tools/page-section.ts';
import { benchSection } from '../../tools/readme-bench.ts';
import { routeTable } from '../../tools/route-table.ts';
import { acceptedDifferences } from '../differential/accepted-differences.ts';
import { anchorOf, codeSpansOf, fencesOf, headingsOf, linksOf, proseOf, tableBehind } from './markdown.ts';

const root = join(import.meta.dirname, '../..');
const pages = globSync(['*.md', 'docs/**/*.md', 'bench/**/*.md'], { cwd: root }).sort();

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

describe('links and names', () => {
  for (const page of pages) {
    test(`every link of ${page} leads somewhere`, () => {
      const broken = linksOf(read(page)).filter((link) => !/^[a-z]+:/.test(link) && !leadsSomewhere(page, link));
      assert.deepEqual(broken, []);
    });

    test(`every file and test that ${page} names is there`, () => {
      assert.deepEqual([...missingFiles(page), ...missingTests(page)], []);
    });
  }

  test('every page of docs/ is in an index', () => {
    const listed = ['docs/README.md', 'docs/decisions/README.md'].flatMap((index) => {
      return linksOf(read(index)).map((link) => join(dirname(index), link));
    });
    const unlisted = pages.filter((page) => page.startsWith('docs/') && !listed.includes(page));
    assert.deepEqual(unlisted, ['docs/README.md']);
  });

  test('both READMEs have the same sections, links and code', () => {
    const [english, chinese] = [read('README.md'), read('README.zh-CN.md')];
    const shape = (page: string) => ({
      sections: headingsOf(page).length,
      links: linksOf(page)
        .filter((link) => !link.startsWith('#') && !link.startsWith('README'))
        .sort(),
      code: fencesOf(page).map(({ info }) => info),
    });
    assert.deepEqual(shape(chinese), shape(english));
  });

  test('every decision has a date, a context, the decision and its consequences, and is dated so in the index', () => {
    const index = read('docs/decisions/README.md');
    for (const page of pages.filter((path) => /^docs\/decisions\/\d/.test(path))) {
      const text = read(page);
      const date = /^Date: (\d{4}-\d{2}-\d{2})$/m.exec(text)?.[1] ?? 'no date';
      const title = headingsOf(text)[0]!.replace(/^\d+: /, '');
      assert.deepEqual(headingsOf(text).slice(1), ['Context', 'Decision', 'Consequences'], page);
      assert.ok(index.includes(`](${page.replace('docs/decisions/', '')}) | ${title} | ${date} |`), page);
    }
  });
});

function leadsSomewhere(page: string, link: string): boolean {
  const [path, anchor] = link.split('#') as [string, string | undefined];
  const target = path === '' ? page : join(dirname(page), path);
  if (!existsSync(join(root, target))) return false;
  if (anchor === undefined) return true;
  return statSync(join(root, target)).isFile() && headingsOf(read(target)).map(anchorOf).includes(decodeURI(anchor));
}

/** Paths of this repository between backticks, where a `*` stands for anything, and sources in fenced blocks. */
function missingFiles(page: string): string[] {
  const text = read(page);
  const spans = codeSpansOf(text).filter((span) => /^(src|test|tools|docs|bench|examples)\/[\w./*-]*$/.test(span));
  const fenced = fencesOf(text).flatMap(({ code }) => code.match(/\b(src|test|tools|bench)\/[\w./*-]+\.ts\b/g) ?? []);
  return [...spans, ...fenced].filter((path) => globSync(path.replace(/\/$/, ''), { cwd: root }).length === 0);
}

/** Tests that are named as `` `path`: "title" ``. */
function missingTests(page: string): string[] {
  const named = proseOf(read(page)).matchAll(/`([\w./-]+\.ts)`: "([^"]+)"/g);
  return [...named]
    .filter(([, path, title]) => !existsSync(join(root, path!)) || !read(path!).includes(title!))
    .map(([text]) => text);
}

describe('code that is marked as runnable', { concurrency: 2, timeout: 300_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'leveret-docs-'));
  after(() => rmSync(directory, { recursive: true }));
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');

  const runnable = pages.flatMap((page) => {
    const fences = fencesOf(read(page)).filter(({ info }) => info === 'ts runnable');
    return fences.map(({ code, line }) => ({ page, code, line }));
  });
  test('there is some', () => assert.ok(runnable.length >= 4));
  runnable.forEach(({ page, code, line }, index) => {
    test(`${page}:${line} runs to its end`, (t) => runCode(t, join(directory, `${index}.ts`), code));
  });
});

/** As a user of the package would run it: `leveret` is this source tree. */
async function runCode(t: TestContext, file: string, code: string): Promise<void> {
  const broker = pathToFileURL(join(root, 'src/broker.ts')).href;
  writeFileSync(file, code.replaceAll("from 'leveret'", `from '${broker}'`));
  const { NODE_TEST_CONTEXT, ...env } = process.env;
  const child = spawn(process.execPath, [file], { env, stdio: 'pipe' });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [exitCode] = (await once(child, 'close')) as [number | null];
  assert.equal(exitCode, 0, output);
  assert.doesNotMatch(output, /error|warning/i);
}

describe('what is listed is what there is', () => {
  test('docs/embedding.md has every option of startBroker(), and no other', () => {
    const source = /export interface BrokerOptions \{\n([\s\S]*?)\n\}/.exec(read('src/embedding.ts'))?.[1] ?? '';
    const declared = [...source.matchAll(/^ {2}readonly (\w+)\??:/gm)].map((match) => match[1]!);
    const rows = tableBehind(read('docs/embedding.md'), 'Options');
    const listed = rows.flatMap((cells) => codeSpansOf(cells[0]!));
    assert.ok(declared.length > 10);
    assert.deepEqual(listed.sort(), declared.sort());
  });

  test('docs/protocol.md has every method, capability, exchange type and queue argument', () => {
    const named = new Set(codeSpansOf(read('docs/protocol.md')));
    const methods = Object.keys(METHOD_IDS)
      .filter((name) => !name.endsWith('-ok') || /^connection\.(start|tune|secure)-ok$/.test(name))
      .filter((name) => !named.has(name) && !named.has(name.split('.')[1]!) && !name.startsWith('connection.secure'));
    const { capabilities } = toPlain(serverProperties('cluster')) as { capabilities: Record<string, boolean> };
    const all = [...Object.keys(capabilities), ...EXCHANGE_TYPES, ...Object.values(ARGUMENTS_OF_TYPE).flat()];
    assert.deepEqual([...methods, ...all.filter((name) => !named.has(name))], []);
  });

  test('docs/limits.md has every limit, its setting and its default', () => {
    const page = read('docs/limits.md');
    const rows = ['What a client may ask for', 'What a client may leave to the broker'].flatMap((heading) => {
      return tableBehind(page, heading).map((cells) => cells.slice(0, 3).flatMap(codeSpansOf));
    });
    const limits = Object.keys(DEFAULT_LIMITS) as (keyof Limits)[];
    const expected = limits.map((name) => [SETTINGS[name].key, name, SETTINGS[name].default]);
    assert.deepEqual(rows.sort(), expected.sort());
  });

  test('ARCHITECTURE.md has the folders in the order in which they may import', () => {
    const listed = tableBehind(read('ARCHITECTURE.md'), 'Folders').flatMap((cells) => codeSpansOf(cells[0]!));
    assert.deepEqual(
      listed.map((name) => name.replace(/^src\/|\/$/g, '')),
      LAYERS,
    );
  });

  test('docs/differences.md has every accepted difference with its reason; `npm run docs` writes them', () => {
    const section = sectionOf(read('docs/differences.md'), 'differences');
    for (const { name, reason } of acceptedDifferences) assert.ok(section.includes(`**${name}.** ${reason}`), name);
    assert.equal(section, differencesList(acceptedDifferences));
  });

  test('docs/http-api.md has every path of the HTTP API; `npm run docs` writes them', () => {
    assert.equal(sectionOf(read('docs/http-api.md'), 'routes'), routeTable());
  });

  test('the READMEs show the figures of bench/RESULTS.md; `npm run docs` writes them', () => {
    const results = existsSync(join(root, 'bench/RESULTS.md')) ? read('bench/RESULTS.md') : null;
    assert.equal(sectionOf(read('README.md'), 'bench'), benchSection(results, 'en'));
    assert.equal(sectionOf(read('README.zh-CN.md'), 'bench'), benchSection(results, 'zh'));
  });
});

describe('the sections that are written by a program', () => {
  test('a section takes the place of the one before and leaves the rest of the page', () => {
    const page = 'before\n<!-- x:begin -->\nold\n<!-- x:end -->\nbehind\n';
    assert.equal(withSection(page, 'x', 'new'), page.replace('old', 'new'));
    assert.equal(sectionOf(withSection(page, 'x', 'new'), 'x'), 'new');
    assert.throws(() => withSection('nothing', 'x', 'new'), /needs <!-- x:begin -->/);
  });

  test('the short table has Leveret beside its share of the floor and RabbitMQ, in both languages', () => {
    const results = sampleResults();
    for (const language of ['en', 'zh'] as const) {
      const rows = benchSection(results, language)
        .split('\n')
        .filter((line) => line.startsWith('| **'));
      assert.equal(rows.length, 14);
      const [a, latency] = [rows[0]!, rows.find((row) => row.includes('**f**'))!];
      assert.match(a, /\| 2,000,000 \| 50 % \| 100,000 \|$/);
      assert.match(latency, /\| 0\.10 \/ 0\.30 \| 80 % \| 0\.40 \/ 0\.90 \|$/);
    }
    assert.match(benchSection(results, 'en'), /^- Machine: 2 cores/m);
    assert.match(benchSection(results, 'zh'), /^- 机器：2 核/m);
  });

  test('results in a form that the tool does not know are refused, not left out', () => {
    const results = sampleResults();
    assert.throws(() => benchSection(results.replaceAll('| out /s |', '| delivered |'), 'en'), /no column "out \/s"/);
    assert.throws(() => benchSection(results.replace('- Machine:', '- Computer:'), 'zh'), /no line of the form/);
  });
});

/** A page of results as the benchmark writes it. */
function sampleResults(): string {
  const sizes = {
    seconds: 6,
    warmUpSeconds: 2,
    count: 1_000_000,
    idleConnections: 1000,
    management: { queues: 10, connections: 2, users: 1 },
    delayed: { seconds: 4, ratesPerSecond: [10_000, 5000], waiting: 1000 },
  };
  const scenarios = allScenarios(sizes);
  const labels = scenarios.flatMap(({ steps }) => steps.map(({ label }) => label));
  const measurements = labels.flatMap((label) => targets.map(({ name }) => sampleMeasurement(label, name)));
  const machine = {
    cores: 2,
    processor: 'some processor',
    memoryGib: 16,
    system: 'Linux 6.1',
    fileSystem: 'ext2/ext3',
    syncMs: 0.2,
    node: 'v26.10.0',
    date: '2026-11-25',
    commit: 'abcdef0',
    notes: [],
  };
  return writeResults({ ...sizes, scenarios, measurements, machine, runs: 3 });
}

function sampleMeasurement(label: string, target: Measurement['target']): Measurement {
  const own = {
    leveret: { rate: 2_000_000, p50: 0.1, p99: 0.3 },
    floor: { rate: 4_000_000, p50: 0.08, p99: 0.2 },
    rabbitmq: { rate: 100_000, p50: 0.4, p99: 0.9 },
  }[target];
  const figures: Figures = {
    ...noFigures,
    inPerSecond: own.rate,
    outPerSecond: own.rate,
    latencyP50Ms: own.p50,
    latencyP99Ms: own.p99,
    confirmP50Ms: own.p50,
    confirmP99Ms: own.p99,
    startMs: 120,
    kibPerConnection: 20,
  };
  return { letter: label, label, target, figures, fault: null };
}
