/**
 * Field tables on the wire: headers and arguments.
 *
 * A value keeps the letter it had on the wire, so that what came in goes out as it was; a table keeps its order. Where a name
 * comes twice the first value counts, as in RabbitMQ.
 */
import type { AmqpError } from './errors.ts';
import { syntaxError } from './errors.ts';
import type { FieldTable, FieldValue } from './field-value.ts';
import { EMPTY_TABLE, MAX_TABLE_DEPTH } from './field-value.ts';
import type { ReaderFaults } from './wire-reader.ts';
import { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

export type { JsonField, JsonTable } from './field-json.ts';
export { tableFromJson, tableToJson } from './field-json.ts';
export type { PlainObject, PlainValue } from './field-plain.ts';
export { fromPlain, toPlain } from './field-plain.ts';
export type { FieldTable, FieldType, FieldValue } from './field-value.ts';
export { EMPTY_TABLE, fieldTypeName, MAX_TABLE_DEPTH } from './field-value.ts';

/**
 * Reads the table that fills offset to end, its length of four octets included.
 * @throws AmqpError 502 for anything but one well-formed table of at most MAX_TABLE_DEPTH levels.
 */
export function decodeFieldTable(bytes: Buffer, offset: number, end: number): FieldTable {
  const reader = new WireReader(bytes, offset, end, TABLE_FAULTS);
  const table = readFieldTable(reader);
  reader.finish();
  return table;
}

/** Reads the value that begins at offset, its type first, out of well-formed bytes that end at `end`. */
export function decodeFieldValue(bytes: Buffer, offset: number, end: number): FieldValue {
  return readFieldValue(new WireReader(bytes, offset, end, TABLE_FAULTS), 1);
}

/** Octets of the value that begins at offset, its type among them, in well-formed bytes. */
export function fieldValueSize(bytes: Buffer, offset: number): number {
  switch (String.fromCharCode(bytes[offset])) {
    case 'V':
      return 1;
    case 't':
    case 'b':
    case 'B':
      return 2;
    case 's':
    case 'u':
      return 3;
    case 'I':
    case 'i':
    case 'f':
      return 5;
    case 'D':
      return 6;
    case 'l':
    case 'L':
    case 'T':
    case 'd':
      return 9;
    default:
      // S, x, A and F begin with their length.
      return 5 + bytes.readUInt32BE(offset + 1);
  }
}

/** A table's octets, its length of four octets included. @throws AmqpError 502 for a name of more than 255 octets. */
export function encodeFieldTable(table: FieldTable): Buffer {
  const writer = new WireWriter();
  writeFieldTable(writer, table);
  return writer.finish();
}

/** Reads a table that is one of several fields. The faults of its inside are `reader.faults.table`. */
export function readFieldTable(reader: WireReader, depth = 1): FieldTable {
  const inside = readInside(reader, depth);
  if (inside.offset === inside.end) return EMPTY_TABLE;
  const table = new Map<string, FieldValue>();
  while (inside.offset < inside.end) {
    const name = inside.shortstr();
    const value = readFieldValue(inside, depth);
    if (!table.has(name)) table.set(name, value);
  }
  return table;
}

/** Writes a table as one of several fields. */
export function writeFieldTable(writer: WireWriter, table: FieldTable, depth = 1): void {
  checkDepth(depth);
  const lengthAt = writer.reserveLong();
  for (const [name, value] of table) {
    writer.shortstr(name);
    writeFieldValue(writer, value, depth);
  }
  writer.setLong(lengthAt, writer.length - lengthAt - 4);
}

function readInside(reader: WireReader, depth: number): WireReader {
  const size = reader.long();
  const at = reader.take(size);
  const table = reader.faults.table;
  if (depth > MAX_TABLE_DEPTH) throw table(reader, `a table nested deeper than ${MAX_TABLE_DEPTH} levels`);
  const faults = reader.faults.short === table ? reader.faults : { short: table, table };
  return new WireReader(reader.bytes, at, at + size, faults, reader.method);
}

function readFieldValue(reader: WireReader, depth: number): FieldValue {
  const type = String.fromCharCode(reader.octet());
  switch (type) {
    case 't':
      return { type, value: reader.octet() !== 0 };
    case 'b':
      return { type, value: reader.bytes.readInt8(reader.take(1)) };
    case 'B':
      return { type, value: reader.octet() };
    case 's':
      return { type, value: reader.bytes.readInt16BE(reader.take(2)) };
    case 'u':
      return { type, value: reader.short() };
    case 'I':
      return { type, value: reader.bytes.readInt32BE(reader.take(4)) };
    case 'i':
      return { type, value: reader.long() };
    case 'l':
    case 'L':
      return { type, value: reader.signedLonglong() };
    case 'T':
      return { type, value: reader.longlong() };
    case 'f':
      return { type, value: finite(reader, reader.bytes.readFloatBE(reader.take(4))) };
    case 'd':
      return { type, value: finite(reader, reader.bytes.readDoubleBE(reader.take(8))) };
    case 'D':
      return { type, scale: reader.octet(), value: reader.long() };
    case 'S':
      return { type, value: reader.longstr() };
    case 'x':
      return { type, value: readBytes(reader) };
    case 'A':
      return { type, value: readArray(reader, depth + 1) };
    case 'F':
      return { type, value: readFieldTable(reader, depth + 1) };
    case 'V':
      return { type };
    default:
      throw reader.faults.table(reader, `unknown field type ${type.charCodeAt(0)}`);
  }
}

function readArray(reader: WireReader, depth: number): FieldValue[] {
  const inside = readInside(reader, depth);
  const values: FieldValue[] = [];
  while (inside.offset < inside.end) values.push(readFieldValue(inside, depth));
  return values;
}

/** Copied: the values of a table outlive the frame that they came in. */
function readBytes(reader: WireReader): Buffer {
  const size = reader.long();
  const at = reader.take(size);
  return Buffer.from(reader.bytes.subarray(at, at + size));
}

function finite(reader: WireReader, value: number): number {
  if (!Number.isFinite(value)) throw reader.faults.table(reader, `the float ${value} is not a number`);
  return value;
}

function writeFieldValue(writer: WireWriter, field: FieldValue, depth: number): void {
  writer.octet(field.type.charCodeAt(0));
  switch (field.type) {
    case 't':
      writer.octet(field.value ? 1 : 0);
      break;
    case 'b':
      writer.signedOctet(field.value);
      break;
    case 'B':
      writer.octet(field.value);
      break;
    case 's':
      writer.signedShort(field.value);
      break;
    case 'u':
      writer.short(field.value);
      break;
    case 'I':
      writer.signedLong(field.value);
      break;
    case 'i':
      writer.long(field.value);
      break;
    case 'l':
    case 'L':
      writer.signedLonglong(field.value);
      break;
    case 'T':
      writer.longlong(field.value);
      break;
    case 'f':
      writer.float(field.value);
      break;
    case 'd':
      writer.double(field.value);
      break;
    case 'D':
      writer.octet(field.scale);
      writer.long(field.value);
      break;
    case 'S':
      writer.longstr(field.value);
      break;
    case 'x':
      writer.longBytes(field.value);
      break;
    case 'A':
      writeArray(writer, field.value, depth + 1);
      break;
    case 'F':
      writeFieldTable(writer, field.value, depth + 1);
      break;
    case 'V':
      break;
  }
}

function writeArray(writer: WireWriter, values: readonly FieldValue[], depth: number): void {
  checkDepth(depth);
  const lengthAt = writer.reserveLong();
  for (const value of values) writeFieldValue(writer, value, depth);
  writer.setLong(lengthAt, writer.length - lengthAt - 4);
}

function checkDepth(depth: number): void {
  if (depth > MAX_TABLE_DEPTH) throw syntaxError(`a table nested deeper than ${MAX_TABLE_DEPTH} levels`);
}

function syntaxFault(reader: WireReader, reason: string): AmqpError {
  return syntaxError(`malformed field table: ${reason}`, reader.method);
}

const TABLE_FAULTS: ReaderFaults = { short: syntaxFault, table: syntaxFault };
