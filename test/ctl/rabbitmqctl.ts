/** RabbitMQ's own rabbitmqctl, for a RabbitMQ of the test's own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { RabbitMq } from '../differential/rabbitmq.ts';
import type { ToolUnderTest } from './transcript.ts';

const RABBITMQCTL = '/usr/lib/rabbitmq/bin/rabbitmqctl';

export function rabbitmqctl({ nodeName, port, environment }: RabbitMq): ToolUnderTest {
  return {
    nodeName,
    amqpPort: port,
    program: 'rabbitmqctl',
    run: async (words, stdin) => {
      const child = spawn(RABBITMQCTL, words, { env: environment });
      const printed = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr'] as const) {
        child[name].setEncoding('utf8').on('data', (text: string) => (printed[name] += text));
      }
      child.stdin.end(stdin);
      const [exitCode] = await once(child, 'close');
      return { exitCode, ...printed };
    },
  };
}
