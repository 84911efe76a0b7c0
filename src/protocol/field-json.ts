/**
 * Field tables <-> JSON that keeps all of them: types, order, 64-bit integers, octets. For the metadata store.
 *
 * A table is an array of [name, type, value], an array one of [type, value]. Invariant: tableFromJson(JSON.parse(
 * JSON.stringify(tableToJson(table)))) encodes to the same octets as the table.
 */
import type { FieldTable, FieldType, FieldValue } from './field-value.ts';
import { fieldTypeFits, isFieldType, MAX_TABLE_DEPTH } from './field-value.ts';

/** The value part: 64-bit integers beyond 2^53 and -0 are strings of digits, `D` is [scale, value], `x` is base64. */
export type JsonFieldValue =
  | null
  | boolean
  | number
  | string
  | readonly [scale: number, value: number]
  | readonly JsonField[]
  | JsonTable;

export type JsonField = readonly [type: FieldType, value: JsonFieldValue];

export type JsonTable = readonly (readonly [name: string, type: FieldType, value: JsonFieldValue])[];

/** A table as a value for JSON.stringify(). */
export function tableToJson(table: FieldTable): JsonTable {
  return Array.from(table, ([name, value]) => [name, value.type, valueToJson(value)] as const);
}

/**
 * The table that tableToJson() was given.
 * @param json what JSON.parse() gave
 * @throws TypeError for anything that tableToJson() does not write: the store is damaged.
 */
export function tableFromJson(json: unknown): FieldTable {
  return tableAt(json, 1);
}

function valueToJson(field: FieldValue): JsonFieldValue {
  switch (field.type) {
    case 'f':
    case 'd':
      return Object.is(field.value, -0) ? '-0' : field.value;
    case 'l':
    case 'L':
    case 'T':
      return typeof field.value === 'bigint' ? field.value.toString() : field.value;
    case 'D':
      return [field.scale, field.value];
    case 'x':
      return field.value.toString('base64');
    case 'A':
      return field.value.map((each) => [each.type, valueToJson(each)] as const);
    case 'F':
      return tableToJson(field.value);
    case 'V':
      return null;
    default:
      return field.value;
  }
}

function tableAt(json: unknown, depth: number): FieldTable {
  const table = new Map<string, FieldValue>();
  for (const entry of arrayOf(json, depth)) {
    const [name, type, value] = tuple(entry, 3);
    if (typeof name !== 'string') throw damaged('a name is not a string');
    table.set(name, fieldFrom(type, value, depth));
  }
  return table;
}

function fieldFrom(type: unknown, value: unknown, depth: number): FieldValue {
  if (!isFieldType(type)) throw damaged(`unknown type ${JSON.stringify(type)}`);
  const field = candidate(type, value, depth);
  if (!fieldTypeFits(field)) throw damaged(`a value is not of the type ${type}`);
  return field;
}

/** The field as it is if the JSON is what it should be; fieldTypeFits() checks that. */
function candidate(type: FieldType, value: unknown, depth: number): FieldValue {
  switch (type) {
    case 'f':
    case 'd':
      return { type, value: value === '-0' ? -0 : (value as number) };
    case 'l':
    case 'L':
    case 'T':
      return { type, value: typeof value === 'string' ? bigintFrom(value) : (value as number) };
    case 'D': {
      const [scale, unscaled] = tuple(value, 2) as [number, number];
      return { type, scale, value: unscaled };
    }
    case 'x':
      if (typeof value !== 'string') throw damaged('octets are not in base64');
      return { type, value: Buffer.from(value, 'base64') };
    case 'A':
      return { type, value: arrayOf(value, depth + 1).map((entry) => itemFrom(entry, depth + 1)) };
    case 'F':
      return { type, value: tableAt(value, depth + 1) };
    case 'V':
      return { type };
    default:
      return { type, value } as FieldValue;
  }
}

function itemFrom(entry: unknown, depth: number): FieldValue {
  const [type, value] = tuple(entry, 2);
  return fieldFrom(type, value, depth);
}

function arrayOf(json: unknown, depth: number): readonly unknown[] {
  if (!Array.isArray(json)) throw damaged('an array is missing');
  if (depth > MAX_TABLE_DEPTH) throw damaged(`nested deeper than ${MAX_TABLE_DEPTH} levels`);
  return json;
}

function tuple(json: unknown, size: number): readonly unknown[] {
  if (!Array.isArray(json) || json.length !== size) throw damaged(`an array of ${size} is missing`);
  return json;
}

function bigintFrom(digits: string): bigint {
  if (!/^-?[0-9]{1,20}$/.test(digits)) throw damaged('an integer is not in decimal digits');
  return BigInt(digits);
}

function damaged(reason: string): TypeError {
  return new TypeError(`not the JSON of a field table: ${reason}`);
}
