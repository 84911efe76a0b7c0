/**
 * From the words of a command line to an exit code, in the order in which rabbitmqctl decides: is there such a command, do its
 * options and arguments make sense, is there a broker; then the banner, and the work.
 */
import { VERSION } from '../version.ts';
import { type Arguments, readArguments } from './arguments.ts';
import { ApiRefusal, BrokerClient } from './broker-client.ts';
import type { Call, Command, Terminal } from './command.ts';
import { COMMANDS } from './commands/all.ts';
import { rulesFor } from './common-options.ts';
import { ArgumentFailure, EXIT, Failure, failed, StateFailure } from './failure.ts';
import { Printer, print } from './printer.ts';
import { askedNodeName, findTarget, type Target } from './target.ts';
import { helpOn, overview, similarName, usageLine } from './usage.ts';

/** What a process is started with. */
interface Started {
  /** The name that it was called by. */
  readonly program: string;
  readonly words: readonly string[];
  readonly terminal: Terminal;
}

/** A call before its broker is known. */
type CheckedCall = Omit<Call, 'nodeName'>;

/** The longest that a timer of Node's waits: 24 days. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** @returns the exit code; everything that there is to say has been printed */
export async function run(program: string, words: readonly string[], terminal: Terminal): Promise<number> {
  const started: Started = { program, words, terminal };
  const { options, positionals } = readArguments(words, rulesFor(undefined));
  const command = COMMANDS.find(({ name }) => name === positionals[0]);
  if (command === undefined) return withoutCommand(started, positionals[0], options.help === true);
  try {
    const given = readArguments(words, rulesFor(command));
    if (given.options.help === true) {
      await print(terminal, [helpOn(program, command)]);
    } else if (command.refusal !== undefined) {
      throw notHere(command);
    } else {
      await perform(await checked(started, command, given), new Printer(given, terminal));
    }
    return 0;
  } catch (error) {
    const failure = failureOf(error, program, command);
    const { message, json } = failure;
    const text = json !== undefined && options.formatter === 'json' ? JSON.stringify(json) : message;
    const usage = failure.showsUsage ? argumentsAndUsage(started, command) : '';
    if (text !== '') terminal.stderr.write(`${text}\n${usage}`);
    return failure.exitCode;
  }
}

async function withoutCommand(
  { program, words, terminal }: Started,
  name: string | undefined,
  asksHelp: boolean,
): Promise<number> {
  const asksVersion = name === undefined && words.includes('--version');
  if (asksVersion || (name === undefined && asksHelp)) {
    await print(terminal, [asksVersion ? `${program} ${VERSION}` : overview(program, COMMANDS)]);
    return 0;
  }
  const similar = name === undefined ? null : similarName(name, COMMANDS);
  const notFound = name === undefined ? '' : `\nCommand '${name}' not found. \n`;
  const then = similar === null ? overview(program, COMMANDS) : `Did you mean '${similar}'? \n`;
  terminal.stderr.write(`${notFound}${then}\n`);
  return EXIT.usage;
}

/** @throws ArgumentFailure */
async function checked(started: Started, command: Command, given: Arguments): Promise<CheckedCall> {
  const { options, invalid } = given;
  const positionals = given.positionals.slice(1);
  if (invalid.length > 0) throw invalidOptions(invalid);
  const [min, max] = command.positionals;
  if (positionals.length < min) throw new ArgumentFailure(EXIT.usage, 'not enough arguments.');
  if (positionals.length > max) throw new ArgumentFailure(EXIT.usage, 'too many arguments.');
  const { vhost = '/', timeout = command.timeoutSeconds } = options as { vhost?: string; timeout?: number };
  if (timeout !== undefined && timeout < 0) throw invalidOptions([['--timeout', String(timeout)]]);
  const columns = command.columns === undefined ? [] : chosenColumns(command, positionals);
  const call = {
    ...started,
    command,
    commands: COMMANDS,
    options,
    positionals,
    columns,
    vhost,
    timeoutSeconds: timeout,
  };
  await command.check?.({ ...call, nodeName: '' });
  return call;
}

function invalidOptions(invalid: Arguments['invalid']): ArgumentFailure {
  const list = invalid.map(([option, value]) => `${option} : ${value}`).join('\n');
  return new ArgumentFailure(EXIT.usage, `Invalid options for this command:\n${list}`);
}

/** `name,messages` is two of them, too. @throws ArgumentFailure */
function chosenColumns({ columns }: Command, positionals: readonly string[]): readonly string[] {
  const { byDefault, all, behind = 0 } = columns!;
  const named = positionals
    .slice(behind)
    .flatMap((each) => each.split(','))
    .map((each) => each.trim());
  const chosen = [...new Set(named)];
  const unknown = chosen.filter((column) => !all.includes(column)).sort();
  if (unknown.length > 0) throw new ArgumentFailure(EXIT.usage, `Info key(s) ${unknown} are not supported`);
  return chosen.length === 0 ? byDefault : chosen;
}

async function perform(checkedCall: CheckedCall, printer: Printer): Promise<void> {
  const { command, options, terminal, timeoutSeconds: seconds } = checkedCall;
  const { url, node } = options as { url?: string; node?: string };
  const target =
    command.needsNoBroker === true
      ? nowhere(askedNodeName(node, terminal.env))
      : await findTarget({ url, node }, terminal.env);
  const call = { ...checkedCall, nodeName: target.nodeName };
  const banner = command.banner?.(call);
  if (banner !== undefined) await printer.banner(banner);
  if (options['dry-run'] === true) return;
  const signal = seconds === undefined ? new AbortController().signal : timeoutSignal(seconds);
  const broker = new BrokerClient(target, signal);
  try {
    await printer.output(await command.run({ ...call, broker, signal }), target.nodeName);
  } catch (error) {
    throw signal.aborted ? timedOut(call, seconds!) : error;
  } finally {
    broker.close();
  }
}

/** For a command that says it needs no broker. */
const nowhere = (nodeName: string): Target => ({
  nodeName,
  protocol: 'http:',
  address: { socketPath: '' },
  basePath: '',
  authorization: null,
  unreachable: (cause) => new Failure(EXIT.software, `Error: ${cause.message}`, { cause }),
});

function timeoutSignal(seconds: number): AbortSignal {
  return AbortSignal.timeout(Math.min(seconds * 1000, LONGEST_TIMEOUT_MS));
}

function timedOut({ command, nodeName }: Call, seconds: number): Failure {
  const text = `operation ${command.name} on node ${nodeName} timed out. Timeout value used: ${seconds * 1000}`;
  return new Failure(EXIT.temporary, `Error: ${text}`);
}

/** @throws what nobody foresaw */
function failureOf(error: unknown, program: string, { name }: Command): Failure {
  if (error instanceof Failure) return error;
  if (!(error instanceof ApiRefusal)) throw error;
  if (error.error === 'stopped') return new StateFailure(program, 'running');
  if (error.status !== 401) return new Failure(EXIT.unavailable, `Error:\n${error.reason}`, { cause: error });
  const text = `Error: the broker refuses ${name} to this user: ${error.reason}`;
  return new Failure(EXIT.noPermission, text, { cause: error });
}

function notHere({ name, refusal }: Command): Failure {
  return failed(EXIT.unavailable, `${name} is not here: ${refusal}`);
}

/** A password in a URL is not for everybody who looks over somebody's shoulder, or at the log of a script. */
function argumentsAndUsage({ program, words }: Started, command: Command): string {
  const shown = words.join(' ').replace(/(?<=:\/\/[^\s/@:]*:)[^\s/]*(?=@)/g, '***');
  return `Arguments given:\n\t${shown}\n\nUsage\n\n${usageLine(program, command)}\n`;
}
