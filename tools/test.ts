/** `npm test`: format, lint and import arrows, types, then every test. `npm test -- storage` runs the test files whose path holds a word. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endLeftovers, MARK } from './leftovers.ts';

/** A file that takes longer hangs: it is ended, so that the others have their turn and the report comes. */
const FILE_TIMEOUT_MS = 300_000;
const SUMMARY_REPORTER = join(import.meta.dirname, 'test-summary.ts');

const mark = String(process.pid);
const temporary = mkdtempSync(join(tmpdir(), 'leveret-test-'));
let running: ChildProcess | null = null;
let interrupted: NodeJS.Signals | null = null;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    interrupted = signal;
    running?.kill(signal);
  });
}

/** @returns whether it passed */
async function step(name: string, command: string, args: readonly string[]): Promise<boolean> {
  const started = performance.now();
  const env = { ...process.env, LEVERET_RUN_DIR: join(temporary, 'run'), [MARK]: mark };
  running = spawn(command, args, { stdio: 'inherit', env });
  const [status] = await once(running, 'exit');
  running = null;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const passed = status === 0 && interrupted === null;
  const text = `npm test: ${name} ${passed ? 'passed in' : 'failed after'} ${seconds} s`;
  if (passed) console.log(text);
  else console.error(text);
  return passed;
}

async function runTests(files: readonly string[]): Promise<boolean> {
  const summary = join(temporary, 'summary');
  const reporters = [
    ['spec', 'stdout'],
    [SUMMARY_REPORTER, summary],
  ].flatMap(([reporter, to]) => [`--test-reporter=${reporter}`, `--test-reporter-destination=${to}`]);
  const limits = ['--test-concurrency=2', `--test-timeout=${FILE_TIMEOUT_MS}`];
  const passed = await step('tests', process.execPath, ['--test', ...reporters, ...limits, ...files]);
  const left = await endLeftovers(mark);
  for (const { pid, command } of left)
    console.error(`npm test: process ${pid} was left behind and is ended: ${command}`);
  if (interrupted === null) process.stdout.write(readFileSync(summary, 'utf8'));
  return passed && left.length === 0;
}

async function main(words: readonly string[]): Promise<number> {
  const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts'])
    .filter((path) => words.every((word) => path.includes(word)))
    .sort();
  if (files.length === 0) {
    console.error(`npm test: no test file has "${words.join('" and "')}" in its path`);
    return 2;
  }
  if (words.length === 0) {
    if (!(await step('lint', 'node_modules/.bin/biome', ['check', '--error-on-warnings', '.']))) return 1;
    if (!(await step('types', 'node_modules/.bin/tsc', ['--noEmit']))) return 1;
  }
  return (await runTests(files)) ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} finally {
  rmSync(temporary, { recursive: true });
}
