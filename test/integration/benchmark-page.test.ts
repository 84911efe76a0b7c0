/** docs/benchmark.md tells what there is: its letters are the benchmark's, its flags are the commands'. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Command } from 'commander';
import { allScenarios } from '../../bench/scenarios.ts';
import { addPerfOptions } from '../../src/cli/perf-options.ts';
import { codeSpansOf, fencesOf, tableBehind } from './markdown.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/benchmark.md'), 'utf8');

test('every scenario stands in it, in order', () => {
  const management = { queues: 1, connections: 1, users: 1 };
  const delayed = { seconds: 1, ratesPerSecond: [1], waiting: 1 };
  const scenarios = allScenarios({ seconds: 1, warmUpSeconds: 1, count: 1, idleConnections: 1, management, delayed });
  const letters = tableBehind(page, 'Scenarios').map(([letter]) => letter);
  assert.deepEqual(
    letters,
    scenarios.map(({ letter }) => letter),
  );
});

test('every flag of leveret perf that it names is one', () => {
  const options = addPerfOptions(new Command()).options.flatMap(({ short, long }) => [short, long]);
  const [, perf] = page.split('## leveret perf');
  const code = [...fencesOf(perf!).map((fence) => fence.code), ...codeSpansOf(perf!.replace(/\| [^|]*\|$/gm, '|'))];
  const flags = code.flatMap((text) => text.match(/(?<![\w-])--?[a-zA-Z][\w-]*/g) ?? []);
  assert.ok(flags.length > 20);
  assert.deepEqual(
    flags.filter((flag) => ![...options, '--help'].includes(flag)),
    [],
  );
});
