/** What a program takes on its command line, as far as a shell can complete it; scripts for each shell are made of it. */

/** Those that there is a script for. */
export const SHELL_NAMES = ['bash', 'zsh', 'fish'] as const;
export type ShellName = (typeof SHELL_NAMES)[number];

/** What may stand somewhere: words that are known, or what is looked up when it is asked for. */
export type Values = readonly string[] | 'files' | 'vhosts' | 'users';

export interface CompletedOption {
  /** `--vhost`, `-p`. */
  readonly names: readonly string[];
  readonly text: string;
  /** Whether a value follows; what it may be is not always known. */
  readonly takesValue: boolean;
  readonly values?: Values | undefined;
}

/** A command, or the program itself. */
export interface CompletedCommand {
  /** Its name, with those of the commands that it belongs to in front; the program's is empty. */
  readonly path: readonly string[];
  readonly text: string;
  readonly options: readonly CompletedOption[];
  /** What each positional may be, the last one any number of times; undefined where nothing is known. */
  readonly positionals: readonly (Values | undefined)[];
}

export interface CompletedProgram {
  readonly name: string;
  /** The first one is the program itself. */
  readonly commands: readonly CompletedCommand[];
  /** Whether the program's own options may stand behind its commands, too. */
  readonly optionsAnywhere: boolean;
}

/** The commands right below one. */
export function childrenOf({ commands }: CompletedProgram, path: readonly string[]): readonly CompletedCommand[] {
  const isChild = (child: CompletedCommand) => {
    return child.path.length === path.length + 1 && path.every((word, index) => child.path[index] === word);
  };
  return commands.filter(isChild);
}

/** Those that may stand behind every command. */
export function sharedOptions({ commands, optionsAnywhere }: CompletedProgram): readonly CompletedOption[] {
  return optionsAnywhere ? commands[0]!.options : [];
}

/** Those of one command that are not shared. */
export function ownOptions(program: CompletedProgram, { options }: CompletedCommand): readonly CompletedOption[] {
  return options === sharedOptions(program) ? [] : options;
}

/** The name of a function in a shell. */
export function functionName({ name }: CompletedProgram): string {
  return `_${name.replace(/\W/g, '_')}`;
}

/** As one word of any of the shells. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** What is asked of a broker takes no longer than this. */
export const LOOK_UP_SECONDS = 2;

/** The options that say which broker is asked: they go along when something is looked up. */
export const TARGET_OPTIONS = ['-n', '--node', '--url'];
