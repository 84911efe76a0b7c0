import { type FieldTable, type FieldValue, fieldTypeName } from '../protocol/field-table.ts';
import { compareText } from './destination.ts';

/** A text that two tables share exactly when they hold the same fields with the same types, in whatever order. */
export function tableIdentity(table: FieldTable): string {
  const names = [...table.keys()].sort(compareText);
  return names.map((name) => `${JSON.stringify(name)}${fieldIdentity(table.get(name)!)}`).join();
}

/** A text that two field values share exactly when type and value are the same. */
export function fieldIdentity(field: FieldValue): string {
  switch (field.type) {
    case 'A':
      return `A[${field.value.map(fieldIdentity).join()}]`;
    case 'F':
      return `F{${tableIdentity(field.value)}}`;
    case 'D':
      return `D${field.scale}/${field.value}`;
    case 'V':
      return 'V';
    case 'S':
      return `S${JSON.stringify(field.value)}`;
    case 'x':
      return `x${field.value.toString('hex')}`;
    default:
      // RabbitMQ knows one type of two letters, `l` and `L`, so the name of the type counts.
      return `${fieldTypeName(field)} ${field.value}`;
  }
}
