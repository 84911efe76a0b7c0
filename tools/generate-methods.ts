/** Writes src/protocol/methods.generated.ts from tools/amqp-0-9-1.json: `node tools/generate-methods.ts`. */
import { readFileSync, writeFileSync } from 'node:fs';

interface Field {
  readonly name: string;
  readonly domain: string;
  /** Written as zero, skipped when read. */
  readonly reserved?: boolean;
  /** A shortstr whose UTF-8 nobody checks. */
  readonly unchecked?: boolean;
}

interface MethodFacts {
  readonly name: string;
  readonly id: number;
  readonly content?: boolean;
  readonly fields: readonly Field[];
}

interface ClassFacts {
  readonly name: string;
  readonly id: number;
  readonly properties?: readonly Field[];
  readonly methods: readonly MethodFacts[];
}

export interface Specification {
  readonly constants: readonly { readonly name: string; readonly value: number; readonly scope?: string }[];
  readonly domains: Readonly<Record<string, string>>;
  readonly classes: readonly ClassFacts[];
}

/** A method with its full name and what is derived from it. */
interface NamedMethod extends MethodFacts {
  readonly fullName: string;
  readonly typeName: string;
  readonly classId: number;
}

interface WireType {
  readonly typescript: string;
  readonly read: string;
  readonly write: (value: string) => string;
  readonly skip: string;
  readonly writeZero: string;
}

const WIRE_TYPES: Readonly<Record<string, WireType>> = {
  octet: wireType('number', 'octet', 'reader.take(1)', '0'),
  short: wireType('number', 'short', 'reader.take(2)', '0'),
  long: wireType('number', 'long', 'reader.take(4)', '0'),
  longlong: { ...wireType('number', 'longlong', 'reader.take(8)', '0'), read: 'readDeliveryTag(reader)' },
  shortstr: { ...wireType('string', 'shortstr', 'reader.shortstr()', "''"), read: 'reader.utf8Shortstr()' },
  longstr: wireType('string', 'longstr', 'reader.longstr()', "''"),
  table: {
    typescript: 'FieldTable',
    read: 'readFieldTable(reader)',
    write: (value) => `writeFieldTable(writer, ${value} ?? EMPTY_TABLE)`,
    skip: 'readFieldTable(reader)',
    writeZero: 'writeFieldTable(writer, EMPTY_TABLE)',
  },
};

const SPECIFICATION_PATH = new URL('./amqp-0-9-1.json', import.meta.url);
const OUTPUT_PATH = new URL('../src/protocol/methods.generated.ts', import.meta.url);

/** The facts that the generator reads. */
export function readSpecification(): Specification {
  return JSON.parse(readFileSync(SPECIFICATION_PATH, 'utf8')) as Specification;
}

/** The text of methods.generated.ts: the same for the same facts. */
export function generateMethods(specification: Specification): string {
  const methods = specification.classes.flatMap((each) =>
    each.methods.map((method) => ({
      ...method,
      fullName: `${each.name}.${method.name}`,
      typeName: pascalCase(`${each.name}-${method.name}`),
      classId: each.id,
    })),
  );
  return [
    fileHead(),
    ...methods.map((method) => interfaceOf(specification, method)),
    unionOf(methods),
    idsOf(methods),
    contentOf(methods),
    fileFunctions(),
    decoderOf(specification, methods),
    encoderOf(specification, methods),
  ].join('\n');
}

function wireType(typescript: string, name: string, skip: string, zero: string): WireType {
  return {
    typescript,
    read: `reader.${name}()`,
    write: (value) => `writer.${name}(${value})`,
    skip,
    writeZero: `writer.${name}(${zero})`,
  };
}

function fileHead(): string {
  return `// Written by tools/generate-methods.ts from tools/amqp-0-9-1.json: change those, not this file.
/** The methods of AMQP 0-9-1 with RabbitMQ's extensions, read from and written to method frames. */
import { FRAME_END, FRAME_HEADER_SIZE, FRAME_METHOD } from './constants.ts';
import { commandInvalid, type MethodId } from './errors.ts';
import { EMPTY_TABLE, type FieldTable, readFieldTable, writeFieldTable } from './field-table.ts';
import { methodReader, readDeliveryTag } from './method-fields.ts';
import type { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';
`;
}

function interfaceOf(specification: Specification, method: NamedMethod): string {
  const fields = visible(method).map(
    (field) => `  readonly ${camelCase(field.name)}: ${typeOf(specification, field)};\n`,
  );
  return `/** ${method.fullName}: ${method.classId}, ${method.id}. */
export interface ${method.typeName} {
  readonly name: '${method.fullName}';
${fields.join('')}}
`;
}

function unionOf(methods: readonly NamedMethod[]): string {
  return `/** Any method; \`name\` tells which. */
export type Method =
${methods.map((method) => `  | ${method.typeName}`).join('\n')};

export type MethodName = Method['name'];

type Defaulted<M> = { [Key in keyof M]: M[Key] extends boolean | FieldTable ? Key : never }[keyof M];

/** A method to write: bits that are left out are false, tables that are left out are empty. */
export type OutgoingMethod<M extends Method = Method> = M extends Method
  ? Omit<M, Defaulted<M>> & Partial<Pick<M, Defaulted<M>>>
  : never;
`;
}

function idsOf(methods: readonly NamedMethod[]): string {
  const entries = methods.map(
    (method) => `  '${method.fullName}': { classId: ${method.classId}, methodId: ${method.id} },`,
  );
  return `/** The numbers of each method. */
export const METHOD_IDS: Readonly<Record<MethodName, MethodId>> = {
${entries.join('\n')}
};
`;
}

function contentOf(methods: readonly NamedMethod[]): string {
  const names = methods.filter((method) => method.content === true).map((method) => `'${method.fullName}'`);
  return `/** The methods that a content header and a body follow. */
export const CONTENT_METHODS: ReadonlySet<MethodName> = new Set<MethodName>([${names.join(', ')}]);
`;
}

function fileFunctions(): string {
  return `/**
 * Reads the payload of a method frame, which fills offset to end and begins with the class.
 * @throws AmqpError 501 where the fields do not fit the octets (541 in the class connection), as RabbitMQ; 501 for a shortstr
 *   that is not UTF-8; 406 on the channel for a delivery tag above 2^53 - 1; 502 for a malformed table and 503 for an unknown
 *   method, where RabbitMQ drops the connection without a word.
 */
export function decodeMethod(bytes: Buffer, offset: number, end: number): Method {
  const reader = methodReader(bytes, offset, end);
  const method = readFields(reader);
  reader.finish();
  return method;
}

/**
 * A whole method frame, owned by the caller. Reserved fields are zeros and empty strings.
 * @throws AmqpError 502 for a shortstr of more than 255 octets.
 */
export function methodFrame(channel: number, method: OutgoingMethod): Buffer {
  const writer = new WireWriter();
  const { classId, methodId } = METHOD_IDS[method.name];
  writer.octet(FRAME_METHOD);
  writer.short(channel);
  const lengthAt = writer.reserveLong();
  writer.short(classId);
  writer.short(methodId);
  writeFields(writer, method);
  writer.setLong(lengthAt, writer.length - FRAME_HEADER_SIZE);
  writer.octet(FRAME_END);
  return writer.finish();
}
`;
}

function decoderOf(specification: Specification, methods: readonly NamedMethod[]): string {
  return `function readFields(reader: WireReader): Method {
  const { classId, methodId } = reader.method!;
  switch (classId * 0x10000 + methodId) {
${methods.map((method) => readCase(specification, method)).join('\n')}
    default:
      throw commandInvalid('unimplemented method', { classId, methodId });
  }
}
`;
}

function readCase(specification: Specification, method: NamedMethod): string {
  const lines: string[] = [];
  let bitIndex = 0;
  for (const field of method.fields) {
    if (isBit(specification, field)) {
      if (bitIndex === 0)
        lines.push(usesBits(specification, method) ? 'const bits = reader.octet();' : 'reader.take(1);');
      if (field.reserved !== true) lines.push(`const ${local(field)} = (bits & ${1 << bitIndex}) !== 0;`);
      bitIndex++;
    } else {
      lines.push(readLine(specification, field));
      bitIndex = 0;
    }
  }
  const properties = visible(method).map((field) =>
    local(field) === camelCase(field.name) ? local(field) : `${camelCase(field.name)}: ${local(field)}`,
  );
  lines.push(`return { ${[`name: '${method.fullName}'`, ...properties].join(', ')} };`);
  return `    case ${hex(method)}: {\n${lines.map((line) => `      ${line}`).join('\n')}\n    }`;
}

function readLine(specification: Specification, field: Field): string {
  const wire = wireTypeOf(specification, field);
  if (field.reserved === true) return `${wire.skip};`;
  return `const ${local(field)} = ${field.unchecked === true ? 'reader.shortstr()' : wire.read};`;
}

function encoderOf(specification: Specification, methods: readonly NamedMethod[]): string {
  return `function writeFields(writer: WireWriter, method: OutgoingMethod): void {
  switch (method.name) {
${methods.map((method) => writeCase(specification, method)).join('\n')}
  }
}
`;
}

function writeCase(specification: Specification, method: NamedMethod): string {
  const lines: string[] = [];
  let bits: string[] = [];
  const flushBits = (): void => {
    if (bits.length > 0) lines.push(`writer.octet(${bits.filter((bit) => bit !== '').join(' | ') || '0'});`);
    bits = [];
  };
  for (const field of method.fields) {
    if (isBit(specification, field)) {
      bits.push(field.reserved === true ? '' : `(method.${camelCase(field.name)} ? ${1 << bits.length} : 0)`);
      continue;
    }
    flushBits();
    const wire = wireTypeOf(specification, field);
    lines.push(`${field.reserved === true ? wire.writeZero : wire.write(`method.${camelCase(field.name)}`)};`);
  }
  flushBits();
  lines.push('return;');
  return `    case '${method.fullName}':\n${lines.map((line) => `      ${line}`).join('\n')}`;
}

function visible(method: MethodFacts): Field[] {
  return method.fields.filter((field) => field.reserved !== true);
}

function usesBits(specification: Specification, method: MethodFacts): boolean {
  return visible(method).some((field) => isBit(specification, field));
}

function isBit(specification: Specification, field: Field): boolean {
  return elementaryType(specification, field) === 'bit';
}

function typeOf(specification: Specification, field: Field): string {
  return isBit(specification, field) ? 'boolean' : wireTypeOf(specification, field).typescript;
}

function wireTypeOf(specification: Specification, field: Field): WireType {
  const wire = WIRE_TYPES[elementaryType(specification, field)];
  if (wire === undefined) throw new Error(`no wire type for the domain ${field.domain}`);
  return wire;
}

function elementaryType(specification: Specification, field: Field): string {
  const type = specification.domains[field.domain];
  if (type === undefined) throw new Error(`unknown domain ${field.domain} of ${field.name}`);
  return type;
}

/** A name for a field's local variable; `arguments` and the ids of the frame itself are taken. */
function local(field: Field): string {
  const name = camelCase(field.name);
  return ['arguments', 'classId', 'methodId'].includes(name) ? `${name}Field` : name;
}

function hex(method: NamedMethod): string {
  return `0x${method.classId.toString(16).padStart(4, '0')}${method.id.toString(16).padStart(4, '0')}`;
}

function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

function pascalCase(name: string): string {
  return camelCase(`-${name}`);
}

if (import.meta.main) writeFileSync(OUTPUT_PATH, generateMethods(readSpecification()));
