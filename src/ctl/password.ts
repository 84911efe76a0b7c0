/** A password that is not on the command line, where every process of the machine could read it: it is asked for, or piped in. */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Call } from './command.ts';
import { EXIT, failed } from './failure.ts';

/** @throws Failure when there is none */
export async function readPassword({ options, terminal: { stdin, stdout } }: Call): Promise<string> {
  const isQuiet = options.quiet === true || options.silent === true;
  if (!isQuiet) stdout.write('Password: ');
  const isTyped = stdin.isTTY === true;
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: nowhere, terminal: isTyped });
  try {
    for await (const line of lines) return line;
  } finally {
    if (!isQuiet) stdout.write('\n');
    lines.close();
  }
  throw failed(EXIT.data, 'Password is not provided via argument or stdin');
}
