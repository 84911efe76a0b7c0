/** `npm run docs`: writes the sections of the documentation that come from elsewhere; the docs test fails while one is stale. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { acceptedDifferences } from '../test/differential/accepted-differences.ts';
import { commandTables, optionsTable } from './ctl-commands.ts';
import { differencesList } from './differences-list.ts';
import { withSection } from './page-section.ts';
import { benchSection } from './readme-bench.ts';
import { routeTable } from './route-table.ts';
import { settingsTable } from './settings-table.ts';

const root = join(import.meta.dirname, '..');

function update(page: string, name: string, content: string): void {
  const path = join(root, page);
  const before = readFileSync(path, 'utf8');
  const after = withSection(before, name, content);
  console.log(`${page}: ${after === before ? 'is up to date' : `has new ${name}`}`);
  if (after !== before) writeFileSync(path, after);
}

const resultsPath = join(root, 'bench/RESULTS.md');
const results = existsSync(resultsPath) ? readFileSync(resultsPath, 'utf8') : null;
update('README.md', 'bench', benchSection(results, 'en'));
update('README.zh-CN.md', 'bench', benchSection(results, 'zh'));
update('docs/differences.md', 'differences', differencesList(acceptedDifferences));
update('docs/leveretctl.md', 'options', optionsTable());
update('docs/leveretctl.md', 'commands', commandTables());
update('docs/configuration.md', 'settings', settingsTable());
update('docs/http-api.md', 'routes', routeTable());
