/** All that is declared as one document, out and in. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { path } from '../asking.ts';
import { ApiRefusal, type BrokerClient } from '../broker-client.ts';
import { type Call, type Command, DONE, type Output, type RunningCall } from '../command.ts';
import { badArgument, EXIT, type ExitCode, failed } from '../failure.ts';

const STANDARD = '-';
/** The global parameter that RabbitMQ keeps for --skip-if-unchanged. */
const HASH_PARAMETER = 'imported_definition_hash_value';
const FORMAT = ['--format', 'json, which is what it is without it.'] as const;

export const definitionCommands: readonly Command[] = [
  {
    name: 'export_definitions',
    group: 'Definitions',
    text: 'Writes all that is declared to a file',
    usage: '<file_path | "-"> [--format <json | erlang>] [--timeout <timeout>]',
    positionals: [1, 1],
    options: { format: 'text' },
    explained: [['<file_path | "-">', 'The file; - is standard output.'], FORMAT],
    check: (call) => {
      const [file] = call.positionals;
      checkFormat(call);
      if (file === STANDARD) return;
      const directory = dirname(file!);
      if (!existsSync(directory)) throw badArgument(`Directory ${directory} does not exist`);
    },
    banner: ({ positionals: [file] }) =>
      file === STANDARD ? undefined : `Exporting definitions in JSON to a file at "${file}" ...`,
    run: exportDefinitions,
  },
  {
    name: 'import_definitions',
    group: 'Definitions',
    text: 'Declares what a file has, over what is there: all of it, or nothing',
    usage: '<file_path | "-"> [--format <json | erlang>] [--skip-if-unchanged] [--timeout <timeout>]',
    positionals: [0, 1],
    options: { format: 'text', 'skip-if-unchanged': 'flag' },
    explained: [
      ['<file_path | "-">', 'The file; - or nothing is standard input.'],
      FORMAT,
      ['--skip-if-unchanged', 'Does nothing if the last import was of the same octets.'],
    ],
    check: (call) => {
      const [file] = call.positionals;
      checkFormat(call);
      if (!isStandardInput(file) && !existsSync(file!)) throw badArgument(`File ${file} does not exist`);
    },
    banner: ({ positionals: [file] }) => {
      const from = isStandardInput(file) ? 'standard input' : `a file at "${file}"`;
      return `Importing definitions in JSON from ${from} ...`;
    },
    run: importDefinitions,
  },
];

function isStandardInput(file: string | undefined): boolean {
  return file === undefined || file === STANDARD;
}

/** @throws ArgumentFailure */
function checkFormat({ options: { format = 'json' } }: Pick<Call, 'options'>): void {
  if (format === 'json') return;
  throw badArgument(
    format === 'erlang'
      ? "Erlang's terms are RabbitMQ's own: the format can be json"
      : 'Format should be either json or erlang',
  );
}

/** A file is written when all of it is here: what it held before is not lost to a connection that breaks. */
async function exportDefinitions({ broker, positionals: [file] }: RunningCall): Promise<Output> {
  const octets = broker.octets('definitions');
  if (file === STANDARD) return { kind: 'octets', octets };
  checkNoDirectory(file!);
  const definitions = await all(octets);
  usingFile(EXIT.cannotCreate, () => writeFileSync(file!, definitions));
  return DONE;
}

/** @throws Failure that says why the file cannot be used */
function usingFile<T>(exitCode: ExitCode, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw failed(exitCode, (error as Error).message);
  }
}

/** @throws Failure */
function checkNoDirectory(file: string): void {
  if (existsSync(file) && statSync(file).isDirectory()) throw failed(EXIT.data, `Path ${file} is a directory`);
}

async function importDefinitions({ broker, positionals: [file], options, terminal }: RunningCall): Promise<Output> {
  if (!isStandardInput(file)) checkNoDirectory(file!);
  const octets = isStandardInput(file) ? await all(terminal.stdin) : usingFile(EXIT.data, () => readFileSync(file!));
  const text = octets.toString();
  checkJson(text);
  const hash = createHash('sha256').update(octets).digest('base64');
  if (options['skip-if-unchanged'] === true && hash === (await lastHash(broker))) {
    return { kind: 'message', text: 'The definitions are those of the last import: nothing is changed.' };
  }
  try {
    await broker.post('definitions', text);
  } catch (error) {
    throw error instanceof ApiRefusal && error.status === 400 ? failed(EXIT.data, error.reason) : error;
  }
  if (options['skip-if-unchanged'] === true)
    await broker.put(path('global-parameters', HASH_PARAMETER), { value: hash });
  return { kind: 'message', text: 'The definitions are imported.' };
}

async function all(stream: AsyncIterable<Uint8Array | string>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

/** @throws Failure */
function checkJson(text: string): void {
  try {
    JSON.parse(text);
  } catch (error) {
    throw failed(EXIT.data, `Failed to deserialise input (format: JSON) (error: ${(error as Error).message})`);
  }
}

async function lastHash(broker: BrokerClient): Promise<unknown> {
  try {
    return (await broker.get(path('global-parameters', HASH_PARAMETER))).value;
  } catch (error) {
    if (error instanceof ApiRefusal && error.status === 404) return undefined;
    throw error;
  }
}
