import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { PolicyRecord } from '../metadata/port.ts';
import { PolicyAssignment } from './policy-assignment.ts';
import type { PolicyKind } from './policy-keys.ts';
import type { PolicySubject } from './policy-set.ts';

const CLASSIC: PolicySubject = { kind: 'classic', name: 'orders.new' };
const QUORUM: PolicySubject = { kind: 'quorum', name: 'orders.safe' };
const EXCHANGE: PolicySubject = { kind: 'exchange', name: 'orders' };

function policy(name: string, values: Partial<PolicyRecord> = {}): PolicyRecord {
  return { vhost: '/', name, pattern: '^orders', applyTo: 'all', priority: 0, definition: { expires: 1 }, ...values };
}

function assignment(...subjects: PolicySubject[]): PolicyAssignment<PolicySubject> {
  const made = new PolicyAssignment<PolicySubject>();
  for (const subject of subjects) made.add(subject);
  return made;
}

/** Which of the three has the policy when it is the only one. */
function holdersOf(values: Partial<PolicyRecord>): string[] {
  const of = assignment(CLASSIC, QUORUM, EXCHANGE);
  return of.put('policy', policy('p', values)).map(({ kind }) => kind);
}

describe('a policy applies', () => {
  test('where its pattern matches any part of the name', () => {
    assert.deepEqual(holdersOf({ pattern: 'ew' }), ['classic']);
    assert.deepEqual(holdersOf({ pattern: '^orders$' }), ['exchange']);
    assert.deepEqual(holdersOf({ pattern: '' }), ['classic', 'quorum', 'exchange']);
    assert.deepEqual(holdersOf({ pattern: 'bills' }), []);
  });

  test('to what it says', () => {
    const expected: readonly (readonly [PolicyRecord['applyTo'], readonly string[]])[] = [
      ['all', ['classic', 'quorum', 'exchange']],
      ['queues', ['classic', 'quorum']],
      ['exchanges', ['exchange']],
      ['classic_queues', ['classic']],
      ['quorum_queues', ['quorum']],
      ['streams', []],
    ];
    for (const [applyTo, kinds] of expected) assert.deepEqual(holdersOf({ applyTo }), kinds, applyTo);
  });

  test('as a whole or not at all: one key that a type of queue has not is enough, as in RabbitMQ 3.10.8', () => {
    for (const key of ['delivery-limit', 'dead-letter-strategy', 'queue-leader-locator']) {
      assert.deepEqual(holdersOf({ definition: { 'max-length': 5, [key]: 1 } }), ['quorum', 'exchange'], key);
    }
    for (const key of ['queue-mode', 'queue-master-locator', 'ha-mode', 'ha-sync-batch-size']) {
      assert.deepEqual(holdersOf({ definition: { 'max-length': 5, [key]: 1 } }), ['classic', 'exchange'], key);
    }
    for (const key of ['max-age', 'initial-cluster-size', 'stream-max-segment-size-bytes']) {
      assert.deepEqual(holdersOf({ definition: { 'max-length': 5, [key]: 1 } }), ['exchange'], key);
    }
    for (const key of ['max-in-memory-length', 'alternate-exchange', 'queue-version', 'federation-upstream']) {
      assert.deepEqual(holdersOf({ definition: { [key]: 1 } }), ['classic', 'quorum', 'exchange'], key);
    }
  });

  test('alone: of those that match, the one with the largest priority, then the first by name', () => {
    const of = assignment(CLASSIC);
    const current = () => of.of('policy', CLASSIC)?.name;
    of.put('policy', policy('b'));
    of.put('policy', policy('a'));
    assert.equal(current(), 'a');
    of.put('policy', policy('c', { priority: 1.5 }));
    of.put('policy', policy('d', { priority: 2, pattern: 'bills' }));
    assert.equal(current(), 'c');
    of.put('policy', policy('c', { priority: -1 }));
    assert.equal(current(), 'a');
    of.delete('policy', 'a');
    assert.equal(current(), 'b');
  });

  test('beside an operator policy, which is chosen for itself', () => {
    const of = assignment(CLASSIC);
    of.put('policy', policy('p', { priority: 9 }));
    of.put('operator-policy', policy('o'));
    assert.deepEqual([of.of('policy', CLASSIC)?.name, of.of('operator-policy', CLASSIC)?.name], ['p', 'o']);
    of.delete('policy', 'o');
    of.delete('policy', 'p');
    assert.deepEqual([of.of('policy', CLASSIC)?.name, of.of('operator-policy', CLASSIC)?.name], [undefined, 'o']);
  });

  test('to nothing when its pattern is one that this version cannot read', () => {
    assert.deepEqual(holdersOf({ pattern: '(?>orders)' }), []);
  });
});

test('a change tells of those alone for which it changes something', () => {
  const of = assignment(CLASSIC, EXCHANGE);
  of.put('policy', policy('strong', { priority: 5, applyTo: 'queues' }));
  assert.deepEqual(of.put('policy', policy('weak')), [EXCHANGE]);
  assert.deepEqual(of.put('policy', policy('weak')), [], 'the same once more');
  assert.deepEqual(of.put('policy', policy('weak', { definition: { expires: 2 } })), [EXCHANGE]);
  assert.deepEqual(of.delete('policy', 'strong'), [CLASSIC]);
  assert.equal(of.of('policy', CLASSIC)?.name, 'weak');
  assert.deepEqual(of.delete('policy', 'nobody'), []);
});

const names = fc.constantFrom('a', 'b', 'c');
const policies = fc.record({
  vhost: fc.constant('/'),
  name: names,
  pattern: fc.constantFrom('', 'a', '^a', '^[ab]', '^(?:a|b)+$', '^c$'),
  applyTo: fc.constantFrom('all' as const, 'queues' as const, 'exchanges' as const, 'quorum_queues' as const),
  priority: fc.integer({ min: 0, max: 2 }),
  definition: fc.constantFrom({ expires: 1 }, { expires: 2 }, { 'delivery-limit': 1 }, { 'queue-mode': 'lazy' }),
});
const kinds = fc.constantFrom<PolicyKind>('policy', 'operator-policy');
const steps = fc.oneof(
  fc.record({ do: fc.constant('put' as const), kind: kinds, policy: policies }),
  fc.record({ do: fc.constant('delete' as const), kind: kinds, name: names }),
  fc.record({ do: fc.constant('toggle' as const), index: fc.nat({ max: 8 }) }),
);

test('after any history, each has what it would have if all were put anew', () => {
  const all = (['classic', 'quorum', 'exchange'] as const).flatMap((kind) => {
    return ['a', 'b', 'ab'].map((name): PolicySubject => ({ kind, name }));
  });
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 30 }), (history) => {
      const changed = new PolicyAssignment<PolicySubject>();
      const kept = { policy: new Map<string, PolicyRecord>(), 'operator-policy': new Map<string, PolicyRecord>() };
      for (const step of history) {
        if (step.do === 'put') {
          kept[step.kind].set(step.policy.name, step.policy);
          changed.put(step.kind, step.policy);
        } else if (step.do === 'delete') {
          kept[step.kind].delete(step.name);
          changed.delete(step.kind, step.name);
        } else {
          const subject = all[step.index]!;
          if (changed.subjects.has(subject)) changed.remove(subject);
          else changed.add(subject);
        }
      }
      const anew = assignment(...changed.subjects);
      for (const kind of ['policy', 'operator-policy'] as const) {
        for (const each of kept[kind].values()) anew.put(kind, each);
        for (const subject of changed.subjects) {
          assert.deepEqual(changed.of(kind, subject), anew.of(kind, subject));
          assert.deepEqual(changed.find(kind, { ...subject }), anew.of(kind, subject));
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('10,000 queues and 100 policies are matched well within a second, those that could backtrack included', () => {
  const of = new PolicyAssignment<PolicySubject>();
  for (let i = 0; i < 10_000; i++) of.add({ kind: 'classic', name: `region-${i % 100}.orders.${i}` });
  const startMs = performance.now();
  for (let i = 0; i < 100; i++) {
    const pattern = i % 10 === 0 ? `^(?:region|zone)+-${i}\\..+\\..+$` : `^region-${i}\\.`;
    assert.equal(of.put('policy', policy(`p${i}`, { pattern, priority: i })).length, 100);
  }
  assert.ok(performance.now() - startMs < 10_000, 'ten times what it takes on a busy machine');
});
