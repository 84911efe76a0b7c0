/** RabbitMQ's own Java client, from Debian's package. */
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startRestartableBroker } from './broker-under-test.ts';
import { isMissing, runScenarios } from './external-program.ts';

const JARS = ['amqp-client', 'slf4j-api', 'slf4j-nop'].map((name) => `/usr/share/java/${name}.jar`);

test('the Java client', { timeout: 120_000 }, async (t) => {
  const isThere = JARS.every((jar) => existsSync(jar));
  const probe = isThere ? { command: 'java', args: ['--list-modules'] } : { command: 'false', args: [] };
  if (isMissing(t, probe, 'default-jdk-headless or librabbitmq-client-java')) return;
  const broker = await startRestartableBroker();
  t.after(() => broker.stop());
  const source = fileURLToPath(new URL('java/JavaClient.java', import.meta.url));
  await runScenarios(t, { command: 'java', args: ['-cp', JARS.join(':'), source] }, broker);
});
