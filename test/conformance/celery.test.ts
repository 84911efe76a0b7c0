/** Celery, in Debian's Python. */
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startRestartableBroker } from './broker-under-test.ts';
import { isMissing, runScenarios } from './external-program.ts';

const python = '/usr/bin/python3';

test('celery', { timeout: 120_000 }, async (t) => {
  if (isMissing(t, { command: python, args: ['-c', 'import celery'] }, 'python3-celery')) return;
  const broker = await startRestartableBroker();
  t.after(() => broker.stop());
  const script = fileURLToPath(new URL('python/celery_client.py', import.meta.url));
  await runScenarios(t, { command: python, args: ['-B', script] }, broker);
});
