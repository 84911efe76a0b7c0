/** What is answered without a broker: help, version, completion of names. */
import { RABBITMQ_VERSION } from '../../version.ts';
import { type Call, type Command, DONE } from '../command.ts';
import { ctlProgram } from '../completion/ctl-program.ts';
import { SHELL_NAMES, type ShellName } from '../completion/program.ts';
import { SHELLS } from '../completion/shells.ts';
import { badArgument, EXIT, failed } from '../failure.ts';
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
    name: 'completion',
    group: 'Help',
    text: 'Prints a script with which a shell completes commands, options, vhosts and users',
    usage: '<bash|zsh|fish>',
    positionals: [1, 1],
    explained: [['<bash|zsh|fish>', 'The shell that is to run it: source <(leveretctl completion bash)']],
    needsNoBroker: true,
    check: ({ positionals: [shell] }) => {
      if (!Object.hasOwn(SHELLS, shell!)) {
        throw badArgument(`there is a script for ${SHELL_NAMES.join(', ')}, and none for '${shell}'`);
      }
    },
    run: ({ program, commands, positionals: [shell] }) => {
      return { kind: 'text', text: SHELLS[shell as ShellName](ctlProgram(program, commands)) };
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
