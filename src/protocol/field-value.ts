/** The typed values of field tables (4.2.5.5 of the specification, with the letters that RabbitMQ 3.10.8 reads and gives back). */

/** Names (at most 255 octets each) and their values, in the order of the wire. */
export type FieldTable = ReadonlyMap<string, FieldValue>;

/**
 * A value and its type on the wire.
 *
 * | letters | value |
 * |---|---|
 * | `t` | boolean |
 * | `b` `B` `s` `u` `I` `i` | integers of 8, 16, 32 bits: signed and unsigned in turn |
 * | `l` `L` | signed 64-bit integers; a bigint only where a number would not be exact |
 * | `T` | seconds since 1970, unsigned 64 bits, the same way |
 * | `f` `d` | floats of 32 and 64 bits, never NaN or infinite: RabbitMQ does not take those |
 * | `D` | value / 10^scale; scale 0 to 255, value of unsigned 32 bits |
 * | `S` | a string; octets that are not UTF-8 are kept as well, see text.ts |
 * | `x` | octets, owned by the value |
 * | `A` `F` `V` | an array, a table, nothing |
 */
export type FieldValue =
  | { readonly type: 't'; readonly value: boolean }
  | { readonly type: 'b' | 'B' | 's' | 'u' | 'I' | 'i' | 'f' | 'd'; readonly value: number }
  | { readonly type: 'l' | 'L' | 'T'; readonly value: number | bigint }
  | { readonly type: 'D'; readonly scale: number; readonly value: number }
  | { readonly type: 'S'; readonly value: string }
  | { readonly type: 'x'; readonly value: Buffer }
  | { readonly type: 'A'; readonly value: readonly FieldValue[] }
  | { readonly type: 'F'; readonly value: FieldTable }
  | { readonly type: 'V' };

export type FieldType = FieldValue['type'];

/**
 * Arrays and tables may lie this deep in one another, the outermost table counting as one. RabbitMQ sets no limit and took
 * 20,000 levels; here each level is a call, and a stack has an end.
 */
export const MAX_TABLE_DEPTH = 100;

/** The table with nothing in it. */
export const EMPTY_TABLE: FieldTable = new Map();

const TYPE_NAMES: Readonly<Record<FieldType, string>> = {
  t: 'bool',
  b: 'byte',
  B: 'unsignedbyte',
  s: 'short',
  u: 'unsignedshort',
  I: 'signedint',
  i: 'unsignedint',
  l: 'long',
  L: 'long',
  f: 'float',
  d: 'double',
  D: 'decimal',
  S: 'longstr',
  x: 'binary',
  A: 'array',
  F: 'table',
  T: 'timestamp',
  V: 'void',
};

/** RabbitMQ's name of a value's type in reply texts: `expected integer, got bool`. */
export function fieldTypeName(value: FieldValue): string {
  return TYPE_NAMES[value.type];
}

/** True for the letter of a type. */
export function isFieldType(letter: unknown): letter is FieldType {
  return typeof letter === 'string' && Object.hasOwn(TYPE_NAMES, letter);
}

/** True when a value is in the range of its type; the values inside an array or a table are not looked at. */
export function fieldTypeFits(field: FieldValue): boolean {
  switch (field.type) {
    case 't':
      return typeof field.value === 'boolean';
    case 'f':
      return Number.isFinite(field.value) && Math.fround(field.value) === field.value;
    case 'd':
      return Number.isFinite(field.value);
    case 'l':
    case 'L':
      return isInteger64(field.value, -(2n ** 63n), 2n ** 63n - 1n);
    case 'T':
      return isInteger64(field.value, 0n, 2n ** 64n - 1n);
    case 'D':
      return isIntegerWithin(field.scale, 0, 255) && isIntegerWithin(field.value, 0, 2 ** 32 - 1);
    case 'S':
      return typeof field.value === 'string';
    case 'x':
    case 'A':
    case 'F':
    case 'V':
      return true;
    default:
      return isIntegerWithin(field.value, ...INTEGER_RANGES[field.type]);
  }
}

const INTEGER_RANGES: Readonly<Record<'b' | 'B' | 's' | 'u' | 'I' | 'i', readonly [least: number, most: number]>> = {
  b: [-(2 ** 7), 2 ** 7 - 1],
  B: [0, 2 ** 8 - 1],
  s: [-(2 ** 15), 2 ** 15 - 1],
  u: [0, 2 ** 16 - 1],
  I: [-(2 ** 31), 2 ** 31 - 1],
  i: [0, 2 ** 32 - 1],
};

function isIntegerWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

function isInteger64(value: number | bigint, least: bigint, most: bigint): boolean {
  if (typeof value !== 'bigint') return Number.isSafeInteger(value) && BigInt(value) >= least;
  return value >= least && value <= most;
}
