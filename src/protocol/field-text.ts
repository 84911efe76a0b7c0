/**
 * Field values as RabbitMQ prints them in reply texts: `received '4096' but current is 'abc'`.
 *
 * Scalars are printed bare, arrays and tables as Erlang terms. RabbitMQ breaks terms of more than 80 columns into lines; these
 * stay on one. A bare decimal or void has no text in RabbitMQ (a decimal makes it answer 541, void is called `none`).
 */
import type { FieldTable, FieldValue } from './field-value.ts';
import { fieldTypeName } from './field-value.ts';
import { printedOctets } from './octets-text.ts';
import { decodeText, encodeText } from './text.ts';

/** Integers from here on are printed with an exponent when they are floats: Erlang's rule. */
const FLOAT_PLAIN_LIMIT = 2 ** 53;

/** A value as it stands between the quotes of an `inequivalent arg` text. */
export function fieldText(field: FieldValue): string {
  switch (field.type) {
    case 'S':
      return field.value;
    case 'x':
      return decodeText(field.value, 0, field.value.length);
    default:
      return fieldTerm(field);
  }
}

/** A value as an Erlang term: `<<"text">>`, `true`, `[{<<"name">>,signedint,1}]`. */
export function fieldTerm(field: FieldValue): string {
  switch (field.type) {
    case 'f':
    case 'd':
      return floatText(field.value);
    case 'D':
      return `{${field.scale},${field.value}}`;
    case 'S':
      return printedOctets(encodeText(field.value));
    case 'x':
      return printedOctets(field.value);
    case 'A':
      return `[${field.value.map((each) => `{${fieldTypeName(each)},${fieldTerm(each)}}`).join(',')}]`;
    case 'F':
      return tableText(field.value);
    case 'V':
      return 'undefined';
    default:
      return field.value.toString();
  }
}

function tableText(table: FieldTable): string {
  return `[${tableTerms(table).join(',')}]`;
}

/** The entries of a table, each as an Erlang term: `{<<"name">>,signedint,1}`. */
export function tableTerms(table: FieldTable): string[] {
  return Array.from(
    table,
    ([name, value]) => `{${printedOctets(encodeText(name))},${fieldTypeName(value)},${fieldTerm(value)}}`,
  );
}

/** The shorter of the plain form and the one with an exponent, from as few digits as tell the number from its neighbours. */
function floatText(value: number): string {
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string];
  const scientific = `${withPoint(mantissa)}e${Number(exponent)}`;
  const sign = Object.is(value, -0) ? '-' : '';
  const plain = sign + value.toString();
  if (plain.includes('e') || Math.abs(value) >= FLOAT_PLAIN_LIMIT) return scientific;
  return withPoint(plain).length <= scientific.length ? withPoint(plain) : scientific;
}

function withPoint(digits: string): string {
  return digits.includes('.') ? digits : `${digits}.0`;
}
