/** All objects of the reference, by their names. */
import { DECLARED_SCHEMAS } from './declared-schemas.ts';
import { DELAYED_SCHEMAS } from './delayed-schemas.ts';
import { MESSAGE_SCHEMAS } from './message-schemas.ts';
import { OPERATE_SCHEMAS } from './operate-schemas.ts';
import { RUNNING_SCHEMAS } from './running-schemas.ts';

export const SCHEMAS = {
  ...RUNNING_SCHEMAS,
  ...DECLARED_SCHEMAS,
  ...MESSAGE_SCHEMAS,
  ...DELAYED_SCHEMAS,
  ...OPERATE_SCHEMAS,
} as const;

export type SchemaName = keyof typeof SCHEMAS;
