/** JSON schemas, said in few words. */

/** A schema of JSON Schema 2020-12, which OpenAPI 3.1 uses. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

type Fields = Readonly<Record<string, Schema>>;

export const TEXT: Schema = { type: 'string' };
export const TEXT_OR_NULL: Schema = { type: ['string', 'null'] };
export const COUNT: Schema = { type: 'integer', minimum: 0 };
/** Of those that may stand for "no limit" below 0. */
export const WHOLE: Schema = { type: 'integer' };
export const NUMBER: Schema = { type: 'number' };
export const FLAG: Schema = { type: 'boolean' };
/** Milliseconds since 1970. */
export const TIME_MS: Schema = { type: 'integer', minimum: 0, description: 'Milliseconds since 1970.' };
export const OCTETS: Schema = { type: 'integer', minimum: 0, description: 'Octets.' };
/** Whatever JSON holds. */
export const ANYTHING: Schema = {};
/** Whose names are the user's own. */
export const FREE: Schema = { type: 'object' };

export function list(items: Schema): Schema {
  return { type: 'array', items };
}

export function words(...values: readonly string[]): Schema {
  return { type: 'string', enum: values };
}

/** Another one, by its name. */
export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

export function described(schema: Schema, description: string): Schema {
  return { ...schema, description };
}

/** @param mayLack those that may be left out, beside what must be there */
export function object(fields: Fields, mayLack: Fields = {}): Schema {
  const required = Object.keys(fields);
  return {
    type: 'object',
    ...(required.length === 0 ? {} : { required }),
    properties: { ...fields, ...mayLack },
  };
}

/** One of another kind with more fields. */
export function extended({ required = [], properties, ...rest }: Schema, fields: Fields, mayLack: Fields = {}): Schema {
  return {
    ...rest,
    required: [...(required as string[]), ...Object.keys(fields)],
    properties: { ...(properties as Fields), ...fields, ...mayLack },
  };
}

/** Figures, each with its rate beside it: `publish` and `publish_details`. */
export function figures(...names: readonly string[]): Fields {
  return Object.fromEntries(
    names.flatMap((name) => [
      [name, COUNT],
      [`${name}_details`, ref('Details')],
    ]),
  );
}
