/** What is answered without a broker: help, version, completion of names. */
import { RABBITMQ_VERSION } from '../../version.ts';
import { type Call, type Command, DONE } from '../command.ts';
import { EXIT, failed } from '../failure.ts';
import { commandList, helpOn, overview } from '../usage.ts';

export const helpCommands: readonly Command[] = [
  {
    name: 'autocomplete',
    group: 'Help',
    text: 'Prints the names of commands that begin with a text',
    usage: '[prefix] [--timeout <timeout>]',
    positionals: [1, 1],
    needsNoBroker: true,
    run: ({ commands, positionals: [prefix] }) => {
      const names = commands.map(({ name }) => name).filter((name) => name.startsWith(prefix!));
      return names.length === 0 ? DONE : { kind: 'text', text: names.join('\n') };
    },
  },
  {
    name: 'help',
    group: 'Help',
    text: 'Prints how a command is used, or which commands there are',
    usage: '(<command> | [--list-commands])',
    positionals: [0, 1],
    options: { 'list-commands': 'flag' },
    explained: [['--list-commands', 'Only the list of commands.']],
    needsNoBroker: true,
    run: (call) => ({ kind: 'text', text: help(call) }),
  },
  {
    name: 'version',
    group: 'Help',
    text: 'Prints the version of RabbitMQ whose commands these are; --version prints that of this tool',
    usage: '',
    positionals: [0, 0],
    needsNoBroker: true,
    run: () => ({ kind: 'text', text: RABBITMQ_VERSION }),
  },
];

/** @throws Failure */
function help({ program, commands, options, positionals: [name] }: Call): string {
  if (options['list-commands'] === true) return commandList(commands);
  if (name === undefined) return overview(program, commands);
  const command = commands.find((each) => each.name === name);
  if (command === undefined) throw failed(EXIT.usage, `\nCommand '${name}' not found.`);
  return helpOn(program, command);
}
