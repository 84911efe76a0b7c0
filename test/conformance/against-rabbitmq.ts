/**
 * Proves the conformance suite itself: runs it against RabbitMQ, which is what it says that a broker must do.
 *
 *   node test/conformance/against-rabbitmq.ts [word]     only the files whose name holds the word
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { startRabbitMq } from '../differential/rabbitmq.ts';
import { definitions } from './definitions.ts';

const word = process.argv[2] ?? '';
const files = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.test.ts') && name.includes(word))
  .map((name) => join(import.meta.dirname, name));
const rabbitMq = await startRabbitMq({ definitions });
try {
  const { status } = spawnSync(process.execPath, ['--test', '--test-reporter=spec', '--test-concurrency=2', ...files], {
    env: { ...process.env, LEVERET_CONFORMANCE_URL: `amqp://guest:guest@127.0.0.1:${rabbitMq.port}/%2F` },
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
} finally {
  await rabbitMq.stop();
}
