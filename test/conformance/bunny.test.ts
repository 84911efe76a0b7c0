/** Bunny, the usual Ruby client, from Debian's package. */
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startRestartableBroker } from './broker-under-test.ts';
import { isMissing, runScenarios } from './external-program.ts';

test('bunny', { timeout: 120_000 }, async (t) => {
  if (isMissing(t, { command: 'ruby', args: ['-e', "require 'bunny'"] }, 'ruby-bunny')) return;
  const broker = await startRestartableBroker();
  t.after(() => broker.stop());
  const script = fileURLToPath(new URL('ruby/bunny.rb', import.meta.url));
  await runScenarios(t, { command: 'ruby', args: [script] }, broker);
});
