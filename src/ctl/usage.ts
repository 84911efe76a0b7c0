/** What is printed of commands: how one is used, which there are, and what was probably meant. */
import leven from 'leven';
import { type Command, GROUPS } from './command.ts';
import { COMMON_OPTIONS } from './common-options.ts';

const COMMON = '[--node <node>] [--longnames] [--quiet]';
/** How many letters of a name may be wrong: a third. */
const LETTERS_PER_MISTAKE = 3;

export function usageLine(program: string, { name, usage }: Command): string {
  return [program, COMMON, name, usage].filter((part) => part !== '').join(' ');
}

export function helpOn(program: string, command: Command): string {
  const { text, explained = [], columns } = command;
  const parts =
    columns === undefined ? explained : [...explained, ['<column>', `One of ${columns.all.join(', ')}.`] as const];
  const paragraphs = [
    'Usage',
    usageLine(program, command),
    `${text}.`,
    ...(parts.length === 0
      ? []
      : ['Arguments and Options', ...parts.map(([part, meaning]) => `${part}\n\t${meaning}`)]),
    'General Options',
    commonOptions(),
  ];
  return `\n${paragraphs.join('\n\n')}\n`;
}

function commonOptions(): string {
  const lines = Object.entries(COMMON_OPTIONS).map(([name, { letter, value, text }]) => {
    const behind = value === undefined ? '' : ` <${value}>`;
    return [`${letter === undefined ? '    ' : `-${letter}, `}--${name}${behind}`, text] as const;
  });
  return columnsOf(lines);
}

export function overview(program: string, commands: readonly Command[]): string {
  const paragraphs = [
    'Usage',
    `${program} [--node <node>] [--timeout <timeout>] [--longnames] [--quiet] <command> [<command options>]`,
    'Available commands:',
    commandList(commands),
    `Use '${program} help <command>' to learn more about a specific command`,
  ];
  return `\n${paragraphs.join('\n\n')}`;
}

export function commandList(commands: readonly Command[]): string {
  const groups = GROUPS.map((group) => [group, commands.filter((command) => command.group === group)] as const);
  const filled = groups.filter(([, members]) => members.length > 0);
  return filled
    .map(([group, members]) => `${group}:\n\n${columnsOf(members.map(({ name, text }) => [name, text]))}`)
    .join('\n\n');
}

/** Null when nothing there is like it. */
export function similarName(name: string, commands: readonly Command[]): string | null {
  const wanted = name.toLowerCase().replaceAll('-', '_');
  const distances = commands.map((command) => ({ name: command.name, distance: leven(wanted, command.name) }));
  const [best] = distances.sort((one, other) => one.distance - other.distance);
  return best !== undefined && best.distance * LETTERS_PER_MISTAKE <= wanted.length ? best.name : null;
}

function columnsOf(lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, text]) => `   ${name.padEnd(width)}  ${text}`.trimEnd()).join('\n');
}
