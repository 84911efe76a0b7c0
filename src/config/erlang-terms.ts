/**
 * Erlang's terms as they stand in `rabbitmq.config`, `advanced.config` and `enabled_plugins`: what Erlang's file:consult/1 reads,
 * without what no configuration has (funs, references, improper lists). Strict: what Erlang would not read is an error with
 * line and column, and so is a whole number that does not fit a double.
 */
import { isUtf8 } from 'node:buffer';

/** Where it stands, both counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export type Term = Place &
  (
    | { readonly kind: 'atom'; readonly name: string }
    | { readonly kind: 'number'; readonly value: number }
    | { readonly kind: 'string'; readonly text: string }
    | { readonly kind: 'binary'; readonly text: string }
    | { readonly kind: 'list'; readonly items: readonly Term[] }
    | { readonly kind: 'tuple'; readonly items: readonly Term[] }
    | { readonly kind: 'map'; readonly entries: readonly (readonly [key: Term, value: Term])[] }
  );

export class TermError extends Error {
  readonly line: number;
  readonly column: number;

  constructor({ line, column }: Place, message: string) {
    super(message);
    this.line = line;
    this.column = column;
  }
}

/** All terms of a file, each of which ends in a full stop. @throws TermError */
export function parseTerms(text: string): Term[] {
  return new Parser(text).terms();
}

/** No configuration nests as deep, and a hostile one must not use up the stack. */
const DEPTH_MAX = 100;

/** What follows a backslash and stands for one character by itself; any other character stands for itself. */
const ESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  d: '\x7f',
  e: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  s: ' ',
  t: '\t',
  v: '\v',
};

/** Words of the language, which are no atoms unless they are quoted. */
const RESERVED = new Set(
  'after and andalso band begin bnot bor bsl bsr bxor case catch cond div end fun if let not of or orelse receive rem try when xor'.split(
    ' ',
  ),
);

class Parser {
  readonly #text: string;
  readonly #lineStarts: readonly number[];
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text.replace(/^\uFEFF/, '');
    this.#lineStarts = [0, ...Array.from(this.#text.matchAll(/\n/g), ({ index }) => index + 1)];
  }

  terms(): Term[] {
    const terms: Term[] = [];
    for (this.#skip(); this.#at < this.#text.length; this.#skip()) {
      terms.push(this.#term());
      this.#skip();
      if (!/^\.(?=[\s%]|$)/.test(this.#rest(2))) throw this.#unexpected('a full stop behind the term');
      this.#at++;
    }
    return terms;
  }

  #term(): Term {
    this.#skip();
    if (++this.#depth > DEPTH_MAX) throw new TermError(this.#place(), `it nests deeper than ${DEPTH_MAX}`);
    const term = { ...this.#place(), ...this.#value() } as Term;
    this.#depth--;
    return term;
  }

  #value(): Omit<Term, keyof Place> | object {
    const start = this.#text[this.#at] ?? '';
    if (start === '[') return { kind: 'list', items: this.#items('[', ']') };
    if (start === '{') return { kind: 'tuple', items: this.#items('{', '}') };
    if (this.#rest(2) === '#{') return { kind: 'map', entries: this.#entries() };
    if (this.#rest(2) === '<<') return { kind: 'binary', text: this.#binary() };
    if (start === '"') return { kind: 'string', text: this.#strings() };
    if (start === "'") return { kind: 'atom', name: this.#quoted("'") };
    if (/[\d+$-]/.test(start)) return { kind: 'number', value: this.#number() };
    return { kind: 'atom', name: this.#atom() };
  }

  #items(open: string, close: string): Term[] {
    this.#at += open.length;
    const items: Term[] = [];
    if (this.#takeIf(close)) return items;
    do {
      if (items.length > 0) this.#refuseClosing(close);
      items.push(this.#term());
    } while (this.#takeIf(','));
    if (!this.#takeIf(close)) throw this.#unexpected(`a comma or ${close}`);
    return items;
  }

  /** The commonest mistake in such files has words of its own. */
  #refuseClosing(close: string): void {
    this.#skip();
    if (this.#text[this.#at] === close)
      throw new TermError(this.#place(), `there is a comma in front of this ${close}`);
  }

  #entries(): (readonly [Term, Term])[] {
    this.#at += 2;
    const entries: (readonly [Term, Term])[] = [];
    if (this.#takeIf('}')) return entries;
    do {
      if (entries.length > 0) this.#refuseClosing('}');
      const key = this.#term();
      if (!this.#takeIf('=>')) throw this.#unexpected('=>');
      entries.push([key, this.#term()]);
    } while (this.#takeIf(','));
    if (!this.#takeIf('}')) throw this.#unexpected('a comma or }');
    return entries;
  }

  /** Segments are texts or bytes: `<<"a">>`, `<<"ä"/utf8>>`, `<<97, 98>>`. */
  #binary(): string {
    const place = this.#place();
    this.#at += 2;
    const bytes: number[] = [];
    if (this.#takeIf('>>')) return '';
    do bytes.push(...this.#segment());
    while (this.#takeIf(','));
    if (!this.#takeIf('>>')) throw this.#unexpected('a comma or >>');
    const binary = Buffer.from(bytes);
    if (!isUtf8(binary)) throw new TermError(place, 'this is no UTF-8: write it as <<"..."/utf8>>');
    return binary.toString('utf8');
  }

  #segment(): Iterable<number> {
    this.#skip();
    const place = this.#place();
    const start = this.#text[this.#at] ?? '';
    if (start === '"') {
      const text = this.#quoted('"');
      return Buffer.from(text, this.#takeIf('/utf8') ? 'utf8' : 'latin1');
    }
    if (!/[\d$]/.test(start)) throw this.#unexpected('a text or a byte');
    const byte = this.#number();
    if (!(Number.isInteger(byte) && byte >= 0 && byte <= 255)) throw new TermError(place, 'expected a byte, 0 to 255');
    return [byte];
  }

  /** Texts that stand side by side are one. */
  #strings(): string {
    let text = '';
    do {
      text += this.#quoted('"');
      this.#skip();
    } while (this.#text[this.#at] === '"');
    return text;
  }

  #quoted(quote: string): string {
    const place = this.#place();
    this.#at++;
    let text = '';
    for (;;) {
      const character = this.#next();
      if (character === '') throw new TermError(place, `there is no ${quote} that ends what begins here`);
      if (character === quote) return text;
      text += character === '\\' ? this.#escaped() : character;
    }
  }

  #escaped(): string {
    const place = this.#place();
    const octal = /^[0-7]{1,3}/.exec(this.#rest(3))?.[0];
    if (octal !== undefined) return this.#skipped(octal.length, String.fromCharCode(Number.parseInt(octal, 8)));
    const [all, short, long] = /^x(?:([\da-f]{2})|\{([\da-f]{1,6})\})/i.exec(this.#rest(9)) ?? [];
    if (all !== undefined) {
      const code = Number.parseInt((short ?? long)!, 16);
      if (code > 0x10ffff) throw new TermError(place, `there is no character ${code.toString(16)}`);
      return this.#skipped(all.length, String.fromCodePoint(code));
    }
    const control = /^\^[@-_a-z]/.exec(this.#rest(2))?.[0];
    if (control !== undefined) return this.#skipped(2, String.fromCharCode(control.charCodeAt(1) & 0x1f));
    const character = this.#next();
    if (character === '' || character === 'x') throw new TermError(place, 'expected a character behind the backslash');
    return ESCAPES[character] ?? character;
  }

  #skipped(length: number, result: string): string {
    this.#at += length;
    return result;
  }

  /** `12`, `-12`, `1_000`, `16#ff`, `1.0e3`, and `$a`, which is the number of a character. */
  #number(): number {
    const place = this.#place();
    if (this.#text[this.#at] === '$') {
      this.#at++;
      const character = this.#next();
      if (character === '') throw this.#unexpected('a character behind $');
      return (character === '\\' ? this.#escaped() : character).codePointAt(0)!;
    }
    const { sign, base, digits, decimal } = this.#digits(place);
    const value = digits === undefined ? Number(decimal) : fromBase(place, digits, Number(base));
    const isWhole = digits !== undefined || !decimal!.includes('.');
    if (isWhole ? !Number.isSafeInteger(value) : !Number.isFinite(value))
      throw new TermError(place, 'the number is too large');
    return sign === '-' ? -value : value;
  }

  #digits(place: Place): { sign: string; base?: string; digits?: string; decimal?: string } {
    const pattern =
      /^([+-]?)(?:(\d+)#([\da-zA-Z]+(?:_[\da-zA-Z]+)*)|(\d+(?:_\d+)*(?:\.\d+(?:_\d+)*(?:[eE][+-]?\d+)?)?))(?![\w@#])/;
    const found = pattern.exec(this.#rest(400));
    if (found === null) throw new TermError(place, `expected a term, found ${JSON.stringify(this.#word())}`);
    this.#at += found[0].length;
    const [, sign, base, digits, decimal] = found;
    return {
      sign: sign!,
      ...(digits === undefined ? { decimal: decimal!.replaceAll('_', '') } : { base: base!, digits }),
    };
  }

  #atom(): string {
    const name = /^\p{Ll}[\p{L}\d_@]*/u.exec(this.#rest(300))?.[0];
    if (name === undefined || RESERVED.has(name)) throw this.#unexpected('a term');
    this.#at += name.length;
    return name;
  }

  /** Over spaces and comments. */
  #skip(): void {
    const pattern = /(?:\s|%[^\n]*)*/y;
    pattern.lastIndex = this.#at;
    this.#at += pattern.exec(this.#text)![0].length;
  }

  /** One character, which may be two units long; '' at the end. */
  #next(): string {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) return '';
    const character = String.fromCodePoint(code);
    this.#at += character.length;
    return character;
  }

  #takeIf(expected: string): boolean {
    this.#skip();
    const isThere = this.#text.startsWith(expected, this.#at);
    if (isThere) this.#at += expected.length;
    return isThere;
  }

  #rest(length: number): string {
    return this.#text.slice(this.#at, this.#at + length);
  }

  /** What stands here, for messages. */
  #word(): string {
    return /^[\w@.#$+-]+|^./u.exec(this.#rest(40))?.[0] ?? '';
  }

  #unexpected(expected: string): TermError {
    this.#skip();
    const word = this.#word();
    const found = word === '' ? 'the end of the file' : JSON.stringify(word);
    return new TermError(this.#place(), `expected ${expected}, found ${found}`);
  }

  #place(): Place {
    const index = this.#lineStarts.findLastIndex((start) => start <= this.#at);
    return { line: index + 1, column: this.#at - this.#lineStarts[index]! + 1 };
  }
}

function fromBase(place: Place, digits: string, base: number): number {
  if (base < 2 || base > 36) throw new TermError(place, 'expected a base from 2 to 36');
  const plain = digits.replaceAll('_', '').toLowerCase();
  if ([...plain].some((digit) => Number.parseInt(digit, 36) >= base)) {
    throw new TermError(place, `expected digits of base ${base}`);
  }
  return Number.parseInt(plain, base);
}
