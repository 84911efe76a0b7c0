import { type FieldTable, type FieldValue, fieldTypeName } from '../protocol/field-table.ts';
import { encodeText } from '../protocol/text.ts';

/**
 * Whether a header has the value that a binding asks for, as RabbitMQ 3.10.8 compares them (measured).
 *
 * At the top the type does not count and numbers compare by what they are worth: int 1 is long 1 is double 1.0 is
 * timestamp 1, and a long string equals binary of the same octets. Inside tables and arrays the types count as well, and
 * a table's fields must stand in the same order. An empty table and an empty array are the same.
 */
export function headerEquals(wanted: FieldValue, given: FieldValue): boolean {
  switch (wanted.type) {
    case 'V':
      return given.type === 'V';
    case 't':
      return given.type === 't' && wanted.value === given.value;
    case 'S':
    case 'x':
      return (given.type === 'S' || given.type === 'x') && octetsEqual(wanted.value, given.value);
    case 'D':
      return given.type === 'D' && wanted.scale === given.scale && wanted.value === given.value;
    case 'A':
      return given.type === 'A'
        ? arraysEqual(wanted.value, given.value)
        : isEmptyTable(given) && wanted.value.length === 0;
    case 'F':
      return given.type === 'F'
        ? tablesEqual(wanted.value, given.value)
        : isEmptyArray(given) && wanted.value.size === 0;
    default:
      return isNumber(given) && numbersEqual(wanted.value, given.value);
  }
}

type NumberField = Extract<FieldValue, { readonly value: number | bigint }> & { readonly scale?: never };

function isNumber(field: FieldValue): field is NumberField {
  return (
    field.type !== 'V' && field.type !== 'D' && (typeof field.value === 'number' || typeof field.value === 'bigint')
  );
}

/** A safe integer is a number and a larger one a bigint, while a float may be worth as much as that bigint. */
function numbersEqual(a: number | bigint, b: number | bigint): boolean {
  if (typeof a === typeof b) return a === b;
  return typeof a === 'bigint' ? isWorth(b as number, a) : isWorth(a, b as bigint);
}

function isWorth(float: number, integer: bigint): boolean {
  return Number.isInteger(float) && BigInt(float) === integer;
}

function octetsEqual(a: string | Buffer, b: string | Buffer): boolean {
  if (typeof a === 'string' && typeof b === 'string') return a === b;
  return asOctets(a).equals(asOctets(b));
}

function asOctets(value: string | Buffer): Buffer {
  return typeof value === 'string' ? encodeText(value) : value;
}

function arraysEqual(a: readonly FieldValue[], b: readonly FieldValue[]): boolean {
  return a.length === b.length && a.every((item, index) => nestedEquals(item, b[index]!));
}

function tablesEqual(a: FieldTable, b: FieldTable): boolean {
  if (a.size !== b.size) return false;
  const others = b.entries();
  for (const [name, value] of a) {
    const [otherName, otherValue] = others.next().value!;
    if (name !== otherName || !nestedEquals(value, otherValue)) return false;
  }
  return true;
}

function nestedEquals(a: FieldValue, b: FieldValue): boolean {
  return fieldTypeName(a) === fieldTypeName(b) && headerEquals(a, b);
}

function isEmptyTable(field: FieldValue): boolean {
  return field.type === 'F' && field.value.size === 0;
}

function isEmptyArray(field: FieldValue): boolean {
  return field.type === 'A' && field.value.length === 0;
}
