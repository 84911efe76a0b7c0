/** Imports go down only: the linter's configuration is what tools/arrows.ts makes of its list, and the linter enforces it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { LAYERS, withArrows } from '../../tools/arrows.ts';

const ROOT = join(import.meta.dirname, '../..');

test('biome.json has the arrows of tools/arrows.ts (npm run arrows writes them)', () => {
  const configuration = JSON.parse(readFileSync(join(ROOT, 'biome.json'), 'utf8'));
  assert.deepEqual(configuration, withArrows(configuration));
});

test('every folder of src/ has its place in the order', () => {
  const places: readonly string[] = [...LAYERS, 'ctl', 'perf', 'version.ts'];
  const strangers = readdirSync(join(ROOT, 'src')).filter((name) => !places.includes(name));
  assert.deepEqual(strangers, []);
});

const CASES = [
  ['refused', 'src/perf/1.ts', "import { x } from '../connection/connection.ts';"],
  ['refused', 'src/perf/2.ts', "import { x } from '../config/limits.ts';"],
  ['taken', 'src/perf/3.ts', "import { x } from '../protocol/field-value.ts';"],
  ['refused', 'src/runtime/4.ts', "import type { x } from '../queues/queue.ts';"],
  ['refused', 'src/queues/5.ts', "export { x } from '../vhost/vhost.ts';"],
  ['taken', 'src/queues/6.ts', "import { x } from '../storage/message-store.ts';"],
  ['refused', 'src/connection/7.ts', "const x = await import('../cluster/membership.ts');"],
  ['refused', 'src/management/8.ts', "import { x } from '../broker.ts';"],
  ['refused', 'src/management/pages/9.ts', "import { x } from '../../cli/serve.ts';"],
  ['refused', 'src/web/10.ts', "import { x } from '../perf/load-run.ts';"],
  ['refused', 'src/broker.ts', "import { x } from './cli/serve.ts';"],
  ['taken', 'src/cli/11.ts', "import { x } from '../broker.ts';"],
  ['taken', 'src/cli/12.ts', "import { x } from '../perf/load-run.ts';"],
  ['refused', 'src/ctl/14.ts', "import { x } from '../management/server.ts';"],
  ['taken', 'src/ctl/commands/15.ts', "import { x } from '../../auth/passwords.ts';"],
  ['refused', 'src/management/16.ts', "import { x } from '../ctl/run.ts';"],
  ['taken', 'src/vhost/13.ts', "import { x } from '../version.ts';"],
] as const;

test('the linter refuses an import that goes up, whatever its form, and takes one that goes down', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'leveret-arrows-'));
  t.after(() => rmSync(root, { recursive: true }));
  copyFileSync(join(ROOT, 'biome.json'), join(root, 'biome.json'));
  for (const [, path, line] of CASES) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${line}\n`);
  }
  const args = ['lint', '--only=style/noRestrictedImports', '--reporter=json', '--max-diagnostics=none', '.'];
  const { stdout } = spawnSync(join(ROOT, 'node_modules/.bin/biome'), args, { cwd: root, encoding: 'utf8' });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { category: string; location: { path: string } }[] };
  assert.deepEqual([...new Set(diagnostics.map(({ category }) => category))], ['lint/style/noRestrictedImports']);
  const refused = CASES.filter(([verdict]) => verdict === 'refused').map(([, path]) => path);
  assert.deepEqual(diagnostics.map(({ location }) => location.path).sort(), [...refused].sort());
});
