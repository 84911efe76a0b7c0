import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonValue } from './port.ts';
import { withoutUriSecrets, withUriSecrets } from './uri-secrets.ts';

for (const [uri, shown] of [
  ['amqp://alice:sesame@host:5672/%2F?heartbeat=5', 'amqp://alice:***@host:5672/%2F?heartbeat=5'],
  ['amqps://alice:se@sa:me@host', 'amqps://alice:***@host'],
  ['amqp://:sesame@host', 'amqp://:***@host'],
  ['amqp://alice:@host', 'amqp://alice:***@host'],
  ['amqp://alice@host', 'amqp://alice@host'],
  ['amqp://host/a:b@c', 'amqp://host/a:b@c'],
  ['amqp://', 'amqp://'],
  ['not a uri: x@y', 'not a uri: x@y'],
] as const) {
  test(`${uri} is shown as ${shown}`, () => {
    assert.equal(withoutUriSecrets(uri), shown);
  });
}

const before = {
  'src-uri': 'amqp://a:one@host',
  'dest-uri': ['amqp://b:two@host/x', 'amqp://b:three@host/y'],
  inner: { uri: 'amqp://c:four@host' },
};

test('what is sent back as it was shown is what is there, whatever the order of several URIs', () => {
  const sent = withoutUriSecrets(before) as typeof before;
  assert.doesNotMatch(JSON.stringify(sent), /one|two|three|four/);
  const reversed = { ...sent, 'dest-uri': sent['dest-uri'].toReversed() };
  assert.deepEqual(withUriSecrets(reversed, before, 'value'), {
    ...before,
    'dest-uri': before['dest-uri'].toReversed(),
  });
});

test('a password that is written out takes the place of the one that is there', () => {
  const sent = { ...(withoutUriSecrets(before) as typeof before), 'src-uri': 'amqp://a:new@host' };
  assert.equal((withUriSecrets(sent, before, 'value') as typeof before)['src-uri'], 'amqp://a:new@host');
});

test('a mask for a password that is not there is refused with its place: of another user, at another host, of nothing', () => {
  for (const [sent, of] of [
    [{ 'src-uri': 'amqp://other:***@host' }, before],
    [{ 'src-uri': 'amqp://a:***@other' }, before],
    [{ 'src-uri': 'amqp://a:***@host' }, undefined],
    [{ 'src-uri': 'amqp://a:***@host' }, 'amqp://a:one@host'],
  ] as [JsonValue, JsonValue | undefined][]) {
    assert.throws(() => withUriSecrets(sent, of, 'value'), /value\.src-uri: \*\*\* stands for a password/);
  }
  const list = { 'dest-uri': ['amqp://b:***@host/x', 'amqp://b:***@elsewhere'] };
  assert.throws(() => withUriSecrets(list, before, 'value'), /value\.dest-uri\[1\]/);
});

test('nothing but passwords is changed, and all of it comes back', () => {
  const uri = fc.tuple(fc.webUrl(), fc.string()).map(([url, password]) => {
    return url.replace('://', `://user:${encodeURIComponent(password)}x@`);
  });
  const { tree } = fc.letrec<{ tree: JsonValue }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      uri,
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.dictionary(fc.string(), tie('tree')),
    ),
  }));
  fc.assert(
    fc.property(tree, (generated) => {
      // Without the prototypes of none that a dictionary has.
      const value = JSON.parse(JSON.stringify(generated)) as JsonValue;
      const shown = withoutUriSecrets(value);
      assert.deepEqual(withUriSecrets(shown, value, 'value'), value);
      assert.deepEqual(withoutUriSecrets(shown), shown);
    }),
  );
});
