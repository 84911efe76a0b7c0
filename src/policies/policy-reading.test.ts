/** The texts are those that RabbitMQ 3.10.8 with the federation plugin answers over HTTP. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../metadata/port.ts';
import type { PolicyKind } from './policy-keys.ts';
import { PolicyError, type ProposedPolicy, readPolicy } from './policy-reading.ts';

const PLACE = { vhost: '/', name: 'p' };

function faultsOf(proposed: ProposedPolicy, kind: PolicyKind = 'policy'): readonly string[] {
  try {
    readPolicy(kind, PLACE, proposed);
    return [];
  } catch (error) {
    assert.ok(error instanceof PolicyError, String(error));
    return error.faults;
  }
}

function check(definition: JsonObject, kind: PolicyKind = 'policy'): string {
  const faults = faultsOf({ pattern: 'x', definition }, kind);
  assert.ok(faults.length <= 1, faults.join());
  return faults[0] ?? 'it is taken';
}

describe('a policy', () => {
  test('applies to all and has the priority 0, unless it says otherwise', () => {
    const definition = { 'max-length': 1 };
    const fixed = { vhost: '/', name: 'p', pattern: '', definition };
    assert.deepEqual(readPolicy('policy', PLACE, { pattern: '', definition }), {
      ...fixed,
      applyTo: 'all',
      priority: 0,
    });
    const given = { pattern: '', definition, 'apply-to': 'exchanges', priority: -1.5 };
    assert.deepEqual(readPolicy('policy', PLACE, given), { ...fixed, applyTo: 'exchanges', priority: -1.5 });
  });

  test('with several faults is told all of them, in the order in which RabbitMQ finds them', () => {
    const definition = { 'max-length': -1 };
    assert.throws(
      () => readPolicy('policy', PLACE, { pattern: '(', definition, priority: 'x', 'apply-to': 'y' }),
      /^PolicyError: Validation failed\n\n-1 is not a valid maximum length\napply-to 'y' unrecognised; should be 'queues', 'exchanges' or 'all'\npattern should be regular expression but is invalid: .+\npriority should be a number, actually was <<"x">>\n$/,
    );
  });

  test('may be for one type of queue, as RabbitMQ 3.12 has it', () => {
    for (const applyTo of ['classic_queues', 'quorum_queues', 'streams']) {
      assert.deepEqual(faultsOf({ pattern: '', definition: { expires: 1 }, 'apply-to': applyTo }), []);
    }
  });

  const others: readonly (readonly [proposed: Partial<ProposedPolicy>, fault: string])[] = [
    [{ pattern: 5 }, 'pattern should be a binary but was 5'],
    [{ 'apply-to': null }, "apply-to 'null' unrecognised; should be 'queues', 'exchanges' or 'all'"],
    [{ priority: null }, 'priority should be a number, actually was null'],
    [{ priority: [1] }, 'priority should be a number, actually was [1]'],
    [{ definition: [1] }, 'definition must be a dictionary: [1]'],
    [{ definition: null }, 'definition must be a dictionary: null'],
  ];
  for (const [proposed, fault] of others) {
    test(`${JSON.stringify(proposed)} is refused: ${fault}`, () => {
      assert.deepEqual(faultsOf({ pattern: '', definition: { expires: 1 }, ...proposed }), [fault]);
    });
  }
});

const TAKEN: readonly JsonObject[] = [
  { 'message-ttl': 0 },
  { expires: 1 },
  { 'max-length': 0, 'max-length-bytes': 0, 'max-in-memory-length': 0, 'max-in-memory-bytes': 0 },
  { 'max-length': 12_345_678_901_234_567_000 },
  { 'delivery-limit': 0 },
  { 'initial-cluster-size': 0 },
  { 'stream-max-segment-size-bytes': 3_000_000_000 },
  { 'alternate-exchange': '', 'dead-letter-exchange': '', 'dead-letter-routing-key': '' },
  { 'dead-letter-delays': [0, '1s', '10s', '1d'], 'dead-letter-final-exchange': 'parked' },
  { 'dead-letter-strategy': 'at-least-once' },
  { 'queue-mode': 'lazy', 'queue-version': 2 },
  { overflow: 'reject-publish-dlx' },
  { 'queue-leader-locator': 'least-leaders' },
  { 'queue-master-locator': 'min-masters' },
  { 'max-age': '10D' },
  { 'ha-mode': 'all' },
  { 'ha-mode': 'exactly', 'ha-params': 2, 'ha-sync-mode': 'automatic', 'ha-sync-batch-size': 1 },
  { 'ha-mode': 'nodes', 'ha-params': ['a', 'b'], 'ha-promote-on-shutdown': 'always' },
  { 'ha-mode': 'all', 'ha-promote-on-failure': 'when-synced' },
  { 'federation-upstream': 'x' },
  { 'federation-upstream-set': 'all' },
  { 'federation-upstream-pattern': '^x' },
];

const REFUSED: readonly (readonly [definition: JsonObject, fault: string])[] = [
  [{}, 'no policy provided'],
  [{ 'message-ttl': -1 }, '-1 is not a valid message TTL'],
  [{ 'message-ttl': 1.5 }, '1.5 is not a valid message TTL'],
  [{ 'message-ttl': 1e-7 }, '1.0e-7 is not a valid message TTL'],
  [{ expires: 0 }, '0 is not a valid queue expiry'],
  [{ 'max-length': 'x' }, '<<"x">> is not a valid maximum length'],
  [{ 'max-length': 'é' }, '<<"é">> is not a valid maximum length'],
  [{ 'max-length': 'a"b\\c' }, '<<"a\\"b\\\\c">> is not a valid maximum length'],
  [{ 'max-length': '' }, '<<>> is not a valid maximum length'],
  [{ 'max-length': [['a'], 1] }, '[[<<"a">>],1] is not a valid maximum length'],
  [{ 'max-length': {} }, '#{} is not a valid maximum length'],
  [
    { 'max-length': { b: 1, a: { c: null } } },
    '#{<<"a">> => #{<<"c">> => null},<<"b">> => 1} is not a valid maximum length',
  ],
  [{ 'max-length-bytes': null }, 'null is not a valid maximum length in bytes'],
  [{ 'max-in-memory-length': -1 }, '-1 is not a valid maximum memory in bytes'],
  [{ 'max-in-memory-bytes': true }, 'true is not a valid maximum memory in bytes'],
  [{ 'delivery-limit': -1 }, '-1 is not a valid delivery limit'],
  [{ 'initial-cluster-size': -1 }, '-1 is not a valid cluster size'],
  [{ 'stream-max-segment-size-bytes': 3_000_000_001 }, '3000000001 is not a valid segment size'],
  [{ 'alternate-exchange': 5 }, '5 is not a valid alternate exchange name'],
  [{ 'dead-letter-delays': '1s' }, '<<"1s">> is not a valid list of dead letter delays: a list of delays is expected'],
  [{ 'dead-letter-delays': [] }, '[] is not a valid list of dead letter delays: 1 to 32 delays are expected, not 0'],
  [
    { 'dead-letter-delays': ['1s', '1x'] },
    '[<<"1s">>,<<"1x">>] is not a valid list of dead letter delays: delay 2 is neither a number of milliseconds nor a text such as 500ms, 10s, 1m, 2h or 1d',
  ],
  [{ 'dead-letter-final-exchange': 5 }, '5 is not a valid dead letter final exchange name'],
  [{ 'dead-letter-exchange': 5 }, '5 is not a valid dead letter exchange name'],
  [{ 'dead-letter-routing-key': 5 }, '5 is not a valid dead letter routing key'],
  [{ 'dead-letter-strategy': 'x' }, '<<"x">> is not a valid dead letter strategy'],
  [{ 'queue-mode': 'x' }, '<<"x">> is not a valid queue-mode value'],
  [{ 'queue-version': '1' }, '<<"1">> is not a valid queue-version value'],
  [{ overflow: 'x' }, '<<"x">> is not a valid overflow value'],
  [{ 'queue-leader-locator': 'min-masters' }, '<<"min-masters">> is not a valid queue leader locator value'],
  [{ 'queue-master-locator': 'balanced' }, '<<"balanced">> invalid queue-master-locator value'],
  [{ 'max-age': '1x' }, '<<"1x">> is not a valid max age'],
  [{ 'max-age': '0h' }, '<<"0h">> is not a valid max age'],
  [{ 'federation-upstream': 5 }, '5 is not a valid federation upstream name'],
  [{ 'federation-upstream-set': 5 }, '5 is not a valid federation upstream set name'],
  [{ 'federation-upstream-pattern': 5 }, '5 is not a valid federation upstream pattern name'],
  [
    { 'federation-upstream': 'x', 'federation-upstream-set': 'y' },
    'cannot specify federation-upstream, federation-upstream-set or federation-upstream-pattern together',
  ],
  [{ 'ha-mode': 'x' }, '<<"x">> is not a valid ha-mode value'],
  [{ 'ha-mode': 'all', 'ha-params': null }, 'ha-mode="all" does not take parameters'],
  [{ 'ha-mode': 'exactly' }, 'ha-mode="exactly" takes an integer, none given'],
  [{ 'ha-mode': 'exactly', 'ha-params': 0 }, 'ha-mode="exactly" takes an integer, 0 given'],
  [{ 'ha-mode': 'exactly', 'ha-params': ['a'] }, 'ha-mode="exactly" takes an integer, [<<"a">>] given'],
  [{ 'ha-mode': 'nodes' }, 'ha-mode="nodes" takes a list, none given'],
  [{ 'ha-mode': 'nodes', 'ha-params': 'a' }, 'ha-mode="nodes" takes a list, <<"a">> given'],
  [{ 'ha-mode': 'nodes', 'ha-params': [] }, 'ha-mode="nodes" list must be non-empty'],
  [{ 'ha-mode': 'nodes', 'ha-params': ['a', 5] }, 'ha-mode="nodes" takes a list of strings, [5] was not a string'],
  [{ 'ha-mode': 'all', 'ha-sync-mode': 'x' }, 'ha-sync-mode must be "manual" or "automatic", got <<"x">>'],
  [{ 'ha-mode': 'all', 'ha-sync-batch-size': 0 }, 'ha-sync-batch-size takes an integer greater than 0, 0 given'],
  [
    { 'ha-mode': 'all', 'ha-promote-on-shutdown': 5 },
    'ha-promote-on-shutdown must be "always" or "when-synced", got 5',
  ],
  [
    { 'ha-mode': 'all', 'ha-promote-on-failure': 'x' },
    'ha-promote-on-failure must be "always" or "when-synced", got <<"x">>',
  ],
  [{ 'single-active-consumer': true }, '[{<<"single-active-consumer">>,true}] are not recognised policy settings'],
  [{ unknown: 1, also: 'abc' }, '[{<<"also">>,<<"abc">>},{<<"unknown">>,1}] are not recognised policy settings'],
  // Of several faults, the first that RabbitMQ finds.
  [{ 'max-length': -1, 'message-ttl': -1, 'alternate-exchange': 1 }, '1 is not a valid alternate exchange name'],
  [{ unknown: 1, 'message-ttl': -1 }, '-1 is not a valid message TTL'],
  [{ 'ha-mode': 'x', 'message-ttl': -1 }, '<<"x">> is not a valid ha-mode value'],
  [{ 'ha-mode': 'x', 'queue-master-locator': 'y' }, '<<"y">> invalid queue-master-locator value'],
  [{ 'federation-upstream': 5, 'max-length': -1 }, '-1 is not a valid maximum length'],
  [
    { 'ha-mode': 'all', 'ha-promote-on-failure': 'z', 'ha-sync-batch-size': 0, 'ha-sync-mode': 'z' },
    'ha-sync-mode must be "manual" or "automatic", got <<"z">>',
  ],
];

describe('a definition', () => {
  for (const definition of TAKEN) {
    test(`${JSON.stringify(definition)} is taken`, () => assert.equal(check(definition), 'it is taken'));
  }
  for (const [definition, fault] of REFUSED) {
    test(`${JSON.stringify(definition)} is refused`, () => assert.equal(check(definition), fault));
  }

  test('that mirrors in some way has to say ha-mode', () => {
    for (const key of ['ha-params', 'ha-sync-mode', 'ha-sync-batch-size', 'ha-promote-on-failure']) {
      assert.equal(
        check({ [key]: 1 }),
        'ha-mode must be specified to specify ha-params, ha-sync-mode or ha-promote-on-shutdown',
      );
    }
  });
});

describe('an operator policy', () => {
  const allowed = [
    { 'message-ttl': 5 },
    { expires: 5 },
    { 'max-length': 5, 'max-length-bytes': 5 },
    { 'max-in-memory-length': 5, 'max-in-memory-bytes': 5 },
    { 'delivery-limit': 5 },
    // These three are an operator's from RabbitMQ 3.12 on.
    { 'ha-mode': 'exactly', 'ha-params': 2, 'ha-sync-mode': 'automatic' },
  ];
  for (const definition of allowed) {
    test(`may say ${JSON.stringify(definition)}`, () => {
      assert.equal(check(definition, 'operator-policy'), 'it is taken');
    });
  }

  test('may say nothing else, and its limits are looked at like others', () => {
    const mixed = { 'max-length': 1, overflow: 'drop-head' };
    assert.equal(
      check(mixed, 'operator-policy'),
      '[{<<"overflow">>,<<"drop-head">>}] are not recognised policy settings',
    );
    assert.equal(check({ 'max-length': -1 }, 'operator-policy'), '-1 is not a valid maximum length');
    for (const key of [
      'dead-letter-exchange',
      'dead-letter-delays',
      'dead-letter-final-exchange',
      'alternate-exchange',
      'queue-mode',
      'federation-upstream',
    ]) {
      assert.match(check({ [key]: 'x' }, 'operator-policy'), /are not recognised policy settings$/);
    }
  });
});
