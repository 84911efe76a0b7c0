/** Random values of the codec's types, for fast-check: tables of every field type, properties, and octets to change at random. */
import fc from 'fast-check';
import type { FieldTable, FieldValue } from './field-table.ts';
import type { BasicProperties } from './properties.ts';
import { decodeText, textByteLength } from './text.ts';

export const anyOctets = fc.uint8Array({ maxLength: 40 }).map((octets) => Buffer.from(octets));
export const utf8Shortstr = fc.string({ unit: 'binary', maxLength: 60 }).filter((text) => textByteLength(text) <= 255);
export const anyShortstr = fc.oneof(
  utf8Shortstr,
  anyOctets.map((octets) => decodeText(octets, 0, octets.length)),
);

export function integer(min: number, max: number): fc.Arbitrary<number> {
  return fc.integer({ min, max });
}

/** As the codec gives 64-bit integers: a number where that is exact. */
function integer64(min: bigint, max: bigint): fc.Arbitrary<number | bigint> {
  const whole = fc.bigInt({ min, max });
  const close = fc.bigInt({ min: min < -(2n ** 54n) ? -(2n ** 54n) : min, max: 2n ** 54n });
  return fc.oneof(whole, close).map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value));
}

const signed64 = integer64(-(2n ** 63n), 2n ** 63n - 1n);
const unsigned64 = integer64(0n, 2n ** 64n - 1n);

function typed(type: FieldValue['type'], value: fc.Arbitrary<unknown>): fc.Arbitrary<FieldValue> {
  return value.map((each) => ({ type, value: each }) as FieldValue);
}

export const { table: anyTable } = fc.letrec<{ field: FieldValue; table: FieldTable }>((tie) => ({
  field: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    typed('t', fc.boolean()),
    typed('b', integer(-128, 127)),
    typed('B', integer(0, 255)),
    typed('s', integer(-32768, 32767)),
    typed('u', integer(0, 65535)),
    typed('I', integer(-(2 ** 31), 2 ** 31 - 1)),
    typed('i', integer(0, 2 ** 32 - 1)),
    typed('l', signed64),
    typed('L', signed64),
    typed('T', unsigned64),
    typed('f', fc.float({ noNaN: true, noDefaultInfinity: true })),
    typed('d', fc.double({ noNaN: true, noDefaultInfinity: true })),
    fc
      .tuple(integer(0, 255), integer(0, 2 ** 32 - 1))
      .map(([scale, value]): FieldValue => ({ type: 'D', scale, value })),
    typed('S', anyShortstr),
    typed('x', anyOctets),
    fc.constant<FieldValue>({ type: 'V' }),
    typed('A', fc.array(tie('field'), { maxLength: 5 })),
    typed('F', tie('table')),
  ),
  table: fc
    .uniqueArray(fc.tuple(anyShortstr, tie('field')), { selector: ([name]) => name, maxLength: 6 })
    .map((entries) => new Map(entries)),
}));

export const anyProperties = fc.record(
  {
    contentType: anyShortstr,
    contentEncoding: anyShortstr,
    headers: anyTable,
    deliveryMode: integer(0, 255),
    priority: integer(0, 255),
    correlationId: anyShortstr,
    replyTo: anyShortstr,
    expiration: anyShortstr,
    messageId: anyShortstr,
    timestamp: unsigned64,
    type: anyShortstr,
    userId: anyShortstr,
    appId: anyShortstr,
    clusterId: anyShortstr,
  },
  { requiredKeys: [], noNullPrototype: true },
) as fc.Arbitrary<BasicProperties>;

/** The same octets with a few of them changed. */
export function mutated(bytes: Buffer, changes: readonly (readonly [number, number])[]): Buffer {
  const copy = Buffer.from(bytes);
  for (const [at, octet] of changes) copy[at % Math.max(1, copy.length)] = octet;
  return copy;
}

export const someChanges = fc.array(fc.tuple(fc.nat(), integer(0, 255)), { minLength: 1, maxLength: 4 });
