import { bashCompletion } from './bash.ts';
import { fishCompletion } from './fish.ts';
import type { CompletedProgram, ShellName } from './program.ts';
import { zshCompletion } from './zsh.ts';

/** What makes a script of what a program takes, by the name of the shell. */
export const SHELLS: Readonly<Record<ShellName, (program: CompletedProgram) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};
