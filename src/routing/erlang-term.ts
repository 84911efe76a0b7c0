import { type FieldTable, type FieldValue, fieldTypeName } from '../protocol/field-table.ts';
import { decodeText, encodeText } from '../protocol/text.ts';

/**
 * A field value as RabbitMQ prints it in reply texts: `<<"text">>`, `true`, `[{<<"name">>,signedint,1}]`. Unlike RabbitMQ
 * this never breaks a line, which only terms of over 60 or so characters get.
 */
export function erlangTerm(field: FieldValue): string {
  switch (field.type) {
    case 'S':
    case 'x':
      return erlangBinary(field.value);
    case 'V':
      return 'undefined';
    case 'D':
      return `{${field.scale},${field.value}}`;
    case 'A':
      return `[${field.value.map((item) => `{${fieldTypeName(item)},${erlangTerm(item)}}`).join()}]`;
    case 'F':
      return `[${tableTerms(field.value)}]`;
    case 'f':
    case 'd':
      return Number.isInteger(field.value) ? field.value.toFixed(1) : String(field.value);
    default:
      return String(field.value);
  }
}

/** Octets as Erlang prints a binary: as text when every octet is printable in Latin-1, else as numbers. */
export function erlangBinary(value: string | Buffer): string {
  const octets = typeof value === 'string' ? encodeText(value) : value;
  if (octets.length === 0) return '<<>>';
  if (!octets.every(isPrintable)) return `<<${octets.join()}>>`;
  return `<<"${Array.from(decodeText(octets, 0, octets.length), escapeCharacter).join('')}">>`;
}

function tableTerms(table: FieldTable): string {
  return [...table]
    .map(([name, value]) => `{${erlangBinary(name)},${fieldTypeName(value)},${erlangTerm(value)}}`)
    .join();
}

function isPrintable(octet: number): boolean {
  return (octet >= 0x20 && octet < 0x7f) || octet >= 0xa0 || (octet >= 0x08 && octet <= 0x0d) || octet === 0x1b;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\x1b': '\\e',
};

function escapeCharacter(character: string): string {
  return ESCAPES[character] ?? character;
}
