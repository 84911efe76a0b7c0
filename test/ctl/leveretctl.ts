/** leveretctl without a process of its own: what it prints is caught. */
import { dirname } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { run } from '../../src/ctl/run.ts';
import { OTHER_TOOLS, type ToolUnderTest } from './transcript.ts';

/** @param socket the path of the broker's control socket */
export function leveretctl(nodeName: string, socket: string, amqpPort = 0): ToolUnderTest {
  return {
    nodeName,
    amqpPort,
    program: 'leveretctl',
    run: async (words, stdin) => {
      const printed = { stdout: '', stderr: '' };
      const caught = (name: keyof typeof printed) => {
        return new Writable({
          write(chunk, _encoding, done) {
            printed[name] += chunk;
            done();
          },
        });
      };
      const terminal = {
        env: { LEVERET_RUN_DIR: dirname(socket), LEVERET_NODE_NAME: nodeName },
        stdin: Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]),
        stdout: caught('stdout'),
        stderr: caught('stderr'),
      };
      const [first = ''] = words;
      const exitCode = OTHER_TOOLS.test(first)
        ? await run(first, words.slice(1), terminal)
        : await run('leveretctl', words, terminal);
      return { exitCode, ...printed };
    },
  };
}
