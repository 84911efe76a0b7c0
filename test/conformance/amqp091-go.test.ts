/** amqp091-go, RabbitMQ's own Go client, from Debian's package of its source. */
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startRestartableBroker } from './broker-under-test.ts';
import { isMissing, runScenarios } from './external-program.ts';

/** Debian installs Go libraries as source below one GOPATH, to be used without modules. */
const env = { GOPATH: '/usr/share/gocode', GO111MODULE: 'off', GOFLAGS: '' };
const library = 'github.com/rabbitmq/amqp091-go';

test('amqp091-go', { timeout: 120_000 }, async (t) => {
  const probe = { command: 'go', args: ['list', library], env };
  if (isMissing(t, probe, 'golang-go or golang-github-rabbitmq-amqp091-go-dev')) return;
  const broker = await startRestartableBroker();
  t.after(() => broker.stop());
  const files = ['report.go', 'amqp091.go'].map((name) => fileURLToPath(new URL(`go/${name}`, import.meta.url)));
  await runScenarios(t, { command: 'go', args: ['run', ...files], env }, broker);
});
