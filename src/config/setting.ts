/** What is said of one setting: all that files, variables, flags, messages and documentation need of it, in one place. */
import type { SettingType } from './setting-types.ts';
import { readListed } from './setting-values.ts';

interface Declared {
  /**
   * As it stands in `rabbitmq.conf`. A last part that begins with `$` is the user's to choose: there may be several.
   * Environment variables are named after it.
   */
  readonly key: string;
  /**
   * Where it stands in Erlang's terms: application, key, and the keys and numbers of what lies within, joined by dots.
   * `{rabbit, [{disk_free_limit, {mem_relative, 1.0}}]}` is `rabbit.disk_free_limit.mem_relative`. Of several the first is the
   * usual one.
   */
  readonly classic?: string | readonly string[];
  /** Other keys of RabbitMQ's that say the same. */
  readonly also?: readonly string[];
  /** One line for the documentation. */
  readonly text: string;
  /** As it would be written in a file; undefined where there is none. */
  readonly default?: string;
  /** With `$name`: whether the key without it may be set to `none`, which leaves not even the default. */
  readonly mayBeNone?: boolean;
  /** With `$name`: in Erlang terms each is `{NAME, VALUE}`, and the name a number; where it is not, they are numbered. */
  readonly isPairs?: boolean;
  /** Settings with the same word here say the same thing in several ways: the source that goes first decides between them. */
  readonly either?: string;
  /** Not shown to anybody. */
  readonly secret?: boolean;
}

export interface Setting<T> extends Declared {
  readonly type: SettingType<unknown>;
  /**
   * @param name what stands for `$name`; left out for `none`
   * @param before what came to it before
   * @throws Error that says what is expected
   */
  read(text: string, name?: string, before?: T): T;
}

/** A number may be written as one. */
type Declaration<T> = Omit<Declared, 'default'> & {
  readonly type: SettingType<T>;
  readonly default?: string | number;
};

export function setting<T>(declaration: Declaration<T>): Setting<T> {
  return { ...declared(declaration), read: (text) => declaration.type.read(text) };
}

function declared<T>({ default: fallback, ...others }: Declaration<T>) {
  return { ...others, ...(fallback === undefined ? {} : { default: String(fallback) }) };
}

/** By the names that the user chose, in the order of the file. */
export type Named<T> = ReadonlyMap<string, T>;

/** Whatever else is said of it, `none` is none. */
const NONE: Named<never> = new Map<string, never>();

export function named<T>(declaration: Declaration<T>): Setting<Named<T>> {
  const read = (value: string, name?: string, before: Named<T> = new Map()): Named<T> => {
    const none: Named<T> = NONE;
    return name === undefined || before === none ? none : new Map([...before, [name, declaration.type.read(value)]]);
  };
  return { ...declared(declaration), read };
}

/** Names of a list whose lines are `KEY.NAME = true`, `KEY.NAME = false` or `KEY.NUMBER = NAME`. */
export function listed(declaration: Declaration<string>): Setting<readonly string[]> {
  return { ...declared(declaration), read: readListed };
}
