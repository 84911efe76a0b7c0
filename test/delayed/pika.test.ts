/** pika, in Debian's Python, on an x-delayed-message exchange. */
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startRestartableBroker } from '../conformance/broker-under-test.ts';
import { isMissing, runScenarios } from '../conformance/external-program.ts';

const python = '/usr/bin/python3';

test('pika delays', { timeout: 60_000 }, async (t) => {
  if (isMissing(t, { command: python, args: ['-c', 'import pika'] }, 'python3-pika')) return;
  const broker = await startRestartableBroker();
  t.after(() => broker.stop());
  const script = fileURLToPath(new URL('pika_delayed.py', import.meta.url));
  await runScenarios(t, { command: python, args: ['-B', script] }, broker);
});
