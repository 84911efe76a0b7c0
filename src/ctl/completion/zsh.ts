/** Completion for zsh: to be sourced, or to be put as a file with a leading underscore where `fpath` has it. */
import {
  type CompletedCommand,
  type CompletedOption,
  type CompletedProgram,
  childrenOf,
  functionName,
  LOOK_UP_SECONDS,
  ownOptions,
  quoted,
  sharedOptions,
  TARGET_OPTIONS,
  type Values,
} from './program.ts';

export function zshCompletion(program: CompletedProgram): string {
  const { name, commands } = program;
  const self = functionName(program);
  return `#compdef ${name}
# Completion of ${name} for zsh: source <(${name} completion zsh), behind compinit

# Sets the options of the command at $1, those of them that take a value, and the commands below it.
${self}_command() {
  options=() valued=() children=()
  case $1 in
${commands.map((command) => commandCase(program, command)).join('\n')}
  esac
  options+=(${descriptions(sharedOptions(program))})
  valued+=(${valuedNames(sharedOptions(program))})
}

# Sets what may be the value of the option $2, or the positional with that number, of the command at $1.
${self}_values() {
  kind= list=()
  case "$1|$2" in
${valueCases(program).join('\n')}
  esac
}

${self}_offer() {
  case $kind in
    words) compadd -a list ;;
    files) _files ;;
    ${lookUpCase('vhosts', 'list_vhosts name')}
    ${lookUpCase('users', 'list_users')}
    *) _message 'no completions' ;;
  esac
}

${self}() {
  local at= index=0 option= word= kind= i
  local -a target options valued children list
  ${self}_command ''
  for ((i = 2; i < CURRENT; i++)); do
    word=\${(Q)words[i]}
    if [[ -n $option ]]; then
      [[ ${targetPattern('$option')} ]] && target+=("$option" "$word")
      option=
    elif [[ $word == -*=* ]]; then
      [[ ${targetPattern(`\${word%%=*}`)} ]] && target+=("$word")
    elif [[ $word == -* ]]; then
      (( \${valued[(Ie)$word]} )) && option=$word
    elif (( index == 0 )) && [[ -n \${children[(r)$word:*]} ]]; then
      at="\${at:+$at }$word"
      ${self}_command "$at"
    else
      (( ++index ))
    fi
  done
  if [[ -n $option ]]; then
    ${self}_values "$at" "$option"
    ${self}_offer
  elif [[ $PREFIX == --*=* ]]; then
    ${self}_values "$at" "\${PREFIX%%=*}"
    compset -P '*='
    ${self}_offer
  elif [[ $PREFIX == -* ]]; then
    _describe -o option options
  elif (( index == 0 && \${#children} )); then
    _describe command children
  else
    ${self}_values "$at" "$index"
    ${self}_offer
  fi
}

if [[ $funcstack[1] == ${self} ]]; then
  ${self} "$@"
else
  compdef ${self} ${name}
fi
`;
}

function commandCase(program: CompletedProgram, command: CompletedCommand): string {
  const own = ownOptions(program, command);
  const children = childrenOf(program, command.path).map((child) => described(child.path.at(-1)!, child.text));
  const parts = [`options=(${descriptions(own)})`, `valued=(${valuedNames(own)})`, `children=(${children.join(' ')})`];
  const filled = parts.filter((part) => !part.endsWith('=()'));
  return `    ${quoted(command.path.join(' '))}) ${filled.join(' ')} ;;`;
}

function descriptions(options: readonly CompletedOption[]): string {
  return options.flatMap(({ names, text }) => names.map((name) => described(name, text))).join(' ');
}

function valuedNames(options: readonly CompletedOption[]): string {
  return options.flatMap(({ names, takesValue }) => (takesValue ? names : [])).join(' ');
}

function described(name: string, text: string): string {
  return quoted(`${name.replaceAll(':', '\\:')}:${text.replaceAll('\\', '\\\\').replaceAll(':', '\\:')}`);
}

function valueCases({ commands, optionsAnywhere }: CompletedProgram): string[] {
  const found: string[] = [];
  for (const { path, options, positionals } of commands) {
    const at = quoted(path.join(' '));
    for (const option of options) found.push(...optionCase(path.length === 0 && optionsAnywhere ? '*' : at, option));
    for (const [index, values] of positionals.entries()) {
      if (values === undefined) continue;
      const number = index === positionals.length - 1 ? '[0-9]*' : String(index);
      found.push(`    ${at}'|'${number}) ${assigned(values)} ;;`);
    }
  }
  return found;
}

function optionCase(at: string, { names, values }: CompletedOption): string[] {
  if (values === undefined) return [];
  return [`    ${names.map((name) => `${at}'|${name}'`).join(' | ')}) ${assigned(values)} ;;`];
}

function assigned(values: Values): string {
  return typeof values === 'string' ? `kind=${values}` : `kind=words list=(${values.map(quoted).join(' ')})`;
}

function targetPattern(option: string): string {
  return `${option} == (${TARGET_OPTIONS.join('|')})`;
}

function lookUpCase(kind: string, command: string): string {
  const asked = `"\${(Q)words[1]/#\\~/$HOME}" $target --silent --timeout ${LOOK_UP_SECONDS} ${command} 2>/dev/null`;
  return `${kind}) list=(\${\${(f)"$(${asked})"}%%$'\\t'*}); compadd -a list ;;`;
}
