/** The JSON object that came with a PUT or POST, read as RabbitMQ reads it. */
import { type FieldTable, fromPlain, type PlainObject } from '../protocol/field-table.ts';
import { badRequest } from './api-error.ts';

/** RabbitMQ prints longer terms on several lines. */
const LINE_COLUMNS = 80;

export class RequestBody {
  readonly #fields: Readonly<Record<string, unknown>>;

  /** @param text empty is as good as an empty object. @throws ApiError 400 not_json */
  constructor(text: string) {
    const value = parsed(text);
    if (!isObject(value)) throw badRequest('not_json');
    this.#fields = value;
  }

  /** The fields of an HTML form, all of them texts. */
  static ofForm(text: string): RequestBody {
    return new RequestBody(JSON.stringify(Object.fromEntries(new URLSearchParams(text))));
  }

  /** All of it, not looked into. */
  get all(): object {
    return this.#fields;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#fields, name);
  }

  /** Any value; undefined when it is not there. */
  value(name: string): unknown {
    return this.has(name) ? this.#fields[name] : undefined;
  }

  /** @throws ApiError 400 that names all that are missing */
  require(...names: readonly string[]): void {
    const missing = names.filter((name) => !this.has(name)).map((name) => `{key_missing,${name}}`);
    if (missing.length === 0) return;
    const line = `[${missing.join(',')}]`;
    throw badRequest(line.length > LINE_COLUMNS ? `[${missing.join(',\n ')}]` : line);
  }

  text(name: string, fallback = ''): string {
    const value = this.value(name) ?? fallback;
    if (typeof value !== 'string') throw badRequest(['not_a_string', name]);
    return value;
  }

  /** True or false, as such or as a text. @throws ApiError 400 */
  flag(name: string): boolean {
    const value = this.value(name) ?? false;
    if (value === true || value === 'true') return true;
    if (value === false || value === 'false') return false;
    throw badRequest(['not_boolean', value]);
  }

  /** A whole number, as such or as a text. @throws ApiError 400 */
  count(name: string): number {
    const value = this.value(name);
    const number = typeof value === 'string' ? Number(value) : value;
    if (typeof number === 'number' && Number.isSafeInteger(number) && value !== '') return number;
    throw badRequest(['not_int', name]);
  }

  /** An object as a field table; an empty list is one too, as RabbitMQ writes empty objects so. @throws ApiError 400 */
  table(name: string): FieldTable {
    const value = this.value(name) ?? {};
    if (Array.isArray(value) && value.length === 0) return new Map();
    if (!isObject(value)) throw badRequest([`${name}_is_not_an_object`, JSON.stringify(value)]);
    if (holdsNull(value)) throw badRequest('null_not_allowed');
    return fromPlain(value as PlainObject);
  }

  /** A text with commas, or a list of texts. @throws ApiError 400 */
  texts(name: string): readonly string[] {
    const value = this.value(name) ?? '';
    const list = typeof value === 'string' ? value.split(',') : value;
    if (!Array.isArray(list) || !list.every((each) => typeof each === 'string')) {
      throw badRequest(['not_a_list_of_strings', name]);
    }
    return list.map((text) => text.trim()).filter((text) => text !== '');
  }
}

function parsed(text: string): unknown {
  if (text === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest('not_json');
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function holdsNull(value: unknown): boolean {
  if (value === null) return true;
  return typeof value === 'object' && Object.values(value).some(holdsNull);
}
