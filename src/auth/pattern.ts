/**
 * Regular expressions of permissions, read as RabbitMQ reads them: PCRE over octets, matching anywhere unless anchored.
 *
 * JavaScript's are close, yet some of PCRE's mean something else in them without any error (`[]a]`, `\A`, `[[:alpha:]]`), so
 * a pattern is translated element by element. What has no counterpart is refused when it is compiled, never guessed.
 *
 * Both sides are compared as octets, each as one character: `^.$` does not match 'é', which is two.
 *
 * A pattern that backtracks without end must not stop the broker. RabbitMQ gives up after ten million steps and takes it for
 * no match; here a pattern that could do so runs under a time limit, to the same end.
 */
import { createContext, Script } from 'node:vm';
import { encodeText } from '../protocol/text.ts';

/** A source that is no regular expression, or one that cannot be carried over. The message is for whoever wrote it. */
export class PatternError extends Error {
  readonly source: string;
  readonly reason: string;

  constructor(source: string, reason: string) {
    super(`invalid regular expression '${source}': ${reason}`);
    this.name = 'PatternError';
    this.source = source;
    this.reason = reason;
  }
}

export interface Pattern {
  matches(text: string): boolean;
  /** The same for each of many, at a fraction of the cost where a match runs under a time limit. */
  matchesEach(texts: readonly string[]): boolean[];
}

/** What stands in for a pattern that cannot be used. */
export const MATCHES_NOTHING: Pattern = { matches: () => false, matchesEach: (texts) => texts.map(() => false) };

/** How long a risky pattern may run for one text: microseconds are enough, but a busy machine must not make it fail. */
const MATCH_MS_MAX = 200;

/** How many of many texts may use up that time, before all that are left are taken for no match. */
const OVERRUNS_MAX = 3;

/** Names and keys have at most 255 octets; two quantifiers over them are quick whatever they are, three may not be. */
const SAFE_QUANTIFIER_COUNT = 2;

/** @throws PatternError */
export function compilePattern(source: string): Pattern {
  const translation = new Translation(octetsOf(source));
  try {
    translation.run();
    const expression = new RegExp(translation.output, translation.flags);
    return translation.isRisky ? new GuardedPattern(expression) : new PlainPattern(expression);
  } catch (error) {
    if (error instanceof SyntaxError) throw new PatternError(source, reasonOf(error));
    throw error;
  }
}

/** Each octet of the text as one character. */
function octetsOf(text: string): string {
  return isAscii(text) ? text : encodeText(text).toString('latin1');
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

class PlainPattern implements Pattern {
  readonly #expression: RegExp;

  constructor(expression: RegExp) {
    this.#expression = expression;
  }

  matches(text: string): boolean {
    return this.#expression.test(octetsOf(text));
  }

  matchesEach(texts: readonly string[]): boolean[] {
    return texts.map((text) => this.matches(text));
  }
}

/** Started once more, it goes on behind the text at which it was interrupted. */
const MATCH_EACH = new Script(`{
  const { expression, octets, found } = task;
  while (task.next < octets.length) {
    const index = task.next++;
    found[index] = expression.test(octets[index]);
  }
}`);

/** Only the vm module can interrupt an expression. At some 0.2 ms a match, it is not for those that need no guard. */
class GuardedPattern implements Pattern {
  readonly #task: { readonly expression: RegExp; octets: readonly string[]; found: boolean[]; next: number };
  readonly #scope: object;

  constructor(expression: RegExp) {
    this.#task = { expression, octets: [], found: [], next: 0 };
    this.#scope = createContext({ task: this.#task });
  }

  matches(text: string): boolean {
    return this.matchesEach([text])[0]!;
  }

  matchesEach(texts: readonly string[]): boolean[] {
    const found = texts.map(() => false);
    Object.assign(this.#task, { octets: texts.map(octetsOf), found, next: 0 });
    for (let overruns = 0; overruns < OVERRUNS_MAX; overruns++) if (this.#run()) break;
    return found;
  }

  /** @returns whether it came to the end. */
  #run(): boolean {
    try {
      MATCH_EACH.runInContext(this.#scope, { timeout: MATCH_MS_MAX });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false;
      throw error;
    }
  }
}

/** Escapes that mean the same in both, given their letter. Digits are back references or octal in both. */
const SAME_ESCAPES = 'dDtnrf0123456789';

/** The letters of Latin-1 beyond ASCII: in Erlang's PCRE they belong to words. */
const LETTERS = '\\xaa\\xb5\\xba\\xc0-\\xd6\\xd8-\\xf6\\xf8-\\xff';
const WORD = `\\w${LETTERS}`;

const OTHER_ESCAPES: Readonly<Record<string, string>> = {
  a: '\\x07',
  b: `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`,
  B: `(?:(?<=[${WORD}])(?=[${WORD}])|(?<![${WORD}])(?![${WORD}]))`,
  e: '\\x1b',
  E: '',
  N: '[^\\n]',
  A: '(?<![^])',
  z: '(?![^])',
  Z: '(?=\\n?(?![^]))',
};

/** Escapes that stand for several octets, as they are inside of brackets. */
const OCTET_SETS: Readonly<Record<string, string>> = {
  h: '\\t \\xa0',
  H: '\\x00-\\x08\\n-\\x1f!-\\x9f\\xa1-\\xff',
  s: '\\t-\\r ',
  S: '\\x00-\\x08\\x0e-\\x1f!-\\xff',
  v: '\\n-\\r\\x85',
  V: '\\x00-\\t\\x0e-\\x84\\x86-\\xff',
  w: WORD,
  W: '\\x00-\\/:-@\\[-\\^`{-\\xa9\\xab-\\xb4\\xb6-\\xb9\\xbb-\\xbf\\xd7\\xf7',
};

/** As Erlang's PCRE has them: over Latin-1. */
const POSIX_SETS: Readonly<Record<string, string>> = {
  alpha: `A-Za-z${LETTERS}`,
  ascii: '\\x00-\\xff',
  digit: '0-9',
  alnum: `A-Za-z0-9${LETTERS}`,
  upper: 'A-Z\\xc0-\\xd6\\xd8-\\xde',
  lower: 'a-z\\xaa\\xb5\\xba\\xdf-\\xf6\\xf8-\\xff',
  xdigit: '0-9A-Fa-f',
  space: '\\t-\\r ',
  blank: '\\t ',
  word: WORD,
  punct: '!-\\/:-@\\[-`{-~\\xa0-\\xa9\\xab-\\xb4\\xb6-\\xb9\\xbb-\\xbf\\xd7\\xf7',
  cntrl: '\\x00-\\x1f\\x7f-\\x9f',
  print: ' -~\\xa0-\\xff',
  graph: '!-~\\xa0-\\xff',
};

class Translation {
  output = '';
  flags = '';
  readonly #source: string;
  #at = 0;
  #quantifierCount = 0;
  #quantifiesGroup = false;

  constructor(source: string) {
    this.#source = source;
  }

  /** Whether backtracking could take long. */
  get isRisky(): boolean {
    return this.#quantifiesGroup || this.#quantifierCount > SAFE_QUANTIFIER_COUNT;
  }

  /** @throws SyntaxError */
  run(): void {
    this.#leadingFlags();
    while (this.#at < this.#source.length) this.#element();
  }

  #element(): void {
    const octet = this.#source[this.#at]!;
    if (octet === '\\') this.#escape();
    else if (octet === '[') this.#set();
    else if (octet === '(') this.#groupStart();
    else if (octet === '.') this.#emit(this.flags.includes('s') ? '.' : '[^\\n]', 1);
    else if (octet === '$' && !this.flags.includes('m')) this.#emit(OTHER_ESCAPES.Z!, 1);
    else {
      if ('*+?{'.includes(octet)) this.#countQuantifier(octet);
      this.#emit(octet, 1);
    }
  }

  /** `(?i)` at the start holds for all of it. Elsewhere, JavaScript refuses it. */
  #leadingFlags(): void {
    const found = /^\(\?([a-z]+)\)/i.exec(this.#source);
    if (found === null) return;
    for (const flag of found[1]!) {
      if (!'ims'.includes(flag)) throw new SyntaxError(`the option ${flag} is not supported`);
      if (!this.flags.includes(flag)) this.flags += flag;
    }
    this.#at = found[0].length;
  }

  #escape(): void {
    const letter = this.#source[this.#at + 1];
    if (letter === undefined) throw new SyntaxError('\\ at the end');
    const set = OCTET_SETS[letter];
    const other = OTHER_ESCAPES[letter];
    if (letter === 'Q') this.#quoted();
    else if (set !== undefined) this.#emit(`[${set}]`, 2);
    else if (other !== undefined) this.#emit(other, 2);
    else this.#commonEscape(letter);
  }

  /** The escapes that stand for the same inside and outside of brackets. */
  #commonEscape(letter: string): void {
    if (SAME_ESCAPES.includes(letter) || !/[A-Za-z]/.test(letter)) this.#emit(`\\${letter}`, 2);
    else if (letter === 'x') this.#hexadecimal();
    else if (letter === 'c') this.#emit(this.#source.slice(this.#at, this.#at + 3), 3);
    else throw new SyntaxError(`\\${letter} is not supported`);
  }

  /** PCRE: `\x{e9}`, or up to two digits, none of which is zero. */
  #hexadecimal(): void {
    const found = /^\\x(?:\{([0-9a-f]{1,2})\}|([0-9a-f]{0,2})(?!\{))/i.exec(this.#source.slice(this.#at));
    if (found === null) throw new SyntaxError('\\x{...} beyond ff is not supported');
    this.#emit(`\\x${(found[1] ?? found[2]!).padStart(2, '0')}`, found[0].length);
  }

  #quoted(): void {
    const end = this.#source.indexOf('\\E', this.#at);
    const text = this.#source.slice(this.#at + 2, end === -1 ? undefined : end);
    this.#emit(quotePattern(text), end === -1 ? text.length + 2 : text.length + 4);
  }

  /** A set in brackets; a `]` at its start is a member of it. */
  #set(): void {
    this.#emit('[', 1);
    if (this.#source[this.#at] === '^') this.#emit('^', 1);
    if (this.#source[this.#at] === ']') this.#emit('\\]', 1);
    while (this.#source[this.#at] !== ']') {
      if (this.#at >= this.#source.length) throw new SyntaxError('missing ] after [');
      this.#setMember();
    }
    this.#emit(']', 1);
  }

  #setMember(): void {
    const octet = this.#source[this.#at]!;
    if (octet === '[') this.#posixSet();
    else if (octet === '\\') this.#setEscape(this.#source[this.#at + 1] ?? '');
    else this.#emit(octet, 1);
  }

  #setEscape(letter: string): void {
    const set = OCTET_SETS[letter];
    if (set !== undefined) this.#emit(set, 2);
    else if (letter === 'a' || letter === 'e') this.#emit(OTHER_ESCAPES[letter]!, 2);
    else if (letter === 'b') this.#emit('\\x08', 2);
    else if (letter === 'B') throw new SyntaxError('\\B in [] is not supported');
    else this.#commonEscape(letter);
  }

  #posixSet(): void {
    const found = /^\[([:.=])(\^?)([a-z]*)\1\]/.exec(this.#source.slice(this.#at));
    const set = found?.[1] === ':' && found[2] === '' ? POSIX_SETS[found[3]!] : undefined;
    if (found === null) this.#emit('\\[', 1);
    else if (set !== undefined) this.#emit(set, found[0].length);
    else throw new SyntaxError(`${found[0]} is not supported`);
  }

  #groupStart(): void {
    const rest = this.#source.slice(this.#at);
    if (rest.startsWith('(?#')) this.#comment(rest);
    else if (rest.startsWith('(?P<')) this.#emit('(?<', 4);
    // What follows `(?` is part of the group's start, not a quantifier; JavaScript refuses those that it does not know.
    else if (rest.startsWith('(?')) this.#emit('(?', 2);
    else this.#emit('(', 1);
  }

  #comment(rest: string): void {
    const end = rest.indexOf(')');
    if (end === -1) throw new SyntaxError('missing ) after comment');
    this.#emit('', end + 1);
  }

  #countQuantifier(octet: string): void {
    this.#quantifierCount++;
    if (this.#source[this.#at - 1] === ')' && octet !== '?') this.#quantifiesGroup = true;
  }

  #emit(text: string, size: number): void {
    this.output += text;
    this.#at += size;
  }
}

/** The source of a pattern that matches this text and no other, in PCRE as in JavaScript. */
export function quotePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

function reasonOf(error: SyntaxError): string {
  return error.message.replace(/^Invalid regular expression: .*\/[a-z]*: /s, '');
}
