/** `npm test`: format, lint and import arrows, types, then every test. `npm test -- storage` runs the test files whose path holds a word. */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

function step(name: string, command: string, args: string[]): void {
  const started = performance.now();
  const result = spawnSync(command, args, { stdio: 'inherit' });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (result.status !== 0) {
    console.error(`npm test: ${name} failed after ${seconds} s`);
    process.exit(result.status ?? 1);
  }
  console.log(`npm test: ${name} passed in ${seconds} s`);
}

const words = process.argv.slice(2);
const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts'])
  .filter((path) => words.every((word) => path.includes(word)))
  .sort();
if (files.length === 0) {
  console.error(`npm test: no test file has "${words.join('" and "')}" in its path`);
  process.exit(2);
}
if (words.length === 0) {
  step('lint', 'node_modules/.bin/biome', ['check', '--error-on-warnings', '.']);
  step('types', 'node_modules/.bin/tsc', ['--noEmit']);
}
step('tests', process.execPath, ['--test', '--test-reporter=spec', '--test-concurrency=2', ...files]);
