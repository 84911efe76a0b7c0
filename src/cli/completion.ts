/** `leveret`, as shells complete it: made of what commander was told. */
import type { Command, Option } from 'commander';
import type { CompletedCommand, CompletedOption, CompletedProgram } from '../ctl/completion/program.ts';

export function completedProgram(program: Command): CompletedProgram {
  return { name: program.name(), commands: completedCommands(program, []), optionsAnywhere: false };
}

/** A command and all below it. */
function completedCommands(command: Command, path: readonly string[]): CompletedCommand[] {
  const options = command.createHelp().visibleOptions(command).map(completedOption);
  const positionals = command.registeredArguments.map((argument) => {
    return argument.argChoices ?? (argument.name() === 'files' ? 'files' : undefined);
  });
  const below = command.commands.flatMap((child) => completedCommands(child, [...path, child.name()]));
  return [{ path, text: command.description(), options, positionals }, ...below];
}

function completedOption({ long, short, flags, description, argChoices, required, optional }: Option): CompletedOption {
  return {
    names: [long, short].filter((name) => name !== undefined && name !== null),
    text: description,
    takesValue: required || optional,
    values: argChoices ?? (/<(file|directory|path)>/.test(flags) ? 'files' : undefined),
  };
}
