/** Completion for bash, 4.0 and newer; it needs nothing besides. */
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

export function bashCompletion(program: CompletedProgram): string {
  const { name, commands } = program;
  const self = functionName(program);
  return `# Completion of ${name} for bash: source <(${name} completion bash)

# Sets what follows the command at $1: its options (those that take a value end in =), and the commands below it.
${self}_command() {
  options= children=
  case $1 in
${commands.map((command) => commandCase(program, command)).join('\n')}
  esac
  options+=${quoted(` ${writtenOptions(sharedOptions(program))}`)}
}

# Sets what may be the value of the option $2, or the positional with that number, of the command at $1.
${self}_values() {
  case "$1|$2" in
${valueCases(program).join('\n')}
  esac
}

${self}() {
  local words=() rest=\${COMP_LINE:0:COMP_POINT} piece joined i
  # Bash takes words apart at = and :, and so would it the value of an option.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    piece=\${COMP_WORDS[i]}
    joined=
    [[ $i -gt 0 && $rest != [[:space:]]* ]] && joined=yes
    rest=\${rest#"\${rest%%[![:space:]]*}"}
    [[ \${#piece} -gt \${#rest} ]] && piece=$rest
    rest=\${rest#"$piece"}
    if [[ $joined ]]; then words[\${#words[@]}-1]+=$piece; else words+=("$piece"); fi
  done
  local last=$((\${#words[@]} - 1))
  local current=\${words[last]} at= index=0 option= target=() options= children= kind= list=
  ${self}_command ''
  for ((i = 1; i < last; i++)); do
    local word=\${words[i]} known=" $options "
    if [[ $option ]]; then
      [[ ${targetPattern('$option')} ]] && target+=("$option" "$word")
      option=
    elif [[ $word == -*=* ]]; then
      [[ ${targetPattern(`\${word%%=*}`)} ]] && target+=("$word")
    elif [[ $word == -* ]]; then
      [[ $known == *" $word= "* ]] && option=$word
    elif [[ $index == 0 && " $children " == *" $word "* ]]; then
      at=\${at:+$at }$word
      ${self}_command "$at"
    else
      index=$((index + 1))
    fi
  done
  local prefix= value=$current found=()
  if [[ $option ]]; then
    ${self}_values "$at" "$option"
  elif [[ $current == --*=* ]]; then
    prefix=\${current%%=*}=
    value=\${current#*=}
    ${self}_values "$at" "\${prefix%=}"
  elif [[ $current == -* ]]; then
    list=\${options//= / }
    list=\${list%=}
  elif [[ $index == 0 && $children ]]; then
    list=$children
  else
    ${self}_values "$at" "$index"
  fi
  case $kind in
    words) mapfile -t found < <(printf '%s\\n' $list) ;;
    files) compopt -o default; return ;;
    ${lookUpCase('vhosts', 'list_vhosts name')}
    ${lookUpCase('users', 'list_users | cut -f 1')}
    *) mapfile -t found < <(printf '%s\\n' $list) ;;
  esac
  # What stands in front of the last = or : is there already.
  piece=\${COMP_WORDS[COMP_CWORD]}
  [[ $piece == [=:] ]] && piece=
  local there=\${current%"$piece"} each
  COMPREPLY=()
  for each in "\${found[@]}"; do
    [[ $each && $each == "$value"* ]] || continue
    printf -v each '%q' "$each"
    each=$prefix$each
    COMPREPLY+=("\${each#"$there"}")
  done
}

complete -F ${self} ${name}
`;
}

function commandCase(program: CompletedProgram, command: CompletedCommand): string {
  const { path } = command;
  const children = childrenOf(program, path).map((child) => child.path.at(-1));
  const options = writtenOptions(ownOptions(program, command));
  return `    ${quoted(path.join(' '))}) options=${quoted(options)} children=${quoted(children.join(' '))} ;;`;
}

function writtenOptions(options: readonly CompletedOption[]): string {
  return options.flatMap(({ names, takesValue }) => names.map((name) => (takesValue ? `${name}=` : name))).join(' ');
}

function valueCases({ commands, optionsAnywhere }: CompletedProgram): string[] {
  const found: string[] = [];
  for (const { path, options, positionals } of commands) {
    const at = quoted(path.join(' '));
    for (const option of options) {
      found.push(...optionCase(path.length === 0 && optionsAnywhere ? '*' : at, option));
    }
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
  return typeof values === 'string' ? `kind=${values}` : `kind=words list=${quoted(values.join(' '))}`;
}

function targetPattern(option: string): string {
  return TARGET_OPTIONS.map((name) => `${option} == ${name}`).join(' || ');
}

function lookUpCase(kind: string, command: string): string {
  const asked = `"\${words[0]/#~/$HOME}" "\${target[@]}" --silent --timeout ${LOOK_UP_SECONDS}`;
  const [first, ...rest] = command.split(' | ');
  return `${kind}) mapfile -t found < <(${[`${asked} ${first} 2>/dev/null`, ...rest].join(' | ')}) ;;`;
}
