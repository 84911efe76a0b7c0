/** RabbitMQ's own rabbitmqctl, for a RabbitMQ of the test's own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { RabbitMq } from '../differential/rabbitmq.ts';
import { OTHER_TOOLS, type ToolUnderTest } from './transcript.ts';

const DIRECTORY = '/usr/lib/rabbitmq/bin';

export function rabbitmqctl({ nodeName, port, environment }: RabbitMq): ToolUnderTest {
  return {
    nodeName,
    amqpPort: port,
    program: 'rabbitmqctl',
    run: async (words, stdin) => {
      const [first = ''] = words;
      const [tool, rest] = OTHER_TOOLS.test(first) ? [first, words.slice(1)] : ['rabbitmqctl', words];
      const child = spawn(join(DIRECTORY, tool), rest, { env: environment });
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
