import type { ScratchList } from '../collections/scratch-list.ts';
import { preconditionFailed } from '../protocol/errors.ts';
import { type FieldTable, type FieldValue, fieldTypeName } from '../protocol/field-table.ts';
import { fieldTerm } from '../protocol/field-text.ts';
import type { BasicProperties } from '../protocol/properties.ts';
import type { Binding } from './binding.ts';
import { StoredBindings } from './binding-table.ts';
import type { Destination } from './destination.ts';
import { headerEquals } from './header-equality.ts';
import type { RoutedMessage } from './routed-message.ts';

/**
 * `headers`: a binding's arguments are what the message's headers must have. AMQP 0-9-1 3.1.3.4, and RabbitMQ's
 * `all-with-x` and `any-with-x`. Routing keys do not matter. Every binding is tried: unlike keys, headers have no order
 * to search by.
 */
export class HeadersBindings<D extends Destination> extends StoredBindings<D> {
  readonly byKeyAlone = false;
  readonly #patterns: HeaderPattern<D>[] = [];

  match(message: RoutedMessage, found: ScratchList<D>): void {
    if (this.#patterns.length === 0) return;
    const headers = headersOf(message.properties());
    for (let index = 0; index < this.#patterns.length; index++) {
      const pattern = this.#patterns[index]!;
      if (matches(pattern, headers)) found.add(pattern.binding.destination);
    }
  }

  protected indexed(binding: Binding<D>): void {
    this.#patterns.push(compilePattern(binding));
  }

  protected unindexed(binding: Binding<D>): void {
    const index = this.#patterns.findIndex((pattern) => pattern.binding === binding);
    this.#patterns.splice(index, 1);
  }
}

/** @throws AmqpError 406 on an `x-match` that is none of the four modes. Without one it is `all`. The texts are RabbitMQ's. */
export function validateHeadersBinding(args: FieldTable): void {
  const mode = args.get('x-match');
  if (mode === undefined || (mode.type === 'S' && MODES.has(mode.value))) return;
  if (mode.type === 'S') {
    throw preconditionFailed(
      `Invalid x-match field value ${fieldTerm(mode)}; expected all, any, all-with-x, or any-with-x`,
    );
  }
  throw preconditionFailed(
    `Invalid x-match field type ${fieldTypeName(mode)} (value ${fieldTerm(mode)}); expected longstr`,
  );
}

const MODES: ReadonlySet<string> = new Set(['all', 'any', 'all-with-x', 'any-with-x']);
const NO_HEADERS: FieldTable = new Map();

interface HeaderPattern<D extends Destination> {
  readonly binding: Binding<D>;
  /** One condition is enough. */
  readonly isAny: boolean;
  readonly names: readonly string[];
  /** The value for each name; a void one asks only that the header is there. */
  readonly values: readonly FieldValue[];
}

/** `x-match` itself never counts, and without `-with-x` neither do the other arguments that start with `x-`. */
function compilePattern<D extends Destination>(binding: Binding<D>): HeaderPattern<D> {
  const mode = modeOf(binding.arguments);
  const withX = mode === 'all-with-x' || mode === 'any-with-x';
  const fields = [...binding.arguments].filter(([name]) => name !== 'x-match' && (withX || !name.startsWith('x-')));
  return {
    binding,
    isAny: mode === 'any' || mode === 'any-with-x',
    names: fields.map(([name]) => name),
    values: fields.map(([, value]) => value),
  };
}

function modeOf(args: FieldTable): string | undefined {
  const mode = args.get('x-match');
  return mode?.type === 'S' ? mode.value : undefined;
}

/** With no condition left, `all` matches every message and `any` none. */
function matches<D extends Destination>(pattern: HeaderPattern<D>, headers: FieldTable): boolean {
  const { isAny, names, values } = pattern;
  for (let index = 0; index < names.length; index++) {
    const given = headers.get(names[index]!);
    const wanted = values[index]!;
    const isMet = given !== undefined && (wanted.type === 'V' || headerEquals(wanted, given));
    if (isMet === isAny) return isAny;
  }
  return !isAny;
}

function headersOf(properties: BasicProperties | undefined): FieldTable {
  return properties?.headers ?? NO_HEADERS;
}
