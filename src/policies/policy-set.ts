/**
 * The policies of one kind in one vhost, in the order in which they are asked: the largest priority first; among those of the
 * same priority by name, where RabbitMQ's order is any.
 */
import { compilePattern, MATCHES_NOTHING, type Pattern, PatternError } from '../auth/pattern.ts';
import type { PolicyRecord, QueueType } from '../metadata/port.ts';
import { isForType } from './policy-keys.ts';

/** What a policy may apply to. Of a queue, the type counts. */
export interface PolicySubject {
  readonly kind: QueueType | 'exchange';
  readonly name: string;
}

interface Entry {
  readonly policy: PolicyRecord;
  readonly pattern: Pattern;
  readonly kinds: ReadonlySet<PolicySubject['kind']>;
}

const KINDS: Readonly<Record<PolicyRecord['applyTo'], readonly PolicySubject['kind'][]>> = {
  all: ['exchange', 'classic', 'quorum'],
  exchanges: ['exchange'],
  queues: ['classic', 'quorum'],
  classic_queues: ['classic'],
  quorum_queues: ['quorum'],
  streams: [],
};

export class PolicySet {
  readonly #entries: Entry[] = [];

  get(name: string): PolicyRecord | undefined {
    return this.#entries.find(({ policy }) => policy.name === name)?.policy;
  }

  put(policy: PolicyRecord): void {
    this.delete(policy.name);
    const index = this.#entries.findIndex((other) => isAskedBefore(policy, other.policy));
    const entry = { policy, pattern: patternOf(policy), kinds: kindsOf(policy) };
    this.#entries.splice(index === -1 ? this.#entries.length : index, 0, entry);
  }

  delete(name: string): void {
    const index = this.#entries.findIndex(({ policy }) => policy.name === name);
    if (index !== -1) this.#entries.splice(index, 1);
  }

  /** Those to which the policy of this name would apply if there were no other. */
  matching<S extends PolicySubject>(name: string, subjects: readonly S[]): S[] {
    const entry = this.#entries.find(({ policy }) => policy.name === name);
    return entry === undefined ? [] : matchedBy(entry, subjects);
  }

  /** The policy that applies to each of them; not there where none does. Asks each pattern once for all that are left to it. */
  assign<S extends PolicySubject>(subjects: readonly S[]): Map<S, PolicyRecord> {
    const assigned = new Map<S, PolicyRecord>();
    let left = subjects;
    for (const entry of this.#entries) {
      if (left.length === 0) break;
      const matched = matchedBy(entry, left);
      if (matched.length === 0) continue;
      for (const subject of matched) assigned.set(subject, entry.policy);
      left = left.filter((subject) => !assigned.has(subject));
    }
    return assigned;
  }
}

export function isAskedBefore(one: PolicyRecord, other: PolicyRecord): boolean {
  return one.priority === other.priority ? one.name < other.name : one.priority > other.priority;
}

function matchedBy<S extends PolicySubject>({ pattern, kinds }: Entry, subjects: readonly S[]): S[] {
  const ofKind = subjects.filter(({ kind }) => kinds.has(kind));
  const found = pattern.matchesEach(ofKind.map(({ name }) => name));
  return ofKind.filter((_, index) => found[index]);
}

/** Patterns are checked before they are kept; one that a newer version took applies to nothing. */
function patternOf({ pattern }: PolicyRecord): Pattern {
  try {
    return compilePattern(pattern);
  } catch (error) {
    if (error instanceof PatternError) return MATCHES_NOTHING;
    throw error;
  }
}

function kindsOf({ applyTo, definition }: PolicyRecord): ReadonlySet<PolicySubject['kind']> {
  return new Set(KINDS[applyTo].filter((kind) => kind === 'exchange' || isForType(definition, kind)));
}
