/** The options that every command has, as RabbitMQ's have them, and where a broker is. */
import type { ArgumentRules, OptionType } from './arguments.ts';
import type { Command } from './command.ts';

interface CommonOption {
  readonly letter?: string;
  readonly type: OptionType;
  /** What stands behind it. */
  readonly value?: string;
  readonly text: string;
}

export const COMMON_OPTIONS: Readonly<Record<string, CommonOption>> = {
  help: { letter: '?', type: 'flag', text: 'Print how the command is used.' },
  node: {
    letter: 'n',
    type: 'text',
    value: 'node',
    text: 'The broker: its node name, or the path of its control socket.',
  },
  url: { type: 'text', value: 'url', text: 'The broker: http://USER:PASSWORD@HOST:PORT of its HTTP API.' },
  longnames: { letter: 'l', type: 'flag', text: 'Node names may have long host names; they may without it, too.' },
  timeout: { letter: 't', type: 'integer', value: 'seconds', text: 'Give up after so many seconds.' },
  quiet: { letter: 'q', type: 'flag', text: 'No lines that say what is being done.' },
  silent: { letter: 's', type: 'flag', text: 'The same, and no line with the names of columns.' },
  vhost: { letter: 'p', type: 'text', value: 'vhost', text: 'The vhost, for what is in one. Without it: /' },
  formatter: { type: 'text', value: 'format', text: 'table, pretty_table, json or csv.' },
  'table-headers': { type: 'flag', text: '--no-table-headers: no line with the names of columns.' },
  'dry-run': { type: 'flag', text: 'Say what would be done, and leave it at that.' },
};

/** @param command undefined while it is not known yet */
export function rulesFor(command: Command | undefined): ArgumentRules {
  const common = Object.entries(COMMON_OPTIONS);
  const letters = common.flatMap(([name, { letter }]) => (letter === undefined ? [] : [[letter, name]]));
  return {
    options: { ...Object.fromEntries(common.map(([name, { type }]) => [name, type])), ...command?.options },
    letters: { ...Object.fromEntries(letters), ...command?.letters },
  };
}
