/**
 * Which policy and which operator policy each queue and exchange of a vhost has. Patterns are asked when a policy or what it may
 * apply to is new, and then only where the answer may change; never for a message.
 *
 * Invariant: each has the first of those that match it, of either kind.
 */
import { isDeepStrictEqual } from 'node:util';
import type { PolicyRecord } from '../metadata/port.ts';
import type { PolicyKind } from './policy-keys.ts';
import { isAskedBefore, PolicySet, type PolicySubject } from './policy-set.ts';

export class PolicyAssignment<S extends PolicySubject> {
  readonly #kinds = { policy: new KindAssignment<S>(), 'operator-policy': new KindAssignment<S>() };
  readonly #subjects = new Set<S>();

  get subjects(): ReadonlySet<S> {
    return this.#subjects;
  }

  add(subject: S): void {
    this.#subjects.add(subject);
    for (const kind of Object.values(this.#kinds)) kind.reassign([subject]);
  }

  remove(subject: S): void {
    this.#subjects.delete(subject);
    for (const kind of Object.values(this.#kinds)) kind.forget(subject);
  }

  of(kind: PolicyKind, subject: S): PolicyRecord | undefined {
    return this.#kinds[kind].of(subject);
  }

  /** What would apply to something that is not kept here. */
  find(kind: PolicyKind, subject: PolicySubject): PolicyRecord | undefined {
    return this.#kinds[kind].policies.assign([subject]).get(subject);
  }

  /** @returns those for which this changes something */
  put(kind: PolicyKind, policy: PolicyRecord): S[] {
    return this.#kinds[kind].put(policy, this.#subjects);
  }

  /** @returns those that had it */
  delete(kind: PolicyKind, name: string): S[] {
    return this.#kinds[kind].delete(name, this.#subjects);
  }
}

class KindAssignment<S extends PolicySubject> {
  readonly policies = new PolicySet();
  readonly #assigned = new Map<S, PolicyRecord>();

  of(subject: S): PolicyRecord | undefined {
    return this.#assigned.get(subject);
  }

  forget(subject: S): void {
    this.#assigned.delete(subject);
  }

  reassign(subjects: readonly S[]): void {
    const assigned = this.policies.assign(subjects);
    for (const subject of subjects) {
      const policy = assigned.get(subject);
      if (policy === undefined) this.#assigned.delete(subject);
      else this.#assigned.set(subject, policy);
    }
  }

  put(policy: PolicyRecord, subjects: ReadonlySet<S>): S[] {
    const before = this.policies.get(policy.name);
    if (isDeepStrictEqual(before, policy)) return [];
    this.policies.put(policy);
    const holders = before === undefined ? [] : this.#holders(before, subjects);
    this.reassign(holders);
    const won = this.policies.matching(policy.name, this.#winnable(policy, subjects));
    for (const subject of won) this.#assigned.set(subject, policy);
    return [...holders, ...won];
  }

  delete(name: string, subjects: ReadonlySet<S>): S[] {
    const before = this.policies.get(name);
    if (before === undefined) return [];
    this.policies.delete(name);
    const holders = this.#holders(before, subjects);
    this.reassign(holders);
    return holders;
  }

  #holders(policy: PolicyRecord, subjects: ReadonlySet<S>): S[] {
    return [...subjects].filter((subject) => this.#assigned.get(subject) === policy);
  }

  /** Those that have none, or one that is asked after it. */
  #winnable(policy: PolicyRecord, subjects: ReadonlySet<S>): S[] {
    return [...subjects].filter((subject) => {
      const current = this.#assigned.get(subject);
      return current === undefined || isAskedBefore(policy, current);
    });
  }
}
