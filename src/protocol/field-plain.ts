/** Field tables <-> plain values as people write them in JSON and in options. Types are guessed one way and lost the other. */
import { syntaxError } from './errors.ts';
import type { FieldTable, FieldValue } from './field-value.ts';
import { MAX_TABLE_DEPTH } from './field-value.ts';
import { decodeText } from './text.ts';

export type PlainValue = null | boolean | number | string | readonly PlainValue[] | PlainObject;

export interface PlainObject {
  readonly [name: string]: PlainValue;
}

const INT32_MIN = -(2 ** 31);
const INT32_MAX = 2 ** 31 - 1;
const INT64_LIMIT = 2 ** 63;

/**
 * A table as a plain object for people to read: the types are lost, 64-bit integers are rounded beyond 2^53, decimals become
 * floats, octets become a string. For a copy that keeps everything see tableToJson().
 */
export function toPlain(table: FieldTable): PlainObject {
  // fromEntries defines own properties, so that a header named __proto__ is a name like any other.
  return Object.fromEntries(Array.from(table, ([name, value]) => [name, valueToPlain(value)]));
}

/**
 * A plain object as a table: strings are `S`, booleans `t`, integers `I` or, beyond 32 bits, `l`, other numbers `d`, null `V`,
 * arrays `A`, objects `F`.
 * @throws AmqpError 502 for more than MAX_TABLE_DEPTH levels and for numbers that are not finite.
 */
export function fromPlain(object: PlainObject): FieldTable {
  return tableFromPlain(object, 1);
}

function valueToPlain(field: FieldValue): PlainValue {
  switch (field.type) {
    case 'l':
    case 'L':
    case 'T':
      return Number(field.value);
    case 'D':
      return field.value / 10 ** field.scale;
    case 'x':
      return decodeText(field.value, 0, field.value.length);
    case 'A':
      return field.value.map(valueToPlain);
    case 'F':
      return toPlain(field.value);
    case 'V':
      return null;
    default:
      return field.value;
  }
}

function tableFromPlain(object: PlainObject, depth: number): FieldTable {
  checkDepth(depth);
  return new Map(Object.entries(object).map(([name, value]) => [name, valueFromPlain(value, depth)]));
}

function valueFromPlain(value: PlainValue, depth: number): FieldValue {
  if (value === null) return { type: 'V' };
  if (typeof value === 'string') return { type: 'S', value };
  if (typeof value === 'boolean') return { type: 't', value };
  if (typeof value === 'number') return numberFromPlain(value);
  if (isArray(value)) {
    checkDepth(depth + 1);
    return { type: 'A', value: value.map((each) => valueFromPlain(each, depth + 1)) };
  }
  return { type: 'F', value: tableFromPlain(value, depth + 1) };
}

function numberFromPlain(value: number): FieldValue {
  if (!Number.isFinite(value)) throw syntaxError(`malformed field table: the number ${value} is not finite`);
  if (!Number.isInteger(value) || Object.is(value, -0)) return { type: 'd', value };
  if (value >= INT32_MIN && value <= INT32_MAX) return { type: 'I', value };
  if (Number.isSafeInteger(value)) return { type: 'l', value };
  return value >= -INT64_LIMIT && value < INT64_LIMIT ? { type: 'l', value: BigInt(value) } : { type: 'd', value };
}

/** Array.isArray() does not narrow a readonly array. */
function isArray(value: readonly PlainValue[] | PlainObject): value is readonly PlainValue[] {
  return Array.isArray(value);
}

function checkDepth(depth: number): void {
  if (depth > MAX_TABLE_DEPTH) {
    throw syntaxError(`malformed field table: nested deeper than ${MAX_TABLE_DEPTH} levels`);
  }
}
