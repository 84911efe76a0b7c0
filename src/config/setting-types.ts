/**
 * The types of settings: how a value is read from text, and how a term of a classic file (`rabbitmq.config`, `advanced.config`)
 * would stand in `rabbitmq.conf`, so that every source goes through the same reading.
 */
import type { Term } from './erlang-terms.ts';
import { readNodeName } from './node-name.ts';
import {
  readBytes,
  readChoice,
  readCount,
  readFlag,
  readHost,
  readListener,
  readMilliseconds,
  readPathOrNone,
  readPattern,
  readPort,
  readSeconds,
  readShare,
  readText,
} from './setting-values.ts';

export interface SettingType<T> {
  /** What a term must be, for messages. */
  readonly form: string;
  /** For the documentation, where a number has one. */
  readonly unit?: string;
  /** @throws Error that says what is expected */
  read(text: string): T;
  /** As it would be written in `rabbitmq.conf`; null: it is no value of this type. */
  textOf(term: Term): string | null;
}

const text = (term: Term) => (term.kind === 'string' || term.kind === 'binary' ? term.text : null);
const number = (term: Term) => (term.kind === 'number' ? String(term.value) : null);
const atom = (term: Term) => (term.kind === 'atom' ? term.name : null);

/** `undefined` is what Erlang says of a timeout that there is not. */
const numberOrInfinity = (term: Term) => {
  const isNone = term.kind === 'atom' && (term.name === 'infinity' || term.name === 'undefined');
  return isNone ? 'infinity' : number(term);
};

export const TEXT: SettingType<string> = { form: 'a text', read: readText, textOf: text };
/** A file that is read at the start. */
export const FILE: SettingType<string> = { form: 'the name of a file, as a text', read: readText, textOf: text };
/** Null for none. */
export const PATH_OR_NONE: SettingType<string | null> = {
  form: 'a path, as a text',
  read: readPathOrNone,
  textOf: text,
};
export const PATTERN: SettingType<string> = { form: 'a text', read: readPattern, textOf: text };
export const NODE_NAME: SettingType<string> = {
  form: 'the name of a node, as an atom',
  read: readNodeName,
  textOf: atom,
};
/** A name that Erlang has as an atom in one place and as a text in another. */
export const NAME: SettingType<string> = {
  form: 'a name, as an atom or a text',
  read: readText,
  textOf: (term) => atom(term) ?? text(term),
};
export const COUNT: SettingType<number> = {
  form: 'a whole number, or infinity',
  read: readCount,
  textOf: numberOrInfinity,
};
export const SECONDS: SettingType<number> = { form: 'a whole number', unit: 's', read: readSeconds, textOf: number };
export const MILLISECONDS: SettingType<number> = {
  form: 'a whole number',
  unit: 'ms',
  read: readMilliseconds,
  textOf: number,
};
/** Of which there may be none. */
export const TIMEOUT: SettingType<number> = {
  form: 'milliseconds as a whole number, or infinity',
  unit: 'ms',
  read: (given) => (given === 'infinity' ? Number.POSITIVE_INFINITY : readMilliseconds(given)),
  textOf: numberOrInfinity,
};
export const BYTES: SettingType<number> = {
  form: 'a number of bytes, or a text such as "2GB"',
  unit: 'bytes',
  read: readBytes,
  textOf: (term) => number(term) ?? text(term),
};
export const SHARE: SettingType<number> = { form: 'a number such as 0.4', read: readShare, textOf: number };
export const FLAG: SettingType<boolean> = { form: 'true or false', read: readFlag, textOf: atom };
export const PORT: SettingType<number> = { form: 'a port', unit: 'port', read: readPort, textOf: number };
export const HOST: SettingType<string> = { form: 'an address, as a text', read: readHost, textOf: text };

export const LISTENER: SettingType<ReturnType<typeof readListener>> = {
  form: 'a port, or {"ADDRESS", PORT}',
  read: readListener,
  textOf: (term) => {
    const [host, port, ...more] = term.kind === 'tuple' ? term.items : [];
    if (host === undefined || port === undefined || more.length > 0) return number(term);
    const [hostText, portText] = [text(host), number(port)];
    return hostText === null || portText === null ? null : `${hostText}:${portText}`;
  },
};

export function choice<T extends string>(words: readonly T[]): SettingType<T> {
  return { form: `one of ${words.join(', ')}`, read: readChoice(words), textOf: atom };
}

/** The same, from `least` up. */
export function atLeast(least: number, type: SettingType<number>): SettingType<number> {
  const read = (given: string) => {
    const value = type.read(given);
    if (value < least) throw new Error(`expected ${least} or more`);
    return value;
  };
  return { ...type, read };
}
