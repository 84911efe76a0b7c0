/** leveretctl, as shells complete it: made of what its commands declare. */
import { LOG_LEVELS } from '../../runtime/log.ts';
import type { OptionType } from '../arguments.ts';
import type { Command } from '../command.ts';
import { COMMON_OPTIONS } from '../common-options.ts';
import { FORMATTERS } from '../formatters/all.ts';
import type { CompletedCommand, CompletedOption, CompletedProgram, Values } from './program.ts';

/** What is called so in a usage may be one of these. */
const BY_PLACEHOLDER: Readonly<Record<string, Values>> = {
  vhost: 'vhosts',
  username: 'users',
  file_path: 'files',
  pidfile: 'files',
  log_level: LOG_LEVELS,
};

/** @param name the one that the program was called by */
export function ctlProgram(name: string, commands: readonly Command[]): CompletedProgram {
  const here = commands.filter(({ refusal }) => refusal === undefined);
  const names = here.map((command) => command.name);
  const itself = { path: [], text: 'Operates a broker', options: commonOptions(), positionals: [] };
  return { name, commands: [itself, ...here.map((command) => completed(command, names))], optionsAnywhere: true };
}

function commonOptions(): CompletedOption[] {
  const values: Readonly<Record<string, Values>> = { vhost: 'vhosts', formatter: Object.keys(FORMATTERS) };
  return Object.entries(COMMON_OPTIONS).map(([name, { letter, type, text }]) => ({
    names: [
      text.startsWith(`--no-${name}`) ? `--no-${name}` : `--${name}`,
      ...(letter === undefined || letter === '?' ? [] : [`-${letter}`]),
    ],
    text: text.replace(`--no-${name}: `, ''),
    takesValue: type !== 'flag',
    values: values[name],
  }));
}

function completed(command: Command, names: readonly string[]): CompletedCommand {
  const { name, text, options = {} } = command;
  return {
    path: [name],
    text,
    options: Object.entries(options).map(([option, type]) => ownOption(command, option, type)),
    positionals: positionalsOf(command, names),
  };
}

function ownOption({ usage, letters = {}, explained = [] }: Command, name: string, type: OptionType): CompletedOption {
  const letter = Object.keys(letters).find((each) => letters[each] === name);
  const denied = usage.includes(`--no-${name}`) ? [`--no-${name}`] : [];
  const [, placeholder = ''] = new RegExp(`--${name}(?:\\|-\\w)? <([^>]*)>`).exec(usage) ?? [];
  const [, meaning = ''] = explained.find(([part]) => part.includes(`--${name}`)) ?? [];
  return {
    names: [`--${name}`, ...(letter === undefined ? [] : [`-${letter}`]), ...denied],
    text: meaning,
    takesValue: type !== 'flag',
    values: type === 'flag' ? undefined : valuesOf(placeholder),
  };
}

function positionalsOf(command: Command, names: readonly string[]): readonly (Values | undefined)[] {
  const {
    name,
    usage,
    columns,
    positionals: [, max],
  } = command;
  if (name === 'help' || name === 'autocomplete') return [names];
  // What it makes is not there yet.
  if (name.startsWith('add_')) return [];
  const placeholders = [...usage.replace(/\[[^[\]]*--?[a-z][^\]]*\]/g, '').matchAll(/<([^<>]+)>/g)].map(
    ([, part]) => part!,
  );
  const known = placeholders.filter((part) => part !== 'column').map(valuesOf);
  if (columns !== undefined) return [...known.slice(0, columns.behind ?? 0), columns.all];
  // Behind the last one nothing more is offered, unless the command takes more.
  return known.length < max ? known : [...known.slice(0, max), undefined];
}

/** `classic|quorum` are words to choose from. */
function valuesOf(placeholder: string): Values | undefined {
  const parts = placeholder.split('|').map((part) => part.trim());
  const [first = ''] = parts;
  if (Object.hasOwn(BY_PLACEHOLDER, first)) return BY_PLACEHOLDER[first];
  return parts.length > 1 && parts.every((part) => /^[a-z0-9]+$/.test(part)) ? parts : undefined;
}
