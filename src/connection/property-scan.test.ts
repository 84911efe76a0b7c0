/** The scan takes exactly what the decoder takes, and reads from it the same: what a publisher may send, a consumer can read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AmqpError } from '../protocol/errors.ts';
import type { FieldValue } from '../protocol/field-table.ts';
import { type BasicProperties, decodeProperties, encodeProperties } from '../protocol/properties.ts';
import { anyOctets, anyProperties, anyShortstr, mutated, someChanges } from '../protocol/test-values.ts';
import { decodeText } from '../protocol/text.ts';
import { PropertyScan } from './property-scan.ts';

/** What comes of properties: what was read of them, or the text of the error. */
function outcome<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof AmqpError)) throw error;
    return `${error.replyCode} ${error.replyText} ${error.scope}`;
  }
}

interface Seen {
  readonly deliveryMode: number;
  readonly priority: number;
  readonly expiration: string | undefined;
  readonly userId: string | undefined;
  readonly replyTo: string | undefined;
  readonly hasCopies: boolean;
}

/** As the broker calls it: in the midst of a buffer with other things around. */
function scanned(properties: Buffer): Seen {
  const bytes = Buffer.concat([Buffer.from([0xce, 2]), properties, Buffer.from([0xce, 1, 0, 1, 0, 0, 0, 4])]);
  const scan = new PropertyScan();
  scan.scan(bytes, 2, 2 + properties.length);
  const textAt = (at: number) => (at < 0 ? undefined : decodeText(bytes, at + 1, at + 1 + bytes[at]!));
  return {
    deliveryMode: scan.deliveryMode,
    priority: scan.priority,
    expiration: textAt(scan.expirationAt),
    userId: textAt(scan.userIdAt),
    replyTo: textAt(scan.replyToAt),
    hasCopies: scan.hasCopies,
  };
}

function decoded(properties: Buffer): Seen {
  const {
    deliveryMode = -1,
    priority = 0,
    expiration,
    userId,
    replyTo,
    headers,
  } = decodeProperties(properties, 0, properties.length);
  const hasCopies = headers !== undefined && (headers.has('CC') || headers.has('BCC'));
  return { deliveryMode, priority, expiration, userId, replyTo, hasCopies };
}

/** Headers that carry routing keys, at the top or where they mean nothing. */
const copies: fc.Arbitrary<BasicProperties> = fc
  .tuple(anyProperties, fc.constantFrom('CC', 'BCC', 'cc', 'BC', 'CCC'), fc.array(anyShortstr), fc.boolean())
  .map(([properties, name, keys, isNested]) => {
    const value: FieldValue = { type: 'A', value: keys.map((key) => ({ type: 'S', value: key })) };
    const inside: FieldValue = isNested ? { type: 'F', value: new Map([[name, value]]) } : value;
    return { ...properties, headers: new Map([...(properties.headers ?? []), [isNested ? 'inside' : name, inside]]) };
  });

const wellFormed = fc.oneof(anyProperties, copies).map(encodeProperties);

test('the scan reads from well-formed properties what the decoder reads', () => {
  fc.assert(
    fc.property(wellFormed, (properties) => {
      assert.deepEqual(scanned(properties), decoded(properties));
    }),
    { numRuns: 1000 },
  );
});

test('the scan takes and refuses changed properties as the decoder does', () => {
  let refused = 0;
  fc.assert(
    fc.property(fc.oneof(wellFormed, anyOctets), someChanges, (bytes, changes) => {
      const properties = mutated(bytes, changes);
      const expected = outcome(() => decoded(properties));
      if (typeof expected === 'string') refused++;
      assert.deepEqual(
        outcome(() => scanned(properties)),
        expected,
        properties.toString('hex'),
      );
    }),
    { numRuns: 4000 },
  );
  assert.ok(refused > 800 && refused < 3200, `${refused} of 4000 were malformed: too one-sided to tell`);
});

test('the scan refuses every truncation and every octet too many, as the decoder does', () => {
  fc.assert(
    fc.property(wellFormed, (properties) => {
      const longer = Buffer.concat([properties, Buffer.alloc(2)]);
      for (let size = 0; size <= longer.length; size++) {
        const cut = Buffer.from(longer.subarray(0, size));
        assert.deepEqual(
          outcome(() => scanned(cut)),
          outcome(() => decoded(cut)),
          cut.toString('hex'),
        );
      }
    }),
    { numRuns: 100 },
  );
});
