/** Prints what a command gives, as its options say. */
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import type { Arguments } from './arguments.ts';
import type { Output, Terminal } from './command.ts';
import { formatterNamed } from './formatters/all.ts';
import type { Formatter } from './formatters/formatter.ts';

export class Printer {
  readonly #terminal: Terminal;
  readonly #formatter: Formatter;
  /** No banner, no messages. */
  readonly #isQuiet: boolean;
  readonly #hasHeaders: boolean;

  /** @throws ArgumentFailure */
  constructor({ options }: Arguments, terminal: Terminal) {
    this.#terminal = terminal;
    this.#formatter = formatterNamed(String(options.formatter ?? 'table'));
    this.#isQuiet = options.quiet === true || options.silent === true;
    this.#hasHeaders = options.silent !== true && options['table-headers'] !== false;
  }

  async banner(text: string): Promise<void> {
    if (!this.#isQuiet && this.#formatter.isForPeople) await print(this.#terminal, [text]);
  }

  async output(output: Output, nodeName: string): Promise<void> {
    if (output.kind === 'octets') await pipeline(output.octets, this.#terminal.stdout, { end: false });
    else await print(this.#terminal, this.#lines(output, nodeName));
  }

  #lines(output: Exclude<Output, { kind: 'octets' }>, nodeName: string): Lines {
    const formatter = this.#formatter;
    switch (output.kind) {
      case 'rows':
        return formatter.list(output, this.#hasHeaders);
      case 'text':
        return [formatter.text(output.text)];
      case 'report':
        return formatter.report(output, this.#hasHeaders);
      case 'value':
        return [formatter.value(output.value, nodeName)];
      case 'message':
        return this.#isQuiet && formatter.isForPeople ? [] : [formatter.message(output.text, nodeName)];
      case 'done':
        return formatter.done(nodeName);
    }
  }
}

type Lines = Iterable<string> | AsyncIterable<string>;

/** Waits for a slow reader. */
export async function print({ stdout }: Terminal, lines: Lines): Promise<void> {
  for await (const line of lines) if (!stdout.write(`${line}\n`)) await once(stdout, 'drain');
}
