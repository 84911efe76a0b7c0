/** php-amqplib, PHP's usual client, from Debian's package. */
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startRestartableBroker } from './broker-under-test.ts';
import { isMissing, runScenarios } from './external-program.ts';

test('php-amqplib', { timeout: 60_000 }, async (t) => {
  const probe = { command: 'php', args: ['-r', "require 'PhpAmqpLib/autoload.php';"] };
  if (isMissing(t, probe, 'php-cli or php-amqplib')) return;
  const broker = await startRestartableBroker();
  t.after(() => broker.stop());
  const script = fileURLToPath(new URL('php/php_amqplib.php', import.meta.url));
  await runScenarios(t, { command: 'php', args: [script] }, broker);
});
