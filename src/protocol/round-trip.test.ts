/** Random values through the codec, and random octets into it. fast-check prints the seed of what fails. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readSpecification } from '../../tools/generate-methods.ts';
import { FRAME_END, FRAME_HEADER_SIZE } from './constants.ts';
import { AmqpError } from './errors.ts';
import { decodeFieldTable, encodeFieldTable, tableFromJson, tableToJson } from './field-table.ts';
import { fieldText } from './field-text.ts';
import { decodeMethod, type Method, methodFrame } from './methods.generated.ts';
import { decodeProperties, encodeProperties } from './properties.ts';
import {
  anyOctets,
  anyProperties,
  anyShortstr,
  anyTable,
  integer,
  mutated,
  someChanges,
  utf8Shortstr,
} from './test-values.ts';
import { textByteLength } from './text.ts';

const FIELD_VALUES: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  bit: fc.boolean(),
  octet: integer(0, 255),
  short: integer(0, 65535),
  long: integer(0, 2 ** 32 - 1),
  longlong: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  shortstr: utf8Shortstr,
  longstr: anyShortstr,
  table: anyTable,
};

/** Every method of the specification, with random fields, not by the generator's own code. */
const anyMethod: fc.Arbitrary<Method> = fc.oneof(...methodArbitraries());

function methodArbitraries(): fc.Arbitrary<Method>[] {
  const { classes, domains } = readSpecification();
  return classes.flatMap((each) =>
    each.methods.map((method) => {
      const fields: Record<string, fc.Arbitrary<unknown>> = { name: fc.constant(`${each.name}.${method.name}`) };
      for (const field of method.fields.filter(({ reserved }) => reserved !== true)) {
        const name = field.name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
        fields[name] = field.unchecked === true ? anyShortstr : FIELD_VALUES[domains[field.domain]!]!;
      }
      return fc.record(fields, { noNullPrototype: true }) as unknown as fc.Arbitrary<Method>;
    }),
  );
}

function payloadOf(method: Method): Buffer {
  const frame = methodFrame(1, method);
  return Buffer.from(frame.subarray(FRAME_HEADER_SIZE, frame.length - 1));
}

type Decoder = (bytes: Buffer, offset: number, end: number) => unknown;

/** Malformed input must end in an AmqpError whose text fits a close, and in nothing else. @returns whether it did */
function refuses(decode: Decoder, bytes: Buffer): boolean {
  try {
    decode(bytes, 0, bytes.length);
    return false;
  } catch (error) {
    if (!(error instanceof AmqpError)) throw error;
    assert.ok(textByteLength(error.replyText) <= 255);
    return true;
  }
}

function refusesEveryTruncation(decode: Decoder, bytes: Buffer): void {
  for (let end = 0; end < bytes.length; end++) {
    assert.ok(refuses(decode, Buffer.from(bytes.subarray(0, end))), `taken although cut after ${end} octets`);
  }
  assert.ok(refuses(decode, Buffer.concat([bytes, Buffer.alloc(1)])), 'taken with an octet too many');
}

test('a field table comes back as it was, from the wire and from JSON', () => {
  fc.assert(
    fc.property(anyTable, (table) => {
      const octets = encodeFieldTable(table);
      assert.deepEqual(decodeFieldTable(octets, 0, octets.length), table);
      const fromJson = tableFromJson(JSON.parse(JSON.stringify(tableToJson(table))));
      assert.deepEqual(encodeFieldTable(fromJson), octets);
    }),
    { numRuns: 500 },
  );
});

test('properties come back as they were', () => {
  fc.assert(
    fc.property(anyProperties, (properties) => {
      const octets = encodeProperties(properties);
      assert.deepEqual(decodeProperties(octets, 0, octets.length), properties);
    }),
    { numRuns: 500 },
  );
});

test('every method comes back as it was, in a frame of its channel', () => {
  fc.assert(
    fc.property(anyMethod, integer(0, 65535), (method, channel) => {
      const frame = methodFrame(channel, method);
      assert.equal(frame.readUInt16BE(1), channel);
      assert.equal(frame.readUInt32BE(3), frame.length - FRAME_HEADER_SIZE - 1);
      assert.equal(frame.at(-1), FRAME_END);
      assert.deepEqual(decodeMethod(frame, FRAME_HEADER_SIZE, frame.length - 1), method);
    }),
    { numRuns: 1500 },
  );
});

test('every truncation and every octet too many is refused with an AmqpError', () => {
  fc.assert(fc.property(anyMethod, (method) => refusesEveryTruncation(decodeMethod, payloadOf(method))));
  fc.assert(fc.property(anyTable, (table) => refusesEveryTruncation(decodeFieldTable, encodeFieldTable(table))));
  fc.assert(fc.property(anyProperties, (each) => refusesEveryTruncation(decodeProperties, encodeProperties(each))));
});

test('changed octets are taken or refused with an AmqpError, and nothing else is thrown', () => {
  const decoders: [Decoder, fc.Arbitrary<Buffer>][] = [
    [decodeMethod, anyMethod.map(payloadOf)],
    [decodeFieldTable, anyTable.map(encodeFieldTable)],
    [decodeProperties, anyProperties.map(encodeProperties)],
  ];
  for (const [decode, wellFormed] of decoders) {
    let refused = 0;
    fc.assert(
      fc.property(fc.oneof(wellFormed, anyOctets), someChanges, (bytes, changes) => {
        if (refuses(decode, mutated(bytes, changes))) refused++;
      }),
      { numRuns: 1500 },
    );
    assert.ok(refused > 300, `only ${refused} of 1500 were malformed: too few to tell`);
  }
});

test('what was read from changed octets can be written, and is then read as the same', () => {
  fc.assert(
    fc.property(anyTable, someChanges, (table, changes) => {
      const bytes = mutated(encodeFieldTable(table), changes);
      if (refuses(decodeFieldTable, bytes)) return;
      const read = decodeFieldTable(bytes, 0, bytes.length);
      const written = encodeFieldTable(read);
      assert.deepEqual(decodeFieldTable(written, 0, written.length), read);
    }),
    { numRuns: 1000 },
  );
});

test('every field value has a text for reply texts', () => {
  fc.assert(
    fc.property(anyTable, (table) => {
      const text = fieldText({ type: 'F', value: table });
      assert.ok(text.startsWith('[') && text.endsWith(']'));
      assert.equal(text.includes('[object'), false);
    }),
  );
});
