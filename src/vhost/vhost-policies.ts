/** The policies of a vhost, and their effect on its queues and exchanges: what they change, they change at once. */
import type { JsonObject, PolicyRecord } from '../metadata/port.ts';
import { effectiveDefinition } from '../policies/effective-definition.ts';
import { PolicyAssignment } from '../policies/policy-assignment.ts';
import type { PolicyKind } from '../policies/policy-keys.ts';
import type { PolicySubject } from '../policies/policy-set.ts';
import { type DeclaredQueue, settingsWithPolicy } from '../policies/queue-policy.ts';
import type { DelayLine } from '../queues/delay-line.ts';
import type { Queue } from '../queues/queue.ts';
import { alternateExchangeOf, type Exchange } from '../routing/exchange.ts';

/** What applies to a queue or an exchange, for whoever shows it. */
export interface AppliedPolicies {
  readonly policy: PolicyRecord | undefined;
  readonly operatorPolicy: PolicyRecord | undefined;
  /** What the two say together; null without them. */
  readonly definition: JsonObject | null;
}

export const NO_POLICIES: AppliedPolicies = { policy: undefined, operatorPolicy: undefined, definition: null };

type Target = 'queue' | 'exchange';

interface Subject extends PolicySubject {
  /** Acts upon what the policies say together. */
  obey(definition: JsonObject | null): void;
}

export class VhostPolicies {
  readonly #changed: () => void;
  readonly #assignment = new PolicyAssignment<Subject>();
  readonly #subjects = { queue: new Map<string, Subject>(), exchange: new Map<string, Subject>() };

  /** @param changed told when something obeys another policy than before: routes may be other ones */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  addQueue(queue: Queue, declared: DeclaredQueue): void {
    const obey = (definition: JsonObject | null) => queue.applySettings(settingsWithPolicy(declared, definition));
    this.#add('queue', { kind: declared.type, name: queue.name, obey });
  }

  /** An alternate exchange and a rate that were declared come before those by policy. */
  addExchange(exchange: Exchange<Queue>, line: DelayLine | undefined): void {
    const declaredRate = line?.rate.perSecond;
    const declared = alternateExchangeOf(exchange.arguments);
    const obey = (definition: JsonObject | null) => {
      const byPolicy = definition?.['alternate-exchange'];
      exchange.alternateExchange = declared ?? (typeof byPolicy === 'string' ? byPolicy : undefined);
      line?.setRate(declaredRate ?? releaseRateIn(definition));
    };
    this.#add('exchange', { kind: 'exchange', name: exchange.name, obey });
  }

  /** What waits in the default exchange, which is nowhere kept: the policies for it hold from now on. */
  addDefaultLine(line: DelayLine): void {
    const obey = (definition: JsonObject | null) => line.setRate(releaseRateIn(definition));
    this.#add('exchange', { kind: 'exchange', name: '', obey });
  }

  #add(target: Target, subject: Subject): void {
    this.#subjects[target].set(subject.name, subject);
    this.#assignment.add(subject);
    const { definition } = this.#of(subject);
    if (definition !== null) subject.obey(definition);
  }

  remove(target: Target, name: string): void {
    const subject = this.#subjects[target].get(name);
    if (subject === undefined) return;
    this.#subjects[target].delete(name);
    this.#assignment.remove(subject);
  }

  put(kind: PolicyKind, policy: PolicyRecord): void {
    this.#apply(this.#assignment.put(kind, policy));
  }

  delete(kind: PolicyKind, name: string): void {
    this.#apply(this.#assignment.delete(kind, name));
  }

  /** Exchanges first, since queues may drop messages into them. */
  #apply(changed: readonly Subject[]): void {
    if (changed.length === 0) return;
    const isExchange = ({ kind }: Subject) => kind === 'exchange';
    const inOrder = [...changed.filter(isExchange), ...changed.filter((subject) => !isExchange(subject))];
    for (const subject of inOrder) subject.obey(this.#of(subject).definition);
    this.#changed();
  }

  /** What applies to a queue or an exchange; the default one, whose name is '', is nowhere kept and has policies all the same. */
  of(target: Target, name: string): AppliedPolicies {
    const subject = this.#subjects[target].get(name);
    if (subject !== undefined) return this.#of(subject);
    if (target === 'queue') return NO_POLICIES;
    const unkept = { kind: 'exchange', name } as const;
    return combined(this.#assignment.find('policy', unkept), this.#assignment.find('operator-policy', unkept));
  }

  #of(subject: Subject): AppliedPolicies {
    return combined(this.#assignment.of('policy', subject), this.#assignment.of('operator-policy', subject));
  }
}

function releaseRateIn(definition: JsonObject | null): number | undefined {
  const rate = definition?.['release-rate'];
  return typeof rate === 'number' ? rate : undefined;
}

function combined(policy: PolicyRecord | undefined, operatorPolicy: PolicyRecord | undefined): AppliedPolicies {
  return { policy, operatorPolicy, definition: effectiveDefinition(policy, operatorPolicy) };
}
