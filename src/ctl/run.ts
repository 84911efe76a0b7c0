/**
 * From the words of a command line to an exit code, in the order in which rabbitmqctl decides: is there such a command, do its
 * options and arguments make sense, is there a broker; then the banner, and the work.
 */
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { VERSION } from '../version.ts';
import { type Arguments, readArguments } from './arguments.ts';
import { ApiRefusal, BrokerClient } from './broker-client.ts';
import type { Call, Command, Output, Terminal } from './command.ts';
import { COMMANDS } from './commands/all.ts';
import { rulesFor } from './common-options.ts';
import { ArgumentFailure, EXIT, Failure } from './failure.ts';
import { formatterNamed } from './formatters/all.ts';
import type { Formatter } from './formatters/formatter.ts';
import { findTarget, type Target } from './target.ts';
import { helpOn, overview, similarName, usageLine } from './usage.ts';

interface Printing {
  readonly formatter: Formatter;
  /** No banner, no messages. */
  readonly isQuiet: boolean;
  readonly hasHeaders: boolean;
}

/** @returns the exit code; everything that there is to say has been printed */
export async function run(program: string, words: readonly string[], terminal: Terminal): Promise<number> {
  const { options, positionals } = readArguments(words, rulesFor(undefined));
  const name = positionals[0];
  if (name === undefined && words.includes('--version')) return print(terminal, [`${program} ${VERSION}`]);
  const command = COMMANDS.find((each) => each.name === name);
  if (command === undefined) return withoutCommand(program, name, options.help === true, terminal);
  try {
    const given = readArguments(words, rulesFor(command));
    if (given.options.help === true) return await print(terminal, [helpOn(program, command)]);
    const printing = printingFor(given);
    const call = await checkedCall(program, command, given, words, terminal);
    await perform(call, printing);
    return 0;
  } catch (error) {
    const failure = failureOf(error, command);
    const usage = failure instanceof ArgumentFailure ? argumentsAndUsage(program, command, words) : '';
    terminal.stderr.write(`${failure.message}\n${usage}`);
    return failure.exitCode;
  }
}

async function withoutCommand(
  program: string,
  name: string | undefined,
  help: boolean,
  terminal: Terminal,
): Promise<number> {
  if (name === undefined && help) return print(terminal, [overview(program, COMMANDS)]);
  const similar = name === undefined ? null : similarName(name, COMMANDS);
  const notFound = name === undefined ? '' : `\nCommand '${name}' not found. \n`;
  const then = similar === null ? overview(program, COMMANDS) : `Did you mean '${similar}'? \n`;
  terminal.stderr.write(`${notFound}${then}\n`);
  return EXIT.usage;
}

function printingFor({ options }: Arguments): Printing {
  return {
    formatter: formatterNamed(String(options.formatter ?? 'table')),
    isQuiet: options.quiet === true || options.silent === true,
    hasHeaders: options.silent !== true && options['table-headers'] !== false,
  };
}

/** @throws ArgumentFailure */
async function checkedCall(
  program: string,
  command: Command,
  { options, positionals: [, ...positionals], invalid }: Arguments,
  words: readonly string[],
  terminal: Terminal,
): Promise<Omit<Call, 'nodeName'>> {
  if (invalid.length > 0) {
    const list = invalid.map(([option, value]) => `${option} : ${value}`).join('\n');
    throw new ArgumentFailure(EXIT.usage, `Invalid options for this command:\n${list}`);
  }
  const [min, max] = command.positionals;
  if (positionals.length < min) throw new ArgumentFailure(EXIT.usage, 'not enough arguments.');
  if (positionals.length > max) throw new ArgumentFailure(EXIT.usage, 'too many arguments.');
  const columns = command.columns === undefined ? [] : chosenColumns(command, positionals);
  const vhost = String(options.vhost ?? '/');
  const timeoutSeconds = (options.timeout as number | undefined) ?? command.timeoutSeconds;
  const call = {
    timeoutSeconds,
    program,
    command,
    commands: COMMANDS,
    options,
    positionals,
    columns,
    words,
    terminal,
    vhost,
  };
  await command.check?.({ ...call, nodeName: '' });
  return call;
}

/** `name,messages` is two of them, too. @throws ArgumentFailure */
function chosenColumns({ columns }: Command, positionals: readonly string[]): readonly string[] {
  const { byDefault, all } = columns!;
  const named = positionals.flatMap((each) => each.split(',')).map((each) => each.trim());
  const chosen = [...new Set(named)];
  const unknown = chosen.filter((column) => !all.includes(column)).sort();
  if (unknown.length > 0) throw new ArgumentFailure(EXIT.usage, `Info key(s) ${unknown} are not supported`);
  return chosen.length === 0 ? byDefault : chosen;
}

async function perform(checked: Omit<Call, 'nodeName'>, printing: Printing): Promise<void> {
  const { command, options, terminal } = checked;
  const { url, node } = options as { url?: string; node?: string };
  const target = command.needsNoBroker === true ? null : await findTarget({ url, node }, terminal.env);
  const call = { ...checked, nodeName: target?.nodeName ?? node ?? '' };
  const { timeoutSeconds: seconds } = call;
  const banner = command.banner?.(call);
  if (banner !== undefined && !printing.isQuiet && printing.formatter.isForPeople) await print(terminal, [banner]);
  if (options['dry-run'] === true) return;
  const signal = seconds === undefined ? new AbortController().signal : AbortSignal.timeout(seconds * 1000);
  const broker = new BrokerClient(target ?? NOWHERE, signal);
  try {
    await show(await command.run({ ...call, broker, signal }), printing, call);
  } catch (error) {
    throw signal.aborted ? timedOut(call, seconds!) : error;
  } finally {
    broker.close();
  }
}

/** For a command that says it needs no broker. */
const NOWHERE: Target = {
  nodeName: '',
  protocol: 'http:',
  address: { socketPath: '' },
  basePath: '',
  authorization: null,
  unreachable: (cause) => new Failure(EXIT.software, `Error: ${cause.message}`, { cause }),
};

async function show(output: Output, { formatter, isQuiet, hasHeaders }: Printing, call: Call): Promise<void> {
  const { terminal, nodeName } = call;
  switch (output.kind) {
    case 'rows':
      await print(terminal, formatter.list(output, hasHeaders));
      return;
    case 'text':
      await print(terminal, [formatter.text(output.text)]);
      return;
    case 'value':
      await print(terminal, [formatter.value(output.value, nodeName)]);
      return;
    case 'octets':
      await pipeline(output.octets, terminal.stdout, { end: false });
      return;
    case 'message':
      if (!isQuiet || !formatter.isForPeople) await print(terminal, [formatter.message(output.text, nodeName)]);
      return;
    case 'done': {
      const text = formatter.done(nodeName);
      if (text !== null) await print(terminal, [text]);
    }
  }
}

/** Waits for a slow reader. @returns 0 */
async function print({ stdout }: Terminal, lines: Iterable<string> | AsyncIterable<string>): Promise<0> {
  for await (const line of lines) if (!stdout.write(`${line}\n`)) await once(stdout, 'drain');
  return 0;
}

function timedOut({ command, nodeName }: Call, seconds: number): Failure {
  const text = `operation ${command.name} on node ${nodeName} timed out. Timeout value used: ${seconds * 1000}`;
  return new Failure(EXIT.temporary, `Error: ${text}`);
}

/** @throws what nobody foresaw */
function failureOf(error: unknown, { name }: Command): Failure {
  if (error instanceof Failure) return error;
  if (!(error instanceof ApiRefusal)) throw error;
  if (error.status !== 401) return new Failure(EXIT.unavailable, `Error:\n${error.reason}`, { cause: error });
  return new Failure(EXIT.noPermission, `Error: the broker refuses ${name} to this user: ${error.reason}`, {
    cause: error,
  });
}

function argumentsAndUsage(program: string, command: Command, words: readonly string[]): string {
  return `Arguments given:\n\t${words.join(' ')}\n\nUsage\n\n${usageLine(program, command)}\n`;
}
