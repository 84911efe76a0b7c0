/** Reads one object of a definitions file: what is missing or of another kind is refused with the place where it stands. */
import type { JsonObject, JsonValue } from './port.ts';

/** The file cannot be used as it is; the message says where and why. */
export class DefinitionsError extends Error {
  constructor(place: string, reason: string) {
    super(`definitions: ${place}: ${reason}`);
    this.name = 'DefinitionsError';
  }
}

/** Names and routing keys are short strings: 4.2.5.3 of the specification. */
const NAME_OCTETS_MAX = 255;

/** What JSON.parse() gave, not yet looked into. */
type Unread = Readonly<Record<string, unknown>>;

export class DefinitionFields {
  /** Such as `queues[3]`; empty for the file itself. */
  readonly place: string;
  readonly #values: Unread;

  /** @throws DefinitionsError when it is not an object */
  constructor(value: unknown, place: string) {
    if (!isObject(value)) throw new DefinitionsError(place || 'the file', `expected an object, found ${shown(value)}`);
    this.place = place;
    this.#values = value;
  }

  get names(): readonly string[] {
    return Object.keys(this.#values);
  }

  /** Null is as good as not there: exporters write it for what is not set. */
  has(name: string): boolean {
    return (this.#values[name] ?? null) !== null;
  }

  /** @throws DefinitionsError unless it is there or there is a `fallback` */
  text(name: string, fallback?: string): string {
    return this.#read(name, fallback, 'a text', (value) => typeof value === 'string');
  }

  /** A name that the protocol can carry; empty only if `fallback` is. @throws DefinitionsError */
  name(name: string, fallback?: string): string {
    const text = this.text(name, fallback);
    if (text === '' && fallback !== '') throw this.error(name, 'is empty');
    if (Buffer.byteLength(text) > NAME_OCTETS_MAX) throw this.error(name, `has more than ${NAME_OCTETS_MAX} octets`);
    return text;
  }

  flag(name: string, fallback?: boolean): boolean {
    return this.#read(name, fallback, 'true or false', (value) => typeof value === 'boolean');
  }

  number(name: string, fallback?: number): number {
    return this.#read(name, fallback, 'a number', (value) => typeof value === 'number');
  }

  choice<T extends string>(name: string, allowed: readonly T[], fallback?: T): T {
    return this.#read(name, fallback, `one of ${allowed.join(', ')}`, (value) => allowed.includes(value as T));
  }

  /** A list of texts, or as older files have it one text with commas between. */
  texts(name: string, fallback?: readonly string[]): readonly string[] {
    const expected = 'a list of texts, or one text with commas';
    const value = this.#read(name, fallback as string | readonly string[], expected, (each) => {
      return typeof each === 'string' || (Array.isArray(each) && each.every((one) => typeof one === 'string'));
    });
    const texts = typeof value === 'string' ? value.split(',') : value;
    return texts.map((text) => text.trim()).filter((text) => text !== '');
  }

  /** Names with whole numbers, such as limits: an object, or as RabbitMQ 3.10 writes those of a vhost a list of pairs. */
  counts(name: string): Readonly<Record<string, number>> {
    const given = this.#values[name] ?? {};
    const value = isPairs(given) ? Object.fromEntries(given) : given;
    const isCounts = isObject(value) && Object.values(value).every((each) => Number.isSafeInteger(each));
    if (!isCounts) throw this.error(name, `expected an object of whole numbers, found ${shown(value)}`);
    return value as Readonly<Record<string, number>>;
  }

  object(name: string): JsonObject {
    return this.#read(name, {}, 'an object', isObject);
  }

  /** An object in this one, to be read in the same way. */
  inner(name: string): DefinitionFields {
    return new DefinitionFields(this.#values[name], this.#at(name));
  }

  isList(name: string): boolean {
    return Array.isArray(this.#values[name]);
  }

  /** Any value that JSON has. */
  value(name: string): JsonValue {
    return this.#read<JsonValue>(name, undefined, 'a value', () => true);
  }

  /** The objects of a list; none when it is not there. */
  list(name: string): DefinitionFields[] {
    const values = this.#read<readonly unknown[]>(name, [], 'a list', Array.isArray);
    return values.map((value, index) => new DefinitionFields(value, `${this.#at(name)}[${index}]`));
  }

  error(name: string, reason: string): DefinitionsError {
    return new DefinitionsError(this.#at(name), reason);
  }

  #read<T>(name: string, fallback: T | undefined, expected: string, fits: (value: unknown) => boolean): T {
    const value = this.has(name) ? this.#values[name] : fallback;
    if (value === undefined) throw this.error(name, `is missing; expected ${expected}`);
    if (!fits(value)) throw this.error(name, `expected ${expected}, found ${shown(value)}`);
    return value as T;
  }

  #at(name: string): string {
    return this.place === '' ? name : `${this.place}.${name}`;
  }
}

function isObject(value: unknown): value is Unread {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPairs(value: unknown): value is readonly [string, unknown][] {
  return Array.isArray(value) && value.every((each) => Array.isArray(each) && each.length === 2);
}

/** Enough to find it, not so much that it fills the screen. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
