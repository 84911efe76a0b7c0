/**
 * From the words of a command line to options and positionals, by the rules that rabbitmqctl has: options may stand anywhere, also
 * in front of the command; a flag has a `--no-` form; what nobody knows is collected, and takes no word with it.
 */

export type OptionType = 'flag' | 'text' | 'integer';
export type OptionValue = string | number | boolean;

export interface ArgumentRules {
  readonly options: Readonly<Record<string, OptionType>>;
  /** One letter, and the option that it stands for. */
  readonly letters: Readonly<Record<string, string>>;
}

export interface Arguments {
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly positionals: readonly string[];
  /** As they were written, with what was given to them. */
  readonly invalid: readonly (readonly [option: string, value: string])[];
}

const NEGATIVE_NUMBER = /^-\d+(\.\d+)?$/;

interface Found {
  readonly name: string;
  readonly type: OptionType;
}

export function readArguments(words: readonly string[], rules: ArgumentRules): Arguments {
  const options: Record<string, OptionValue> = {};
  const positionals: string[] = [];
  const invalid: [string, string][] = [];
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') {
      positionals.push(...rest.splice(0));
    } else if (!/^-./.test(word) || NEGATIVE_NUMBER.test(word)) {
      positionals.push(word);
    } else {
      for (const [written, inline] of optionsIn(word, rules)) take(written, inline);
    }
  }
  return { options, positionals, invalid };

  function take(written: string, inline: string | undefined): void {
    const negated = written.startsWith('--no-') ? flag(written.slice('--no-'.length)) : undefined;
    const found = negated ?? optionOf(written, rules);
    if (found === undefined) invalid.push([written, inline ?? '']);
    else if (found.type === 'flag') takeFlag(found, written, inline, negated === undefined);
    else takeValue(found, written, inline ?? valueBehind());
  }

  function flag(name: string): Found | undefined {
    return rules.options[name] === 'flag' ? { name, type: 'flag' } : undefined;
  }

  function takeFlag({ name }: Found, written: string, inline: string | undefined, value: boolean): void {
    if (inline === undefined) options[name] = value;
    else if (value && (inline === 'true' || inline === 'false')) options[name] = inline === 'true';
    else invalid.push([written, inline]);
  }

  function takeValue({ name, type }: Found, written: string, value: string | undefined): void {
    if (value === undefined || (type === 'integer' && !/^[+-]?\d+$/.test(value))) invalid.push([written, value ?? '']);
    else options[name] = type === 'integer' ? Number(value) : value;
  }

  /** The next word, unless it is an option itself; a negative number is none. */
  function valueBehind(): string | undefined {
    const [next] = rest;
    return next === undefined || /^-(?!$|\d)/.test(next) ? undefined : rest.shift();
  }
}

/** `--name`, `--name=value`, `-n`; `-qs` is two of them where both letters are known. */
function optionsIn(word: string, { letters }: ArgumentRules): [written: string, inline: string | undefined][] {
  const [, written = word, inline] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
  const group = [...written.slice(1)];
  const isGroup = !written.startsWith('--') && group.length > 1 && group.every((letter) => letter in letters);
  if (!isGroup) return [[written, inline]];
  return group.map((letter, index) => [`-${letter}`, index === group.length - 1 ? inline : undefined]);
}

function optionOf(written: string, { options, letters }: ArgumentRules): Found | undefined {
  const name = written.startsWith('--') ? written.slice(2) : letters[written.slice(1)];
  const type = name === undefined || !Object.hasOwn(options, name) ? undefined : options[name];
  return type === undefined ? undefined : { name: name!, type };
}
