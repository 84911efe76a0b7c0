/** Precedence as it was measured on RabbitMQ 3.10.8; test/differential has the recorded sessions. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject, PolicyRecord, QueueType } from '../metadata/port.ts';
import type { QueueSettings } from '../queues/queue-settings.ts';
import { effectiveDefinition } from './effective-definition.ts';
import { settingsWithPolicy } from './queue-policy.ts';

const PLAIN: QueueSettings = { overflow: 'drop-head', singleActiveConsumer: false };

interface Given {
  readonly type?: QueueType;
  readonly settings?: Partial<QueueSettings>;
  readonly namesOverflow?: boolean;
}

function merged(definition: JsonObject | null, given: Given = {}): QueueSettings {
  const { type = 'classic', settings = {}, namesOverflow = settings.overflow !== undefined } = given;
  return settingsWithPolicy({ type, settings: { ...PLAIN, ...settings }, namesOverflow }, definition);
}

describe('a queue with a policy', () => {
  test('does what it says where the arguments say nothing', () => {
    const definition = {
      'max-length': 1,
      'max-length-bytes': 2,
      'message-ttl': 3,
      expires: 4,
      'dead-letter-exchange': 'x',
      'dead-letter-routing-key': 'k',
      'dead-letter-delays': [1, '2s'],
      'dead-letter-final-exchange': 'y',
      overflow: 'reject-publish-dlx',
    };
    assert.deepEqual(merged(definition), {
      maxLength: 1,
      maxLengthBytes: 2,
      messageTtlMs: 3,
      expiresMs: 4,
      deadLetterExchange: 'x',
      deadLetterRoutingKey: 'k',
      deadLetterDelaysMs: [1, 2000],
      deadLetterFinalExchange: 'y',
      overflow: 'reject-publish-dlx',
      singleActiveConsumer: false,
    });
  });

  test('is as it was declared when the policy is about other things', () => {
    const settings = { maxLength: 3, maxPriority: 5, singleActiveConsumer: true };
    const definition = { 'ha-mode': 'all', 'queue-mode': 'lazy', 'alternate-exchange': 'x' };
    assert.deepEqual(merged(definition, { settings }), { ...PLAIN, ...settings });
    assert.deepEqual(merged(null, { settings }), { ...PLAIN, ...settings });
  });

  test('sends dead letters where its arguments say, and what they leave open where the policy says', () => {
    const definition = { 'dead-letter-exchange': 'x', 'dead-letter-routing-key': 'k', 'dead-letter-delays': ['1s'] };
    const settings = { deadLetterExchange: '', deadLetterDelaysMs: [5] };
    const { deadLetterExchange, deadLetterRoutingKey, deadLetterDelaysMs } = merged(definition, { settings });
    assert.deepEqual([deadLetterExchange, deadLetterRoutingKey, deadLetterDelaysMs], ['', 'k', [5]]);
  });

  test('follows x-overflow before the policy when it is classic, and the policy when it is a quorum queue', () => {
    const settings = { overflow: 'drop-head' } as const;
    const definition = { overflow: 'reject-publish' };
    assert.equal(merged(definition, { settings }).overflow, 'drop-head');
    assert.equal(merged(definition, { settings, type: 'quorum' }).overflow, 'reject-publish');
    assert.equal(merged({ overflow: 'reject-publish-dlx' }, { type: 'quorum' }).overflow, 'drop-head');
  });

  test('expires by the smaller of the two when it is classic, and by the policy when it is a quorum queue', () => {
    const settings = { expiresMs: 300 };
    assert.equal(merged({ expires: 60_000 }, { settings }).expiresMs, 300);
    assert.equal(merged({ expires: 60_000 }, { settings, type: 'quorum' }).expiresMs, 60_000);
    assert.equal(merged({ 'max-length': 1 }, { settings, type: 'quorum' }).expiresMs, 300);
  });

  test('has a delivery limit only as a quorum queue', () => {
    assert.equal(merged({ 'delivery-limit': 3 }, { type: 'quorum', settings: { deliveryLimit: 5 } }).deliveryLimit, 3);
    assert.equal(merged({ 'delivery-limit': 3 }).deliveryLimit, undefined);
  });
});

const LIMITS = [
  ['max-length', 'maxLength'],
  ['max-length-bytes', 'maxLengthBytes'],
  ['message-ttl', 'messageTtlMs'],
  ['expires', 'expiresMs'],
] as const;
const some = fc.option(fc.nat({ max: 5 }), { nil: undefined });

test('of a limit, whoever sets it, the smallest counts; and the order in which it is merged does not', () => {
  const limits = fc.constantFrom(...LIMITS);
  fc.assert(
    fc.property(limits, some, some, some, ([key, setting], argument, byPolicy, byOperator) => {
      const policy = byPolicy === undefined ? undefined : policyOf({ [key]: byPolicy });
      const operatorPolicy = byOperator === undefined ? undefined : policyOf({ [key]: byOperator });
      const settings = argument === undefined ? {} : { [setting]: argument };
      const set = [argument, byPolicy, byOperator].filter((value) => value !== undefined);
      const expected = set.length === 0 ? undefined : Math.min(...set);
      const result = merged(effectiveDefinition(policy, operatorPolicy), { settings });
      assert.equal(result[setting], expected);
      assert.deepEqual(result, merged(effectiveDefinition(operatorPolicy, policy), { settings }));
    }),
  );
});

describe('a policy and an operator policy together', () => {
  test('say what either of them says', () => {
    const policy = policyOf({ 'max-length': 5, overflow: 'reject-publish' });
    const operatorPolicy = policyOf({ expires: 7, 'max-length': 9 });
    const expected = { expires: 7, 'max-length': 5, overflow: 'reject-publish' };
    assert.deepEqual(effectiveDefinition(policy, operatorPolicy), expected);
    assert.equal(effectiveDefinition(undefined, undefined), null);
    assert.deepEqual(effectiveDefinition(undefined, operatorPolicy), operatorPolicy.definition);
  });

  test('leave it to the operator where it is no limit that both set', () => {
    const policy = policyOf({ 'ha-mode': 'exactly', 'ha-params': 2 });
    for (const definition of [
      { 'ha-mode': 'nodes', 'ha-params': ['a'] },
      { 'ha-mode': 'exactly', 'ha-params': 3 },
    ]) {
      assert.deepEqual(effectiveDefinition(policy, policyOf(definition)), definition);
    }
  });
});

function policyOf(definition: JsonObject): PolicyRecord {
  return { vhost: '/', name: 'p', pattern: '', applyTo: 'all', priority: 0, definition };
}
