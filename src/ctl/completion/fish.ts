/** Completion for fish, 3.0 and newer. */
import {
  type CompletedCommand,
  type CompletedOption,
  type CompletedProgram,
  childrenOf,
  functionName,
  LOOK_UP_SECONDS,
  ownOptions,
  sharedOptions,
  TARGET_OPTIONS,
  type Values,
} from './program.ts';

export function fishCompletion(program: CompletedProgram): string {
  const { name, commands } = program;
  const self = `_${functionName(program)}`;
  return `# Completion of ${name} for fish: ${name} completion fish | source

# Prints the options of the command at $argv[1], each with a tab and what it does.
function ${self}_options
  switch $argv[1]
${commands.flatMap((command) => printCase(command.path, descriptions(ownOptions(program, command)))).join('\n')}
  end
  ${print(descriptions(sharedOptions(program)))}
end

# Prints those of them that take a value.
function ${self}_valued
  switch $argv[1]
${commands.flatMap((command) => printCase(command.path, valuedNames(ownOptions(program, command)))).join('\n')}
  end
  ${print(valuedNames(sharedOptions(program)))}
end

# Prints the commands below the one at $argv[1].
function ${self}_commands
  switch $argv[1]
${commands.flatMap((command) => childrenCase(program, command)).join('\n')}
  end
end

# Prints what may be the value of the option $argv[2], or the positional of that number behind a p, of the command at $argv[1]; behind it
# stand the options that say which broker to ask.
function ${self}_values
  switch "$argv[1]|$argv[2]"
${valueCases(program).join('\n')}
  end
end

function ${self}
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l at ''
  set -l index 0
  set -l option ''
  set -l target
  for word in $words[2..-1]
    if test -n "$option"
      contains -- $option ${TARGET_OPTIONS.join(' ')}; and set -a target $option $word
      set option ''
    else if string match -qr '^-.*=' -- $word
      contains -- (string split -m 1 = -- $word)[1] ${TARGET_OPTIONS.join(' ')}; and set -a target $word
    else if string match -qr '^-' -- $word
      contains -- $word (${self}_valued $at); and set option $word
    else if test $index -eq 0; and contains -- $word (${self}_commands $at | string replace -r '\\t.*' '')
      set at (string trim -- "$at $word")
    else
      set index (math $index + 1)
    end
  end
  if test -n "$option"
    ${self}_values $at $option $words[1] $target
  else if string match -qr '^--[^=]+=' -- $current
    set -l parts (string split -m 1 = -- $current)
    for value in (${self}_values $at $parts[1] $words[1] $target)
      echo "$parts[1]=$value"
    end
  else if string match -qr '^-' -- $current
    ${self}_options $at
  else if test $index -eq 0; and count (${self}_commands $at) >/dev/null
    ${self}_commands $at
  else
    ${self}_values $at p$index $words[1] $target
  end
end

complete -c ${name} -e
complete -c ${name} -f -a '(${self})'
`;
}

/** Within single quotes fish knows two escapes. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function descriptions(options: readonly CompletedOption[]): string[] {
  return options.flatMap(({ names, text }) => names.map((name) => `${name}\t${text}`));
}

function valuedNames(options: readonly CompletedOption[]): string[] {
  return options.flatMap(({ names, takesValue }) => (takesValue ? names : []));
}

function childrenCase(program: CompletedProgram, { path }: CompletedCommand): string[] {
  return printCase(
    path,
    childrenOf(program, path).map((child) => `${child.path.at(-1)}\t${child.text}`),
  );
}

function printCase(path: readonly string[], lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`    case ${quoted(path.join(' '))}\n      ${print(lines)}`];
}

function print(lines: readonly string[]): string {
  return lines.length === 0 ? 'true' : `printf '%s\\n' ${lines.map(quoted).join(' ')}`;
}

function valueCases({ commands, optionsAnywhere }: CompletedProgram): string[] {
  const found: string[] = [];
  for (const { path, options, positionals } of commands) {
    const at = path.join(' ');
    for (const { names, values } of options) {
      if (values === undefined) continue;
      const places = names.map((name) => quoted(`${path.length === 0 && optionsAnywhere ? '*' : at}|${name}`));
      found.push(`    case ${places.join(' ')}\n      ${printed(values)}`);
    }
    for (const [index, values] of positionals.entries()) {
      if (values === undefined) continue;
      const number = index === positionals.length - 1 ? '*' : String(index);
      found.push(`    case ${quoted(`${at}|p${number}`)}\n      ${printed(values)}`);
    }
  }
  return found;
}

function printed(values: Values): string {
  const asked = `$argv[3] $argv[4..-1] --silent --timeout ${LOOK_UP_SECONDS}`;
  if (values === 'files') return '__fish_complete_path (commandline -ct)';
  if (values === 'vhosts') return `${asked} list_vhosts name 2>/dev/null`;
  if (values === 'users') return `${asked} list_users 2>/dev/null | string replace -r '\\t.*' ''`;
  return print(values);
}
