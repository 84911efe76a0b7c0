/**
 * Passwords in the URIs of parameters, such as `amqp://user:password@host` of a shovel: they are shown to nobody. `***` stands
 * for one, and whoever sends that back, with the rest as it was, means the one that is there.
 *
 * Invariant: withUriSecrets(withoutUriSecrets(value), value) is `value`.
 */
import type { JsonObject, JsonValue } from './port.ts';

const MASK = '***';
/** What stands before a password, and behind it. The last `@` before the path ends it. */
const PASSWORD = /^([a-z][a-z0-9+.-]*:\/\/[^:@/?#]*:)([^/?#]*)(?=@)/i;

/** `***` was sent for a password that is not there. */
export class MaskedSecretError extends Error {
  constructor(place: string) {
    super(`${place}: ${MASK} stands for a password that is not known here; write it out`);
    this.name = 'MaskedSecretError';
  }
}

/** Passwords in it are `***`. */
export function withoutUriSecrets(value: JsonValue): JsonValue {
  if (typeof value === 'string') return value.replace(PASSWORD, `$1${MASK}`);
  if (Array.isArray(value)) return value.map(withoutUriSecrets);
  return isObject(value) ? mapped(value, withoutUriSecrets) : value;
}

/**
 * Passwords that are `***` are those that stand in the same place of `before`.
 * @param place what `value` is called in errors
 * @throws MaskedSecretError
 */
export function withUriSecrets(value: JsonValue, before: JsonValue | undefined, place: string): JsonValue {
  if (typeof value === 'string') return isMasked(value) ? unmasked(value, before, place) : value;
  if (Array.isArray(value)) return value.map((each, index) => withUriSecrets(each, before, `${place}[${index}]`));
  if (!isObject(value)) return value;
  return mapped(value, (each, name) => withUriSecrets(each, inside(before, name), `${place}.${name}`));
}

function isMasked(text: string): boolean {
  return PASSWORD.exec(text)?.[2] === MASK;
}

/** A URI may have been one of several, whose order says nothing. */
function unmasked(masked: string, before: JsonValue | undefined, place: string): string {
  const candidates = Array.isArray(before) ? before : [before];
  const found = candidates.find((each) => typeof each === 'string' && withoutUriSecrets(each) === masked);
  if (found === undefined) throw new MaskedSecretError(place);
  return found;
}

function inside(value: JsonValue | undefined, name: string): JsonValue | undefined {
  return value !== undefined && isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mapped(object: JsonObject, each: (value: JsonValue, name: string) => JsonValue): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, each(value, name)]));
}
